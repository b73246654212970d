//! `why can't I …`, `who can …`, `simulate as …`, `link`, `unlink`, `break glass …`, `reviews` and `review`: what people
//! may do, who they are, and what was done without approval.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{Answer, Call, Refusal};
use crate::access::{Ask, PeopleError, reviews};
use crate::chat::cards::{card_of, row};
use crate::chat::gateway::Dialect;
use crate::chat::normalise::normalise;
use crate::chat::parameters;
use crate::chat::phrasebook::{Phrase, Reading};
use crate::engine::{Submit, SubmitError};
use crate::model::{Action, Decision, Id, Identity, JsonMap, Origin, Place, Timestamp};
use crate::store::Write;

/// People that `who can` lists.
const LISTED: usize = 50;

/// A command that was understood, with what it would run.
pub(super) struct Meant {
    pub(super) phrase: Phrase,
    pub(super) action: Arc<Action>,
    pub(super) values: parameters::Values,
}

/// What a command in words means, as somebody would say it.
pub(super) fn meant(call: &Call<'_>, text: &str, identity: &Identity) -> Result<Meant, Refusal> {
    let said = normalise(text, Dialect::Console, None).map_err(|error| Refusal::new(error.to_string()))?;
    let book = call.desk.shelf.current();
    let phrase = match book.read(&said.text) {
        Reading::Means(phrases) => phrases.into_iter().next(),
        Reading::GivenUp(reason) => return Err(Refusal::new(reason)),
        Reading::Ambiguous(candidates) => {
            let fits: Vec<&str> = candidates.iter().map(|fit| fit.display.as_str()).collect();
            return Err(Refusal::new(format!(
                "`{}` fits several commands: {}",
                said.text,
                fits.join("; ")
            )));
        }
        Reading::Nothing => None,
    };
    let Some(phrase) = phrase else {
        let near = book.nearest(&said.text, 1);
        let refusal = Refusal::new(format!("I do not understand `{}`", said.text));
        return Err(match near.first() {
            Some(near) => refusal.hint(format!("Did you mean `{}`?", near.command.display)),
            None => refusal.hint("`help` lists what can be said."),
        });
    };
    let action = book
        .action(&phrase.alias.action)
        .ok_or_else(|| Refusal::new(format!("there is no action `{}`", phrase.alias.action)))?;
    let mut context = JsonMap::new();
    for name in ["api_user", "source_channel"] {
        context.insert(name.to_owned(), identity.user.clone().into());
    }
    let runners = call.desk.engine.runners();
    let values = parameters::values(
        &call.desk.formats,
        &phrase,
        Some(&*action),
        runners,
        &context,
        identity,
    )
    .map_err(Refusal::new)?;
    Ok(Meant {
        phrase,
        action,
        values,
    })
}

impl Meant {
    /// The parameters that the action would get, defaults included.
    fn typed(&self) -> JsonMap {
        let mut all = JsonMap::new();
        for (name, schema) in &self.action.parameters {
            if let Some(default) = schema.get("default") {
                all.insert(name.clone(), default.clone());
            }
        }
        all.extend(self.values.parameters.clone());
        all.extend(self.values.data.clone());
        all
    }

    fn judge(&self, call: &Call<'_>, identity: &Identity, place: Option<&Place>) -> Decision {
        call.desk.engine.decide(&Ask {
            identity,
            action: &self.action,
            alias: Some(&self.phrase.alias.reference),
            parameters: &self.typed(),
            place,
            now: Timestamp::now(),
        })
    }
}

fn told(meant: &Meant, identity: &Identity, decision: &Decision) -> Value {
    let needs: Vec<String> = decision.needs.iter().map(needed).collect();
    json!({
        "user": identity.user,
        "action": meant.action.reference,
        "alias": meant.phrase.alias.reference,
        "display": meant.phrase.display,
        "allowed": decision.allowed,
        "reason": decision.reason,
        "where": decision.line,
        "needs": needs,
    })
}

