//! What a format makes of a command: the reference's answer, and ours with the value's sources.

use serde::Serialize;
use serde_json::{Map, Value};

use crate::expr::pyregex::{Error, Frame, Scratch, Steps, fold};

use super::format::Format;
use super::pairs::{Cut, reference_cut};
use super::pattern::{FormatError, Pattern};

/// Values of parameters: texts, or null for a group that took no part.
pub type Parameters = Map<String, Value>;

/// Why a format gave no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// The format is no valid pattern.
    #[error(transparent)]
    Format(#[from] FormatError),
    /// Matching took too long.
    #[error(transparent)]
    Match(#[from] Error),
}

impl std::error::Error for FormatError {}

/// The reference's answer for a format and a command; `None` when they do not match.
pub fn extract(format: &str, command: &str, steps: &mut Steps) -> Result<Option<Parameters>, ReadError> {
    let format = Format::new(format);
    let cut = reference_cut(command, steps)?;
    read(&format, &cut, steps, &mut Scratch::default())
}

/// The reference's answer when every match counts: one set of parameters a match.
pub fn extract_all(format: &str, command: &str, steps: &mut Steps) -> Result<Vec<Parameters>, ReadError> {
    let format = Format::new(format);
    let cut = reference_cut(command, steps)?;
    read_all(&format, &cut, steps, &mut Scratch::default())
}

/// As [`extract`] for a format and a command that are prepared already.
pub(super) fn read(
    format: &Format,
    cut: &Cut,
    steps: &mut Steps,
    scratch: &mut Scratch,
) -> Result<Option<Parameters>, ReadError> {
    let pattern = format.reference().map_err(FormatError::clone)?;
    let text = padded(&cut.text);
    let Some(slots) = pattern.search(&text, Frame::default(), steps, scratch)? else {
        return Ok(None);
    };
    Ok(parameters(format, pattern, &text, &slots, cut))
}

/// As [`extract_all`] for a format and a command that are prepared already.
pub(super) fn read_all(
    format: &Format,
    cut: &Cut,
    steps: &mut Steps,
    scratch: &mut Scratch,
) -> Result<Vec<Parameters>, ReadError> {
    let pattern = format.reference().map_err(FormatError::clone)?;
    let text = padded(&cut.text);
    let mut all = Vec::new();
    for slots in every(pattern, &text, steps, scratch)? {
        match parameters(format, pattern, &text, &slots, cut) {
            Some(parameters) => all.push(parameters),
            None => return Ok(Vec::new()),
        }
    }
    Ok(all)
}

/// Most matches of one message that are taken.
const MAX_MATCHES: usize = 1000;

fn every(
    pattern: &Pattern,
    text: &str,
    steps: &mut Steps,
    scratch: &mut Scratch,
) -> Result<Vec<Vec<Option<usize>>>, Error> {
    let mut all = Vec::new();
    let mut frame = Frame::default();
    while let Some(slots) = pattern.search(text, frame, steps, scratch)? {
        let (start, end) = span(&slots, 0).unwrap_or((0, text.len()));
        frame = Frame {
            start: end,
            advance: start == end,
            ..Frame::default()
        };
        all.push(slots);
        if all.len() >= MAX_MATCHES {
            return Err(Error::Limit);
        }
    }
    Ok(all)
}

fn padded(text: &str) -> String {
    format!(" {text} ")
}

fn span(slots: &[Option<usize>], group: u32) -> Option<(usize, usize)> {
    let at = group as usize * 2;
    match (slots.get(at), slots.get(at + 1)) {
        (Some(Some(start)), Some(Some(end))) => Some((*start, *end)),
        _ => None,
    }
}

fn parameters(
    format: &Format,
    pattern: &Pattern,
    text: &str,
    slots: &[Option<usize>],
    cut: &Cut,
) -> Option<Parameters> {
    let mut result = Parameters::new();
    for (name, group) in pattern.program.names.iter() {
        let value = span(slots, *group).map(|(start, end)| &text[start..end]);
        result.insert(name.clone(), value.map_or(Value::Null, Value::from));
    }
    for (name, default) in &pattern.optional {
        if is_falsy(result.get(name)) {
            result.insert(name.clone(), Value::from(default.as_str()));
        }
    }
    for (key, value) in &cut.pairs {
        result.insert(key.clone(), Value::from(value.as_str()));
    }
    let nothing = !format.source().is_empty() && text.trim().is_empty();
    if nothing && result.values().all(|value| is_falsy(Some(value))) {
        return None;
    }
    Some(result)
}

fn is_falsy(value: Option<&Value>) -> bool {
    value.is_none_or(|value| value.as_str().is_none_or(str::is_empty))
}

/// Where a parameter's value comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "from")]
pub enum Source {
    /// The text of the command.
    Text,
    /// A `key=value` at its end.
    Pair,
    /// The format's default.
    Default,
    /// An optional group of the format took no part.
    Nothing,
    /// The alias fixes it.
    Immutable,
}

/// A parameter with its value and where that came from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Parameter {
    /// Name of the parameter.
    pub name: String,
    /// Its text; `None` for a group that took no part.
    pub value: Option<String>,
    /// Where the value came from.
    #[serde(flatten)]
    pub source: Source,
}

