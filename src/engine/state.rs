//! What the engine keeps in memory: who runs, who waits, who listens.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use parking_lot::Mutex;
use tokio::sync::{Notify, broadcast, oneshot};
use tokio_util::sync::CancellationToken;

use super::gates::Gates;
use super::pending::AlarmClock;
use super::queue::FairQueue;
use super::workflow::{Drivers, Plans};
use super::{EngineParts, EngineStats, Event, policing};
use crate::engine::prepared::PreparedCache;
use crate::model::{Execution, Id, JsonMap, Status, Timestamp};
use crate::store::Write;

/// Events that a slow follower may lag behind before it loses some.
const EVENT_BUFFER: usize = 4096;

/// An execution at work.
pub(super) struct Running {
    /// Its newest committed state; held while a step is committed, so that steps come one after another.
    pub(super) state: tokio::sync::Mutex<Execution>,
    /// Stops the runner.
    pub(super) cancel: CancellationToken,
    /// The server is stopping: the runner was stopped for that and not because somebody asked.
    pub(super) shutdown: AtomicBool,
}

/// Who waits for a place, and how many places are taken.
#[derive(Default)]
pub(super) struct Lanes {
    pub(super) queue: FairQueue,
    /// Executions that wait for their time.
    pub(super) delayed: BTreeSet<(Timestamp, Id)>,
    /// Users of delayed executions, for their place in the queue.
    pub(super) delayed_users: HashMap<Id, String>,
    pub(super) taken: usize,
    pub(super) stopping: bool,
}

/// Everything behind the handle.
pub(super) struct State {
    pub(super) parts: EngineParts,
    pub(super) prepared: PreparedCache,
    pub(super) running: Mutex<HashMap<Id, Arc<Running>>>,
    pub(super) lanes: Mutex<Lanes>,
    /// Wakes the dispatcher.
    pub(super) wake: Notify,
    /// Told whenever an execution left `running`; `drain` waits for the last.
    pub(super) left: Notify,
    waiters: Mutex<HashMap<Id, Vec<oneshot::Sender<Arc<Execution>>>>>,
    pub(super) events: broadcast::Sender<Event>,
    /// Workflows at work.
    pub(super) drivers: Drivers,
    /// Workflows made ready.
    pub(super) plans: Plans,
    accepted: AtomicU64,
    completed: AtomicU64,
    pub(super) runner_info: JsonMap,
    /// When pending executions are to be looked at again.
    pub(super) alarms: AlarmClock,
    /// Who may start under the policies of actions.
    pub(super) gates: Gates,
    /// Executions that follow others whose end is being committed; by the id of those, how they end and when.
    follow_ups: Mutex<HashMap<Id, Vec<FollowUp>>>,
}

/// An end that is being committed, and the execution that follows it.
type FollowUp = ((Status, Option<Timestamp>), Arc<Execution>);

/// A place among the actions that may run at once; free again when dropped.
pub(super) struct Place {
    state: Arc<State>,
}

impl Drop for Place {
    fn drop(&mut self) {
        let waiting = {
            let mut lanes = self.state.lanes.lock();
            lanes.taken -= 1;
            lanes.queue.len()
        };
        if waiting > 0 {
            self.state.wake.notify_one();
        }
    }
}

impl State {
    pub(super) fn new(parts: EngineParts) -> Self {
        let mut runner_info = JsonMap::new();
        let host = nix::unistd::gethostname()
            .ok()
            .and_then(|name| name.into_string().ok());
        runner_info.insert(
            "hostname".to_owned(),
            host.unwrap_or_else(|| "localhost".to_owned()).into(),
        );
        runner_info.insert("pid".to_owned(), std::process::id().into());
        Self {
            parts,
            prepared: PreparedCache::default(),
            running: Mutex::default(),
            lanes: Mutex::default(),
            wake: Notify::new(),
            left: Notify::new(),
            waiters: Mutex::default(),
            events: broadcast::Sender::new(EVENT_BUFFER),
            drivers: Drivers::default(),
            plans: Plans::default(),
            accepted: AtomicU64::new(0),
            completed: AtomicU64::new(0),
            runner_info,
            alarms: AlarmClock::default(),
            gates: Gates::default(),
            follow_ups: Mutex::default(),
        }
    }

    /// An execution is not at work any more.
    pub(super) fn left(&self, id: Id) {
        self.running.lock().remove(&id);
        self.left.notify_waiters();
    }

    /// A place right now, when nobody waits before and one is free.
    pub(super) fn place_at_once(self: &Arc<Self>) -> Option<Place> {
        let mut lanes = self.lanes.lock();
        if lanes.stopping || lanes.queue.len() > 0 || lanes.taken >= self.parts.options.concurrency {
            return None;
        }
        lanes.taken += 1;
        drop(lanes);
        Some(Place {
            state: Arc::clone(self),
        })
    }

    /// The next waiting execution with a place for it.
    pub(super) fn next_waiting(self: &Arc<Self>) -> Option<(Id, Place)> {
        let mut lanes = self.lanes.lock();
        if lanes.stopping || lanes.taken >= self.parts.options.concurrency {
            return None;
        }
        let id = lanes.queue.pop()?;
        lanes.taken += 1;
        drop(lanes);
        Some((
            id,
            Place {
                state: Arc::clone(self),
            },
        ))
    }

