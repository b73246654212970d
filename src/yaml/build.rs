//! From parser events to the tree: anchors, merge keys, duplicate keys, limits, and faults people can use.

use std::collections::{HashMap, HashSet};

use granit_parser::{
    ErrorKind, Event, Options, Parser, ScalarStyle, ScanError, Span, StrInput, Tag, options,
};

use super::{Document, Entry, Fault, Kind, MAX_DEPTH, MAX_TEXT, MAX_VALUES, Node, Position, Remark, scalar};

/// Reads one document from a text without byte order mark.
pub(super) fn document(source: &str) -> Result<Document, Fault> {
    let options: Options = options! {
        emit_comments: false,
        block_scalar_eof_without_line_feed: true,
        flow_nesting_limit: MAX_DEPTH,
        block_nesting_limit: MAX_DEPTH,
    };
    let mut builder = Builder {
        source,
        events: Parser::new_from_str_with_options(source, options),
        anchors: HashMap::new(),
        values: 0,
        text: 0,
        remarks: Vec::new(),
    };
    let mut root = None;
    loop {
        let (event, span) = builder.next()?;
        match event {
            Event::StreamEnd => break,
            Event::DocumentStart(..) if root.is_some() => {
                return Err(Fault::new(
                    position(span),
                    "a second document starts here",
                    "keep one document in a file: remove this line or move what follows to its own file",
                ));
            }
            Event::StreamStart | Event::DocumentStart(..) | Event::DocumentEnd => {}
            event => root = Some(builder.node(event, span, 0)?.node),
        }
    }
    let root = root.unwrap_or(Node {
        at: Position { line: 1, column: 1 },
        kind: Kind::Null,
    });
    Ok(Document {
        root,
        remarks: builder.remarks,
    })
}

struct Builder<'a> {
    source: &'a str,
    events: Parser<'a, StrInput<'a>>,
    anchors: HashMap<usize, Built>,
    values: usize,
    text: usize,
    remarks: Vec<Remark>,
}

/// A node with what it costs to put it in once more.
#[derive(Clone)]
struct Built {
    node: Node,
    height: usize,
    values: usize,
    text: usize,
}

impl<'a> Builder<'a> {
    fn next(&mut self) -> Result<(Event<'a>, Span), Fault> {
        match self.events.next_event() {
            Some(Ok(next)) => Ok(next),
            Some(Err(error)) => Err(syntax(&error, self.source)),
            None => Ok((Event::StreamEnd, Span::default())),
        }
    }

    fn node(&mut self, event: Event<'a>, span: Span, depth: usize) -> Result<Built, Fault> {
        let at = position(span);
        if depth > MAX_DEPTH {
            return Err(too_deep(at));
        }
        if indented_with_tab(self.source, span) {
            let at = tab_after(self.source, at);
            return Err(Fault::new(at, "a tab cannot be used here", "indent with spaces"));
        }
        let (values, text) = (self.values, self.text);
        let anchor = event.anchor_id();
        let (kind, height) = match event {
            Event::Alias(id) => return self.alias(id, at, depth),
            Event::Scalar(value, style, _, tag) => {
                self.spend(at, 1, value.len())?;
                (self.scalar(&value, style, tag.as_deref(), at)?, 0)
            }
            Event::SequenceStart(_, _, tag) => {
                collection_tag(tag.as_deref(), "seq", at)?;
                self.spend(at, 1, 0)?;
                self.list(depth)?
            }
            Event::MappingStart(_, _, tag) => {
                collection_tag(tag.as_deref(), "map", at)?;
                self.spend(at, 1, 0)?;
                self.map(at, depth)?
            }
            _ => return Err(Fault::new(at, "a value is missing here", "")),
        };
        let built = Built {
            node: Node { at, kind },
            height,
            values: self.values - values,
            text: self.text - text,
        };
        if let Some(id) = anchor {
            // The copy that the anchor keeps is paid for as well.
            self.spend(at, built.values, built.text)?;
            self.anchors.insert(id, built.clone());
        }
        Ok(built)
    }

    fn alias(&mut self, id: usize, at: Position, depth: usize) -> Result<Built, Fault> {
        let Some(target) = self.anchors.get(&id) else {
            return Err(Fault::new(
                at,
                "an alias stands inside the value that it refers to",
                "write it out",
            ));
        };
        let (height, values, text) = (target.height, target.values, target.text);
        if depth + height > MAX_DEPTH {
            return Err(too_deep(at));
        }
        self.spend(at, values, text)?;
        Ok(self.anchors[&id].clone())
    }

