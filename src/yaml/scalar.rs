//! Implicit types of plain scalars, as `PyYAML`'s safe loader resolves them.

use serde_json::Number;

use super::Kind;

/// Why a scalar that looks like a number or date cannot be one.
pub(super) struct Refused {
    pub(super) message: &'static str,
    pub(super) hint: &'static str,
}

const QUOTE: &str = "put it in quotes to keep it as text";

/// The type of a plain scalar without a tag.
pub(super) fn implicit(text: &str) -> Result<Kind, Refused> {
    let Some(first) = text.bytes().next() else {
        return Ok(Kind::Null);
    };
    match first {
        b'~' if text.len() == 1 => return Ok(Kind::Null),
        b'n' | b'N' | b'y' | b'Y' | b't' | b'T' | b'f' | b'F' | b'o' | b'O' => {
            if matches!(text, "null" | "Null" | "NULL") {
                return Ok(Kind::Null);
            }
            if let Some(value) = boolean(text) {
                return Ok(Kind::Bool(value));
            }
        }
        b'0'..=b'9' | b'+' | b'-' | b'.' => {
            if let Some(kind) = number(text)? {
                return Ok(kind);
            }
            if first.is_ascii_digit()
                && let Some(iso) = timestamp(text)
            {
                return iso.map(Kind::Date).ok_or(Refused {
                    message: "this looks like a date, but there is no such day or time",
                    hint: QUOTE,
                });
            }
        }
        _ => {}
    }
    Ok(Kind::Text(text.to_owned()))
}

/// The type that an explicit tag of the core schema asks for; `None` when the text does not fit it.
pub(super) fn tagged(tag: &str, text: &str) -> Option<Result<Kind, Refused>> {
    match tag {
        "str" => Some(Ok(Kind::Text(text.to_owned()))),
        "null" => Some(Ok(Kind::Null)),
        "bool" => boolean_any_case(text).map(|value| Ok(Kind::Bool(value))),
        "int" | "float" => match number(text) {
            Ok(Some(Kind::Number(number))) if tag == "float" => number.as_f64().map(float),
            Ok(Some(kind)) => Some(Ok(kind)),
            Ok(None) if tag == "float" => text.parse::<f64>().ok().map(float),
            Ok(None) => None,
            Err(refused) => Some(Err(refused)),
        },
        "timestamp" => timestamp(text).flatten().map(|iso| Ok(Kind::Date(iso))),
        _ => None,
    }
}

fn boolean(text: &str) -> Option<bool> {
    match text {
        "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => Some(true),
        "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => Some(false),
        _ => None,
    }
}

fn boolean_any_case(text: &str) -> Option<bool> {
    boolean(&text.to_ascii_lowercase())
}

