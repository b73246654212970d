//! `inquiries`, `answer`, `approvals`, `approve`, `deny` and `delegate`: what waits for people.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::control::pairs;
use super::{Answer, Call, Refusal, find};
use crate::answers::approvals::{self, Say};
use crate::answers::{self, AnswerError, Answerer, inquiries};
use crate::approval::{Verdict, same_person};
use crate::chat::asks::posted_in;
use crate::chat::asks::view::{asks, detail, fields, form, left};
use crate::chat::phrasebook::cast;
use crate::chat::say::readable;
use crate::model::{Execution, Id, Timestamp};
use crate::params::ResponseSchema;
use crate::runners::{APPROVAL, INQUIRER};
use crate::store::Page;

/// Entries that a list shows.
const LISTED: usize = 50;
/// Digits that a part of an id has at least.
const SHORTEST: usize = 6;
/// The command that shows any execution: whoever may say it may look at everything here as well.
const SHOW: &str = "chatops.show";

impl From<AnswerError> for Refusal {
    fn from(error: AnswerError) -> Self {
        match error {
            AnswerError::Store(error) => error.into(),
            AnswerError::Forbidden(message) => Self::new(format!("not allowed: {message}")),
            other => Self::new(other.to_string()),
        }
    }
}

fn answerer<'a>(call: &'a Call<'_>) -> Answerer<'a> {
    Answerer {
        identity: &call.identity,
        place: call.place.as_ref(),
    }
}

/// Whether the caller may look at all that goes on: whoever may say `show` may.
fn sees_all(call: &Call<'_>) -> bool {
    let action = call.desk.shelf.current().action(SHOW);
    call.identity.is_admin()
        || action.is_some_and(|action| {
            let place = call.place.as_ref();
            call.desk
                .authority
                .could_say(&call.identity, SHOW, &action, place)
        })
}

/// Whether it is the caller's business.
fn concerns(call: &Call<'_>, execution: &Execution) -> bool {
    if execution.request.runner == APPROVAL {
        approvals::concerns(execution, &call.identity)
    } else {
        same_person(&execution.request.user, &call.identity.user)
            || inquiries::may_answer(&call.desk.engine, execution, &call.identity)
    }
}

/// Whether a card of it is in the conversation where the caller is: then they know of it anyway.
async fn is_told_here(call: &Call<'_>, execution: &Execution) -> Result<bool, Refusal> {
    match &call.place {
        Some(place) => Ok(posted_in(&call.desk.engine, execution.id, place).await?),
        None => Ok(false),
    }
}

/// The inquiry or approval that `text` means: an id, or enough of its beginning or end.
///
/// Whoever may not look at everything finds only what is their business; the rest is not there for them.
async fn wanted(call: &Call<'_>, runner: &str, text: &str) -> Result<Arc<Execution>, Refusal> {
    let word = text
        .trim()
        .trim_matches(|char: char| !char.is_alphanumeric())
        .to_ascii_lowercase();
    if word.parse::<Id>().is_err() && word.len() >= SHORTEST {
        let (found, _) = waiting(call, runner).await?;
        let mut fitting = found.into_iter().filter(|execution| {
            let id = execution.id.to_string();
            id.starts_with(&word) || id.ends_with(&word)
        });
        if let (Some(only), None) = (fitting.next(), fitting.next()) {
            return Ok(only);
        }
    }
    if sees_all(call) {
        return find::execution(call, text).await;
    }
    let unknown = || {
        Refusal::new(format!("nothing that concerns you has the id {word}"))
            .hint("`approvals` and `inquiries` list what does.")
    };
    let id: Id = word.parse().map_err(|_| unknown())?;
    let execution = call.desk.engine.execution(id).await?.ok_or_else(unknown)?;
    let asked = crate::engine::asked_first(&execution).filter(|_| crate::engine::awaits_consent(&execution));
    let execution = match asked {
        Some(asked) => call.desk.engine.execution(asked).await?.ok_or_else(unknown)?,
        None => execution,
    };
    let is_answered_here = [APPROVAL, INQUIRER].contains(&execution.request.runner.as_str());
    if is_answered_here && (concerns(call, &execution) || is_told_here(call, &execution).await?) {
        Ok(execution)
    } else {
        Err(unknown())
    }
}

/// What waits and is the caller's business or they may look at, newest first, and how much more there is.
async fn waiting(call: &Call<'_>, runner: &str) -> Result<(Vec<Arc<Execution>>, usize), Refusal> {
    let page = Page {
        limit: u32::try_from(LISTED).ok(),
        count: true,
        ..Page::default()
    };
    let (found, total) = answers::list(&call.desk.engine, runner, false, page).await?;
    let total = usize::try_from(total.unwrap_or(0)).unwrap_or(usize::MAX);
    if sees_all(call) {
        let omitted = total.saturating_sub(found.len());
        return Ok((found, omitted));
    }
    let mine = found.into_iter().filter(|execution| concerns(call, execution));
    Ok((mine.collect(), 0))
}

