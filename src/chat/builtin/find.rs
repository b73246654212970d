//! Finding executions by what people type: ids, beginnings and ends of ids, `last`.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{Call, Refusal};
use crate::model::{Execution, Id, Timestamp};
use crate::store::{ExecutionFilter, Page, SortOrder};

/// Digits that a part of an id has at least.
const SHORTEST: usize = 6;
/// The time of acceptance may differ from the time in the id by so much.
const SLACK_MS: i64 = 60_000;
/// Executions that are looked through for a part of an id, the newest.
const LOOKED_THROUGH: usize = 20_000;
/// Digits at the end of an id that all ids of one process share.
const OF_THE_NODE: usize = 10;
/// Executions that are read at once.
const PAGE: u32 = 1_000;
/// Candidates that are listed.
const LISTED: usize = 10;

/// The execution that `text` means, with its result.
pub(super) async fn execution(call: &Call<'_>, text: &str) -> Result<Arc<Execution>, Refusal> {
    // What comes with an id when it is copied: marks, dots of a shortened one, the end of a sentence.
    let marks = |char: char| !char.is_alphanumeric();
    let word = text.trim().trim_matches(marks).to_ascii_lowercase();
    let id = if word == "last" {
        last(call).await?
    } else if let Ok(id) = word.parse() {
        id
    } else {
        let is_hex = word.chars().all(|char| char.is_ascii_hexdigit());
        if !is_hex || !(SHORTEST..24).contains(&word.len()) {
            return Err(Refusal::new(format!("`{}` is no id", text.trim())).hint(format!(
                "An id has 24 hexadecimal digits; its first or last {SHORTEST} or more suffice, or say `last`."
            )));
        }
        by_part(call, &word).await?
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

/// The execution whose id begins with `word`; when there is none, the one whose id ends with it.
async fn by_part(call: &Call<'_>, word: &str) -> Result<Id, Refusal> {
    let (from, to) = span(word);
    let at_that_time = ExecutionFilter {
        after: Some(from.plus_millis(-SLACK_MS)),
        before: Some(to.plus_millis(SLACK_MS)),
        ..ExecutionFilter::default()
    };
    let begins = Look::through(call, at_that_time, |id| id.starts_with(word)).await?;
    let (look, part) = if begins.fitting.is_empty() {
        let all = ExecutionFilter::default();
        let ends = Look::through(call, all, |id| id.ends_with(word)).await?;
        let cut = begins.cut || ends.cut;
        (Look { cut, ..ends }, "end")
    } else {
        (begins, "begin")
    };
    match &look.fitting[..] {
        [] if look.cut => Err(Refusal::new(format!(
            "none of the {LOOKED_THROUGH} newest executions has an id with {word} at its beginning or end"
        ))
        .hint("Older ones are found by their whole id.")),
        [] => Err(unknown(word)),
        [one] => Ok(one.id),
        several => {
            let hint = if part == "end" && word.len() <= OF_THE_NODE {
                "What one start of the server made ends alike: say the first digits of the id."
            } else {
                "Say more digits of the id."
            };
            let mut refusal =
                Refusal::new(format!("{} executions {part} with {word}", several.len())).hint(hint);
            refusal.more = several.len().saturating_sub(LISTED);
            refusal.candidates = several.iter().take(LISTED).map(candidate).collect();
            Err(refusal)
        }
    }
}

/// What was found among the newest executions.
struct Look {
    fitting: Vec<Execution>,
    /// There are older ones that were not looked at.
    cut: bool,
}

impl Look {
    async fn through(
        call: &Call<'_>,
        filter: ExecutionFilter,
        fits: impl Fn(&str) -> bool,
    ) -> Result<Self, Refusal> {
        let mut page = Page {
            order: SortOrder::Descending,
            limit: Some(PAGE),
            ..Page::default()
        };
        let (mut fitting, mut seen, mut cut) = (Vec::new(), 0, false);
        loop {
            let store = call.desk.engine.store();
            let found = store.executions(filter.clone(), page.clone()).await?.items;
            let Some(oldest) = found.last() else { break };
            if seen >= LOOKED_THROUGH {
                cut = true;
                break;
            }
            seen += found.len();
            page.after = Some(oldest.id);
            fitting.extend(found.into_iter().filter(|it| fits(&it.id.to_string())));
        }
        // What people mean is work; the command that asked is itself an execution with a near id.
        if fitting.iter().any(|it| !it.request.origin.builtin) {
            fitting.retain(|it| !it.request.origin.builtin);
        }
        Ok(Self { fitting, cut })
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
