//! The format specification of Python: `[[fill]align][sign][z][#][0][width][,][.precision][type]`.

use num_bigint::{BigInt, Sign};

use super::float::{exponential, fixed, general, special};
use crate::expr::jinja::error::ErrorKind;
use crate::expr::jinja::fault::{Run, fail, type_error, value_error};
use crate::expr::jinja::machine::text_of_data;
use crate::expr::jinja::methods;
use crate::expr::jinja::object::{class_of, text_of};
use crate::expr::jinja::ops::check_len;
use crate::expr::jinja::text::char_len;
use crate::expr::pynum::{Number, check_printable};
use crate::expr::pyvalue::float_repr;
use crate::expr::value::Value;

#[derive(Debug, Clone, Default)]
pub(super) struct Spec {
    pub(super) fill: Option<char>,
    pub(super) align: Option<char>,
    pub(super) sign: Option<char>,
    no_negative_zero: bool,
    pub(super) alternate: bool,
    zero: bool,
    pub(super) width: usize,
    grouping: Option<char>,
    pub(super) precision: Option<usize>,
    pub(super) kind: Option<char>,
}

impl Spec {
    fn parse(text: &str, class: &str) -> Run<Self> {
        let chars: Vec<char> = text.chars().collect();
        let mut spec = Self::default();
        let mut at = 0;
        let is_align = |c: Option<&char>| matches!(c, Some('<' | '>' | '=' | '^'));
        if is_align(chars.get(1)) {
            (spec.fill, spec.align) = (Some(chars[0]), Some(chars[1]));
            at = 2;
        } else if is_align(chars.first()) {
            spec.align = Some(chars[0]);
            at = 1;
        }
        if let Some(sign @ ('+' | '-' | ' ')) = chars.get(at) {
            spec.sign = Some(*sign);
            at += 1;
        }
        let take = |at: &mut usize, wanted: char| {
            let found = chars.get(*at) == Some(&wanted);
            *at += usize::from(found);
            found
        };
        spec.no_negative_zero = take(&mut at, 'z');
        spec.alternate = take(&mut at, '#');
        spec.zero = take(&mut at, '0');
        spec.width = digits(&chars, &mut at)?.unwrap_or(0);
        while let Some(grouping @ (',' | '_')) = chars.get(at) {
            if let Some(known) = spec.grouping {
                return value_error(if known == *grouping {
                    format!("Cannot specify '{known}' with '{grouping}'.")
                } else {
                    "Cannot specify both ',' and '_'.".to_owned()
                });
            }
            spec.grouping = Some(*grouping);
            at += 1;
        }
        if chars.get(at) == Some(&'.') {
            at += 1;
            spec.precision = digits(&chars, &mut at)?;
            if spec.precision.is_none() {
                return value_error("Format specifier missing precision");
            }
        }
        match &chars[at.min(chars.len())..] {
            [] => {}
            [kind] => spec.kind = Some(*kind),
            _ => {
                return value_error(format!(
                    "Invalid format specifier '{text}' for object of type '{class}'"
                ));
            }
        }
        if spec.zero && spec.align.is_none() {
            spec.fill = spec.fill.or(Some('0'));
            if class != "str" {
                spec.align = Some('=');
            }
        } else if spec.zero && spec.fill.is_none() {
            spec.fill = Some('0');
        }
        check_len(spec.width)?;
        check_len(spec.precision.unwrap_or(0))?;
        Ok(spec)
    }

    fn unknown<T>(&self, class: &str) -> Run<T> {
        let kind = self.kind.unwrap_or(' ');
        let shown = if kind.is_ascii_graphic() {
            format!("'{kind}'")
        } else {
            format!("'\\x{:x}'", u32::from(kind))
        };
        value_error(format!(
            "Unknown format code {shown} for object of type '{class}'"
        ))
    }

    /// Pads; `sign` and `prefix` stay before the filling where the alignment is `=`.
    pub(super) fn pad(&self, lead: &str, body: &str, default_align: char) -> String {
        let missing = self.width.saturating_sub(char_len(lead) + char_len(body));
        let fill = self.fill.unwrap_or(' ');
        let filling = |count: usize| std::iter::repeat_n(fill, count).collect::<String>();
        match self.align.unwrap_or(default_align) {
            '<' => format!("{lead}{body}{}", filling(missing)),
            '=' => format!("{lead}{}{body}", filling(missing)),
            '^' => format!(
                "{}{lead}{body}{}",
                filling(missing / 2),
                filling(missing - missing / 2)
            ),
            _ => format!("{}{lead}{body}", filling(missing)),
        }
    }

