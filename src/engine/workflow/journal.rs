//! Journal entries: what a flow gives as its journal, packed and sealed.

use crate::engine::SecretKey;
use crate::model::Id;
use crate::store::{JournalEntry, StoreError};

/// Entries shorter than this are not compressed: there is nothing to gain.
const SHORT: usize = 512;
/// More than any entry has: contexts are bounded by the expressions' limits.
const LONGEST: usize = 1 << 30;
/// First byte of an entry that is as it was written.
const PLAIN: u8 = 0;
/// First byte of a compressed entry.
const ZSTD: u8 = 1;

/// An entry with what a flow gave. It is sealed as a whole, because variables of workflows may be secret.
pub(super) fn write(execution: Id, number: u64, text: String, key: &SecretKey) -> JournalEntry {
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
        data: key.seal_bytes(&bytes, execution).into(),
    }
}

/// The text of an entry.
pub(super) fn read(entry: &JournalEntry, key: &SecretKey) -> Result<String, StoreError> {
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
