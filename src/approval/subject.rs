//! What exactly is approved: frozen with a fingerprint, and compared with what is there later.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};

use crate::model::{Action, JsonMap};

/// Bytes of the parameters as JSON.
const LARGEST: usize = 256 << 10;
/// Differences that are listed.
const MOST: usize = 50;
/// Characters of a value in a difference.
const LONGEST: usize = 300;
/// How deep differences are looked for.
const DEEPEST: usize = 16;

/// What is to be approved.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Subject {
    /// The action that would run, `pack.name`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub action: Option<String>,
    /// Its parameters, or whatever else is approved.
    pub parameters: JsonMap,
    /// Version of the action's pack.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Digest of the action's metadata and entry point; `None` when there is no such action.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
    /// The action's metadata, to show what changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub definition: Option<Value>,
}

impl Subject {
    /// The parameters, and the action as it is now.
    #[must_use]
    pub fn new(reference: Option<&str>, parameters: JsonMap, action: Option<&Action>) -> Self {
        Self {
            action: reference.map(str::to_owned),
            parameters,
            version: action.map(|action| action.pack_version.clone()),
            digest: action.map(|action| action.digest.clone()),
            definition: action.map(Action::to_api),
        }
    }

    /// Whether parameters are small enough to be looked at, and to be stored with every vote.
    ///
    /// # Errors
    /// One sentence when they are not.
    pub fn check(parameters: &JsonMap) -> Result<(), String> {
        let bytes: usize = parameters
            .iter()
            .map(|(name, value)| name.len() + value.to_string().len())
            .sum();
        if bytes > LARGEST {
            return Err(format!(
                "`parameters` has {bytes} bytes of JSON, more than the {LARGEST} that people can be asked to approve"
            ));
        }
        Ok(())
    }

    /// The same parameters with the action as it is now.
    #[must_use]
    pub fn as_now(&self, action: Option<&Action>) -> Self {
        Self::new(self.action.as_deref(), self.parameters.clone(), action)
    }
}

/// SHA-256 over what is approved, hexadecimal: title, action, parameters and content digest. The order of names in
/// objects makes no difference.
#[must_use]
pub fn fingerprint(title: &str, subject: &Subject) -> String {
    let whole = json!({
        "title": title,
        "action": subject.action,
        "parameters": subject.parameters,
        "digest": subject.digest,
    });
    let mut text = String::new();
    canonical(&whole, &mut text);
    hex::encode(Sha256::digest(text.as_bytes()))
}

fn canonical(value: &Value, out: &mut String) {
    match value {
        Value::Object(map) => {
            let mut names: Vec<&String> = map.keys().collect();
            names.sort_unstable();
            out.push('{');
            for name in names {
                out.push_str(&Value::String(name.clone()).to_string());
                out.push(':');
                canonical(&map[name], out);
                out.push(',');
            }
            out.push('}');
        }
        Value::Array(items) => {
            out.push('[');
            for item in items {
                canonical(item, out);
                out.push(',');
            }
            out.push(']');
        }
        simple => out.push_str(&simple.to_string()),
    }
}

/// Something that is no longer as it was.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Difference {
    /// Where: `parameters.env`, `digest`.
    pub path: String,
    /// What it was, shortened; absent: it was not there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<Value>,
    /// What it is; absent: it is gone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<Value>,
}

/// What differs between two subjects, at most the first fifty.
#[must_use]
pub fn differences(before: &Subject, after: &Subject) -> Vec<Difference> {
    let flat = |subject: &Subject| {
        json!({
            "action": subject.action,
            "parameters": subject.parameters,
            "version": subject.version,
            "digest": subject.digest,
            "definition": subject.definition,
        })
    };
    let mut found = Vec::new();
    compare("", Some(&flat(before)), Some(&flat(after)), 0, &mut found);
    found
}

fn compare(
    path: &str,
    before: Option<&Value>,
    after: Option<&Value>,
    depth: usize,
    out: &mut Vec<Difference>,
) {
    if before == after || out.len() >= MOST {
        return;
    }
    if let (Some(Value::Object(one)), Some(Value::Object(other)), true) = (before, after, depth < DEEPEST) {
        let inner = |name: &str| {
            if path.is_empty() {
                name.to_owned()
            } else {
                format!("{path}.{name}")
            }
        };
        for (name, value) in one {
            compare(&inner(name), Some(value), other.get(name), depth + 1, out);
        }
        for (name, value) in only_in(other, one) {
            compare(&inner(name), None, Some(value), depth + 1, out);
        }
        return;
    }
    let shown = |value: Option<&Value>| value.filter(|value| !value.is_null()).map(clipped);
    out.push(Difference {
        path: path.to_owned(),
        before: shown(before),
        after: shown(after),
    });
}

fn only_in<'a>(
    map: &'a Map<String, Value>,
    other: &'a Map<String, Value>,
) -> impl Iterator<Item = (&'a String, &'a Value)> {
    map.iter().filter(|(name, _)| !other.contains_key(*name))
}

fn clipped(value: &Value) -> Value {
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Object(_) | Value::Array(_) => value.to_string(),
        simple => return simple.clone(),
    };
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &text[..end]).into(),
        None => value.clone(),
    }
}