    /// Pads digits, with separators also within the zeros of `=`.
    fn pad_number(&self, lead: &str, digits: &str, rest: &str, group: usize) -> String {
        let Some(separator) = self.grouping else {
            return self.pad(lead, &format!("{digits}{rest}"), '>');
        };
        let mut digits = digits.to_owned();
        if self.align == Some('=') && self.fill == Some('0') {
            let wanted = self.width.saturating_sub(char_len(lead) + char_len(rest));
            // Zeros take part in the grouping; a separator never comes first.
            while grouped_len(digits.len(), group) < wanted {
                digits.insert(0, '0');
            }
        }
        let body = grouped(&digits, separator, group) + rest;
        self.pad(lead, &body, '>')
    }
}

fn grouped_len(digits: usize, group: usize) -> usize {
    digits + digits.saturating_sub(1) / group
}

fn grouped(digits: &str, separator: char, group: usize) -> String {
    let len = digits.len();
    let mut out = String::with_capacity(grouped_len(len, group));
    for (index, c) in digits.chars().enumerate() {
        if index > 0 && (len - index).is_multiple_of(group) {
            out.push(separator);
        }
        out.push(c);
    }
    out
}

fn digits(chars: &[char], at: &mut usize) -> Run<Option<usize>> {
    let start = *at;
    while chars.get(*at).is_some_and(char::is_ascii_digit) {
        *at += 1;
    }
    if start == *at {
        return Ok(None);
    }
    let text: String = chars[start..*at].iter().collect();
    match text
        .parse::<usize>()
        .ok()
        .filter(|number| i64::try_from(*number).is_ok())
    {
        Some(number) => Ok(Some(number)),
        None => value_error("Too many decimal digits in format string"),
    }
}

/// `format(value, spec)`
pub(crate) fn format_value(value: &Value, spec: &str) -> Run<String> {
    if let Some(text) = text_of(value) {
        return if spec.is_empty() {
            Ok(text.to_string())
        } else {
            format_text(text, spec)
        };
    }
    if spec.is_empty() {
        return text_of_data(value);
    }
    match value {
        Value::Bool(_) | Value::Int(_) | Value::BigInt(_) | Value::Float(_) => format_number(value, spec),
        Value::DateTime(_) | Value::Date(_) => methods::strftime(value, spec),
        _ => type_error(format!(
            "unsupported format string passed to {}.__format__",
            class_of(value)
        )),
    }
}

fn format_text(text: &str, spec: &str) -> Run<String> {
    let spec = Spec::parse(spec, "str")?;
    if !matches!(spec.kind, None | Some('s')) {
        return spec.unknown("str");
    }
    if spec.sign.is_some() {
        return value_error(if spec.sign == Some(' ') {
            "Space not allowed in string format specifier"
        } else {
            "Sign not allowed in string format specifier"
        });
    }
    if spec.no_negative_zero {
        return value_error("Negative zero coercion (z) not allowed in string format specifier");
    }
    if spec.alternate {
        return value_error("Alternate form (#) not allowed in string format specifier");
    }
    if let Some(grouping) = spec.grouping {
        return value_error(format!("Cannot specify '{grouping}' with 's'."));
    }
    if spec.align == Some('=') {
        return value_error("'=' alignment not allowed in string format specifier");
    }
    let cut: String = match spec.precision {
        Some(most) => text.chars().take(most).collect(),
        None => text.to_owned(),
    };
    Ok(spec.pad("", &cut, '<'))
}

fn format_number(value: &Value, text: &str) -> Run<String> {
    let class = if matches!(value, Value::Float(_)) {
        "float"
    } else {
        "int"
    };
    let spec = Spec::parse(text, class)?;
    let number = Number::of(value);
    match (spec.kind, number) {
        (None, _) if matches!(value, Value::Bool(_)) && spec.plain_width() => {
            // `bool` formats as an integer as soon as there is any specification.
            integer(&spec, &BigInt::from(value.as_i64().unwrap_or(0)))
        }
        (None | Some('d' | 'b' | 'o' | 'x' | 'X' | 'c' | 'n'), Some(Number::Int(number))) => {
            integer(&spec, &BigInt::from(number))
        }
        (None | Some('d' | 'b' | 'o' | 'x' | 'X' | 'c' | 'n'), Some(Number::Big(number))) => {
            integer(&spec, &number)
        }
        (Some('e' | 'E' | 'f' | 'F' | 'g' | 'G' | '%'), Some(Number::Int(number))) => {
            float(&spec, number as f64)
        }
        (Some('e' | 'E' | 'f' | 'F' | 'g' | 'G' | '%'), Some(Number::Big(number))) => {
            float(&spec, Number::Big(number).to_float()?)
        }
        (None | Some('e' | 'E' | 'f' | 'F' | 'g' | 'G' | '%' | 'n'), Some(Number::Float(number))) => {
            float(&spec, number)
        }
        _ => spec.unknown(class),
    }
}

impl Spec {
    fn plain_width(&self) -> bool {
        self.precision.is_none()
    }
}

