//! The conditions of `when`: a small language that compares the typed parameters of a request.
//!
//! `env == "prod" and count <= 3`, `not region in ["eu", "us"]`. A missing name is null. What cannot be compared (a
//! text with a number) is neither true nor false: a grant does not hold then, and a denial does.

use std::cmp::Ordering;
use std::iter::Peekable;
use std::str::CharIndices;

use serde_json::{Number, Value};

use crate::model::JsonMap;

/// Characters of a condition.
const LONGEST: usize = 4000;
/// How deep parentheses, lists and `not` may nest.
const DEEPEST: usize = 40;

/// A condition that was read.
#[derive(Clone, Debug, PartialEq)]
pub struct When {
    text: String,
    expr: Expr,
}

/// How a condition turned out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Truth {
    /// It holds.
    Yes,
    /// It does not.
    No,
    /// Something in it could not be compared.
    Unknown,
}

/// Why a text is no condition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WhenError {
    /// Where, in characters from 0.
    pub at: usize,
    /// What is wrong.
    pub message: String,
    /// What to write.
    pub hint: String,
}

#[derive(Clone, Debug, PartialEq)]
enum Expr {
    Or(Vec<Expr>),
    And(Vec<Expr>),
    Not(Box<Expr>),
    Compare(Op, Operand, Operand),
    Is(Operand),
}

#[derive(Clone, Debug, PartialEq)]
enum Operand {
    Value(Value),
    Name(Vec<String>),
    List(Vec<Operand>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Op {
    Equal,
    Differs,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    In,
    NotIn,
}

impl Truth {
    const fn of(value: bool) -> Self {
        if value { Self::Yes } else { Self::No }
    }

    fn maybe(value: Option<bool>) -> Self {
        value.map_or(Self::Unknown, Self::of)
    }

    const fn not(self) -> Self {
        match self {
            Self::Yes => Self::No,
            Self::No => Self::Yes,
            Self::Unknown => Self::Unknown,
        }
    }
}

impl When {
    /// Reads a condition.
    ///
    /// # Errors
    /// The first mistake, with its place.
    pub fn parse(text: &str) -> Result<Self, WhenError> {
        if text.chars().count() > LONGEST {
            return Err(WhenError {
                at: 0,
                message: format!("the condition has more than {LONGEST} characters"),
                hint: "split it into several grants".to_owned(),
            });
        }
        let tokens = tokens(text)?;
        let mut parser = Parser {
            end: text.chars().count(),
            tokens,
            next: 0,
            depth: 0,
        };
        let expr = parser.or()?;
        if let Some(token) = parser.peek() {
            let at = token.at;
            return Err(match token.kind {
                Token::Op(_) => WhenError {
                    at,
                    message: "only two values can be compared at once".to_owned(),
                    hint: "write `1 <= count and count <= 3`".to_owned(),
                },
                _ => WhenError {
                    at,
                    message: "this is not expected here".to_owned(),
                    hint: "put `and` or `or` between conditions".to_owned(),
                },
            });
        }
        Ok(Self {
            text: text.trim().to_owned(),
            expr,
        })
    }

    /// The condition as it was written.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// How the condition turns out for these parameters.
    #[must_use]
    pub fn test(&self, parameters: &JsonMap) -> Truth {
        self.expr.test(parameters)
    }

    /// The first names of everything that it looks at.
    #[must_use]
    pub fn names(&self) -> Vec<&str> {
        fn expr<'a>(of: &'a Expr, found: &mut Vec<&'a str>) {
            match of {
                Expr::Or(parts) | Expr::And(parts) => parts.iter().for_each(|part| expr(part, found)),
                Expr::Not(inner) => expr(inner, found),
                Expr::Compare(_, left, right) => {
                    operand_names(left, found);
                    operand_names(right, found);
                }
                Expr::Is(value) => operand_names(value, found),
            }
        }
        let mut found = Vec::new();
        expr(&self.expr, &mut found);
        found
    }
}

fn operand_names<'a>(operand: &'a Operand, found: &mut Vec<&'a str>) {
    match operand {
        Operand::Value(_) => {}
        Operand::Name(path) => found.extend(path.first().map(String::as_str)),
        Operand::List(items) => items.iter().for_each(|item| operand_names(item, found)),
    }
}

