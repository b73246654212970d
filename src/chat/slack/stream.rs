//! Cards of workflows as Slack's own lists of tasks, which Slack keeps in motion until the workflow ends.
//!
//! Such a card is a reply to whoever asked. While it streams it takes tasks that have changed (`chat.appendStream`);
//! then it is stopped and becomes a message like any other, which is changed as always. Whatever Slack does not
//! grant is done with ordinary messages instead, so nothing is lost where streams are not to be had. What streams
//! is known in memory only: after a restart the first change stops the stream.

use std::collections::{HashMap, HashSet, VecDeque};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use serde_json::{Value, json};

use super::limits::{self, cut};
use super::sending::{Letter, Sender, remember};
use super::web::{Failure, about};
use crate::chat::card::{Block, Card, Style};
use crate::chat::gateway::{Form, Rendered, Step, StepState};

/// Slack ends a stream by itself after about 306 seconds, whatever is appended; then it looks broken for a moment.
const LIFE: Duration = Duration::from_secs(280);
/// Streams that may be begun in a minute: `chat.startStream` is Tier 2, 20 a minute.
const STARTS: usize = 18;

/// Beginnings in a row without a proper answer after which cards are plain messages for a while.
const STUMBLES: u32 = 2;
/// How long that is.
const REST: Duration = Duration::from_secs(600);

/// What a stream has told.
struct Told {
    tasks: HashMap<String, (String, &'static str)>,
    since: Instant,
}

/// The streams of a workspace.
pub(super) struct Streams {
    wanted: bool,
    open: Mutex<HashMap<String, Told>>,
    /// Where Slack grants none: channels, or everywhere.
    refused: Mutex<HashSet<String>>,
    begun: Mutex<VecDeque<Instant>>,
    /// Beginnings in a row that got no proper answer, and when the last one was.
    stumbled: Mutex<Option<(u32, Instant)>>,
}

/// What became of a change.
pub(super) enum Change {
    /// The stream shows it.
    Shown,
    /// There is no stream any more: the message has to be changed.
    Over,
}

impl Streams {
    pub(super) fn new(wanted: bool) -> Self {
        Self {
            wanted,
            open: Mutex::default(),
            refused: Mutex::default(),
            begun: Mutex::default(),
            stumbled: Mutex::default(),
        }
    }

    fn may_begin(&self, channel: &str) -> bool {
        let refused = self.refused.lock();
        if !self.wanted || refused.contains("") || refused.contains(channel) {
            return false;
        }
        let stumbled = *self.stumbled.lock();
        if stumbled.is_some_and(|(times, at)| times >= STUMBLES && at.elapsed() < REST) {
            return false;
        }
        let mut begun = self.begun.lock();
        while begun
            .front()
            .is_some_and(|at| at.elapsed() > Duration::from_secs(60))
        {
            begun.pop_front();
        }
        if begun.len() >= STARTS {
            return false;
        }
        begun.push_back(Instant::now());
        true
    }

    /// There was no proper answer: plain messages may get through where streams do not.
    fn stumble(&self) {
        let mut stumbled = self.stumbled.lock();
        let times = stumbled.map_or(0, |(times, _)| times);
        *stumbled = Some((times.saturating_add(1), Instant::now()));
    }

    /// Slack said no: not asked again, in this channel or at all.
    fn refuse(&self, error: &str, channel: &str) {
        let everywhere = matches!(
            error,
            "unknown_method"
                | "missing_scope"
                | "method_deprecated"
                | "deprecated_endpoint"
                | "feature_not_enabled"
                | "team_access_not_granted"
                | "not_allowed_token_type"
                | "no_permission"
        );
        let mut refused = self.refused.lock();
        if refused.len() > 1000 {
            refused.clear();
        }
        refused.insert(if everywhere { "" } else { channel }.to_owned());
    }
}

/// `slack:T1:U1` as workspace and person.
fn recipient(account: &str) -> Option<(&str, &str)> {
    let mut parts = account.split(':').skip(1);
    let (team, user) = (parts.next()?, parts.next()?);
    (!team.is_empty() && !user.is_empty()).then_some((team, user))
}

/// A title that can ring nobody, whatever Slack makes of it.
fn title(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(char) = chars.next() {
        match char {
            '<' if matches!(chars.peek(), Some('!' | '@' | '#')) => safe.push('‹'),
            '\n' | '\r' => safe.push(' '),
            char => safe.push(char),
        }
    }
    let safe = safe.trim();
    cut(if safe.is_empty() { "…" } else { safe }, limits::TASK_TITLE)
}

fn state(step: &Step) -> &'static str {
    match step.state {
        StepState::Waiting => "pending",
        StepState::Running => "in_progress",
        StepState::Done => "complete",
        StepState::Failed => "error",
    }
}

