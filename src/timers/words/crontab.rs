//! Lines of crontab(5): five fields, or six with seconds first; Sunday is 0 or 7.

use crate::timers::cron::Cron;

const WEEKDAYS: [&str; 7] = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];
const MACROS: [(&str, &str); 6] = [
    ("@yearly", "0 0 1 1 *"),
    ("@annually", "0 0 1 1 *"),
    ("@monthly", "0 0 1 * *"),
    ("@weekly", "0 0 * * 0"),
    ("@daily", "0 0 * * *"),
    ("@hourly", "0 * * * *"),
];

/// The timers of a line. Where days of the month and of the week are both restricted, either is enough, as in cron: then
/// there are two.
///
/// # Errors
/// What is wrong, in one sentence.
pub(super) fn read(line: &str) -> Result<Vec<Cron>, String> {
    let line = line.trim();
    let line = match MACROS.iter().find(|(name, _)| name.eq_ignore_ascii_case(line)) {
        Some((_, fields)) => fields,
        None if line.starts_with('@') => {
            let names: Vec<&str> = MACROS.iter().map(|(name, _)| *name).collect();
            return Err(format!("there is no `{line}`; known: {}", names.join(", ")));
        }
        None => line,
    };
    let fields: Vec<&str> = line.split_whitespace().collect();
    let (second, fields) = match fields.as_slice() {
        [second, rest @ ..] if rest.len() == 5 => (*second, rest),
        rest if rest.len() == 5 => ("0", rest),
        other => {
            return Err(format!(
                "a line of cron has five fields (minute hour day month weekday), this one has {}",
                other.len()
            ));
        }
    };
    let [minute, hour, day, month, weekday] = fields else {
        return Err("a line of cron has five fields".to_owned());
    };
    let weekdays = weekdays(weekday)?;
    // A field that begins with a star restricts nothing for the question which days count.
    let by_day = !day.starts_with(['*', '?']);
    let by_weekday = !weekday.starts_with(['*', '?']);
    let day = if *day == "?" { "*" } else { *day };
    let make = |day: &str, weekdays: &str| {
        let text = |text: &str| Some(text.to_owned());
        Cron::from_texts(&[
            None,
            text(month),
            text(day),
            None,
            text(weekdays),
            text(hour),
            text(minute),
            text(second),
        ])
        .map_err(|error| {
            let hint = if error.hint.is_empty() {
                String::new()
            } else {
                format!("; {}", error.hint)
            };
            format!("{}{hint}", error.message)
        })
    };
    if by_day && by_weekday {
        Ok(vec![make(day, "*")?, make("*", &weekdays)?])
    } else {
        Ok(vec![make(day, &weekdays)?])
    }
}

/// Days of the week as cron counts them, in the words of our timers.
fn weekdays(field: &str) -> Result<String, String> {
    if field == "*" || field == "?" {
        return Ok("*".to_owned());
    }
    let mut days = [false; 7];
    for part in field.split(',') {
        let wrong =
            || format!("`{part}` is no day of the week: write 0 to 7 (0 and 7 are Sunday) or mon-fri");
        let (range, step) = match part.split_once('/') {
            Some((range, step)) => (
                range,
                step.parse::<usize>()
                    .ok()
                    .filter(|step| *step > 0)
                    .ok_or_else(wrong)?,
            ),
            None => (part, 1),
        };
        let number = |word: &str| -> Result<usize, String> {
            let word = word.to_ascii_lowercase();
            match WEEKDAYS.iter().position(|day| *day == word) {
                Some(day) => Ok(day),
                None => word
                    .parse::<usize>()
                    .ok()
                    .filter(|day| *day <= 7)
                    .ok_or_else(wrong),
            }
        };
        let (from, to) = match range.split_once('-') {
            _ if range == "*" => (0, 6),
            Some((from, to)) => (number(from)?, number(to)?),
            None if step > 1 => (number(range)?, 6),
            None => (number(range)?, number(range)?),
        };
        // `fri-mon` goes over the end of the week.
        let to = if to < from { to + 7 } else { to };
        for day in (from..=to).step_by(step) {
            days[day % 7] = true;
        }
    }
    let chosen = (0..7).filter(|day| days[*day]).map(|day| WEEKDAYS[day]);
    Ok(chosen.collect::<Vec<_>>().join(","))
}
