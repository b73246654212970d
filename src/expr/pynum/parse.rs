//! Numbers from texts: `int(text)`, `float(text)`.

use num_bigint::BigInt;

use super::{MAX_BITS, MAX_DIGITS, Result, fail, too_long};
use crate::expr::kind::ErrorKind;
use crate::expr::pyregex::{digit_value, is_space};
use crate::expr::value::Value;

/// Blanks cut off, every decimal digit of Unicode an ASCII one, ASCII letters small.
fn plain(text: &str) -> String {
    text.trim_matches(is_space)
        .chars()
        .map(|c| match digit_value(c) {
            Some(digit) => char::from(b'0' + digit),
            None => c.to_ascii_lowercase(),
        })
        .collect()
}

/// `int(text, base)`; `None` when the text is no number.
pub(crate) fn parse_int(text: &str, base: u32) -> Result<Option<Value>> {
    let text = plain(text);
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text.strip_prefix('+').unwrap_or(&text)),
    };
    let prefixed = [("0x", 16), ("0o", 8), ("0b", 2)]
        .into_iter()
        .find_map(|(prefix, radix)| digits.strip_prefix(prefix).map(|rest| (rest, radix)))
        .filter(|(_, radix)| base == 0 || base == *radix);
    let (digits, base) = match prefixed {
        Some((rest, radix)) => (rest.strip_prefix('_').unwrap_or(rest), radix),
        // `010` is ambiguous without a base.
        None if base == 0 && digits.starts_with('0') && !digits.trim_start_matches(['0', '_']).is_empty() => {
            return Ok(None);
        }
        None if base == 0 => (digits, 10),
        None => (digits, base),
    };
    let wrong = digits.is_empty()
        || digits.starts_with('_')
        || digits.ends_with('_')
        || digits.contains("__")
        || !digits.chars().all(|c| c == '_' || c.is_digit(base));
    if wrong {
        return Ok(None);
    }
    let digits = digits.replace('_', "");
    if digits.len() > MAX_DIGITS && !base.is_power_of_two() {
        return fail(
            ErrorKind::Value,
            format!(
                "Exceeds the limit ({MAX_DIGITS} digits) for integer string conversion: value has {} digits; use sys.set_int_max_str_digits() to increase the limit",
                digits.len()
            ),
        );
    }
    if digits.len() as u64 > MAX_BITS / 8 {
        return too_long();
    }
    let number = BigInt::parse_bytes(digits.as_bytes(), base).unwrap_or_default();
    Ok(Some(Value::from(if negative { -number } else { number })))
}

/// `float(text)`; `None` when the text is no number.
pub(crate) fn parse_float(text: &str) -> Option<f64> {
    let text = plain(text);
    let between_digits = |at: usize| {
        let digit = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_digit);
        let bytes = text.as_bytes();
        digit(at.checked_sub(1).and_then(|before| bytes.get(before))) && digit(bytes.get(at + 1))
    };
    if !text.match_indices('_').all(|(at, _)| between_digits(at)) {
        return None;
    }
    text.replace('_', "").parse().ok()
}
