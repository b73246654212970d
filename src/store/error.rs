//! What can go wrong in the store.

use thiserror::Error;

use crate::model::{Id, InboxClaim};

/// A read or an administrative call failed.
#[derive(Debug, Error)]
pub enum StoreError {
    /// The disk has no room; nothing was changed.
    #[error("the disk that holds the data folder is full: make room, work goes on by itself afterwards")]
    DiskFull,
    /// The database was written by a newer Sayso.
    #[error(
        "the database is at version {found}, this Sayso knows versions up to {known}: install the newer Sayso again or restore a backup"
    )]
    TooNew {
        /// Version of the database.
        found: i64,
        /// Newest version that this program knows.
        known: i64,
    },
    /// Stored bytes do not read back: a bug or a damaged file.
    #[error("stored data does not read back ({what}): run `sayso db check`")]
    Corrupt {
        /// What was read.
        what: String,
    },
    /// The store was closed because the server is stopping.
    #[error("the store is closed: the server is stopping")]
    Closed,
    /// Anything else from the database.
    #[error("the database failed: {0}")]
    Database(String),
}

/// A commit was refused; nothing of the transaction was written.
#[derive(Debug, Error)]
pub enum CommitError {
    /// Somebody else took a step with the same execution in between.
    #[error("execution {0} changed in the meantime")]
    Conflict(Id),
    /// The inbound event was claimed before.
    #[error("the event {} was handled before", .0.key)]
    Duplicate(Box<InboxClaim>),
    /// The store itself failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}
