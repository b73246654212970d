//! Whether what was typed at the prompt goes on in the next line.

use reedline::{ValidationResult, Validator};

/// Lets a line go on while a bracket, a delimiter or a block is open. An empty line ends it all the same, so that the
/// mistake is told.
pub(super) struct Unfinished;

impl Validator for Unfinished {
    fn validate(&self, line: &str) -> ValidationResult {
        let gave_up = line.ends_with('\n') || line.lines().last().is_some_and(|last| last.trim().is_empty());
        if !gave_up && is_open(line) {
            ValidationResult::Incomplete
        } else {
            ValidationResult::Complete
        }
    }
}

/// Blocks of Jinja that need an end.
const BLOCKS: &[&str] = &[
    "for",
    "if",
    "macro",
    "call",
    "filter",
    "with",
    "block",
    "autoescape",
    "raw",
];

fn is_open(text: &str) -> bool {
    if text.starts_with('.') {
        return false;
    }
    let mut brackets = 0_usize;
    let mut quote = None;
    let mut escaped = false;
    for c in text.chars() {
        match (quote, c) {
            _ if escaped => escaped = false,
            (Some(_), '\\') => escaped = true,
            (Some(open), c) if c == open => quote = None,
            (Some(_), _) => {}
            (None, '\'' | '"' | '`') => quote = Some(c),
            (None, '(' | '[' | '{') => brackets += 1,
            (None, ')' | ']' | '}') => match brackets.checked_sub(1) {
                Some(left) => brackets = left,
                None => return false,
            },
            (None, _) => {}
        }
    }
    // An apostrophe in the text around expressions is no quote.
    let around = text.contains("<%") || text.contains("{{") || text.contains("{%");
    if quote.is_some() && around {
        return false;
    }
    let yaql = text.matches("<%").count() > text.matches("%>").count();
    quote.is_some() || brackets > 0 || yaql || open_blocks(text)
}

fn open_blocks(text: &str) -> bool {
    let words = text.split("{%").skip(1).filter_map(|block| {
        let block = block.trim_start_matches(['-', '+']).trim_start();
        block.split(|c: char| !c.is_alphanumeric()).next()
    });
    let mut open = 0_usize;
    for word in words {
        if BLOCKS.contains(&word) {
            open += 1;
        } else if word.starts_with("end") && word != "endset" {
            open = open.saturating_sub(1);
        }
    }
    open > 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_open_goes_on() {
        for (text, expected) in [
            ("ctx().hosts.where(", true),
            ("ctx().hosts.where(\n$.up)", false),
            ("[1, (2", true),
            ("'a", true),
            ("'a(' + b", false),
            ("1 +", false),
            (")", false),
            ("<% ctx()", true),
            ("<% ctx() %>", false),
            ("{{ ctx()", true),
            ("it's <% ctx().x %>", false),
            ("{% for h in x %}", true),
            ("{% for h in x %}{{ h }}{% endfor %}", false),
            ("{% set x = 1 %}{{ x }}", false),
            (".set x = (", false),
            ("ctx(\n", false),
            ("ctx(\n  ", false),
        ] {
            let open = matches!(Unfinished.validate(text), ValidationResult::Incomplete);
            assert_eq!(open, expected, "{text:?}");
        }
    }
}
