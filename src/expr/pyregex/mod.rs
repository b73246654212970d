//! Regular expressions as Python's `re` understands them.
//!
//! Packs, aliases and expressions carry patterns written for Python. A pattern is parsed with Python's
//! rules and refused with Python's messages, then run by a matcher with Python's order of preference.
//! Long texts go to the linear-time `regex` crate where it means the same. Every search is bounded:
//! a pattern that explodes ends in [`Error::Limit`], never in a hang.

use std::sync::{Arc, OnceLock};

mod ast;
mod error;
mod escape;
mod group;
mod linear;
mod matches;
mod parse;
mod program;
mod replace;
mod tokens;
mod vm;

#[cfg(test)]
mod tests;

pub use error::{Error, SyntaxError};
pub use matches::{Cursor, Matches};
pub use replace::{Template, TemplateError, escape};
pub use vm::Steps;

pub(crate) use ast::{At, Category, Node, RepeatKind, Set, SetItem, digit_value, fold, is_space};
pub(crate) use error::repr;
pub(crate) use parse::parse;
pub(crate) use program::Program;
pub(crate) use tokens::is_identifier;
pub(crate) use vm::{Frame, Scratch};

/// Steps that one call may take unless [`Regex::with_step_limit`] says otherwise (about 0.1 s).
pub const DEFAULT_STEPS: u64 = 10_000_000;
/// Texts from this length on (bytes) are given to the `regex` crate when it means the same.
const LINEAR_FROM: usize = 4096;

/// How a pattern is read; the inline flags `(?imsxau)` change the same things.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Flags {
    /// `i`: letters match in either case.
    pub ignore_case: bool,
    /// `m`: `^` and `$` match at every line.
    pub multi_line: bool,
    /// `s`: `.` takes line feeds too.
    pub dot_all: bool,
    /// `x`: blanks and comments in the pattern are ignored.
    pub verbose: bool,
    /// `a`: `\d`, `\s`, `\w` and `\b` know ASCII only.
    pub ascii: bool,
}

impl Flags {
    /// Only "dot takes everything".
    pub const DOT_ALL: Flags = Flags {
        ignore_case: false,
        multi_line: false,
        dot_all: true,
        verbose: false,
        ascii: false,
    };
    /// Only "ignore case".
    pub const IGNORE_CASE: Flags = Flags {
        ignore_case: true,
        multi_line: false,
        dot_all: false,
        verbose: false,
        ascii: false,
    };

    fn letter(c: char) -> bool {
        matches!(c, 'i' | 'L' | 'm' | 's' | 'x' | 'a' | 't' | 'u')
    }

    fn changed(mut self, add: &str, remove: &str) -> Self {
        for (letters, value) in [(add, true), (remove, false)] {
            for letter in letters.chars() {
                match letter {
                    'i' => self.ignore_case = value,
                    'm' => self.multi_line = value,
                    's' => self.dot_all = value,
                    'x' => self.verbose = value,
                    'a' => self.ascii = value,
                    'u' => self.ascii = false,
                    _ => {}
                }
            }
        }
        self
    }
}

/// A compiled pattern. Cheap to clone and to share.
#[derive(Debug, Clone)]
pub struct Regex {
    inner: Arc<Inner>,
    steps: u64,
}

#[derive(Debug)]
struct Inner {
    pattern: String,
    flags: Flags,
    program: Program,
    linear: OnceLock<Option<LinearRegex>>,
}

#[derive(Debug)]
struct LinearRegex {
    regex: regex::Regex,
    ascii_only: bool,
    no_last_newline: bool,
}

impl Regex {
    /// Compiles `pattern`, or says with Python's words why it is none ([`Error::Syntax`]).
    pub fn new(pattern: &str, flags: Flags) -> Result<Self, Error> {
        let parsed = parse(pattern, flags).map_err(Error::Syntax)?;
        let program = Program::new(&parsed).map_err(Error::Syntax)?;
        let inner = Inner {
            pattern: pattern.to_owned(),
            flags,
            program,
            linear: OnceLock::new(),
        };
        Ok(Regex {
            inner: Arc::new(inner),
            steps: DEFAULT_STEPS,
        })
    }

    /// The same pattern with another bound on the steps of one call.
    #[must_use]
    pub fn with_step_limit(mut self, steps: u64) -> Self {
        self.steps = steps;
        self
    }

    /// The pattern as written.
    pub fn as_str(&self) -> &str {
        &self.inner.pattern
    }

    /// The flags it was made with; inline flags are not among them.
    pub fn flags(&self) -> Flags {
        self.inner.flags
    }

    /// Number of groups without the whole match.
    pub fn group_count(&self) -> usize {
        self.inner.program.groups as usize - 1
    }

    /// Named groups with their numbers, in order of number.
    pub fn group_names(&self) -> &[(String, u32)] {
        &self.inner.program.names
    }

