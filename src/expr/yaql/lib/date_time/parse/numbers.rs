//! Numbers of dates and times as they are written.

use crate::expr::pyregex::digit_value;

/// A number with digits before and maybe behind a point.
#[derive(Debug, Clone, Copy)]
pub(super) struct Number {
    /// Before the point; `i64::MAX` if it is larger.
    pub(super) whole: i64,
    /// Behind it, in units of `10^-15`.
    fraction: i64,
}

const FRACTION_DIGITS: usize = 15;
const FRACTION: i64 = 1_000_000_000_000_000;

impl Number {
    /// Whether every character is a digit, and there is one.
    pub(super) fn is_digits(text: &str) -> bool {
        !text.is_empty() && text.chars().all(|c| digit_value(c).is_some())
    }

    /// A whole number; `i64::MAX` if it is larger.
    pub(super) fn whole(text: &str) -> Option<i64> {
        if text.is_empty() {
            return None;
        }
        text.chars().try_fold(0i64, |number, c| {
            let digit = i64::from(digit_value(c)?);
            Some(number.saturating_mul(10).saturating_add(digit))
        })
    }

    /// A number with an optional fraction.
    pub(super) fn read(text: &str) -> Option<Self> {
        let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
        let padded: String = fraction
            .chars()
            .chain(std::iter::repeat('0'))
            .take(FRACTION_DIGITS)
            .collect();
        if !fraction.is_empty() && !Self::is_digits(fraction) {
            return None;
        }
        Some(Self {
            whole: Self::whole(whole)?,
            fraction: Self::whole(&padded)?,
        })
    }

    /// The fraction in sixtieths, if there is any.
    pub(super) fn sixtieths(self) -> Option<i64> {
        let sixtieths = i128::from(self.fraction) * 60 / i128::from(FRACTION);
        (self.fraction != 0).then(|| i64::try_from(sixtieths).unwrap_or(0))
    }

    /// Seconds and microseconds, further digits cut off.
    pub(super) fn seconds(text: &str) -> Option<(i64, i64)> {
        let number = Self::read(text)?;
        Some((number.whole, number.fraction / (FRACTION / 1_000_000)))
    }
}
