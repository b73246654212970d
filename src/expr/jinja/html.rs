//! Jinja2's filters about HTML.

use minijinja::value::ValueKind;
use minijinja::{Error, Value};

use super::args::{Args, More};
use super::error::{ErrorKind, fail};
use super::value::{to_text, type_name};

/// `& < > " '` as entities.
pub(crate) fn escape_html(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&#34;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}

/// The text without comments and tags, blanks collapsed, the usual entities decoded.
pub(crate) fn striptags(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find('<') {
        let comment = rest[start..].starts_with("<!--");
        let close = if comment { "-->" } else { ">" };
        let Some(end) = rest[start..].find(close) else {
            break;
        };
        out.push_str(&rest[..start]);
        rest = &rest[start + end + close.len()..];
    }
    out.push_str(rest);
    let joined = out.split_whitespace().collect::<Vec<_>>().join(" ");
    [
        ("&lt;", "<"),
        ("&gt;", ">"),
        ("&#34;", "\""),
        ("&quot;", "\""),
        ("&#39;", "'"),
        ("&amp;", "&"),
    ]
    .iter()
    .fold(joined, |text, (entity, c)| text.replace(entity, c))
}

pub(crate) fn xmlattr(value: &Value, args: More) -> Result<Value, Error> {
    let args = Args::bind("xmlattr", &["autospace"], args)?;
    if value.kind() != ValueKind::Map {
        return Err(fail(
            ErrorKind::Type,
            format!("xmlattr needs a dictionary, not {}", type_name(value)),
        ));
    }
    let mut parts = Vec::new();
    for key in value.try_iter()?.checked() {
        let key = key?;
        let item = value.get_item(&key)?;
        if item.is_none() || item.is_undefined() {
            continue;
        }
        let name = to_text(&key);
        if name.contains(|c: char| c.is_whitespace() || matches!(c, '/' | '>' | '=')) {
            return Err(fail(
                ErrorKind::Value,
                format!("Invalid character in attribute name: {name:?}"),
            ));
        }
        parts.push(format!(
            "{}=\"{}\"",
            escape_html(&name),
            escape_html(&to_text(&item))
        ));
    }
    let joined = parts.join(" ");
    let space = args.flag_or(0, true) && !joined.is_empty();
    Ok(Value::from_safe_string(if space {
        format!(" {joined}")
    } else {
        joined
    }))
}

pub(crate) fn urlize(value: &Value, args: More) -> Result<String, Error> {
    let names = &["trim_url_limit", "nofollow", "target", "rel", "extra_schemes"];
    let args = Args::bind("urlize", names, args)?;
    let limit = args.get(0).map(|_| args.integer_or(0, 0)).transpose()?;
    let limit = limit.and_then(|limit| usize::try_from(limit).ok());
    let mut rel: Vec<String> = args
        .text_or(3, "")?
        .split_whitespace()
        .map(str::to_owned)
        .collect();
    rel.push("noopener".to_owned());
    if args.flag_or(1, false) {
        rel.push("nofollow".to_owned());
    }
    rel.sort();
    rel.dedup();
    let target = args.text_or(2, "")?;
    let rel = format!(" rel=\"{}\"", rel.join(" "));
    let target = if target.is_empty() {
        String::new()
    } else {
        format!(" target=\"{}\"", escape_html(&target))
    };
    let text = escape_html(&to_text(value));
    let mut out = String::with_capacity(text.len());
    for piece in text.split_inclusive(char::is_whitespace) {
        let word = piece.trim_end_matches(char::is_whitespace);
        out.push_str(&link(word, limit, &rel, &target));
        out.push_str(&piece[word.len()..]);
    }
    Ok(out)
}

fn link(word: &str, limit: Option<usize>, rel: &str, target: &str) -> String {
    let start = word.len()
        - word
            .trim_start_matches(['(', '<'])
            .trim_start_matches("&lt;")
            .len();
    let (head, rest) = word.split_at(start);
    let body = rest.trim_end_matches(['.', ',', '\n', '!', '?', ';', ':']);
    let body = body.strip_suffix("&gt;").unwrap_or(body);
    let body = if body.contains('(') {
        body
    } else {
        body.trim_end_matches(')')
    };
    let tail = &rest[body.len()..];
    let known_end = || {
        let host = body.split(['/', ':']).next().unwrap_or("");
        host.contains('.')
            && host.starts_with(|c: char| c.is_ascii_alphanumeric())
            && [
                ".com", ".org", ".net", ".int", ".edu", ".gov", ".mil", ".biz", ".info",
            ]
            .iter()
            .any(|end| host.ends_with(end))
    };
    let (href, shown) = if body.starts_with("http://") || body.starts_with("https://") {
        (body.to_owned(), body)
    } else if let Some(address) = body.strip_prefix("mailto:").filter(|address| is_mail(address)) {
        return format!("{head}<a href=\"{body}\">{address}</a>{tail}");
    } else if is_mail(body) {
        return format!("{head}<a href=\"mailto:{body}\">{body}</a>{tail}");
    } else if (body.starts_with("www.") && body.len() > 4) || (!body.contains('@') && known_end()) {
        (format!("https://{body}"), body)
    } else {
        return word.to_owned();
    };
    let shown = match limit {
        Some(limit) if shown.chars().count() > limit => shown.chars().take(limit).collect::<String>() + "...",
        _ => shown.to_owned(),
    };
    format!("{head}<a href=\"{href}\"{rel}{target}>{shown}</a>{tail}")
}

fn is_mail(text: &str) -> bool {
    let Some((name, host)) = text.split_once('@') else {
        return false;
    };
    let labels: Vec<&str> = host.split('.').collect();
    !name.is_empty()
        && name.chars().all(|c| c.is_alphanumeric() || "._-+".contains(c))
        && labels.len() > 1
        && labels
            .iter()
            .all(|label| !label.is_empty() && label.chars().all(|c| c.is_alphanumeric() || c == '-'))
}
