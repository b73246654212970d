//! What people type to search the log: `who=ana since=2h action=core.local failed "disk full"`.

use std::fmt::Write as _;

use jiff::civil::{Date, Time, Weekday};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Zoned};

use crate::model::{Status, Timestamp};
use crate::store::AuditFilter;

/// Entries shown when no `limit=` is given.
pub const DEFAULT_LIMIT: u32 = 20;
/// The most entries that `limit=` may ask for.
pub const MOST: u32 = 1000;
/// The most words that one search may look for.
const WORDS: usize = 16;

/// The names before `=`, with what they mean.
pub const KEYS: [(&str, &str); 8] = [
    ("who", "a person or service, `me` for yourself"),
    ("action", "an action, `pack.name`"),
    (
        "kind",
        "a kind of entry, `execution.failed`, or its first part, `access`",
    ),
    ("execution", "the id of an execution"),
    (
        "since",
        "2h, 3d, monday, yesterday, 09:30, 2026-11-20 or a full time",
    ),
    ("until", "the same"),
    ("limit", "how many entries, at most 1000"),
    ("order", "newest (as usual) or oldest"),
];

/// Who asks, and when and where: `me`, `2h` and `monday` depend on it.
#[derive(Clone, Debug)]
pub struct Asker<'a> {
    /// Internal name of the person.
    pub name: &'a str,
    /// The current time.
    pub now: Timestamp,
    /// The time zone in which days begin.
    pub zone: TimeZone,
}

/// Reads a search. Words without `=` that name an outcome (`failed`, `denied`, `timeout`…) restrict the kind;
/// all others must occur in the entry's text. Quotes keep words together.
///
/// # Errors
/// One sentence for the person who typed it.
pub fn parse(text: &str, asker: &Asker<'_>) -> Result<AuditFilter, String> {
    let mut filter = AuditFilter {
        newest_first: true,
        limit: DEFAULT_LIMIT,
        ..AuditFilter::default()
    };
    for Word { text, quoted } in words(text)? {
        match text.split_once('=') {
            Some((key, value)) if !quoted => pair(&mut filter, key, value, asker)?,
            _ if quoted => filter.words.push(text),
            _ => match outcome(&text) {
                Some(kind) => restrict(&mut filter, kind)?,
                None => filter.words.push(text),
            },
        }
    }
    if filter.words.len() > WORDS {
        return Err(format!(
            "a search looks for at most {WORDS} words, these are {}",
            filter.words.len()
        ));
    }
    if let (Some(since), Some(until)) = (filter.since, filter.until)
        && since >= until
    {
        return Err(format!(
            "nothing lies between since {since} and until {until}: the first must be earlier"
        ));
    }
    Ok(filter)
}

struct Word {
    text: String,
    /// Began with a quote, so that it is looked for as it is.
    quoted: bool,
}

fn words(text: &str) -> Result<Vec<Word>, String> {
    let mut words = Vec::new();
    let mut characters = text.chars().peekable();
    while let Some(first) = characters.peek().copied() {
        if first.is_whitespace() {
            characters.next();
            continue;
        }
        let (mut word, mut inside) = (String::new(), None);
        while let Some(character) = characters.next_if(|next| inside.is_some() || !next.is_whitespace()) {
            match (inside, character) {
                (Some(quote), _) if character == quote => inside = None,
                (None, '"') => inside = Some('"'),
                // Chat programs make typed quotes round.
                (None, '“' | '„') => inside = Some(if character == '„' { '“' } else { '”' }),
                _ => word.push(character),
            }
        }
        if let Some(quote) = inside {
            return Err(format!("a quote is open: end the words with {quote}"));
        }
        if !word.is_empty() {
            words.push(Word {
                text: word,
                quoted: matches!(first, '"' | '“' | '„'),
            });
        }
    }
    Ok(words)
}

fn pair(filter: &mut AuditFilter, key: &str, value: &str, asker: &Asker<'_>) -> Result<(), String> {
    let key = key.to_lowercase();
    if value.is_empty() {
        return Err(format!("`{key}=` needs a value: {}", meaning(&key)?));
    }
    match key.as_str() {
        "who" | "actor" | "user" => {
            let name = if value == "me" {
                asker.name
            } else {
                value.trim_start_matches('@')
            };
            filter.actor = Some(name.to_owned());
        }
        "action" => filter.action = Some(value.to_owned()),
        "kind" => restrict(filter, value.to_owned())?,
        "execution" | "id" => filter.execution = Some(value.parse()?),
        "since" => filter.since = Some(when(value, asker)?),
        "until" => filter.until = Some(when(value, asker)?),
        "limit" => match value.parse() {
            Ok(limit) if (1..=MOST).contains(&limit) => filter.limit = limit,
            _ => return Err(format!("`limit={value}`: a number from 1 to {MOST} is needed")),
        },
        "order" => match value {
            "newest" => filter.newest_first = true,
            "oldest" => filter.newest_first = false,
            _ => return Err(format!("`order={value}`: write order=newest or order=oldest")),
        },
        _ => return Err(meaning(&key).err().unwrap_or_default()),
    }
    Ok(())
}