/// An approval that is needed, in a sentence.
fn needed(need: &crate::model::Need) -> String {
    let list = |value: &Value| match value {
        Value::Array(items) => items
            .iter()
            .filter_map(Value::as_str)
            .collect::<Vec<_>>()
            .join(", "),
        Value::String(text) => text.clone(),
        _ => String::new(),
    };
    let count = need.terms.get("count").and_then(Value::as_u64).unwrap_or(1);
    let mut by = list(need.terms.get("by").unwrap_or(&Value::Null));
    if let Some(groups) = need.terms.get("per_group").and_then(Value::as_object) {
        for (group, count) in groups {
            by = format!("{by}{}{count} of {group}", if by.is_empty() { "" } else { ", " });
        }
    }
    format!("{count} of {by}, asked for by {}", need.source)
}

fn command<'a>(call: &'a Call<'_>, example: &str) -> Result<&'a str, Refusal> {
    call.text("command").ok_or_else(|| {
        Refusal::new("the command is missing").hint(format!("Write it after it: `{example}`."))
    })
}

pub(super) fn why(call: &Call<'_>) -> Answer {
    let text = command(call, "why can't I deploy web")?;
    let meant = meant(call, text, &call.identity)?;
    let decision = meant.judge(call, &call.identity, call.place.as_ref());
    Ok(told(&meant, &call.identity, &decision))
}

/// The identity of somebody who is named, `@ana` or `ana`.
fn somebody(call: &Call<'_>) -> Result<Identity, Refusal> {
    let name = call.text("user").unwrap_or_default().trim_start_matches('@');
    if name.is_empty() {
        return Err(Refusal::new("as whom?").hint("`simulate as @ana deploy web`"));
    }
    let known = call.desk.people.as_ref().and_then(|people| people.get(name));
    let name = known.map_or_else(|| name.to_owned(), |known| known.name);
    Ok(call.desk.identities.named(&name, "simulated"))
}

pub(super) fn simulate(call: &Call<'_>) -> Answer {
    let text = command(call, "simulate as @ana deploy web")?;
    let identity = somebody(call)?;
    let meant = meant(call, text, &identity)?;
    let decision = meant.judge(call, &identity, call.place.as_ref());
    Ok(told(&meant, &identity, &decision))
}

pub(super) fn who_can(call: &Call<'_>) -> Answer {
    let text = command(call, "who can deploy web")?;
    let meant = meant(call, text, &call.identity)?;
    let people = call
        .desk
        .people
        .as_ref()
        .map(|people| people.all())
        .unwrap_or_default();
    let mut rows = Vec::new();
    for known in people {
        let identity = call.desk.identities.named(&known.name, "simulated");
        let decision = meant.judge(call, &identity, call.place.as_ref());
        if decision.allowed {
            let needs = decision.needs.iter().map(needed).collect::<Vec<_>>().join("; ");
            rows.push(json!({"name": known.name, "why": decision.reason, "needs": needs}));
        }
    }
    let omitted = rows.len().saturating_sub(LISTED);
    rows.truncate(LISTED);
    Ok(json!({
        "action": meant.action.reference,
        "display": meant.phrase.display,
        "people": rows,
        "omitted": omitted,
    }))
}

fn refused(error: PeopleError) -> Refusal {
    match error {
        PeopleError::Store(error) => error.into(),
        other => Refusal::new(other.to_string()),
    }
}

pub(super) async fn link(call: &Call<'_>) -> Answer {
    let people = call
        .desk
        .people
        .as_ref()
        .ok_or_else(|| Refusal::new("there is nobody to link here"))?;
    let account = match call.text("code") {
        None => None,
        Some(code) => Some(people.redeem(code, &call.identity).await.map_err(refused)?),
    };
    let accounts: Vec<String> = people.accounts_of(&call.identity.user).into_keys().collect();
    Ok(json!({"user": call.identity.user, "linked": account, "accounts": accounts}))
}

pub(super) async fn unlink(call: &Call<'_>) -> Answer {
    let people = call
        .desk
        .people
        .as_ref()
        .ok_or_else(|| Refusal::new("there is nobody to unlink here"))?;
    let account = call
        .text("account")
        .or(call.identity.account.as_deref())
        .unwrap_or_default();
    // Everybody may let go of their own accounts, administrators of all.
    let of = (!call.identity.is_admin()).then_some(call.identity.user.as_str());
    let link = people
        .unlink(account, of, &call.identity.user)
        .await
        .map_err(refused)?;
    Ok(json!({"account": account, "user": link.user}))
}

