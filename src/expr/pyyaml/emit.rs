//! Writing JSON values as YAML, laid out as `PyYAML`'s `safe_dump` lays them out.

use serde_json::Value;

use super::{Implicit, implicit};
use crate::expr::pyvalue;

/// How to write.
#[derive(Debug, Clone, Copy)]
pub struct DumpOptions {
    /// Blanks per level, 2 to 9; anything else is 2.
    pub indent: usize,
    /// Whether characters beyond ASCII are written as they are.
    pub allow_unicode: bool,
    /// `[1, 2]` and `{a: 1}` instead of one item a line.
    pub flow: bool,
    /// Whether keys are sorted.
    pub sort_keys: bool,
}

impl Default for DumpOptions {
    fn default() -> Self {
        Self {
            indent: 2,
            allow_unicode: true,
            flow: false,
            sort_keys: true,
        }
    }
}

/// Text lines are folded beyond this column.
const WIDTH: usize = 80;
/// Longer keys need a `? ` in front.
const MAX_SIMPLE_KEY: usize = 128;

/// Writes a value as one YAML document.
pub fn dump(value: &Value, options: DumpOptions) -> String {
    let step = if (2..10).contains(&options.indent) {
        options.indent
    } else {
        2
    };
    let mut emitter = Emitter {
        out: String::new(),
        options,
        step,
        column: 0,
        indent: None,
        whitespace: true,
        indention: true,
        open_ended: false,
    };
    emitter.node(value, Position::Root, false);
    emitter.write_indent();
    if emitter.open_ended {
        emitter.indicator("...", true, false);
        emitter.write_indent();
    }
    emitter.out
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Position {
    Root,
    Item,
    Member,
    Key,
}

struct Emitter {
    out: String,
    options: DumpOptions,
    step: usize,
    column: usize,
    indent: Option<usize>,
    whitespace: bool,
    indention: bool,
    open_ended: bool,
}

#[derive(Default)]
struct Analysis {
    multiline: bool,
    flow_plain: bool,
    block_plain: bool,
    single_quoted: bool,
}

impl Emitter {
    fn write(&mut self, text: &str) {
        self.out.push_str(text);
        self.column += text.chars().count();
    }

    fn line_break(&mut self) {
        self.whitespace = true;
        self.indention = true;
        self.out.push('\n');
        self.column = 0;
    }

    fn write_indent(&mut self) {
        let indent = self.indent.unwrap_or(0);
        if !self.indention || self.column > indent || (self.column == indent && !self.whitespace) {
            self.line_break();
        }
        if self.column < indent {
            self.whitespace = true;
            let pad = " ".repeat(indent - self.column);
            self.write(&pad);
        }
    }

    fn indicator(&mut self, text: &str, needs_space: bool, indention: bool) {
        if needs_space && !self.whitespace {
            self.write(" ");
        }
        self.whitespace = false;
        self.indention = self.indention && indention;
        self.open_ended = false;
        self.write(text);
    }

    fn nested(&mut self, flow: bool, indentless: bool, body: impl FnOnce(&mut Self)) {
        let before = self.indent;
        self.indent = match before {
            None => Some(if flow { self.step } else { 0 }),
            Some(indent) => Some(if indentless { indent } else { indent + self.step }),
        };
        body(self);
        self.indent = before;
    }

    fn node(&mut self, value: &Value, position: Position, in_flow: bool) {
        match value {
            Value::Array(items) if in_flow || self.options.flow || items.is_empty() => self.flow_list(items),
            Value::Object(map) if in_flow || self.options.flow || map.is_empty() => self.flow_map(map),
            Value::Array(items) => {
                let indentless = position == Position::Member && !self.indention;
                self.nested(false, indentless, |emitter| {
                    for item in items {
                        emitter.write_indent();
                        emitter.indicator("-", true, true);
                        emitter.node(item, Position::Item, false);
                    }
                });
            }
            Value::Object(map) => self.nested(false, false, |emitter| {
                for (key, item) in emitter.members(map) {
                    emitter.write_indent();
                    if simple_key(key) {
                        emitter.text(key, Position::Key, false);
                        emitter.indicator(":", false, false);
                    } else {
                        emitter.indicator("?", true, true);
                        emitter.text(key, Position::Member, false);
                        emitter.write_indent();
                        emitter.indicator(":", true, true);
                    }
                    emitter.node(item, Position::Member, false);
                }
            }),
            Value::String(text) => self.text(text, position, in_flow),
            Value::Null => self.plain("null", position),
            Value::Bool(flag) => self.plain(if *flag { "true" } else { "false" }, position),
            Value::Number(number) => {
                let mut text = pyvalue::str(value);
                if number.is_f64() && !text.contains('.') {
                    text = text.replacen('e', ".0e", 1);
                }
                self.plain(&text, position);
            }
        }
    }

    fn members<'m>(&self, map: &'m serde_json::Map<String, Value>) -> Vec<(&'m String, &'m Value)> {
        let mut members: Vec<_> = map.iter().collect();
        if self.options.sort_keys {
            members.sort_by(|a, b| a.0.cmp(b.0));
        }
        members
    }

    fn flow_list(&mut self, items: &[Value]) {
        self.indicator("[", true, false);
        self.whitespace = true;
        self.nested(true, false, |emitter| {
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    emitter.indicator(",", false, false);
                }
                if emitter.column > WIDTH {
                    emitter.write_indent();
                }
                emitter.node(item, Position::Item, true);
            }
        });
        self.indicator("]", false, false);
    }

    fn flow_map(&mut self, map: &serde_json::Map<String, Value>) {
        self.indicator("{", true, false);
        self.whitespace = true;
        self.nested(true, false, |emitter| {
            for (index, (key, item)) in emitter.members(map).into_iter().enumerate() {
                if index > 0 {
                    emitter.indicator(",", false, false);
                }
                if emitter.column > WIDTH {
                    emitter.write_indent();
                }
                if simple_key(key) {
                    emitter.text(key, Position::Key, true);
                    emitter.indicator(":", false, false);
                } else {
                    emitter.indicator("?", true, false);
                    emitter.text(key, Position::Member, true);
                    if emitter.column > WIDTH {
                        emitter.write_indent();
                    }
                    emitter.indicator(":", true, false);
                }
                emitter.node(item, Position::Member, true);
            }
        });
        self.indicator("}", false, false);
    }

    fn text(&mut self, text: &str, position: Position, in_flow: bool) {
        self.nested(true, false, |emitter| emitter.scalar(text, position, in_flow));
    }

    fn scalar(&mut self, text: &str, position: Position, in_flow: bool) {
        let analysis = analyse(text, self.options.allow_unicode);
        let key = position == Position::Key;
        let plain = if in_flow {
            analysis.flow_plain
        } else {
            analysis.block_plain
        };
        if plain && !text.is_empty() && implicit(text) == Implicit::Text {
            self.plain(text, position);
        } else if analysis.single_quoted && !(key && analysis.multiline) {
            self.single_quoted(text, !key);
        } else {
            self.double_quoted(text, !key);
        }
    }

    fn plain(&mut self, text: &str, position: Position) {
        if position == Position::Root {
            self.open_ended = true;
        }
        if !self.whitespace {
            self.write(" ");
        }
        self.whitespace = false;
        self.indention = false;
        // A plain text has no line breaks here; only blanks are places to fold.
        let split = position != Position::Key;
        let mut rest = text;
        while let Some(end) = rest.find(' ') {
            self.write(&rest[..end]);
            let blanks = rest[end..].len() - rest[end..].trim_start_matches(' ').len();
            if blanks == 1 && self.column > WIDTH && split {
                self.write_indent();
                self.whitespace = false;
                self.indention = false;
            } else {
                self.write(&rest[end..end + blanks]);
            }
            rest = &rest[end + blanks..];
        }
        self.write(rest);
    }

    fn single_quoted(&mut self, text: &str, split: bool) {
        self.indicator("'", true, false);
        let chars: Vec<char> = text.chars().collect();
        let (mut spaces, mut breaks, mut start) = (false, false, 0);
        for end in 0..=chars.len() {
            let c = chars.get(end).copied();
            let run = |start: usize| chars[start..end].iter().collect::<String>();
            if spaces {
                if c != Some(' ') {
                    if start + 1 == end && self.column > WIDTH && split && start != 0 && end != chars.len() {
                        self.write_indent();
                    } else {
                        self.write(&run(start));
                    }
                    start = end;
                }
            } else if breaks {
                if !c.is_some_and(is_break) {
                    if chars[start] == '\n' {
                        self.line_break();
                    }
                    for &each in &chars[start..end] {
                        if each == '\n' {
                            self.line_break();
                        } else {
                            self.line_break();
                            self.out.pop();
                            self.out.push(each);
                        }
                    }
                    self.write_indent();
                    start = end;
                }
            } else if c.is_none_or(|c| c == ' ' || c == '\'' || is_break(c)) && start < end {
                self.write(&run(start));
                start = end;
            }
            if c == Some('\'') {
                self.write("''");
                start = end + 1;
            }
            if let Some(c) = c {
                spaces = c == ' ';
                breaks = is_break(c);
            }
        }
        self.indicator("'", false, false);
    }

    fn double_quoted(&mut self, text: &str, split: bool) {
        self.indicator("\"", true, false);
        let chars: Vec<char> = text.chars().collect();
        let mut start = 0;
        for end in 0..=chars.len() {
            let c = chars.get(end).copied();
            if c.is_none_or(|c| self.needs_escape(c)) {
                if start < end {
                    let run: String = chars[start..end].iter().collect();
                    self.write(&run);
                    start = end;
                }
                if let Some(c) = c {
                    self.write(&escape(c));
                    start = end + 1;
                }
            }
            let pending = end.saturating_sub(start);
            if 0 < end
                && end + 1 < chars.len()
                && (c == Some(' ') || start >= end)
                && self.column + pending > WIDTH
                && split
            {
                let mut run: String = if start < end {
                    chars[start..end].iter().collect()
                } else {
                    String::new()
                };
                run.push('\\');
                start = start.max(end);
                self.write(&run);
                self.write_indent();
                self.whitespace = false;
                self.indention = false;
                if chars.get(start) == Some(&' ') {
                    self.write("\\");
                }
            }
        }
        self.indicator("\"", false, false);
    }

    fn needs_escape(&self, c: char) -> bool {
        matches!(c, '"' | '\\' | '\u{85}' | '\u{2028}' | '\u{2029}' | '\u{feff}')
            || !(('\x20'..='\x7e').contains(&c)
                || (self.options.allow_unicode
                    && (('\u{a0}'..='\u{d7ff}').contains(&c) || ('\u{e000}'..='\u{fffd}').contains(&c))))
    }
}