impl Expr {
    fn test(&self, parameters: &JsonMap) -> Truth {
        match self {
            Self::Or(parts) => {
                let mut all = Truth::No;
                for part in parts {
                    match part.test(parameters) {
                        Truth::Yes => return Truth::Yes,
                        Truth::Unknown => all = Truth::Unknown,
                        Truth::No => {}
                    }
                }
                all
            }
            Self::And(parts) => {
                let mut all = Truth::Yes;
                for part in parts {
                    match part.test(parameters) {
                        Truth::No => return Truth::No,
                        Truth::Unknown => all = Truth::Unknown,
                        Truth::Yes => {}
                    }
                }
                all
            }
            Self::Not(inner) => inner.test(parameters).not(),
            Self::Is(operand) => match operand.value(parameters) {
                Value::Bool(value) => Truth::of(value),
                Value::Null => Truth::No,
                _ => Truth::Unknown,
            },
            Self::Compare(op, left, right) => op.test(&left.value(parameters), &right.value(parameters)),
        }
    }
}

impl Operand {
    fn value(&self, parameters: &JsonMap) -> Value {
        match self {
            Self::Value(value) => value.clone(),
            Self::List(items) => Value::Array(items.iter().map(|item| item.value(parameters)).collect()),
            Self::Name(path) => {
                let mut steps = path.iter();
                let mut found = steps.next().and_then(|name| parameters.get(name));
                for step in steps {
                    found = found.and_then(|value| match value {
                        Value::Object(map) => map.get(step),
                        Value::Array(items) => step.parse::<usize>().ok().and_then(|index| items.get(index)),
                        _ => None,
                    });
                }
                found.cloned().unwrap_or_default()
            }
        }
    }
}

impl Op {
    fn test(self, left: &Value, right: &Value) -> Truth {
        let ordered = |wanted: fn(Ordering) -> bool| Truth::maybe(order(left, right).map(wanted));
        match self {
            Self::Equal => Truth::maybe(equal(left, right)),
            Self::Differs => Truth::maybe(equal(left, right)).not(),
            Self::Less => ordered(Ordering::is_lt),
            Self::LessOrEqual => ordered(Ordering::is_le),
            Self::Greater => ordered(Ordering::is_gt),
            Self::GreaterOrEqual => ordered(Ordering::is_ge),
            Self::In => is_in(left, right),
            Self::NotIn => is_in(left, right).not(),
        }
    }
}

/// Whether two values are the same; `None` when they are of kinds that cannot be. Null is like nothing but itself.
fn equal(left: &Value, right: &Value) -> Option<bool> {
    match (left, right) {
        (Value::Null, other) | (other, Value::Null) => Some(other.is_null()),
        (Value::Number(one), Value::Number(other)) => Some(numbers(one, other) == Some(Ordering::Equal)),
        (Value::String(one), Value::String(other)) => Some(one == other),
        (Value::Bool(one), Value::Bool(other)) => Some(one == other),
        (Value::Array(one), Value::Array(other)) => {
            if one.len() != other.len() {
                return Some(false);
            }
            let mut all = Some(true);
            for (one, other) in one.iter().zip(other) {
                match equal(one, other) {
                    Some(true) => {}
                    Some(false) => return Some(false),
                    None => all = None,
                }
            }
            all
        }
        (Value::Object(one), Value::Object(other)) => Some(one == other),
        _ => None,
    }
}

fn order(left: &Value, right: &Value) -> Option<Ordering> {
    match (left, right) {
        (Value::Number(one), Value::Number(other)) => numbers(one, other),
        (Value::String(one), Value::String(other)) => Some(one.cmp(other)),
        _ => None,
    }
}

