//! Expressions, one function per level of precedence.

use std::sync::Arc;

use num_bigint::BigInt;

use super::ast::{BinaryOp, CompareOp, Cond, Expr, ExprKind, Name, Place, Span};
use super::lexer::{Kind, Lexed, Token};
use crate::expr::pyvalue::str_repr;
use crate::expr::value::Value;

/// Brackets and operators within each other; what a thread's stack bears when the tree is walked and dropped.
const DEEPEST: u16 = 120;

/// A template that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Malformed {
    pub(crate) message: String,
    pub(crate) span: Span,
    /// Too deep, not wrong.
    pub(crate) too_deep: bool,
}

impl Malformed {
    pub(super) fn new(message: impl Into<String>, span: Span) -> Self {
        Self {
            message: message.into(),
            span,
            too_deep: false,
        }
    }
}

pub(super) type Parsed<T> = Result<T, Malformed>;

pub(super) struct Parser {
    tokens: Vec<Token>,
    /// What is wrong after the last token.
    mistake: Option<Malformed>,
    at: usize,
    depth: u16,
    pub(super) tag_stack: Vec<String>,
    pub(super) end_stack: Vec<&'static [&'static str]>,
}

impl Parser {
    pub(super) fn new(lexed: Lexed) -> Self {
        Self {
            tokens: lexed.tokens,
            mistake: lexed.mistake,
            at: 0,
            depth: 0,
            tag_stack: Vec::new(),
            end_stack: Vec::new(),
        }
    }

    pub(super) fn lone_expression(mut self) -> Parsed<Expr> {
        let read = self.expression(true).and_then(|expr| match self.kind() {
            Kind::End => Ok(expr),
            _ => self.fail("chunk after expression"),
        });
        self.judged(read)
    }

    /// What the lexer found wrong counts when the parser came that far.
    pub(super) fn judged<T>(&mut self, read: Parsed<T>) -> Parsed<T> {
        match self.mistake.take() {
            Some(mistake) if read.is_ok() || self.at + 1 >= self.tokens.len() => Err(mistake),
            _ => read,
        }
    }

    pub(super) fn kind(&self) -> &Kind {
        &self.tokens[self.at].kind
    }

    pub(super) fn span(&self) -> Span {
        self.tokens[self.at].span
    }

    pub(super) fn before(&self) -> Span {
        self.tokens[self.at.saturating_sub(1)].span
    }

    pub(super) fn look(&self) -> &Kind {
        let next = (self.at + 1).min(self.tokens.len() - 1);
        &self.tokens[next].kind
    }

    pub(super) fn next(&mut self) -> Token {
        let token = self.tokens[self.at].clone();
        self.at = (self.at + 1).min(self.tokens.len() - 1);
        token
    }

    pub(super) fn fail<T>(&self, message: impl Into<String>) -> Parsed<T> {
        Err(Malformed::new(message, self.span()))
    }

    pub(super) fn skip_operator(&mut self, operator: &str) -> bool {
        let found = self.kind().is_operator(operator);
        if found {
            self.next();
        }
        found
    }

    pub(super) fn skip_name(&mut self, name: &str) -> bool {
        let found = self.kind().is_name(name);
        if found {
            self.next();
        }
        found
    }

    fn expected<T>(&self, what: &str) -> Parsed<T> {
        let what = str_repr(what);
        self.fail(if self.kind() == &Kind::End {
            format!("unexpected end of template, expected {what}.")
        } else {
            format!("expected token {what}, got {}", str_repr(self.kind().describe()))
        })
    }

    pub(super) fn expect_operator(&mut self, operator: &str) -> Parsed<Span> {
        if self.kind().is_operator(operator) {
            return Ok(self.next().span);
        }
        self.expected(operator)
    }

    pub(super) fn expect_word(&mut self, word: &str) -> Parsed<Span> {
        if self.kind().is_name(word) {
            return Ok(self.next().span);
        }
        self.expected(word)
    }

