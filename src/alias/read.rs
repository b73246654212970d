//! Reads an alias from the value of its file, checked field by field.
//!
//! What is wrong is reported with a JSON pointer, so that the loader can find line and column. A broken
//! format is left out and reported; the rest of the alias works.

use serde_json::{Map, Value};

use super::definition::{
    Ack, Definition, DetailedFormat, FormatEntry, Problem, Representation, ResultMessage, Severity,
};
use super::format::Format;

/// The keys of an alias file, in the order of the documentation. The last is ours.
const KEYS: [&str; 16] = [
    "name",
    "pack",
    "ref",
    "uid",
    "id",
    "description",
    "enabled",
    "action_ref",
    "formats",
    "ack",
    "result",
    "extra",
    "immutable_parameters",
    "metadata_file",
    "tags",
    "approval",
];
const FORMAT_KEYS: [&str; 3] = ["display", "representation", "match_multiple"];
const ACK_KEYS: [&str; 4] = ["enabled", "format", "append_url", "extra"];
const RESULT_KEYS: [&str; 3] = ["enabled", "format", "extra"];

impl Definition {
    /// Reads an alias from the value of its file. `pack` is the pack it was found in.
    ///
    /// `None` when it cannot work at all; every problem is reported either way.
    pub fn from_value(value: &Value, pack: Option<&str>) -> (Option<Definition>, Vec<Problem>) {
        let mut reader = Reader { problems: Vec::new() };
        let definition = reader.alias(value, pack);
        (definition, reader.problems)
    }
}

struct Reader {
    problems: Vec<Problem>,
}

impl Reader {
    fn report(&mut self, severity: Severity, path: &str, message: impl Into<String>, hint: Option<String>) {
        self.problems.push(Problem {
            path: path.to_owned(),
            severity,
            message: message.into(),
            hint,
        });
    }

    fn error(&mut self, path: &str, message: impl Into<String>, hint: Option<String>) {
        self.report(Severity::Error, path, message, hint);
    }

    fn alias(&mut self, value: &Value, pack: Option<&str>) -> Option<Definition> {
        let Some(object) = value.as_object() else {
            self.error("", format!("an alias is an object, not {}", kind(value)), None);
            return None;
        };
        let mut usable = self.known_keys(object, &KEYS, "", Severity::Error);
        let name = self.required_text(object, "name");
        let action_ref = self.required_text(object, "action_ref");
        let own_pack = self.text(object, "pack", "/pack");
        if let (Some(own), Some(outer)) = (own_pack.as_deref(), pack)
            && own != outer
        {
            let hint = format!("remove `pack` or write `pack: {outer}`");
            self.error(
                "/pack",
                format!("the alias says pack `{own}` but lies in pack `{outer}`"),
                Some(hint),
            );
            usable = false;
        }
        let Some(pack) = pack.map(str::to_owned).or(own_pack) else {
            self.error(
                "",
                "`pack` is missing",
                Some("add `pack: <name of the pack>`".into()),
            );
            return None;
        };
        let definition = Definition {
            name: name?,
            pack,
            description: self.text(object, "description", "/description"),
            enabled: self.boolean(object, "enabled", "/enabled", true),
            action_ref: action_ref?,
            formats: self.formats(object.get("formats")),
            ack: self.ack(object.get("ack")),
            result: self.result(object.get("result")),
            extra: self.object(object, "extra", "/extra"),
            immutable_parameters: self.object(object, "immutable_parameters", "/immutable_parameters"),
            // Whether the terms make sense is checked where the rules of approvals are known; without them it would run
            // without anybody's consent, so what is no map counts as terms that cannot be met.
            approval: object
                .get("approval")
                .filter(|terms| !terms.is_null())
                .map(|_| self.object(object, "approval", "/approval")),
            metadata_file: self
                .text(object, "metadata_file", "/metadata_file")
                .unwrap_or_default(),
        };
        usable.then_some(definition)
    }