fn numbers(one: &Number, other: &Number) -> Option<Ordering> {
    let whole = |number: &Number| {
        number
            .as_i64()
            .map(i128::from)
            .or_else(|| number.as_u64().map(i128::from))
    };
    match (whole(one), whole(other)) {
        (Some(one), Some(other)) => Some(one.cmp(&other)),
        _ => one.as_f64()?.partial_cmp(&other.as_f64()?),
    }
}

fn is_in(value: &Value, list: &Value) -> Truth {
    let Value::Array(items) = list else {
        return if list.is_null() { Truth::No } else { Truth::Unknown };
    };
    let mut all = Truth::No;
    for item in items {
        match equal(value, item) {
            Some(true) => return Truth::Yes,
            Some(false) => {}
            None => all = Truth::Unknown,
        }
    }
    all
}

#[derive(Clone, Debug, PartialEq)]
enum Token {
    Word(Vec<String>),
    Value(Value),
    Op(Op),
    Open,
    Close,
    OpenList,
    CloseList,
    Comma,
}

#[derive(Clone, Debug, PartialEq)]
struct Placed {
    at: usize,
    kind: Token,
}

fn error<T>(at: usize, message: impl Into<String>, hint: impl Into<String>) -> Result<T, WhenError> {
    Err(WhenError {
        at,
        message: message.into(),
        hint: hint.into(),
    })
}

fn tokens(text: &str) -> Result<Vec<Placed>, WhenError> {
    let mut found = Vec::new();
    let mut chars = Scanner {
        chars: text.char_indices().peekable(),
        at: 0,
    };
    while let Some(c) = chars.peek() {
        let at = chars.at;
        if c.is_whitespace() {
            chars.next();
            continue;
        }
        let kind = match c {
            '(' | ')' | '[' | ']' | ',' => {
                chars.next();
                match c {
                    '(' => Token::Open,
                    ')' => Token::Close,
                    '[' => Token::OpenList,
                    ']' => Token::CloseList,
                    _ => Token::Comma,
                }
            }
            '=' | '!' | '<' | '>' => operator(&mut chars, at, c)?,
            '"' | '\'' => Token::Value(Value::String(quoted(&mut chars, at)?)),
            '0'..='9' | '-' => number(&mut chars, at)?,
            c if c == '_' || c.is_alphabetic() => word(&mut chars),
            '&' | '|' => {
                let word = if c == '&' { "and" } else { "or" };
                return error(at, format!("`{c}` is not known"), format!("write `{word}`"));
            }
            _ => {
                return error(
                    at,
                    "this character is not known here",
                    "a condition looks like `env == \"prod\" and count <= 3`",
                );
            }
        };
        found.push(Placed { at, kind });
    }
    Ok(found)
}

/// The characters with a count.
struct Scanner<'a> {
    chars: Peekable<CharIndices<'a>>,
    at: usize,
}

impl Scanner<'_> {
    fn peek(&mut self) -> Option<char> {
        self.chars.peek().map(|(_, c)| *c)
    }

    fn next(&mut self) -> Option<char> {
        let (_, c) = self.chars.next()?;
        self.at += 1;
        Some(c)
    }
}

fn operator(chars: &mut Scanner<'_>, at: usize, first: char) -> Result<Token, WhenError> {
    chars.next();
    let equals = chars.peek() == Some('=');
    if equals {
        chars.next();
    }
    Ok(Token::Op(match (first, equals) {
        ('=', true) => Op::Equal,
        ('!', true) => Op::Differs,
        ('<', true) => Op::LessOrEqual,
        ('<', false) => Op::Less,
        ('>', true) => Op::GreaterOrEqual,
        ('>', false) => Op::Greater,
        ('=', false) => return error(at, "`=` compares nothing", "write `==`"),
        _ => return error(at, "`!` is not known", "write `not …` or `!=`"),
    }))
}