    pub(super) fn expect_name(&mut self) -> Parsed<(Arc<str>, Span)> {
        if !matches!(self.kind(), Kind::Name(_)) {
            return self.expected("name");
        }
        let token = self.next();
        match token.kind {
            Kind::Name(name) => Ok((name.into(), token.span)),
            _ => self.expected("name"),
        }
    }

    pub(super) fn expect_kind(&mut self, kind: &Kind) -> Parsed<()> {
        if self.kind() == kind {
            self.next();
            return Ok(());
        }
        self.expected(kind.describe())
    }

    /// Runs a part of the parser one level deeper.
    pub(super) fn deeper<T>(&mut self, parse: impl FnOnce(&mut Self) -> Parsed<T>) -> Parsed<T> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err(self.too_deep());
        }
        let parsed = parse(self);
        self.depth -= 1;
        parsed
    }

    fn too_deep(&self) -> Malformed {
        Malformed {
            message: "an expression of the template has too many operators or brackets within each other"
                .into(),
            span: self.span(),
            too_deep: true,
        }
    }

    /// Counts a step of a chain, which makes the tree deeper without recursion here.
    pub(super) fn chained(&self, links: &mut u16) -> Parsed<()> {
        *links += 1;
        if *links + self.depth > DEEPEST {
            return Err(self.too_deep());
        }
        Ok(())
    }

    pub(super) fn wrap(&self, start: Span, kind: ExprKind) -> Expr {
        Expr {
            span: start.to(self.before()),
            kind,
        }
    }

    pub(super) fn expression(&mut self, with_condition: bool) -> Parsed<Expr> {
        self.deeper(|parser| {
            if with_condition {
                parser.condition()
            } else {
                parser.or()
            }
        })
    }

    fn condition(&mut self) -> Parsed<Expr> {
        let start = self.span();
        let mut expr = self.or()?;
        let mut links = 0;
        while self.skip_name("if") {
            self.chained(&mut links)?;
            let test = self.or()?;
            let otherwise = if self.skip_name("else") {
                Some(self.deeper(Self::condition)?)
            } else {
                None
            };
            let cond = Cond {
                test,
                then: expr,
                otherwise,
            };
            expr = self.wrap(start, ExprKind::Cond(Box::new(cond)));
        }
        Ok(expr)
    }

    fn or(&mut self) -> Parsed<Expr> {
        let start = self.span();
        let mut left = self.and()?;
        let mut links = 0;
        while self.skip_name("or") {
            self.chained(&mut links)?;
            let right = self.and()?;
            left = self.wrap(start, ExprKind::Or(Box::new((left, right))));
        }
        Ok(left)
    }

    fn and(&mut self) -> Parsed<Expr> {
        let start = self.span();
        let mut left = self.not()?;
        let mut links = 0;
        while self.skip_name("and") {
            self.chained(&mut links)?;
            let right = self.not()?;
            left = self.wrap(start, ExprKind::And(Box::new((left, right))));
        }
        Ok(left)
    }

    fn not(&mut self) -> Parsed<Expr> {
        let start = self.span();
        if self.skip_name("not") {
            let inner = self.deeper(Self::not)?;
            return Ok(self.wrap(start, ExprKind::Not(Box::new(inner))));
        }
        self.compare()
    }

    fn compare(&mut self) -> Parsed<Expr> {
        let start = self.span();
        let first = self.sum()?;
        let mut rest = Vec::new();
        loop {
            let op = match self.kind() {
                Kind::Operator("==") => CompareOp::Eq,
                Kind::Operator("!=") => CompareOp::Ne,
                Kind::Operator("<") => CompareOp::Lt,
                Kind::Operator("<=") => CompareOp::Le,
                Kind::Operator(">") => CompareOp::Gt,
                Kind::Operator(">=") => CompareOp::Ge,
                Kind::Name(name) if name == "in" => CompareOp::In,
                Kind::Name(name) if name == "not" && self.look().is_name("in") => {
                    self.next();
                    CompareOp::NotIn
                }
                _ => break,
            };
            self.next();
            rest.push((op, self.sum()?));
        }
        if rest.is_empty() {
            return Ok(first);
        }
        Ok(self.wrap(start, ExprKind::Compare(Box::new(first), rest)))
    }

    fn sum(&mut self) -> Parsed<Expr> {
        let start = self.span();
        let mut left = self.concat()?;
        let mut links = 0;
        loop {
            let op = match self.kind() {
                Kind::Operator("+") => BinaryOp::Add,
                Kind::Operator("-") => BinaryOp::Sub,
                _ => return Ok(left),
            };
            self.chained(&mut links)?;
            self.next();
            let right = self.concat()?;
            left = self.wrap(start, ExprKind::Binary(op, Box::new((left, right))));
        }
    }

    fn concat(&mut self) -> Parsed<Expr> {
        let start = self.span();
        let first = self.product()?;
        if !self.kind().is_operator("~") {
            return Ok(first);
        }
        let mut parts = vec![first];
        while self.skip_operator("~") {
            parts.push(self.product()?);
        }
        Ok(self.wrap(start, ExprKind::Concat(parts)))
    }

    fn product(&mut self) -> Parsed<Expr> {
        let start = self.span();
        let mut left = self.power()?;
        let mut links = 0;
        loop {
            let op = match self.kind() {
                Kind::Operator("*") => BinaryOp::Mul,
                Kind::Operator("/") => BinaryOp::Div,
                Kind::Operator("//") => BinaryOp::FloorDiv,
                Kind::Operator("%") => BinaryOp::Mod,
                _ => return Ok(left),
            };
            self.chained(&mut links)?;
            self.next();
            let right = self.power()?;
            left = self.wrap(start, ExprKind::Binary(op, Box::new((left, right))));
        }
    }

    /// Powers associate to the left, as they do in Jinja (unlike Python).
    fn power(&mut self) -> Parsed<Expr> {
        let start = self.span();
        let mut left = self.unary(true)?;
        let mut links = 0;
        while self.skip_operator("**") {
            self.chained(&mut links)?;
            let right = self.unary(true)?;
            left = self.wrap(start, ExprKind::Binary(BinaryOp::Pow, Box::new((left, right))));
        }
        Ok(left)
    }

    fn unary(&mut self, with_filters: bool) -> Parsed<Expr> {
        let start = self.span();
        let mut node = if self.skip_operator("-") {
            let inner = self.deeper(|parser| parser.unary(false))?;
            self.wrap(start, ExprKind::Neg(Box::new(inner)))
        } else if self.skip_operator("+") {
            let inner = self.deeper(|parser| parser.unary(false))?;
            self.wrap(start, ExprKind::Pos(Box::new(inner)))
        } else {
            self.primary(false)?
        };
        let mut links = 0;
        node = self.postfix(node, &mut links)?;
        if with_filters {
            node = self.filters_and_tests(node, &mut links)?;
        }
        Ok(node)
    }

    pub(super) fn primary(&mut self, with_namespace: bool) -> Parsed<Expr> {
        let start = self.span();
        let kind = match self.kind().clone() {
            Kind::Name(name) => {
                self.next();
                match name.as_str() {
                    "true" | "True" => ExprKind::Const(Value::Bool(true)),
                    "false" | "False" => ExprKind::Const(Value::Bool(false)),
                    "none" | "None" => ExprKind::Const(Value::Null),
                    _ => {
                        let name = Name {
                            name: name.into(),
                            place: Place::default(),
                        };
                        if with_namespace && self.skip_operator(".") {
                            ExprKind::NsRef(name, self.expect_name()?.0)
                        } else {
                            ExprKind::Name(name)
                        }
                    }
                }
            }
            Kind::Str(mut text) => {
                self.next();
                while let Kind::Str(more) = self.kind() {
                    text.push_str(more);
                    self.next();
                }
                ExprKind::Const(Value::from(text))
            }
            Kind::Integer(digits) => {
                self.next();
                ExprKind::Const(integer(&digits))
            }
            Kind::Float(number) => {
                self.next();
                ExprKind::Const(Value::Float(number))
            }
            Kind::Operator("(") => {
                self.next();
                let inner = self.deeper(|parser| parser.tuple(&TupleRules::in_brackets()))?;
                self.expect_operator(")")?;
                return Ok(Expr {
                    span: start.to(self.before()),
                    kind: inner.kind,
                });
            }
            Kind::Operator("[") => return self.list(),
            Kind::Operator("{") => return self.dict(),
            other => return self.fail(format!("unexpected {}", str_repr(other.describe()))),
        };
        Ok(self.wrap(start, kind))
    }

    fn list(&mut self) -> Parsed<Expr> {
        let start = self.expect_operator("[")?;
        let mut items = Vec::new();
        while !self.kind().is_operator("]") {
            if !items.is_empty() {
                self.expect_operator(",")?;
            }
            if self.kind().is_operator("]") {
                break;
            }
            items.push(self.expression(true)?);
        }
        self.expect_operator("]")?;
        Ok(self.wrap(start, ExprKind::List(items)))
    }

    fn dict(&mut self) -> Parsed<Expr> {
        let start = self.expect_operator("{")?;
        let mut members = Vec::new();
        while !self.kind().is_operator("}") {
            if !members.is_empty() {
                self.expect_operator(",")?;
            }
            if self.kind().is_operator("}") {
                break;
            }
            let key = self.expression(true)?;
            self.expect_operator(":")?;
            members.push((key, self.expression(true)?));
        }
        self.expect_operator("}")?;
        Ok(self.wrap(start, ExprKind::Dict(members)))
    }

    /// An expression, or several with commas between them.
    pub(super) fn tuple(&mut self, rules: &TupleRules) -> Parsed<Expr> {
        let start = self.span();
        let mut items = Vec::new();
        let mut is_tuple = false;
        loop {
            if !items.is_empty() {
                self.expect_operator(",")?;
            }
            let at_end = matches!(
                self.kind(),
                Kind::VariableEnd | Kind::BlockEnd | Kind::Operator(")")
            ) || rules.end_word.is_some_and(|word| self.kind().is_name(word));
            if at_end {
                break;
            }
            items.push(if rules.simplified {
                self.primary(rules.with_namespace)?
            } else {
                self.expression(rules.with_condition)?
            });
            if !self.kind().is_operator(",") {
                break;
            }
            is_tuple = true;
        }
        if !is_tuple {
            if let Some(only) = items.pop() {
                return Ok(only);
            }
            if !rules.brackets {
                let got = str_repr(self.kind().describe());
                return self.fail(format!("Expected an expression, got {got}"));
            }
        }
        Ok(self.wrap(start, ExprKind::Tuple(items)))
    }
}

