//! What the database's errors mean to the rest of Sayso.

use crate::store::StoreError;

/// Out of space: `SQLITE_FULL`, and the shared-memory file that could not grow.
const FULL: [&str; 2] = ["13", "4874"];
/// The file is no database or is damaged: `SQLITE_CORRUPT`, `SQLITE_NOTADB`.
const DAMAGED: [&str; 2] = ["11", "26"];
/// A second row with the same key: `SQLITE_CONSTRAINT_PRIMARYKEY`, `_UNIQUE`, `_ROWID`.
const DOUBLE: [&str; 3] = ["1555", "2067", "2579"];

/// What the caller gets to know.
pub(super) fn store_error(error: &sqlx::Error) -> StoreError {
    if has_code(error, &FULL) {
        StoreError::DiskFull
    } else if has_code(error, &DAMAGED) {
        StoreError::Corrupt {
            what: error.to_string(),
        }
    } else {
        StoreError::Database(error.to_string())
    }
}

/// A row with this key exists.
pub(super) fn is_double(error: &sqlx::Error) -> bool {
    has_code(error, &DOUBLE)
}

/// No room.
pub(super) fn is_full(error: &sqlx::Error) -> bool {
    has_code(error, &FULL)
}

fn has_code(error: &sqlx::Error, codes: &[&str]) -> bool {
    match error {
        sqlx::Error::Database(error) => error.code().is_some_and(|code| codes.contains(&code.as_ref())),
        _ => false,
    }
}

/// Stored bytes that do not read back.
pub(super) fn corrupt(what: impl std::fmt::Display) -> StoreError {
    StoreError::Corrupt {
        what: what.to_string(),
    }
}