pub(super) async fn inquiries(call: &Call<'_>) -> Answer {
    let engine = &call.desk.engine;
    if let Some(text) = call.text("id") {
        let execution = wanted(call, INQUIRER, text).await?;
        inquiries::check(&execution)?;
        let schema = inquiries::schema(&execution)?;
        return Ok(json!({
            "inquiry": {
                "id": execution.id,
                "user": execution.request.user,
                "age": Timestamp::now().seconds_since(execution.start),
                "over": execution.progress.wake,
                "may": inquiries::may_answer(engine, &execution, &call.identity),
                "fields": fields(&schema),
                "form": form(&schema),
                "whole": readable(&inquiries::view(&execution)["schema"]),
            },
            "inquiries": [],
            "omitted": 0,
        }));
    }
    let (found, omitted) = waiting(call, INQUIRER).await?;
    let now = Timestamp::now();
    let rows: Vec<Value> = found
        .iter()
        .map(|execution| {
            let question = inquiries::schema(execution)
                .map(|schema| asks(&schema))
                .unwrap_or_default();
            json!({
                "id": execution.id,
                "user": execution.request.user,
                "age": now.seconds_since(execution.start),
                "question": question,
                "may": inquiries::may_answer(engine, execution, &call.identity),
            })
        })
        .collect();
    Ok(json!({"inquiry": null, "count": rows.len(), "inquiries": rows, "omitted": omitted}))
}

pub(super) async fn answer(call: &Call<'_>) -> Answer {
    let execution = wanted(call, INQUIRER, call.text("id").unwrap_or_default()).await?;
    inquiries::check(&execution)?;
    let schema = inquiries::schema(&execution)?;
    let how = || {
        format!(
            "Write it as: answer {} {}",
            execution.id,
            Some(form(&schema))
                .filter(|form| !form.is_empty())
                .unwrap_or_else(|| "{…}".to_owned())
        )
    };
    let text = call.text("response").unwrap_or_default();
    let response = read(text, &schema).map_err(|refusal| match refusal.hint {
        None => refusal.hint(how()),
        Some(_) => refusal,
    })?;
    let shown = inquiries::respond(&call.desk.engine, execution.id, response, answerer(call))
        .await
        .map_err(|error| match error {
            // The reference's words, of which people need the first line.
            AnswerError::Invalid(message) if message.contains("did not pass schema validation") => {
                let why = message
                    .split_once("validation. ")
                    .map_or(&*message, |(_, why)| why);
                Refusal::new(format!(
                    "the answer does not fit: {}",
                    why.lines().next().unwrap_or_default()
                ))
                .hint(how())
            }
            other => other.into(),
        })?;
    let rows: Vec<Value> = match &shown {
        Value::Object(map) => map
            .iter()
            .map(|(name, value)| json!({"name": name, "value": readable(value)}))
            .collect(),
        other => vec![json!({"name": "answer", "value": readable(other)})],
    };
    Ok(json!({"id": execution.id, "response": rows, "user": call.identity.user}))
}

/// An answer as people write it: `name=value …`, JSON, or the bare value where there is one field only.
fn read(text: &str, schema: &ResponseSchema) -> Result<Value, Refusal> {
    if text.is_empty() {
        return Err(Refusal::new("the answer is missing"));
    }
    if text.starts_with('{') {
        return serde_json::from_str(text)
            .map_err(|error| Refusal::new(format!("the answer is no JSON: {error}")));
    }
    let known: Vec<(&str, &Value)> = schema.fields().collect();
    let is_field = |word: &str| {
        let name = word.split_once('=').map(|(name, _)| name);
        name.is_some_and(|name| known.iter().any(|(field, _)| *field == name))
    };
    if let [(name, field)] = known[..]
        && !text.split_whitespace().next().is_some_and(is_field)
    {
        return Ok(json!({name: value(name, text, field)?}));
    }
    let mut response = Map::new();
    for word in pairs(text)? {
        let Some((name, given)) = word.split_once('=').filter(|(name, _)| !name.is_empty()) else {
            return Err(Refusal::new(format!(
                "`{word}` answers nothing: write name=value"
            )));
        };
        let Some((_, field)) = known.iter().find(|(field, _)| *field == name) else {
            if known.is_empty() {
                response.insert(name.to_owned(), given.into());
                continue;
            }
            let names: Vec<&str> = known.iter().map(|(name, _)| *name).collect();
            return Err(Refusal::new(format!("nobody asks for `{name}`"))
                .hint(format!("It asks for: {}.", names.join(", "))));
        };
        response.insert(name.to_owned(), value(name, given, field)?);
    }
    Ok(Value::Object(response))
}

