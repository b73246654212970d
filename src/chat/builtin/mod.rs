//! The built-in commands: actions of pack `chatops` whose runner is this service itself.
//!
//! A command gives structured data; what people read is made from it by `templates/command/<name>.hbs`. All
//! commands act with the rights of the person who said them.

mod access;
mod answers;
mod audit;
pub(crate) mod condition;
mod control;
mod executions;
mod find;
mod guide;
mod keys;
mod schedules;
mod settings;

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use futures_util::future::BoxFuture;
use parking_lot::Mutex;
use serde_json::{Value, json};
use tokio::sync::watch;

use super::callers::Callers;
use super::conversations::Manners;
use super::gateway::Bystander;
use super::identities::Identities;
use super::outbox::{Gateways, Outbox};
use super::phrasebook::Shelf;
use super::say::Speaker;
use crate::access::{Authority, People};
use crate::datastore::Datastore;
use crate::engine::Engine;
use crate::events::Events;
use crate::expr::jinja::Jinja;
use crate::model::{Identity, JsonMap, Place, Status, Timestamp};
use crate::runners::{Job, Outcome, Runner, RunnerSpec};

/// Name of the runner.
pub const RUNNER: &str = "builtin";

/// Reading positions that are remembered for `more`.
const POSITIONS: usize = 10_000;

/// Everything that commands work with.
pub(crate) struct Desk {
    pub(crate) engine: Engine,
    pub(crate) shelf: Arc<dyn Shelf>,
    pub(crate) authority: Arc<dyn Authority>,
    pub(crate) people: Option<Arc<People>>,
    pub(crate) keys: Option<Arc<Datastore>>,
    pub(crate) identities: Arc<dyn Identities>,
    pub(crate) speaker: Arc<Speaker>,
    pub(crate) formats: Arc<Jinja>,
    pub(crate) gateways: Arc<Gateways>,
    pub(crate) outbox: Outbox,
    pub(crate) manners: Manners,
    /// Time zone of schedules that name none.
    pub(crate) zone: String,
    pub(crate) started: Timestamp,
    /// Where somebody stopped reading, by person, conversation and subject.
    pub(crate) positions: Mutex<HashMap<String, usize>>,
    /// Who knows what is wrong elsewhere.
    pub(crate) bystander: OnceLock<Arc<dyn Bystander>>,
}

/// One command as it was called.
pub(crate) struct Call<'a> {
    desk: &'a Desk,
    /// For schedules; `None` where nothing fires them.
    events: Option<&'a Events>,
    identity: Identity,
    place: Option<Place>,
    parameters: JsonMap,
}

/// Why a command cannot be carried out.
#[derive(Debug, Default)]
pub(crate) struct Refusal {
    error: String,
    hint: Option<String>,
    candidates: Vec<Value>,
    /// Candidates that are not listed.
    more: usize,
}

impl Refusal {
    fn new(error: impl Into<String>) -> Self {
        Self {
            error: error.into(),
            ..Self::default()
        }
    }

    fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl From<crate::store::StoreError> for Refusal {
    fn from(error: crate::store::StoreError) -> Self {
        let id = crate::model::Id::new();
        tracing::error!(error.id = %id, "a built-in command failed: {error}");
        Self::new(format!(
            "the store could not be read; the log tells more under the id {id}"
        ))
    }
}

type Answer = Result<Value, Refusal>;

impl Call<'_> {
    fn text(&self, name: &str) -> Option<&str> {
        self.parameters
            .get(name)
            .and_then(Value::as_str)
            .map(str::trim)
            .filter(|text| !text.is_empty())
    }

    fn number(&self, name: &str) -> Option<usize> {
        self.parameters
            .get(name)
            .and_then(Value::as_u64)
            .and_then(|number| usize::try_from(number).ok())
    }

    fn place_key(&self) -> String {
        let place = self
            .place
            .as_ref()
            .map_or("", |place| place.conversation.as_str());
        format!("{}\n{place}", self.identity.user)
    }

    fn position(&self, subject: &str) -> usize {
        let key = format!("{}\n{subject}", self.place_key());
        self.desk.positions.lock().get(&key).copied().unwrap_or(0)
    }

    fn set_position(&self, subject: &str, position: usize) {
        let mut positions = self.desk.positions.lock();
        if positions.len() >= POSITIONS {
            positions.clear();
        }
        positions.insert(format!("{}\n{subject}", self.place_key()), position);
    }

