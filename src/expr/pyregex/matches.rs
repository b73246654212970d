//! Every match in a text, one after the other.

use std::time::{Duration, Instant};

use super::{Captures, Error, Frame, LINEAR_FROM, Regex, Scratch, Steps};

/// Time that all matches in one long text may take.
const MOST_TIME: Duration = Duration::from_secs(2);

/// How far a walk over the matches in a text has come. It belongs to one pattern and one text.
#[derive(Debug)]
pub struct Cursor {
    frame: Frame,
    over: bool,
    steps: Steps,
    scratch: Scratch,
    /// When a long text was begun.
    began: Option<Instant>,
}

impl Cursor {
    /// At the start of a text, with a budget for all matches.
    pub fn new(steps: Steps) -> Self {
        Self {
            frame: Frame::default(),
            over: false,
            steps,
            scratch: Scratch::default(),
            began: None,
        }
    }

    /// What is left of the budget.
    pub fn steps(&self) -> Steps {
        self.steps
    }

    /// The linear engine counts no steps, and may read far beyond every match: only the clock bounds that.
    fn is_late(&mut self, text: &str) -> bool {
        text.len() >= LINEAR_FROM && self.began.get_or_insert_with(Instant::now).elapsed() > MOST_TIME
    }

    /// The next match, without overlap; none at the end. After an error it ends.
    pub fn next<'t>(&mut self, regex: &Regex, text: &'t str) -> Result<Option<Captures<'t>>, Error> {
        if self.over {
            return Ok(None);
        }
        let found = if self.is_late(text) {
            Err(Error::Limit)
        } else {
            regex.run_with(text, self.frame, &mut self.steps, &mut self.scratch)
        };
        match &found {
            Ok(Some(captures)) => {
                if let Some((start, end)) = captures.span(0) {
                    self.frame = Frame {
                        start: end,
                        advance: start == end,
                        ..Frame::default()
                    };
                }
            }
            _ => self.over = true,
        }
        found
    }
}

/// Iterator over matches, see [`Regex::find_iter`].
#[derive(Debug)]
pub struct Matches<'r, 't> {
    pub(super) regex: &'r Regex,
    pub(super) text: &'t str,
    pub(super) cursor: Cursor,
}

impl Matches<'_, '_> {
    /// What is left of the budget.
    pub fn steps(&self) -> Steps {
        self.cursor.steps()
    }
}

impl<'t> Iterator for Matches<'_, 't> {
    type Item = Result<Captures<'t>, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        self.cursor.next(self.regex, self.text).transpose()
    }
}
