//! Points in the past as people write them: `24h`, `3 days`, `yesterday`, `monday`, a date, a time.

use jiff::civil::Weekday;
use jiff::tz::TimeZone;
use jiff::{Span, ToSpan as _};

use crate::model::Timestamp;

/// The point in time that `text` means, seen from `now`. Days begin at midnight UTC.
///
/// # Errors
/// A sentence that shows what can be written.
pub(super) fn parse(text: &str, now: Timestamp) -> Result<Timestamp, String> {
    let word = text.trim().to_lowercase();
    let word = word.strip_prefix("since ").unwrap_or(&word);
    let word = word.strip_suffix(" ago").unwrap_or(word).trim();
    let wrong =
        || format!("`{text}` is no point in time: write 24h, 3 days, yesterday, monday or 2026-11-22");
    let zoned = jiff::Timestamp::from_microsecond(now.micros())
        .map_err(|_| wrong())?
        .to_zoned(TimeZone::UTC);
    let day = |date: jiff::civil::Date| {
        let midnight = date.to_zoned(TimeZone::UTC).ok()?;
        Some(Timestamp::from_micros(midnight.timestamp().as_microsecond()))
    };
    let today = zoned.date();
    let back = |span: Span| today.checked_sub(span).ok().and_then(day);
    let found = match word {
        "today" => day(today),
        "yesterday" => back(1.day()),
        "always" | "ever" | "the beginning" => Some(Timestamp::from_micros(0)),
        _ => weekday(word)
            .and_then(|weekday| {
                let days =
                    (7 + today.weekday().to_monday_zero_offset() - weekday.to_monday_zero_offset()) % 7;
                back(i64::from(days).days())
            })
            .or_else(|| word.parse().ok().filter(|_| !word.contains(':')).and_then(day))
            .or_else(|| ago(word, now)),
    };
    found.or_else(|| text.parse().ok()).ok_or_else(wrong)
}

fn weekday(word: &str) -> Option<Weekday> {
    let word = word.strip_prefix("last ").unwrap_or(word);
    let all = [
        ("monday", Weekday::Monday),
        ("tuesday", Weekday::Tuesday),
        ("wednesday", Weekday::Wednesday),
        ("thursday", Weekday::Thursday),
        ("friday", Weekday::Friday),
        ("saturday", Weekday::Saturday),
        ("sunday", Weekday::Sunday),
    ];
    all.into_iter()
        .find(|(name, _)| word.len() >= 3 && name.starts_with(word))
        .map(|(_, weekday)| weekday)
}

fn ago(word: &str, now: Timestamp) -> Option<Timestamp> {
    let end = word.find(|char: char| !char.is_ascii_digit())?;
    let number: i64 = word[..end].parse().ok()?;
    let seconds = match word[end..].trim() {
        "s" | "sec" | "second" | "seconds" => 1,
        "m" | "min" | "minute" | "minutes" => 60,
        "h" | "hour" | "hours" => 3600,
        "d" | "day" | "days" => 86_400,
        "w" | "week" | "weeks" => 604_800,
        _ => return None,
    };
    Some(now.plus_millis(-number.checked_mul(seconds)?.checked_mul(1000)?))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("24h", "2026-11-21T13:00:27Z")]
    #[case("3 days ago", "2026-11-19T13:00:27Z")]
    #[case("today", "2026-11-22T00:00:00Z")]
    #[case("yesterday", "2026-11-21T00:00:00Z")]
    #[case("since monday", "2026-11-16T00:00:00Z")]
    #[case("sunday", "2026-11-22T00:00:00Z")]
    #[case("2026-10-01", "2026-10-01T00:00:00Z")]
    #[case("2026-10-01T12:00:00+02:00", "2026-10-01T10:00:00Z")]
    fn people_write_times_like_this(#[case] text: &str, #[case] meant: &str) {
        let now = "2026-11-22T13:00:27Z".parse().unwrap();
        assert_eq!(parse(text, now), meant.parse());
    }

    #[test]
    fn nonsense_is_refused_with_examples() {
        assert!(
            parse("soonish", Timestamp::from_micros(0))
                .unwrap_err()
                .contains("write 24h")
        );
        assert!(parse("99999999999999999999d", Timestamp::from_micros(0)).is_err());
    }
}