    /// Reports keys that do not exist. True when there are none.
    fn known_keys(
        &mut self,
        object: &Map<String, Value>,
        known: &[&str],
        path: &str,
        severity: Severity,
    ) -> bool {
        let mut good = true;
        for key in object.keys().filter(|key| !known.contains(&key.as_str())) {
            good = false;
            let nearest = known
                .iter()
                .map(|candidate| (strsim::osa_distance(candidate, &key.to_lowercase()), *candidate))
                .min()
                .filter(|(distance, candidate)| *distance <= candidate.len() / 2)
                .map(|(_, candidate)| format!("did you mean `{candidate}`?"));
            let hint = nearest.unwrap_or_else(|| format!("known keys: {}", known.join(", ")));
            self.report(
                severity,
                &join(path, key),
                format!("unknown key `{key}`"),
                Some(hint),
            );
        }
        good
    }

    fn required_text(&mut self, object: &Map<String, Value>, key: &str) -> Option<String> {
        let path = join("", key);
        match object.get(key) {
            None | Some(Value::Null) => {
                self.error("", format!("`{key}` is missing"), Some(format!("add `{key}: …`")));
                None
            }
            Some(Value::String(text)) if text.trim().is_empty() => {
                self.error(&path, format!("`{key}` is empty"), None);
                None
            }
            Some(_) => self.text(object, key, &path),
        }
    }

    fn text(&mut self, object: &Map<String, Value>, key: &str, path: &str) -> Option<String> {
        match object.get(key) {
            None | Some(Value::Null) => None,
            Some(Value::String(text)) => Some(text.clone()),
            Some(other) => {
                let hint = matches!(other, Value::Number(_) | Value::Bool(_))
                    .then(|| format!("put it in quotes: \"{other}\""));
                self.error(path, format!("`{key}` must be a text, not {}", kind(other)), hint);
                None
            }
        }
    }

    fn boolean(&mut self, object: &Map<String, Value>, key: &str, path: &str, otherwise: bool) -> bool {
        match object.get(key) {
            None | Some(Value::Null) => otherwise,
            Some(Value::Bool(value)) => *value,
            Some(other) => {
                self.error(
                    path,
                    format!("`{key}` must be true or false, not {}", kind(other)),
                    None,
                );
                otherwise
            }
        }
    }

    fn object(&mut self, object: &Map<String, Value>, key: &str, path: &str) -> Map<String, Value> {
        match object.get(key) {
            None | Some(Value::Null) => Map::new(),
            Some(Value::Object(map)) => map.clone(),
            Some(other) => {
                self.error(
                    path,
                    format!("`{key}` must be an object, not {}", kind(other)),
                    None,
                );
                Map::new()
            }
        }
    }

    fn formats(&mut self, value: Option<&Value>) -> Vec<FormatEntry> {
        let hint = || Some("formats: [\"deploy {{app}} to {{env=staging}}\"]".to_owned());
        match value {
            Some(Value::Array(entries)) if !entries.is_empty() => entries
                .iter()
                .enumerate()
                .filter_map(|(index, entry)| self.format(entry, &format!("/formats/{index}")))
                .collect(),
            None | Some(Value::Null | Value::Array(_)) => {
                let message = "the alias has no formats and can never be matched";
                self.report(Severity::Warning, "/formats", message, hint());
                Vec::new()
            }
            Some(other) => {
                self.error(
                    "/formats",
                    format!("`formats` must be a list, not {}", kind(other)),
                    hint(),
                );
                Vec::new()
            }
        }
    }

