//! Backslash escapes inside and outside of sets.

use super::Flags;
use super::ast::{At, Category, Node, Set, SetItem};
use super::error::{SyntaxError, repr};
use super::parse::Parser;
use super::tokens::Token;

type Result<T> = std::result::Result<T, SyntaxError>;

/// What `\c` means in a sequence.
pub(super) fn outside_set(parser: &mut Parser<'_>, c: char, flags: Flags) -> Result<Node> {
    let ascii = flags.ascii;
    match c {
        'A' => return Ok(Node::At(At::BeginningString)),
        'Z' => return Ok(Node::At(At::EndString)),
        'b' => return Ok(Node::At(At::Boundary { negate: false, ascii })),
        'B' => return Ok(Node::At(At::Boundary { negate: true, ascii })),
        '1'..='9' => return number(parser, c, flags),
        '0' => {
            let digits = parser.tokens.take_while(2, |c| c.is_digit(8))?;
            let code = u32::from_str_radix(&format!("0{digits}"), 8).unwrap_or(0);
            return Ok(literal(code, flags));
        }
        _ => {}
    }
    if let Some(item) = category(c, ascii) {
        return Ok(Node::Set(Set {
            negate: false,
            fold: false,
            items: vec![item],
        }));
    }
    code(parser, c).map(|code| literal(code, flags))
}

/// What `\c` means in a set.
pub(super) fn inside_set(parser: &mut Parser<'_>, c: char, flags: Flags) -> Result<SetItem> {
    if let Some(item) = category(c, flags.ascii) {
        return Ok(item);
    }
    match c {
        'b' => Ok(SetItem::Char(8)),
        '0'..='7' => {
            let digits = parser.tokens.take_while(2, |c| c.is_digit(8))?;
            octal(parser, &format!("{c}{digits}")).map(SetItem::Char)
        }
        '8' | '9' => Err(parser.tokens.error(format!("bad escape \\{c}"), 2)),
        _ => code(parser, c).map(SetItem::Char),
    }
}

fn category(c: char, ascii: bool) -> Option<SetItem> {
    let kind = match c {
        'd' | 'D' => Category::Digit,
        's' | 'S' => Category::Space,
        'w' | 'W' => Category::Word,
        _ => return None,
    };
    Some(SetItem::Category {
        kind,
        negate: c.is_ascii_uppercase(),
        ascii,
    })
}

fn literal(code: u32, flags: Flags) -> Node {
    match char::from_u32(code) {
        Some(ch) => Node::Literal {
            ch,
            fold: flags.ignore_case,
        },
        // A lone surrogate occurs in no text.
        None => Node::Set(Set {
            negate: false,
            fold: false,
            items: vec![SetItem::Char(code)],
        }),
    }
}

/// Octal with three digits, else a reference to a group.
fn number(parser: &mut Parser<'_>, c: char, flags: Flags) -> Result<Node> {
    let mut digits = c.to_string();
    if let Some(Token::Char(second)) = parser.tokens.peek()
        && second.is_ascii_digit()
    {
        digits.push(second);
        parser.tokens.get()?;
        if c.is_digit(8)
            && second.is_digit(8)
            && let Some(Token::Char(third)) = parser.tokens.peek()
            && third.is_digit(8)
        {
            digits.push(third);
            parser.tokens.get()?;
            return octal(parser, &digits).map(|code| literal(code, flags));
        }
    }
    let group = digits.parse().unwrap_or(u64::MAX);
    parser.numbered_backref(group, digits.len() + 1, flags)
}

fn octal(parser: &Parser<'_>, digits: &str) -> Result<u32> {
    match u32::from_str_radix(digits, 8) {
        Ok(code) if code <= 0o377 => Ok(code),
        _ => {
            let message = format!("octal escape value \\{digits} outside of range 0-0o377");
            Err(parser.tokens.error(message, digits.len() + 1))
        }
    }
}

/// Escapes that stand for one character everywhere.
fn code(parser: &mut Parser<'_>, c: char) -> Result<u32> {
    match c {
        'a' => Ok(7),
        'f' => Ok(12),
        'n' => Ok(10),
        'r' => Ok(13),
        't' => Ok(9),
        'v' => Ok(11),
        'x' => hex(parser, c, 2),
        'u' => hex(parser, c, 4),
        'U' => hex(parser, c, 8),
        'N' => {
            // The table of character names is not carried; what is unknown is refused, as in Python.
            if !parser.tokens.accept('{')? {
                return Err(parser.tokens.error("missing {", 0));
            }
            let name = parser.tokens.take_until('}', "character name")?;
            let back = name.chars().count() + 4;
            Err(parser
                .tokens
                .error(format!("undefined character name {}", repr(&name)), back))
        }
        c if c.is_ascii_alphanumeric() => Err(parser.tokens.error(format!("bad escape \\{c}"), 2)),
        c => Ok(u32::from(c)),
    }
}

fn hex(parser: &mut Parser<'_>, c: char, length: usize) -> Result<u32> {
    let digits = parser.tokens.take_while(length, |c| c.is_ascii_hexdigit())?;
    if digits.len() != length {
        let message = format!("incomplete escape \\{c}{digits}");
        return Err(parser.tokens.error(message, digits.len() + 2));
    }
    match u32::from_str_radix(&digits, 16) {
        Ok(code) if code <= 0x0010_ffff => Ok(code),
        _ => Err(parser
            .tokens
            .error(format!("bad escape \\{c}{digits}"), digits.len() + 2)),
    }
}
