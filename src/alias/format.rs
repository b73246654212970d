//! From the text of a format to regular expressions: the reference's reading and ours.
//!
//! The reference replaces `{{x}}` and `{{x=default}}` by named groups with text substitutions and takes
//! everything else as regex source. Our reading finds the parameters with a scanner instead, so that
//! `{{x=}}` and braces in defaults work; for ordinary formats both give the same pattern.

use std::sync::{Arc, LazyLock, OnceLock};

use crate::expr::pyregex::{Flags, Program, Regex, parse};

use super::lenient;
use super::pattern::{FormatError, Pattern, anchored, compile, lead};

/// A parameter takes quoted text, braces, or anything, as little as possible. The needless backslashes
/// are the reference's: positions in its error messages count them.
const VALUE: &str = r#"(?:(?<=\').+?(?=\')|(?<=").+?(?=")|{.+?}|.+?)"#;

static OPTIONAL_LIST: LazyLock<Regex> = LazyLock::new(|| constant(OPTIONAL, Flags::DOT_ALL));
static OPTIONAL_PLACE: LazyLock<Regex> =
    LazyLock::new(|| constant(&format!(r"(\s*){OPTIONAL}"), Flags::default()));
static REQUIRED_PLACE: LazyLock<Regex> =
    LazyLock::new(|| constant(r"(\s*){{\s*(\S+?)\s*}}", Flags::default()));
const OPTIONAL: &str = r#"{{\s*(\S+?)\s*\s*=\s*(?:""|''|"(.+?)"|'(.+?)'|({.+?})|(.+?))\s*}}"#;

/// Compiles one of our own patterns.
pub(super) fn constant(pattern: &str, flags: Flags) -> Regex {
    Regex::new(pattern, flags).expect("the pattern is a constant covered by tests")
}

/// A piece of a format in our reading.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Piece {
    Text(String),
    Parameter {
        blank: String,
        name: String,
        default: Option<String>,
    },
}

/// One representation of an alias.
#[derive(Debug)]
pub struct Format {
    source: String,
    reference: Result<Arc<Pattern>, FormatError>,
    own: Result<Arc<Pattern>, FormatError>,
    pieces: Vec<Piece>,
    lenient: OnceLock<Option<Arc<Pattern>>>,
}

impl Format {
    /// Reads a format. Errors are kept inside: see [`Format::check`].
    pub fn new(source: &str) -> Self {
        let reference_source = reference_source(source);
        let pieces = scan(source);
        let own_source = own_source(&pieces, &[]);
        let optional: Vec<(String, String)> = pieces
            .iter()
            .filter_map(|piece| match piece {
                Piece::Parameter {
                    name,
                    default: Some(default),
                    ..
                } => Some((name.clone(), default.clone())),
                _ => None,
            })
            .collect();
        let reference_optional = reference_optional(source);
        let reference = compile(&reference_source, reference_optional).map(Arc::new);
        let same = own_source == reference_source
            && reference
                .as_ref()
                .is_ok_and(|pattern| pattern.optional == optional);
        let own = if same {
            reference.clone()
        } else {
            compile(&own_source, optional).map(Arc::new)
        };
        Format {
            source: source.to_owned(),
            reference,
            own,
            pieces,
            lenient: OnceLock::new(),
        }
    }

    /// The format as written.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// Whether the format can be used; formats that only the reference refuses are fine.
    pub fn check(&self) -> Result<(), FormatError> {
        self.own.as_ref().map(drop).map_err(FormatError::clone)
    }

    /// The regex that the reference would use, or why it refuses the format.
    pub fn reference_regex(&self) -> Result<&str, &FormatError> {
        self.reference.as_ref().map(|pattern| pattern.regex.as_str())
    }

    /// The regex of our reading.
    pub fn regex(&self) -> Result<&str, &FormatError> {
        self.own.as_ref().map(|pattern| pattern.regex.as_str())
    }

    /// Names of all parameters in the format, in order.
    pub fn parameters(&self) -> impl Iterator<Item = &str> {
        self.own
            .iter()
            .flat_map(|pattern| pattern.program.names.iter().map(|(name, _)| name.as_str()))
    }

    /// The parameters that are written as `{{name}}` or `{{name=default}}`, with their defaults, in order.
    pub fn places(&self) -> impl Iterator<Item = (&str, Option<&str>)> {
        self.pieces.iter().filter_map(|piece| match piece {
            Piece::Parameter { name, default, .. } => Some((name.as_str(), default.as_deref())),
            Piece::Text(_) => None,
        })
    }

    pub(super) fn reference(&self) -> Result<&Pattern, &FormatError> {
        self.reference.as_deref()
    }

    pub(super) fn own(&self) -> Option<&Pattern> {
        self.own.as_deref().ok()
    }

    /// Whether both readings use one pattern.
    pub(super) fn readings_agree(&self) -> bool {
        matches!((&self.reference, &self.own), (Ok(reference), Ok(own)) if Arc::ptr_eq(reference, own))
    }

    pub(super) fn pieces(&self) -> &[Piece] {
        &self.pieces
    }

    pub(super) fn is_required(&self, name: &str) -> bool {
        self.pieces
            .iter()
            .any(|piece| matches!(piece, Piece::Parameter { name: n, default: None, .. } if n == name))
    }

