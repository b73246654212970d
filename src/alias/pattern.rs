//! A format's regular expression with its automatic anchors, compiled.

use std::fmt;

use crate::expr::pyregex::{
    At, Error, Flags, Frame, Node, Program, Scratch, Steps, SyntaxError, is_identifier, parse, repr,
};

use super::index::clauses;

/// A format that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FormatError {
    /// The regular expression that the format became.
    pub regex: String,
    /// Python's complaint about it.
    pub cause: SyntaxError,
}

impl fmt::Display for FormatError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "the format is no valid pattern: {} of `{}`",
            self.cause, self.regex
        )
    }
}

impl FormatError {
    /// What the author can do.
    pub fn hint(&self) -> Option<String> {
        let message = &self.cause.message;
        let hint = if message.starts_with("bad character in group name") {
            "parameter names are letters, digits and `_`, and do not start with a digit"
        } else if message.starts_with("redefinition of group name") {
            "use each parameter once in a format"
        } else if message.starts_with("global flags") {
            "write scoped flags, `(?i:…)`"
        } else {
            "outside of `{{…}}` a format is a regular expression: escape `? . + * | ( ) [ ]` with `\\` to \
             mean the character"
        };
        Some(hint.to_owned())
    }
}

/// A pattern ready to be run.
#[derive(Debug)]
pub(super) struct Pattern {
    /// Regex source with the automatic anchors.
    pub(super) regex: String,
    pub(super) program: Program,
    /// Optional parameters with their default texts.
    pub(super) optional: Vec<(String, String)>,
    /// Named groups whose text is brought back to the format's spelling: group, spellings.
    pub(super) spellings: Vec<(u32, Vec<String>)>,
    /// Text that the command must begin with, if the pattern is anchored and begins with text.
    pub(super) lead: String,
    /// What must occur in a command: one text of each set, ignoring case.
    pub(super) clauses: Vec<Vec<String>>,
}

impl Pattern {
    pub(super) fn search(
        &self,
        text: &str,
        frame: Frame,
        steps: &mut Steps,
        scratch: &mut Scratch,
    ) -> Result<Option<Vec<Option<usize>>>, Error> {
        self.program.search(text, frame, steps, scratch)
    }
}

/// Adds the automatic anchors.
pub(super) fn anchored(source: &str) -> Result<String, SyntaxError> {
    let has_start = source.contains('^') || source.contains("\\A");
    let has_end = source.contains('$') || source.contains("\\Z");
    let (mut start, mut end) = (false, false);
    if has_start || has_end {
        let parsed = parse(source, Flags::DOT_ALL)?;
        start = holds_anchor(&parsed.nodes, true);
        end = holds_anchor(&parsed.nodes, false);
    }
    let head = if start { "" } else { r"^\s*" };
    let tail = if end { "" } else { r"\s*$" };
    Ok(format!("{head}{source}{tail}"))
}

/// Looks for an anchor as the reference does: in groups and in the second alternative of a branch.
fn holds_anchor(nodes: &[Node], start: bool) -> bool {
    nodes.iter().any(|node| match node {
        Node::At(At::Beginning { .. } | At::BeginningString) => start,
        Node::At(At::End { .. } | At::EndString) => !start,
        Node::Group { body, .. } | Node::Scope(body) => holds_anchor(body, start),
        Node::Branch(branches) => branches.get(1).is_some_and(|second| holds_anchor(second, start)),
        _ => false,
    })
}

pub(super) fn compile(source: &str, optional: Vec<(String, String)>) -> Result<Pattern, FormatError> {
    let fail = |regex: &str, cause| FormatError {
        regex: regex.to_owned(),
        cause,
    };
    let regex = anchored(source).map_err(|cause| fail(source, cause))?;
    let parsed = parse(&regex, Flags::DOT_ALL).map_err(|cause| {
        // The reference parses the format before it adds anchors, so its positions count from there.
        match parse(source, Flags::DOT_ALL) {
            Err(cause) => fail(source, cause),
            Ok(_) => fail(&regex, cause),
        }
    })?;
    let program = Program::new(&parsed).map_err(|cause| fail(&regex, cause))?;
    if let Some((name, _)) = optional
        .iter()
        .find(|(name, _)| !program.names.iter().any(|(known, _)| known == name))
    {
        let message = if is_identifier(name) {
            format!("the parameter {} has a default over several lines", repr(name))
        } else {
            format!("bad character in group name {}", repr(name))
        };
        return Err(fail(
            &regex,
            SyntaxError {
                message,
                position: None,
                place: None,
            },
        ));
    }
    let lead = lead(&parsed.nodes);
    let clauses = clauses(&parsed.nodes);
    Ok(Pattern {
        regex,
        program,
        optional,
        spellings: Vec::new(),
        lead,
        clauses,
    })
}

/// Text right after the automatic start anchor.
pub(super) fn lead(nodes: &[Node]) -> String {
    let [
        Node::At(At::Beginning { .. }),
        Node::Repeat {
            min: 0, max: None, ..
        },
        rest @ ..,
    ] = nodes
    else {
        return String::new();
    };
    rest.iter()
        .map_while(|node| match node {
            Node::Literal { ch, .. } if !ch.is_whitespace() => Some(*ch),
            _ => None,
        })
        .collect()
}
