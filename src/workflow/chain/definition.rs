//! Action chains as they are written: nodes one after the other, with a way on for success and one for failure.

use serde_json::{Map, Value as Json};

use crate::model::{Problem, Severity};
use crate::workflow::words::{list_of_names, suggestion};
use crate::yaml::{self, Document, Entry, Kind, Node as Tree, Position};

/// Fields of a chain.
const CHAIN_FIELDS: [&str; 3] = ["chain", "default", "vars"];
/// Fields of a node.
const NODE_FIELDS: [&str; 8] = [
    "name",
    "ref",
    "params",
    "parameters",
    "on-success",
    "on-failure",
    "publish",
    "notify",
];

/// An action chain that makes sense.
#[derive(Clone, Debug)]
pub struct Chain {
    /// Its nodes, in order of writing. There is at least one.
    pub nodes: Vec<ChainNode>,
    /// The node that it starts with.
    pub start: usize,
    /// Variables that are rendered once, at the start.
    pub vars: Map<String, Json>,
}

/// A node of a chain.
#[derive(Clone, Debug)]
pub struct ChainNode {
    /// Its name.
    pub name: String,
    /// The action's reference.
    pub action: String,
    /// Its parameters: templates.
    pub parameters: Map<String, Json>,
    /// The node after a success.
    pub on_success: Option<usize>,
    /// The node after a failure; without one the chain has failed.
    pub on_failure: Option<usize>,
    /// Variables to set after a success: templates.
    pub publish: Map<String, Json>,
    /// Whom to tell of it, instead of those whom the chain tells.
    pub notify: Option<Json>,
    /// Where it stands.
    pub at: Position,
}

/// What reading a chain found: the chain when there is no error, and everything that is wrong or odd.
#[derive(Clone, Debug)]
pub struct ChainReport {
    /// The chain, unless a problem is an error.
    pub chain: Option<Chain>,
    /// Errors and warnings, in order of their places.
    pub problems: Vec<Problem>,
}

/// A node while names are not resolved yet.
struct Written<'t> {
    node: ChainNode,
    on_success: Option<(&'t str, Position)>,
    on_failure: Option<(&'t str, Position)>,
}

struct Reader<'t> {
    text: &'t str,
    file: &'t str,
    problems: Vec<Problem>,
}

impl Chain {
    /// Reads a chain. `file` is named in problems.
    #[must_use]
    pub fn read(text: &str, file: &str) -> ChainReport {
        let mut reader = Reader {
            text,
            file,
            problems: Vec::new(),
        };
        let chain = match yaml::parse(text) {
            Ok(document) => reader.chain(&document),
            Err(fault) => {
                reader.problems.push(fault.problem(file, Some(text)));
                None
            }
        };
        let mut problems = reader.problems;
        problems.sort_by_key(|problem| (problem.line, problem.column));
        let is_wrong = problems.iter().any(|problem| problem.severity == Severity::Error);
        ChainReport {
            chain: chain.filter(|_| !is_wrong),
            problems,
        }
    }

    /// The first node of this name.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<usize> {
        self.nodes.iter().position(|node| node.name == name)
    }
}

