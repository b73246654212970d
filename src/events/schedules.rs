//! Schedules: run this action at these times as this person.
//!
//! What is to run is fixed when the schedule is made; whether the person may is asked each time. A run, and up to when
//! the schedule has fired, are one commit with a claim for that time: each time runs once, whatever crashes in between.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};
use thiserror::Error;

use super::{EmitError, Events};
use crate::engine::{Submit, SubmitError};
use crate::model::{AuditDraft, Id, Identity, InboxClaim, JsonMap, Origin, Place, Timestamp};
use crate::store::{CommitError, StoreError, Write};
use crate::timers::{self, Misfire, Timer};

/// Named values: `schedule.<number>`.
const KEY: &str = "schedule.";
/// Named value: the number of the newest schedule.
const NEWEST: &str = "schedules-newest";
/// Schedules that there can be.
const MOST: usize = 10_000;
/// Times that are shown.
const SHOWN: usize = 3;

/// A schedule as it is stored.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Schedule {
    /// Its number; people name it by this.
    pub number: u64,
    /// When, as it was written.
    pub when: String,
    /// The zone that times count in where `when` names none.
    pub timezone: String,
    /// Ref of the action.
    pub action: String,
    /// Its parameters, data.
    #[serde(default)]
    pub parameters: JsonMap,
    /// Parameters that whoever wrote the alias gave; may have expressions.
    #[serde(default, skip_serializing_if = "JsonMap::is_empty")]
    pub templates: JsonMap,
    /// The sentence that was said instead of action and parameters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command: Option<String>,
    /// The alias that it meant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alias: Option<String>,
    /// On whose behalf it runs.
    pub user: String,
    /// Where it is answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<Place>,
    /// What becomes of missed runs: `skip`, `once`, `all`.
    pub misfire: String,
    /// How late a run may be, `10m`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grace: Option<String>,
    /// Whether it stands still.
    #[serde(default)]
    pub paused: bool,
    /// When it was made.
    pub made: Timestamp,
    /// Up to when it has fired.
    pub since: Timestamp,
    /// What became of the last run: `{at, execution}` or `{at, error}`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last: Option<Json>,
}

/// What is asked for.
#[derive(Clone, Debug, Default)]
pub struct NewSchedule {
    /// When, in words.
    pub when: String,
    /// The zone of its times; `None`: that of timers.
    pub timezone: Option<String>,
    /// Ref of the action.
    pub action: String,
    /// Its parameters, data.
    pub parameters: JsonMap,
    /// Parameters that whoever wrote the alias gave; may have expressions.
    pub templates: JsonMap,
    /// The sentence that was said instead.
    pub command: Option<String>,
    /// The alias that it meant.
    pub alias: Option<String>,
    /// Where it is answered.
    pub place: Option<Place>,
    /// What becomes of missed runs; `None`: `once`.
    pub misfire: Option<String>,
    /// How late a run may be.
    pub grace: Option<String>,
}

