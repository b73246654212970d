//! Parameters of actions from words of the command line (CLI-2).
//!
//! `name=value` words are typed by the action's parameters. From the first word without `=` on, everything
//! is joined into the parameter `cmd`. `@name=path` takes the value from a file.

use std::path::Path;

use serde_json::{Map, Value, json};

use super::CliError;
use crate::model::JsonMap;

/// How words become parameters.
pub struct Reading<'a> {
    /// Reference of the action; `core.http` takes files in its own way.
    pub action: &'a str,
    /// Parameter name → its schema, runner's and action's merged.
    pub schemas: &'a JsonMap,
    /// Lists of `k:v` texts become one map in a list.
    pub auto_dict: bool,
    /// Reads a file for `@name=path`.
    pub read_file: &'a dyn Fn(&Path) -> std::io::Result<String>,
}

impl Reading<'_> {
    /// The parameters that the words stand for.
    ///
    /// # Errors
    /// When a value is not of its parameter's type or a file cannot be read.
    pub fn parameters(&self, words: &[String]) -> Result<JsonMap, CliError> {
        let mut all = JsonMap::new();
        for (index, word) in words.iter().enumerate() {
            let Some((name, text)) = word.split_once('=') else {
                all.insert("cmd".to_owned(), Value::String(words[index..].join(" ")));
                break;
            };
            if let Some(name) = name.strip_prefix('@') {
                self.file(name, text, &mut all)?;
                continue;
            }
            let value = self.value(name, text)?;
            match (all.get_mut(name), value) {
                // A list may be given in several words.
                (Some(Value::Array(before)), Value::Array(more)) => before.extend(more),
                (_, value) => {
                    all.insert(name.to_owned(), value);
                }
            }
        }
        Ok(all)
    }

    fn file(&self, name: &str, path: &str, all: &mut JsonMap) -> Result<(), CliError> {
        let text = (self.read_file)(Path::new(path)).map_err(|error| {
            CliError::new(format!("cannot read {path} for the parameter `{name}`: {error}"))
                .hint(format!("to give a text that starts with @, write it as {name}=…"))
        })?;
        if self.action == "core.http" {
            let file_name = Path::new(path)
                .file_name()
                .map_or_else(String::new, |name| name.to_string_lossy().into());
            all.insert("file_name".to_owned(), Value::String(file_name));
            all.insert("file_content".to_owned(), Value::String(text));
            all.insert("file_content_type".to_owned(), json!(content_type(path)));
            all.insert("method".to_owned(), json!("POST"));
        } else {
            all.insert(name.to_owned(), Value::String(text));
        }
        Ok(())
    }

    fn value(&self, name: &str, text: &str) -> Result<Value, CliError> {
        let types = self
            .schemas
            .get(name)
            .map_or_else(Vec::new, |schema| match &schema["type"] {
                Value::String(one) => vec![one.as_str()],
                Value::Array(several) => several.iter().filter_map(Value::as_str).collect(),
                _ => Vec::new(),
            });
        // An expression is evaluated by the server and only then has a type.
        if text.contains("{{") && !types.contains(&"object") && !types.contains(&"array") {
            return Ok(Value::String(text.to_owned()));
        }
        let mut refusal = None;
        for kind in &types {
            match self.typed(kind, text) {
                Ok(value) => return Ok(value),
                Err(expected) => refusal = refusal.or(Some(expected)),
            }
        }
        match refusal {
            None => Ok(Value::String(text.to_owned())),
            Some(expected) => {
                let shown = if self.schemas[name]["secret"] == json!(true) {
                    "that"
                } else {
                    text
                };
                Err(CliError::new(format!(
                    "the parameter `{name}` must be {expected}, `{shown}` is not"
                ))
                .hint(format!(
                    "`sayso action get {}` shows the action's parameters",
                    self.action
                )))
            }
        }
    }

    fn typed(&self, kind: &str, text: &str) -> Result<Value, &'static str> {
        let trimmed = text.trim();
        match kind {
            "boolean" => match trimmed.to_ascii_lowercase().as_str() {
                "true" => Ok(json!(true)),
                "false" => Ok(json!(false)),
                "1" => Ok(json!(1)),
                "0" => Ok(json!(0)),
                _ => Err("true or false"),
            },
            "integer" => integer(trimmed).ok_or("a whole number"),
            "number" => trimmed
                .parse::<f64>()
                .ok()
                .filter(|number| number.is_finite())
                .map(|number| json!(number))
                .ok_or("a number"),
            "array" => self.list(trimmed),
            "object" => object(trimmed),
            "null" if trimmed == "null" || trimmed.is_empty() => Ok(Value::Null),
            "null" => Err("null"),
            _ => Ok(Value::String(text.to_owned())),
        }
    }

    fn list(&self, text: &str) -> Result<Value, &'static str> {
        let items = match serde_json::from_str::<Value>(text) {
            Ok(Value::Array(items)) => items,
            Ok(number @ Value::Number(_)) => vec![number],
            Ok(map @ Value::Object(_)) => vec![map],
            _ if text.starts_with('[') => {
                return Err("a list (JSON such as [1, 2], or texts separated by commas)");
            }
            _ if text.is_empty() => Vec::new(),
            _ => text
                .split(',')
                .map(|item| Value::String(item.trim().to_owned()))
                .collect(),
        };
        if !self.auto_dict || items.is_empty() {
            return Ok(Value::Array(items));
        }
        let pairs: Option<Map<String, Value>> = items
            .iter()
            .map(|item| {
                let (key, value) = item.as_str()?.split_once(':')?;
                Some((key.to_owned(), Value::String(value.to_owned())))
            })
            .collect();
        Ok(pairs.map_or(Value::Array(items), |map| Value::Array(vec![Value::Object(map)])))
    }
}