    fn spend(&mut self, at: Position, values: usize, text: usize) -> Result<(), Fault> {
        self.values = self.values.saturating_add(values);
        self.text = self.text.saturating_add(text);
        if self.values > MAX_VALUES {
            let message = format!("the document holds more than {MAX_VALUES} values");
            return Err(Fault::new(at, message, "aliases count as often as they are used"));
        }
        if self.text > MAX_TEXT {
            let message = format!(
                "the document holds more than {} MiB of text",
                MAX_TEXT / 1024 / 1024
            );
            return Err(Fault::new(at, message, "aliases count as often as they are used"));
        }
        Ok(())
    }

    fn scalar(
        &mut self,
        value: &str,
        style: ScalarStyle,
        tag: Option<&Tag>,
        at: Position,
    ) -> Result<Kind, Fault> {
        let refused = |refused: scalar::Refused| Fault::new(at, refused.message, refused.hint);
        let Some(tag) = tag.filter(|tag| !is_non_specific(tag)) else {
            return match style {
                ScalarStyle::Plain => scalar::implicit(value).map_err(refused),
                _ => Ok(Kind::Text(value.to_owned())),
            };
        };
        let Some(name) = core_tag(tag) else {
            return Err(unknown_tag(tag, at));
        };
        match scalar::tagged(name, value) {
            Some(kind) => kind.map_err(refused),
            None if matches!(name, "bool" | "int" | "float" | "timestamp") => {
                let message = format!("this value is no `{name}`, which its tag asks for");
                Err(Fault::new(at, message, "remove the tag"))
            }
            None => Err(unknown_tag(tag, at)),
        }
    }

    fn list(&mut self, depth: usize) -> Result<(Kind, usize), Fault> {
        let mut items = Vec::new();
        let mut height = 0;
        loop {
            let (event, span) = self.next()?;
            if event == Event::SequenceEnd {
                return Ok((Kind::List(items), height + 1));
            }
            let item = self.node(event, span, depth + 1)?;
            height = height.max(item.height);
            items.push(item.node);
        }
    }

    fn map(&mut self, at: Position, depth: usize) -> Result<(Kind, usize), Fault> {
        let mut merged = Vec::new();
        let mut entries = Vec::new();
        let mut height = 0;
        loop {
            let (event, span) = self.next()?;
            if event == Event::MappingEnd {
                break;
            }
            let is_merge = matches!(&event, Event::Scalar(text, ScalarStyle::Plain, _, None) if text == "<<");
            let (key, typed, key_at) = self.key(event, span, at, depth)?;
            let (event, span) = self.next()?;
            let value = self.node(event, span, depth + 1)?;
            height = height.max(value.height);
            if is_merge {
                merge(&mut merged, value.node)?;
            } else {
                entries.push(Entry {
                    key,
                    typed,
                    at: key_at,
                    value: value.node,
                });
            }
        }
        if let Some(again) = duplicate(&entries) {
            let first = entries
                .iter()
                .find(|entry| entry.key == again.key)
                .map_or(0, |entry| entry.at.line);
            let hint = format!("it was given in line {first} before: remove one of them");
            return Err(Fault::new(again.at, "this key is given twice", hint).about(&again.key));
        }
        if !merged.is_empty() {
            entries = overlay(merged, entries);
        }
        Ok((Kind::Map(entries), height + 1))
    }

    fn key(
        &mut self,
        event: Event<'a>,
        span: Span,
        map_at: Position,
        depth: usize,
    ) -> Result<(String, Option<Box<Kind>>, Position), Fault> {
        if !matches!(event, Event::Scalar(..) | Event::Alias(_)) {
            if rest_of(self.source, map_at).starts_with("{{") {
                let message = "text that starts with `{{` must be in quotes";
                return Err(Fault::new(map_at, message, "write \"{{ … }}\""));
            }
            return Err(Fault::new(
                position(span),
                "a key must be text, not a list or map",
                "put a key with brackets or braces in quotes",
            ));
        }
        let plain = matches!(&event, Event::Scalar(_, ScalarStyle::Plain, _, _));
        let node = self.node(event, span, depth + 1)?.node;
        let typed = Box::new(node.kind.clone());
        let (key, what) = match node.kind {
            Kind::Text(text) => return Ok((text, None, node.at)),
            Kind::Date(text) => (text, "a date"),
            Kind::Bool(value) => (value.to_string(), "true or false"),
            Kind::Number(number) => (number.to_string(), "a number"),
            Kind::Null => ("null".to_owned(), "nothing"),
            Kind::List(_) | Kind::Map(_) => {
                return Err(Fault::new(node.at, "a key must be text, not a list or map", ""));
            }
        };
        if plain {
            self.remarks.push(Remark {
                at: node.at,
                message: format!("this key is read as {what}: its name becomes `{key}`"),
                hint: "put the key in quotes".into(),
            });
        }
        Ok((key, Some(typed), node.at))
    }
}

