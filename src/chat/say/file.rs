//! The whole output of an execution as a file.

use serde_json::Value;

use super::result::whole;
use crate::chat::gateway::Attachment;
use crate::engine::Engine;
use crate::model::Execution;
use crate::store::StoreError;

/// Pieces of output read at once.
const CHUNKS: u32 = 256;

/// Everything that an execution wrote, in the order in which it was written; its result when it wrote nothing. What does not fit
/// into `limit` bytes is left out, which the last line says.
pub(super) async fn file(
    engine: &Engine,
    execution: &Execution,
    limit: usize,
) -> Result<Attachment, StoreError> {
    let mut text = String::new();
    let mut next = 0;
    // The last line has to fit as well.
    let room = limit.saturating_sub(200);
    let mut is_cut = false;
    loop {
        let chunks = engine.store().output(execution.id, next, CHUNKS, None).await?;
        let Some(last) = chunks.last() else { break };
        next = last.number + 1;
        for chunk in &chunks {
            is_cut |= !append(&mut text, &chunk.text, room);
        }
        if is_cut {
            break;
        }
    }
    if next == 0 {
        is_cut = !append(&mut text, &whole(engine, execution), room);
    }
    if is_cut {
        if !text.ends_with('\n') {
            text.push('\n');
        }
        text.push_str(&format!(
            "… there is more than fits into a file here; `log {} more` reads on\n",
            execution.id
        ));
    } else if next > 0 {
        text.push_str(&unwritten(engine, execution));
    }
    Ok(Attachment {
        name: format!("{}.txt", execution.id),
        text,
    })
}

/// Why it failed, when that stands in the result only.
fn unwritten(engine: &Engine, execution: &Execution) -> String {
    let result = engine.shown(execution, false).result.unwrap_or(Value::Null);
    match result.get("error").and_then(Value::as_str) {
        Some(error) if !error.trim().is_empty() => format!("\n== error ==\n{error}\n"),
        _ => String::new(),
    }
}

/// Adds as much as there is room for; false when it was not all.
fn append(text: &mut String, more: &str, room: usize) -> bool {
    let mut end = more.len().min(room.saturating_sub(text.len()));
    while !more.is_char_boundary(end) {
        end -= 1;
    }
    text.push_str(&more[..end]);
    end == more.len()
}

#[cfg(test)]
mod tests {
    use super::append;

    #[test]
    fn what_does_not_fit_is_cut_between_characters() {
        for (room, expected, all) in [
            (10, "aäö", true),
            (4, "aä", false),
            (3, "aä", false),
            (2, "a", false),
            (0, "", false),
        ] {
            let mut text = String::new();
            assert_eq!(
                (append(&mut text, "aäö", room), text.as_str()),
                (all, expected),
                "{room}"
            );
        }
    }
}