/// A whole number of any size, as text that JSON keeps exactly where it can.
fn integer(text: &str) -> Option<Value> {
    let digits = text.strip_prefix('+').unwrap_or(text);
    digits
        .parse::<i64>()
        .map(Value::from)
        .or_else(|_| digits.parse::<u64>().map(Value::from))
        .ok()
}

fn object(text: &str) -> Result<Value, &'static str> {
    const EXPECTED: &str = "an object (JSON such as {\"a\": 1}, or pairs such as a=1,b=2)";
    if text.starts_with('{') {
        return match serde_json::from_str(text) {
            Ok(value @ Value::Object(_)) => Ok(value),
            // `{{ expression }}` is for the server.
            _ if text.starts_with("{{") => Ok(Value::String(text.to_owned())),
            _ => Err(EXPECTED),
        };
    }
    let pairs: Option<Map<String, Value>> = text
        .split(',')
        .filter(|pair| !pair.trim().is_empty())
        .map(|pair| {
            let (key, value) = pair.split_once('=')?;
            Some((key.trim().to_owned(), Value::String(value.trim().to_owned())))
        })
        .collect();
    pairs.map(Value::Object).ok_or(EXPECTED)
}

/// The media type that goes with a file's ending.
fn content_type(path: &str) -> &'static str {
    match Path::new(path)
        .extension()
        .and_then(std::ffi::OsStr::to_str)
        .unwrap_or_default()
    {
        "json" => "application/json",
        "yaml" | "yml" => "application/yaml",
        "xml" => "application/xml",
        "html" | "htm" => "text/html",
        "csv" => "text/csv",
        "txt" | "log" | "md" => "text/plain",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use pretty_assertions::assert_eq;

    use super::*;

    fn read(action: &str, auto_dict: bool, words: &[&str]) -> Result<JsonMap, CliError> {
        let schemas = json!({
            "cmd": {"type": "string"}, "count": {"type": "integer"}, "ratio": {"type": "number"},
            "hosts": {"type": "array"}, "env": {"type": "object"}, "sudo": {"type": "boolean"},
            "any": {"description": "no type"}, "either": {"type": ["integer", "string"]},
            "pin": {"type": "integer", "secret": true}, "none": {"type": ["integer", "null"]}
        });
        let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        let read_file = |path: &Path| match path.to_str() {
            Some("/tmp/body.json") => Ok("{\"a\": 1}".to_owned()),
            _ => Err(std::io::Error::from(std::io::ErrorKind::NotFound)),
        };
        let schemas = schemas.as_object().unwrap();
        Reading {
            action,
            schemas,
            auto_dict,
            read_file: &read_file,
        }
        .parameters(&words)
    }

    #[test]
    fn words_become_typed_parameters() {
        let rows: &[(&[&str], Value)] = &[
            (&[], json!({})),
            (&["date"], json!({"cmd": "date"})),
            (&["uname", "-a", "x=1"], json!({"cmd": "uname -a x=1"})),
            (&["cmd=ls -l", "sudo=True"], json!({"cmd": "ls -l", "sudo": true})),
            (&["sudo=FALSE"], json!({"sudo": false})),
            (&["sudo=1"], json!({"sudo": 1})),
            (&["count=5", "tail", "-f"], json!({"count": 5, "cmd": "tail -f"})),
            (&["count= -7 "], json!({"count": -7})),
            (
                &["count=18446744073709551615"],
                json!({"count": 18_446_744_073_709_551_615_u64}),
            ),
            (
                &["count={{ st2kv.system.n }}"],
                json!({"count": "{{ st2kv.system.n }}"}),
            ),
            (&["ratio=2"], json!({"ratio": 2.0})),
            (&["ratio=1e3"], json!({"ratio": 1000.0})),
            (&["hosts=a, b ,c"], json!({"hosts": ["a", "b", "c"]})),
            (&["hosts=[1, \"x\"]"], json!({"hosts": [1, "x"]})),
            (&["hosts=4"], json!({"hosts": [4]})),
            (&["hosts=a", "hosts=b,c"], json!({"hosts": ["a", "b", "c"]})),
            (&["hosts="], json!({"hosts": []})),
            (&["hosts={\"a\": 1}"], json!({"hosts": [{"a": 1}]})),
            (&["env={\"A\": 1}"], json!({"env": {"A": 1}})),
            (&["env=A=1,B = two"], json!({"env": {"A": "1", "B": "two"}})),
            (&["env={{ x }}"], json!({"env": "{{ x }}"})),
            (&["any=5"], json!({"any": "5"})),
            (&["unknown=true"], json!({"unknown": "true"})),
            (&["either=5"], json!({"either": 5})),
            (&["either=five"], json!({"either": "five"})),
            (&["none=null"], json!({"none": null})),
            (&["any=a=b=c"], json!({"any": "a=b=c"})),
            (&["cmd="], json!({"cmd": ""})),
            (&["@any=/tmp/body.json"], json!({"any": "{\"a\": 1}"})),
        ];
        for (words, expected) in rows {
            let found =
                read("core.local", false, words).unwrap_or_else(|error| panic!("{words:?}: {error:?}"));
            assert_eq!(Value::Object(found), *expected, "{words:?}");
        }
    }

    #[test]
    fn some_actions_and_flags_read_otherwise() {
        assert_eq!(
            Value::Object(read("core.http", false, &["@body=/tmp/body.json", "any=x"]).unwrap()),
            json!({"file_name": "body.json", "file_content": "{\"a\": 1}", "file_content_type": "application/json",
                   "method": "POST", "any": "x"})
        );
        assert_eq!(
            Value::Object(read("core.local", true, &["hosts=a:1,b:2:3"]).unwrap()),
            json!({"hosts": [{"a": "1", "b": "2:3"}]})
        );
        assert_eq!(
            Value::Object(read("core.local", true, &["hosts=a:1,b"]).unwrap()),
            json!({"hosts": ["a:1", "b"]})
        );
    }

    #[test]
    fn what_does_not_fit_is_told() {
        let rows: &[(&str, &str)] = &[
            (
                "count=many",
                "the parameter `count` must be a whole number, `many` is not",
            ),
            (
                "count=1.5",
                "the parameter `count` must be a whole number, `1.5` is not",
            ),
            (
                "ratio=nan",
                "the parameter `ratio` must be a number, `nan` is not",
            ),
            (
                "sudo=yes",
                "the parameter `sudo` must be true or false, `yes` is not",
            ),
            (
                "hosts=[1,",
                "the parameter `hosts` must be a list (JSON such as [1, 2], or texts separated by commas), `[1,` is not",
            ),
            (
                "env=x",
                "the parameter `env` must be an object (JSON such as {\"a\": 1}, or pairs such as a=1,b=2), `x` is not",
            ),
            (
                "env={x",
                "the parameter `env` must be an object (JSON such as {\"a\": 1}, or pairs such as a=1,b=2), `{x` is not",
            ),
            (
                "pin=geheim",
                "the parameter `pin` must be a whole number, `that` is not",
            ),
        ];
        for (word, message) in rows {
            let error = read("core.local", false, &[word]).unwrap_err();
            assert_eq!(error.message, *message);
            assert_eq!(error.status, 2);
            assert_eq!(
                error.hint,
                "`sayso action get core.local` shows the action's parameters"
            );
        }
        let error = read("core.local", false, &["@cmd=/nowhere"]).unwrap_err();
        assert_eq!(
            error.message,
            "cannot read /nowhere for the parameter `cmd`: entity not found"
        );
    }
}
