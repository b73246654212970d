//! Journal entries: what a flow gives as its journal, packed and sealed. Now and then an entry holds the whole state, so
//! that a workflow that has come far is not made again from its beginning.

use std::sync::Arc;

use crate::engine::SecretKey;
use crate::model::Id;
use crate::store::{JournalEntry, StoreError};
use crate::workflow::flow::Flow;

/// Entries shorter than this are not compressed: there is nothing to gain.
const SHORT: usize = 512;
/// More than any entry has: contexts are bounded by the expressions' limits.
const LONGEST: usize = 1 << 30;
/// First byte of an entry that is as it was written.
const PLAIN: u8 = 0;
/// First byte of a compressed entry.
const ZSTD: u8 = 1;

/// What is stored of a flow.
#[derive(Debug, Default)]
pub(super) struct Journal {
    /// Its state at some point.
    pub(super) snapshot: Option<String>,
    /// What it gave since.
    pub(super) texts: Vec<String>,
    /// Where the next entry goes, and when the state is written next.
    pub(super) pen: Pen,
}

impl Journal {
    /// Takes in the next entry.
    pub(super) fn add(&mut self, entry: &JournalEntry, key: &SecretKey) -> Result<(), StoreError> {
        let text = read(entry, key)?;
        self.pen.wrote(text.len(), entry.whole);
        self.pen.number = entry.number + 1;
        if entry.whole {
            self.snapshot = Some(text);
            self.texts.clear();
        } else {
            self.texts.push(text);
        }
        Ok(())
    }
}

/// Where the next entry goes, and how much was written since the last snapshot. The whole state is written when as many
/// bytes of changes have come together as it had the last time, so that writing it costs a step the same however far the
/// workflow has come.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Pen {
    /// Number of the next entry.
    pub(super) number: u64,
    entries: usize,
    bytes: usize,
    snapshot_bytes: usize,
}

impl Pen {
    fn wrote(&mut self, bytes: usize, whole: bool) {
        if whole {
            *self = Self {
                number: self.number,
                snapshot_bytes: bytes,
                ..Self::default()
            };
        } else {
            self.entries += 1;
            self.bytes += bytes;
        }
    }

    /// The entry for what a flow gave; its whole state instead when so many entries have come since the last one.
    pub(super) fn write(
        &mut self,
        execution: Id,
        flow: &mut Flow,
        after: usize,
        key: &SecretKey,
    ) -> Option<JournalEntry> {
        let changes = flow.take_journal()?;
        let due = self.entries >= after && self.bytes >= self.snapshot_bytes;
        let text = if due { flow.snapshot() } else { changes };
        let number = self.number;
        self.wrote(text.len(), due);
        self.number += 1;
        Some(write(execution, number, text, due, key))
    }
}

/// An entry with what a flow gave. It is sealed as a whole, because variables of workflows may be secret.
pub(super) fn write(execution: Id, number: u64, text: String, whole: bool, key: &SecretKey) -> JournalEntry {
    let text = text.into_bytes();
    let compressed = (text.len() >= SHORT)
        .then(|| zstd::bulk::compress(&text, 1).ok())
        .flatten()
        .filter(|compressed| compressed.len() < text.len());
    let (kind, body) = match &compressed {
        Some(compressed) => (ZSTD, compressed),
        None => (PLAIN, &text),
    };
    let mut bytes = Vec::with_capacity(body.len() + 1);
    bytes.push(kind);
    bytes.extend_from_slice(body);
    JournalEntry {
        execution,
        number,
        data: Arc::from(key.seal_bytes(&bytes, execution)),
        whole,
    }
}

/// The text of an entry.
fn read(entry: &JournalEntry, key: &SecretKey) -> Result<String, StoreError> {
    let corrupt = |why: &str| StoreError::Corrupt {
        what: format!(
            "entry {} in the journal of execution {}: {why}",
            entry.number, entry.execution
        ),
    };
    let bytes = key
        .open_bytes(&entry.data, entry.execution)
        .ok_or_else(|| corrupt("it was sealed with another key"))?;
    let text = match bytes.split_first() {
        Some((&PLAIN, text)) => text.to_vec(),
        Some((&ZSTD, compressed)) => {
            zstd::bulk::decompress(compressed, LONGEST).map_err(|error| corrupt(&error.to_string()))?
        }
        _ => return Err(corrupt("it is empty")),
    };
    String::from_utf8(text).map_err(|error| corrupt(&error.to_string()))
}