/// What a key means, or why there is no such key.
fn meaning(key: &str) -> Result<&'static str, String> {
    if let Some((_, meaning)) = KEYS.iter().find(|(name, _)| *name == key) {
        return Ok(meaning);
    }
    let near = KEYS
        .iter()
        .map(|(name, _)| (strsim::jaro_winkler(name, key), name));
    let near = near
        .filter(|(score, _)| *score > 0.8)
        .max_by(|a, b| a.0.total_cmp(&b.0));
    let mut message = format!("`{key}=` is nothing to search by");
    match near {
        Some((_, name)) => {
            let _ = write!(message, ": did you mean `{name}=`?"); // writing to a String cannot fail
        }
        None => {
            let names = KEYS.map(|(name, _)| name).join(", ");
            let _ = write!(message, ": use {names}, or put the words in quotes");
        }
    }
    Err(message)
}

fn outcome(word: &str) -> Option<String> {
    let word = word.to_lowercase();
    if word == "denied" {
        return Some("access.denied".to_owned());
    }
    let status: Status = match word.as_str() {
        "cancelled" => Status::Canceled,
        other => other.parse().ok()?,
    };
    Some(format!("execution.{status}"))
}

fn restrict(filter: &mut AuditFilter, kind: String) -> Result<(), String> {
    match filter.kind.replace(kind) {
        Some(other) if filter.kind.as_ref() != Some(&other) => Err(format!(
            "an entry is not both {other} and {}: search for one at a time",
            filter.kind.as_deref().unwrap_or_default()
        )),
        _ => Ok(()),
    }
}

/// Reads a point in time as people write it.
///
/// `2h`, `1d12h`, `3 days ago` or `last week`; `now`, `today`, `yesterday`; a day of the week (the latest one, which
/// may be today; `last monday` is before today); `09:30` today, or after a day; a date; a full time (without
/// offset: in the asker's zone); `always`. A leading `since` is overlooked.
///
/// # Errors
/// One sentence that shows what can be written.
pub fn when(text: &str, asker: &Asker<'_>) -> Result<Timestamp, String> {
    let lower = text.trim().to_lowercase();
    let word = lower.strip_prefix("since ").unwrap_or(&lower);
    let word = word.strip_suffix(" ago").unwrap_or(word).trim();
    let today = zoned(asker).date();
    let timed = || {
        let (before, time) = word.rsplit_once(char::is_whitespace)?;
        instant(day(before.trim(), today)?, clock(time)?, asker)
    };
    let found = match word {
        "now" => Some(asker.now),
        "always" | "ever" | "the beginning" => Some(Timestamp::from_micros(0)),
        _ => ago(word)
            .and_then(|ago| asker.now.micros().checked_sub(ago))
            .map(|micros| Timestamp::from_micros(micros.max(0)))
            .or_else(|| day(word, today).and_then(|date| instant(date, Time::midnight(), asker)))
            .or_else(|| clock(word).and_then(|time| instant(today, time, asker)))
            .or_else(timed)
            .or_else(|| full(&word.to_uppercase(), asker)),
    };
    found.ok_or_else(|| {
        format!(
            "`{text}` is no time: write 2h, 3d, monday, yesterday, 09:30, 2026-11-20 or 2026-11-20T09:30:00Z"
        )
    })
}

fn zoned(asker: &Asker<'_>) -> Zoned {
    jiff::Timestamp::from_microsecond(asker.now.micros())
        .unwrap_or_default()
        .to_zoned(asker.zone.clone())
}

fn instant(date: Date, time: Time, asker: &Asker<'_>) -> Option<Timestamp> {
    let zoned = date.to_datetime(time).to_zoned(asker.zone.clone()).ok()?;
    Some(Timestamp::from_micros(zoned.timestamp().as_microsecond()))
}