/// Adds the entries of a `<<` value; earlier maps of a list win over later ones.
fn merge(merged: &mut Vec<Entry>, value: Node) -> Result<(), Fault> {
    let fault = |at| {
        Fault::new(
            at,
            "`<<` takes a map or a list of maps",
            "give it an alias such as *defaults",
        )
    };
    match value.kind {
        Kind::Map(entries) => *merged = overlay(std::mem::take(merged), entries),
        Kind::List(items) => {
            for item in items.into_iter().rev() {
                let Kind::Map(entries) = item.kind else {
                    return Err(fault(item.at));
                };
                *merged = overlay(std::mem::take(merged), entries);
            }
        }
        _ => return Err(fault(value.at)),
    }
    Ok(())
}

/// `base` with the entries of `top` put over it: a key keeps its place in `base`.
fn overlay(base: Vec<Entry>, top: Vec<Entry>) -> Vec<Entry> {
    let mut places: HashMap<String, usize> = base
        .iter()
        .enumerate()
        .map(|(index, entry)| (entry.key.clone(), index))
        .collect();
    let mut result = base;
    for entry in top {
        if let Some(index) = places.get(&entry.key) {
            result[*index] = entry;
        } else {
            places.insert(entry.key.clone(), result.len());
            result.push(entry);
        }
    }
    result
}

fn duplicate(entries: &[Entry]) -> Option<&Entry> {
    // Maps in metadata are small; hashing pays for long ones only.
    if entries.len() <= 12 {
        return entries
            .iter()
            .enumerate()
            .find(|(index, entry)| entries[..*index].iter().any(|earlier| earlier.key == entry.key))
            .map(|(_, entry)| entry);
    }
    let mut seen = HashSet::with_capacity(entries.len());
    entries.iter().find(|entry| !seen.insert(entry.key.as_str()))
}

fn core_tag(tag: &Tag) -> Option<&str> {
    match (tag.handle(), tag.suffix()) {
        ("tag:yaml.org,2002:", suffix) => Some(suffix),
        ("", suffix) | ("!", suffix) => suffix.strip_prefix("tag:yaml.org,2002:"),
        _ => None,
    }
}

/// A lone `!`, which `PyYAML` reads as no tag at all.
fn is_non_specific(tag: &Tag) -> bool {
    matches!((tag.handle(), tag.suffix()), ("", "!") | ("!", ""))
}

fn collection_tag(tag: Option<&Tag>, wanted: &str, at: Position) -> Result<(), Fault> {
    match tag {
        Some(tag) if !is_non_specific(tag) && core_tag(tag) != Some(wanted) => Err(unknown_tag(tag, at)),
        _ => Ok(()),
    }
}

fn unknown_tag(tag: &Tag, at: Position) -> Fault {
    let message = match core_tag(tag) {
        Some("binary" | "set" | "omap" | "pairs") => "values with this tag are not supported",
        Some("seq" | "map" | "str" | "int" | "float" | "bool" | "null" | "timestamp") => {
            "this tag does not fit the value"
        }
        _ => "unknown tag",
    };
    Fault::new(
        at,
        message,
        "remove the tag, or put a text that starts with `!` in quotes",
    )
    .about(tag.original())
}

fn too_deep(at: Position) -> Fault {
    Fault::new(
        at,
        format!("lists and maps are nested more than {MAX_DEPTH} deep"),
        "flatten the structure",
    )
}

fn position(span: Span) -> Position {
    marker(span.start.line(), span.start.col())
}

fn marker(line: usize, column: usize) -> Position {
    Position {
        line: u32::try_from(line).unwrap_or(u32::MAX),
        column: u32::try_from(column + 1).unwrap_or(u32::MAX),
    }
}

