//! Sensors: programs that watch the world and tell of it, and what Sayso watches itself (SEN).
//!
//! [`Sensors`] runs the enabled sensors of the content in force as processes: starts them, restarts them with growing
//! waits, stops them, and follows reloads. What they say ([`protocol`]) becomes events. Files, web addresses and syslog
//! are watched without a process (`watches`, `syslog`), as the triggers of rules ask for it. [`Overheard`] makes events of
//! chat messages that are no commands.

mod backoff;
mod group;
mod keeper;
mod keys;
mod launch;
mod lines;
mod options;
mod orphans;
mod overheard;
mod process;
pub mod protocol;
mod status;
mod supervisor;
mod switches;
mod syslog;
#[cfg(test)]
mod tests;
mod view;
mod watches;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use parking_lot::Mutex;
use serde_json::{Value as Json, json};
use sha2::{Digest as _, Sha256};
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::content::Content;
use crate::datastore::Datastore;
use crate::events::{Emission, EmitError, Events};
use crate::model::{InboxClaim, JsonMap, Place, Timestamp};
use crate::store::{Store, StoreError, Write};
use crate::triggers::{TriggerKey, TriggerType};

pub use backoff::Pace;
pub use options::SensorOptions;
pub use overheard::{Message, Overheard};
pub use status::{State, Status};
pub use switches::SwitchError;
pub use view::{SensorView, WatchView};

/// Longest id of a sensor's event that is kept as it is.
const LONGEST_ID: usize = 200;
/// A sensor's process was started.
const SPAWN: &str = "core.st2.sensor.process_spawn";
/// A sensor's process has ended.
const EXIT: &str = "core.st2.sensor.process_exit";

/// Gives the configuration of a pack as it is now.
pub type Configuration = Arc<dyn Fn(&str) -> JsonMap + Send + Sync>;

/// What sensors need.
pub struct SensorParts {
    /// Settings.
    pub options: SensorOptions,
    /// The packs.
    pub content: Arc<Content>,
    /// Where events go.
    pub events: Events,
    /// Where it stands what was switched, and how far files were read.
    pub store: Arc<dyn Store>,
    /// The datastore, for what sensors read and keep.
    pub datastore: Option<Arc<Datastore>>,
    /// A pack's configuration with the values of keys; `None`: as it is written.
    pub configuration: Option<Configuration>,
    /// Folder for programs of packs in the binary.
    pub scratch: PathBuf,
    /// Times between starts.
    pub pace: Pace,
}

/// The handle. Cheap to clone; all clones are the same.
#[derive(Clone)]
pub struct Sensors {
    shared: Arc<Shared>,
}

struct Shared {
    parts: SensorParts,
    /// What people switched on or off, by ref.
    switches: Mutex<BTreeMap<String, bool>>,
    /// What is known of sensors, by ref.
    statuses: Mutex<BTreeMap<String, Status>>,
    /// What is known of triggers that Sayso watches itself.
    watches: Mutex<BTreeMap<String, WatchView>>,
    /// Something was switched.
    wake: Notify,
    notes: orphans::Notes,
    stop: CancellationToken,
    work: Mutex<Option<JoinHandle<()>>>,
}

impl Sensors {
    /// Reads what people switched on or off; nothing runs before [`Sensors::start`].
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn load(parts: SensorParts) -> Result<Self, StoreError> {
        let switches = switches::load(&*parts.store).await?;
        Ok(Self {
            shared: Arc::new(Shared {
                notes: orphans::Notes::below(&parts.scratch),
                parts,
                switches: Mutex::new(switches),
                statuses: Mutex::default(),
                watches: Mutex::default(),
                wake: Notify::new(),
                stop: CancellationToken::new(),
                work: Mutex::default(),
            }),
        })
    }

    /// Begins to run sensors and to watch what rules ask for.
    pub fn start(&self) {
        let work = tokio::spawn(supervisor::supervise(Arc::clone(&self.shared)));
        *self.shared.work.lock() = Some(work);
    }

    /// Stops all sensors; returns when their processes are gone.
    pub async fn stop(&self) {
        self.shared.stop.cancel();
        let work = self.shared.work.lock().take();
        if let Some(work) = work {
            let _ = work.await;
        }
    }
}

impl Shared {
    /// Changes what is known of a sensor.
    fn status(&self, reference: &str, change: impl FnOnce(&mut Status)) {
        let mut statuses = self.statuses.lock();
        match statuses.get_mut(reference) {
            Some(status) => change(status),
            None => change(statuses.entry(reference.to_owned()).or_default()),
        }
    }

    fn kind(&self, reference: &str) -> Option<Arc<TriggerType>> {
        self.parts.events.book().kind(reference)
    }

    /// Whether a rule is in force for a trigger without parameters.
    fn is_wanted(&self, type_ref: &str) -> bool {
        let index = self.parts.events.book().index();
        !index.rules(&TriggerKey::of_type(type_ref)).is_empty()
    }

    fn tell_spawn(self: &Arc<Self>, plan: &launch::Plan, pid: Option<u32>) {
        let launch::Program::Words(words, _) = &plan.program else {
            return;
        };
        let words: Vec<_> = words.iter().map(|word| word.to_string_lossy()).collect();
        tracing::info!(sensor = %plan.sensor.reference, pid, "a sensor was started");
        self.tell(
            SPAWN,
            json!({"id": plan.sensor.class_name, "timestamp": seconds(), "pid": pid, "cmd": words.join(" ")}),
        );
    }

    fn tell_exit(self: &Arc<Self>, plan: &launch::Plan, code: i32) {
        tracing::info!(sensor = %plan.sensor.reference, code, "the process of a sensor has ended");
        self.tell(
            EXIT,
            json!({"id": plan.sensor.class_name, "timestamp": seconds(), "exit_code": code}),
        );
    }

    /// Makes an event of ours where a rule wants it.
    fn tell(self: &Arc<Self>, type_ref: &'static str, payload: Json) {
        if !self.is_wanted(type_ref) {
            return;
        }
        let shared = Arc::clone(self);
        tokio::spawn(async move {
            let event = Emission {
                type_ref: type_ref.to_owned(),
                payload: Arc::new(payload),
                ..Emission::default()
            };
            match shared.parts.events.emit(event).await {
                Ok(_) | Err(EmitError::Store(StoreError::Closed)) => {}
                Err(error) => tracing::warn!(%error, type_ref, "an event about a sensor could not be stored"),
            }
        });
    }
}

/// Whole seconds since 1970.
fn seconds() -> i64 {
    Timestamp::now().micros() / 1_000_000
}

/// The row that makes an event of a source happen once.
fn claim(source: &str, id: &str) -> Write {
    let id = if id.len() <= LONGEST_ID {
        id.to_owned()
    } else {
        hex::encode(Sha256::digest(id.as_bytes()))
    };
    Write::Claim(InboxClaim {
        key: format!("sensor:{source}:{id}"),
        received: Timestamp::now(),
        place: Place::default(),
        execution: None,
    })
}
