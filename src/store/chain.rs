//! The hash chain of the audit log: each entry is bound to all entries before it.

use sha2::{Digest, Sha256};

use crate::model::AuditDraft;

/// The hash before the first entry.
pub const GENESIS: [u8; 32] = [0; 32];

/// Text of an entry as it is hashed and stored: JSON in the field order of [`AuditDraft`].
///
/// # Errors
/// When the draft cannot be written as JSON, which its types do not allow to happen.
pub fn text(draft: &AuditDraft) -> Result<String, serde_json::Error> {
    serde_json::to_string(draft)
}

/// SHA-256 over the previous hash, the entry's number (8 bytes, big endian) and its stored text.
#[must_use]
pub fn hash(previous: &[u8; 32], number: u64, text: &str) -> [u8; 32] {
    let mut digest = Sha256::new();
    digest.update(previous);
    digest.update(number.to_be_bytes());
    digest.update(text.as_bytes());
    digest.finalize().into()
}