    async fn run(&self, command: &str) -> Answer {
        match command {
            "help" => Ok(guide::help(self)),
            "explain" => guide::explain(self),
            "whoami" => Ok(guide::whoami(self)),
            "ps" => executions::ps(self).await,
            "history" => executions::history(self).await,
            "show" => executions::show(self).await,
            "log" => executions::log(self).await,
            "cancel" => control::cancel(self).await,
            "rerun" => control::rerun(self).await,
            "reload" => control::reload(self).await,
            "status" => control::status(self).await,
            "inquiries" => answers::inquiries(self).await,
            "answer" => answers::answer(self).await,
            "why" => access::why(self),
            "who_can" => access::who_can(self),
            "simulate" => access::simulate(self),
            "link" => access::link(self).await,
            "unlink" => access::unlink(self).await,
            "break_glass" => access::break_glass(self).await,
            "reviews" => access::reviews(self).await,
            "review" => access::review(self).await,
            "approvals" => answers::approvals(self).await,
            "approve" => answers::approve(self).await,
            "deny" => answers::deny(self).await,
            "delegate" => answers::delegate(self).await,
            "settings" => settings::show(self),
            "set" => settings::set(self).await,
            "key_get" => keys::get(self),
            "key_list" => keys::list(self),
            "key_set" => keys::set(self).await,
            "schedule" => schedules::schedule(self).await,
            "schedules" => schedules::schedules(self).await,
            "schedule_change" => schedules::change(self).await,
            "audit_summary" => audit::summary(self).await,
            "audit_search" => audit::search(self).await,
            "audit_tail" => audit::tail(self).await,
            "audit_verify" => audit::verify(self).await,
            other => Err(Refusal::new(format!("there is no built-in command `{other}`"))),
        }
    }
}

/// The runner `builtin`. It is made before the engine and given its desk when chat has started; commands that
/// come earlier wait for that.
pub struct BuiltinRunner {
    spec: RunnerSpec,
    desk: watch::Sender<Option<Arc<Desk>>>,
    pub(crate) callers: Arc<Callers>,
    events: std::sync::OnceLock<Events>,
}

impl Default for BuiltinRunner {
    fn default() -> Self {
        Self::new()
    }
}

impl BuiltinRunner {
    /// A runner without a desk; [`super::Hub::start`] gives it one.
    #[must_use]
    pub fn new() -> Self {
        Self {
            spec: RunnerSpec {
                name: RUNNER,
                description: "Commands that the service carries out itself.",
                package: "builtin_runner",
                module: "builtin_runner",
                parameters: JsonMap::new(),
                output_key: None,
                pure: false,
            },
            desk: watch::Sender::new(None),
            callers: Arc::new(Callers::default()),
            events: std::sync::OnceLock::new(),
        }
    }

    /// Gives it the events, which it needs for schedules. Only the first ones count.
    pub fn give_events(&self, events: Events) {
        let _ = self.events.set(events);
    }

    pub(crate) fn open(&self, desk: Arc<Desk>) {
        self.desk.send_replace(Some(desk));
    }

    pub(crate) fn close(&self) {
        self.desk.send_replace(None);
    }
}

impl Runner for BuiltinRunner {
    fn spec(&self) -> &RunnerSpec {
        &self.spec
    }

    fn run(&self, job: Job) -> BoxFuture<'_, Outcome> {
        Box::pin(async move {
            let mut open = self.desk.subscribe();
            let work = async {
                // The sender lives in `self`, so waiting can only end with a desk.
                let desk = open
                    .wait_for(Option::is_some)
                    .await
                    .ok()
                    .and_then(|desk| desk.clone())?;
                Some(self.carry_out(&desk, &job).await)
            };
            let outcome = tokio::select! {
                outcome = work => outcome,
                () = job.cancel.cancelled() => None,
            };
            outcome.unwrap_or_else(|| Outcome::new(Status::Canceled, json!({"error": "it was stopped"})))
        })
    }
}

impl BuiltinRunner {
    async fn carry_out(&self, desk: &Desk, job: &Job) -> Outcome {
        let (identity, place) = match self.callers.forget(job.execution) {
            Some((identity, place)) => (identity, Some(place)),
            // Started by the API or a rule: the rights are the user's as they are now.
            None => (desk.identities.named(&job.user, "api"), None),
        };
        let call = Call {
            desk,
            events: self.events.get(),
            identity,
            place,
            parameters: job.parameters.clone(),
        };
        match call.run(&job.action.entry_point).await {
            Ok(value) => Outcome::new(Status::Succeeded, value),
            Err(refusal) => Outcome::new(
                Status::Failed,
                json!({
                    "error": refusal.error,
                    "hint": refusal.hint,
                    "candidates": refusal.candidates,
                    "more_candidates": refusal.more,
                }),
            ),
        }
    }
}
