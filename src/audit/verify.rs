//! Goes through the whole log, entry by entry, in pages.

use std::fmt;

use thiserror::Error;

use crate::model::AuditDraft;
use crate::store::{AuditRecord, Store, StoreError, chain};

/// Entries read at once.
const PAGE: u32 = 1000;

/// The log is whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verified {
    /// Number of entries, which is also the newest entry's number.
    pub count: u64,
    /// The newest entry's hash: kept elsewhere, it proves later that the log up to here is still the same.
    pub hash: [u8; 32],
}

/// The log was tampered with or damaged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the audit log is broken at entry {number}: {why}")]
pub struct Broken {
    /// The first entry that is not as it was written.
    pub number: u64,
    /// What is wrong with it.
    pub why: Fault,
}

/// What is wrong with an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Its text does not fit its hash, while the entries behind it still fit that hash.
    Text,
    /// Its hash was changed: text and following entries fit each other.
    Hash,
    /// Text and hash do not fit, nor does what follows: both were changed, or the number.
    TextAndHash,
    /// It is not there, while later ones are.
    Missing,
    /// It and all that followed are not there; the log once went up to this number.
    CutOff {
        /// Number of the newest entry that was written.
        newest: u64,
    },
    /// The entries fit each other and yet the hash is not the one that was kept apart: the log was rewritten.
    Rewritten,
    /// The newest number and hash, which are kept apart from the log, are gone.
    NoAnchor,
    /// A column that searches go by says something else than the text.
    Column(&'static str),
    /// The text fits its hash and cannot be read.
    Unreadable,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text => f.write_str("its text was changed"),
            Self::Hash => f.write_str("its hash was changed"),
            Self::TextAndHash => f.write_str("its text does not fit its hash, nor does the entry behind it"),
            Self::Missing => f.write_str("it is missing"),
            Self::CutOff { newest } => write!(f, "it and all behind it, up to {newest}, are missing"),
            Self::Rewritten => {
                f.write_str("its hash is not the one that was kept apart: the log was rewritten")
            }
            Self::NoAnchor => f.write_str("the hash of the newest entry, which is kept apart, is gone"),
            Self::Column(name) => write!(
                f,
                "its column `{name}` was changed and says something else than its text"
            ),
            Self::Unreadable => f.write_str("its text cannot be read"),
        }
    }
}

/// Verification did not end well.
#[derive(Debug, Error)]
pub enum VerifyError {
    /// The log is broken.
    #[error(transparent)]
    Broken(#[from] Broken),
    /// The log could not be read to its end.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Verifies every entry. Memory is bounded; entries that are added meanwhile may or may not be included.
///
/// # Errors
/// [`VerifyError::Broken`] names the first broken entry; [`VerifyError::Store`] when reading failed.
pub async fn verify(store: &dyn Store) -> Result<Verified, VerifyError> {
    let mut so_far = Verified {
        count: 0,
        hash: chain::GENESIS,
    };
    let mut anchor = None;
    loop {
        let page = store.audit_records(so_far.count, PAGE).await?;
        // The first page's: what was kept then must be there now.
        anchor = anchor.or(page.anchor);
        let Some(last) = page.records.last().map(|record| record.number) else {
            break;
        };
        for (place, record) in page.records.iter().enumerate() {
            let expected = so_far.count + 1;
            if record.number != expected {
                return Err(Broken {
                    number: expected,
                    why: Fault::Missing,
                }
                .into());
            }
            let hash = chain::hash(&so_far.hash, expected, &record.text);
            if record.hash != hash {
                let next = match page.records.get(place + 1) {
                    Some(next) => Some(next.clone()),
                    None => store.audit_records(last, 1).await?.records.pop(),
                };
                let why = blame(record, &hash, next.as_ref(), anchor);
                return Err(Broken {
                    number: expected,
                    why,
                }
                .into());
            }
            if let Some(why) = inconsistent(record) {
                return Err(Broken {
                    number: expected,
                    why,
                }
                .into());
            }
            so_far = Verified {
                count: expected,
                hash,
            };
            if anchor.is_some_and(|(number, kept)| number == expected && kept != hash) {
                return Err(Broken {
                    number: expected,
                    why: Fault::Rewritten,
                }
                .into());
            }
        }
    }
    match anchor {
        Some((newest, _)) if newest > so_far.count => Err(Broken {
            number: so_far.count + 1,
            why: Fault::CutOff { newest },
        }
        .into()),
        None if so_far.count > 0 => Err(Broken {
            number: so_far.count,
            why: Fault::NoAnchor,
        }
        .into()),
        _ => Ok(so_far),
    }
}

/// Finds out what was changed, by what still fits: the entry behind it (or the copy of the newest hash) was
/// made from the original hash.
fn blame(
    record: &AuditRecord,
    expected: &[u8; 32],
    next: Option<&AuditRecord>,
    anchor: Option<(u64, [u8; 32])>,
) -> Fault {
    let original = |candidate: &[u8; 32]| match (next, anchor) {
        (Some(next), _) => next.hash == chain::hash(candidate, record.number + 1, &next.text),
        (None, Some((number, kept))) => number == record.number && kept == *candidate,
        (None, None) => false,
    };
    let stored: Option<&[u8; 32]> = record.hash.as_slice().try_into().ok();
    if stored.is_some_and(original) {
        Fault::Text
    } else if original(expected) {
        Fault::Hash
    } else {
        Fault::TextAndHash
    }
}

/// Whether the columns repeat what the text says.
fn inconsistent(record: &AuditRecord) -> Option<Fault> {
    let Ok(draft) = serde_json::from_str::<AuditDraft>(&record.text) else {
        return Some(Fault::Unreadable);
    };
    let wrong = [
        ("at", draft.timestamp != record.timestamp),
        ("kind", draft.kind != record.kind),
        ("actor", draft.actor != record.actor),
        ("action", draft.action != record.action),
        ("execution", draft.execution != record.execution),
    ];
    wrong
        .into_iter()
        .find(|(_, wrong)| *wrong)
        .map(|(name, _)| Fault::Column(name))
}