fn value(name: &str, text: &str, field: &Value) -> Result<Value, Refusal> {
    let word = match (field["type"].as_str(), text.trim().to_ascii_lowercase().as_str()) {
        (Some("boolean"), "yes" | "y") => "true",
        (Some("boolean"), "no" | "n") => "false",
        _ => text,
    };
    cast(name, word, Some(field)).map_err(Refusal::new)
}

pub(super) async fn approvals(call: &Call<'_>) -> Answer {
    let engine = &call.desk.engine;
    let now = Timestamp::now();
    if let Some(text) = call.text("id") {
        let execution = approvals::find(engine, wanted(call, APPROVAL, text).await?.id).await?;
        return Ok(
            json!({"approval": detail(&approvals::view(engine, &execution, &call.identity, now), &execution, now), "approvals": [], "omitted": 0}),
        );
    }
    let (found, omitted) = waiting(call, APPROVAL).await?;
    let rows: Vec<Value> = found
        .iter()
        .map(|execution| {
            let view = approvals::view(engine, execution, &call.identity, now);
            json!({
                "id": execution.id,
                "title": view["title"],
                "given": view["given"],
                "needed": view["needed"],
                "user": execution.request.user,
                "left": left(&view, now),
                "may": view["may_vote"],
            })
        })
        .collect();
    Ok(json!({"approval": null, "count": rows.len(), "approvals": rows, "omitted": omitted}))
}

pub(super) async fn approve(call: &Call<'_>) -> Answer {
    vote(call, Verdict::Approve).await
}

pub(super) async fn deny(call: &Call<'_>) -> Answer {
    vote(call, Verdict::Deny).await
}

/// A fingerprint may come before the reason: `approve <id> 3f9a0c11 looks good`.
fn seen_and_reason(text: &str) -> (Option<&str>, &str) {
    let (first, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
    let is_fingerprint =
        (8..=64).contains(&first.len()) && first.bytes().all(|byte| byte.is_ascii_hexdigit());
    if is_fingerprint {
        (Some(first), rest.trim())
    } else {
        (None, text)
    }
}

async fn vote(call: &Call<'_>, verdict: Verdict) -> Answer {
    let execution = wanted(call, APPROVAL, call.text("id").unwrap_or_default()).await?;
    let (seen, reason) = seen_and_reason(call.text("reason").unwrap_or_default());
    let say = Say {
        verdict,
        reason: Some(reason).filter(|text| !text.is_empty()),
        seen,
    };
    let done = approvals::vote(&call.desk.engine, execution.id, &say, answerer(call))
        .await
        .map_err(|error| hinted(error, &execution))?;
    let now = Timestamp::now();
    Ok(detail(
        &approvals::view(&call.desk.engine, &done, &call.identity, now),
        &done,
        now,
    ))
}

pub(super) async fn delegate(call: &Call<'_>) -> Answer {
    let execution = wanted(call, APPROVAL, call.text("id").unwrap_or_default()).await?;
    let to = call
        .text("to")
        .unwrap_or_default()
        .trim_start_matches('@')
        .to_owned();
    approvals::delegate(&call.desk.engine, execution.id, &to, answerer(call))
        .await
        .map_err(|error| hinted(error, &execution))?;
    Ok(json!({"id": execution.id, "to": to, "back": crate::approval::same_person(&to, &call.identity.user)}))
}

fn hinted(error: AnswerError, execution: &Execution) -> Refusal {
    let look = matches!(error, AnswerError::Conflict(_));
    let refusal = Refusal::from(error);
    if look {
        return refusal.hint(format!("`approvals {}` shows it.", execution.id));
    }
    refusal
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_read_as_people_write_them() {
        let one = ResponseSchema::new(&json!({"properties": {"continue": {"type": "boolean"}}})).unwrap();
        let many = ResponseSchema::new(&json!({"properties": {
            "env": {"type": "string"}, "count": {"type": "integer"}, "sure": {"type": "boolean"}}}))
        .unwrap();
        let free = ResponseSchema::new(&json!({"type": "object"})).unwrap();
        for (schema, text, expected) in [
            (&one, "yes", Ok(json!({"continue": true}))),
            (&one, "continue=no", Ok(json!({"continue": false}))),
            (&one, r#"{"continue": true}"#, Ok(json!({"continue": true}))),
            (
                &one,
                "perhaps",
                Err("parameter `continue` must be `true` or `false`, not `perhaps`"),
            ),
            (
                &many,
                "env='a b' count=3 sure=y",
                Ok(json!({"env": "a b", "count": 3, "sure": true})),
            ),
            (&many, "prod", Err("`prod` answers nothing: write name=value")),
            (&many, "envv=prod", Err("nobody asks for `envv`")),
            (&free, "any=thing", Ok(json!({"any": "thing"}))),
            (&one, "", Err("the answer is missing")),
        ] {
            let got = read(text, schema).map_err(|refusal| refusal.error);
            assert_eq!(got, expected.map_err(str::to_owned), "{text}");
        }
    }
}
