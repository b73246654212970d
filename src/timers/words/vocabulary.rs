//! The words of schedules: days, months, units, times of the day; and what a misspelt one was meant to be.

use jiff::civil::{Date, Time};

use crate::model::nearest;

/// Monday first.
pub(super) const DAYS: [&str; 7] = [
    "monday",
    "tuesday",
    "wednesday",
    "thursday",
    "friday",
    "saturday",
    "sunday",
];
const MONTHS: [&str; 12] = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
];
/// Every other word that a schedule can have.
const OTHERS: [&str; 62] = [
    "in", "at", "on", "every", "each", "and", "or", "of", "the", "a", "an", "other", "next", "today",
    "tomorrow", "noon", "midnight", "am", "pm", "daily", "hourly", "weekly", "monthly", "second", "seconds",
    "minute", "minutes", "hour", "hours", "day", "days", "week", "weeks", "month", "months", "weekday",
    "weekdays", "workday", "workdays", "weekend", "weekends", "first", "third", "fourth", "fifth", "last",
    "cron", "until", "till", "from", "starting", "1st", "2nd", "3rd", "4th", "5th", "utc", "one", "sec",
    "min", "mins", "hrs",
];

/// Words in lower case, zones as they are; commas are words of their own.
pub(super) fn tokens(text: &str) -> Vec<String> {
    text.replace(',', " , ")
        .split_whitespace()
        .map(|word| {
            if word.contains('/') && !word.contains('*') {
                word.to_owned()
            } else {
                word.to_ascii_lowercase()
            }
        })
        .collect()
}

/// Takes the time zone off the end, and an `in` or brackets around it.
pub(super) fn take_zone(tokens: &mut Vec<String>) -> Option<String> {
    let last = tokens.last()?.trim_matches(['(', ')']).to_owned();
    let is_zone = matches!(last.as_str(), "utc" | "gmt")
        || (last.split_once('/').is_some_and(|(area, city)| {
            area.len() >= 2
                && area.starts_with(|c: char| c.is_ascii_alphabetic())
                && city.starts_with(|c: char| c.is_ascii_alphabetic())
        }));
    if !is_zone || tokens.len() < 2 {
        return None;
    }
    tokens.pop();
    if tokens.len() > 1 && tokens.last().is_some_and(|word| word == "in") {
        tokens.pop();
    }
    Some(if last == "utc" || last == "gmt" {
        "UTC".to_owned()
    } else {
        last
    })
}

/// The unit of a word: `second`, `minute`, `hour`, `day`, `week` or `month`.
pub(super) fn unit(word: &str) -> Option<&'static str> {
    Some(match word {
        "s" | "sec" | "secs" | "second" | "seconds" => "second",
        "m" | "min" | "mins" | "minute" | "minutes" => "minute",
        "h" | "hr" | "hrs" | "hour" | "hours" => "hour",
        "d" | "day" | "days" => "day",
        "w" | "week" | "weeks" => "week",
        "month" | "months" => "month",
        _ => return None,
    })
}

/// `90s`, `5min`
pub(super) fn glued(word: &str) -> Option<(i64, &'static str)> {
    let letters = word.find(|c: char| !c.is_ascii_digit())?;
    let number = word[..letters].parse().ok()?;
    Some((number, unit(&word[letters..])?))
}

/// Monday is 0.
pub(super) fn weekday(word: &str) -> Option<i32> {
    let single = if word.len() > 4 {
        word.strip_suffix('s').unwrap_or(word)
    } else {
        word
    };
    let at = DAYS.iter().position(|day| {
        *day == single
            || (single.len() == 3 && day.starts_with(single))
            || matches!((*day, word), ("tuesday", "tues") | ("thursday", "thur" | "thurs"))
    })?;
    i32::try_from(at).ok()
}