    /// Puts an execution into the queue, or among the delayed when its time is yet to come.
    pub(super) fn enqueue(&self, id: Id, user: &str, not_before: Option<Timestamp>) {
        {
            let mut lanes = self.lanes.lock();
            match not_before.filter(|time| *time > Timestamp::now()) {
                Some(time) => {
                    lanes.delayed.insert((time, id));
                    lanes.delayed_users.insert(id, user.to_owned());
                }
                None => lanes.queue.push(user, id),
            }
        }
        self.wake.notify_one();
    }

    /// Moves what is due into the queue; gives the time of the next one that is not.
    pub(super) fn move_due(&self, now: Timestamp) -> Option<Timestamp> {
        let mut lanes = self.lanes.lock();
        while let Some((time, id)) = lanes.delayed.first().copied() {
            if time > now {
                return Some(time);
            }
            lanes.delayed.pop_first();
            if let Some(user) = lanes.delayed_users.remove(&id) {
                lanes.queue.push(&user, id);
            }
        }
        None
    }

    /// Forgets a waiting execution.
    pub(super) fn dequeue(&self, id: Id, not_before: Option<Timestamp>) {
        let mut lanes = self.lanes.lock();
        lanes.queue.remove(id);
        if let Some(time) = not_before {
            lanes.delayed.remove(&(time, id));
            lanes.delayed_users.remove(&id);
        }
    }

    /// Rows of the observers for a step.
    pub(super) fn observed(&self, before: Option<Status>, after: &Execution, rows: &mut Vec<Write>) {
        for observer in &self.parts.observers {
            rows.extend(observer.rows(before, after));
        }
        if after.status.is_completed() {
            policing::follow_up(self, after, rows);
        }
    }

    /// Remembers the execution that follows one whose end is being committed.
    pub(super) fn keep_follow_up(&self, ended: &Execution, next: Arc<Execution>) {
        let mut follow_ups = self.follow_ups.lock();
        let of_this = follow_ups.entry(ended.id).or_default();
        of_this.push(((ended.status, ended.end), next));
    }

    /// The execution that follows one whose end is committed.
    fn take_follow_up(&self, ended: &Execution) -> Option<Arc<Execution>> {
        let mut follow_ups = self.follow_ups.lock();
        if follow_ups.is_empty() {
            return None;
        }
        // An end that was refused may have left another one.
        let kept = follow_ups.remove(&ended.id)?;
        let found = kept
            .into_iter()
            .rfind(|(end, _)| *end == (ended.status, ended.end));
        found.map(|(_, next)| next)
    }

    /// Tells the world about a committed step.
    pub(super) fn announce(&self, execution: &Arc<Execution>, created: bool) {
        if created {
            self.accepted.fetch_add(1, Ordering::Relaxed);
        }
        if execution.status.is_completed() {
            self.completed.fetch_add(1, Ordering::Relaxed);
            let waiters = self.waiters.lock().remove(&execution.id);
            for waiter in waiters.into_iter().flatten() {
                // The one who waited may have gone; that is its own business.
                let _ = waiter.send(Arc::clone(execution));
            }
            policing::leave(self, &execution.request.action, execution.id);
        }
        self.send(|| Event::Execution {
            execution: Arc::clone(execution),
            created,
        });
        if execution.status.is_completed()
            && let Some(next) = self.take_follow_up(execution)
        {
            self.prepared.mark_stored(&next.request.digest);
            self.announce(&next, true);
            self.enqueue(next.id, &next.request.user, next.request.not_before);
        }
    }

    /// Sends an event when somebody listens.
    pub(super) fn send(&self, event: impl FnOnce() -> Event) {
        if self.events.receiver_count() > 0 {
            // The last listener may leave between the two lines; then there is nobody to tell.
            let _ = self.events.send(event());
        }
    }

    /// Registers somebody who waits for the end of an execution.
    pub(super) fn waiter(&self, id: Id) -> oneshot::Receiver<Arc<Execution>> {
        let (sender, receiver) = oneshot::channel();
        self.waiters.lock().entry(id).or_default().push(sender);
        receiver
    }

    /// Forgets waiters of an execution who do not wait any more.
    pub(super) fn forget_waiters(&self, id: Id) {
        let mut waiters = self.waiters.lock();
        if let Some(list) = waiters.get_mut(&id) {
            list.retain(|waiter| !waiter.is_closed());
            if list.is_empty() {
                waiters.remove(&id);
            }
        }
    }

    pub(super) fn stats(&self) -> EngineStats {
        let held_back = self.gates.waiting();
        let lanes = self.lanes.lock();
        EngineStats {
            running: lanes.taken,
            waiting: lanes.queue.len(),
            delayed: lanes.delayed.len(),
            held_back,
            concurrency: self.parts.options.concurrency,
            accepted: self.accepted.load(Ordering::Relaxed),
            completed: self.completed.load(Ordering::Relaxed),
        }
    }
}