/// Microseconds of `90s`, `15 min`, `an hour`, `3 days`, `last week` or several spans, `1d12h`.
fn ago(word: &str) -> Option<i64> {
    let bare = word.strip_prefix("last ").or_else(|| word.strip_prefix("past "));
    let mut rest = bare.unwrap_or(word);
    let mut one = bare.is_some();
    for article in ["a ", "an "] {
        if let Some(after) = rest.strip_prefix(article) {
            (rest, one) = (after, true);
        }
    }
    let mut sum = SignedDuration::ZERO;
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let count: i64 = if digits == 0 && one {
            1
        } else {
            rest[..digits].parse().ok()?
        };
        one = false;
        rest = rest[digits..].trim_start();
        let letters = rest.bytes().take_while(u8::is_ascii_alphabetic).count();
        let seconds = match &rest[..letters] {
            "s" | "sec" | "secs" | "second" | "seconds" => 1,
            "m" | "min" | "mins" | "minute" | "minutes" => 60,
            "h" | "hour" | "hours" => 3600,
            "d" | "day" | "days" => 86_400,
            "w" | "week" | "weeks" => 604_800,
            _ => return None,
        };
        sum = sum.checked_add(SignedDuration::from_secs(count.checked_mul(seconds)?))?;
        rest = rest[letters..].trim_start();
    }
    Some(sum)
        .filter(|sum| !sum.is_zero())
        .and_then(|sum| i64::try_from(sum.as_micros()).ok())
}

/// The date that `yesterday`, `monday`, `last monday` or `2026-11-20` is.
fn day(word: &str, today: Date) -> Option<Date> {
    match word {
        "today" => Some(today),
        "yesterday" => today.yesterday().ok(),
        _ => match word.strip_prefix("last ") {
            Some(name) => weekday(name).and_then(|day| Some(latest(day, today.yesterday().ok()?))),
            None => weekday(word).map(|day| latest(day, today)).or_else(|| date(word)),
        },
    }
}

fn weekday(word: &str) -> Option<Weekday> {
    const DAYS: [(&str, Weekday); 7] = [
        ("monday", Weekday::Monday),
        ("tuesday", Weekday::Tuesday),
        ("wednesday", Weekday::Wednesday),
        ("thursday", Weekday::Thursday),
        ("friday", Weekday::Friday),
        ("saturday", Weekday::Saturday),
        ("sunday", Weekday::Sunday),
    ];
    DAYS.iter()
        .find(|(name, _)| word.len() >= 3 && name.starts_with(word))
        .map(|(_, day)| *day)
}

fn latest(day: Weekday, today: Date) -> Date {
    let back = today.weekday().since(day);
    today
        .checked_sub(SignedDuration::from_hours(24 * i64::from(back)))
        .unwrap_or(today)
}

fn clock(word: &str) -> Option<Time> {
    let (hour, minute) = word.split_once(':')?;
    if minute.len() != 2 || !(1..=2).contains(&hour.len()) {
        return None;
    }
    Time::new(hour.parse().ok()?, minute.parse().ok()?, 0, 0).ok()
}

fn date(word: &str) -> Option<Date> {
    (word.len() == 10).then(|| word.parse().ok()).flatten()
}

