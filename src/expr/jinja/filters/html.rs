//! Filters about HTML.

use std::sync::LazyLock;

use regex::Regex;

use super::only_value;
use crate::expr::jinja::bind::Bound;
use crate::expr::jinja::error::ErrorKind;
use crate::expr::jinja::fault::{Run, fail, type_error, value_error};
use crate::expr::jinja::machine::{CallArgs, Machine};
use crate::expr::jinja::object::{Markup, class_of, is_markup, text_of, undefined};
use crate::expr::jinja::ops::check_len;
use crate::expr::jinja::text::{byte_of, char_len, escape_html, is_space};
use crate::expr::pyvalue::str_repr;
use crate::expr::value::Value;

#[expect(clippy::needless_pass_by_value, reason = "all filters have one form")]
pub(super) fn escape(machine: &mut Machine<'_>, value: &Value, args: CallArgs) -> Run<Value> {
    only_value("_escape_inner", &args)?;
    if is_markup(value) {
        return Ok(value.clone());
    }
    let text = machine.text(value)?;
    Ok(Markup::value(escape_html(&text).as_ref()))
}

pub(super) fn forceescape(machine: &mut Machine<'_>, value: &Value, _: &Bound) -> Run<Value> {
    let text = machine.text(value)?;
    Ok(Markup::value(escape_html(&text).as_ref()))
}

pub(super) fn safe(machine: &mut Machine<'_>, value: &Value, _: &Bound) -> Run<Value> {
    machine.text(value).map(Markup::value)
}

pub(super) fn strip(machine: &mut Machine<'_>, value: &Value, _: &Bound) -> Run<Value> {
    let text = machine.text(value)?;
    Ok(Value::from(striptags(&text)))
}

/// A text without comments and tags, blanks collapsed, entities decoded.
pub(crate) fn striptags(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find('<') {
        let (close, from) = if rest[start..].starts_with("<!--") {
            ("-->", start + 4)
        } else {
            (">", start)
        };
        let Some(end) = rest[from..].find(close) else {
            break;
        };
        out.push_str(&rest[..start]);
        rest = &rest[from + end + close.len()..];
    }
    out.push_str(rest);
    let words: Vec<&str> = out.split(is_space).filter(|word| !word.is_empty()).collect();
    unescape_html(&words.join(" "))
}

/// Entities as the characters that they stand for: the usual names, and all numbers.
pub(crate) fn unescape_html(text: &str) -> String {
    /// Names of the characters that texts use most.
    const NAMES: [(&str, &str); 40] = [
        ("lt", "<"),
        ("gt", ">"),
        ("amp", "&"),
        ("quot", "\""),
        ("apos", "'"),
        ("nbsp", "\u{a0}"),
        ("copy", "©"),
        ("reg", "®"),
        ("trade", "™"),
        ("hellip", "…"),
        ("mdash", "—"),
        ("ndash", "–"),
        ("lsquo", "‘"),
        ("rsquo", "’"),
        ("ldquo", "“"),
        ("rdquo", "”"),
        ("laquo", "«"),
        ("raquo", "»"),
        ("euro", "€"),
        ("pound", "£"),
        ("yen", "¥"),
        ("cent", "¢"),
        ("sect", "§"),
        ("para", "¶"),
        ("middot", "·"),
        ("bull", "•"),
        ("deg", "°"),
        ("plusmn", "±"),
        ("times", "×"),
        ("divide", "÷"),
        ("auml", "ä"),
        ("ouml", "ö"),
        ("uuml", "ü"),
        ("Auml", "Ä"),
        ("Ouml", "Ö"),
        ("Uuml", "Ü"),
        ("szlig", "ß"),
        ("eacute", "é"),
        ("egrave", "è"),
        ("agrave", "à"),
    ];
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        out.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        if let Some(number) = rest.strip_prefix('#') {
            let (digits, radix) = match number.strip_prefix(['x', 'X']) {
                Some(digits) => (digits, 16),
                None => (number, 10),
            };
            let len = digits
                .bytes()
                .take_while(|byte| char::from(*byte).is_digit(radix))
                .count();
            if len > 0 {
                let code = u32::from_str_radix(&digits[..len], radix).ok();
                out.push(
                    code.filter(|code| *code != 0)
                        .and_then(char::from_u32)
                        .unwrap_or('\u{fffd}'),
                );
                rest = &digits[len..];
                rest = rest.strip_prefix(';').unwrap_or(rest);
                continue;
            }
        }
        let len = rest.bytes().take_while(u8::is_ascii_alphanumeric).count();
        let known = NAMES
            .iter()
            .find(|(name, _)| *name == &rest[..len] && rest[len..].starts_with(';'));
        match known {
            Some((_, plain)) => {
                out.push_str(plain);
                rest = &rest[len + 1..];
            }
            None => out.push('&'),
        }
    }
    out.push_str(rest);
    out
}

