//! `help`, `explain` and `whoami`: what can be said, what it would do, and who is asking.

use serde_json::{Value, json};

use super::{Answer, Call, Refusal};
use crate::access::Ask;
use crate::chat::gateway::Dialect;
use crate::chat::misses::place_text;
use crate::chat::normalise::normalise;
use crate::chat::parameters;
use crate::chat::phrasebook::{Command, Phrase, Reading, Source};
use crate::chat::say::readable;
use crate::model::{Action, JsonMap, MASK, Timestamp};

/// Commands on a page of help.
const PAGE: usize = 25;

/// What is said after `help` without meaning a subject.
const POLITE: [&str; 4] = ["me", "please", "me please", "all"];

/// Commands that the caller could use here.
fn allowed(call: &Call<'_>) -> (Vec<Command>, usize) {
    let book = call.desk.shelf.current();
    let all = book.commands();
    let total = all.len();
    let may = |command: &Command| {
        book.action(&command.action).is_some_and(|action| {
            action.enabled
                && call
                    .desk
                    .authority
                    .could_say(&call.identity, &command.alias, &action, call.place.as_ref())
        })
    };
    let manner = call
        .place
        .as_ref()
        .map(|place| call.desk.manners.of(place))
        .unwrap_or_default();
    let offered = |command: &Command| manner.offers(&command.pack);
    (
        all.into_iter()
            .filter(|command| offered(command) && may(command))
            .collect(),
        total,
    )
}

fn view(command: &Command) -> Value {
    json!({"display": command.display, "description": command.description})
}

pub(super) fn help(call: &Call<'_>) -> Value {
    // `help me`, `help please` ask for nothing in particular.
    let said = call
        .text("words")
        .filter(|words| !POLITE.contains(words))
        .unwrap_or_default();
    let (mut words, mut page) = (said.to_owned(), 1);
    let (before, last) = said.rsplit_once(char::is_whitespace).unwrap_or(("", said));
    if let Ok(number) = last.parse::<usize>() {
        (words, page) = (before.trim().to_owned(), number.max(1));
    } else if last == "more" {
        words = before.trim().to_owned();
        page = call.position(&format!("help {words}")) + 1;
    }
    let (commands, _) = allowed(call);
    let needles: Vec<String> = words
        .to_lowercase()
        .split_whitespace()
        .map(str::to_owned)
        .collect();
    let fits = |command: &Command| {
        let text = format!(
            "{} {} {} {}",
            command.display, command.description, command.alias, command.action
        )
        .to_lowercase();
        needles.iter().all(|needle| text.contains(needle.as_str()))
    };
    let found: Vec<&Command> = commands.iter().filter(|command| fits(command)).collect();
    let pages = found.len().div_ceil(PAGE).max(1);
    let page = page.min(pages);
    call.set_position(&format!("help {words}"), page);
    let shown = &found[(page - 1) * PAGE..found.len().min(page * PAGE)];
    let mut packs: Vec<Value> = Vec::new();
    for group in shown.chunk_by(|a, b| a.pack == b.pack) {
        let commands: Vec<Value> = group.iter().map(|command| view(command)).collect();
        packs.push(json!({"pack": group[0].pack, "commands": commands}));
    }
    let nearest: Vec<Value> = if found.is_empty() && !words.is_empty() {
        let near = call.desk.shelf.current().nearest(&words, 3);
        near.iter()
            .filter(|near| commands.contains(&near.command))
            .map(|near| view(&near.command))
            .collect()
    } else {
        Vec::new()
    };
    json!({
        "words": words,
        "commands": found.len(),
        "page": page,
        "pages": if pages > 1 { json!(pages) } else { Value::Null },
        "packs": packs,
        "nearest": nearest,
        "next": (page < pages).then(|| format!("help {words} {}", page + 1).replace("  ", " ")),
    })
}

pub(super) fn whoami(call: &Call<'_>) -> Value {
    let (commands, total) = allowed(call);
    let identity = &call.identity;
    let accounts = call
        .desk
        .people
        .as_ref()
        .map(|people| people.accounts_of(&identity.user))
        .unwrap_or_default();
    let accounts: Vec<String> = accounts.into_keys().collect();
    json!({
        "user": identity.user,
        "roles": identity.roles.join(", "),
        "via": identity.via,
        "account": identity.account,
        "linked": accounts.join(", "),
        "place": call.place.as_ref().map(place_text),
        "allowed": commands.len(),
        "commands": total,
    })
}