fn quoted(chars: &mut Scanner<'_>, at: usize) -> Result<String, WhenError> {
    let quote = chars.next();
    let mut text = String::new();
    while let Some(c) = chars.next() {
        if Some(c) == quote {
            return Ok(text);
        }
        if c == '\\' {
            match chars.next() {
                Some('n') => text.push('\n'),
                Some('t') => text.push('\t'),
                Some(other) => text.push(other),
                None => break,
            }
        } else {
            text.push(c);
        }
    }
    error(at, "the quote is not closed", "end the text with the same quote")
}

fn number(chars: &mut Scanner<'_>, at: usize) -> Result<Token, WhenError> {
    let mut text = String::new();
    while let Some(c) = chars.peek() {
        let after_exponent = text.ends_with(['e', 'E']);
        let signed = matches!(c, '-' | '+') && (text.is_empty() || after_exponent);
        if !(c.is_ascii_alphanumeric() || c == '.' || c == '_' || signed) {
            break;
        }
        text.push(c);
        chars.next();
    }
    let value = text
        .parse::<i64>()
        .map(Number::from)
        .ok()
        .or_else(|| text.parse::<u64>().map(Number::from).ok())
        .or_else(|| text.parse::<f64>().ok().and_then(Number::from_f64));
    match value {
        Some(value) => Ok(Token::Value(Value::Number(value))),
        None => error(at, "this is no number", "put texts in quotes"),
    }
}

fn word(chars: &mut Scanner<'_>) -> Token {
    let mut path = vec![String::new()];
    while let Some(c) = chars.peek() {
        if c == '_' || c.is_alphanumeric() {
            if let Some(last) = path.last_mut() {
                last.push(c);
            }
        } else if c == '.' && path.last().is_some_and(|last| !last.is_empty()) {
            path.push(String::new());
        } else {
            break;
        }
        chars.next();
    }
    if let [single] = path.as_slice() {
        match single.as_str() {
            "true" => return Token::Value(Value::Bool(true)),
            "false" => return Token::Value(Value::Bool(false)),
            "null" | "none" => return Token::Value(Value::Null),
            "in" => return Token::Op(Op::In),
            _ => {}
        }
    }
    Token::Word(path)
}

struct Parser {
    tokens: Vec<Placed>,
    next: usize,
    end: usize,
    depth: usize,
}

impl Parser {
    fn peek(&self) -> Option<&Placed> {
        self.tokens.get(self.next)
    }

    fn place(&self) -> usize {
        self.peek().map_or(self.end, |token| token.at)
    }

    fn take(&mut self) -> Option<Token> {
        let token = self.tokens.get(self.next)?.kind.clone();
        self.next += 1;
        Some(token)
    }

    fn is_word(&self, word: &str) -> bool {
        matches!(self.peek().map(|token| &token.kind), Some(Token::Word(path)) if path.len() == 1 && path[0] == word)
    }

    fn skip_word(&mut self, word: &str) -> bool {
        let there = self.is_word(word);
        self.next += usize::from(there);
        there
    }

    fn skip(&mut self, kind: &Token) -> bool {
        let there = self.peek().is_some_and(|token| token.kind == *kind);
        self.next += usize::from(there);
        there
    }

