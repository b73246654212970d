//! The styles in which texts are written: plain, in quotes, as a block.

use super::emit::{Emitter, Position, WIDTH};
use super::{Implicit, implicit};

/// In which styles a text can be written.
#[derive(Default)]
struct Analysis {
    multiline: bool,
    flow_plain: bool,
    block_plain: bool,
    single_quoted: bool,
}

impl Emitter {
    /// Writes a scalar whose tag is `kind`; a tag that the text does not show by itself is written in front.
    pub(super) fn scalar(&mut self, text: &str, kind: Implicit, position: Position, in_flow: bool) {
        let analysis = analyse(text, self.options.allow_unicode);
        let key = position == Position::Key;
        let can_be_plain = if in_flow {
            analysis.flow_plain
        } else {
            analysis.block_plain
        };
        let plain = can_be_plain && !(key && text.is_empty()) && implicit(text) == kind;
        if !plain && let Some(tag) = kind.tag() {
            self.indicator(tag, true, false);
        }
        self.nested(true, false, |emitter| {
            if plain {
                emitter.plain(text, position);
            } else if analysis.single_quoted && !(key && analysis.multiline) {
                emitter.single_quoted(text, !key);
            } else {
                emitter.double_quoted(text, !key);
            }
        });
    }

    /// Writes lines of ASCII, the last one ended, as a block.
    pub(super) fn block(&mut self, lines: &str, position: Position, in_flow: bool) {
        self.nested(true, false, |emitter| {
            if in_flow || position == Position::Key {
                return emitter.double_quoted(lines, position != Position::Key);
            }
            emitter.indicator(
                if lines.is_empty() { "|" } else { block_hint(lines) },
                true,
                false,
            );
            emitter.line_break();
            for line in lines.lines() {
                emitter.write_indent();
                emitter.out.push_str(line);
                emitter.line_break();
            }
        });
    }

    /// Writes a text as it is.
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

/// How the end of a block is kept.
fn block_hint(lines: &str) -> &'static str {
    if lines.ends_with('\n') { "|" } else { "|-" }
}

pub(super) fn is_break(c: char) -> bool {
    matches!(c, '\n' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

fn is_blank(c: char) -> bool {
    matches!(c, '\0' | ' ' | '\t' | '\r') || is_break(c)
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
