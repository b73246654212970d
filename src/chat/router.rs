//! The road of one message: from the text to a committed execution, or to an answer that says why not.

use std::sync::Arc;

use serde_json::{Value, json};
use thiserror::Error;
use tokio_util::sync::CancellationToken;

use super::asking::run_form;
use super::asks::Reply;
use super::cards::{address, card_of, row};
use super::conversations::{Manner, Manners};
use super::gateway::{Inbound, Picked, Receipt};
use super::identities::Identities;
use super::misses::{self, Misses};
use super::normalise::{Normalised, Unusable, normalise};
use super::outbox::{Clock, Outbox};
use super::parameters::{self, Values};
use super::phrasebook::{Candidate, Command, Near, Phrase, Phrasebook, Reading, Shelf, Source};
use super::prefix::PrefixOptions;
use super::{builtin, callers::Callers};
use crate::audit::{CHAT_AMBIGUOUS, CHAT_NOT_UNDERSTOOD, DETAIL_REASON};
use crate::engine::{Engine, Submit, SubmitError};
use crate::expr::jinja::Jinja;
use crate::model::{
    Action, AuditDraft, Id, Identity, InboxClaim, JsonMap, MASK, Origin, OutboxMessage, Timestamp,
};
use crate::store::{CommitError, StoreError, Write};

/// Readings of an ambiguous message that the audit log names.
const LISTED: usize = 10;
/// Commands that the answer to a message which means nothing names.
const NEAREST: usize = 3;
/// Characters of a corrected sentence that is offered as a button: more would not be readable on one.
const LONGEST_OFFER: usize = 70;
/// Executions that one message may start.
const MOST_AT_ONCE: usize = 20;
/// A first answer that would be outrun by the final one within this time is left out.
const PATIENCE_MS: i64 = 400;

