//! Events at work: what happens is stored, judged by the rules, and makes their actions run.
//!
//! [`Events::emit`] takes one event to its end: the instance, what the rules made of it and the executions that follow
//! are committed together where one rule matches, and one after the other, each once, where several do. What a crash
//! interrupts is taken up again by [`Events::work`]. The rules themselves are in [`RuleBook`]; timers fire in `timers`;
//! what the engine does comes in by way of [`OwnEvents`].

mod book;
mod carry;
mod emit;
mod kinds;
mod own;
mod pending;
mod plan;
mod schedules;
mod timers;
mod traces;
mod webhook;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::Notify;

use crate::engine::Engine;
use crate::expr::jinja::{Jinja, KeyLookup};
use crate::model::{Id, Identity};
use crate::rules::Windows;
use crate::store::Store;

pub use book::{RuleBook, RuleError};
pub use emit::{Emission, EmitError, Emitted};
pub use kinds::NamedTrigger;
pub use own::OwnEvents;
pub use schedules::{NewSchedule, Schedule, ScheduleError};
pub use timers::Upcoming;
pub use traces::{Trace, TraceFilter, TraceKind, TracePart, rule_id};
pub use webhook::{Delivery, Refused, Sender};

/// Rules in a row that may lead to one another; what goes on longer feeds itself.
pub const DEEPEST: u32 = 16;
/// Key of an execution's context that says how many rules in a row led to it.
pub const DEPTH: &str = "rule_depth";

/// Who somebody is, by name.
pub type Identities = Arc<dyn Fn(&str) -> Identity + Send + Sync>;

/// What events need.
pub struct EventParts {
    /// Where actions are asked for.
    pub engine: Engine,
    /// The rules.
    pub book: Arc<RuleBook>,
    /// Who the people are on whose behalf rules run.
    pub identities: Identities,
    /// The user of rules that name nobody.
    pub system_user: String,
    /// The datastore, for criteria, parameters and proofs of senders.
    pub keys: Option<Arc<dyn KeyLookup>>,
    /// Renders criteria and parameters.
    pub jinja: Arc<Jinja>,
    /// Time zone of timers that name none.
    pub zone: String,
}

/// The handle. Cheap to clone; all clones are the same.
#[derive(Clone)]
pub struct Events {
    shared: Arc<Shared>,
}

struct Shared {
    parts: EventParts,
    /// How often rules ran lately, by ref; de-duplication under `ref#`.
    windows: Mutex<HashMap<String, Windows>>,
    /// Instances that are being carried out now.
    at_work: Mutex<HashSet<Id>>,
    /// There may be instances that nobody has judged yet.
    wake: Notify,
    /// Schedules in force.
    schedules: tokio::sync::Mutex<schedules::Table>,
}

impl Events {
    /// Puts the parts together; nothing starts before [`Events::work`].
    #[must_use]
    pub fn new(parts: EventParts) -> Self {
        Self {
            shared: Arc::new(Shared {
                parts,
                windows: Mutex::default(),
                at_work: Mutex::default(),
                wake: Notify::new(),
                schedules: tokio::sync::Mutex::default(),
            }),
        }
    }

    /// The rules.
    #[must_use]
    pub fn book(&self) -> &Arc<RuleBook> {
        &self.shared.parts.book
    }

    /// Time zone of timers that name none.
    #[must_use]
    pub fn zone(&self) -> &str {
        &self.shared.parts.zone
    }

    fn store(&self) -> &Arc<dyn Store> {
        self.shared.parts.engine.store()
    }
}
