//! Reads `access.yaml`, key by key.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{AccessFile, Known, Person, Role, Rule, Subject, Target};
use crate::access::times::Window;
use crate::access::when::When;
use crate::approval::{Terms, same_person};
use crate::content::nearest;
use crate::model::{JsonMap, Problem, Severity};
use crate::yaml::{self, Entry, Kind, Node, Position};

const TOP: [&str; 4] = ["people", "roles", "grants", "owners"];
const PERSON: [&str; 4] = ["email", "roles", "accounts", "active"];
const ROLE: [&str; 2] = ["includes", "members"];
const GRANT: [&str; 10] = [
    "name", "to", "except", "run", "in", "at", "when", "approval", "deny", "reason",
];
const AT: [&str; 3] = ["days", "hours", "zone"];
/// Keys of the terms of an approval; what is approved comes with the request.
pub(crate) const APPROVAL: [&str; 8] = [
    "by",
    "count",
    "per_group",
    "delegation",
    "within",
    "remind",
    "escalate",
    "notify",
];

/// People, roles or grants in one file.
const MOST: usize = 20_000;

struct Reader<'a> {
    name: &'a str,
    text: &'a str,
    problems: Vec<Problem>,
}

pub(super) fn read(name: &str, text: &str, known: &Known) -> Result<AccessFile, Vec<Problem>> {
    let document = yaml::parse(text).map_err(|fault| vec![fault.problem(name, Some(text))])?;
    let mut reader = Reader {
        name,
        text,
        problems: Vec::new(),
    };
    let mut file = AccessFile {
        name: name.to_owned(),
        ..AccessFile::default()
    };
    let mut checks = Vec::new();
    for entry in reader.entries(&document.root, &TOP, "people, roles, grants and owners") {
        match entry.key.as_str() {
            "people" => file.people = reader.people(&entry.value),
            "roles" => file.roles = reader.roles(&entry.value),
            "grants" => file.rules = reader.rules(&entry.value, &mut checks),
            "owners" => {
                for (text, at) in reader.texts(&entry.value, "owners") {
                    if let Some(subject) = reader.subject(&text, at) {
                        checks.push((subject.clone(), at));
                        file.owners.push(subject);
                    }
                }
            }
            _ => {}
        }
    }
    reader.check(&file, &document.root, known, checks);
    reader
        .problems
        .sort_by_key(|problem| (problem.line, problem.column));
    if reader.problems.is_empty() {
        Ok(file)
    } else {
        Err(reader.problems)
    }
}

