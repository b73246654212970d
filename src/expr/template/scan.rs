//! Finds the expressions in a text.
//!
//! The reference looks for `<%.*?%>` and `{{.*?}}`, so an expression ends at the first closing sign on its line, even
//! within a quoted text. Here texts and brackets inside an expression are understood: it may contain its own closing
//! sign and span lines. Where both readings are possible the wider one counts only if it is well-formed; everything
//! that the reference finds is found here with the same extent otherwise.

use std::ops::Range;

/// The language of an expression.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Language {
    /// `{{ … }}` and `{% … %}`.
    Jinja,
    /// `<% … %>`.
    Yaql,
}

impl Language {
    /// `jinja` or `yaql`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Jinja => "jinja",
            Self::Yaql => "yaql",
        }
    }

    /// How an expression that is part of a text starts and ends.
    const fn delimiters(self) -> (&'static str, &'static str) {
        match self {
            Self::Jinja => ("{{", "}}"),
            Self::Yaql => ("<%", "%>"),
        }
    }

    /// The characters of the delimiters, which the reference strips from both ends in any number and order.
    const fn stripped(self) -> &'static [char] {
        match self {
            Self::Jinja => &['{', '}'],
            Self::Yaql => &['<', '%', '>'],
        }
    }
}

/// An expression in a text, in bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Found {
    /// With delimiters.
    pub(crate) outer: Range<usize>,
    /// Without delimiters and the blanks around it.
    pub(crate) inner: Range<usize>,
}

/// Which languages a text has expressions of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Languages {
    pub(crate) jinja: bool,
    pub(crate) yaql: bool,
}

impl Languages {
    /// What the reference sees in the text; only where it sees nothing, expressions that span lines count too.
    pub(crate) fn of(text: &str, well_formed: &dyn Fn(Language, &str) -> bool) -> Self {
        if !may_have_expressions(text) {
            return Self::default();
        }
        let seen = Self {
            jinja: on_one_line(text, "{{", "}}") || on_one_line(text, "{%", "%}"),
            yaql: on_one_line(text, "<%", "%>"),
        };
        if seen.jinja || seen.yaql || !text.contains('\n') {
            return seen;
        }
        Self {
            jinja: !expressions(text, Language::Jinja, well_formed).is_empty()
                || (text.contains("{%") && text.contains("%}") && block_spans_lines(text)),
            yaql: !expressions(text, Language::Yaql, well_formed).is_empty(),
        }
    }

    /// The language that a text is evaluated in: the reference asks Jinja first.
    pub(crate) fn first(self) -> Option<Language> {
        match self {
            Self { jinja: true, .. } => Some(Language::Jinja),
            Self { yaql: true, .. } => Some(Language::Yaql),
            _ => None,
        }
    }
}

/// Whether a text has anything that could start an expression. Cheap.
pub(crate) fn may_have_expressions(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes.windows(2).any(|pair| matches!(pair, b"{{" | b"{%" | b"<%"))
}

/// Whether a `{% %}` is closed on a later line.
pub(crate) fn block_spans_lines(text: &str) -> bool {
    text.find("{%")
        .is_some_and(|start| text[start + 2..].contains("%}"))
}

/// Whether `open` is followed by `close` on the same line.
pub(crate) fn on_one_line(text: &str, open: &str, close: &str) -> bool {
    next_on_one_line(text, 0, open, close).is_some()
}

/// The first part from `at` on that starts with `open` and ends with the nearest `close` on the same line.
pub(crate) fn next_on_one_line(text: &str, mut at: usize, open: &str, close: &str) -> Option<Range<usize>> {
    let mut ends = Ends::new(text, close);
    while let Some(found) = text[at..].find(open) {
        let start = at + found;
        if let Some(end) = ends.after(start + open.len()) {
            return Some(start..end);
        }
        at = start + 1;
    }
    None
}

/// Looks for closing signs on the same line, at places that only go forward: all together take one walk through the
/// text, however many openings there are.
struct Ends<'t> {
    text: &'t str,
    close: &'t str,
    next_close: Option<usize>,
    next_line: Option<usize>,
}

impl<'t> Ends<'t> {
    fn new(text: &'t str, close: &'t str) -> Self {
        Self {
            text,
            close,
            next_close: Some(0),
            next_line: Some(0),
        }
    }

