//! Executions that wait for people: they hold no place, survive restarts, and are changed by votes, answers and time.
//!
//! A pending execution is a row and, when its runner wants to look at it again, one entry among the alarms. Every
//! change is decided from the stored state and guarded by its revision, so that two people who answer at the same
//! moment come one after the other.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Weak};
use std::time::Duration;

use futures_util::StreamExt as _;
use parking_lot::Mutex;
use serde_json::Value;
use thiserror::Error;
use tokio::sync::Notify;

use super::state::State;
use super::step::{set_result, step};
use super::{audit, consent, prepared};
use crate::model::{Execution, Id, Identity, Place, Status, Timestamp};
use crate::runners::{Amendment, Change, Note};
use crate::store::{CommitError, StoreError, Write};

/// Changes by others that make one change start over; more than this many in a row do not happen by chance.
const ATTEMPTS: usize = 64;
/// Pause before an alarm is tried again while the store cannot be read or written.
const RETRY_MILLIS: i64 = 1000;
/// Alarms that are handled at the same time, after a long rest for instance.
const AT_ONCE: usize = 64;
/// The clock may be set while we sleep: no sleep is longer than this.
const LONGEST_SLEEP: Duration = Duration::from_secs(600);

/// Who changes a pending execution, and where they said so: for the audit log.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct By {
    /// Internal name of the person.
    pub user: String,
    /// `slack:default #ops`, `api`, `cli`; empty for the service itself.
    pub place: String,
}

impl By {
    /// Somebody, in a conversation or over the API.
    #[must_use]
    pub fn of(identity: &Identity, place: Option<&Place>) -> Self {
        let place = place.map_or_else(
            || identity.via.clone(),
            |place| {
                let name = place.name.as_deref().unwrap_or(&place.conversation);
                format!("{} {name}", place.gateway)
            },
        );
        Self {
            user: identity.user.clone(),
            place,
        }
    }
}

/// Why a pending execution was not changed.
#[derive(Debug, Error)]
pub enum AmendError<E> {
    /// No such execution.
    #[error("there is no execution {0}")]
    Unknown(Id),
    /// It does not wait for anybody (any more).
    #[error("execution {} is {}", .0.id, .0.status)]
    NotPending(Arc<Execution>),
    /// Whoever was to decide refused.
    #[error("it was refused")]
    Refused(E),
    /// The store failed; an internal error.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The engine's hold on the alarms; lets who waits for them know when the engine is gone.
#[derive(Default)]
pub(super) struct AlarmClock(Arc<Alarms>);

impl std::ops::Deref for AlarmClock {
    type Target = Arc<Alarms>;

    fn deref(&self) -> &Arc<Alarms> {
        &self.0
    }
}

impl Drop for AlarmClock {
    fn drop(&mut self) {
        self.0.changed.notify_one();
    }
}

/// When pending executions are to be looked at again: one entry each.
#[derive(Default)]
pub(super) struct Alarms {
    times: Mutex<Times>,
    /// Told when the earliest time may have changed.
    changed: Notify,
}

#[derive(Default)]
struct Times {
    order: BTreeSet<(Timestamp, Id)>,
    by_id: HashMap<Id, Timestamp>,
}

impl Alarms {
    /// Sets, moves or (`None`) removes the alarm of an execution.
    pub(super) fn set(&self, id: Id, time: Option<Timestamp>) {
        let mut times = self.times.lock();
        if let Some(before) = times.by_id.remove(&id) {
            times.order.remove(&(before, id));
        }
        let Some(time) = time else { return };
        times.by_id.insert(id, time);
        times.order.insert((time, id));
        let first = times.order.first() == Some(&(time, id));
        drop(times);
        if first {
            self.changed.notify_one();
        }
    }

