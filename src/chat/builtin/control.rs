//! `cancel`, `rerun` and `reload`, and `status`, which tells the [`condition`] of everything.

use serde_json::{Value, json};

use super::{Answer, Call, Refusal, condition, find};
use crate::chat::cards::{card_of, row};
use crate::chat::phrasebook::cast;
use crate::chat::say::readable;
use crate::engine::{CancelError, Cancelled, RerunOptions, SubmitError};
use crate::model::{Id, JsonMap, Origin, Timestamp};
use crate::store::Write;

/// Problems that `status` and `reload` list.
const LISTED: usize = 10;

pub(super) async fn cancel(call: &Call<'_>) -> Answer {
    let execution = find::execution(call, call.text("id").unwrap_or("last")).await?;
    let (asked, execution) = match call.desk.engine.cancel(execution.id, &call.identity).await {
        Ok(Cancelled::Asked(execution)) => (true, execution),
        Ok(Cancelled::NotCancelable(execution)) => (false, execution),
        Err(CancelError::Unknown(id)) => return Err(Refusal::new(format!("there is no execution {id}"))),
        Err(CancelError::Denied(decision)) => {
            return Err(Refusal::new(format!("not allowed: {}", decision.reason)));
        }
        Err(CancelError::Store(error)) => return Err(error.into()),
    };
    Ok(json!({
        "asked": asked,
        "id": execution.id,
        "action": execution.request.action,
        "status": execution.status,
    }))
}

pub(super) async fn rerun(call: &Call<'_>) -> Answer {
    let first = find::execution(call, call.text("id").unwrap_or("last")).await?;
    let action = call.desk.shelf.current().action(&first.request.action);
    let mut changes = JsonMap::new();
    for word in pairs(call.text("changes").unwrap_or_default())? {
        let (name, value) = word
            .split_once('=')
            .filter(|(name, _)| !name.is_empty())
            .ok_or_else(|| {
                Refusal::new(format!("`{word}` changes nothing"))
                    .hint("Write changes as name=value, separated by blanks.")
            })?;
        if value.contains("{{") || value.contains("{%") {
            return Err(Refusal::new(format!("`{name}` is an expression")).hint("Say the value itself."));
        }
        let schema = action
            .as_ref()
            .and_then(|action| action.parameters.get(name))
            .or_else(|| {
                let runner = call.desk.engine.runners().get(&first.request.runner)?;
                runner.spec().parameters.get(name)
            });
        if schema.is_none() && action.is_some() {
            let known: Vec<&str> = action
                .iter()
                .flat_map(|action| action.parameters.keys())
                .map(String::as_str)
                .collect();
            return Err(
                Refusal::new(format!("`{}` has no parameter `{name}`", first.request.action))
                    .hint(format!("It has: {}.", known.join(", "))),
            );
        }
        changes.insert(name.to_owned(), cast(name, value, schema).map_err(Refusal::new)?);
    }
    let id = Id::new();
    let mut with = Vec::new();
    let mut ack = None;
    if let Some(place) = &call.place {
        let mut first = row(
            place,
            json!({"kind": "ack", "execution": id, "brief": true}),
            Timestamp::now(),
        );
        first.card = Some(card_of(id));
        first.execution = Some(id);
        with.push(Write::Outbox(Box::new(first.clone())));
        ack = Some(first);
    }
    let origin = Origin {
        kind: if call.place.is_some() { "chat" } else { "api" }.to_owned(),
        place: call.place.clone(),
        text: Some(format!(
            "rerun {}{}",
            first.id,
            call.text("changes")
                .map(|text| format!(" {text}"))
                .unwrap_or_default()
        )),
        alias: first.request.origin.alias.clone(),
        format: first.request.origin.format.clone(),
        builtin: false,
        ..Origin::default()
    };
    let shown: Vec<Value> = changes
        .iter()
        .map(|(name, value)| json!({"name": name, "value": readable(value)}))
        .collect();
    let options = RerunOptions {
        parameters: changes,
        id: Some(id),
        with,
        ..RerunOptions::default()
    };
    match call
        .desk
        .engine
        .rerun(first.id, call.identity.clone(), origin, options)
        .await
    {
        Ok(_) => {}
        Err(SubmitError::Denied(decision)) => {
            return Err(Refusal::new(format!("not allowed: {}", decision.reason)));
        }
        Err(SubmitError::Store(error)) => return Err(error.into()),
        Err(other) => return Err(Refusal::new(other.to_string())),
    }
    call.desk.outbox.committed(ack.into_iter().collect());
    Ok(json!({
        "id": id,
        "original": first.id,
        "action": first.request.action,
        "changes": shown,
        "starts": if call.place.is_some() { json!([id]) } else { json!([]) },
    }))
}

/// Splits `name=value` pairs at blanks. Quotes of either kind around a value keep it together and are taken off.
pub(super) fn pairs(text: &str) -> Result<Vec<String>, Refusal> {
    let mut pairs = Vec::new();
    let mut chars = text.chars().peekable();
    while let Some(first) = chars.next() {
        if first.is_whitespace() {
            continue;
        }
        let mut pair = String::from(first);
        let mut quote = None;
        while let Some(char) = chars.next_if(|next| quote.is_some() || !next.is_whitespace()) {
            match quote {
                Some(open) if char == open && chars.peek().is_none_or(|next| next.is_whitespace()) => {
                    quote = None;
                }
                None if matches!(char, '"' | '\'')
                    && pair.ends_with('=')
                    && !pair[..pair.len() - 1].contains('=') =>
                {
                    quote = Some(char);
                }
                _ => pair.push(char),
            }
        }
        if let Some(open) = quote {
            return Err(Refusal::new(format!(
                "the quote {open} in `{pair}` is not closed"
            )));
        }
        pairs.push(pair);
    }
    Ok(pairs)
}

pub(super) async fn reload(call: &Call<'_>) -> Answer {
    let reloaded = call.desk.shelf.reload().await.map_err(|error| {
        Refusal::new(format!("content could not be read again: {error}"))
            .hint("What was loaded before still works.")
    })?;
    call.desk.speaker.reload();
    let summary = call.desk.shelf.current().summary();
    let mut problems = summary.problems;
    problems.extend(call.desk.speaker.problems());
    Ok(json!({
        "packs": summary.packs,
        "actions": summary.actions,
        "aliases": summary.aliases,
        "changes": reloaded.changes,
        "problems": problems.into_iter().take(LISTED).collect::<Vec<_>>(),
    }))
}

pub(super) async fn status(call: &Call<'_>) -> Answer {
    Ok(condition::condition(call.desk).await?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_are_pairs_with_quotes_of_either_kind() {
        let split = |text: &str| pairs(text).map_err(|refusal| refusal.error);
        let rows: [(&str, &[&str]); 5] = [
            ("a=1  b=two", &["a=1", "b=two"]),
            (r#"cmd='echo "again"' n=2"#, &[r#"cmd=echo "again""#, "n=2"]),
            (r#"cmd="echo 'again'""#, &["cmd=echo 'again'"]),
            ("who=it's x='don't stop'", &["who=it's", "x=don't stop"]),
            (r#"a= b="" "c d""#, &["a=", "b=", "\"c", "d\""]),
        ];
        for (text, expected) in rows {
            assert_eq!(split(text).unwrap(), expected, "{text}");
        }
        assert_eq!(
            split("cmd='echo").unwrap_err(),
            "the quote ' in `cmd=echo` is not closed"
        );
    }
}
