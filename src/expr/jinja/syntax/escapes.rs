//! What backslashes mean inside the texts of a template.

/// The text between quotes with its escapes resolved; unknown escapes stay as they are. The error names the escape
/// that is cut short.
pub(super) fn unescape(raw: &str) -> Result<String, &'static str> {
    if !raw.contains('\\') {
        return Ok(raw.to_owned());
    }
    let mut out = String::with_capacity(raw.len());
    let mut rest = raw;
    while let Some(at) = rest.find('\\') {
        out.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        let Some(escaped) = rest.chars().next() else {
            return Err("\\ at end of string");
        };
        rest = &rest[escaped.len_utf8()..];
        let plain = match escaped {
            '\n' => continue,
            '\\' | '\'' | '"' => escaped,
            'a' => '\x07',
            'b' => '\x08',
            'f' => '\x0c',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'v' => '\x0b',
            '0'..='7' => {
                let more = rest
                    .bytes()
                    .take(2)
                    .take_while(|byte| matches!(byte, b'0'..=b'7'))
                    .count();
                let digits = format!("{escaped}{}", &rest[..more]);
                rest = &rest[more..];
                u32::from_str_radix(&digits, 8)
                    .ok()
                    .and_then(char::from_u32)
                    .unwrap_or('\u{fffd}')
            }
            'x' => code(&mut rest, 2).ok_or("truncated \\xXX escape")?,
            'u' => code(&mut rest, 4).ok_or("truncated \\uXXXX escape")?,
            'U' => code(&mut rest, 8).ok_or("truncated \\UXXXXXXXX escape")?,
            'N' => return Err("unknown Unicode character name"),
            other => {
                out.push('\\');
                other
            }
        };
        out.push(plain);
    }
    out.push_str(rest);
    Ok(out)
}

/// Takes a character written as `digits` hexadecimal digits; the two halves of a surrogate pair become one.
fn code(rest: &mut &str, digits: usize) -> Option<char> {
    let mut unit = || {
        let text = rest.get(..digits)?;
        let number = text
            .bytes()
            .all(|byte| byte.is_ascii_hexdigit())
            .then(|| u32::from_str_radix(text, 16).ok())??;
        *rest = &rest[digits..];
        Some(number)
    };
    let first = unit()?;
    if (0xd800..0xdc00).contains(&first) && rest.starts_with("\\u") {
        let mut after = &rest[2..];
        if let Some(second) = after
            .get(..4)
            .and_then(|text| u32::from_str_radix(text, 16).ok())
            .filter(|second| (0xdc00..0xe000).contains(second))
        {
            after = &after[4..];
            *rest = after;
            return char::from_u32(0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00));
        }
    }
    Some(char::from_u32(first).unwrap_or('\u{fffd}'))
}

#[cfg(test)]
mod tests {
    use super::unescape;

    #[test]
    fn escapes_are_python_s() {
        for (raw, expected) in [
            (r"a\nb\tc\\", Ok("a\nb\tc\\")),
            (r#"\'\""#, Ok("'\"")),
            (r"\x41\u00e9\U0001F600", Ok("Aé😀")),
            (r"\ud83d\ude00", Ok("😀")),
            (r"\101\0\78", Ok("A\0\u{7}8")),
            (r"\d\.\é", Ok(r"\d\.\é")),
            ("a\\\nb", Ok("ab")),
            (r"\x4", Err("truncated \\xXX escape")),
            (r"\u12", Err("truncated \\uXXXX escape")),
        ] {
            assert_eq!(unescape(raw).as_deref().map_err(|why| *why), expected, "{raw}");
        }
    }
}