/// Why a schedule was not made or changed.
#[derive(Debug, Error)]
pub enum ScheduleError {
    /// There is no such schedule, or it is somebody else's.
    #[error("there is no schedule {0} of yours")]
    Unknown(u64),
    /// It cannot be.
    #[error("{message}")]
    Bad {
        /// What is wrong.
        message: String,
        /// What to do.
        hint: String,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<CommitError> for ScheduleError {
    fn from(error: CommitError) -> Self {
        match EmitError::from(error) {
            EmitError::Store(error) => Self::Store(error),
            other => Self::Store(StoreError::Database(other.to_string())),
        }
    }
}

fn bad(message: impl Into<String>, hint: impl Into<String>) -> ScheduleError {
    ScheduleError::Bad {
        message: message.into(),
        hint: hint.into(),
    }
}

/// The schedules by number; `None` before they were read.
pub(super) type Table = Option<BTreeMap<u64, Schedule>>;

impl Schedule {
    fn timer(&self) -> Result<Timer, ScheduleError> {
        let read = timers::Schedule::parse(&self.when, &self.timezone, self.made);
        let mut timer = read
            .map_err(|misread| bad(misread.message.clone(), misread.hint()))?
            .timer;
        let mut policy = JsonMap::from_iter([("misfire".to_owned(), json!(self.misfire))]);
        policy.extend(
            self.grace
                .as_ref()
                .map(|grace| ("grace".to_owned(), json!(grace))),
        );
        timer.misfire =
            Misfire::from_parameters(&policy).map_err(|finding| bad(finding.message, finding.hint))?;
        Ok(timer)
    }

    fn key(&self) -> String {
        format!("{KEY}{:010}", self.number)
    }

    fn row(&self) -> Write {
        Write::Setting {
            key: self.key(),
            value: Some(json!(self)),
        }
    }

    /// As clients see it, with the next times that it fires.
    #[must_use]
    pub fn shown(&self) -> Json {
        let mut shown = json!(self);
        let after = self.since.max(Timestamp::now());
        let next = match self.timer() {
            Ok(timer) if !self.paused => timer.upcoming(after, SHOWN),
            _ => Vec::new(),
        };
        shown["next"] = json!(next);
        if let Some(shown) = shown.as_object_mut() {
            shown.shift_remove("since");
        }
        shown
    }

    fn audit(&self, kind: &str, by: &str, more: Option<(&str, Json)>) -> Write {
        let mut detail = json!({"schedule": self.number, "when": self.when});
        if let Some((name, value)) = more {
            detail[name] = value;
        }
        Write::Audit(AuditDraft {
            timestamp: Timestamp::now(),
            kind: kind.to_owned(),
            actor: by.to_owned(),
            action: Some(self.action.clone()),
            detail,
            ..AuditDraft::default()
        })
    }
}

impl Events {
    /// Makes a schedule on behalf of somebody.
    ///
    /// # Errors
    /// [`ScheduleError::Bad`] with what to do about it; [`ScheduleError::Store`].
    pub async fn schedule(&self, new: NewSchedule, by: &Identity) -> Result<Schedule, ScheduleError> {
        let engine = &self.shared.parts.engine;
        let Some(action) = engine.action(&new.action) else {
            return Err(bad(format!("there is no action `{}`", new.action), ""));
        };
        let secret = action
            .parameters
            .iter()
            .find(|(name, schema)| schema["secret"] == json!(true) && new.parameters.contains_key(*name));
        if let Some((name, _)) = secret {
            return Err(bad(
                format!("`{name}` is secret, and what is scheduled is stored in clear"),
                "leave it to the action's default or to the pack's configuration",
            ));
        }
        let now = Timestamp::now();
        let mut schedule = Schedule {
            number: 0,
            when: new.when,
            timezone: new.timezone.unwrap_or_else(|| self.shared.parts.zone.clone()),
            action: new.action,
            parameters: new.parameters,
            templates: new.templates,
            command: new.command,
            alias: new.alias,
            user: by.user.clone(),
            place: new.place,
            misfire: new.misfire.unwrap_or_else(|| "once".to_owned()),
            grace: new.grace,
            paused: false,
            made: now,
            since: now,
            last: None,
        };
        if schedule.timer()?.next_fire(now).is_none() {
            return Err(bad("that time is over", "write a time that is still to come"));
        }
        let mut table = self.shared.schedules.lock().await;
        let known = self.known(&mut table).await?;
        if known.len() >= MOST {
            return Err(bad(format!("there are {MOST} schedules already"), "remove some"));
        }
        let newest = self.store().setting(NEWEST.to_owned()).await?;
        schedule.number = newest.and_then(|newest| newest.as_u64()).unwrap_or(0) + 1;
        let rows = vec![
            schedule.row(),
            Write::Setting {
                key: NEWEST.to_owned(),
                value: Some(schedule.number.into()),
            },
            schedule.audit("schedule.created", &by.user, None),
        ];
        self.store().commit(rows).await?;
        known.insert(schedule.number, schedule.clone());
        Ok(schedule)
    }

    /// The schedules that somebody sees: their own; all for administrators.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn schedules(&self, by: &Identity) -> Result<Vec<Schedule>, StoreError> {
        let mut table = self.shared.schedules.lock().await;
        let known = self.known(&mut table).await?;
        let seen = known
            .values()
            .filter(|schedule| by.is_admin() || schedule.user == by.user);
        Ok(seen.cloned().collect())
    }

    /// Lets a schedule stand still, or go on. What it would have run meanwhile is left out.
    ///
    /// # Errors
    /// [`ScheduleError::Unknown`], [`ScheduleError::Store`].
    pub async fn pause_schedule(
        &self,
        number: u64,
        paused: bool,
        by: &Identity,
    ) -> Result<Schedule, ScheduleError> {
        let mut table = self.shared.schedules.lock().await;
        let known = self.known(&mut table).await?;
        let found = owned(known, number, by)?;
        if found.paused == paused {
            return Ok(found.clone());
        }
        let mut changed = found.clone();
        changed.paused = paused;
        if !paused {
            changed.since = changed.since.max(Timestamp::now());
        }
        let kind = if paused {
            "schedule.paused"
        } else {
            "schedule.resumed"
        };
        let rows = vec![changed.row(), changed.audit(kind, &by.user, None)];
        self.store().commit(rows).await?;
        *found = changed.clone();
        Ok(changed)
    }

    /// Removes a schedule.
    ///
    /// # Errors
    /// [`ScheduleError::Unknown`], [`ScheduleError::Store`].
    pub async fn remove_schedule(&self, number: u64, by: &Identity) -> Result<(), ScheduleError> {
        let mut table = self.shared.schedules.lock().await;
        let known = self.known(&mut table).await?;
        let found = owned(known, number, by)?;
        let rows = vec![
            Write::Setting {
                key: found.key(),
                value: None,
            },
            found.audit("schedule.removed", &by.user, None),
        ];
        self.store().commit(rows).await?;
        known.remove(&number);
        Ok(())
    }

    async fn known<'t>(&self, table: &'t mut Table) -> Result<&'t mut BTreeMap<u64, Schedule>, StoreError> {
        let mut read = BTreeMap::new();
        if table.is_none() {
            for (key, value) in self.store().settings(KEY.to_owned()).await? {
                match serde_json::from_value::<Schedule>(value) {
                    Ok(schedule) => {
                        read.insert(schedule.number, schedule);
                    }
                    Err(error) => {
                        tracing::error!(%key, %error, "a stored schedule cannot be read and is left out");
                    }
                }
            }
        }
        Ok(table.get_or_insert(read))
    }

    /// Runs what is due; tells when to look again.
    ///
    /// # Errors
    /// When the store failed: what is due stays due.
    pub(super) async fn fire_schedules(&self) -> Result<Option<Timestamp>, StoreError> {
        let mut table = self.shared.schedules.lock().await;
        let known = self.known(&mut table).await?;
        let now = Timestamp::now();
        let mut next = None;
        let mut over = Vec::new();
        for schedule in known.values_mut().filter(|schedule| !schedule.paused) {
            let due = match schedule.timer() {
                Ok(timer) => timer.due(schedule.since, now),
                // It was read before: only a zone that is gone can have changed that.
                Err(error) => {
                    tracing::error!(schedule = schedule.number, %error, "a schedule cannot run");
                    continue;
                }
            };
            let mut is_behind = false;
            for at in due.fires {
                if !self.run_scheduled(schedule, at).await? {
                    is_behind = true;
                    break;
                }
            }
            if is_behind {
                next = Some(now);
                continue;
            }
            schedule.since = schedule.since.max(due.upto);
            match due.next {
                Some(at) => next = Some(next.map_or(at, |next: Timestamp| next.min(at))),
                None => over.push(schedule.number),
            }
        }
        for number in over {
            if let Some(schedule) = known.get(&number) {
                let row = Write::Setting {
                    key: schedule.key(),
                    value: None,
                };
                let rows = vec![row, schedule.audit("schedule.over", &schedule.user, None)];
                self.store().commit(rows).await.map_err(EmitError::from)?;
                known.remove(&number);
            }
        }
        Ok(next)
    }

    /// One run. False when there was no room for it: it stays due.
    async fn run_scheduled(&self, schedule: &mut Schedule, at: Timestamp) -> Result<bool, StoreError> {
        let parts = &self.shared.parts;
        let id = Id::new();
        let key = format!("{}:{at}", schedule.key());
        let mut after = schedule.clone();
        after.since = at;
        after.last = Some(json!({"at": at, "execution": id}));
        let claim = Write::Claim(InboxClaim {
            key,
            received: Timestamp::now(),
            place: schedule.place.clone().unwrap_or_default(),
            execution: Some(id),
        });
        let mut context = JsonMap::from_iter([(
            "schedule".to_owned(),
            json!({"number": schedule.number, "at": at}),
        )]);
        if schedule.place.is_some() {
            context.insert("api_user".to_owned(), schedule.user.clone().into());
        }
        let request = Submit {
            id: Some(id),
            action: schedule.action.clone(),
            parameters: schedule.templates.clone(),
            data: schedule.parameters.clone(),
            identity: Identity {
                via: "schedule".to_owned(),
                ..(parts.identities)(&schedule.user)
            },
            origin: Origin {
                // What was scheduled in a conversation is answered there like what is said there.
                kind: if schedule.place.is_some() {
                    "chat"
                } else {
                    "schedule"
                }
                .to_owned(),
                place: schedule.place.clone(),
                text: schedule.command.clone(),
                alias: schedule.alias.clone(),
                ..Origin::default()
            },
            context,
            with: vec![claim.clone(), after.row()],
            ..Submit::default()
        };
        match parts.engine.submit(request).await {
            Ok(_) => *schedule = after,
            Err(SubmitError::Duplicate(_)) => schedule.since = at,
            Err(SubmitError::QueueFull(_) | SubmitError::Stopping) => return Ok(false),
            Err(SubmitError::Store(error)) => return Err(error),
            Err(error) => {
                let why = error.to_string();
                after.last = Some(json!({"at": at, "error": why}));
                let told = schedule.audit(
                    "schedule.refused",
                    &schedule.user,
                    Some(("error", why.clone().into())),
                );
                let post = schedule
                    .place
                    .as_ref()
                    .zip(parts.conversations.as_ref())
                    .map(|(place, them)| {
                        let what = schedule.command.as_deref().unwrap_or(&schedule.action);
                        let text = format!(
                            "`{what}`, which {} scheduled ({}), did not run: {why}",
                            schedule.user, schedule.number
                        );
                        them.message(place, "bad", &text)
                    });
                let mut rows = vec![after.row(), told];
                rows.extend(post.iter().map(|row| Write::Outbox(Box::new(row.clone()))));
                match self.store().commit(rows).await {
                    Ok(()) => {
                        *schedule = after;
                        if let Some(them) = &parts.conversations {
                            them.committed(post.into_iter().collect());
                        }
                    }
                    Err(error) => return Err(EmitError::from(error).into()),
                }
            }
        }
        Ok(true)
    }
}

/// A schedule that somebody may change.
fn owned<'t>(
    known: &'t mut BTreeMap<u64, Schedule>,
    number: u64,
    by: &Identity,
) -> Result<&'t mut Schedule, ScheduleError> {
    known
        .get_mut(&number)
        .filter(|schedule| by.is_admin() || schedule.user == by.user)
        .ok_or(ScheduleError::Unknown(number))
}