fn number(text: &str) -> Result<Option<Kind>, Refused> {
    let (negative, body) = match text.as_bytes()[0] {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    let signed = body.len() != text.len();
    if is_float(body, signed) {
        return read_float(body, negative).map(Some);
    }
    let Some((base, digits)) = integer_shape(body) else {
        return Ok(None);
    };
    let plain: String = digits.chars().filter(|c| *c != '_').collect();
    let value = match base {
        60 => plain.split(':').try_fold(0_i128, |sum, part| {
            sum.checked_mul(60)?.checked_add(part.parse::<i128>().ok()?)
        }),
        // `0_` and its like are zero without digits.
        8 if plain.is_empty() => Some(0),
        2 | 16 if plain.is_empty() => {
            return Err(Refused {
                message: "this number has no digits",
                hint: QUOTE,
            });
        }
        _ => i128::from_str_radix(&plain, base).ok(),
    };
    let value = value.map(|value| if negative { -value } else { value });
    let number = value.and_then(|value| {
        i64::try_from(value)
            .map(Number::from)
            .or_else(|_| u64::try_from(value).map(Number::from))
            .ok()
    });
    match number {
        Some(number) => Ok(Some(Kind::Number(number))),
        None => Err(Refused {
            message: "this integer does not fit 64 bits",
            hint: QUOTE,
        }),
    }
}

/// Base and digits when `body` (without sign) has the shape of a YAML 1.1 integer.
fn integer_shape(body: &str) -> Option<(u32, &str)> {
    let bytes = body.as_bytes();
    let all = |digits: &str, allowed: fn(u8) -> bool| {
        !digits.is_empty() && digits.bytes().all(|byte| byte == b'_' || allowed(byte))
    };
    if let Some(digits) = body.strip_prefix("0b") {
        return all(digits, |byte| matches!(byte, b'0' | b'1')).then_some((2, digits));
    }
    if let Some(digits) = body.strip_prefix("0x") {
        return all(digits, |byte| byte.is_ascii_hexdigit()).then_some((16, digits));
    }
    if body == "0" {
        return Some((10, body));
    }
    if let Some(digits) = body.strip_prefix('0') {
        return all(digits, |byte| matches!(byte, b'0'..=b'7')).then_some((8, digits));
    }
    if !bytes.first()?.is_ascii_digit() {
        return None;
    }
    let mut parts = body.split(':');
    if !all(parts.next()?, |byte| byte.is_ascii_digit()) {
        return None;
    }
    let mut base = 10;
    for part in parts {
        base = 60;
        if !is_sixtieth(part) {
            return None;
        }
    }
    Some((base, body))
}

/// `[0-5]?[0-9]`
fn is_sixtieth(part: &str) -> bool {
    match part.as_bytes() {
        [digit] => digit.is_ascii_digit(),
        [tens, digit] => matches!(tens, b'0'..=b'5') && digit.is_ascii_digit(),
        _ => false,
    }
}

fn is_float(body: &str, signed: bool) -> bool {
    if matches!(body, ".inf" | ".Inf" | ".INF") {
        return true;
    }
    if !signed && matches!(body, ".nan" | ".NaN" | ".NAN") {
        return true;
    }
    let Some((whole, rest)) = body.split_once('.') else {
        return false;
    };
    let digits = |text: &str| text.bytes().all(|byte| byte == b'_' || byte.is_ascii_digit());
    if let Some((first, sixtieths)) = whole.split_once(':') {
        return first.starts_with(|c: char| c.is_ascii_digit())
            && digits(first)
            && sixtieths.split(':').all(is_sixtieth)
            && digits(rest);
    }
    if whole.is_empty() {
        // `.5` takes no sign in YAML 1.1.
        if signed || !rest.starts_with(|c: char| c.is_ascii_digit()) {
            return false;
        }
    } else if !whole.starts_with(|c: char| c.is_ascii_digit()) || !digits(whole) {
        return false;
    }
    let (fraction, exponent) = match rest.find(['e', 'E']) {
        Some(index) => (&rest[..index], Some(&rest[index + 1..])),
        None => (rest, None),
    };
    digits(fraction)
        && exponent.is_none_or(|exponent| {
            // The sign is not optional: `1.0e3` is text.
            exponent
                .strip_prefix(['+', '-'])
                .is_some_and(|power| !power.is_empty() && power.bytes().all(|byte| byte.is_ascii_digit()))
        })
}

fn read_float(body: &str, negative: bool) -> Result<Kind, Refused> {
    let plain: String = body.chars().filter(|c| *c != '_').collect();
    let value = plain
        .split(':')
        .try_fold(0.0_f64, |sum, part| {
            part.parse::<f64>().ok().map(|part| sum * 60.0 + part)
        })
        .unwrap_or(f64::NAN);
    float(if negative { -value } else { value })
}

fn float(value: f64) -> Result<Kind, Refused> {
    Number::from_f64(value).map(Kind::Number).ok_or(Refused {
        message: "infinities and NaN have no place in JSON",
        hint: "leave the value out, or put it in quotes",
    })
}

/// ISO form of a YAML 1.1 timestamp. Outer `None`: no timestamp. Inner `None`: no such day or time.
fn timestamp(text: &str) -> Option<Option<String>> {
    let mut rest = text;
    let year = take_digits(&mut rest, 4, 4)?;
    take(&mut rest, '-')?;
    let month_text = take_digits(&mut rest, 1, 2)?;
    take(&mut rest, '-')?;
    let day_text = take_digits(&mut rest, 1, 2)?;
    let date = || {
        let year = year.parse::<i16>().ok().filter(|year| *year > 0)?;
        jiff::civil::Date::new(year, month_text.parse().ok()?, day_text.parse().ok()?).ok()
    };
    if rest.is_empty() {
        // A date alone has two digits each.
        return (month_text.len() == 2 && day_text.len() == 2).then(|| date().map(|date| date.to_string()));
    }
    if take(&mut rest, 'T').is_none() && take(&mut rest, 't').is_none() {
        let trimmed = rest.trim_start_matches([' ', '\t']);
        if trimmed.len() == rest.len() {
            return None;
        }
        rest = trimmed;
    }
    let hour = take_digits(&mut rest, 1, 2)?;
    take(&mut rest, ':')?;
    let minute = take_digits(&mut rest, 2, 2)?;
    take(&mut rest, ':')?;
    let second = take_digits(&mut rest, 2, 2)?;
    let mut fraction = "";
    if take(&mut rest, '.').is_some() {
        fraction = take_digits(&mut rest, 0, usize::MAX)?;
    }
    let zone = zone(rest)?;
    Some((|| {
        let (hour, minute, second) = (below(hour, 24)?, below(minute, 60)?, below(second, 60)?);
        let micros = format!("{:0<6}", &fraction[..fraction.len().min(6)]);
        let fraction = if micros == "000000" {
            String::new()
        } else {
            format!(".{micros}")
        };
        Some(format!(
            "{}T{hour:02}:{minute:02}:{second:02}{fraction}{}",
            date()?,
            zone?
        ))
    })())
}

/// The offset as `+HH:MM`, empty without one. Inner `None`: no such offset.
fn zone(rest: &str) -> Option<Option<String>> {
    if rest.is_empty() {
        return Some(Some(String::new()));
    }
    let mut rest = rest.trim_start_matches([' ', '\t']);
    if rest == "Z" {
        return Some(Some("+00:00".into()));
    }
    let sign = take(&mut rest, '+')
        .map(|()| '+')
        .or_else(|| take(&mut rest, '-').map(|()| '-'))?;
    let hours = take_digits(&mut rest, 1, 2)?;
    let mut minutes = "0";
    if take(&mut rest, ':').is_some() {
        minutes = take_digits(&mut rest, 2, 2)?;
    }
    if !rest.is_empty() {
        return None;
    }
    let total = hours.parse::<u32>().ok()? * 60 + minutes.parse::<u32>().ok()?;
    let sign = if total == 0 { '+' } else { sign };
    Some((total < 24 * 60).then(|| format!("{sign}{:02}:{:02}", total / 60, total % 60)))
}

fn below(digits: &str, limit: u32) -> Option<u32> {
    digits.parse().ok().filter(|value| *value < limit)
}

fn take(rest: &mut &str, wanted: char) -> Option<()> {
    *rest = rest.strip_prefix(wanted)?;
    Some(())
}

/// Takes as many digits as there are, up to `most`; `None` when there are fewer than `least`.
fn take_digits<'a>(rest: &mut &'a str, least: usize, most: usize) -> Option<&'a str> {
    let count = rest.bytes().take_while(u8::is_ascii_digit).take(most).count();
    if count < least {
        return None;
    }
    let (digits, tail) = rest.split_at(count);
    *rest = tail;
    Some(digits)
}