    fn deeper(&mut self) -> Result<(), WhenError> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return error(
                self.place(),
                format!("this nests deeper than {DEEPEST}"),
                "write it simpler",
            );
        }
        Ok(())
    }

    fn or(&mut self) -> Result<Expr, WhenError> {
        let mut parts = vec![self.and()?];
        while self.skip_word("or") {
            parts.push(self.and()?);
        }
        Ok(single(parts, Expr::Or))
    }

    fn and(&mut self) -> Result<Expr, WhenError> {
        let mut parts = vec![self.not()?];
        while self.skip_word("and") {
            parts.push(self.not()?);
        }
        Ok(single(parts, Expr::And))
    }

    fn not(&mut self) -> Result<Expr, WhenError> {
        if self.skip_word("not") {
            self.deeper()?;
            let inner = self.not()?;
            self.depth -= 1;
            return Ok(Expr::Not(Box::new(inner)));
        }
        if self.skip(&Token::Open) {
            self.deeper()?;
            let inner = self.or()?;
            self.depth -= 1;
            let at = self.place();
            if !self.skip(&Token::Close) {
                return error(at, "a `)` is missing here", "close the parenthesis");
            }
            return Ok(inner);
        }
        self.comparison()
    }

    fn comparison(&mut self) -> Result<Expr, WhenError> {
        let left = self.operand()?;
        let negated = self.is_word("not")
            && matches!(
                self.tokens.get(self.next + 1).map(|token| &token.kind),
                Some(Token::Op(Op::In))
            );
        if negated {
            self.next += 2;
            return Ok(Expr::Compare(Op::NotIn, left, self.operand()?));
        }
        let Some(Token::Op(op)) = self.peek().map(|token| token.kind.clone()) else {
            return Ok(Expr::Is(left));
        };
        self.next += 1;
        Ok(Expr::Compare(op, left, self.operand()?))
    }

    fn operand(&mut self) -> Result<Operand, WhenError> {
        let at = self.place();
        match self.take() {
            Some(Token::Value(value)) => Ok(Operand::Value(value)),
            Some(Token::Word(path)) if path.iter().all(|part| !part.is_empty()) && !is_reserved(&path) => {
                Ok(Operand::Name(path))
            }
            Some(Token::OpenList) => {
                self.deeper()?;
                let mut items = Vec::new();
                loop {
                    if self.skip(&Token::CloseList) {
                        break;
                    }
                    items.push(self.operand()?);
                    let at = self.place();
                    if self.skip(&Token::CloseList) {
                        break;
                    }
                    if !self.skip(&Token::Comma) {
                        return error(
                            at,
                            "a `]` or `,` is missing here",
                            "a list looks like [\"a\", \"b\"]",
                        );
                    }
                }
                self.depth -= 1;
                Ok(Operand::List(items))
            }
            Some(Token::Open) => error(
                at,
                "conditions cannot be compared, only values",
                "leave out the parentheses",
            ),
            _ => error(
                at,
                "a value is missing here",
                "write a parameter's name, a number, or a text in quotes",
            ),
        }
    }
}

fn is_reserved(path: &[String]) -> bool {
    matches!(path, [word] if ["and", "or", "not"].contains(&word.as_str()))
}

