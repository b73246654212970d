//! Reads a rule from the value of its file, checked field by field.

use std::sync::Arc;

use serde_json::Value as Json;

use super::criterion::{CONDITIONS, Criterion, Pattern};
use super::definition::{ActionUse, Rule, RuleKind, TriggerUse};
use super::operator::Operator;
use super::path::{FactPath, Prefix};
use super::throttle::{Dedup, Throttle};
use crate::expr::jinja::Jinja;
use crate::model::{Finding, JsonMap, nearest};
use crate::triggers::webhook::Auth;
use crate::yaml::reader::Reader;
use crate::yaml::step;

/// Pack of rules that name none.
const DEFAULT_PACK: &str = "default";
/// Most criteria of a rule, those of searches included.
const MAX_CRITERIA: usize = 200;
/// How deep searches may nest.
const MAX_SEARCHES: usize = 5;

/// The keys of a rule file. The last four are ours.
const KEYS: [&str; 18] = [
    "name",
    "pack",
    "ref",
    "uid",
    "id",
    "description",
    "enabled",
    "type",
    "trigger",
    "criteria",
    "action",
    "context",
    "tags",
    "metadata",
    "throttle",
    "dedup",
    "run_as",
    "webhook",
];
/// Written by the reference into what it exports; read and not used.
const EXPORTED: [&str; 1] = ["metadata_file"];

impl Rule {
    /// Reads a rule from the value of its file (or of a request). `pack` is the pack it was found in. `jinja` checks
    /// the templates.
    ///
    /// `None` when it cannot work; every finding is reported either way.
    pub fn from_value(value: &Json, pack: Option<&str>, jinja: &Jinja) -> (Option<Rule>, Vec<Finding>) {
        let mut reading = Reading {
            reader: Reader::new(),
            jinja,
            criteria: 0,
        };
        let rule = reading.rule(value, pack);
        let broken = reading.reader.is_broken();
        (rule.filter(|_| !broken), reading.reader.findings)
    }
}

struct Reading<'j> {
    reader: Reader,
    jinja: &'j Jinja,
    criteria: usize,
}