fn heading(card: &Card) -> String {
    let first = card.blocks.iter().find_map(|block| match block {
        Block::Heading { line } => Some(Block::Heading { line: line.clone() }),
        Block::Text { lines } => lines.first().map(|line| Block::Heading { line: line.clone() }),
        _ => None,
    });
    let heading = Card {
        tone: card.tone,
        blocks: first.into_iter().collect(),
    };
    title(&heading.text(Style::Plain))
}

/// The chunks for tasks that are news, at most as many as one call takes; they count as told.
fn news(told: &mut HashMap<String, (String, &'static str)>, steps: &[Step]) -> Vec<Value> {
    let mut chunks = Vec::new();
    for step in steps {
        let now = (title(&step.title), state(step));
        if told.get(&step.id) == Some(&now) {
            continue;
        }
        if chunks.len() == limits::CHUNKS {
            break;
        }
        chunks.push(json!({"type": "task_update", "id": step.id, "title": now.0, "status": now.1}));
        told.insert(step.id.clone(), now);
    }
    chunks
}

impl Sender {
    /// Begins the card of a workflow as a stream in a thread; `None`: it is to be posted as any other.
    ///
    /// # Errors
    /// When Slack could not be reached: it may have begun all the same.
    pub(super) async fn begin_stream(
        &self,
        message: &Rendered,
        letter: &Letter,
        channel: &str,
        thread: Option<&str>,
    ) -> Result<Option<String>, Failure> {
        let (Some(steps), Some(thread), Some(account)) = (&message.steps, thread, &message.asked_by) else {
            return Ok(None);
        };
        let Some((team, user)) = recipient(account) else {
            return Ok(None);
        };
        let fits = message.kind == "ack" && message.form == Form::Rich && message.file.is_none();
        if !fits || !self.streams.may_begin(channel) {
            return Ok(None);
        }
        let mut tasks = HashMap::new();
        let mut chunks = vec![
            json!({"type": "plan_update", "title": heading(&message.card)}),
            json!({"type": "blocks", "blocks": letter.blocks}),
        ];
        chunks.extend(news(&mut tasks, steps));
        let rest = json!({
            "thread_ts": thread,
            "recipient_team_id": team,
            "recipient_user_id": user,
            "task_display_mode": "plan",
            "chunks": chunks,
        });
        let began = Told {
            tasks,
            since: Instant::now(),
        };
        match self.web.call("chat.startStream", &about(channel, rest)).await {
            Ok(answer) => {
                let ts = answer["ts"].as_str().unwrap_or_default().to_owned();
                *self.streams.stumbled.lock() = None;
                remember(&self.streams.open, format!("{channel}/{ts}"), began);
                Ok(Some(ts))
            }
            Err(Failure::Limited(_)) => Ok(None),
            Err(Failure::Refused { error, detail }) => {
                tracing::info!("Slack shows no lists of tasks in {channel}: {error} {detail}");
                self.streams.refuse(&error, channel);
                Ok(None)
            }
            Err(failure) => {
                self.streams.stumble();
                Err(failure)
            }
        }
    }

    /// Shows how things are now in a stream, while there is one and the execution is at work.
    ///
    /// # Errors
    /// When Slack could not be reached, or asks to wait.
    pub(super) async fn change_stream(
        &self,
        known: &str,
        channel: &str,
        ts: &str,
        message: &Rendered,
    ) -> Result<Change, Failure> {
        let goes_on = message.steps.is_some()
            && message.form == Form::Rich
            && message.file.is_none()
            && message.status.is_some_and(|status| !status.is_completed());
        let chunks = {
            let mut open = self.streams.open.lock();
            match open.get_mut(known) {
                None => return Ok(Change::Over),
                Some(told) if goes_on && told.since.elapsed() < LIFE => {
                    let steps = message.steps.as_deref().unwrap_or_default();
                    Some(news(&mut told.tasks, steps))
                }
                Some(_) => None,
            }
        };
        let Some(chunks) = chunks else {
            self.stop_stream(channel, ts).await?;
            return Ok(Change::Over);
        };
        if chunks.is_empty() {
            return Ok(Change::Shown);
        }
        let body = about(channel, json!({"ts": ts, "chunks": chunks}));
        match self.web.call("chat.appendStream", &body).await {
            Ok(_) => Ok(Change::Shown),
            Err(failure @ Failure::Refused { .. }) => {
                tracing::debug!("a list of tasks is over: {failure}");
                self.stop_stream(channel, ts).await?;
                Ok(Change::Over)
            }
            Err(failure) => {
                // Told again with the next change; the same twice is harmless.
                if let Some(told) = self.streams.open.lock().get_mut(known) {
                    told.tasks.clear();
                }
                Err(failure)
            }
        }
    }

    /// Ends a stream, so that its message can be changed.
    ///
    /// # Errors
    /// When Slack could not be reached, or asks to wait.
    pub(super) async fn stop_stream(&self, channel: &str, ts: &str) -> Result<(), Failure> {
        match self
            .web
            .call("chat.stopStream", &about(channel, json!({"ts": ts})))
            .await
        {
            Ok(_) => {}
            // It has ended already.
            Err(failure @ Failure::Refused { .. }) => tracing::debug!("a stream was not stopped: {failure}"),
            Err(failure) => return Err(failure),
        }
        self.streams.open.lock().remove(&format!("{channel}/{ts}"));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(id: &str, title: &str, state: StepState) -> Step {
        Step {
            id: id.to_owned(),
            title: title.to_owned(),
            state,
        }
    }

    #[test]
    fn only_what_has_changed_is_told() {
        let mut told = HashMap::new();
        let mut steps = vec![
            step("t0", "build", StepState::Running),
            step("t1", "ship", StepState::Waiting),
        ];
        assert_eq!(news(&mut told, &steps).len(), 2);
        assert!(news(&mut told, &steps).is_empty());
        steps[0].state = StepState::Done;
        assert_eq!(
            news(&mut told, &steps),
            [json!({"type": "task_update", "id": "t0", "title": "build", "status": "complete"})]
        );
    }

    #[test]
    fn titles_ring_nobody_and_fit() {
        assert_eq!(title("a <!channel> <@U1>\nb"), "a ‹!channel> ‹@U1> b");
        assert_eq!(title(" "), "…");
        assert_eq!(title(&"x".repeat(999)).chars().count(), limits::TASK_TITLE);
    }

    #[test]
    fn no_is_remembered_and_starts_are_paced() {
        let streams = Streams::new(true);
        streams.refuse("channel_type_not_supported", "C1");
        assert!(!streams.may_begin("C1"));
        let begun = (0..2 * STARTS).filter(|_| streams.may_begin("C2")).count();
        assert_eq!(begun, STARTS);
        let streams = Streams::new(true);
        streams.refuse("unknown_method", "C1");
        assert!(!streams.may_begin("C2"));
        assert!(!Streams::new(false).may_begin("C2"));
        let streams = Streams::new(true);
        streams.stumble();
        assert!(streams.may_begin("C1"));
        streams.stumble();
        assert!(!streams.may_begin("C1"));
    }

    #[test]
    fn accounts_name_workspace_and_person() {
        assert_eq!(recipient("slack:T1:U1"), Some(("T1", "U1")));
        assert_eq!(recipient("console:ana"), None);
    }
}