fn integer(spec: &Spec, number: &BigInt) -> Run<String> {
    if spec.precision.is_some() {
        return value_error("Precision not allowed in integer format specifier");
    }
    if spec.no_negative_zero {
        return value_error("Negative zero coercion (z) not allowed in integer format specifier");
    }
    if spec.kind == Some('c') {
        if spec.sign.is_some() {
            return value_error("Sign not allowed with integer format specifier 'c'");
        }
        if spec.alternate {
            return value_error("Alternate form (#) not allowed with integer format specifier 'c'");
        }
        let char = u32::try_from(number).ok().and_then(char::from_u32);
        return match char {
            Some(char) => Ok(spec.pad("", &char.to_string(), '<')),
            None => fail(ErrorKind::Overflow, "%c arg not in range(0x110000)"),
        };
    }
    let (radix, prefix, group) = match spec.kind {
        Some('b') => (2, "0b", 4),
        Some('o') => (8, "0o", 4),
        Some('x') => (16, "0x", 4),
        Some('X') => (16, "0X", 4),
        _ => (10, "", 3),
    };
    if let Some(grouping) = spec.grouping {
        let kind = spec.kind.unwrap_or('d');
        if (grouping == ',' && radix != 10) || kind == 'n' {
            return value_error(format!("Cannot specify '{grouping}' with '{kind}'."));
        }
    }
    let (sign, magnitude) = (number.sign(), number.magnitude());
    if radix == 10 {
        check_printable(number)?;
    }
    let mut digits = magnitude.to_str_radix(radix);
    if spec.kind == Some('X') {
        digits.make_ascii_uppercase();
    }
    let lead = format!(
        "{}{}",
        sign_text(spec, sign == Sign::Minus),
        if spec.alternate { prefix } else { "" }
    );
    Ok(spec.pad_number(&lead, &digits, "", group))
}

fn sign_text(spec: &Spec, negative: bool) -> &'static str {
    match (negative, spec.sign) {
        (true, _) => "-",
        (false, Some('+')) => "+",
        (false, Some(' ')) => " ",
        _ => "",
    }
}

fn float(spec: &Spec, number: f64) -> Run<String> {
    let kind = spec.kind.unwrap_or('r');
    if spec.grouping.is_some() && kind == 'n' {
        return value_error("Cannot specify ',' with 'n'.");
    }
    let magnitude = number.abs();
    let digits = spec.precision.unwrap_or(6);
    let keep = spec.alternate;
    let mut body = match kind.to_ascii_lowercase() {
        'e' => exponential(magnitude, digits),
        'f' => fixed(magnitude, digits),
        '%' => fixed(magnitude * 100.0, digits) + "%",
        'r' => match spec.precision {
            None => float_repr(magnitude),
            Some(precision) => {
                let text = general(magnitude, precision, keep);
                // Like `g`, but with at least one digit after the point where there is no exponent, and with an
                // exponent one digit earlier.
                none_type(magnitude, precision, text)
            }
        },
        _ => general(magnitude, digits, keep),
    };
    if special(magnitude, false).is_none() && keep && !body.contains('.') && !body.contains('e') {
        body.push('.');
    }
    if kind.is_ascii_uppercase() {
        body.make_ascii_uppercase();
    }
    let zero = !body
        .bytes()
        .any(|byte| matches!(byte, b'1'..=b'9' | b'i' | b'n' | b'I' | b'N'));
    let negative = number.is_sign_negative() && !number.is_nan() && !(spec.no_negative_zero && zero);
    let split = body.find(|c: char| !c.is_ascii_digit()).unwrap_or(body.len());
    let (whole, rest) = body.split_at(split);
    let sign = sign_text(spec, negative);
    if whole.is_empty() {
        // Infinity and the like have no digits to group; zeros fill up to them.
        return Ok(spec.pad(sign, rest, '>'));
    }
    Ok(spec.pad_number(sign, whole, rest, 3))
}

fn none_type(number: f64, precision: usize, text: String) -> String {
    let exponent: i64 = format!("{number:.*e}", precision.max(1) - 1)
        .split_once('e')
        .and_then(|(_, exponent)| exponent.parse().ok())
        .unwrap_or(0);
    let significant = i64::try_from(precision.max(1)).unwrap_or(i64::MAX);
    if exponent == significant - 1 && number.is_finite() && exponent > 0 {
        // One digit less before the exponent than `g` would do with.
        let text = format!("{number:.*e}", precision.max(1) - 1);
        let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
        let mantissa = if mantissa.contains('.') {
            mantissa.trim_end_matches('0').trim_end_matches('.')
        } else {
            mantissa
        };
        return format!("{mantissa}e+{exponent:0>2}");
    }
    if number.is_finite() && !text.contains(['.', 'e']) {
        return text + ".0";
    }
    text
}