pub(super) fn xmlattr(machine: &mut Machine<'_>, value: &Value, args: &Bound) -> Run<Value> {
    let Value::Dict(dict) = value else {
        super::must_be_mapping(value)?;
        return Ok(Value::Null);
    };
    let mut parts = Vec::new();
    for (key, item) in dict.iter() {
        if item.is_null() || undefined(item).is_some() {
            continue;
        }
        let Some(name) = text_of(key) else {
            return type_error(format!(
                "expected string or bytes-like object, got '{}'",
                class_of(key)
            ));
        };
        if name.contains([' ', '\t', '\n', '\r', '\x0b', '\x0c', '/', '>', '=']) {
            return value_error(format!("Invalid character in attribute name: {}", str_repr(name)));
        }
        let text = machine.text(item)?;
        let text = if is_markup(item) {
            text.to_string()
        } else {
            escape_html(&text).into_owned()
        };
        parts.push(format!("{}=\"{text}\"", escape_html(name)));
    }
    let mut out = parts.join(" ");
    check_len(out.len())?;
    if args.flag(0, true)? && !out.is_empty() {
        out.insert(0, ' ');
    }
    Ok(if machine.autoescape {
        Markup::value(out)
    } else {
        Value::from(out)
    })
}

/// Addresses that are linked: with a scheme or `www.`, of a known domain, or numbers with a scheme.
static ADDRESS: LazyLock<Regex> = LazyLock::new(|| {
    let named = r"(?:https?://|www\.)(?:(?:[\w%-]+\.)+)?(?:[a-z]{2,63}|xn--[\w%]{2,59})";
    let plain = r"(?:[\w%-]{2,63}\.)+(?:com|net|int|edu|gov|org|info|mil)";
    let numeric = r"https?://(?:\d{1,3}(?:\.\d{1,3}){3}|\[(?:[\da-f]{0,4}:){2}(?:[\da-f]{0,4}:?){1,6}\])";
    Regex::new(&format!(
        r"(?i)^(?:{named}|{plain}|{numeric})(?::\d{{1,5}})?(?:[/?#]\S*)?$"
    ))
    .expect("a constant pattern")
});
static MAIL: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"^\S+@\w[\w.-]*\.\w+$").expect("a constant pattern"));
static SCHEME: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"^[\w.+-]{2,}:/{0,2}$").expect("a constant pattern"));

/// How links are written.
struct Links {
    limit: Option<usize>,
    attributes: String,
    schemes: Vec<String>,
}

