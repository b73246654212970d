//! Events at work: what happens is stored, judged by the rules, and makes their actions run.
//!
//! [`Events::emit`] takes one event to its end: the instance, what the rules made of it and the executions that follow
//! are committed together where one rule matches, and one after the other, each once, where several do. What a crash
//! interrupts is taken up again by [`Events::work`]. The rules themselves are in [`RuleBook`]; timers fire in `timers`;
//! what the engine does comes in by way of [`OwnEvents`].

mod admission;
mod book;
mod carry;
mod emit;
mod kinds;
mod notify;
mod options;
mod own;
mod pending;
mod plan;
mod policies;
mod same;
mod schedules;
mod throttle;
mod timers;
mod traces;
mod webhook;

use std::collections::HashSet;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::Notify;

use admission::Admission;
use throttle::Throttles;

use crate::engine::Engine;
use crate::expr::jinja::{Jinja, KeyLookup};
use crate::model::{Id, Identity, Timestamp};
use crate::store::Store;

pub use admission::Inflow;
pub use book::{RuleBook, RuleError};
pub use emit::{Emission, EmitError, Emitted};
pub use kinds::NamedTrigger;
pub use notify::{Conversations, Notice, Notifications};
pub use options::EventOptions;
pub use own::OwnEvents;
pub use policies::{PolicyBook, PolicyError};
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
    /// Conversations, to tell what became of schedules.
    pub conversations: Option<Arc<dyn Conversations>>,
    /// Time zone of timers that name none.
    pub zone: String,
    /// Settings.
    pub options: EventOptions,
}

/// The handle. Cheap to clone; all clones are the same.
#[derive(Clone)]
pub struct Events {
    shared: Arc<Shared>,
}

struct Shared {
    parts: EventParts,
    /// How often rules ran lately.
    throttles: Throttles,
    /// When windows that held nothing back were last forgotten.
    swept: Mutex<Timestamp>,
    /// What comes in from outside.
    admission: Arc<Admission>,
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
                throttles: Throttles::default(),
                swept: Mutex::new(Timestamp::now()),
                admission: Arc::default(),
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

    /// There may be events that nobody has carried out yet: looks for them, if [`Self::work`] is at work.
    pub fn look(&self) {
        self.shared.wake.notify_one();
    }

    fn store(&self) -> &Arc<dyn Store> {
        self.shared.parts.engine.store()
    }
}
