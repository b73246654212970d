//! Finding executions by what people type: ids, beginnings of ids, `last`.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{Call, Refusal};
use crate::model::{Execution, Id, Timestamp};
use crate::store::{ExecutionFilter, Page, SortOrder};

/// Digits that the beginning of an id has at least.
const SHORTEST: usize = 6;
/// The time of acceptance may differ from the time in the id by so much.
const SLACK_MS: i64 = 60_000;
/// Executions that are looked through for a beginning.
const LOOKED_THROUGH: u32 = 20_000;
/// Candidates that are listed.
const LISTED: usize = 10;

/// The execution that `text` means, with its result.
pub(super) async fn execution(call: &Call<'_>, text: &str) -> Result<Arc<Execution>, Refusal> {
    let word = text.trim().trim_matches(['`', '"', '\'']).to_ascii_lowercase();
    let id = if word == "last" {
        last(call).await?
    } else if let Ok(id) = word.parse() {
        id
    } else {
        by_beginning(call, &word).await?
    };
    call.desk
        .engine
        .execution(id)
        .await?
        .ok_or_else(|| unknown(&word))
}

fn unknown(word: &str) -> Refusal {
    Refusal::new(format!("there is no execution {word}"))
        .hint("`history` lists the latest ones, `ps` those at work.")
}

/// The caller's latest execution, in this conversation when there is one.
async fn last(call: &Call<'_>) -> Result<Id, Refusal> {
    let here = call
        .place
        .as_ref()
        .map(|place| (place.gateway.clone(), place.conversation.clone()));
    for place in [here.clone(), None] {
        let filter = ExecutionFilter {
            user: vec![call.identity.user.clone()],
            place,
            without_builtin: true,
            top_level: true,
            ..ExecutionFilter::default()
        };
        let page = Page {
            limit: Some(1),
            ..Page::default()
        };
        if let Some(found) = call
            .desk
            .engine
            .store()
            .executions(filter, page)
            .await?
            .items
            .first()
        {
            return Ok(found.id);
        }
    }
    Err(Refusal::new("you have not run anything yet").hint("`history` lists what others ran."))
}

async fn by_beginning(call: &Call<'_>, word: &str) -> Result<Id, Refusal> {
    let is_hex = word.chars().all(|char| char.is_ascii_hexdigit());
    if word.len() < SHORTEST || word.len() > 24 || !is_hex {
        return Err(Refusal::new(format!("`{word}` is no id")).hint(format!(
            "An id has 24 hexadecimal digits; its first {SHORTEST} or more suffice, or say `last`."
        )));
    }
    let (from, to) = span(word);
    let filter = ExecutionFilter {
        after: Some(from.plus_millis(-SLACK_MS)),
        before: Some(to.plus_millis(SLACK_MS)),
        ..ExecutionFilter::default()
    };
    let page = Page {
        order: SortOrder::Descending,
        limit: Some(LOOKED_THROUGH),
        ..Page::default()
    };
    let found = call.desk.engine.store().executions(filter, page).await?.items;
    let mut fitting: Vec<_> = found
        .into_iter()
        .filter(|it| it.id.to_string().starts_with(word))
        .collect();
    // What people mean is work; the command that asked is itself an execution with a near id.
    if fitting.iter().any(|it| !it.request.origin.builtin) {
        fitting.retain(|it| !it.request.origin.builtin);
    }
    match &fitting[..] {
        [] => Err(unknown(word)),
        [one] => Ok(one.id),
        several => {
            let mut refusal = Refusal::new(format!("{} executions begin with {word}", several.len()))
                .hint("Say more digits of the id.");
            refusal.candidates = several.iter().take(LISTED).map(candidate).collect();
            Err(refusal)
        }
    }
}

fn candidate(execution: &Execution) -> Value {
    json!({"id": execution.id, "status": execution.status, "action": execution.request.action})
}

/// The times of the first and the last id with this beginning: the first eight digits are seconds.
fn span(word: &str) -> (Timestamp, Timestamp) {
    let second = |fill: char| {
        let digits: String = word.chars().chain(std::iter::repeat(fill)).take(8).collect();
        i64::from_str_radix(&digits, 16).unwrap_or(0)
    };
    (
        Timestamp::from_micros(second('0') * 1_000_000),
        Timestamp::from_micros((second('f') + 1) * 1_000_000),
    )
}