pub(super) fn urlize(machine: &mut Machine<'_>, value: &Value, args: &Bound) -> Run<Value> {
    let limit = match args.get(0) {
        Some(_) => Some(usize::try_from(args.integer(0, 0)?.max(0)).unwrap_or(usize::MAX)),
        None => None,
    };
    let mut rel: Vec<String> = match args.get(3) {
        Some(rel) => machine.text(rel)?.split_whitespace().map(str::to_owned).collect(),
        None => Vec::new(),
    };
    if args.flag(1, false)? {
        rel.push("nofollow".to_owned());
    }
    rel.push("noopener".to_owned());
    rel.sort();
    rel.dedup();
    let mut attributes = format!(" rel=\"{}\"", escape_html(&rel.join(" ")));
    if let Some(target) = args.get(2) {
        let target = machine.text(target)?;
        if !target.is_empty() {
            attributes += &format!(" target=\"{}\"", escape_html(&target));
        }
    }
    let mut schemes = Vec::new();
    if let Some(extra) = args.get(4) {
        for scheme in machine.collect(extra)? {
            let scheme = machine.text(&scheme)?;
            if !SCHEME.is_match(&scheme) {
                return fail(
                    ErrorKind::Argument,
                    format!("{} is not a valid URI scheme prefix.", str_repr(&scheme)),
                );
            }
            schemes.push(scheme.to_string());
        }
    }
    let links = Links {
        limit,
        attributes,
        schemes,
    };
    let text = machine.text(value)?;
    let text = if is_markup(value) {
        text.to_string()
    } else {
        escape_html(&text).into_owned()
    };
    let mut out = String::with_capacity(text.len());
    let mut rest = text.as_str();
    while !rest.is_empty() {
        let end = rest.find(is_space).unwrap_or(rest.len());
        machine.step(end / 16 + 1)?;
        out.push_str(&links.word(&rest[..end]));
        rest = &rest[end..];
        let blanks = rest.len() - rest.trim_start_matches(is_space).len();
        out.push_str(&rest[..blanks]);
        rest = &rest[blanks..];
        check_len(out.len())?;
    }
    Ok(if machine.autoescape {
        Markup::value(out)
    } else {
        Value::from(out)
    })
}

impl Links {
    fn word(&self, word: &str) -> String {
        let mut middle = word;
        loop {
            let shorter = middle.trim_start_matches(['(', '<']);
            let shorter = shorter.strip_prefix("&lt;").unwrap_or(shorter);
            if shorter.len() == middle.len() {
                break;
            }
            middle = shorter;
        }
        let head = &word[..word.len() - middle.len()];
        let whole = middle;
        loop {
            let shorter = middle.trim_end_matches([')', '>', '.', ',', '\n']);
            let shorter = shorter.strip_suffix("&gt;").unwrap_or(shorter);
            if shorter.len() == middle.len() {
                break;
            }
            middle = shorter;
        }
        let mut end = middle.len();
        // Brackets that were opened in the address belong to it when they are closed.
        for (open, close) in [("(", ")"), ("<", ">"), ("&lt;", "&gt;")] {
            let opened = whole[..end].matches(open).count();
            if opened <= whole[..end].matches(close).count() {
                continue;
            }
            for _ in 0..opened.min(whole[end..].matches(close).count()) {
                match whole[end..].find(close) {
                    Some(at) => end += at + close.len(),
                    None => break,
                }
            }
        }
        let (middle, tail) = whole.split_at(end);
        format!("{head}{}{tail}", self.link(middle))
    }

    fn link(&self, address: &str) -> String {
        let attributes = &self.attributes;
        if ADDRESS.is_match(address) {
            let shown = match self.limit {
                Some(limit) if char_len(address) > limit => {
                    format!("{}...", &address[..byte_of(address, limit)])
                }
                _ => address.to_owned(),
            };
            let scheme = if address.starts_with("https://") || address.starts_with("http://") {
                ""
            } else {
                "https://"
            };
            return format!("<a href=\"{scheme}{address}\"{attributes}>{shown}</a>");
        }
        if let Some(mail) = address.strip_prefix("mailto:").filter(|mail| MAIL.is_match(mail)) {
            return format!("<a href=\"{address}\">{mail}</a>");
        }
        let mail = address.contains('@') && !address.starts_with("www.") && !address.starts_with('@');
        if mail && !address.contains(':') && MAIL.is_match(address) {
            return format!("<a href=\"mailto:{address}\">{address}</a>");
        }
        let known = |scheme: &String| address != scheme && address.starts_with(scheme.as_str());
        if self.schemes.iter().any(known) {
            return format!("<a href=\"{address}\"{attributes}>{address}</a>");
        }
        address.to_owned()
    }
}
