//! Which variables of the workflow context an expression reads, by its text as the reference finds them.
//!
//! The reference looks for patterns, not at syntax trees, and workflow inspection shows what it finds: `ctx(x)`,
//! `ctx('x')`, `ctx("x")` and `ctx().x`, each at most once in every run of characters that starts with `ctx(`.

/// The variables that an expression (without delimiters) reads.
pub(crate) fn variables(expression: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(run) = next_reference(expression, at) {
        at = run.end;
        let run = &expression[run];
        found.extend(attribute(run));
        for quote in ["", "'", "\""] {
            found.extend(argument(run, quote));
        }
    }
    found
}

/// The next `ctx(` at the start of a word, with all characters after it that can belong to a reference. There must be
/// a closing parenthesis among them.
fn next_reference(text: &str, mut at: usize) -> Option<std::ops::Range<usize>> {
    while let Some(found) = text[at..].find("ctx(") {
        let start = at + found;
        let open = start + "ctx(".len();
        let rest = &text[open..];
        let end = rest.find(|c| !is_reference(c)).unwrap_or(rest.len());
        if starts_word(text, start) && rest[..end].contains(')') {
            return Some(start..open + end);
        }
        at = open;
    }
    None
}

fn is_reference(c: char) -> bool {
    c.is_ascii_alphanumeric() || "_][.()'\"".contains(c)
}

fn is_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_' || c == '-'
}

fn starts_word(text: &str, at: usize) -> bool {
    !text[..at]
        .chars()
        .next_back()
        .is_some_and(|c| crate::expr::pyregex::Category::Word.contains(c, false))
}

/// The first `x` of `ctx().x` that is not the name of a method call.
fn attribute(run: &str) -> Option<&str> {
    const BEFORE: &str = "ctx().";
    run.match_indices(BEFORE).find_map(|(start, _)| {
        let rest = &run[start + BEFORE.len()..];
        let end = rest.find(|c| !is_name(c)).unwrap_or(rest.len());
        (starts_word(run, start) && end > 0 && !rest[end..].starts_with('(')).then(|| &rest[..end])
    })
}

/// The first `x` of `ctx(x)` with this quote on both sides.
fn argument<'t>(run: &'t str, quote: &str) -> Option<&'t str> {
    let before = format!("ctx({quote}");
    let after = format!("{quote})");
    run.match_indices(&before).find_map(|(start, _)| {
        let rest = &run[start + before.len()..];
        let end = rest.find(|c| !is_name(c)).unwrap_or(rest.len());
        (starts_word(run, start) && end > 0 && rest[end..].starts_with(&after)).then(|| &rest[..end])
    })
}

#[cfg(test)]
mod tests {
    use super::variables;

    #[test]
    fn only_the_known_forms_are_found() {
        for (expression, wanted) in [
            ("ctx().x", &["x"][..]),
            ("ctx(x)", &["x"]),
            ("ctx('x')", &["x"]),
            ("ctx(\"x\")", &["x"]),
            ("ctx().x.y + ctx(z).w", &["x", "z"]),
            ("ctx()['x']", &[]),
            ("ctx().get(x)", &[]),
            ("ctx().get(ctx().y)", &["y"]),
            ("ctx().x()", &[]),
            ("ctx( x )", &[]),
            ("ctx(x-y)", &[]),
            ("ctx().x-y", &["x"]),
            ("ctx('x-y')", &[]),
            ("actx(x) _ctx(y) éctx(z)", &[]),
            ("$ctx(x)", &["x"]),
            ("ctx(x, y)", &[]),
            ("ctx()", &[]),
            ("ctx", &[]),
            ("ctx(a).ctx(b)", &["a"]),
            ("ctx(a) ctx(b)", &["a", "b"]),
            ("ctx().a.ctx('b')", &["a", "b"]),
        ] {
            assert_eq!(variables(expression), wanted, "{expression}");
        }
    }
}