pub(super) fn explain(call: &Call<'_>) -> Answer {
    let raw = call.text("command").ok_or_else(|| {
        Refusal::new("there is nothing to explain").hint("Write a command after it: `explain ps`.")
    })?;
    let said = normalise(raw, Dialect::Console, None).map_err(|error| Refusal::new(error.to_string()))?;
    let book = call.desk.shelf.current();
    let normalised = (said.text != raw).then(|| said.text.clone());
    let mut data = json!({
        "command": raw,
        "normalised": normalised,
        "notes": said.notes,
        "understood": false,
        "ambiguous": false,
        "nearest": [],
        "action": null, "alias": null, "format": null, "parameters": [],
        "problem": null, "allowed": false, "reason": null, "grant": null,
    });
    match book.read(&said.text) {
        Reading::Nothing => {
            let near = book.nearest(&said.text, 5);
            let near: Vec<Value> = near
                .iter()
                .map(|near| json!({"display": near.command.display, "reason": near.reason}))
                .collect();
            data["nearest"] = near.into();
        }
        Reading::GivenUp(reason) => return Err(Refusal::new(reason)),
        Reading::Ambiguous(candidates) => {
            data["ambiguous"] = true.into();
            let fits = candidates.iter().map(
                |fit| json!({"display": fit.display, "reason": format!("{} runs {}", fit.alias, fit.action)}),
            );
            data["nearest"] = fits.collect::<Vec<_>>().into();
        }
        Reading::Means(phrases) => {
            // Of several executions that one sentence starts the first stands for all.
            if let Some(phrase) = phrases.first() {
                tell(
                    call,
                    &mut data,
                    phrase,
                    book.action(&phrase.alias.action).as_deref(),
                );
                if phrases.len() > 1 {
                    let note = format!(
                        "the sentence starts {} executions; this is the first",
                        phrases.len()
                    );
                    data["notes"]
                        .as_array_mut()
                        .into_iter()
                        .for_each(|notes| notes.push(note.clone().into()));
                }
            }
        }
    }
    Ok(data)
}

fn tell(call: &Call<'_>, data: &mut Value, phrase: &Phrase, action: Option<&Action>) {
    data["understood"] = true.into();
    data["action"] = phrase.alias.action.clone().into();
    data["alias"] = phrase.alias.reference.clone().into();
    data["format"] = phrase.format.clone().into();
    if let Some(notes) = data["notes"].as_array_mut() {
        notes.extend(phrase.notes.iter().map(|note| Value::from(note.as_str())));
    }
    let mut context = JsonMap::new();
    for name in ["api_user", "source_channel"] {
        context.insert(name.to_owned(), call.identity.user.clone().into());
    }
    let values = parameters::values(
        &call.desk.formats,
        phrase,
        action,
        call.desk.engine.runners(),
        &context,
        &call.identity,
    );
    let values = match values {
        Ok(values) => values,
        Err(problem) => {
            data["problem"] = problem.into();
            parameters::Values::default()
        }
    };
    let mut all = values.parameters;
    all.extend(values.data);
    let declared = action.map(|action| action.parameters.clone()).unwrap_or_default();
    let is_secret = |name: &str| declared.get(name).is_some_and(|schema| schema["secret"] == true);
    let source = |name: &str| {
        if phrase.alias.immutable.contains_key(name) {
            return "fixed by the alias";
        }
        phrase
            .given
            .iter()
            .rev()
            .find(|given| given.name == name)
            .map_or("the action", |given| match given.source {
                Source::Sentence | Source::Pair | Source::Default => given.source.as_str(),
            })
    };
    let mut rows: Vec<Value> = Vec::new();
    for (name, value) in &all {
        let value = if is_secret(name) {
            MASK.to_owned()
        } else {
            readable(value)
        };
        rows.push(json!({"name": name, "value": value, "source": source(name)}));
    }
    for (name, schema) in &declared {
        if let Some(default) = schema.get("default").filter(|_| !all.contains_key(name)) {
            let value = if is_secret(name) {
                MASK.to_owned()
            } else {
                readable(default)
            };
            rows.push(json!({"name": name, "value": value, "source": "default of the action"}));
        } else if schema["required"] == true && !all.contains_key(name) && data["problem"].is_null() {
            data["problem"] = format!("the parameter `{name}` is needed and missing").into();
        }
    }
    data["parameters"] = rows.into();
    let Some(action) = action else {
        data["problem"] = format!("the action `{}` does not exist", phrase.alias.action).into();
        data["reason"] = "there is nothing to run".into();
        return;
    };
    if !action.enabled {
        data["problem"] = format!("the action `{}` is disabled", action.reference).into();
    }
    let decision = call.desk.engine.decide(&Ask {
        identity: &call.identity,
        action,
        alias: Some(&phrase.alias.reference),
        parameters: &all,
        place: call.place.as_ref(),
        now: Timestamp::now(),
    });
    data["allowed"] = decision.allowed.into();
    data["reason"] = decision.reason.into();
}
