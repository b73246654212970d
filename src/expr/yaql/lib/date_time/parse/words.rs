//! The words of dates and times.

use crate::expr::strftime::{MONTHS, WEEKDAYS};

fn index(token: &str, names: &[&str]) -> Option<i64> {
    let at = names
        .iter()
        .position(|name| name.eq_ignore_ascii_case(token) || name[..3].eq_ignore_ascii_case(token))?;
    i64::try_from(at).ok()
}

/// Monday is 0.
pub(super) fn weekday(token: &str) -> Option<i64> {
    index(token, &WEEKDAYS)
}

/// January is 1.
pub(super) fn month(token: &str) -> Option<i64> {
    if token.eq_ignore_ascii_case("sept") {
        return Some(9);
    }
    index(token, &MONTHS).map(|at| at + 1)
}

/// Hours are 0, minutes 1, seconds 2.
pub(super) fn unit(token: &str) -> Option<u8> {
    match token.to_lowercase().as_str() {
        "h" | "hour" | "hours" => Some(0),
        "m" | "minute" | "minutes" => Some(1),
        "s" | "second" | "seconds" => Some(2),
        _ => None,
    }
}

/// Whether the half of a day is the afternoon.
pub(super) fn afternoon(token: &str) -> Option<bool> {
    match token.to_lowercase().as_str() {
        "am" | "a" => Some(false),
        "pm" | "p" => Some(true),
        _ => None,
    }
}

/// What means nothing and may stand anywhere.
pub(super) fn is_filler(token: &str) -> bool {
    matches!(
        token.to_lowercase().as_str(),
        " " | "."
            | ","
            | ";"
            | "-"
            | "/"
            | "'"
            | "at"
            | "on"
            | "and"
            | "ad"
            | "m"
            | "t"
            | "of"
            | "st"
            | "nd"
            | "rd"
            | "th"
    )
}

/// Whether it is a name of UTC, in any case.
pub(super) fn is_utc(token: &str) -> bool {
    ["utc", "gmt", "z"]
        .iter()
        .any(|name| name.eq_ignore_ascii_case(token))
}

/// Whether it looks like the name of a zone.
pub(super) fn is_zone(token: &str) -> bool {
    token.chars().count() <= 5 && (token.chars().all(|c| c.is_ascii_uppercase()) || token == "z")
}