fn full(text: &str, asker: &Asker<'_>) -> Option<Timestamp> {
    let instant: Option<jiff::Timestamp> = text.parse().ok();
    let local = || {
        text.parse::<jiff::civil::DateTime>()
            .ok()?
            .to_zoned(asker.zone.clone())
            .ok()
    };
    let instant = instant.or_else(|| local().map(|zoned| zoned.timestamp()))?;
    Some(Timestamp::from_micros(instant.as_microsecond()))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    /// Wednesday afternoon in Berlin, winter time.
    fn asker() -> Asker<'static> {
        Asker {
            name: "ana",
            now: "2026-11-18T14:30:00Z".parse().unwrap(),
            zone: TimeZone::get("Europe/Berlin").unwrap(),
        }
    }

    #[rstest]
    #[case("90s", "2026-11-18T14:28:30Z")]
    #[case("2h", "2026-11-18T12:30:00Z")]
    #[case("1d12h", "2026-11-17T02:30:00Z")]
    #[case("1w", "2026-11-11T14:30:00Z")]
    #[case("24h", "2026-11-17T14:30:00Z")]
    #[case("3 days ago", "2026-11-15T14:30:00Z")]
    #[case("since 2 hours 30 min", "2026-11-18T12:00:00Z")]
    #[case("an hour ago", "2026-11-18T13:30:00Z")]
    #[case("last week", "2026-11-11T14:30:00Z")]
    #[case("last 2 days", "2026-11-16T14:30:00Z")]
    #[case("always", "1970-01-01T00:00:00Z")]
    #[case("99999999d", "1970-01-01T00:00:00Z")]
    #[case("since monday", "2026-11-15T23:00:00Z")]
    #[case("last wednesday", "2026-11-10T23:00:00Z")]
    #[case("last tue", "2026-11-16T23:00:00Z")]
    #[case("yesterday 09:30", "2026-11-17T08:30:00Z")]
    #[case("2026-07-01 9:30", "2026-07-01T07:30:00Z")]
    #[case("2026-11-18t12:00:00z", "2026-11-18T12:00:00Z")]
    #[case("now", "2026-11-18T14:30:00Z")]
    #[case("today", "2026-11-17T23:00:00Z")]
    #[case("Yesterday", "2026-11-16T23:00:00Z")]
    #[case("monday", "2026-11-15T23:00:00Z")]
    #[case("wed", "2026-11-17T23:00:00Z")]
    #[case("thursday", "2026-11-11T23:00:00Z")]
    #[case("09:30", "2026-11-18T08:30:00Z")]
    #[case("2026-07-01", "2026-06-30T22:00:00Z")]
    #[case("2026-11-18T12:00:00Z", "2026-11-18T12:00:00Z")]
    #[case("2026-11-18T12:00:00+05:00", "2026-11-18T07:00:00Z")]
    #[case("2026-11-18T12:00", "2026-11-18T11:00:00Z")]
    fn times_are_read_as_people_mean_them(#[case] text: &str, #[case] expected: &str) {
        assert_eq!(when(text, &asker()).unwrap(), expected.parse().unwrap());
    }

    #[rstest]
    #[case("")]
    #[case("2")]
    #[case("h2")]
    #[case("2y")]
    #[case("0h")]
    #[case("-2h")]
    #[case("99999999999999999999h")]
    #[case("9223372036854775807w")]
    #[case("mo")]
    #[case("25:00")]
    #[case("2026-02-30")]
    #[case("ä1h")]
    #[case("soonish")]
    #[case("2 h 3")]
    #[case("last ")]
    #[case("a")]
    #[case("since")]
    #[case("3 days monday")]
    fn what_is_no_time_is_refused_with_examples(#[case] text: &str) {
        assert!(when(text, &asker()).unwrap_err().contains("write 2h, 3d, monday"));
    }

    #[test]
    fn a_search_of_everything() {
        let filter = parse(
            r#"who=@bo since=2h action=core.local failed "exit code" until=now limit=5 order=oldest disk"#,
            &asker(),
        )
        .unwrap();
        assert_eq!(filter.actor.as_deref(), Some("bo"));
        assert_eq!(filter.action.as_deref(), Some("core.local"));
        assert_eq!(filter.kind.as_deref(), Some("execution.failed"));
        assert_eq!(filter.words, ["exit code", "disk"]);
        assert_eq!(filter.until.unwrap().seconds_since(filter.since.unwrap()), 7200.0);
        assert_eq!((filter.limit, filter.newest_first), (5, false));
    }

    #[test]
    fn me_outcomes_and_quotes() {
        let parse = |text| parse(text, &asker()).unwrap();
        assert_eq!(parse("who=me").actor.as_deref(), Some("ana"));
        assert_eq!(parse("DENIED").kind.as_deref(), Some("access.denied"));
        assert_eq!(parse("cancelled").kind.as_deref(), Some("execution.canceled"));
        assert_eq!(
            parse("timeout timeout").kind.as_deref(),
            Some("execution.timeout")
        );
        assert_eq!(parse("“failed” „a=b“ who=\"ana maria\"").words, ["failed", "a=b"]);
        assert_eq!(parse("who=\"ana maria\"").actor.as_deref(), Some("ana maria"));
        assert_eq!(parse("").limit, DEFAULT_LIMIT);
    }

    #[rstest]
    #[case("whoo=ana", "did you mean `who=`")]
    #[case("colour=red", "or put the words in quotes")]
    #[case("failed denied", "not both execution.failed and access.denied")]
    #[case("limit=0", "from 1 to 1000")]
    #[case("limit=many", "from 1 to 1000")]
    #[case("since=", "2h, 3d")]
    #[case("since=1h until=2h", "the first must be earlier")]
    #[case("execution=12", "24 hexadecimal digits")]
    #[case("order=up", "order=newest")]
    #[case("\"open", "a quote is open")]
    #[case("a b c d e f g h i j k l m n o p q", "at most 16 words")]
    fn mistakes_are_explained(#[case] text: &str, #[case] message: &str) {
        let error = parse(text, &asker()).unwrap_err();
        assert!(error.contains(message), "{error}");
    }
}
