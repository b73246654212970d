//! Shell patterns as people write them in settings: `core.*`, `web?`, `*-prod`.

/// Whether `text` as a whole matches `pattern`.
///
/// In a pattern `*` stands for any characters (also none), `?` for one and `[ab]`, `[a-z]`, `[!a]` for one of a set. A `[` without its `]` stands for itself. Case matters.
///
/// Takes time proportional to the product of both lengths at worst.
#[must_use]
pub fn matches(pattern: &str, text: &str) -> bool {
    let pattern: Vec<char> = pattern.chars().collect();
    let text: Vec<char> = text.chars().collect();
    let (mut at, mut from) = (0, 0);
    // Where to go on when what follows the last `*` did not fit: that star takes one character more.
    let mut retry: Option<(usize, usize)> = None;
    while from < text.len() {
        if pattern.get(at) == Some(&'*') {
            retry = Some((at + 1, from));
            at += 1;
        } else if let Some(next) = one(&pattern, at, text[from]) {
            at = next;
            from += 1;
        } else if let Some((star, taken)) = retry {
            at = star;
            from = taken + 1;
            retry = Some((star, taken + 1));
        } else {
            return false;
        }
    }
    pattern[at..].iter().all(|&c| c == '*')
}

/// Whether any of the patterns matches.
#[must_use]
pub fn any<P: AsRef<str>>(patterns: &[P], text: &str) -> bool {
    patterns.iter().any(|pattern| matches(pattern.as_ref(), text))
}

/// Matches one character against the pattern's element at `at`; gives the place after that element.
fn one(pattern: &[char], at: usize, c: char) -> Option<usize> {
    match *pattern.get(at)? {
        '?' => Some(at + 1),
        '[' => {
            let negated = matches!(pattern.get(at + 1), Some('!' | '^'));
            let first = at + 1 + usize::from(negated);
            // A `]` right at the beginning belongs to the set.
            let Some(end) = (first + 1..pattern.len()).find(|&i| pattern[i] == ']') else {
                return (c == '[').then_some(at + 1);
            };
            let set = &pattern[first..end];
            let mut inside = false;
            let mut i = 0;
            while i < set.len() {
                if i + 2 < set.len() && set[i + 1] == '-' {
                    inside |= (set[i]..=set[i + 2]).contains(&c);
                    i += 3;
                } else {
                    inside |= set[i] == c;
                    i += 1;
                }
            }
            (inside != negated).then_some(end + 1)
        }
        literal => (literal == c).then_some(at + 1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_as_in_a_shell() {
        for (pattern, text, expected) in [
            ("core.*", "core.local", true),
            ("core.*", "core", false),
            ("*", "", true),
            ("", "", true),
            ("", "a", false),
            ("*.local", "core.local", true),
            ("a*b*c", "a1b2b3c", true),
            ("a*b*c", "a1b2b3", false),
            ("web?", "web1", true),
            ("web?", "web", false),
            ("web[0-9]", "web7", true),
            ("web[!0-9]", "web7", false),
            ("x[]a]", "x]", true),
            ("x[a", "x[a", true),
            ("é*", "éa", true),
            ("Core.*", "core.local", false),
            ("st2.announcement__*", "st2.announcement__chatops", true),
        ] {
            assert_eq!(matches(pattern, text), expected, "{pattern} on {text}");
        }
        // A pattern that makes naive matchers take for ever.
        assert!(!matches(&("a*".repeat(60) + "b"), &"a".repeat(3000)));
    }
}
