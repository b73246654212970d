//! Where JSON and text of any size go: plain, compressed, in the row or apart.

use std::borrow::Cow;
use std::sync::Arc;

use crate::store::StoreError;

use super::error::corrupt;

/// Bytes up to which a request or result stays in the row of its execution (a page has 4096).
pub(super) const INLINE: usize = 2048;
/// Output from this size on is worth trying to compress.
const WORTH_TRYING: usize = 512;
/// zstd's quickest level: compression runs before the commit that somebody waits for.
const LEVEL: i32 = 1;
/// No stored thing is bigger; more means that a size is damaged.
const LARGEST: u64 = 1 << 30;

/// Bytes as the database keeps them.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Stored {
    /// As they are.
    Plain(Arc<str>),
    /// zstd.
    Packed(Arc<[u8]>),
}

impl Stored {
    /// Compresses when it saves at least an eighth.
    pub(super) fn pack(text: String) -> Self {
        if text.len() >= WORTH_TRYING
            && let Ok(packed) = zstd::bulk::compress(text.as_bytes(), LEVEL)
            && packed.len() < text.len() - text.len() / 8
        {
            return Self::Packed(packed.into());
        }
        Self::Plain(text.into())
    }

    pub(super) fn len(&self) -> usize {
        match self {
            Self::Plain(text) => text.len(),
            Self::Packed(bytes) => bytes.len(),
        }
    }
}

/// A request or result.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Body {
    /// Bytes before compression.
    pub(super) size: usize,
    /// What is stored.
    pub(super) stored: Stored,
}

impl Body {
    pub(super) fn new(json: String) -> Self {
        let size = json.len();
        // Small bodies stay readable with any SQLite tool.
        let stored = if size <= INLINE {
            Stored::Plain(json.into())
        } else {
            Stored::pack(json)
        };
        Self { size, stored }
    }

    /// What goes into the row; `None` when the body is kept apart.
    pub(super) fn inline(&self) -> Option<&Stored> {
        Some(&self.stored).filter(|stored| stored.len() <= INLINE)
    }
}

/// A column that holds [`Stored`], as it is read.
pub(super) enum Raw {
    /// Kept apart, or not there at all.
    Missing,
    Plain(String),
    Packed(Vec<u8>),
}

impl Raw {
    /// The text; `size` is its length before compression.
    pub(super) fn unpack(self, size: i64, what: &str) -> Result<String, StoreError> {
        match self {
            Self::Missing => Err(corrupt(format_args!("{what} is missing"))),
            Self::Plain(text) => Ok(text),
            Self::Packed(bytes) => {
                let size = u64::try_from(size).ok().filter(|size| *size <= LARGEST);
                let size = size.and_then(|size| usize::try_from(size).ok());
                let size = size.ok_or_else(|| corrupt(format_args!("size of {what}")))?;
                let text = zstd::bulk::decompress(&bytes, size).map_err(|_| corrupt(what))?;
                String::from_utf8(text).map_err(|_| corrupt(what))
            }
        }
    }
}

impl<'r> sqlx::Decode<'r, sqlx::Sqlite> for Raw {
    fn decode(value: sqlx::sqlite::SqliteValueRef<'r>) -> Result<Self, sqlx::error::BoxDynError> {
        use sqlx::{TypeInfo, ValueRef};
        if value.is_null() {
            return Ok(Self::Missing);
        }
        let kind: Cow<'_, sqlx::sqlite::SqliteTypeInfo> = value.type_info();
        if kind.name() == "TEXT" {
            Ok(Self::Plain(<String as sqlx::Decode<'r, sqlx::Sqlite>>::decode(
                value,
            )?))
        } else {
            Ok(Self::Packed(<Vec<u8> as sqlx::Decode<'r, sqlx::Sqlite>>::decode(
                value,
            )?))
        }
    }
}

impl sqlx::Type<sqlx::Sqlite> for Raw {
    fn type_info() -> sqlx::sqlite::SqliteTypeInfo {
        <Vec<u8> as sqlx::Type<sqlx::Sqlite>>::type_info()
    }

    fn compatible(_: &sqlx::sqlite::SqliteTypeInfo) -> bool {
        true
    }
}
