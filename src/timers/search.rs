//! The next time that fits a cron timer, found field by field as `APScheduler` 3 does, changes of clocks included.

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp as Instant};

use super::cron::{Cron, DAY, DAY_OF_WEEK, Expression, HOUR, MINUTE, MONTH, SECOND, WEEK, YEAR};
use super::zone::Wall;

/// Most fields that are looked at for one answer. The rarest timers that ever fire (the 29th of February on a Friday of
/// a certain week) take some ten thousand.
const MAX_STEPS: usize = 200_000;
/// How often a time that does not come after `after` (around changes of clocks) is passed over.
const MAX_RETRIES: u32 = 240;

/// The first time after `after` that fits. `until` is the last one possible, by what the clocks show.
pub(super) fn next(cron: &Cron, zone: &TimeZone, after: Instant, until: Option<Instant>) -> Option<Instant> {
    let mut steps = 0;
    for retry in 0..MAX_RETRIES {
        let minutes = SignedDuration::from_mins(i64::from(retry));
        let from = after
            .checked_add(SignedDuration::from_micros(1))
            .ok()?
            .checked_add(minutes)
            .ok()?;
        let found = search(cron, zone, from, until, &mut steps)?;
        if found > after {
            return Some(found);
        }
    }
    None
}

/// The first time from `from` on.
fn search(
    cron: &Cron,
    zone: &TimeZone,
    from: Instant,
    until: Option<Instant>,
    steps: &mut usize,
) -> Option<Instant> {
    let until = until.map(|until| Wall::of(until, zone));
    let mut at = Wall::of(ceil(from)?, zone);
    let mut field = 0;
    while field < 8 {
        *steps += 1;
        if *steps > MAX_STEPS {
            return None;
        }
        let now = value(field, at.civil);
        match next_value(cron, field, at.civil) {
            None => (at, field) = increment(at, field.checked_sub(1)?, zone)?,
            Some(next) if next > now => {
                if is_real(field) {
                    at = set(at, field, next)?;
                    field += 1;
                } else {
                    (at, field) = increment(at, field, zone)?;
                }
            }
            Some(_) => field += 1,
        }
        if until.is_some_and(|until| at.compare(until).is_gt()) {
            return None;
        }
    }
    at.instant(zone)
}

/// Rounded up to full seconds.
fn ceil(at: Instant) -> Option<Instant> {
    let nanos = i64::from(at.subsec_nanosecond());
    match nanos {
        0 => Some(at),
        // Before 1970 the rest is negative.
        ..0 => at.checked_sub(SignedDuration::from_nanos(nanos)).ok(),
        _ => at
            .checked_add(SignedDuration::from_nanos(1_000_000_000 - nanos))
            .ok(),
    }
}

/// Whether the field is a part of a date or time, and not only derived from it.
const fn is_real(field: usize) -> bool {
    field != WEEK && field != DAY_OF_WEEK
}

fn value(field: usize, at: DateTime) -> i32 {
    match field {
        YEAR => i32::from(at.year()),
        MONTH => i32::from(at.month()),
        DAY => i32::from(at.day()),
        WEEK => i32::from(at.date().iso_week_date().week()),
        DAY_OF_WEEK => i32::from(at.weekday().to_monday_zero_offset()),
        HOUR => i32::from(at.hour()),
        MINUTE => i32::from(at.minute()),
        _ => i32::from(at.second()),
    }
}

const fn least(field: usize) -> i32 {
    match field {
        YEAR => 1970,
        MONTH | DAY | WEEK => 1,
        _ => 0,
    }
}

fn greatest(field: usize, at: DateTime) -> i32 {
    match field {
        YEAR => 9999,
        MONTH => 12,
        DAY => i32::from(at.days_in_month()),
        WEEK => 53,
        DAY_OF_WEEK => 6,
        HOUR => 23,
        _ => 59,
    }
}

/// The least value of the field that fits and is not before its value now.
fn next_value(cron: &Cron, field: usize, at: DateTime) -> Option<i32> {
    let expressions = &cron.fields[field].expressions;
    expressions
        .iter()
        .filter_map(|expression| next_of(*expression, field, at))
        .min()
}

fn next_of(expression: Expression, field: usize, at: DateTime) -> Option<i32> {
    let (low, high) = (least(field), greatest(field, at));
    let now = value(field, at);
    let stepped = |from: i32, low: i32, step: Option<i32>| match step {
        Some(step) => from + (step - (from - low)).rem_euclid(step),
        None => from,
    };
    match expression {
        Expression::Every { step } => {
            let next = stepped(now.max(low), low, step);
            (next <= high).then_some(next)
        }
        Expression::Range { first, last, step } => {
            let low = low.max(first);
            let high = last.map_or(high, |last| high.min(last));
            let next = stepped(low.max(now), low, step);
            (next <= high).then_some(next)
        }
        Expression::Position { which, weekday } => {
            let last_day = i32::from(at.days_in_month());
            let first_weekday = i32::from(at.date().first_of_month().weekday().to_monday_zero_offset());
            let first_hit = (weekday - first_weekday).rem_euclid(7) + 1;
            let day = if which < 5 {
                first_hit + which * 7
            } else {
                first_hit + (last_day - first_hit) / 7 * 7
            };
            (day <= last_day && day >= i32::from(at.day())).then_some(day)
        }
        Expression::LastDay => Some(i32::from(at.days_in_month())),
    }
}

/// One more in a field, carried over to coarser ones, with everything finer at its least. `None` beyond the calendar.
fn increment(at: Wall, field: usize, zone: &TimeZone) -> Option<(Wall, usize)> {
    let mut field = field;
    while !is_real(field) || value(field, at.civil) == greatest(field, at.civil) {
        field = field.checked_sub(1)?;
    }
    let civil = with(at.civil, field, value(field, at.civil) + 1)?;
    let span = civil.duration_since(at.civil);
    Some((at.plus(span, zone)?, field))
}

/// A field at another value, with everything finer at its least.
fn set(at: Wall, field: usize, value: i32) -> Option<Wall> {
    Some(Wall {
        civil: with(at.civil, field, value)?,
        late: at.late,
    })
}

fn with(at: DateTime, field: usize, new: i32) -> Option<DateTime> {
    let part = |of: usize| {
        if of < field {
            value(of, at)
        } else if of == field {
            new
        } else {
            least(of)
        }
    };
    let small = |of: usize| i8::try_from(part(of)).ok();
    DateTime::new(
        i16::try_from(part(YEAR)).ok()?,
        small(MONTH)?,
        small(DAY)?,
        small(HOUR)?,
        small(MINUTE)?,
        small(SECOND)?,
        0,
    )
    .ok()
}
