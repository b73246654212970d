//! Completion in the expression prompt: functions, methods and filters, keys of the context, `$`, commands.

use reedline::{Completer, CompletionResult, Span, Suggestion};

use super::repl::Shared;
use crate::cli::args::Language;
use crate::expr::value::Value;

/// Suggestions that are shown.
const SUGGESTIONS: usize = 60;

/// Completes what stands before the cursor.
pub(super) struct Names {
    pub(super) shared: Shared,
}

impl Completer for Names {
    fn complete(&mut self, line: &str, pos: usize) -> CompletionResult {
        let typed = line.get(..pos).unwrap_or(line);
        let (start, found) = self.shared.with(|state| candidates(typed, state));
        let suggestions = found.into_iter().take(SUGGESTIONS).map(|found| Suggestion {
            value: found.insert,
            display_override: None,
            description: found.about,
            style: None,
            extra: None,
            span: Span { start, end: pos },
            append_whitespace: false,
            match_indices: None,
        });
        CompletionResult::fresh(suggestions.collect::<Vec<_>>())
    }
}

/// Something to insert.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Candidate {
    insert: String,
    about: Option<String>,
}

/// What is known about the names that may be completed.
pub(super) struct Known<'a> {
    /// The language of expressions without delimiters.
    pub(super) language: Language,
    pub(super) context: Option<&'a Value>,
    pub(super) data: &'a Value,
    /// Functions of YAQL.
    pub(super) yaql: &'a [String],
    /// Functions of Jinja.
    pub(super) jinja: &'a [String],
    pub(super) methods: &'a [String],
    pub(super) filters: &'a [String],
    pub(super) commands: &'a [(&'static str, &'static str)],
}

/// What fits the text before the cursor, and where the part begins that it replaces.
pub(super) fn candidates(typed: &str, known: &Known<'_>) -> (usize, Vec<Candidate>) {
    if typed.starts_with('.') && !typed.contains(' ') {
        let fits = known.commands.iter().filter(|(name, _)| name.starts_with(typed));
        let found = fits.map(|(name, about)| Candidate {
            insert: (*name).to_owned(),
            about: Some((*about).to_owned()),
        });
        return (0, found.collect());
    }
    let language = language_at(typed, known.language);
    let start = typed
        .rfind(|c: char| !(c.is_alphanumeric() || c == '_'))
        .map_or(0, |at| at + typed[at..].chars().next().map_or(1, char::len_utf8));
    let (before, word) = typed.split_at(start);
    let plain = |names: &[String], call: bool| -> Vec<Candidate> {
        names
            .iter()
            .filter(|name| name.starts_with(word))
            .map(|name| Candidate {
                insert: if call { format!("{name}(") } else { name.clone() },
                about: None,
            })
            .collect()
    };
    let before = before.trim_end();
    if let Some(path) = before.strip_suffix('.') {
        let mut found = keys(reached(path, known), word, true);
        if language != Language::Jinja {
            found.extend(plain(known.methods, true));
        }
        return (start, found);
    }
    let quoted = before.strip_suffix(['\'', '"']).unwrap_or(before);
    if quoted.ends_with("ctx(") {
        let mut found = keys(known.context, word, false);
        if quoted == before {
            // A bare word is a text in YAQL; Jinja takes it for a variable, and `a-b` is a subtraction.
            let bare = |key: &str| language != Language::Jinja && is_word(key);
            for candidate in found.iter_mut().filter(|candidate| !bare(&candidate.insert)) {
                candidate.insert = format!("'{}'", candidate.insert);
            }
        }
        return (start, found);
    }
    if language == Language::Jinja && before.ends_with('|') {
        return (start, plain(known.filters, false));
    }
    if word.is_empty() && !before.is_empty() && !before.ends_with(|c: char| "(,+-*/=<>[{%".contains(c)) {
        return (start, Vec::new());
    }
    let functions = match language {
        Language::Jinja => known.jinja,
        _ => known.yaql,
    };
    (start, plain(functions, true))
}

/// The language at the end of a text: that of the delimiter that was opened last.
fn language_at(typed: &str, otherwise: Language) -> Language {
    let opened = ["{{", "{%", "<%"].map(|open| typed.rfind(open));
    let [expression, block, yaql] = opened;
    match (expression.max(block), yaql) {
        (None, None) => otherwise,
        (jinja, yaql) if jinja > yaql => Language::Jinja,
        _ => Language::Yaql,
    }
}