    /// The end of the nearest closing sign from `at` on, if it is on the same line.
    fn after(&mut self, at: usize) -> Option<usize> {
        let advance = |known: &mut Option<usize>, wanted: &str| {
            if known.is_some_and(|place| place < at || place == 0) {
                *known = self.text[at..].find(wanted).map(|found| at + found);
            }
        };
        advance(&mut self.next_close, self.close);
        advance(&mut self.next_line, "\n");
        let close = self.next_close?;
        match self.next_line {
            Some(line) if line < close => None,
            _ => Some(close + self.close.len()),
        }
    }
}

/// All expressions of a language in a text, in order. `well_formed` tells whether a text is an expression.
pub(crate) fn expressions(
    text: &str,
    language: Language,
    well_formed: &dyn Fn(Language, &str) -> bool,
) -> Vec<Found> {
    let (open, close) = language.delimiters();
    let mut found = Vec::new();
    let mut at = 0;
    let mut ends = Ends::new(text, close);
    // The search for the matching sign may look at the whole rest of the text in vain, again and again.
    let mut budget = 4 * text.len() + 64 * 1024;
    while let Some(next) = text[at..].find(open) {
        let start = at + next;
        let inside = start + open.len();
        let narrow = ends.after(inside);
        let rest = &text.as_bytes()[inside..];
        let wide = matching_close(&rest[..rest.len().min(budget)], language).map(|end| inside + end);
        budget = budget.saturating_sub(wide.map_or(rest.len(), |end| end - inside));
        let choice = match (narrow, wide) {
            (Some(narrow), Some(wide)) if narrow == wide => Some((narrow, false)),
            (narrow, Some(wide)) => {
                let inner = &text[inside..wide - close.len()];
                let good = well_formed(language, inner.trim());
                match narrow {
                    _ if good => Some((wide, true)),
                    Some(narrow) => Some((narrow, false)),
                    // Over several lines, and wrong: told as such, unless it swallows the start of another one.
                    None => (!inner.contains(open)).then_some((wide, true)),
                }
            }
            (Some(narrow), None) => Some((narrow, false)),
            (None, None) => None,
        };
        let Some((end, exact)) = choice else {
            at = start + 1;
            continue;
        };
        let inner = if exact {
            trimmed(text, inside..end - close.len())
        } else {
            stripped(text, start..end, language)
        };
        found.push(Found {
            outer: start..end,
            inner,
        });
        at = end;
    }
    found
}

/// The end of the closing sign that belongs to an expression whose text starts here: not one in a quoted text, nor,
/// in Jinja, one that closes brackets of the expression.
fn matching_close(bytes: &[u8], language: Language) -> Option<usize> {
    let mut brackets = Vec::new();
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b'\'' | b'"' => at = end_of_text(bytes, at)?,
            b'`' if language == Language::Yaql => at = end_of_text(bytes, at)?,
            b'%' if language == Language::Yaql && bytes.get(at + 1) == Some(&b'>') => return Some(at + 2),
            b'(' | b'[' | b'{' if language == Language::Jinja => brackets.push(byte),
            b'}' if language == Language::Jinja && brackets.is_empty() => {
                return (bytes.get(at + 1) == Some(&b'}')).then_some(at + 2);
            }
            b')' | b']' | b'}' if language == Language::Jinja => {
                let open = brackets.pop()?;
                if !matches!((open, byte), (b'(', b')') | (b'[', b']') | (b'{', b'}')) {
                    return None;
                }
            }
            _ => {}
        }
        at += 1;
    }
    None
}

/// The place of the quote that ends the text which starts at `at`.
fn end_of_text(bytes: &[u8], at: usize) -> Option<usize> {
    let quote = bytes[at];
    let mut at = at + 1;
    loop {
        match bytes.get(at)? {
            b'\\' => at += 2,
            byte if *byte == quote => return Some(at),
            _ => at += 1,
        }
    }
}

fn trimmed(text: &str, range: Range<usize>) -> Range<usize> {
    let part = &text[range.clone()];
    let start = range.start + (part.len() - part.trim_start().len());
    start..start + part.trim().len()
}

/// As the reference strips: characters of the delimiters from both ends, then blanks.
fn stripped(text: &str, range: Range<usize>, language: Language) -> Range<usize> {
    let part = &text[range.clone()];
    let rest = part.trim_start_matches(language.stripped());
    let start = range.start + (part.len() - rest.len());
    let end = start + rest.trim_end_matches(language.stripped()).len();
    trimmed(text, start..end)
}