impl Reader<'_> {
    fn told(
        &mut self,
        severity: Severity,
        at: Position,
        message: impl Into<String>,
        hint: impl Into<String>,
    ) {
        self.problems.push(Problem {
            severity,
            file: self.file.to_owned(),
            line: at.line as usize,
            column: at.column as usize,
            message: message.into(),
            hint: hint.into(),
            text: yaml::line_text(self.text, at.line),
        });
    }

    fn error(&mut self, at: Position, message: impl Into<String>, hint: impl Into<String>) {
        self.told(Severity::Error, at, message, hint);
    }

    fn chain<'d>(&mut self, document: &'d Document) -> Option<Chain> {
        let root = &document.root;
        let Kind::Map(entries) = &root.kind else {
            let message = format!("an action chain is {} instead of a mapping", root.describe());
            self.error(root.at, message, "write `chain:` and below it a list of nodes");
            return None;
        };
        self.known_only(entries, &CHAIN_FIELDS, "an action chain");
        let nodes = entries.iter().find(|entry| entry.key == "chain");
        let Some(nodes) = nodes else {
            self.error(
                root.at,
                "there is no `chain`",
                "write `chain:` and below it a list of nodes",
            );
            return None;
        };
        let Kind::List(items) = &nodes.value.kind else {
            let message = format!("`chain` is {} instead of a list", nodes.value.describe());
            self.error(nodes.at, message, "write `- name: …` and `ref: …` for each node");
            return None;
        };
        if items.is_empty() {
            self.error(
                nodes.at,
                "the chain is empty",
                "write `- name: …` and `ref: …` for each node",
            );
            return None;
        }
        let written: Vec<Written<'d>> = items.iter().filter_map(|item| self.node(item)).collect();
        let names: Vec<String> = written.iter().map(|one| one.node.name.clone()).collect();
        for (index, one) in written.iter().enumerate() {
            if names[..index].contains(&one.node.name) {
                let message = format!("there are several nodes with the name \"{}\"", one.node.name);
                let hint = "only the first one can be reached: give this one another name";
                self.told(Severity::Warning, one.node.at, message, hint);
            }
        }
        let mut resolved = Vec::with_capacity(written.len());
        for one in written {
            let place = |field: &str| format!("\"{field}\" in task \"{}\"", one.node.name);
            let on_success = self.resolve(one.on_success, &place("on-success"), &names);
            let on_failure = self.resolve(one.on_failure, &place("on-failure"), &names);
            resolved.push(ChainNode {
                on_success,
                on_failure,
                ..one.node
            });
        }
        let vars = entries.iter().find(|entry| entry.key == "vars");
        let vars = vars.map_or_else(Map::new, |vars| self.mapping(vars));
        let default = entries.iter().find(|entry| entry.key == "default");
        let start = match default {
            Some(entry) => match &entry.value.kind {
                Kind::Null => None,
                Kind::Text(name) if name.is_empty() => None,
                Kind::Text(name) => {
                    Some(self.resolve(Some((name, entry.value.at)), "\"default\"", &names)?)
                }
                _ => {
                    let message = format!("`default` is {} instead of a node's name", entry.value.describe());
                    self.error(entry.at, message, "");
                    None
                }
            },
            None => None,
        };
        let start = start.unwrap_or_else(|| first(&resolved));
        if resolved.is_empty() {
            return None;
        }
        self.unreachable(&resolved, start);
        Some(Chain {
            nodes: resolved,
            start,
            vars,
        })
    }

    fn node<'d>(&mut self, item: &'d Tree) -> Option<Written<'d>> {
        let Kind::Map(entries) = &item.kind else {
            let message = format!("a node is {} instead of a mapping", item.describe());
            self.error(item.at, message, "write `name: …` and `ref: …`");
            return None;
        };
        self.known_only(entries, &NODE_FIELDS, "a node");
        let field = |name: &str| {
            entries
                .iter()
                .find(|entry| entry.key == name && entry.value.kind != Kind::Null)
        };
        let (name, action) = (self.text(field("name")), self.text(field("ref")));
        for (field, value) in [("name", name), ("ref", action)] {
            if value.is_none_or(|(text, _)| text.is_empty()) {
                self.error(
                    item.at,
                    format!("a node has no `{field}`"),
                    "every node needs `name` and `ref`",
                );
            }
        }
        let parameters = match (field("params"), field("parameters")) {
            (Some(_), Some(entry)) => {
                let message = "a node has both `params` and `parameters`";
                self.error(entry.at, message, "`params` is the old name: keep `parameters`");
                Map::new()
            }
            (one, other) => one.or(other).map_or_else(Map::new, |entry| self.mapping(entry)),
        };
        let publish = field("publish").map_or_else(Map::new, |entry| self.mapping(entry));
        let (on_success, on_failure) = (self.text(field("on-success")), self.text(field("on-failure")));
        Some(Written {
            node: ChainNode {
                name: name?.0.to_owned(),
                action: action?.0.to_owned(),
                parameters,
                on_success: None,
                on_failure: None,
                publish,
                notify: field("notify").map(|entry| entry.value.to_json()),
                at: item.at,
            },
            on_success: on_success.filter(|(name, _)| !name.is_empty()),
            on_failure: on_failure.filter(|(name, _)| !name.is_empty()),
        })
    }

    fn text<'d>(&mut self, entry: Option<&'d Entry>) -> Option<(&'d str, Position)> {
        let entry = entry?;
        if let Kind::Text(text) = &entry.value.kind {
            return Some((text, entry.value.at));
        }
        let message = format!("`{}` is {} instead of a text", entry.key, entry.value.describe());
        self.error(entry.at, message, "put it in quotes");
        None
    }

    fn mapping(&mut self, entry: &Entry) -> Map<String, Json> {
        match entry.value.to_json() {
            Json::Object(map) => map,
            Json::Null => Map::new(),
            _ => {
                let message = format!(
                    "`{}` is {} instead of a mapping",
                    entry.key,
                    entry.value.describe()
                );
                self.error(entry.at, message, "write `name: value`, one a line");
                Map::new()
            }
        }
    }

    fn known_only(&mut self, entries: &[Entry], known: &[&str], what: &str) {
        for entry in entries
            .iter()
            .filter(|entry| !known.contains(&entry.key.as_str()))
        {
            let hint = match suggestion(&entry.key, known.iter().copied()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("{what} has {}", list_of_names(known.iter().copied())),
            };
            self.error(entry.at, format!("{what} has no field `{}`", entry.key), hint);
        }
    }

    /// The number of a node that is referred to.
    fn resolve(&mut self, wanted: Option<(&str, Position)>, place: &str, names: &[String]) -> Option<usize> {
        let (name, at) = wanted?;
        let found = names.iter().position(|known| known == name);
        if found.is_none() {
            let known = names.iter().map(String::as_str);
            let hint = match suggestion(name, known.clone()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("nodes are {}", list_of_names(known)),
            };
            let message = format!("Unable to find node with name \"{name}\" referenced in {place}.");
            self.error(at, message, hint);
        }
        found
    }

    fn unreachable(&mut self, nodes: &[ChainNode], start: usize) {
        let mut seen = vec![false; nodes.len()];
        let mut open = vec![start];
        while let Some(node) = open.pop() {
            if !std::mem::replace(&mut seen[node], true) {
                open.extend(nodes[node].on_success.into_iter().chain(nodes[node].on_failure));
            }
        }
        let unreached: Vec<(Position, String)> = nodes
            .iter()
            .zip(seen)
            .filter(|(_, seen)| !seen)
            .map(|(node, _)| (node.at, node.name.clone()))
            .collect();
        for (at, name) in unreached {
            let message = format!("the node \"{name}\" is never reached");
            let hint = "name it in `on-success` or `on-failure` of a node that is";
            self.told(Severity::Warning, at, message, hint);
        }
    }
}

/// Where a chain starts that does not say so: at the first node that none refers to, else at the first one.
fn first(nodes: &[ChainNode]) -> usize {
    (0..nodes.len())
        .find(|index| {
            !nodes
                .iter()
                .any(|node| node.on_success == Some(*index) || node.on_failure == Some(*index))
        })
        .unwrap_or_default()
}