pub(super) async fn break_glass(call: &Call<'_>) -> Answer {
    let text = command(call, "break glass the site is down: deploy web to prod")?;
    let reason = call.text("reason").ok_or_else(|| {
        Refusal::new("a reason is needed").hint("`break glass the site is down: deploy web to prod`")
    })?;
    let meant = meant(call, text, &call.identity)?;
    let id = Id::new();
    let (mut with, mut ack) = (Vec::new(), None);
    if let Some(place) = &call.place {
        let body = json!({"kind": "ack", "execution": id, "brief": true});
        let mut first = row(place, body, Timestamp::now());
        first.card = Some(card_of(id));
        first.execution = Some(id);
        with.push(Write::Outbox(Box::new(first.clone())));
        ack = Some(first);
    }
    let alias = &meant.phrase.alias;
    let request = Submit {
        id: Some(id),
        action: alias.action.clone(),
        authored: true,
        parameters: meant.values.parameters.clone(),
        data: meant.values.data.clone(),
        identity: call.identity.clone(),
        origin: Origin {
            kind: if call.place.is_some() { "chat" } else { "api" }.to_owned(),
            place: call.place.clone(),
            text: Some(text.to_owned()),
            alias: Some(alias.reference.clone()),
            format: Some(meant.phrase.format.clone()),
            builtin: false,
            ..Origin::default()
        },
        break_glass: Some(reason.to_owned()),
        with,
        ..Submit::default()
    };
    match call.desk.engine.submit(request).await {
        Ok(_) => {}
        Err(SubmitError::Denied(decision)) => {
            return Err(Refusal::new(format!("not allowed: {}", decision.reason))
                .hint("Breaking the glass does without approvals, not without permission."));
        }
        Err(SubmitError::Store(error)) => return Err(error.into()),
        Err(other) => return Err(Refusal::new(other.to_string())),
    }
    call.desk.outbox.committed(ack.into_iter().collect());
    let open = reviews::open(&**call.desk.engine.store()).await?;
    let review = open.iter().any(|review| review.id == id);
    let owners = call
        .desk
        .people
        .as_ref()
        .map(|people| people.owners())
        .unwrap_or_default();
    Ok(json!({
        "id": id,
        "action": alias.action,
        "reason": reason,
        "review": review,
        "owners": owners.join(", "),
        "starts": if call.place.is_some() { json!([id]) } else { json!([]) },
    }))
}

/// Whether the caller is among those who review.
fn reviews_runs(call: &Call<'_>) -> bool {
    call.identity.is_admin()
        || call
            .desk
            .people
            .as_ref()
            .is_some_and(|people| people.owners().contains(&call.identity.user))
}

pub(super) async fn reviews(call: &Call<'_>) -> Answer {
    let may = reviews_runs(call);
    let open = reviews::open(&**call.desk.engine.store()).await?;
    let now = Timestamp::now();
    let rows: Vec<Value> = open
        .iter()
        .filter(|review| may || review.user == call.identity.user)
        .map(|review| {
            json!({
                "id": review.id,
                "user": review.user,
                "action": review.action,
                "reason": review.reason,
                "age": now.seconds_since(review.at),
            })
        })
        .collect();
    Ok(json!({"reviews": rows}))
}

pub(super) async fn review(call: &Call<'_>) -> Answer {
    let id: Id = call
        .text("id")
        .and_then(|id| id.parse().ok())
        .ok_or_else(|| Refusal::new("the id is missing").hint("`reviews` lists what is to be looked at."))?;
    let note = call
        .text("note")
        .ok_or_else(|| Refusal::new("a note is needed").hint("`review <id> <what you found>`"))?;
    let store = call.desk.engine.store();
    let signed = reviews::sign(
        &**store,
        id,
        note,
        &call.identity,
        reviews_runs(call),
        |account: &str| call.desk.engine.authority().behind(account),
        Timestamp::now(),
    )
    .await;
    match signed {
        Ok(review) => Ok(json!({"id": id, "user": review.user, "action": review.action})),
        Err(reviews::ReviewError::Store(error)) => Err(error.into()),
        Err(other) => Err(Refusal::new(other.to_string())),
    }
}