    fn format(&mut self, value: &Value, path: &str) -> Option<FormatEntry> {
        let object = match value {
            Value::String(text) => {
                return self.pattern(text, path).then(|| FormatEntry::Text(text.clone()));
            }
            Value::Object(object) => object,
            other => {
                let hint = "write the format as a text in quotes; a text with `{{` needs them in YAML";
                let message = format!("a format is a text or an object, not {}", kind(other));
                self.error(path, message, Some(hint.into()));
                return None;
            }
        };
        self.known_keys(object, &FORMAT_KEYS, path, Severity::Warning);
        let representation = match object.get("representation") {
            None | Some(Value::Null) => None,
            Some(Value::String(text)) => self
                .pattern(text, &format!("{path}/representation"))
                .then(|| Representation::One(text.clone())),
            Some(Value::Array(entries)) => {
                let mut good = Vec::new();
                for (index, entry) in entries.iter().enumerate() {
                    let path = format!("{path}/representation/{index}");
                    match entry {
                        Value::String(text) if self.pattern(text, &path) => good.push(text.clone()),
                        Value::String(_) => {}
                        other => {
                            let message = format!("a representation is a text, not {}", kind(other));
                            self.error(&path, message, None);
                        }
                    }
                }
                Some(Representation::Many(good))
            }
            Some(other) => {
                let message = format!("`representation` must be a list of texts, not {}", kind(other));
                self.error(&format!("{path}/representation"), message, None);
                None
            }
        };
        let display = self.text(object, "display", &format!("{path}/display"));
        let wanted = object.get("representation").is_some_and(|value| !value.is_null());
        let empty = match &representation {
            None => true,
            Some(Representation::One(text)) => text.is_empty(),
            Some(Representation::Many(texts)) => texts.is_empty(),
        };
        if empty && display.is_none() {
            if !wanted {
                let hint = Some("add `display` and `representation`".to_owned());
                self.error(
                    path,
                    "the format has neither `display` nor `representation`",
                    hint,
                );
            }
            return None;
        }
        let multiple = object.contains_key("match_multiple");
        let match_multiple = self.boolean(object, "match_multiple", &format!("{path}/match_multiple"), false);
        Some(FormatEntry::Detailed(DetailedFormat {
            display,
            representation,
            match_multiple: multiple.then_some(match_multiple),
        }))
    }

    /// Whether the text is a usable pattern.
    fn pattern(&mut self, text: &str, path: &str) -> bool {
        match Format::new(text).check() {
            Ok(()) => true,
            Err(error) => {
                self.error(path, error.to_string(), error.hint());
                false
            }
        }
    }

    fn ack(&mut self, value: Option<&Value>) -> Option<Ack> {
        let object = self.section(value, "ack", &ACK_KEYS)?;
        Some(Ack {
            enabled: self.boolean(object, "enabled", "/ack/enabled", true),
            format: self.text(object, "format", "/ack/format"),
            append_url: self.boolean(object, "append_url", "/ack/append_url", true),
            extra: self.object(object, "extra", "/ack/extra"),
        })
    }

    fn result(&mut self, value: Option<&Value>) -> Option<ResultMessage> {
        let object = self.section(value, "result", &RESULT_KEYS)?;
        Some(ResultMessage {
            enabled: self.boolean(object, "enabled", "/result/enabled", true),
            format: self.text(object, "format", "/result/format"),
            extra: self.object(object, "extra", "/result/extra"),
        })
    }

    fn section<'v>(
        &mut self,
        value: Option<&'v Value>,
        name: &str,
        keys: &[&str],
    ) -> Option<&'v Map<String, Value>> {
        let path = join("", name);
        match value {
            None | Some(Value::Null) => None,
            Some(Value::Object(object)) => {
                self.known_keys(object, keys, &path, Severity::Warning);
                Some(object)
            }
            Some(other) => {
                self.error(
                    &path,
                    format!("`{name}` must be an object, not {}", kind(other)),
                    None,
                );
                None
            }
        }
    }
}

/// A JSON pointer one level deeper.
fn join(path: &str, key: &str) -> String {
    format!("{path}/{}", key.replace('~', "~0").replace('/', "~1"))
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "nothing",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}