    /// The pattern that ignores case and the number of blanks. `given`: required parameters that
    /// arrive as `key=value` and need not be in the text.
    pub(super) fn lenient(&self, given: &[&str]) -> Option<Arc<Pattern>> {
        if given.is_empty() {
            return self.lenient.get_or_init(|| self.build_lenient(&[])).clone();
        }
        self.build_lenient(given)
    }

    fn build_lenient(&self, given: &[&str]) -> Option<Arc<Pattern>> {
        let optional = self.own.as_ref().ok()?.optional.clone();
        let source = own_source(&self.pieces, given);
        let regex = anchored(&source).ok()?;
        let mut parsed = parse(&regex, Flags::DOT_ALL).ok()?;
        let spellings = lenient::relax(&mut parsed.nodes);
        let program = Program::new(&parsed).ok()?;
        let lead = lead(&parsed.nodes);
        Some(Arc::new(Pattern {
            regex,
            program,
            optional,
            spellings,
            lead,
            clauses: Vec::new(),
        }))
    }
}

/// The reference's text substitutions.
fn reference_source(format: &str) -> String {
    if !format.contains("{{") {
        return format.to_owned();
    }
    let optional = substitute(&OPTIONAL_PLACE, format, |blank, name| {
        format!("(?:{})?", parameter(blank, name))
    });
    substitute(&REQUIRED_PLACE, &optional, parameter)
}

fn reference_optional(format: &str) -> Vec<(String, String)> {
    if !format.contains('=') {
        return Vec::new();
    }
    OPTIONAL_LIST
        .find_iter(format)
        .map_while(Result::ok)
        .map(|found| {
            let default = (2..found.len()).filter_map(|group| found.get(group)).collect();
            (found.get(1).unwrap_or_default().to_owned(), default)
        })
        .collect()
}

fn substitute(place: &Regex, text: &str, with: impl Fn(&str, &str) -> String) -> String {
    let mut out = String::with_capacity(text.len() * 2);
    let mut done = 0;
    for found in place.find_iter(text).map_while(Result::ok) {
        let Some((start, end)) = found.span(0) else {
            continue;
        };
        out.push_str(&text[done..start]);
        out.push_str(&with(
            found.get(1).unwrap_or_default(),
            found.get(2).unwrap_or_default(),
        ));
        done = end;
    }
    out.push_str(&text[done..]);
    out
}

fn parameter(blank: &str, name: &str) -> String {
    format!(r#"{blank}["\']?(?P<{name}>{VALUE})["\']?"#)
}

fn own_source(pieces: &[Piece], given: &[&str]) -> String {
    let mut out = String::new();
    for piece in pieces {
        match piece {
            Piece::Text(text) => out.push_str(text),
            Piece::Parameter { blank, name, default } => {
                let parameter = parameter(blank, name);
                if default.is_some() || given.contains(&name.as_str()) {
                    out.push_str("(?:");
                    out.push_str(&parameter);
                    out.push_str(")?");
                } else {
                    out.push_str(&parameter);
                }
            }
        }
    }
    out
}

/// Finds parameters: `{{ name }}`, `{{ name = default }}` with balanced braces in the default.
pub(super) fn scan(format: &str) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut text = String::new();
    let mut rest = format;
    while let Some(at) = rest.find("{{") {
        let (before, from) = rest.split_at(at);
        text.push_str(before);
        match scan_parameter(from) {
            Some((name, default, length)) => {
                let kept = text.trim_end().len();
                let blank = text.split_off(kept);
                if !text.is_empty() {
                    pieces.push(Piece::Text(std::mem::take(&mut text)));
                }
                pieces.push(Piece::Parameter { blank, name, default });
                rest = &from[length..];
            }
            None => {
                text.push('{');
                rest = &from[1..];
            }
        }
    }
    text.push_str(rest);
    if !text.is_empty() {
        pieces.push(Piece::Text(text));
    }
    pieces
}

/// Reads a parameter at the start of `text`: name, default and length.
fn scan_parameter(text: &str) -> Option<(String, Option<String>, usize)> {
    let inner = text[2..].trim_start();
    let name_end = inner.find(|c: char| c.is_whitespace() || matches!(c, '=' | '}' | '{'))?;
    let (name, after) = inner.split_at(name_end);
    if name.is_empty() {
        return None;
    }
    let after = after.trim_start();
    if let Some(rest) = after.strip_prefix("}}") {
        return Some((name.to_owned(), None, text.len() - rest.len()));
    }
    let value = after.strip_prefix('=')?;
    let (default, rest) = scan_default(value)?;
    Some((name.to_owned(), Some(default), text.len() - rest.len()))
}

fn scan_default(value: &str) -> Option<(String, &str)> {
    let trimmed = value.trim_start();
    if let Some(quote) = trimmed.chars().next().filter(|c| matches!(c, '"' | '\'')) {
        let body = &trimmed[1..];
        for (at, _) in body.match_indices(quote) {
            if let Some(rest) = body[at + 1..].trim_start().strip_prefix("}}") {
                return Some((body[..at].to_owned(), rest));
            }
        }
    }
    let mut depth = 0usize;
    let bytes = trimmed.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        match bytes[at] {
            b'{' => depth += 1,
            b'}' if depth > 0 => depth -= 1,
            b'}' if bytes.get(at + 1) == Some(&b'}') => {
                return Some((trimmed[..at].trim_end().to_owned(), &trimmed[at + 2..]));
            }
            _ => {}
        }
        at += 1;
    }
    None
}
