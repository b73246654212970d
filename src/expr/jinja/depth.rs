//! How deep the expressions of a template are, before they are parsed: parsing, compiling and dropping them takes
//! stack for every level, and a program that runs out of stack ends at once.

/// Operators, brackets and `elif`s that may follow each other in one expression or chain. An argument or list
/// element does not count for the next one. No sensible template comes near.
const DEEPEST: usize = 200;

/// Words that are operators.
const OPERATORS: [&str; 7] = ["not", "and", "or", "in", "is", "if", "else"];

/// Whether some expression, or chain of `elif`s, is deeper than can be handled safely.
pub(super) fn is_too_deep(template: &str) -> bool {
    let mut rest = template;
    let mut branches = Branches::default();
    while let Some(start) = rest.find('{') {
        rest = &rest[start..];
        let Some(kind) = rest.as_bytes().get(1) else { break };
        rest = match kind {
            b'#' => rest.find("#}").map_or("", |end| &rest[end + 2..]),
            b'{' | b'%' => {
                let code = rest[2..].trim_start_matches(['-', '+']);
                if *kind == b'%' && !branches.take(code) {
                    return true;
                }
                let Some(after) = expression(code, if *kind == b'{' { "}}" } else { "%}" }) else {
                    return true;
                };
                after
            }
            _ => &rest[1..],
        };
    }
    false
}

/// Reads one block up to `end` and gives what follows; `None` when it is too deep.
fn expression<'a>(code: &'a str, end: &str) -> Option<&'a str> {
    let mut depth = 0;
    let mut outer = Vec::new();
    let mut at = 0;
    let bytes = code.as_bytes();
    while let Some(&byte) = bytes.get(at) {
        // A dictionary may end with the same braces.
        if outer.is_empty() && code[at..].starts_with(end) {
            return Some(&code[at + end.len()..]);
        }
        let mut next = at + 1;
        match byte {
            b'\'' | b'"' => next = string_end(bytes, at),
            b'(' | b'[' | b'{' => {
                depth += 1;
                outer.push(depth);
            }
            b')' | b']' | b'}' => depth = outer.pop().unwrap_or(depth),
            b',' => depth = outer.last().copied().unwrap_or(0),
            _ if is_word(byte) => {
                while bytes.get(next).copied().is_some_and(is_word) {
                    next += 1;
                }
                depth += usize::from(OPERATORS.contains(&&code[at..next]));
            }
            _ => depth += usize::from(byte.is_ascii_punctuation() && byte != b':'),
        }
        if depth > DEEPEST {
            return None;
        }
        at = next;
    }
    Some("")
}

/// Where the text that begins at `at` is over.
fn string_end(bytes: &[u8], at: usize) -> usize {
    let mut next = at + 1;
    while let Some(&byte) = bytes.get(next) {
        next += if byte == b'\\' { 2 } else { 1 };
        if byte == bytes[at] {
            break;
        }
    }
    next.min(bytes.len())
}

const fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || !byte.is_ascii()
}

/// The `elif`s of the `if`s that are open: each is inside the one before.
#[derive(Default)]
struct Branches {
    open: Vec<usize>,
    all: usize,
}

impl Branches {
    /// Takes in the beginning of a tag; false when it leads too deep.
    fn take(&mut self, code: &str) -> bool {
        let code = code.trim_start();
        let word = code
            .find(|char: char| !char.is_ascii_lowercase())
            .map_or(code, |end| &code[..end]);
        match word {
            "if" => self.open.push(0),
            "elif" => {
                self.all += 1;
                if let Some(last) = self.open.last_mut() {
                    *last += 1;
                }
            }
            "endif" => self.all -= self.open.pop().unwrap_or(0),
            _ => {}
        }
        self.all <= DEEPEST
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chains_and_nests_are_deep() {
        for (before, repeated, after) in [
            ("{{ ", "not ", "1 }}"),
            ("{{ ", "-", "1 }}"),
            ("{{ ", "1 + ", "1 }}"),
            ("{{ ", "1 ~ ", "1 }}"),
            ("{{ 'x'", "|upper", " }}"),
            ("{{ x", ".a", " }}"),
            ("{{ x", "[0]", " }}"),
            ("{{ x", "()", " }}"),
            ("{{ ", "[", ""),
            ("{{ ", "{'a': ", ""),
            ("{{ ", "f(1, ", ""),
            ("{% if 1 %}", "{% elif 2 %}{% if 3 %}{% endif %}", "{% endif %}"),
            ("{% set x = ", "1 if 1 else ", "1 %}"),
            ("{{ '}}' + ", "1 + ", "1 }}"),
            ("{{ {'a': {}} + ", "1 + ", "1 }}"),
        ] {
            let template = |times: usize| format!("text {before}{}{after}", repeated.repeat(times));
            assert!(is_too_deep(&template(DEEPEST + 1)), "{repeated}");
            assert!(!is_too_deep(&template(DEEPEST / 4)), "{repeated}");
        }
    }

    #[test]
    fn length_is_not_depth() {
        let many = "a.b|default('+' * 2), ".repeat(5000);
        for template in [
            format!("{{{{ [{many}1] }}}}"),
            format!("{{{{ f({many}1) }}}}"),
            "{{ a.b }} + ".repeat(5000),
            "{% if a %}{% elif b %}{% endif %}".repeat(5000),
            format!("{{# {} #}}", "not ".repeat(5000)),
            format!("{{{{ '{}' }}}}", "+ \\' (".repeat(5000)),
            "+-(".repeat(5000),
            "{{".to_owned(),
            "{{ 'open".to_owned(),
            "{{ '\\".to_owned(),
            "{% ü %}".to_owned(),
        ] {
            assert!(!is_too_deep(&template), "{template:.60}");
        }
    }
}