/// The message could not be taken: nothing is stored, the platform may deliver it again.
#[derive(Debug, Error)]
#[error("the message could not be taken: {0}")]
pub struct ReceiveError(#[from] pub StoreError);

/// Takes messages.
pub(crate) struct Router {
    pub(crate) engine: Engine,
    pub(crate) shelf: Arc<dyn Shelf>,
    pub(crate) identities: Arc<dyn Identities>,
    pub(crate) prefixes: PrefixOptions,
    pub(crate) manners: Manners,
    pub(crate) outbox: Outbox,
    pub(crate) callers: Arc<Callers>,
    pub(crate) formats: Arc<Jinja>,
    pub(crate) clock: Clock,
    pub(crate) misses: Arc<Misses>,
    pub(crate) stop: CancellationToken,
}

/// An answer that starts nothing: the kind of its template and the data for it.
pub(crate) struct Answer {
    pub(crate) kind: &'static str,
    pub(crate) data: Value,
}

impl Answer {
    const fn new(kind: &'static str, data: Value) -> Self {
        Self { kind, data }
    }
}

/// How one part of a message ended.
enum Part {
    Started(Id),
    Answered(Id, &'static str, Option<String>),
    Duplicate,
}

impl Router {
    /// Takes a message: when it returns, what follows from it is committed.
    pub(crate) async fn receive(&self, message: Inbound) -> Result<Receipt, ReceiveError> {
        if let Some(picked) = &message.picked {
            return self.take_picked(&message, picked).await;
        }
        let meant = message.is_direct || message.mentions_bot;
        let prefixes = self.prefixes_of(&self.manners.of(&message.place));
        let said = match normalise(&message.text, message.dialect, message.bot.as_deref()) {
            Ok(said) => said,
            Err(_) if !meant && !looks_addressed(&prefixes, &message.text) => {
                return Ok(Receipt::Ignored("not for the bot"));
            }
            Err(Unusable::Quotation) if !message.is_direct => return Ok(Receipt::Ignored("a quotation")),
            Err(Unusable::Empty) if !meant => return Ok(Receipt::Ignored("empty")),
            Err(error) => return self.answer_only(&message, &message.key, unusable(&error)).await,
        };
        let reply = match Reply::read(&said.text) {
            Some(reply) => reply.meant(&self.engine, &message).await?,
            None => None,
        };
        let sentences = match &reply {
            Some(command) => vec![command.as_str()],
            None => prefixes.sentences(&said.text, meant || said.addressed),
        };
        let Some(first) = sentences.first().copied() else {
            return Ok(Receipt::Ignored("not for the bot"));
        };
        let Some(key) = self.edit_key(&message, first).await? else {
            return Ok(Receipt::Duplicate);
        };
        let identity = match self.identities.of(&message).await {
            Ok(identity) => identity,
            Err(reason) => {
                let asks = sentences.iter().any(|said| is_link(said));
                let invited = if asks {
                    self.identities.invite(&message).await
                } else {
                    None
                };
                let data = json!({"message": invited.unwrap_or(reason), "hint": null});
                return self
                    .answer_only(&message, &key, Answer::new("refused", data))
                    .await;
            }
        };
        if identity.user == message.account
            && sentences.iter().any(|said| is_link(said))
            && let Some(told) = self.identities.invite(&message).await
        {
            let data = json!({"message": told, "hint": null});
            return self
                .answer_only(&message, &key, Answer::new("refused", data))
                .await;
        }
        let book = self.shelf.current();
        let reading = sentences
            .iter()
            .map(|sentence| book.read(sentence))
            .find(|reading| *reading != Reading::Nothing)
            .unwrap_or(Reading::Nothing);
        let phrases = match reading {
            Reading::Means(phrases) => phrases,
            Reading::Ambiguous(candidates) => {
                let actions = candidates.iter().map(|candidate| candidate.action.as_str());
                let told = misses::masked(first, actions, &*book);
                let fits: Vec<&str> = candidates
                    .iter()
                    .take(LISTED)
                    .map(|candidate| candidate.alias.as_str())
                    .collect();
                let entries = self.missed(CHAT_AMBIGUOUS, &identity, &message, told, json!({"fits": fits}));
                let answer = ambiguous(first, &candidates);
                return self.answer_with(&message, &key, answer, entries).await;
            }
            Reading::GivenUp(reason) => {
                let told = misses::masked(first, [], &*book);
                let detail = json!({DETAIL_REASON: reason});
                let entries = self.missed(CHAT_NOT_UNDERSTOOD, &identity, &message, told, detail);
                let data = json!({"message": reason, "hint": "Say it shorter or in simpler words."});
                let answer = Answer::new("refused", data);
                return self.answer_with(&message, &key, answer, entries).await;
            }
            Reading::Nothing => {
                let mut nearest = book.nearest(first, LISTED);
                let likely = nearest.iter().filter(|near| near.likely);
                let actions = likely.map(|near| near.command.action.as_str());
                let told = misses::masked(first, actions, &*book);
                let entries = self.missed(CHAT_NOT_UNDERSTOOD, &identity, &message, told, json!({}));
                nearest.retain(|near| self.offers(&*book, &identity, &message, &near.command));
                nearest.truncate(NEAREST);
                let answer = not_understood(first, &nearest, &*book, &said);
                return self.answer_with(&message, &key, answer, entries).await;
            }
        };
        self.start(&message, &key, &identity, &*book, first, phrases)
            .await
    }

    /// Takes a command that was picked from a menu, with its parameters.
    async fn take_picked(&self, message: &Inbound, picked: &Picked) -> Result<Receipt, ReceiveError> {
        let identity = match self.identities.of(message).await {
            Ok(identity) => identity,
            Err(reason) => return self.answer_only(message, &message.key, nobody(&reason)).await,
        };
        let book = self.shelf.current();
        let Some(phrase) = book.pick(&picked.alias, &picked.values) else {
            let text = format!("there is no command `{}` any more", picked.alias);
            let data = json!({"message": text, "hint": "`help` lists what there is."});
            return self
                .answer_only(message, &message.key, Answer::new("refused", data))
                .await;
        };
        self.start(
            message,
            &message.key,
            &identity,
            &*book,
            &message.text,
            vec![phrase],
        )
        .await
    }

    /// Whether a command is one that its sender could use where they are.
    fn offers(&self, book: &dyn Phrasebook, by: &Identity, message: &Inbound, command: &Command) -> bool {
        let place = Some(&message.place);
        self.manners.of(&message.place).offers(&command.pack)
            && book.action(&command.action).is_some_and(|action| {
                let authority = self.engine.authority();
                action.enabled && authority.could_say(by, &command.alias, &action, place)
            })
    }

    /// What the audit log gets for a message that starts nothing.
    fn missed(
        &self,
        kind: &str,
        by: &Identity,
        message: &Inbound,
        text: String,
        detail: Value,
    ) -> Vec<Write> {
        let now = (self.clock)();
        let noted = self
            .misses
            .note(kind, &by.user, &message.place, text, detail, now);
        if noted.settle {
            let (misses, engine) = (Arc::clone(&self.misses), self.engine.clone());
            let (clock, stop) = (Arc::clone(&self.clock), self.stop.clone());
            tokio::spawn(async move {
                tokio::select! {
                    () = tokio::time::sleep(misses::WINDOW) => {
                        commit(&engine, misses.settle(clock(), false)).await;
                    }
                    // What was counted is written when chat ends.
                    () = stop.cancelled() => {}
                }
            });
        }
        noted.entries.into_iter().map(Write::Audit).collect()
    }

    /// Writes what was counted only, before chat ends.
    pub(crate) async fn settle(&self) {
        commit(&self.engine, self.misses.settle((self.clock)(), true)).await;
    }

    /// The prefixes that count where the bot behaves so.
    pub(crate) fn prefixes_of(&self, manner: &Manner) -> PrefixOptions {
        match &manner.prefix {
            Some(prefix) => PrefixOptions {
                prefixes: vec![prefix.clone()],
            },
            None => self.prefixes.clone(),
        }
    }

    /// The key under which the message is claimed. Of an edited message only what is new in it runs: a sentence that
    /// this message has not said before.
    async fn edit_key(&self, message: &Inbound, sentence: &str) -> Result<Option<String>, ReceiveError> {
        if !message.edited {
            return Ok(Some(message.key.clone()));
        }
        let store = self.engine.store();
        let Some(claim) = store.claim(message.key.clone()).await? else {
            return Ok(Some(message.key.clone()));
        };
        if let Some(execution) = claim.execution {
            // Of what is long gone nobody knows what it was.
            let Some(execution) = store.execution(execution).await? else {
                return Ok(None);
            };
            let ran = execution.request.origin.text.as_deref().unwrap_or_default();
            if may_be_same(ran, sentence) {
                return Ok(None);
            }
        }
        Ok(Some(format!(
            "{}:{}",
            message.key,
            Id::of_name(&spaced(sentence))
        )))
    }

    async fn start(
        &self,
        message: &Inbound,
        key: &str,
        identity: &Identity,
        book: &dyn Phrasebook,
        sentence: &str,
        phrases: Vec<Phrase>,
    ) -> Result<Receipt, ReceiveError> {
        if phrases.len() > MOST_AT_ONCE {
            let text = format!(
                "this would start {} executions at once; {MOST_AT_ONCE} are allowed",
                phrases.len()
            );
            let data = json!({"message": text, "hint": "Say it in several messages."});
            return self.answer_only(message, key, Answer::new("refused", data)).await;
        }
        let manner = self.manners.of(&message.place);
        if let Some(phrase) = phrases.iter().find(|phrase| !manner.offers(&phrase.alias.pack)) {
            let answer = not_here(&phrase.alias.pack, &manner);
            return self.answer_only(message, key, answer).await;
        }
        let (mut executions, mut answers, mut kind, mut asks) = (Vec::new(), Vec::new(), "", None);
        for (number, phrase) in phrases.into_iter().enumerate() {
            // Each part has its own claim: a message that comes again after a crash in between goes on
            // where it stopped.
            let part_key = if number == 0 {
                key.to_owned()
            } else {
                format!("{key}#{}", number + 1)
            };
            match self
                .start_one(message, &part_key, identity, book, sentence, phrase)
                .await?
            {
                Part::Started(id) => executions.push(id),
                Part::Answered(id, name, form) => {
                    answers.push(id);
                    kind = name;
                    asks = form;
                }
                Part::Duplicate => {}
            }
        }
        Ok(match (executions.is_empty(), answers.is_empty()) {
            (false, _) => Receipt::Started { executions, answers },
            (true, false) => Receipt::Answered {
                answers,
                kind: kind.to_owned(),
                form: asks,
            },
            (true, true) => Receipt::Duplicate,
        })
    }

    async fn start_one(
        &self,
        message: &Inbound,
        key: &str,
        identity: &Identity,
        book: &dyn Phrasebook,
        sentence: &str,
        phrase: Phrase,
    ) -> Result<Part, ReceiveError> {
        let alias = Arc::clone(&phrase.alias);
        let action = book.action(&alias.action);
        let id = Id::new();
        let context = context_of(message, identity, &alias.reference);
        let values = match parameters::values(
            &self.formats,
            &phrase,
            action.as_deref(),
            self.engine.runners(),
            &context,
            identity,
        ) {
            Ok(values) => values,
            Err(reason) => {
                let answer = bad_parameters(&reason, &phrase, action.as_deref());
                return self.answer(message, key, answer).await;
            }
        };
        let is_builtin = action
            .as_ref()
            .is_some_and(|action| action.runner_type == builtin::RUNNER);
        let origin = Origin {
            kind: "chat".to_owned(),
            place: Some(message.place.clone()),
            text: Some(sentence.to_owned()),
            alias: Some(alias.reference.clone()),
            format: Some(phrase.format.clone()),
            builtin: is_builtin,
            reply: message.reply.clone(),
            // What a command of ours tells is for whoever asked; what is done is for everybody in the conversation.
            private_to: (message.private && is_builtin).then(|| message.account.clone()),
        };
        let now = (self.clock)();
        let mut with = vec![Write::Claim(InboxClaim {
            key: key.to_owned(),
            received: message.received,
            place: message.place.clone(),
            execution: Some(id),
        })];
        let mut ack = None;
        if alias.ack && !is_builtin {
            let body = json!({"kind": "ack", "execution": id, "key": message.key, "brief": alias.ack_format.is_none(),
                "asked_by": message.account});
            let mut first = row(&message.place, body, now);
            first.card = Some(card_of(id));
            first.execution = Some(id);
            address(&mut first.body, &origin);
            if alias.ack_format.is_none() {
                first.next_attempt = now.plus_millis(PATIENCE_MS);
            }
            with.push(Write::Outbox(Box::new(first.clone())));
            ack = Some(first);
        }
        let Values { parameters, data } = values;
        self.callers.remember(id, identity.clone(), message.place.clone());
        let request = Submit {
            id: Some(id),
            action: alias.action.clone(),
            parameters,
            data,
            authored: true,
            identity: identity.clone(),
            origin,
            context,
            with,
            ..Submit::default()
        };
        let Err(error) = self.engine.submit(request).await else {
            self.outbox.committed(ack.into_iter().collect());
            tracing::info!(execution.id = %id, alias.r#ref = alias.reference, "a chat command was accepted");
            return Ok(Part::Started(id));
        };
        self.callers.forget(id);
        let answer = match error {
            SubmitError::Duplicate(_) => return Ok(Part::Duplicate),
            SubmitError::Denied(decision) => Answer::new(
                "denied",
                json!({
                    "reason": decision.reason,
                    "action": alias.action,
                    "display": phrase.display,
                    "user": identity.user,
                    "grant": null,
                }),
            ),
            SubmitError::Parameters(error) => bad_parameters(&error.explain(), &phrase, action.as_deref()),
            SubmitError::Store(error) => internal(&error),
            other => {
                let hint = match &other {
                    SubmitError::Disabled(_) => "Whoever looks after the pack can enable it.",
                    SubmitError::QueueFull(_) => "`ps` shows what is going on.",
                    SubmitError::Stopping => "Say it again when the server is back.",
                    _ => "The alias names it; whoever looks after the pack can correct that.",
                };
                Answer::new("refused", json!({"message": other.to_string(), "hint": hint}))
            }
        };
        self.answer(message, key, answer).await
    }

    async fn answer_only(
        &self,
        message: &Inbound,
        key: &str,
        answer: Answer,
    ) -> Result<Receipt, ReceiveError> {
        self.answer_with(message, key, answer, Vec::new()).await
    }

    async fn answer_with(
        &self,
        message: &Inbound,
        key: &str,
        answer: Answer,
        with: Vec<Write>,
    ) -> Result<Receipt, ReceiveError> {
        Ok(match self.commit_answer(message, key, answer, with).await? {
            Part::Answered(id, kind, form) => Receipt::Answered {
                answers: vec![id],
                kind: kind.to_owned(),
                form,
            },
            _ => Receipt::Duplicate,
        })
    }

    /// Commits an answer together with the claim of the message.
    async fn answer(&self, message: &Inbound, key: &str, answer: Answer) -> Result<Part, ReceiveError> {
        self.commit_answer(message, key, answer, Vec::new()).await
    }

    async fn commit_answer(
        &self,
        message: &Inbound,
        key: &str,
        answer: Answer,
        with: Vec<Write>,
    ) -> Result<Part, ReceiveError> {
        let form = answer.data["form"].as_str().map(str::to_owned);
        let mut body = json!({"kind": answer.kind, "data": answer.data, "key": message.key});
        let whom = Origin {
            reply: message.reply.clone(),
            private_to: message.private.then(|| message.account.clone()),
            ..Origin::default()
        };
        address(&mut body, &whom);
        let row: OutboxMessage = row(&message.place, body, (self.clock)());
        let claim = InboxClaim {
            key: key.to_owned(),
            received: message.received,
            place: message.place.clone(),
            execution: None,
        };
        let mut writes = vec![Write::Claim(claim), Write::Outbox(Box::new(row.clone()))];
        writes.extend(with);
        match self.engine.store().commit(writes).await {
            Ok(()) => {
                let id = row.id;
                self.outbox.committed(vec![row]);
                Ok(Part::Answered(id, answer.kind, form))
            }
            Err(CommitError::Duplicate(_)) => Ok(Part::Duplicate),
            Err(CommitError::Store(error)) => {
                tracing::error!("an answer could not be stored: {error}");
                Err(error.into())
            }
            Err(error @ CommitError::Conflict(_)) => Err(StoreError::Database(error.to_string()).into()),
        }
    }
}

fn looks_addressed(prefixes: &PrefixOptions, text: &str) -> bool {
    let start: String = text.trim_start().chars().take(64).collect();
    !prefixes.sentences(&start, false).is_empty()
}

/// The answer to a command of a pack that is not offered in the conversation.
fn not_here(pack: &str, manner: &Manner) -> Answer {
    let packs = manner
        .packs
        .iter()
        .flatten()
        .cloned()
        .collect::<Vec<_>>()
        .join(", ");
    let message = format!("commands of pack {pack} are not offered in this conversation");
    let hint = format!("Offered are those of {packs}; `settings` tells more.");
    Answer::new("refused", json!({"message": message, "hint": hint}))
}

/// Whether somebody asks for a code to link the account with which they say it.
fn is_link(said: &str) -> bool {
    ["link", "link me"].contains(&said.trim().to_lowercase().as_str())
}

async fn commit(engine: &Engine, entries: Vec<AuditDraft>) {
    if entries.is_empty() {
        return;
    }
    let writes = entries.into_iter().map(Write::Audit).collect();
    if let Err(error) = engine.store().commit(writes).await {
        tracing::error!("messages that were counted could not be logged: {error}");
    }
}

/// The context that the reference's aliases give to their executions.
fn context_of(message: &Inbound, identity: &Identity, alias: &str) -> JsonMap {
    let name = alias.split_once('.').map_or(alias, |(_, name)| name);
    let mut context = JsonMap::new();
    context.insert(
        "action_alias_ref".to_owned(),
        json!({"id": Id::of_name(&format!("action_alias:{alias}")), "name": name, "ref": alias}),
    );
    // A name that anybody can choose stands for nobody whom we know.
    let name = if identity.user == message.account {
        &message.display_name
    } else {
        &identity.user
    };
    context.insert("api_user".to_owned(), name.clone().into());
    let channel = message.place.name.as_ref().unwrap_or(&message.place.conversation);
    context.insert("source_channel".to_owned(), channel.clone().into());
    context
}

/// A sentence with single blanks only: two that differ in others do not mean different things.
fn spaced(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Whether a sentence may be the one that ran. Secrets in that one are masked: whatever stands in their places fits.
fn may_be_same(ran: &str, sentence: &str) -> bool {
    let (ran, sentence) = (spaced(ran), spaced(sentence));
    let mut rest = sentence.as_str();
    let mut parts = ran.split(MASK);
    let Some(next) = parts.next().and_then(|first| rest.strip_prefix(first)) else {
        return false;
    };
    rest = next;
    let mut exact = true;
    for part in parts {
        exact = part.is_empty();
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
    }
    rest.is_empty() || (exact && ran.contains(MASK))
}

/// The answer to an account that belongs to nobody.
fn nobody(reason: &str) -> Answer {
    Answer::new("refused", json!({"message": reason, "hint": null}))
}

fn unusable(error: &Unusable) -> Answer {
    let (line, caret) = match error {
        Unusable::UnclosedQuote { line, column } => (
            Some(line.clone()),
            Some(format!("{:>width$}", "^", width = column + 1)),
        ),
        _ => (None, None),
    };
    let reason = match error {
        Unusable::UnclosedQuote { .. } => "The quote is not closed".to_owned(),
        other => other.to_string(),
    };
    Answer::new(
        "unusable",
        json!({"reason": reason, "line": line, "caret": caret}),
    )
}

fn not_understood(sentence: &str, nearest: &[Near], book: &dyn Phrasebook, said: &Normalised) -> Answer {
    let likely = nearest.first().is_some_and(|near| near.likely);
    // What may hold a secret is said again by whoever said it, not by a button that others see.
    let holds_secret = |command: &Command| {
        let action = book.action(&command.action);
        action.is_none_or(|action| action.parameters.values().any(misses::marks_secret))
    };
    let mut corrected: Vec<&str> = Vec::new();
    for near in nearest.iter().filter(|near| !holds_secret(&near.command)) {
        let sentence = near
            .corrected
            .as_deref()
            .filter(|it| it.chars().count() <= LONGEST_OFFER);
        corrected.extend(sentence.filter(|sentence| !corrected.contains(sentence)));
    }
    let shown: Vec<Value> = nearest
        .iter()
        .map(|near| json!({"display": near.command.display, "description": near.command.description}))
        .collect();
    Answer::new(
        "not_understood",
        json!({
            "text": sentence,
            "nearest": shown,
            "likely": likely,
            "corrected": corrected,
            "notes": said.notes,
        }),
    )
}

fn ambiguous(sentence: &str, candidates: &[Candidate]) -> Answer {
    let candidates: Vec<Value> = candidates
        .iter()
        .map(|candidate| {
            json!({"display": candidate.display, "alias": candidate.alias, "action": candidate.action})
        })
        .collect();
    Answer::new("ambiguous", json!({"text": sentence, "candidates": candidates}))
}

fn bad_parameters(reason: &str, phrase: &Phrase, action: Option<&Action>) -> Answer {
    let parameters: Vec<Value> = action
        .into_iter()
        .flat_map(|action| &action.parameters)
        .filter(|(name, schema)| schema["immutable"] != true && !phrase.alias.immutable.contains_key(*name))
        .take(20)
        .map(|(name, schema)| {
            let required = if schema["required"] == true {
                ", needed"
            } else {
                ""
            };
            json!({
                "name": name,
                "type": format!("{}{required}", schema["type"].as_str().unwrap_or("string")),
                "description": schema["description"].as_str().unwrap_or_default(),
            })
        })
        .collect();
    Answer::new(
        "parameters",
        json!({
            "message": reason,
            "display": phrase.display,
            "description": phrase.alias.description,
            "parameters": parameters,
            "form": action.map(|action| form(phrase, action)),
        }),
    )
}

/// The form that asks for the parameters; what was said stands in it already, except secrets.
fn form(phrase: &Phrase, action: &Action) -> String {
    let known = phrase.given.iter().filter(|given| {
        given.source != Source::Default
            && action
                .parameters
                .get(&given.name)
                .is_none_or(|it| it["secret"] != true)
    });
    let known = known.filter_map(|given| Some((given.name.as_str(), given.text.as_deref()?)));
    run_form(&phrase.alias.reference, known)
}

/// An error of our own: the reader gets an id that is in the log too.
fn internal(error: &dyn std::error::Error) -> Answer {
    let id = Id::new().to_string();
    tracing::error!(error.id = id, "a chat command failed: {error}");
    Answer::new("internal", json!({"error_id": id}))
}

/// The system clock.
pub(crate) fn system_clock() -> Clock {
    Arc::new(Timestamp::now)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sentence_is_the_one_that_ran_also_when_that_one_is_masked() {
        for (ran, said, same) in [
            ("deploy api", "deploy  api ", true),
            ("deploy api", "deploy web", false),
            ("deploy api", "deploy api now", false),
            ("login ana password=********", "login ana password=hunter2", true),
            (
                "login ana password=******** now",
                "login ana password=x y now",
                true,
            ),
            (
                "login ana password=******** now",
                "login ana password=x later",
                false,
            ),
            ("login ana password=********", "logout ana", false),
            ("", "deploy", false),
        ] {
            assert_eq!(may_be_same(ran, said), same, "{ran} / {said}");
        }
    }
}
