//! Points in time, as microseconds since 1970, written the way API clients expect.

use std::fmt;
use std::str::FromStr;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A point in time: microseconds since 1970-01-01T00:00:00Z.
///
/// Shown and read as RFC 3339 in UTC with six decimals, `2026-11-22T13:00:27.617648Z`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

impl Timestamp {
    /// The system clock's time. Only edges call this; pure code is handed a time.
    #[must_use]
    pub fn now() -> Self {
        Self(jiff::Timestamp::now().as_microsecond())
    }

    /// From microseconds since 1970.
    #[must_use]
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    /// Microseconds since 1970.
    #[must_use]
    pub const fn micros(self) -> i64 {
        self.0
    }

    /// This time moved by `millis` milliseconds.
    #[must_use]
    pub const fn plus_millis(self, millis: i64) -> Self {
        Self(self.0.saturating_add(millis.saturating_mul(1000)))
    }

    /// Seconds from `earlier` to `self`, negative when `earlier` is later.
    #[must_use]
    pub fn seconds_since(self, earlier: Self) -> f64 {
        // Differences of two clock readings are far below 2^53 µs (285 years).
        #[allow(clippy::cast_precision_loss)]
        let micros = (self.0 - earlier.0) as f64;
        micros / 1e6
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_microsecond(self.0) {
            Ok(time) => write!(f, "{time:.6}"),
            Err(_) => write!(f, "{}us", self.0),
        }
    }
}

impl FromStr for Timestamp {
    type Err = String;

    /// Reads RFC 3339 (`2026-11-22T13:00:27.617648Z`, other offsets too); a time without offset is UTC.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.trim();
        let parsed = text.parse::<jiff::Timestamp>().or_else(|first| {
            text.parse::<jiff::civil::DateTime>()
                .and_then(|civil| civil.to_zoned(jiff::tz::TimeZone::UTC))
                .map(|zoned| zoned.timestamp())
                .map_err(|_| first)
        });
        parsed
            .map(|time| Self(time.as_microsecond()))
            .map_err(|_| format!("`{text}` is no time: write it like 2026-11-22T13:00:27Z"))
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prints_and_reads_back_what_clients_of_the_reference_see() {
        let time: Timestamp = "2026-11-22T13:00:27.617648Z".parse().unwrap();
        assert_eq!(time.to_string(), "2026-11-22T13:00:27.617648Z");
        assert_eq!(
            "2026-11-22T14:00:27.617648+01:00".parse::<Timestamp>().unwrap(),
            time
        );
        assert_eq!("2026-11-22T13:00:27.617648".parse::<Timestamp>().unwrap(), time);
        assert_eq!(
            Timestamp::from_micros(0).to_string(),
            "1970-01-01T00:00:00.000000Z"
        );
        assert!(
            "yesterday"
                .parse::<Timestamp>()
                .unwrap_err()
                .contains("write it like")
        );
    }
}