/// Our reading of a command by a format: all matches with their parameters.
pub(super) type Reading = Vec<Vec<Parameter>>;

/// How closely a command must follow the format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Closeness {
    /// Letters and blanks as written.
    Exact,
    /// Any case, any number of blanks, required parameters also as `key=value`.
    Lenient,
}

/// Reads a command in our way; `None` when it does not match.
pub(super) fn own(
    format: &Format,
    cut: &Cut,
    closeness: Closeness,
    multiple: bool,
    steps: &mut Steps,
    scratch: &mut Scratch,
) -> Result<Option<Reading>, Error> {
    match closeness {
        Closeness::Exact => {
            let Some(pattern) = format.own() else {
                return Ok(None);
            };
            if !begins_with(&cut.text, &pattern.lead) {
                return Ok(None);
            }
            attempt(
                format,
                pattern,
                &padded(&cut.text),
                true,
                cut,
                multiple,
                steps,
                scratch,
            )
        }
        Closeness::Lenient => {
            let given: Vec<&str> = cut
                .pairs
                .iter()
                .map(|(key, _)| key.as_str())
                .filter(|key| format.is_required(key))
                .collect();
            let Some(pattern) = format.lenient(&given) else {
                return Ok(None);
            };
            if !begins_with_folded(&cut.text, &pattern.lead) {
                return Ok(None);
            }
            let bare = cut.text.trim();
            let found = attempt(format, &pattern, bare, false, cut, multiple, steps, scratch)?;
            if found.is_some() {
                return Ok(found);
            }
            attempt(
                format,
                &pattern,
                &padded(bare),
                true,
                cut,
                multiple,
                steps,
                scratch,
            )
        }
    }
}

fn begins_with(text: &str, lead: &str) -> bool {
    lead.is_empty() || text.trim_start().starts_with(lead) || !plain_start(text)
}

fn begins_with_folded(text: &str, lead: &str) -> bool {
    let mut chars = text.trim_start().chars();
    lead.chars()
        .all(|wanted| chars.next().is_some_and(|ch| fold(ch) == fold(wanted)))
        || !plain_start(text)
}

/// Whether Python and Rust agree on which characters at the start are blank.
fn plain_start(text: &str) -> bool {
    !text.trim_start().starts_with(|c| ('\x1c'..='\x1f').contains(&c))
}

