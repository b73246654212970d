//! JSON text as Python's `json.dumps` writes it.

use std::fmt::Write as _;

use serde_json::Value;

use super::pyvalue;

/// How to write.
#[derive(Debug, Clone)]
pub struct JsonStyle {
    /// Blanks (or another text) per level; `None` for one line.
    pub indent: Option<String>,
    /// Between items.
    pub item_separator: String,
    /// Between key and value.
    pub key_separator: String,
    /// Whether keys are sorted.
    pub sort_keys: bool,
    /// Whether `<`, `>`, `&` and `'` are written as escapes, safe inside HTML.
    pub html_safe: bool,
}

impl Default for JsonStyle {
    /// `json.dumps(value)`: one line, `", "` and `": "`, keys in their order.
    fn default() -> Self {
        Self {
            indent: None,
            item_separator: ", ".to_owned(),
            key_separator: ": ".to_owned(),
            sort_keys: false,
            html_safe: false,
        }
    }
}

/// `json.dumps(value)`: characters beyond ASCII as escapes.
pub fn dumps(value: &Value, style: &JsonStyle) -> String {
    let mut out = String::new();
    write(&mut out, value, style, 0);
    out
}

fn write(out: &mut String, value: &Value, style: &JsonStyle, level: usize) {
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(flag) => out.push_str(if *flag { "true" } else { "false" }),
        Value::Number(_) => pyvalue::write_repr(out, value),
        Value::String(text) => write_text(out, text, style.html_safe),
        Value::Array(items) if items.is_empty() => out.push_str("[]"),
        Value::Object(map) if map.is_empty() => out.push_str("{}"),
        Value::Array(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                separate(out, style, level + 1, index > 0);
                write(out, item, style, level + 1);
            }
            line(out, style, level);
            out.push(']');
        }
        Value::Object(map) => {
            out.push('{');
            let mut members: Vec<_> = map.iter().collect();
            if style.sort_keys {
                members.sort_by(|a, b| a.0.cmp(b.0));
            }
            for (index, (key, item)) in members.into_iter().enumerate() {
                separate(out, style, level + 1, index > 0);
                write_text(out, key, style.html_safe);
                out.push_str(&style.key_separator);
                write(out, item, style, level + 1);
            }
            line(out, style, level);
            out.push('}');
        }
    }
}

/// Writes what stands before an item.
pub(crate) fn separate(out: &mut String, style: &JsonStyle, level: usize, after_item: bool) {
    if after_item {
        out.push_str(&style.item_separator);
    }
    line(out, style, level);
}

/// Starts a line where the style has lines.
pub(crate) fn line(out: &mut String, style: &JsonStyle, level: usize) {
    if let Some(indent) = &style.indent {
        out.push('\n');
        for _ in 0..level {
            out.push_str(indent);
        }
    }
}

/// Writes a quoted text.
pub(crate) fn write_text(out: &mut String, text: &str, html_safe: bool) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\x08' => out.push_str("\\b"),
            '\x0c' => out.push_str("\\f"),
            '<' | '>' | '&' | '\'' if html_safe => {
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
            ' '..='\x7f' => out.push(c),
            c => {
                for unit in c.encode_utf16(&mut [0; 2]) {
                    let _ = write!(out, "\\u{unit:04x}");
                }
            }
        }
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn texts_are_python_s() {
        let value = json!({"b": [1, 2.0, null], "a": {"é😀\u{1}": "<'>"}, "e": []});
        assert_eq!(
            dumps(&value, &JsonStyle::default()),
            r#"{"b": [1, 2.0, null], "a": {"\u00e9\ud83d\ude00\u0001": "<'>"}, "e": []}"#
        );
        let style = JsonStyle {
            indent: Some("  ".into()),
            item_separator: ",".into(),
            sort_keys: true,
            html_safe: true,
            ..JsonStyle::default()
        };
        assert_eq!(
            dumps(&json!({"b": [1], "a": "<'&>"}), &style),
            "{\n  \"a\": \"\\u003c\\u0027\\u0026\\u003e\",\n  \"b\": [\n    1\n  ]\n}"
        );
    }
}