/// The value at the end of `ctx().a.b` or `$.a.b`.
fn reached<'a>(path: &str, known: &Known<'a>) -> Option<&'a Value> {
    let begin = path
        .rfind(|c: char| !(c.is_alphanumeric() || "_.()$".contains(c)))
        .map_or(0, |at| at + path[at..].chars().next().map_or(1, char::len_utf8));
    let mut steps = path[begin..].trim_start_matches('(').split('.');
    let mut at = match steps.next()? {
        "ctx()" => known.context?,
        "$" => known.data,
        _ => return None,
    };
    for step in steps {
        // An attribute of a list is the attribute of its items.
        while let Some(first) = at.as_items().and_then(<[Value]>::first) {
            at = first;
        }
        at = at.get(step)?;
    }
    Some(at)
}

/// The keys of an object, or of the first object in a list.
fn keys(value: Option<&Value>, word: &str, words_only: bool) -> Vec<Candidate> {
    let mut value = value;
    while let Some(first) = value.and_then(Value::as_items).and_then(<[Value]>::first) {
        value = Some(first);
    }
    let Some(dict) = value.and_then(Value::as_dict) else {
        return Vec::new();
    };
    dict.iter()
        .filter_map(|(key, value)| Some((key.as_str()?, value)))
        .filter(|(key, _)| key.starts_with(word) && !key.starts_with("__"))
        .filter(|(key, _)| !words_only || is_word(key))
        .map(|(key, value)| Candidate {
            insert: key.to_owned(),
            about: Some(value.type_name().to_owned()),
        })
        .collect()
}

fn is_word(key: &str) -> bool {
    key.chars().all(|c| c.is_alphanumeric() || c == '_')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::expr::value::loads;

    fn complete(language: Language, typed: &str) -> Vec<String> {
        let context =
            loads(r#"{"hosts": [{"name": "a", "nic": {"ip": 1}}], "host": 1, "__state": 1, "dash-key": 2}"#)
                .unwrap();
        let data = loads(r#"{"inner": {"x": 1}}"#).unwrap();
        let names = |names: &[&str]| -> Vec<String> { names.iter().map(|name| (*name).to_owned()).collect() };
        let known = Known {
            language,
            context: Some(&context),
            data: &data,
            yaql: &names(&["ctx", "coalesce", "len"]),
            jinja: &names(&["ctx", "range"]),
            methods: &names(&["where", "len", "name_of"]),
            filters: &names(&["upper", "unique"]),
            commands: &[(".help", "Tells"), (".context", "Reads")],
        };
        let (_, found) = candidates(typed, &known);
        found.into_iter().map(|one| one.insert).collect()
    }

    #[test]
    fn names_that_fit_are_completed() {
        let yaql = |typed| complete(Language::Yaql, typed);
        assert_eq!(yaql("c"), ["ctx(", "coalesce("]);
        assert_eq!(yaql("1 + le"), ["len("]);
        assert_eq!(yaql("ctx().h"), ["hosts", "host"]);
        assert_eq!(yaql("ctx(h"), ["hosts", "host"]);
        assert_eq!(yaql("ctx('d"), ["dash-key"]);
        assert_eq!(yaql("ctx(d"), ["'dash-key'"]);
        assert_eq!(yaql("ctx().hosts.n"), ["name", "nic", "name_of("]);
        assert_eq!(yaql("(ctx().hosts.nic.i"), ["ip"]);
        assert_eq!(yaql("$.inner."), ["x", "where(", "len(", "name_of("]);
        assert_eq!(yaql(".he"), [".help"]);
        assert_eq!(yaql("ctx().hosts.wh"), ["where("]);
        let jinja = |typed| complete(Language::Jinja, typed);
        assert_eq!(jinja("ctx().host | u"), ["upper", "unique"]);
        assert_eq!(jinja("ctx().hosts."), ["name", "nic"]);
        assert_eq!(jinja("ctx(ho"), ["'hosts'", "'host'"]);
        assert_eq!(jinja("r"), ["range("]);
        // Delimiters decide whatever the prompt is.
        assert_eq!(yaql("a {{ ctx().host | up"), ["upper"]);
        assert_eq!(yaql("{{ ctx().x }} <% co"), ["coalesce("]);
        assert_eq!(jinja("<% ctx().hosts.wh"), ["where("]);
    }
}