    /// Takes what is due, and tells when the next one is.
    fn take(&self, now: Timestamp) -> (Vec<Id>, Option<Timestamp>) {
        let mut times = self.times.lock();
        let mut due = Vec::new();
        while let Some((time, id)) = times.order.first().copied() {
            if time > now {
                return (due, Some(time));
            }
            times.order.pop_first();
            times.by_id.remove(&id);
            due.push(id);
        }
        (due, None)
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.times.lock().by_id.len()
    }
}

/// Waits for the alarms until the engine is gone.
pub(super) async fn run(state: Weak<State>, alarms: Arc<Alarms>) {
    loop {
        let next = {
            let Some(state) = state.upgrade() else { return };
            let (due, next) = alarms.take(Timestamp::now());
            let state = &state;
            futures_util::stream::iter(due)
                .for_each_concurrent(AT_ONCE, |id| ring(state, id))
                .await;
            next
        };
        // A change since `take` has left a permit, so that none is missed. The engine is not held meanwhile.
        let changed = alarms.changed.notified();
        match next {
            None => changed.await,
            Some(time) => {
                let micros = time.micros() - Timestamp::now().micros();
                let pause = Duration::from_micros(u64::try_from(micros).unwrap_or(0));
                let _ = tokio::time::timeout(pause.min(LONGEST_SLEEP), changed).await;
            }
        }
    }
}

/// The time of a pending execution has come.
async fn ring(state: &Arc<State>, id: Id) {
    let by = By {
        user: state.parts.options.system_user.clone(),
        place: String::new(),
    };
    let now = Timestamp::now();
    let decide = |execution: &Execution| {
        // Somebody moved the time meanwhile: the alarm for it is set.
        if execution.progress.wake.is_none_or(|wake| wake > now) {
            return Err(());
        }
        let result = execution.result.as_deref().cloned().unwrap_or_default();
        let runner = state.parts.runners.get(&execution.request.runner);
        Ok(runner.map_or_else(
            || Amendment {
                change: Change::Settle {
                    status: Status::Timeout,
                    result: result.clone(),
                },
                notes: Vec::new(),
            },
            |runner| runner.due(&result, now),
        ))
    };
    match amend(state, id, &by, decide).await {
        Ok(_) | Err(AmendError::Unknown(_) | AmendError::NotPending(_) | AmendError::Refused(())) => {}
        Err(AmendError::Store(StoreError::Closed)) => {}
        Err(AmendError::Store(error)) => {
            tracing::warn!(execution.id = %id, %error, "the time of a pending execution is over; trying again");
            state
                .alarms
                .set(id, Some(Timestamp::now().plus_millis(RETRY_MILLIS)));
        }
    }
}

/// Decides about a pending execution and commits what was decided.
pub(super) async fn amend<E>(
    state: &Arc<State>,
    id: Id,
    by: &By,
    mut decide: impl FnMut(&Execution) -> Result<Amendment, E> + Send,
) -> Result<Arc<Execution>, AmendError<E>> {
    for _ in 0..ATTEMPTS {
        let current = state
            .parts
            .store
            .execution(id)
            .await?
            .ok_or(AmendError::Unknown(id))?;
        // What waits for consent is changed by its approvals only.
        if current.status != Status::Pending || consent::waits(&current) {
            return Err(AmendError::NotPending(Arc::new(current)));
        }
        let amendment = decide(&current).map_err(AmendError::Refused)?;
        let now = Timestamp::now();
        let Some(next) = changed(state, &current, amendment.change, now) else {
            return Ok(Arc::new(current));
        };
        let next = Arc::new(next);
        let mut rows = vec![Write::Transition(Arc::clone(&next))];
        rows.extend(
            amendment
                .notes
                .into_iter()
                .map(|note| Write::Audit(audit::noted(&next, note.kind, note.detail, by, now))),
        );
        if next.status != Status::Pending {
            rows.push(Write::Audit(audit::stepped(&next, Some(&by.user))));
        }
        state.observed(Some(current.status), &next, &mut rows);
        match consent::commit(state, current.status, &next, rows).await {
            Ok(()) => {
                state.alarms.set(id, next.progress.wake);
                state.announce(&next, false);
                return Ok(next);
            }
            Err(CommitError::Store(error)) => return Err(error.into()),
            // Somebody was faster: decide again from what is there now.
            Err(CommitError::Conflict(_) | CommitError::Duplicate(_)) => tokio::task::yield_now().await,
        }
    }
    Err(StoreError::Database(format!("execution {id} changes faster than it can be answered")).into())
}

/// The state after a change; `None` when nothing changes.
fn changed(state: &State, current: &Execution, change: Change, now: Timestamp) -> Option<Execution> {
    match change {
        Change::Keep => None,
        Change::Amend { result, wake } => {
            let mut next = current.clone();
            next.revision += 1;
            set_result(&mut next, result);
            next.progress.wake = wake;
            Some(next)
        }
        Change::Settle { status, result } => {
            let (status, result) = fitting(state, current, status, result);
            // A status that may not follow is a mistake of the runner's; the wait ends all the same.
            let mut next = step(current, status, now).or_else(|| step(current, Status::Failed, now))?;
            set_result(&mut next, result);
            next.progress.wake = None;
            Some(next)
        }
    }
}

/// The end of a wait as the action's output schema wants it, like the end of any other action: a result that does not fit
/// fails, and secret parts are sealed.
fn fitting(state: &State, current: &Execution, status: Status, result: Value) -> (Status, Value) {
    let Some(prepared) = prepared::of(state, current) else {
        return (status, result);
    };
    let (status, result) = prepared.check_result(status, result, state.parts.options.validate_output);
    (status, prepared.seal_result(result, &state.parts.key, current.id))
}

/// An audit entry of its own.
pub(super) async fn note(
    state: &State,
    execution: &Execution,
    note: Note,
    by: &By,
) -> Result<(), StoreError> {
    let draft = audit::noted(execution, note.kind, note.detail, by, Timestamp::now());
    match state.parts.store.commit(vec![Write::Audit(draft)]).await {
        Ok(()) => Ok(()),
        Err(CommitError::Store(error)) => Err(error),
        Err(other) => Err(StoreError::Database(other.to_string())),
    }
}
