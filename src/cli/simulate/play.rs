//! Plays a transcript on a stage and tells what was said.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use super::stage::{Seen, Stage};
use super::transcript::{Deed, Expected, Transcript, Turn};

/// How long an answer may take unless the transcript says otherwise.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long nothing may be said for `expect: nothing`.
const QUIET: Duration = Duration::from_secs(1);
/// Lines of a message that are told.
const LINES: usize = 12;

/// What was played, for whoever reads along.
pub(super) enum Told<'a> {
    /// Somebody did something.
    Did(&'a Turn),
    /// The bot said something.
    Said(&'a Seen),
    /// What was expected came.
    Came(&'a Turn),
}

/// Why a turn failed.
pub(super) struct Failure {
    /// What was expected, and what there is instead.
    pub(super) message: String,
    /// What to do.
    pub(super) hint: String,
}

impl Failure {
    fn new(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            hint: hint.into(),
        }
    }
}

/// A stage while a transcript is played on it.
pub(super) struct Player<'a> {
    stage: &'a dyn Stage,
    /// Versions of messages that were told.
    told: BTreeSet<(String, u32)>,
    /// Versions that an expectation was met by.
    met: BTreeSet<(String, u32)>,
    /// The last message that each person wrote, with its place.
    wrote: BTreeMap<String, (String, String)>,
    /// The message that the last expectation was met by.
    last: Option<Seen>,
    tell: &'a mut (dyn FnMut(Told<'_>) + Send),
}