impl Reader<'_> {
    fn error(&mut self, at: Position, message: impl Into<String>, hint: impl Into<String>) {
        self.problems.push(Problem {
            severity: Severity::Error,
            file: self.name.to_owned(),
            line: at.line as usize,
            column: at.column as usize,
            message: message.into(),
            hint: hint.into(),
            text: yaml::line_text(self.text, at.line),
        });
    }

    /// The entries of a map; keys that are not known are errors.
    fn entries<'n>(&mut self, node: &'n Node, known: &[&str], what: &str) -> &'n [Entry] {
        match &node.kind {
            Kind::Map(entries) => {
                for entry in entries
                    .iter()
                    .filter(|entry| !known.contains(&entry.key.as_str()))
                {
                    let hint = match nearest(&entry.key, known.iter().copied()) {
                        Some(name) => format!("did you mean `{name}`?"),
                        None => format!("known keys: {}", known.join(", ")),
                    };
                    self.error(entry.at, format!("unknown key `{}`", entry.key), hint);
                }
                entries
            }
            Kind::Null => &[],
            _ => {
                let message = format!("this should be a map with {what}, not {}", node.describe());
                self.error(node.at, message, format!("known keys: {}", known.join(", ")));
                &[]
            }
        }
    }

    /// The entries of a map whose keys are names.
    fn named<'n>(&mut self, node: &'n Node, what: &str) -> &'n [Entry] {
        match &node.kind {
            Kind::Map(entries) if entries.len() > MOST => {
                self.error(node.at, format!("there are more than {MOST} {what}"), "");
                &[]
            }
            Kind::Map(entries) => {
                for entry in entries {
                    let name = &entry.key;
                    let bad = name.trim() != name || name.is_empty() || name == "*" || name.starts_with('@');
                    if bad || name.contains(':') || name.chars().any(char::is_control) {
                        self.error(
                            entry.at,
                            format!("`{name}` cannot be the name of one of the {what}"),
                            "a name has no colon, no `@`, and no blanks around it",
                        );
                    }
                }
                entries
            }
            Kind::Null => &[],
            _ => {
                let message = format!("{what} should be a map by name, not {}", node.describe());
                self.error(node.at, message, "write `name:` and what belongs to it below");
                &[]
            }
        }
    }

    /// A text, or a list of texts.
    fn texts(&mut self, node: &Node, key: &str) -> Vec<(String, Position)> {
        let mut found = Vec::new();
        let items: &[Node] = match &node.kind {
            Kind::List(items) => items,
            Kind::Null => {
                self.error(
                    node.at,
                    format!("`{key}` is empty"),
                    "write something, or leave it out",
                );
                return found;
            }
            _ => std::slice::from_ref(node),
        };
        for item in items {
            match &item.kind {
                Kind::Text(text) if !text.trim().is_empty() => found.push((text.trim().to_owned(), item.at)),
                Kind::Text(_) => self.error(item.at, format!("a text of `{key}` is empty"), "remove it"),
                _ => {
                    let message = format!("`{key}` should hold texts, not {}", item.describe());
                    self.error(item.at, message, "put it in quotes");
                }
            }
        }
        found
    }

    fn text(&mut self, node: &Node, key: &str) -> Option<String> {
        if let Kind::Text(text) = &node.kind
            && !text.trim().is_empty()
        {
            return Some(text.trim().to_owned());
        }
        let message = format!("`{key}` should be text, not {}", node.describe());
        self.error(node.at, message, "put it in quotes");
        None
    }

    fn people(&mut self, node: &Node) -> BTreeMap<String, Person> {
        let mut people: BTreeMap<String, Person> = BTreeMap::new();
        for entry in self.named(node, "people") {
            if let Some(other) = people.keys().find(|name| same_person(name, &entry.key)) {
                let message = format!(
                    "`{}` and `{other}` are one person: case makes no difference",
                    entry.key
                );
                self.error(entry.at, message, "keep one of them");
            }
            let mut person = Person {
                line: entry.at.line,
                active: true,
                ..Person::default()
            };
            for part in self.entries(&entry.value, &PERSON, "what belongs to a person") {
                match part.key.as_str() {
                    "email" => {
                        for (email, at) in self.texts(&part.value, "email") {
                            if email.contains('@') {
                                person.emails.push(email.to_lowercase());
                            } else {
                                self.error(at, format!("`{email}` is no mail address"), "");
                            }
                        }
                    }
                    "roles" => {
                        person.roles = self
                            .texts(&part.value, "roles")
                            .into_iter()
                            .map(|(role, _)| role)
                            .collect();
                    }
                    "accounts" => {
                        for (account, at) in self.texts(&part.value, "accounts") {
                            if !account.contains(':') {
                                let hint = "write it as the bot's `whoami` shows it: slack:T1:U1";
                                self.error(at, format!("`{account}` is no account"), hint);
                            } else if let Some(owner) = people
                                .iter()
                                .find(|(_, other)| other.accounts.contains(&account))
                                .map(|(name, _)| name.clone())
                            {
                                let message = format!("the account `{account}` belongs to {owner} already");
                                self.error(at, message, "an account belongs to one person");
                            } else {
                                person.accounts.push(account);
                            }
                        }
                    }
                    "active" => match part.value.kind {
                        Kind::Bool(active) => person.active = active,
                        _ => self.error(part.value.at, "`active` should be true or false", ""),
                    },
                    _ => {}
                }
            }
            for email in &person.emails {
                if let Some((owner, _)) = people.iter().find(|(_, other)| other.emails.contains(email)) {
                    let message = format!("the mail address {email} belongs to {owner} already");
                    self.error(entry.at, message, "an address belongs to one person");
                }
            }
            people.insert(entry.key.clone(), person);
        }
        people
    }

    fn roles(&mut self, node: &Node) -> BTreeMap<String, Role> {
        let mut roles = BTreeMap::new();
        for entry in self.named(node, "roles") {
            let mut role = Role {
                line: entry.at.line,
                ..Role::default()
            };
            for part in self.entries(&entry.value, &ROLE, "what belongs to a role") {
                let texts = self
                    .texts(&part.value, &part.key)
                    .into_iter()
                    .map(|(text, _)| text);
                match part.key.as_str() {
                    "includes" => role.includes = texts.collect(),
                    "members" => role.members = texts.collect(),
                    _ => {}
                }
            }
            roles.insert(entry.key.clone(), role);
        }
        roles
    }

    fn rules(&mut self, node: &Node, checks: &mut Vec<(Subject, Position)>) -> Vec<Rule> {
        let items: &[Node] = match &node.kind {
            Kind::List(items) if items.len() <= MOST => items,
            Kind::Null => &[],
            Kind::List(_) => {
                self.error(node.at, format!("there are more than {MOST} grants"), "");
                &[]
            }
            _ => {
                let message = format!("`grants` should be a list, not {}", node.describe());
                self.error(node.at, message, "begin each grant with a dash");
                &[]
            }
        };
        let mut rules = Vec::with_capacity(items.len());
        for item in items {
            rules.extend(self.rule(item, checks));
        }
        rules
    }

    fn rule(&mut self, node: &Node, checks: &mut Vec<(Subject, Position)>) -> Option<Rule> {
        let entries = self.entries(node, &GRANT, "what belongs to a grant");
        let mut rule = Rule {
            name: String::new(),
            line: node.at.line,
            denies: entries.iter().any(|entry| entry.key == "deny"),
            to: Vec::new(),
            except: Vec::new(),
            run: Vec::new(),
            places: Vec::new(),
            times: Vec::new(),
            when: None,
            approval: None,
            reason: None,
            source: None,
        };
        let given = |key: &str| entries.iter().any(|entry| entry.key == key);
        if rule.denies && given("run") {
            self.error(node.at, "a rule has `run` or `deny`, not both", "make two of it");
        }
        if !rule.denies && !given("run") {
            self.error(
                node.at,
                "`run` is missing: what may they run?",
                "add `run: [pack.action, alias:pack.name, pack:name]`",
            );
        }
        if !rule.denies && !given("to") {
            self.error(
                node.at,
                "`to` is missing: who may?",
                "add `to: [role:dev]`, or `to: \"*\"` for everybody",
            );
        }
        if rule.denies && !given("to") {
            rule.to.push(Subject::All);
        }
        for entry in entries {
            match entry.key.as_str() {
                "name" => rule.name = self.text(&entry.value, "name").unwrap_or_default(),
                "to" | "except" => {
                    for (text, at) in self.texts(&entry.value, &entry.key) {
                        let Some(subject) = self.subject(&text, at) else {
                            continue;
                        };
                        checks.push((subject.clone(), at));
                        if entry.key == "to" {
                            rule.to.push(subject);
                        } else {
                            rule.except.push(subject);
                        }
                    }
                }
                "run" | "deny" => {
                    for (text, at) in self.texts(&entry.value, &entry.key) {
                        rule.run.extend(self.target(&text, at));
                    }
                }
                "in" => {
                    rule.places = self
                        .texts(&entry.value, "in")
                        .into_iter()
                        .map(|(text, _)| text)
                        .collect();
                    if rule.places.is_empty() {
                        self.error(entry.at, "`in` names no place", "leave it out for everywhere");
                    }
                }
                "at" => rule.times = self.times(&entry.value),
                "when" => rule.when = self.condition(&entry.value),
                "approval" if rule.denies => {
                    self.error(
                        entry.at,
                        "a denial cannot be approved",
                        "write a grant with `approval` instead",
                    );
                }
                "approval" => rule.approval = self.approval(&entry.value, checks),
                "reason" if !rule.denies => {
                    self.error(
                        entry.at,
                        "only denials have a `reason`",
                        "use `name` to name a grant",
                    );
                }
                "reason" => rule.reason = self.text(&entry.value, "reason"),
                _ => {}
            }
        }
        Some(rule)
    }

    fn subject(&mut self, text: &str, at: Position) -> Option<Subject> {
        Some(match text.split_once(':') {
            None if text == "*" => Subject::All,
            None => Subject::Person(text.trim_start_matches('@').to_owned()),
            Some(("role" | "group", name)) => Subject::Role(name.trim().to_owned()),
            Some(("user", name)) => Subject::Person(name.trim().to_owned()),
            Some((kind, _)) => {
                let hint = "write a person's name, role:NAME, group:NAME or \"*\"; accounts belong to people";
                self.error(at, format!("`{kind}:` names nobody"), hint);
                return None;
            }
        })
    }

    fn target(&mut self, text: &str, at: Position) -> Option<Target> {
        let target = match text.split_once(':') {
            None if text != "*" && !text.contains(['.', '*', '?']) => {
                let hint =
                    format!("write pack:{text} for everything in a pack, or {text}.NAME for one action");
                self.error(at, format!("`{text}` is no action"), hint);
                return None;
            }
            None => Target::Action(text.to_owned()),
            Some(("action", name)) => Target::Action(name.trim().to_owned()),
            Some(("alias", name)) => Target::Alias(name.trim().to_owned()),
            Some(("pack", name)) => Target::Pack(name.trim().to_owned()),
            Some((kind, _)) => {
                let hint = match nearest(kind, ["action", "alias", "pack"]) {
                    Some(name) => format!("did you mean `{name}:`?"),
                    None => "write pack.action, alias:pack.name or pack:name".to_owned(),
                };
                self.error(at, format!("`{kind}:` is not known"), hint);
                return None;
            }
        };
        Some(target)
    }

    fn times(&mut self, node: &Node) -> Vec<Window> {
        let items: &[Node] = match &node.kind {
            Kind::List(items) => items,
            _ => std::slice::from_ref(node),
        };
        let mut windows = Vec::new();
        for item in items {
            let mut parts: BTreeMap<&str, (String, Position)> = BTreeMap::new();
            let entries = self.entries(item, &AT, "days, hours and zone");
            for entry in entries {
                let text = match &entry.value.kind {
                    Kind::List(_) => {
                        let texts = self.texts(&entry.value, &entry.key);
                        Some(
                            texts
                                .into_iter()
                                .map(|(text, _)| text)
                                .collect::<Vec<_>>()
                                .join(","),
                        )
                    }
                    _ => self.text(&entry.value, &entry.key),
                };
                if let Some(text) = text {
                    parts.insert(&entry.key, (text, entry.value.at));
                }
            }
            if entries.is_empty() {
                self.error(
                    item.at,
                    "`at` names no time",
                    "write `at: {days: mon-fri, hours: 09:00-17:00}`",
                );
                continue;
            }
            let part = |name: &str| parts.get(name).map(|(text, _)| text.as_str());
            match Window::new(part("days"), part("hours"), part("zone")) {
                Ok(window) => windows.push(window),
                Err((key, why)) => {
                    let at = parts.get(key).map_or(item.at, |(_, at)| *at);
                    self.error(at, why, "");
                }
            }
        }
        windows
    }

    fn condition(&mut self, node: &Node) -> Option<When> {
        let Kind::Text(text) = &node.kind else {
            let message = format!("`when` should be a condition, not {}", node.describe());
            self.error(node.at, message, "put it in quotes: when: 'env == \"prod\"'");
            return None;
        };
        match When::parse(text) {
            Ok(when) => Some(when),
            Err(error) => {
                let mut at = node.at;
                let quoted = self
                    .text
                    .lines()
                    .nth((at.line as usize).saturating_sub(1))
                    .is_some_and(|line| {
                        let first = line.chars().nth((at.column as usize).saturating_sub(1));
                        matches!(first, Some('"' | '\''))
                    });
                if !text.contains('\n') {
                    at.column += u32::try_from(error.at).unwrap_or(0) + u32::from(quoted);
                }
                self.error(at, format!("`when`: {}", error.message), error.hint);
                None
            }
        }
    }

    fn approval(&mut self, node: &Node, checks: &mut Vec<(Subject, Position)>) -> Option<JsonMap> {
        let entries = self.entries(node, &APPROVAL, "who must agree");
        for entry in entries.iter().filter(|entry| entry.key == "by") {
            let items: &[Node] = match &entry.value.kind {
                Kind::List(items) => items,
                _ => std::slice::from_ref(&entry.value),
            };
            for item in items {
                if let Kind::Text(text) = &item.kind
                    && let Some(subject) = self.subject(text, item.at)
                {
                    checks.push((subject, item.at));
                }
            }
        }
        let Value::Object(terms) = node.to_json() else {
            return None;
        };
        match terms_of(&terms) {
            Ok(()) => Some(terms),
            Err(why) => {
                self.error(
                    node.at,
                    format!("`approval`: {why}"),
                    "write `approval: {by: [role:oncall], count: 1, within: 30m}`",
                );
                None
            }
        }
    }

    /// What can be seen only when everything is read.
    fn check(&mut self, file: &AccessFile, root: &Node, known: &Known, subjects: Vec<(Subject, Position)>) {
        let mut roles: Vec<&str> = vec![super::super::policy::ADMIN];
        roles.extend(file.roles.keys().map(String::as_str));
        roles.extend(known.roles.iter().map(String::as_str));
        let mut people: Vec<&str> = file.people.keys().map(String::as_str).collect();
        people.extend(known.people.iter().map(String::as_str));
        let hint = |name: &str, names: &[&str], otherwise: &str| match nearest(name, names.iter().copied()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => otherwise.to_owned(),
        };
        let document = yaml::Document {
            root: root.clone(),
            remarks: Vec::new(),
        };
        let no_role = "declare it below `roles`";
        for (name, person) in &file.people {
            for (index, role) in person.roles.iter().enumerate() {
                if !roles.contains(&role.as_str()) {
                    let path = format!("/people{}/roles/{index}", yaml::step(name));
                    let at = document.locate(&path);
                    self.error(
                        at,
                        format!("there is no role `{role}`"),
                        hint(role, &roles, no_role),
                    );
                }
            }
        }
        for (name, role) in &file.roles {
            for (index, other) in role.includes.iter().enumerate() {
                let at = document.locate(&format!("/roles{}/includes/{index}", yaml::step(name)));
                if !roles.contains(&other.as_str()) {
                    self.error(
                        at,
                        format!("there is no role `{other}`"),
                        hint(other, &roles, no_role),
                    );
                }
                if file.roles_of("", std::slice::from_ref(other)).contains(name) {
                    self.error(
                        at,
                        format!("`{name}` includes itself by way of `{other}`"),
                        "remove one of the two",
                    );
                }
            }
            for (index, member) in role.members.iter().enumerate() {
                if !people.contains(&member.as_str()) {
                    let at = document.locate(&format!("/roles{}/members/{index}", yaml::step(name)));
                    let hint = hint(member, &people, "add them below `people`");
                    self.error(at, format!("there is no person `{member}`"), hint);
                }
            }
        }
        for (subject, at) in subjects {
            match subject {
                Subject::Role(role) if !roles.contains(&role.as_str()) => {
                    self.error(
                        at,
                        format!("there is no role `{role}`"),
                        hint(&role, &roles, no_role),
                    );
                }
                Subject::Person(name) if !people.contains(&name.as_str()) => {
                    let hint = hint(&name, &people, "add them below `people`");
                    self.error(at, format!("there is no person `{name}`"), hint);
                }
                _ => {}
            }
        }
    }
}

/// Whether these are terms on which an approval can be asked for.
pub(crate) fn terms_of(terms: &JsonMap) -> Result<(), String> {
    if let Some(unknown) = terms.keys().find(|key| !APPROVAL.contains(&key.as_str())) {
        let hint =
            nearest(unknown, APPROVAL).map_or_else(String::new, |near| format!("; did you mean `{near}`?"));
        return Err(format!("`{unknown}` is not known{hint}"));
    }
    let mut all = terms.clone();
    all.insert("title".to_owned(), json!("approval"));
    Terms::read(&all).map(|_| ())
}