/// The parts `{% raw %}…{% endraw %}` of a text, written exactly so and on one line each.
pub(crate) fn raw_blocks(text: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(range) = next_on_one_line(text, at, "{% raw %}", "{% endraw %}") {
        at = range.end;
        found.push(range);
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(text: &str, language: Language) -> Vec<(&str, &str)> {
        let well_formed = |language: Language, text: &str| match language {
            Language::Yaql => crate::expr::yaql::parse(text).is_ok(),
            Language::Jinja => text.matches(':').count() == text.matches('{').count(),
        };
        expressions(text, language, &well_formed)
            .into_iter()
            .map(|found| (&text[found.outer], &text[found.inner]))
            .collect()
    }

    #[test]
    fn yaql_expressions_end_where_they_end() {
        let one = |text| parts(text, Language::Yaql);
        assert_eq!(one("<% a %>"), [("<% a %>", "a")]);
        assert_eq!(one("x<%a%>y<% b %>"), [("<%a%>", "a"), ("<% b %>", "b")]);
        assert_eq!(one("<% '%>' %>"), [("<% '%>' %>", "'%>'")]);
        assert_eq!(
            one("<% `%>` + \"<%\" %>!"),
            [("<% `%>` + \"<%\" %>", "`%>` + \"<%\"")]
        );
        assert_eq!(one("<% a\n + b %>"), [("<% a\n + b %>", "a\n + b")]);
        assert_eq!(
            one("<% it's %> and <% b %>"),
            [("<% it's %>", "it's"), ("<% b %>", "b")]
        );
        assert_eq!(
            one("<% it's %> isn't <% b %>"),
            [("<% it's %>", "it's"), ("<% b %>", "b")]
        );
        assert_eq!(one("<% open\n <% b %>"), [("<% b %>", "b")]);
        assert_eq!(one("<% a +\n %>"), [("<% a +\n %>", "a +")]);
        assert_eq!(one("<%> a > %>"), [("<%> a > %>", "a >")]);
        assert_eq!(one("<% a >%>"), [("<% a >%>", "a")]);
        assert_eq!(one("<%%>"), [("<%%>", "")]);
        assert_eq!(one("<%> %"), []);
    }

    #[test]
    fn jinja_expressions_keep_their_braces() {
        let one = |text| parts(text, Language::Jinja);
        assert_eq!(one("{{ a }}{{b}}"), [("{{ a }}", "a"), ("{{b}}", "b")]);
        assert_eq!(
            one("{{ {'a':{'b':1}} }}."),
            [("{{ {'a':{'b':1}} }}", "{'a':{'b':1}}")]
        );
        assert_eq!(one("{{ {'a':1}}}"), [("{{ {'a':1}}}", "{'a':1}")]);
        assert_eq!(one("{{{ x }}}"), [("{{{ x }}", "x")]);
        assert_eq!(one("{{ '}}' }}"), [("{{ '}}' }}", "'}}'")]);
        assert_eq!(one("{{ a\n}}"), [("{{ a\n}}", "a")]);
        assert_eq!(one("{{ a(] }}"), [("{{ a(] }}", "a(]")]);
        assert_eq!(one("{{ a"), []);
    }

    #[test]
    fn the_reference_decides_the_language_and_lines_only_help_where_it_sees_nothing() {
        let good = |_: Language, _: &str| true;
        let of = |text| Languages::of(text, &good);
        assert_eq!(of("plain {# x #} 100%"), Languages::default());
        assert_eq!(of("{{ a }} <% b %>").first(), Some(Language::Jinja));
        assert_eq!(of("<% b %> {{ a\n }}").first(), Some(Language::Yaql));
        assert_eq!(of("{{ a\n }}").first(), Some(Language::Jinja));
        assert_eq!(of("{%\n if a %}").first(), Some(Language::Jinja));
        assert_eq!(of("<% a\n %>").first(), Some(Language::Yaql));
        assert_eq!(of("<% a\n").first(), None);
    }

    #[test]
    fn many_openings_are_scanned_in_bounded_time() {
        let text = "<% ' ".repeat(100_000);
        assert!(parts(&text, Language::Yaql).is_empty());
    }
}