/// Whether only blanks stand before the node on its line, and a tab among them.
fn indented_with_tab(source: &str, span: Span) -> bool {
    let before = span
        .start
        .byte_offset()
        .and_then(|end| source.as_bytes().get(..end))
        .unwrap_or_default();
    let blanks = before
        .iter()
        .rev()
        .take_while(|byte| matches!(byte, b' ' | b'\t'));
    let (count, tab) = blanks.fold((0, false), |(count, tab), byte| {
        (count + 1, tab || *byte == b'\t')
    });
    tab && (count == before.len() || matches!(before[before.len() - count - 1], b'\n' | b'\r'))
}

/// The rest of the line from a position on.
fn rest_of(source: &str, at: Position) -> &str {
    let line = source
        .lines()
        .nth((at.line as usize).saturating_sub(1))
        .unwrap_or_default();
    let start = line
        .char_indices()
        .nth((at.column as usize).saturating_sub(1))
        .map_or(line.len(), |(i, _)| i);
    &line[start..]
}

/// The first line with a tab in its indentation from `at` on: text that goes over several lines is marked where
/// it starts.
fn tab_after(source: &str, at: Position) -> Position {
    let lines = source
        .lines()
        .zip(1_u32..)
        .skip((at.line as usize).saturating_sub(1))
        .take(200);
    for (line, number) in lines {
        let indentation = &line[..line.len() - line.trim_start().len()];
        if let Some(column) = indentation.chars().position(|c| c == '\t') {
            return marker(number as usize, column);
        }
    }
    at
}

/// The parser's error in words that say what to do.
fn syntax(error: &ScanError, source: &str) -> Fault {
    let mark = error.marker();
    let mut at = marker(mark.line().max(1), mark.col());
    let line = source.lines().nth(at.line as usize - 1).unwrap_or_default();
    let (message, hint): (String, &str) = match error.kind() {
        ErrorKind::RecursionLimitExceeded => return too_deep(at),
        ErrorKind::TabNotAllowed
        | ErrorKind::TabInBlockIndentation
        | ErrorKind::TabInIndentation
        | ErrorKind::TabAtBlockScalarStart
        | ErrorKind::TabInPlainScalar => {
            at = tab_after(source, at);
            ("a tab cannot be used here".into(), "indent with spaces")
        }
        ErrorKind::UnclosedQuotedScalar | ErrorKind::DocumentIndicatorInQuotedScalar => {
            ("a quoted text is not closed".into(), "add the closing quote")
        }
        ErrorKind::UnclosedFlowCollection { open } => {
            (format!("`{open}` is never closed"), "add the closing bracket")
        }
        ErrorKind::MismatchedFlowCollectionEnd { open, close } => (
            format!("`{open}` is closed by `{close}`"),
            "use the matching bracket",
        ),
        ErrorKind::UnknownAnchor => (
            "this alias has no anchor before it".into(),
            "put a text that starts with `*` in quotes",
        ),
        ErrorKind::MappingValueNotAllowed | ErrorKind::InvalidColonPlacement => (
            "a `:` is not possible here".into(),
            "put a text that contains `: ` in quotes, or correct the indentation",
        ),
        ErrorKind::SimpleKeyExpected | ErrorKind::InvalidSimpleKey => (
            "a `:` is missing after a key".into(),
            "write `key: value`; check the lines above as well",
        ),
        ErrorKind::InvalidIndentation
        | ErrorKind::ExpectedBlockMappingKey
        | ErrorKind::ExpectedBlockSequenceEntry
        | ErrorKind::BlockSequenceEntryNotAllowed
        | ErrorKind::MappingKeyNotAllowed => (
            "this line does not fit the lines above it".into(),
            "indent it like its neighbours; put text with special characters in quotes",
        ),
        ErrorKind::ExpectedFlowMappingSeparator => (
            "`,` or `}` is missing here".into(),
            "put text with special characters in quotes",
        ),
        ErrorKind::ExpectedFlowSequenceSeparator => (
            "`,` or `]` is missing here".into(),
            "put text with special characters in quotes",
        ),
        ErrorKind::UnknownQuotedScalarEscape => (
            "this backslash escape is not known".into(),
            "write \\\\ for a backslash, or use single quotes, which know no escapes",
        ),
        ErrorKind::UnexpectedCharacter { .. } => (
            "a value cannot start or go on with this character".into(),
            "put text that starts with @, `, %, & or * in quotes; remove control characters",
        ),
        kind => (kind.to_string(), ""),
    };
    let template = line
        .split([':', '-'])
        .any(|part| part.trim_start().starts_with("{{"));
    let hint = if template {
        "put text that starts with `{{` in quotes"
    } else {
        hint
    };
    Fault::new(at, message, hint)
}