/// The days that a word stands for.
pub(super) fn days(word: &str) -> Option<&'static [&'static str]> {
    match word {
        "weekday" | "weekdays" | "workday" | "workdays" => Some(&DAYS[..5]),
        "weekend" | "weekends" => Some(&DAYS[5..]),
        _ => {
            if let Some((from, to)) = word.split_once('-') {
                let (from, to) = (weekday(from)?, weekday(to)?);
                return DAYS.get(usize::try_from(from).ok()?..=usize::try_from(to).ok()?);
            }
            let at = usize::try_from(weekday(word)?).ok()?;
            DAYS.get(at..=at)
        }
    }
}

/// Whether a word for days means all of them even without `every`: `mondays`, `weekdays`.
pub(super) fn is_plural(word: &str) -> bool {
    word.len() > 4 && word.ends_with('s') && !matches!(word, "tues" | "thurs")
}

pub(super) fn month(word: &str) -> Option<i8> {
    let at = MONTHS
        .iter()
        .position(|month| *month == word || (word.len() == 3 && month.starts_with(word)))?;
    i8::try_from(at + 1).ok()
}

/// `15`, `15th`
pub(super) fn day_of_month(word: &str) -> Option<i8> {
    let digits = ["st", "nd", "rd", "th"]
        .iter()
        .find_map(|ending| word.strip_suffix(ending))
        .unwrap_or(word);
    digits.parse().ok().filter(|day| (1..=31).contains(day))
}

/// `first` and so on as cron timers write it.
pub(super) fn position(word: &str) -> Option<&'static str> {
    Some(match word {
        "first" | "1st" => "1st",
        "second" | "2nd" => "2nd",
        "third" | "3rd" => "3rd",
        "fourth" | "4th" => "4th",
        "fifth" | "5th" => "5th",
        "last" => "last",
        _ => return None,
    })
}

/// `2026-12-01`
pub(super) fn iso_date(word: &str) -> Option<Date> {
    (word.len() == 10).then(|| word.parse().ok()).flatten()
}

/// A time of the day from one word or two, and how many these were.
pub(super) fn time(word: &str, next: &str) -> Option<(Time, usize)> {
    match word {
        "noon" => return Some((Time::constant(12, 0, 0, 0), 1)),
        "midnight" => return Some((Time::midnight(), 1)),
        _ => {}
    }
    let (digits, half, used) = if let Some(digits) = word.strip_suffix("am") {
        (digits, Some(false), 1)
    } else if let Some(digits) = word.strip_suffix("pm") {
        (digits, Some(true), 1)
    } else {
        match next {
            "am" => (word, Some(false), 2),
            "pm" => (word, Some(true), 2),
            _ => (word, None, 1),
        }
    };
    let parts: Vec<&str> = digits.split(':').collect();
    let fits = |part: &&str| (1..=2).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit());
    if parts.len() > 3 || !parts.iter().all(fits) {
        return None;
    }
    let number = |at: usize| parts.get(at).map_or(Some(0), |part| part.parse::<i8>().ok());
    let hour = number(0)?;
    let hour = match half {
        None => hour,
        Some(_) if !(1..=12).contains(&hour) => return None,
        Some(false) => hour % 12,
        Some(true) => hour % 12 + 12,
    };
    Some((Time::new(hour, number(1)?, number(2)?, 0).ok()?, used))
}

/// The same text with every misspelt word replaced by the nearest one; `None` when nothing is misspelt or nothing near.
pub(super) fn corrected(text: &str) -> Option<String> {
    let known = || OTHERS.into_iter().chain(DAYS).chain(MONTHS);
    let mut changed = false;
    let words: Option<Vec<String>> = tokens(text)
        .into_iter()
        .map(|word| {
            let letters = word.bytes().all(|byte| byte.is_ascii_alphabetic());
            if !letters
                || known().any(|name| name == word)
                || weekday(&word).is_some()
                || month(&word).is_some()
            {
                return Some(word);
            }
            changed = true;
            nearest(&word, known()).map(str::to_owned)
        })
        .collect();
    words
        .filter(|_| changed)
        .map(|words| words.join(" ").replace(" , ", ", "))
}