impl Reading<'_> {
    fn rule(&mut self, value: &Json, pack: Option<&str>) -> Option<Rule> {
        let map = self.reader.object(value, "", "a rule", "start with `name: …`")?;
        let known: Vec<&str> = KEYS.iter().chain(&EXPORTED).copied().collect();
        self.reader.known_keys(map, "", &known);
        let name = self.reader.required_text(map, "", "name");
        if name.contains(char::is_whitespace) || name.contains('/') {
            let hint = format!("write `{}`", name.replace([' ', '/'], "_"));
            self.reader
                .error("/name", "a name has no blanks or slashes", hint);
        }
        let own = self.reader.text(map, "", "pack");
        if let (Some(own), Some(outer)) = (own.as_deref(), pack)
            && own != outer
        {
            let message = format!("the rule says pack `{own}`, but lies in pack `{outer}`");
            self.reader.error(
                "/pack",
                message,
                format!("remove `pack` or write `pack: {outer}`"),
            );
        }
        let pack = own.or_else(|| pack.map(str::to_owned));
        let pack = pack.unwrap_or_else(|| DEFAULT_PACK.to_owned());
        let enabled = self.reader.flag(map, "", "enabled");
        if enabled.is_none() && !map.contains_key("enabled") {
            let message = "the rule does not say `enabled`, and then it is off";
            self.reader
                .warning("", message, "add `enabled: true`, or `enabled: false` to say so");
        }
        let trigger = self.trigger(map);
        let criteria = self.criteria(map.get("criteria"), "/criteria", Prefix::Trigger, 0);
        let action = self.action(map);
        let webhook = self.webhook(map, &trigger);
        Some(Rule {
            reference: format!("{pack}.{name}"),
            name,
            pack,
            description: self.reader.text(map, "", "description").unwrap_or_default(),
            enabled: enabled.unwrap_or(false),
            kind: self.kind(map),
            trigger,
            criteria,
            action,
            context: self.reader.map(map, "", "context"),
            tags: self.tags(map),
            metadata: self.reader.map(map, "", "metadata"),
            metadata_file: String::new(),
            throttle: self.ours(map, "throttle", Throttle::read),
            dedup: self.ours(map, "dedup", Dedup::read),
            run_as: self.run_as(map),
            webhook,
            source: Arc::new(value.clone()),
        })
    }

    fn ours<T>(
        &mut self,
        map: &JsonMap,
        key: &str,
        read: impl Fn(&Json, &Jinja) -> Result<T, (String, String)>,
    ) -> Option<T> {
        let value = map.get(key).filter(|value| !value.is_null())?;
        match read(value, self.jinja) {
            Ok(read) => Some(read),
            Err((why, hint)) => {
                self.reader.error(&step(key), format!("`{key}`: {why}"), hint);
                None
            }
        }
    }

    fn run_as(&mut self, map: &JsonMap) -> Option<String> {
        let user = self.reader.text(map, "", "run_as")?;
        if user.trim().is_empty() || user.contains(char::is_whitespace) {
            let hint = "write `run_as: ana`, or remove it to run as the system user";
            self.reader
                .error("/run_as", "`run_as` is the name of one user", hint);
            return None;
        }
        Some(user)
    }

    fn webhook(&mut self, map: &JsonMap, trigger: &TriggerUse) -> Option<Auth> {
        let value = map.get("webhook").filter(|value| !value.is_null())?;
        if trigger.type_ref != crate::triggers::WEBHOOK {
            let message = format!("`webhook` is for rules on {}", crate::triggers::WEBHOOK);
            self.reader.error("/webhook", message, "remove it");
            return None;
        }
        Auth::read(value, "/webhook", &mut self.reader)
    }

    fn kind(&mut self, map: &JsonMap) -> RuleKind {
        const KINDS: [&str; 2] = ["standard", "backstop"];
        let (name, path) = match map.get("type") {
            None | Some(Json::Null) => return RuleKind::Standard,
            Some(Json::String(name)) => (name.as_str(), "/type"),
            Some(Json::Object(kind)) => {
                self.reader.known_keys(kind, "/type", &["ref", "parameters"]);
                match kind.get("ref") {
                    Some(Json::String(name)) => (name.as_str(), "/type/ref"),
                    _ => ("", "/type"),
                }
            }
            Some(_) => ("", "/type"),
        };
        match name {
            "standard" => RuleKind::Standard,
            "backstop" => RuleKind::Backstop,
            other => {
                let message = if other.is_empty() {
                    "`type` does not say which kind of rule this is".to_owned()
                } else {
                    format!("there is no kind of rule `{other}`")
                };
                let hint = match nearest(other, KINDS) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => "write `type: {ref: standard}` or `type: {ref: backstop}`".to_owned(),
                };
                self.reader.error(path, message, hint);
                RuleKind::Standard
            }
        }
    }

    fn trigger(&mut self, map: &JsonMap) -> TriggerUse {
        let hint = "write `trigger:` and below it `type: pack.name`";
        let mut trigger = TriggerUse {
            type_ref: String::new(),
            parameters: JsonMap::new(),
        };
        let Some(value) = map.get("trigger") else {
            self.reader.error("", "`trigger` is missing", hint);
            return trigger;
        };
        if let Json::String(name) = value {
            let message = "`trigger` is a map, not text";
            self.reader
                .error("/trigger", message, format!("write `trigger: {{type: {name}}}`"));
            return trigger;
        }
        let Some(given) = self.reader.object(value, "/trigger", "a trigger", hint) else {
            return trigger;
        };
        // The rest is what the reference's API shows of a trigger.
        let known = ["type", "parameters", "ref", "description"];
        self.reader.known_keys(given, "/trigger", &known);
        trigger.type_ref = self.reader.required_text(given, "/trigger", "type");
        if !trigger.type_ref.is_empty() && !is_ref(&trigger.type_ref) {
            let message = format!("`{}` is no trigger", trigger.type_ref);
            self.reader
                .error("/trigger/type", message, "write it as `pack.name`");
        }
        trigger.parameters = self.reader.map(given, "/trigger", "parameters");
        trigger
    }

    fn action(&mut self, map: &JsonMap) -> ActionUse {
        let hint = "write `action:` and below it `ref: pack.name`";
        let mut action = ActionUse {
            reference: String::new(),
            parameters: JsonMap::new(),
        };
        let Some(value) = map.get("action") else {
            self.reader.error("", "`action` is missing", hint);
            return action;
        };
        let Some(given) = self.reader.object(value, "/action", "an action", hint) else {
            return action;
        };
        let known = ["ref", "parameters", "description"];
        self.reader.known_keys(given, "/action", &known);
        action.reference = self.reader.required_text(given, "/action", "ref");
        if !action.reference.is_empty() && !is_ref(&action.reference) {
            let message = format!("`{}` is no action", action.reference);
            self.reader
                .error("/action/ref", message, "write it as `pack.name`");
        }
        action.parameters = self.reader.map(given, "/action", "parameters");
        for (name, value) in &action.parameters {
            let at = format!("/action/parameters{}", step(name));
            self.templates(value, &at);
        }
        action
    }

    /// Warns about templates that cannot be read: the reference leaves them as they are.
    fn templates(&mut self, value: &Json, at: &str) {
        match value {
            Json::String(text) if crate::expr::jinja::is_template(text) => {
                if let Err(error) = self.jinja.check(text) {
                    let message = format!("this is no template, so it stays as it is: {}", error.message);
                    let hint = error.hint.unwrap_or_default();
                    self.reader.warning(at, message, hint);
                }
            }
            Json::Array(items) => {
                for (index, item) in items.iter().enumerate() {
                    self.templates(item, &format!("{at}/{index}"));
                }
            }
            Json::Object(map) => {
                for (key, item) in map {
                    self.templates(item, &format!("{at}{}", step(key)));
                }
            }
            _ => {}
        }
    }

    fn tags(&mut self, map: &JsonMap) -> Vec<Json> {
        let tags = self.reader.list(map, "", "tags").to_vec();
        for (index, tag) in tags.iter().enumerate() {
            let fits = tag.is_string() || tag.get("name").is_some_and(Json::is_string);
            if !fits {
                let at = format!("/tags/{index}");
                self.reader
                    .error(&at, "a tag has a name", "write `- name: …` and `value: …`");
            }
        }
        tags
    }

    fn criteria(&mut self, value: Option<&Json>, at: &str, prefix: Prefix, depth: usize) -> Vec<Criterion> {
        let Some(value) = value.filter(|value| !value.is_null()) else {
            return Vec::new();
        };
        let hint = "write `trigger.body.state: {type: equals, pattern: down}` below it";
        let Some(map) = self.reader.object(value, at, "`criteria`", hint) else {
            return Vec::new();
        };
        let mut criteria = Vec::with_capacity(map.len());
        for (key, value) in map {
            self.criteria += 1;
            if self.criteria > MAX_CRITERIA {
                self.reader
                    .error(at, format!("a rule has at most {MAX_CRITERIA} criteria"), "");
                break;
            }
            let at = format!("{at}{}", step(key));
            criteria.extend(self.criterion(key, value, &at, prefix, depth));
        }
        criteria
    }

    fn criterion(
        &mut self,
        key: &str,
        value: &Json,
        at: &str,
        prefix: Prefix,
        depth: usize,
    ) -> Option<Criterion> {
        let path = match FactPath::new(key, prefix) {
            Ok(path) => Some(path),
            Err(why) => {
                let hint = format!("write `{}.name`, or `{0}[\"odd-name\"]`", prefix.word());
                self.reader
                    .error(at, format!("the key cannot be read: {why}"), hint);
                None
            }
        };
        if path.as_ref().is_some_and(FactPath::is_nowhere) {
            let message = format!("`{key}` finds nothing: keys begin with `{}.`", prefix.word());
            let hint = format!("write `{}.{key}`", prefix.word());
            self.reader.warning(at, message, hint);
        }
        let hint = "write `type: equals` and `pattern: …` below it";
        let map = self.reader.object(value, at, "a criterion", hint)?;
        self.reader.known_keys(map, at, &["type", "pattern", "condition"]);
        let name = self.reader.required_text(map, at, "type");
        if name.is_empty() {
            return None;
        }
        let at_type = format!("{at}/type");
        let Some(operator) = Operator::named(&name) else {
            let hint = match Operator::nearest(&name) {
                Some(near) => format!("did you mean `{near}`?"),
                None => {
                    "equals, contains, regex, greaterthan, exists and others: see docs/rules.md".to_owned()
                }
            };
            self.reader
                .error(&at_type, format!("there is no operator `{name}`"), hint);
            return None;
        };
        if operator != Operator::Search && map.contains_key("condition") {
            let at = format!("{at}/condition");
            self.reader
                .error(&at, "only `search` has a condition", "remove it");
        }
        let Some(pattern) = map.get("pattern") else {
            let hint = "add `pattern: …`";
            if operator.needs_no_pattern() {
                let message = format!("StackStorm takes `{name}` only with a pattern, whatever it says");
                self.reader
                    .warning(at, message, "add `pattern: \"\"` for packs that run there, too");
                return Some(Criterion {
                    key: key.to_owned(),
                    path: path?,
                    operator,
                    pattern: Pattern::new(operator, &Json::Null).ok()?,
                });
            }
            self.reader.error(at, "`pattern` is missing", hint);
            return None;
        };
        let at_pattern = format!("{at}/pattern");
        let pattern = if operator == Operator::Search {
            if name != "search" {
                let message = "StackStorm knows `search` in lower case only";
                self.reader.warning(&at_type, message, "write `type: search`");
            }
            self.search(map, pattern, at, depth)?
        } else {
            if pattern.is_null() && !operator.takes_null() {
                let message = format!("`{name}` never matches without a pattern");
                self.reader.warning(
                    &at_pattern,
                    message,
                    "write a pattern, or use `exists` or `nexists`",
                );
            }
            self.pattern(operator, pattern, &at_pattern)?
        };
        Some(Criterion {
            key: key.to_owned(),
            path: path?,
            operator,
            pattern,
        })
    }

    fn pattern(&mut self, operator: Operator, value: &Json, at: &str) -> Option<Pattern> {
        match Pattern::new(operator, value) {
            Ok(pattern) => {
                if let Pattern::Template { source, .. } = &pattern
                    && let Err(error) = self.jinja.check(source)
                {
                    let hint = error.hint.unwrap_or_default();
                    let message = format!("the template cannot be read: {}", error.message);
                    self.reader.error(at, message, hint);
                }
                Some(pattern)
            }
            Err(why) => {
                self.reader.error(at, why, "");
                None
            }
        }
    }

    fn search(&mut self, map: &JsonMap, pattern: &Json, at: &str, depth: usize) -> Option<Pattern> {
        if depth >= MAX_SEARCHES {
            self.reader
                .error(at, format!("searches nest at most {MAX_SEARCHES} deep"), "");
            return None;
        }
        let names: Vec<&str> = CONDITIONS.iter().map(|(name, _)| *name).collect();
        let hint = format!("write one of {}", names.join(", "));
        let condition = match map.get("condition") {
            Some(Json::String(name)) => match CONDITIONS.iter().find(|(known, _)| known == name) {
                Some((_, condition)) => Some(*condition),
                None => {
                    let hint = nearest(name, names.iter().copied())
                        .map_or(hint, |near| format!("did you mean `{near}`?"));
                    let at = format!("{at}/condition");
                    self.reader
                        .error(&at, format!("`search` has no condition `{name}`"), hint);
                    None
                }
            },
            _ => {
                self.reader.error(at, "`search` needs a `condition`", hint);
                None
            }
        };
        let at = format!("{at}/pattern");
        let children = self.criteria(Some(pattern), &at, Prefix::Item, depth + 1);
        condition.map(|condition| Pattern::Search(condition, children))
    }
}

/// Whether a text looks like `pack.name`.
fn is_ref(text: &str) -> bool {
    text.split_once('.')
        .is_some_and(|(pack, name)| !pack.is_empty() && !name.is_empty())
        && !text.contains(char::is_whitespace)
}
