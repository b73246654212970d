//! `schedule`, `schedules` and `schedule pause|resume|remove`: what is said now and done later.

use serde_json::{Value, json};

use super::access::meant;
use super::{Answer, Call, Refusal};
use crate::events::{Events, NewSchedule, Schedule, ScheduleError};
use crate::model::Timestamp;
use crate::timers;

/// Words of a sentence that may say when.
const MOST_WORDS: usize = 24;
const EXAMPLE: &str = "Say it like `schedule at 22:00 deploy web` or `schedule every weekday 07:00 status`.";

impl From<ScheduleError> for Refusal {
    fn from(error: ScheduleError) -> Self {
        match error {
            ScheduleError::Store(error) => error.into(),
            ScheduleError::Unknown(_) => Self::new(error.to_string()).hint("`schedules` lists them."),
            ScheduleError::Bad { message, hint } if hint.is_empty() => Self::new(message),
            ScheduleError::Bad { message, hint } => Self::new(message).hint(hint),
        }
    }
}

fn events<'c>(call: &Call<'c>) -> Result<&'c Events, Refusal> {
    call.events
        .ok_or_else(|| Refusal::new("this server has no schedules"))
}

/// Where the time ends and the command begins: the longest time that leaves a command.
pub(super) async fn schedule(call: &Call<'_>) -> Answer {
    let events = events(call)?;
    let text = call.text("text").unwrap_or_default();
    let blanks: Vec<usize> = text
        .match_indices(' ')
        .map(|(at, _)| at)
        .take(MOST_WORDS)
        .collect();
    let now = Timestamp::now();
    let (mut wrong, mut not_meant) = (None, None);
    for at in blanks.into_iter().rev() {
        let (when, command) = (text[..at].trim(), text[at..].trim());
        if when.is_empty() || command.is_empty() {
            continue;
        }
        if let Err(misread) = timers::Schedule::parse(when, events.zone(), now) {
            wrong = Some(misread);
            continue;
        }
        let meant = match meant(call, command, &call.identity) {
            Ok(meant) => meant,
            Err(refusal) => {
                not_meant.get_or_insert(refusal);
                continue;
            }
        };
        let alias = &meant.phrase.alias;
        let new = NewSchedule {
            when: when.to_owned(),
            action: alias.action.clone(),
            parameters: meant.values.data,
            templates: meant.values.parameters,
            command: Some(command.to_owned()),
            alias: Some(alias.reference.clone()),
            place: call.place.clone(),
            ..NewSchedule::default()
        };
        return Ok(told(&events.schedule(new, &call.identity).await?));
    }
    Err(match (not_meant, wrong) {
        (Some(refusal), _) => refusal,
        (None, Some(misread)) => Refusal::new(misread.message).hint(EXAMPLE),
        (None, None) => Refusal::new("a time and a command are needed").hint(EXAMPLE),
    })
}

/// A schedule for people.
fn told(schedule: &Schedule) -> Value {
    let mut told = schedule.shown();
    told["what"] = match &schedule.command {
        Some(command) => command.clone().into(),
        None => schedule.action.clone().into(),
    };
    told["error"] = schedule
        .last
        .as_ref()
        .map_or(Value::Null, |last| last["error"].clone());
    // Their parameters may be long, and the sentence says them.
    if let Some(told) = told.as_object_mut() {
        told.shift_remove("parameters");
        told.shift_remove("templates");
    }
    told
}

pub(super) async fn schedules(call: &Call<'_>) -> Answer {
    let found = events(call)?.schedules(&call.identity).await?;
    let shown: Vec<Value> = found.iter().map(told).collect();
    Ok(json!({ "schedules": shown }))
}

pub(super) async fn change(call: &Call<'_>) -> Answer {
    let events = events(call)?;
    let number = call
        .number("number")
        .and_then(|number| u64::try_from(number).ok())
        .ok_or_else(|| Refusal::new("the number of a schedule is needed").hint("`schedules` lists them."))?;
    let what = call.text("change").unwrap_or_default();
    let schedule = match what {
        "remove" => {
            events.remove_schedule(number, &call.identity).await?;
            return Ok(json!({"number": number, "removed": true}));
        }
        "pause" => events.pause_schedule(number, true, &call.identity).await?,
        "resume" => events.pause_schedule(number, false, &call.identity).await?,
        other => {
            return Err(Refusal::new(format!(
                "a schedule can be paused, resumed or removed, not `{other}`"
            )));
        }
    };
    Ok(told(&schedule))
}