fn is_break(c: char) -> bool {
    matches!(c, '\n' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

fn is_blank(c: char) -> bool {
    matches!(c, '\0' | ' ' | '\t' | '\r') || is_break(c)
}

fn simple_key(key: &str) -> bool {
    !key.is_empty() && key.chars().count() < MAX_SIMPLE_KEY && !key.contains(is_break)
}

fn escape(c: char) -> String {
    let short = match c {
        '\0' => "\\0",
        '\x07' => "\\a",
        '\x08' => "\\b",
        '\t' => "\\t",
        '\n' => "\\n",
        '\x0b' => "\\v",
        '\x0c' => "\\f",
        '\r' => "\\r",
        '\x1b' => "\\e",
        '"' => "\\\"",
        '\\' => "\\\\",
        '\u{85}' => "\\N",
        '\u{a0}' => "\\_",
        '\u{2028}' => "\\L",
        '\u{2029}' => "\\P",
        _ => {
            let code = u32::from(c);
            return match code {
                0..=0xff => format!("\\x{code:02X}"),
                0x100..=0xffff => format!("\\u{code:04X}"),
                _ => format!("\\U{code:08X}"),
            };
        }
    };
    short.to_owned()
}

fn analyse(text: &str, allow_unicode: bool) -> Analysis {
    let chars: Vec<char> = text.chars().collect();
    let Some(last) = chars.len().checked_sub(1) else {
        return Analysis {
            block_plain: true,
            single_quoted: true,
            ..Analysis::default()
        };
    };
    let marker = text.starts_with("---") || text.starts_with("...");
    let (mut flow, mut block, mut special, mut breaks) = (marker, marker, false, false);
    let (mut edge_blank, mut break_space, mut space_break) = (false, false, false);
    let (mut after_space, mut after_break, mut preceded) = (false, false, true);
    for (index, &c) in chars.iter().enumerate() {
        let followed = chars.get(index + 1).is_none_or(|next| is_blank(*next));
        match c {
            '#' | ',' | '[' | ']' | '{' | '}' | '&' | '*' | '!' | '|' | '>' | '\'' | '"' | '%' | '@'
            | '`'
                if index == 0 =>
            {
                flow = true;
                block = true;
            }
            '?' if index == 0 => {
                flow = true;
                block |= followed;
            }
            '-' if index == 0 && followed => {
                flow = true;
                block = true;
            }
            ':' => {
                flow = true;
                block |= followed;
            }
            ',' | '?' | '[' | ']' | '{' | '}' => flow = true,
            '#' if preceded => {
                flow = true;
                block = true;
            }
            _ => {}
        }
        breaks |= is_break(c);
        if c != '\n' && !('\x20'..='\x7e').contains(&c) {
            let printable = c == '\u{85}' || (c >= '\u{a0}' && !('\u{fffe}'..='\u{ffff}').contains(&c));
            special |= !(printable && c != '\u{feff}' && allow_unicode);
        }
        let edge = index == 0 || index == last;
        if c == ' ' {
            edge_blank |= edge;
            break_space |= after_break;
            (after_space, after_break) = (true, false);
        } else if is_break(c) {
            edge_blank |= edge;
            space_break |= after_space;
            (after_space, after_break) = (false, true);
        } else {
            (after_space, after_break) = (false, false);
        }
        preceded = is_blank(c);
    }
    let odd = special || space_break;
    let plain = !(edge_blank || break_space || odd || breaks);
    Analysis {
        multiline: breaks,
        flow_plain: plain && !flow,
        block_plain: plain && !block,
        single_quoted: !(break_space || odd),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Answers of `PyYAML` 6.0.3.
    #[test]
    fn documents_look_as_py_yaml_writes_them() {
        let rows = include_str!("../../../tests/data/expr/yaml_dump.jsonl");
        let mut count = 0;
        for line in rows.lines() {
            let row: Value = serde_json::from_str(line).unwrap();
            let options = DumpOptions {
                indent: row["indent"].as_u64().map_or(2, |n| usize::try_from(n).unwrap()),
                allow_unicode: row["allow_unicode"] != false,
                flow: row["flow"] == true,
                sort_keys: true,
            };
            assert_eq!(
                dump(&row["value"], options),
                row["text"].as_str().unwrap(),
                "{}",
                row["value"]
            );
            count += 1;
        }
        assert!(count > 60, "{count}");
    }
}