impl<'a> Player<'a> {
    pub(super) fn new(stage: &'a dyn Stage, tell: &'a mut (dyn FnMut(Told<'_>) + Send)) -> Self {
        Self {
            stage,
            told: BTreeSet::new(),
            met: BTreeSet::new(),
            wrote: BTreeMap::new(),
            last: None,
            tell,
        }
    }

    /// Plays the turns up to the first that starts the bot again, which is the caller's to do; gives where to go on.
    ///
    /// # Errors
    /// The number of the turn that failed, and why.
    pub(super) async fn play(
        &mut self,
        transcript: &Transcript,
        from: usize,
    ) -> Result<Option<usize>, (usize, Failure)> {
        for (number, turn) in transcript.turns.iter().enumerate().skip(from) {
            if turn.deed == Deed::Restart {
                (self.tell)(Told::Did(turn));
                return Ok(Some(number + 1));
            }
            self.turn(turn).await.map_err(|failure| (number, failure))?;
        }
        self.look();
        Ok(None)
    }

    /// Tells what is new.
    fn look(&mut self) -> Vec<Seen> {
        let all = self.stage.seen();
        for seen in &all {
            if self.told.insert((seen.id.clone(), seen.edits)) {
                (self.tell)(Told::Said(seen));
            }
        }
        all
    }

    async fn turn(&mut self, turn: &Turn) -> Result<(), Failure> {
        if let Deed::Expect(expected) = &turn.deed {
            if expected.nothing {
                return self.quiet(turn).await;
            }
            return self.expect(turn, expected).await;
        }
        let (who, place) = (turn.who.as_str(), turn.place.as_str());
        let refused = |why: String| Failure::new(why, "docs/simulate.md tells who and what there is");
        match &turn.deed {
            Deed::Say(text) => {
                (self.tell)(Told::Did(turn));
                let id = self.stage.say(who, place, text, None).map_err(refused)?;
                self.wrote.insert(who.to_owned(), (place.to_owned(), id));
            }
            Deed::Reply(text) => {
                (self.tell)(Told::Did(turn));
                let seen = self.last.clone();
                let seen = seen.ok_or_else(|| {
                    Failure::new(
                        "there is nothing to reply to",
                        "put an `expect` before it that finds the message",
                    )
                })?;
                self.stage.say(who, place, text, Some(&seen)).map_err(refused)?;
            }
            Deed::Edit(text) => {
                (self.tell)(Told::Did(turn));
                let (place, id) = self
                    .wrote
                    .get(who)
                    .ok_or_else(|| Failure::new(format!("{who} has written nothing yet"), ""))?;
                self.stage.edit(place, id, text).map_err(refused)?;
            }
            Deed::Slash(text) => {
                (self.tell)(Told::Did(turn));
                self.stage.slash(who, place, text).map_err(refused)?;
            }
            Deed::Fault(faults) => {
                (self.tell)(Told::Did(turn));
                self.stage.fault(faults).map_err(refused)?;
            }
            Deed::Click(button) => {
                let seen = self.button(who, place, button).await?;
                (self.tell)(Told::Did(turn));
                self.stage.click(who, &seen, button).map_err(refused)?;
            }
            Deed::Fill(values) => {
                self.form(who).await?;
                (self.tell)(Told::Did(turn));
                self.stage.fill(who, values).map_err(refused)?;
            }
            Deed::Expect(_) | Deed::Restart => {}
        }
        Ok(())
    }

    /// The newest message with the button.
    async fn button(&mut self, who: &str, place: &str, button: &str) -> Result<Seen, Failure> {
        let started = Instant::now();
        loop {
            let all = self.look();
            let mut visible = all.into_iter().filter(|seen| sees(who, place, seen));
            let mut found = None;
            let mut others = BTreeSet::new();
            for seen in &mut visible {
                if seen.buttons.iter().any(|known| known == button) {
                    found = Some(seen);
                } else {
                    others.extend(seen.buttons);
                }
            }
            if let Some(seen) = found {
                return Ok(seen);
            }
            if started.elapsed() > PATIENCE {
                let others: Vec<String> = others.into_iter().collect();
                return Err(Failure::new(
                    format!("{who} sees no button `{button}`"),
                    if others.is_empty() {
                        "there are no buttons at all".to_owned()
                    } else {
                        format!("there are: {}", others.join(", "))
                    },
                ));
            }
            self.stage.changed().await;
        }
    }

    async fn form(&mut self, who: &str) -> Result<(), Failure> {
        let started = Instant::now();
        while !self.stage.has_form(who) {
            self.look();
            if started.elapsed() > PATIENCE {
                return Err(Failure::new(
                    format!("no form is open for {who}"),
                    "a button or a slash command opens one",
                ));
            }
            self.stage.changed().await;
        }
        Ok(())
    }

    async fn expect(&mut self, turn: &Turn, expected: &Expected) -> Result<(), Failure> {
        let patience = expected.within.map_or(PATIENCE, Duration::from_secs);
        let started = Instant::now();
        loop {
            let all = self.look();
            let found = all.iter().rev().find(|seen| {
                !self.met.contains(&(seen.id.clone(), seen.edits))
                    && here(turn, expected, seen)
                    && fits(expected, seen)
            });
            if let Some(seen) = found {
                self.met.insert((seen.id.clone(), seen.edits));
                self.last = Some(seen.clone());
                (self.tell)(Told::Came(turn));
                return Ok(());
            }
            if started.elapsed() > patience {
                let said: Vec<String> = all
                    .iter()
                    .filter(|seen| here(turn, expected, seen))
                    .rev()
                    .take(3)
                    .map(|seen| format!("  | {}", excerpt(seen).join("\n  | ")))
                    .collect();
                let whom = expected
                    .only
                    .as_ref()
                    .map_or_else(String::new, |who| format!(" to {who} alone"));
                let what = wanted(expected);
                return Err(Failure::new(
                    format!(
                        "the bot did not say {what} in {}{whom} within {} s",
                        turn.place,
                        patience.as_secs()
                    ),
                    if said.is_empty() {
                        "it said nothing there".to_owned()
                    } else {
                        format!("the last that it said there, newest first:\n{}", said.join("\n"))
                    },
                ));
            }
            self.stage.changed().await;
        }
    }

    async fn quiet(&mut self, turn: &Turn) -> Result<(), Failure> {
        let known = self.told.clone();
        self.look();
        let before = self.told.len();
        let started = Instant::now();
        while started.elapsed() < QUIET {
            self.stage.changed().await;
            self.look();
        }
        if self.told.len() > before || self.told.len() > known.len() {
            return Err(Failure::new("the bot said something", "nothing was expected"));
        }
        (self.tell)(Told::Came(turn));
        Ok(())
    }
}

/// Whether somebody who looks at a conversation sees a message: there, in a thread, or in private.
fn sees(who: &str, place: &str, seen: &Seen) -> bool {
    let own = format!("direct:{who}");
    let there = seen.place == place || seen.place == own || !is_named(&seen.place);
    there
        && seen
            .only
            .as_deref()
            .is_none_or(|only| only.is_empty() || only == who)
}

/// Threads have ids instead of names.
fn is_named(place: &str) -> bool {
    place.starts_with('#') || place.starts_with("direct")
}

/// Whether a message is where it is looked for; what is in a thread or another conversation counts for `anywhere`.
fn here(turn: &Turn, expected: &Expected, seen: &Seen) -> bool {
    let place = turn.place == "anywhere" || seen.place == turn.place || !is_named(&seen.place);
    let only = match (&expected.only, &seen.only) {
        (Some(wanted), Some(only)) => only.is_empty() || only == wanted,
        (Some(_), None) => false,
        (None, _) => true,
    };
    // What one person alone is told may come in their own conversation.
    let private = expected
        .only
        .as_ref()
        .is_some_and(|who| seen.place == format!("direct:{who}") || seen.place == "direct");
    match (&expected.only, private) {
        (Some(_), true) => seen.only.is_none() || only,
        _ => place && only,
    }
}

fn fits(expected: &Expected, seen: &Seen) -> bool {
    let text = plain(&seen.text);
    let file = seen.file.as_deref().unwrap_or_default();
    expected.texts.iter().all(|part| text.contains(&plain(part)))
        && !expected.without.iter().any(|part| text.contains(&plain(part)))
        && expected.buttons.iter().all(|name| seen.buttons.contains(name))
        && expected.file.iter().all(|part| file.contains(part.as_str()))
}

/// Text without the marks of platforms, in one line.
fn plain(text: &str) -> String {
    let bare: String = text.chars().filter(|char| !"*`_".contains(*char)).collect();
    bare.split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
        .to_lowercase()
}

fn wanted(expected: &Expected) -> String {
    let mut parts: Vec<String> = expected.texts.iter().map(|text| format!("`{text}`")).collect();
    parts.extend(
        expected
            .buttons
            .iter()
            .map(|name| format!("with the button `{name}`")),
    );
    parts.extend(
        expected
            .file
            .iter()
            .map(|text| format!("with a file that has `{text}`")),
    );
    parts.extend(expected.without.iter().map(|text| format!("without `{text}`")));
    if parts.is_empty() {
        "anything".to_owned()
    } else {
        parts.join(", ")
    }
}

/// The first lines of a message.
pub(super) fn excerpt(seen: &Seen) -> Vec<String> {
    let lines: Vec<&str> = seen.text.lines().filter(|line| !line.trim().is_empty()).collect();
    let mut shown: Vec<String> = lines.iter().take(LINES).map(|line| (*line).to_owned()).collect();
    if lines.len() > LINES {
        shown.push(format!("… {} more lines", lines.len() - LINES));
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_fit_whatever_marks_they_have() {
        let seen = Seen {
            text: "*✔* `core.local`\n succeeded".to_owned(),
            buttons: vec!["Show".to_owned()],
            ..Seen::default()
        };
        let expected = |texts: &[&str], without: &[&str], buttons: &[&str]| {
            let list = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
            Expected {
                texts: list(texts),
                without: list(without),
                buttons: list(buttons),
                ..Expected::default()
            }
        };
        assert!(fits(&expected(&["core.local succeeded"], &[], &["Show"]), &seen));
        assert!(fits(&expected(&["CORE.LOCAL"], &["failed"], &[]), &seen));
        assert!(!fits(&expected(&["core.local"], &["succeeded"], &[]), &seen));
        assert!(!fits(&expected(&[], &[], &["Cancel"]), &seen));
    }
}