#[expect(
    clippy::too_many_arguments,
    reason = "one private step of `own`, split off to run twice"
)]
fn attempt(
    format: &Format,
    pattern: &Pattern,
    text: &str,
    has_padding: bool,
    cut: &Cut,
    multiple: bool,
    steps: &mut Steps,
    scratch: &mut Scratch,
) -> Result<Option<Reading>, Error> {
    let matches = if multiple {
        every(pattern, text, steps, scratch)?
    } else {
        pattern
            .search(text, Frame::default(), steps, scratch)?
            .into_iter()
            .collect()
    };
    let mut all = Vec::with_capacity(matches.len());
    for slots in &matches {
        match own_parameters(format, pattern, text, has_padding, slots, cut) {
            Some(parameters) => all.push(parameters),
            None => return Ok(None),
        }
    }
    Ok((!all.is_empty()).then_some(all))
}

fn own_parameters(
    format: &Format,
    pattern: &Pattern,
    text: &str,
    has_padding: bool,
    slots: &[Option<usize>],
    cut: &Cut,
) -> Option<Vec<Parameter>> {
    let inner = if has_padding {
        1..text.len() - 1
    } else {
        0..text.len()
    };
    let mut out: Vec<Parameter> = Vec::new();
    for (name, group) in pattern.program.names.iter() {
        let default = pattern
            .optional
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, default)| default);
        let given = cut.pairs.iter().any(|(key, _)| key == name);
        let taken = span(slots, *group).map(|(start, end)| {
            // The padding is not the user's text.
            let (from, to) = (start.max(inner.start), end.min(inner.end).max(inner.start));
            let value = if from < to { &text[from..to] } else { "" };
            (value, (from, to) != (start, end))
        });
        let (value, source) = match (taken, default) {
            (Some((value, _)), _) if !value.is_empty() => {
                (Some(spelled(pattern, *group, value)), Source::Text)
            }
            (_, Some(default)) => (Some(default.clone()), Source::Default),
            (Some((_, true)), None) if format.is_required(name) && !given => return None,
            (Some((value, _)), None) => (Some(value.to_owned()), Source::Text),
            (None, None) => (None, Source::Nothing),
        };
        out.push(Parameter {
            name: name.clone(),
            value,
            source,
        });
    }
    for (key, value) in &cut.pairs {
        let pair = Parameter {
            name: key.clone(),
            value: Some(value.clone()),
            source: Source::Pair,
        };
        match out.iter_mut().find(|parameter| parameter.name == *key) {
            Some(known) => *known = pair,
            None => out.push(pair),
        }
    }
    let nothing = !format.source().is_empty() && text.trim().is_empty();
    let empty = |parameter: &Parameter| parameter.value.as_ref().is_none_or(String::is_empty);
    if nothing && out.iter().all(empty) {
        return None;
    }
    Some(out)
}

/// The format's spelling of a text that was taken in any case.
fn spelled(pattern: &Pattern, group: u32, value: &str) -> String {
    let same = |text: &&String| text.chars().map(fold).eq(value.chars().map(fold));
    pattern
        .spellings
        .iter()
        .find(|(known, _)| *known == group)
        .and_then(|(_, texts)| {
            texts
                .iter()
                .find(|text| *text == value)
                .or_else(|| texts.iter().find(same))
        })
        .map_or_else(|| value.to_owned(), String::clone)
}

/// Values without their sources.
pub(super) fn plain(parameters: &[Parameter]) -> Parameters {
    parameters
        .iter()
        .map(|parameter| {
            (
                parameter.name.clone(),
                parameter.value.as_deref().map_or(Value::Null, Value::from),
            )
        })
        .collect()
}

/// Values of the reference's reading with what can be said about their sources.
pub(super) fn sourced(parameters: &Parameters, cut: &Cut) -> Vec<Parameter> {
    parameters
        .iter()
        .map(|(name, value)| {
            let source = match value {
                _ if cut.pairs.iter().any(|(key, _)| key == name) => Source::Pair,
                Value::Null => Source::Nothing,
                _ => Source::Text,
            };
            Parameter {
                name: name.clone(),
                value: value.as_str().map(str::to_owned),
                source,
            }
        })
        .collect()
}
