//! What is deleted, kept as JSON lines in files compressed with zstd: `executions-2026-11-23.jsonl.zst`.
//!
//! A batch is one frame, written to disk before its rows are deleted. After a crash in between its rows are in the file
//! twice; their ids tell. Secrets stay sealed as they were in the database.

use std::io::Write as _;
use std::path::Path;

use serde_json::{Value, json};

use crate::model::{Execution, Timestamp};
use crate::store::{Expired, Kept, Store, StoreError};

/// Chunks of output that are read at once.
const CHUNKS: u32 = 500;
/// zstd's own default.
const LEVEL: i32 = 3;

/// Appends what belongs to `rows` to the file of the day.
pub(super) async fn keep(
    folder: &Path,
    store: &dyn Store,
    kind: Kept,
    rows: &[Expired],
    now: Timestamp,
) -> Result<(), StoreError> {
    let mut lines = Vec::new();
    for row in rows {
        if let Some(document) = document(store, kind, *row).await? {
            // Documents of values that were JSON before: writing them cannot fail.
            let _ = serde_json::to_writer(&mut lines, &document);
            lines.push(b'\n');
        }
    }
    if lines.is_empty() {
        return Ok(());
    }
    let day: String = now.to_string().chars().take(10).collect();
    let file = folder.join(format!("{}-{day}.jsonl.zst", kind.as_str()));
    let name = file.display().to_string();
    let folder = folder.to_path_buf();
    let written = tokio::task::spawn_blocking(move || {
        let frame = zstd::bulk::compress(&lines, LEVEL)?;
        std::fs::create_dir_all(folder)?;
        let mut open = std::fs::OpenOptions::new().create(true).append(true).open(file)?;
        open.write_all(&frame)?;
        open.sync_all()
    })
    .await
    .unwrap_or_else(|error| Err(std::io::Error::other(error)));
    written.map_err(|error| StoreError::Database(format!("the archive {name} cannot be written: {error}")))
}

async fn document(store: &dyn Store, kind: Kept, row: Expired) -> Result<Option<Value>, StoreError> {
    Ok(match kind {
        Kept::Executions | Kept::Inquiries => match store.execution(row.id).await? {
            None => None,
            Some(execution) => {
                let mut shown = shown(&execution);
                let output = output(store, row).await?;
                if !output.is_empty() {
                    shown["output"] = output.into();
                }
                Some(shown)
            }
        },
        Kept::Output => {
            let output = output(store, row).await?;
            (!output.is_empty()).then(|| json!({"execution": row.id, "output": output}))
        }
        Kept::Instances => store.instance(row.id).await?.map(|instance| {
            json!({
                "id": instance.id,
                "trigger": instance.trigger,
                "status": instance.status,
                "occurrence_time": instance.occurrence_time,
                "payload": *instance.payload,
                "detail": instance.detail,
            })
        }),
        Kept::Enforcements => store.enforcement(row.id).await?.map(|enforcement| {
            json!({
                "id": enforcement.id,
                "rule": enforcement.rule,
                "trigger_instance": enforcement.instance,
                "execution": enforcement.execution,
                "enforced_at": enforcement.enforced_at,
                "failure_reason": enforcement.failure,
                "held_back": enforcement.held_back,
            })
        }),
        // Of use to nobody but the server itself.
        Kept::Journals | Kept::Outbox => None,
    })
}

fn shown(execution: &Execution) -> Value {
    json!({
        "id": execution.id,
        "status": execution.status,
        "start_timestamp": execution.start,
        "end_timestamp": execution.end,
        "request": *execution.request,
        "progress": execution.progress,
        "result": execution.result.as_deref(),
    })
}

async fn output(store: &dyn Store, row: Expired) -> Result<Vec<Value>, StoreError> {
    let mut all = Vec::new();
    loop {
        let from = u32::try_from(all.len()).unwrap_or(u32::MAX);
        let chunks = store.output(row.id, from, CHUNKS, None).await?;
        let full = chunks.len() == CHUNKS as usize;
        all.extend(
            chunks
                .into_iter()
                .map(|chunk| json!({"at": chunk.timestamp, "stream": chunk.stream, "text": chunk.text})),
        );
        if !full {
            return Ok(all);
        }
    }
}
