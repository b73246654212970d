//! Lengths of time as people write them: `30m`, `1h30m`, `2 days`; a bare number is minutes.

use serde_json::Value;

/// A hundred years: what is longer is for ever.
const LONGEST_SECONDS: i64 = 100 * 366 * 86_400;

/// Seconds of a length of time given as text or as a number of minutes; `None` for null, 0 and what is negative,
/// which mean "no limit".
///
/// # Errors
/// One sentence when it is none.
pub fn span(value: &Value) -> Result<Option<i64>, String> {
    let seconds = match value {
        Value::Null => return Ok(None),
        Value::Number(number) => number.as_i64().and_then(|minutes| minutes.checked_mul(60)),
        Value::String(text) => read(text),
        _ => None,
    };
    match seconds {
        Some(seconds) if seconds <= 0 => Ok(None),
        Some(seconds) if seconds <= LONGEST_SECONDS => Ok(Some(seconds)),
        _ => {
            let shown: String = value.to_string().chars().take(60).collect();
            Err(format!(
                "{shown} is no length of time: write it like 30m, 2h or 1d12h, or as a number of minutes"
            ))
        }
    }
}

fn read(text: &str) -> Option<i64> {
    let text = text.trim().to_ascii_lowercase();
    if let Ok(minutes) = text.parse::<i64>() {
        return minutes.checked_mul(60);
    }
    let mut rest = text.as_str();
    let mut total: i64 = 0;
    while !rest.is_empty() {
        let digits = rest.find(|char: char| !char.is_ascii_digit())?;
        let number: i64 = rest[..digits].parse().ok()?;
        rest = rest[digits..].trim_start();
        let letters = rest
            .find(|char: char| !char.is_ascii_alphabetic())
            .unwrap_or(rest.len());
        let unit = match &rest[..letters] {
            "s" | "sec" | "second" | "seconds" => 1,
            "m" | "min" | "minute" | "minutes" => 60,
            "h" | "hour" | "hours" => 3600,
            "d" | "day" | "days" => 86_400,
            "w" | "week" | "weeks" => 7 * 86_400,
            _ => return None,
        };
        rest = rest[letters..].trim_start();
        total = total.checked_add(number.checked_mul(unit)?)?;
    }
    Some(total)
}

/// Seconds for people: `30m`, `1h30m`, `2d`.
#[must_use]
pub fn minutes(seconds: i64) -> String {
    let mut rest = seconds.max(0);
    let mut text = String::new();
    for (unit, size) in [("d", 86_400), ("h", 3600), ("m", 60), ("s", 1)] {
        if rest >= size {
            text.push_str(&format!("{}{unit}", rest / size));
            rest %= size;
        }
    }
    if text.is_empty() { "0s".to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn lengths_are_read_as_people_write_them() {
        for (given, expected) in [
            (json!("30m"), Some(1800)),
            (json!("1h30m"), Some(5400)),
            (json!(" 2 Days "), Some(172_800)),
            (json!("1d 12h"), Some(129_600)),
            (json!("45s"), Some(45)),
            (json!("90"), Some(5400)),
            (json!(90), Some(5400)),
            (json!(0), None),
            (json!(-1), None),
            (Value::Null, None),
        ] {
            assert_eq!(span(&given), Ok(expected), "{given}");
        }
        for wrong in [
            json!("soon"),
            json!("5 parsecs"),
            json!("m"),
            json!([]),
            json!("99999999999999999d"),
            json!(1.5),
        ] {
            assert!(
                span(&wrong).unwrap_err().contains("is no length of time"),
                "{wrong}"
            );
        }
        for (seconds, text) in [
            (1800, "30m"),
            (5400, "1h30m"),
            (172_800, "2d"),
            (61, "1m1s"),
            (0, "0s"),
        ] {
            assert_eq!(minutes(seconds), text);
        }
    }
}