fn single(mut parts: Vec<Expr>, several: fn(Vec<Expr>) -> Expr) -> Expr {
    match parts.pop() {
        Some(only) if parts.is_empty() => only,
        Some(last) => {
            parts.push(last);
            several(parts)
        }
        None => several(parts),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[allow(clippy::needless_pass_by_value)] // so that tests can write json!(…) in place
    fn test(text: &str, parameters: Value) -> Truth {
        let when = When::parse(text).unwrap_or_else(|error| panic!("{text}: {error:?}"));
        when.test(parameters.as_object().unwrap())
    }

    #[rstest::rstest]
    #[case(r#"env == "prod""#, json!({"env": "prod"}), Truth::Yes)]
    #[case(r#"env == "prod""#, json!({"env": "dev"}), Truth::No)]
    #[case(r#"env == "prod""#, json!({}), Truth::No)]
    #[case(r#"env != "prod""#, json!({}), Truth::Yes)]
    #[case(r#"env == "prod""#, json!({"env": 1}), Truth::Unknown)]
    #[case(r#"not env == "prod""#, json!({"env": 1}), Truth::Unknown)]
    #[case(r#"env == 'prod' and count <= 3"#, json!({"env": "prod", "count": 3}), Truth::Yes)]
    #[case(r#"env == "prod" and count <= 3"#, json!({"env": "prod", "count": 4}), Truth::No)]
    #[case(r#"env == "prod" and count <= 3"#, json!({"env": "dev", "count": "x"}), Truth::No)]
    #[case("count <= 3", json!({}), Truth::Unknown)]
    #[case("count < 3.5", json!({"count": 3}), Truth::Yes)]
    #[case("count == 3.0", json!({"count": 3}), Truth::Yes)]
    #[case("count >= -1", json!({"count": -1}), Truth::Yes)]
    #[case(r#"region in ["eu", "us"]"#, json!({"region": "us"}), Truth::Yes)]
    #[case(r#"region not in ["eu", "us"]"#, json!({"region": "us"}), Truth::No)]
    #[case(r#"not region in ["eu"]"#, json!({"region": "us"}), Truth::Yes)]
    #[case(r#""db1" in hosts"#, json!({"hosts": ["web1", "db1"]}), Truth::Yes)]
    #[case(r#""db1" in hosts"#, json!({}), Truth::No)]
    #[case(r#""db1" in hosts"#, json!({"hosts": "db1"}), Truth::Unknown)]
    #[case("force", json!({"force": true}), Truth::Yes)]
    #[case("not force", json!({}), Truth::Yes)]
    #[case("force", json!({"force": "yes"}), Truth::Unknown)]
    #[case(r#"options.size > 2"#, json!({"options": {"size": 3}}), Truth::Yes)]
    #[case(r#"hosts.0 == "a""#, json!({"hosts": ["a"]}), Truth::Yes)]
    #[case(r#"a == 1 or b == 2 and c == 3"#, json!({"a": 1}), Truth::Yes)]
    #[case(r#"(a == 1 or b == 2) and c == 3"#, json!({"a": 1}), Truth::No)]
    #[case(r#"a == null"#, json!({}), Truth::Yes)]
    #[case(r#"name >= "m""#, json!({"name": "z"}), Truth::Yes)]
    fn conditions_turn_out(#[case] text: &str, #[case] parameters: Value, #[case] expected: Truth) {
        assert_eq!(test(text, parameters), expected, "{text}");
    }

    #[rstest::rstest]
    #[case("", 0, "a value is missing")]
    #[case("env = \"prod\"", 4, "`=` compares nothing")]
    #[case("env == \"prod", 7, "the quote is not closed")]
    #[case("1 < count < 3", 10, "only two values")]
    #[case("(env == 1", 9, "a `)` is missing")]
    #[case("env == 1 && x", 9, "`&` is not known")]
    #[case("env == 1 x", 9, "not expected")]
    #[case("env in [1 2]", 10, "a `]` or `,`")]
    #[case("env == 3x", 7, "no number")]
    #[case("and", 0, "a value is missing")]
    #[case("a..b == 1", 2, "not known here")]
    fn mistakes_are_placed(#[case] text: &str, #[case] at: usize, #[case] message: &str) {
        let error = When::parse(text).unwrap_err();
        assert!(error.message.contains(message), "{text}: {error:?}");
        assert_eq!(error.at, at, "{text}: {error:?}");
    }

    #[test]
    fn what_nests_too_deep_is_refused() {
        for text in [
            "(".repeat(3000),
            "not ".repeat(900),
            format!("a in {}", "[".repeat(3000)),
        ] {
            assert!(When::parse(&text).is_err());
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in r#"([a-c]|env|and|or|not|in|==|<=|!=|[0-9]|"x"|[()\[\],.'" -]){0,60}"#) {
            if let Ok(when) = When::parse(&text) {
                let parameters = json!({"a": 1, "b": "x", "env": ["x", 2], "c": {"a": null}});
                let _ = when.test(parameters.as_object().unwrap());
                let _ = when.names();
            }
        }

        #[test]
        fn nor_does_any_text_at_all(text in "\\PC{0,80}") {
            let _ = When::parse(&text);
        }
    }
}
