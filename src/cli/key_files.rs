//! Files of keys, as `sayso key load` reads them: our own, and those that `st2 key list -j` writes.

use std::path::Path;

use serde_json::{Map, Value};

use super::CliError;
use super::keys::{read_file, read_stdin};
use super::st2_secrets::St2Key;
use crate::yaml;

/// Fields of a key in a file.
const FIELDS: [&str; 8] = [
    "name",
    "value",
    "scope",
    "user",
    "secret",
    "encrypted",
    "ttl",
    "description",
];
/// The keys of a file. Everything that can be wrong is found before the first is set. With the key file of an st2
/// installation, what that has encrypted is opened, and sealed anew when it is set.
pub(super) fn read_keys(
    file: &Path,
    convert: bool,
    st2_key: Option<&Path>,
) -> Result<Vec<Map<String, Value>>, CliError> {
    let st2_key = st2_key.map(St2Key::read).transpose()?;
    let (name, text) = if file == Path::new("-") {
        ("standard input".to_owned(), read_stdin()?)
    } else {
        (file.display().to_string(), read_file(file)?)
    };
    // JSON is YAML, too.
    let document = yaml::parse(&text).map_err(|fault| {
        // No line of the file is shown: it may hold a secret.
        CliError::new(fault.problem(&name, None).to_string())
    })?;
    let items = match document.to_json() {
        Value::Array(items) => items,
        one @ Value::Object(_) => vec![one],
        _ => {
            return Err(CliError::new(format!("{name} holds no list of keys"))
                .hint("write `- name: …` and below it `value: …`"));
        }
    };
    let mut keys = Vec::with_capacity(items.len());
    for (at, item) in items.into_iter().enumerate() {
        let wrong = |why: String| CliError::new(format!("{name}, key {}: {why}", at + 1));
        let Value::Object(mut key) = item else {
            return Err(wrong("it is no map with `name` and `value`".to_owned()));
        };
        if !key.get("name").is_some_and(Value::is_string) {
            return Err(wrong("it has no `name`".to_owned()));
        }
        if let Some(other) = key.keys().find(|field| !FIELDS.contains(&field.as_str())) {
            // Files that `key list -j` wrote hold what the server says of them, too.
            if !["id", "uid", "expire_timestamp"].contains(&other.as_str()) {
                let hint = crate::model::nearest(other, FIELDS)
                    .map_or_else(|| FIELDS.join(", "), |near| format!("did you mean `{near}`?"));
                return Err(wrong(format!("`{other}` is no part of a key")).hint(hint));
            }
        }
        key.retain(|field, _| FIELDS.contains(&field.as_str()));
        match key.get("value") {
            None => return Err(wrong("it has no `value`".to_owned())),
            Some(Value::String(_)) => {}
            Some(value) if convert => {
                let text = value.to_string();
                key.insert("value".to_owned(), text.into());
            }
            Some(_) => {
                return Err(wrong("its value is no text".to_owned())
                    .hint("put it in quotes, or store it as JSON with --convert"));
            }
        }
        if let Some(st2_key) = st2_key
            .as_ref()
            .filter(|_| key.get("encrypted") == Some(&Value::Bool(true)))
        {
            let text = key.get("value").and_then(Value::as_str).unwrap_or_default();
            let plain = st2_key.open(text).ok_or_else(|| {
                wrong("its value was not encrypted with the key of --st2-key, or is not whole".to_owned())
                    .hint(
                        "the key file is that of `encryption_key_path` in the section [keyvalue] of st2.conf",
                    )
            })?;
            key.insert("value".to_owned(), plain.into());
            key.insert("secret".to_owned(), true.into());
            key.remove("encrypted");
        }
        keys.push(key);
    }
    Ok(keys)
}

#[cfg(test)]
mod tests {
    use pretty_assertions::assert_eq;
    use serde_json::json;

    use super::*;

    #[test]
    fn files_of_keys_are_checked_before_the_first_is_set() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("keys");
        let read = |text: &str, convert| {
            std::fs::write(&file, text).unwrap();
            read_keys(&file, convert, None)
                .map(|keys| json!(keys))
                .map_err(|error| error.message)
        };
        let one = json!([{"name": "a", "value": "1"}]);
        for (text, convert, wanted) in [
            ("- {name: a, value: '1'}", false, Ok(one.clone())),
            ("name: a\nvalue: '1'", false, Ok(one.clone())),
            (
                r#"[{"name": "a", "value": "1", "id": "x", "uid": "y"}]"#,
                false,
                Ok(one.clone()),
            ),
            ("- {name: a, value: 1}", true, Ok(one)),
            (
                "- {name: a, value: {b: [1, null]}, secret: true, ttl: 5}",
                true,
                Ok(json!([{"name": "a", "value": "{\"b\":[1,null]}", "secret": true, "ttl": 5}])),
            ),
            ("- {name: a, value: 1}", false, Err("key 1: its value is no text")),
            (
                "- {name: a, value: x}\n- {name: b}",
                false,
                Err("key 2: it has no `value`"),
            ),
            ("- {value: x}", false, Err("key 1: it has no `name`")),
            ("- {name: a, valeu: x}", false, Err("`valeu` is no part of a key")),
            ("just a text", false, Err("holds no list of keys")),
            ("- {name: a, value: 'hunter2", false, Err("keys:")),
        ] {
            match (read(text, convert), wanted) {
                (Ok(found), Ok(wanted)) => assert_eq!(found, wanted, "{text}"),
                (Err(found), Err(wanted)) => {
                    assert!(found.contains(wanted), "{text}: {found}");
                    assert!(!found.contains("hunter2"), "{found}");
                }
                (found, _) => panic!("{text}: {found:?}"),
            }
        }
    }
}
