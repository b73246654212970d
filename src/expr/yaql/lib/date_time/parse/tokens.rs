//! Cutting a text into words, numbers and separators.

use crate::expr::pyregex::is_space;

/// What the present token is made of so far.
#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Word,
    Number,
    /// A word with a dot after some letter.
    DottedWord,
    /// A number with a dot or comma.
    DottedNumber,
}

/// The tokens of a text: runs of letters, runs of digits (with a decimal point), single other characters. Any blank
/// is `" "`.
pub(super) fn split(text: &str) -> Vec<String> {
    let chars: Vec<char> = text.chars().filter(|c| *c != '\0').collect();
    let (mut tokens, mut at) = (Vec::new(), 0);
    while at < chars.len() {
        at = token(&chars, at, &mut tokens);
    }
    tokens
}

/// Reads what begins at `start`; the answer is where the next token begins.
fn token(chars: &[char], start: usize, tokens: &mut Vec<String>) -> usize {
    let first = chars[start];
    let mut state = if first.is_alphabetic() {
        State::Word
    } else if is_digit(first) {
        State::Number
    } else {
        tokens.push(if is_space(first) { ' ' } else { first }.to_string());
        return start + 1;
    };
    let mut end = start + 1;
    let mut letters = false;
    while let Some(&c) = chars.get(end) {
        let after_dot = chars[end - 1] == '.';
        letters |= matches!(state, State::Word | State::DottedWord);
        state = match state {
            State::Word if c.is_alphabetic() => State::Word,
            State::Word if c == '.' => State::DottedWord,
            State::Number if is_digit(c) => State::Number,
            State::Number if c == '.' || (c == ',' && end - start >= 2) => State::DottedNumber,
            State::DottedWord if c == '.' || c.is_alphabetic() => State::DottedWord,
            State::DottedWord if is_digit(c) && after_dot => State::DottedNumber,
            State::DottedNumber if c == '.' || is_digit(c) => State::DottedNumber,
            State::DottedNumber if c.is_alphabetic() && after_dot => State::DottedWord,
            _ => break,
        };
        end += 1;
    }
    let token = &chars[start..end];
    let dots = token.iter().filter(|c| **c == '.').count();
    let dotted = matches!(state, State::DottedWord | State::DottedNumber);
    let last = token[token.len() - 1];
    if dotted && (letters || dots > 1 || matches!(last, '.' | ',')) {
        // The dots separate parts.
        for part in token.split_inclusive(|c| matches!(c, '.' | ',')) {
            let (name, separator) = match part.split_last() {
                Some((separator @ ('.' | ','), name)) => (name, Some(*separator)),
                _ => (part, None),
            };
            if !name.is_empty() {
                tokens.push(name.iter().collect());
            }
            tokens.extend(separator.map(String::from));
        }
        return end;
    }
    let text: String = token.iter().collect();
    tokens.push(if state == State::DottedNumber && dots == 0 {
        text.replace(',', ".")
    } else {
        text
    });
    end
}

/// Decimal digits; the reference also takes other digits here, and then fails on them.
fn is_digit(c: char) -> bool {
    crate::expr::pyregex::digit_value(c).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dots_are_decimal_points_or_separators() {
        let rows = [
            ("2020-01-02T03:04:05.5Z", "2020|-|01|-|02|T|03|:|04|:|05.5|Z"),
            ("Sep.20.2009", "Sep|.|20|.|2009"),
            ("12:30:21,447", "12|:|30|:|21.447"),
            ("5,3", "5|,|3"),
            ("10 a.m.", "10| |a|.|m|."),
            ("1.", "1|."),
            ("20200102T0304\t+01", "20200102|T|0304| |+|01"),
            ("", ""),
        ];
        for (text, tokens) in rows {
            assert_eq!(split(text).join("|"), tokens, "{text}");
        }
    }
}
