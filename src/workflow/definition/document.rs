//! What is written: a definition's text with its YAML tree, and where each part stands.

use std::fmt;
use std::sync::Arc;

use crate::yaml::{self, Entry, Fault, Kind, Node, Position};

/// A workflow definition as written: a YAML mapping with a position on everything.
#[derive(Debug, Clone)]
pub struct Document {
    text: Arc<str>,
    tree: yaml::Document,
}

/// Why a text is no workflow definition at all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoadError {
    /// Where; line 0 for the whole text.
    pub at: Position,
    /// What is wrong.
    pub message: String,
    /// What to do; may be empty.
    pub hint: String,
    /// The line's text.
    pub line: String,
}

impl Document {
    /// Reads a definition.
    ///
    /// # Errors
    /// When it is no YAML, has a key twice, breaks a limit of [`crate::yaml`], is empty or is no mapping.
    pub fn parse(text: &str) -> Result<Self, LoadError> {
        let tree = yaml::parse(text).map_err(|fault| LoadError::of_fault(&fault, text))?;
        let root = &tree.root;
        let refuse = |message: &str| {
            Err(LoadError {
                at: root.at,
                message: message.to_owned(),
                hint: "a workflow is a mapping with `version: 1.0` and `tasks`".to_owned(),
                line: yaml::line_text(text, root.at.line),
            })
        };
        match &root.kind {
            Kind::Map(entries) if !entries.is_empty() => Ok(Self {
                text: text.into(),
                tree,
            }),
            Kind::Null | Kind::Map(_) => refuse("The workflow definition is empty."),
            _ => {
                let what = root.describe();
                refuse(&format!(
                    "The workflow definition is {what} instead of a mapping."
                ))
            }
        }
    }

    /// The text.
    #[must_use]
    pub fn text(&self) -> &Arc<str> {
        &self.text
    }

    /// The top of the tree, a mapping.
    #[must_use]
    pub fn root(&self) -> &Node {
        &self.tree.root
    }

    /// Oddities of the YAML: it works, but probably not as meant.
    #[must_use]
    pub fn remarks(&self) -> &[yaml::Remark] {
        &self.tree.remarks
    }

    /// The top-level value of this name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Node> {
        get(self.root(), name)
    }

    /// Where the part at a path such as `tasks.t1.next[0].do` starts: at its value where that stands on the line of
    /// its key, else at the key. For a part that is not there the place of the nearest one around it.
    #[must_use]
    pub fn locate(&self, path: &str) -> Position {
        self.walk(path).1
    }

    /// The part at a path; for one that is not there the nearest one around it.
    #[must_use]
    pub fn part(&self, path: &str) -> &Node {
        self.walk(path).0
    }

    fn walk(&self, path: &str) -> (&Node, Position) {
        let (mut node, mut at, mut rest) = (self.root(), self.root().at, path);
        while !rest.is_empty() {
            match &node.kind {
                Kind::Map(entries) => {
                    let name = rest.strip_prefix('.').unwrap_or(rest);
                    let Some(entry) = longest(entries, name) else {
                        break;
                    };
                    rest = &name[entry.key.len()..];
                    node = &entry.value;
                    at = if node.at.line == entry.at.line {
                        node.at
                    } else {
                        entry.at
                    };
                }
                Kind::List(items) => {
                    let Some((index, after)) = rest.strip_prefix('[').and_then(|inner| inner.split_once(']'))
                    else {
                        break;
                    };
                    let Some(item) = index.parse::<usize>().ok().and_then(|index| items.get(index)) else {
                        break;
                    };
                    (node, at, rest) = (item, item.at, after);
                }
                _ => break,
            }
        }
        (node, at)
    }

    /// The text of the line where a position is.
    #[must_use]
    pub fn line(&self, at: Position) -> String {
        yaml::line_text(&self.text, at.line)
    }
}

/// The entry whose key a path starts with; the longest one where keys have dots.
fn longest<'t>(entries: &'t [Entry], path: &str) -> Option<&'t Entry> {
    entries
        .iter()
        .filter(|entry| {
            path.strip_prefix(entry.key.as_str())
                .is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
        })
        .max_by_key(|entry| entry.key.len())
}

/// The value of a key, when the node is a mapping that has it.
pub(crate) fn get<'t>(node: &'t Node, name: &str) -> Option<&'t Node> {
    entry(node, name).map(|entry| &entry.value)
}

/// The entry of a key, when the node is a mapping that has it.
pub(crate) fn entry<'t>(node: &'t Node, name: &str) -> Option<&'t Entry> {
    entries(node).iter().find(|entry| entry.key == name)
}

/// The entries of a mapping; none of anything else.
pub(crate) fn entries(node: &Node) -> &[Entry] {
    match &node.kind {
        Kind::Map(entries) => entries,
        _ => &[],
    }
}

/// The items of a list; none of anything else.
pub(crate) fn list(node: &Node) -> &[Node] {
    match &node.kind {
        Kind::List(items) => items,
        _ => &[],
    }
}

/// The text of a node.
pub(crate) fn text(node: &Node) -> Option<&str> {
    match &node.kind {
        Kind::Text(text) => Some(text),
        _ => None,
    }
}

/// Whether Python takes the node for false: null, `false`, zero, an empty text, list or mapping.
pub(crate) fn is_falsy(node: &Node) -> bool {
    match &node.kind {
        Kind::Null => true,
        Kind::Bool(flag) => !flag,
        Kind::Number(number) => number.as_f64() == Some(0.0),
        Kind::Text(text) => text.is_empty(),
        Kind::Date(_) => false,
        Kind::List(items) => items.is_empty(),
        Kind::Map(entries) => entries.is_empty(),
    }
}

impl LoadError {
    fn of_fault(fault: &Fault, text: &str) -> Self {
        let problem = fault.problem("", Some(text));
        Self {
            at: fault.at,
            message: problem.message,
            hint: problem.hint,
            line: problem.text,
        }
    }
}

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.at.line > 0 {
            write!(f, "line {} column {}: ", self.at.line, self.at.column)?;
        }
        f.write_str(&self.message)
    }
}

impl std::error::Error for LoadError {}
