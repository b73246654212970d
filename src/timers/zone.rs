//! Time zones, and moments on the clocks of one.

use std::cmp::Ordering;

use jiff::civil::DateTime;
use jiff::tz::{AmbiguousOffset, TimeZone};
use jiff::{SignedDuration, Timestamp as Instant};

use crate::model::{Timestamp, nearest};

/// The time zone of a name.
///
/// # Errors
/// What is wrong, and the nearest name or an example.
pub fn zone(name: &str) -> Result<TimeZone, (String, String)> {
    let name = name.trim();
    if name.eq_ignore_ascii_case("utc") || name.eq_ignore_ascii_case("z") {
        return Ok(TimeZone::UTC);
    }
    if !name.is_empty()
        && name.len() <= 64
        && let Ok(zone) = TimeZone::get(name)
    {
        return Ok(zone);
    }
    let known: Vec<String> = jiff::tz::db().available().map(|name| name.to_string()).collect();
    let wanted = name.replace(' ', "_");
    let near = nearest(&wanted, known.iter().map(String::as_str)).or_else(|| {
        // `Vilnius` for Europe/Vilnius.
        let city = |name: &&str| {
            name.rsplit('/')
                .next()
                .is_some_and(|city| city.eq_ignore_ascii_case(&wanted))
        };
        known.iter().map(String::as_str).find(city)
    });
    let hint = match near {
        Some(near) => format!("did you mean `{near}`?"),
        None => "write one like Europe/Vilnius or UTC".to_owned(),
    };
    Err((format!("there is no time zone `{name}`"), hint))
}

/// The library's form of a moment; `None` beyond the year 9999.
pub(super) fn instant(at: Timestamp) -> Option<Instant> {
    Instant::from_microsecond(at.micros()).ok()
}

pub(super) fn timestamp(at: Instant) -> Timestamp {
    Timestamp::from_micros(at.as_microsecond())
}

/// What the clocks of a zone show, and which of two times when they show it twice. As Python keeps it: a time that is
/// left out by a change of clocks can be written, and `late` decides which offset it has then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Wall {
    pub(super) civil: DateTime,
    /// The second of two.
    pub(super) late: bool,
}

impl Wall {
    pub(super) fn of(at: Instant, zone: &TimeZone) -> Self {
        let offset = zone.to_offset(at);
        let civil = offset.to_datetime(at);
        let late = match zone.to_ambiguous_timestamp(civil).offset() {
            AmbiguousOffset::Fold { after, .. } => after == offset,
            _ => false,
        };
        Self { civil, late }
    }

    /// The moment; `None` beyond the calendar.
    pub(super) fn instant(self, zone: &TimeZone) -> Option<Instant> {
        let offset =
            match zone.to_ambiguous_timestamp(self.civil).offset() {
                AmbiguousOffset::Unambiguous { offset } => offset,
                AmbiguousOffset::Gap { before, after } | AmbiguousOffset::Fold { before, after } => {
                    if self.late { after } else { before }
                }
            };
        offset.to_timestamp(self.civil).ok()
    }

    /// So much real time later.
    pub(super) fn plus(self, span: SignedDuration, zone: &TimeZone) -> Option<Self> {
        let later = self.instant(zone)?.checked_add(span).ok()?;
        Some(Self::of(later, zone))
    }

    /// By what the clocks show, as Python compares times of one zone.
    pub(super) fn compare(self, other: Self) -> Ordering {
        self.civil.cmp(&other.civil)
    }
}
