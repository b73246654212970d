//! Floats with a number of digits, as C and Python print them.

use std::fmt::Write as _;

/// `%.{digits}f`
pub(crate) fn fixed(number: f64, digits: usize) -> String {
    special(number, false).unwrap_or_else(|| format!("{number:.digits$}"))
}

/// The words for what is no number.
pub(super) fn special(number: f64, upper: bool) -> Option<String> {
    if number.is_finite() {
        return None;
    }
    let word = match (number.is_nan(), number < 0.0) {
        (true, _) => "nan",
        (_, true) => "-inf",
        _ => "inf",
    };
    Some(if upper {
        word.to_uppercase()
    } else {
        word.to_owned()
    })
}

/// `%.{digits}e`
pub(super) fn exponential(number: f64, digits: usize) -> String {
    special(number, false).unwrap_or_else(|| with_exponent(&format!("{number:.digits$e}")))
}

/// Rust's `1.5e7` as `1.5e+07`.
fn with_exponent(text: &str) -> String {
    let (mantissa, exponent) = text.split_once('e').unwrap_or((text, "0"));
    let (sign, digits) = match exponent.strip_prefix('-') {
        Some(digits) => ('-', digits),
        None => ('+', exponent),
    };
    let mut out = mantissa.to_owned();
    let _ = write!(out, "e{sign}{digits:0>2}");
    out
}

/// `%.{digits}g`: significant digits, an exponent only where it is shorter. `keep`: zeros at the end stay.
pub(super) fn general(number: f64, digits: usize, keep: bool) -> String {
    if let Some(word) = special(number, false) {
        return word;
    }
    let digits = digits.max(1);
    let rounded = format!("{number:.*e}", digits - 1);
    let exponent: i64 = rounded
        .split_once('e')
        .and_then(|(_, exponent)| exponent.parse().ok())
        .unwrap_or(0);
    let significant = i64::try_from(digits).unwrap_or(i64::MAX);
    if (-4..significant).contains(&exponent) {
        let decimals = usize::try_from(significant - 1 - exponent).unwrap_or(0);
        let text = format!("{number:.decimals$}");
        return if keep {
            text
        } else {
            without_zeros(&text).to_owned()
        };
    }
    let (mantissa, exponent) = rounded.split_once('e').unwrap_or((&rounded, "0"));
    let mantissa = if keep { mantissa } else { without_zeros(mantissa) };
    with_exponent(&format!("{mantissa}e{exponent}"))
}

fn without_zeros(text: &str) -> &str {
    if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.')
    } else {
        text
    }
}