    /// `re.search`: the first match anywhere.
    pub fn search<'t>(&self, text: &'t str) -> Result<Option<Captures<'t>>, Error> {
        self.run(text, Frame::default())
    }

    /// `re.match`: a match at the start of the text.
    pub fn match_<'t>(&self, text: &'t str) -> Result<Option<Captures<'t>>, Error> {
        self.run(
            text,
            Frame {
                anchored: true,
                ..Frame::default()
            },
        )
    }

    /// `re.fullmatch`: a match of the whole text.
    pub fn fullmatch<'t>(&self, text: &'t str) -> Result<Option<Captures<'t>>, Error> {
        self.run(
            text,
            Frame {
                anchored: true,
                full: true,
                ..Frame::default()
            },
        )
    }

    /// `re.finditer`: every match from left to right, without overlap. After an error it ends.
    pub fn find_iter<'r, 't>(&'r self, text: &'t str) -> Matches<'r, 't> {
        self.find_iter_within(text, Steps::new(self.steps))
    }

    /// As [`Regex::find_iter`], paying from a budget that [`Matches::steps`] gives back.
    pub fn find_iter_within<'r, 't>(&'r self, text: &'t str, steps: Steps) -> Matches<'r, 't> {
        Matches {
            regex: self,
            text,
            cursor: Cursor::new(steps),
        }
    }

    /// As [`Regex::match_`], paying from a shared budget.
    pub(crate) fn match_within<'t>(
        &self,
        text: &'t str,
        steps: &mut Steps,
    ) -> Result<Option<Captures<'t>>, Error> {
        self.run_with(
            text,
            Frame {
                anchored: true,
                ..Frame::default()
            },
            steps,
            &mut Scratch::default(),
        )
    }

    /// As [`Regex::find_iter`], paying from a shared budget; all matches at once.
    pub(crate) fn find_all_within<'t>(
        &self,
        text: &'t str,
        steps: &mut Steps,
    ) -> Result<Vec<Captures<'t>>, Error> {
        let mut matches = self.find_iter_within(text, *steps);
        let all = matches.by_ref().collect();
        *steps = matches.steps();
        all
    }

    fn run<'t>(&self, text: &'t str, frame: Frame) -> Result<Option<Captures<'t>>, Error> {
        self.run_with(text, frame, &mut Steps::new(self.steps), &mut Scratch::default())
    }

    fn run_with<'t>(
        &self,
        text: &'t str,
        frame: Frame,
        steps: &mut Steps,
        scratch: &mut Scratch,
    ) -> Result<Option<Captures<'t>>, Error> {
        if let Some(slots) = self.run_linear(text, frame) {
            return Ok(slots.map(|slots| self.captures(text, slots)));
        }
        let slots = self.inner.program.search(text, frame, steps, scratch)?;
        Ok(slots.map(|slots| self.captures(text, slots)))
    }

    /// Searches with the `regex` crate; `None` when it is not to be used here.
    fn run_linear(&self, text: &str, frame: Frame) -> Option<Option<Vec<Option<usize>>>> {
        if text.len() - frame.start < LINEAR_FROM || frame.anchored || frame.full || frame.advance {
            return None;
        }
        let linear = self.inner.linear.get_or_init(|| self.inner.linear()).as_ref()?;
        if (linear.ascii_only && !text.is_ascii()) || (linear.no_last_newline && text.ends_with('\n')) {
            return None;
        }
        let Some(found) = linear.regex.captures_at(text, frame.start) else {
            return Some(None);
        };
        let mut slots = vec![None; self.inner.program.groups as usize * 2];
        for (index, group) in found.iter().enumerate() {
            if let Some(group) = group {
                slots[index * 2] = Some(group.start());
                slots[index * 2 + 1] = Some(group.end());
            }
        }
        Some(Some(slots))
    }

    fn captures<'t>(&self, text: &'t str, slots: Vec<Option<usize>>) -> Captures<'t> {
        Captures {
            text,
            slots,
            names: Arc::clone(&self.inner.program.names),
        }
    }
}

impl Inner {
    fn linear(&self) -> Option<LinearRegex> {
        let parsed = parse(&self.pattern, self.flags).ok()?;
        let linear = linear::translate(&parsed.nodes)?;
        let regex = regex::RegexBuilder::new(&linear.pattern)
            .size_limit(1 << 20)
            .build()
            .ok()?;
        Some(LinearRegex {
            regex,
            ascii_only: linear.ascii_only,
            no_last_newline: linear.no_last_newline,
        })
    }
}

/// What a match and its groups took.
#[derive(Debug, Clone)]
pub struct Captures<'t> {
    text: &'t str,
    slots: Vec<Option<usize>>,
    names: Arc<[(String, u32)]>,
}

impl<'t> Captures<'t> {
    /// Start and end in bytes of a group (0 is the whole match), if it took part.
    pub fn span(&self, group: usize) -> Option<(usize, usize)> {
        match (self.slots.get(group * 2), self.slots.get(group * 2 + 1)) {
            (Some(Some(start)), Some(Some(end))) => Some((*start, *end)),
            _ => None,
        }
    }

    /// Text of a group.
    pub fn get(&self, group: usize) -> Option<&'t str> {
        self.span(group)
            .and_then(|(start, end)| self.text.get(start..end))
    }

    /// Text of a named group.
    pub fn name(&self, name: &str) -> Option<&'t str> {
        let (_, group) = self.names.iter().find(|(known, _)| known == name)?;
        self.get(*group as usize)
    }

    /// Named groups in order of number with what they took.
    pub fn named(&self) -> impl Iterator<Item = (&str, Option<&'t str>)> {
        self.names
            .iter()
            .map(|(name, group)| (name.as_str(), self.get(*group as usize)))
    }

    /// Number of groups with the whole match; never 0.
    #[expect(clippy::len_without_is_empty, reason = "there is always the whole match")]
    pub fn len(&self) -> usize {
        self.slots.len() / 2
    }
}