/// What may stand in a tuple and what ends it.
pub(super) struct TupleRules {
    pub(super) simplified: bool,
    pub(super) with_condition: bool,
    pub(super) with_namespace: bool,
    pub(super) brackets: bool,
    pub(super) end_word: Option<&'static str>,
}

impl TupleRules {
    pub(super) fn plain() -> Self {
        Self {
            simplified: false,
            with_condition: true,
            with_namespace: false,
            brackets: false,
            end_word: None,
        }
    }

    fn in_brackets() -> Self {
        Self {
            brackets: true,
            ..Self::plain()
        }
    }
}

/// An integer literal; the lexer has checked the digits.
pub(super) fn integer(digits: &str) -> Value {
    let lower = digits.to_ascii_lowercase();
    let (text, radix) = if let Some(rest) = lower.strip_prefix("0x") {
        (rest, 16)
    } else if let Some(rest) = lower.strip_prefix("0o") {
        (rest, 8)
    } else if let Some(rest) = lower.strip_prefix("0b") {
        (rest, 2)
    } else {
        (lower.as_str(), 10)
    };
    match i64::from_str_radix(text, radix) {
        Ok(small) => Value::Int(small),
        Err(_) => Value::from(BigInt::parse_bytes(text.as_bytes(), radix).unwrap_or_default()),
    }
}
