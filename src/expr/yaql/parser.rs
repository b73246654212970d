//! Builds the tree of a YAQL expression: operator precedence over a hand-written descent.
//!
//! The reference is an LALR(1) grammar, which reports the first word that cannot follow what stands before it. So does
//! this parser: it never takes a word before knowing that it fits, and asks for the next one only then.

use super::ast::{Arg, BinaryOp, Expr, INDEX_POWER, Literal, Node, Span, UnaryOp};
use super::error::YaqlError;
use super::lexer::Lexer;
use super::token::Token;
use crate::expr::ErrorKind;

/// Longest expression, in bytes.
pub const MAX_LENGTH: usize = 256 * 1024;
/// Deepest tree. The reference gives up at about 140 levels, when it evaluates.
pub const MAX_DEPTH: usize = 150;

/// Reads an expression (without its `<%` and `%>`).
///
/// # Errors
///
/// With the reference's class and text: an illegal character, a word where it cannot be, an impossible escape. An
/// expression longer than [`MAX_LENGTH`] or nested deeper than [`MAX_DEPTH`] is refused.
pub fn parse(text: &str) -> Result<Expr, YaqlError> {
    if text.len() > MAX_LENGTH {
        return Err(YaqlError::new(
            ErrorKind::Limit,
            "ExpressionTooLongException",
            format!(
                "The expression has {} bytes, {MAX_LENGTH} are allowed",
                text.len()
            ),
        )
        .hint("keep long texts in a variable"));
    }
    let mut lexer = Lexer::new(text);
    let (token, span) = lexer.next()?;
    let mut parser = Parser {
        text,
        lexer,
        token,
        span,
        depth: 0,
    };
    let tree = parser.expression(0)?;
    if parser.token != Token::End {
        return Err(parser.unexpected());
    }
    Ok(*tree.expr)
}

/// A tree and how many levels it has.
struct Tree {
    expr: Box<Expr>,
    height: usize,
}

struct Parser<'s> {
    text: &'s str,
    lexer: Lexer<'s>,
    /// The word that has not been taken yet.
    token: Token<'s>,
    span: Span,
    /// Expressions that are being read within each other.
    depth: usize,
}

impl<'s> Parser<'s> {
    /// Takes the current word.
    fn take(&mut self) -> Result<(Token<'s>, Span), YaqlError> {
        let (token, span) = self.lexer.next()?;
        Ok((
            std::mem::replace(&mut self.token, token),
            std::mem::replace(&mut self.span, span),
        ))
    }

    /// Takes the current word if it is `wanted`.
    fn expect(&mut self, wanted: &Token<'_>) -> Result<Span, YaqlError> {
        if self.token != *wanted {
            return Err(self.unexpected());
        }
        Ok(self.take()?.1)
    }

    /// An operand and all operators after it that bind more tightly than `power`.
    ///
    /// This and what it calls is split into small functions because it recurses: each keeps little on the stack.
    fn expression(&mut self, power: u8) -> Result<Tree, YaqlError> {
        if self.depth >= MAX_DEPTH {
            return Err(too_deep(self.span));
        }
        self.depth += 1;
        let mut left = self.operand()?;
        loop {
            left = match self.token {
                Token::Operator(op)
                    if op.power() > power || (op == BinaryOp::Arrow && op.power() == power) =>
                {
                    self.binary(left, op)?
                }
                Token::OpenList if INDEX_POWER > power => self.index(left)?,
                _ => break,
            };
        }
        self.depth -= 1;
        Ok(left)
    }

    fn binary(&mut self, left: Tree, op: BinaryOp) -> Result<Tree, YaqlError> {
        let (_, at) = self.take()?;
        let right = self.expression(op.power())?;
        let span = left.expr.span.to(right.expr.span);
        let height = left.height.max(right.height);
        let (left, right) = (left.expr, right.expr);
        tree(Node::Binary { op, at, left, right }, span, height)
    }

    fn index(&mut self, target: Tree) -> Result<Tree, YaqlError> {
        self.take()?;
        let (args, height, end) = self.arguments(&Token::CloseList)?;
        let span = target.expr.span.to(end);
        let height = height.max(target.height);
        let target = target.expr;
        tree(Node::Index { target, args }, span, height)
    }

    fn operand(&mut self) -> Result<Tree, YaqlError> {
        match self.token {
            Token::Not => self.unary(UnaryOp::Not),
            Token::Operator(BinaryOp::Add) => self.unary(UnaryOp::Plus),
            Token::Operator(BinaryOp::Subtract) => self.unary(UnaryOp::Minus),
            Token::Literal(_) | Token::Word(_) | Token::Variable(_) => self.atom(),
            Token::Function(name) => self.call(name),
            Token::OpenList => self.collection(&Token::CloseList),
            Token::OpenMap => self.collection(&Token::CloseMap),
            Token::OpenGroup => self.group(),
            _ => Err(self.unexpected()),
        }
    }

    fn atom(&mut self) -> Result<Tree, YaqlError> {
        let (token, span) = self.take()?;
        let node = match token {
            Token::Literal(literal) => Node::Literal(literal),
            Token::Variable(name) => Node::Variable(name.to_owned()),
            other => Node::Word(other.shown()),
        };
        tree(node, span, 0)
    }

    fn unary(&mut self, op: UnaryOp) -> Result<Tree, YaqlError> {
        let (_, span) = self.take()?;
        let Tree {
            expr: operand,
            height,
        } = self.expression(op.power())?;
        let span = span.to(operand.span);
        tree(Node::Unary { op, operand }, span, height)
    }

    fn call(&mut self, name: &str) -> Result<Tree, YaqlError> {
        let (_, span) = self.take()?;
        let (args, height, end) = self.arguments(&Token::CloseGroup)?;
        let name = name.to_owned();
        tree(Node::Call { name, args }, span.to(end), height)
    }

    fn collection(&mut self, close: &Token<'_>) -> Result<Tree, YaqlError> {
        let (_, span) = self.take()?;
        let (args, height, end) = self.arguments(close)?;
        let node = match close {
            Token::CloseMap => Node::Map(args),
            _ => Node::List(args),
        };
        tree(node, span.to(end), height)
    }

    fn group(&mut self) -> Result<Tree, YaqlError> {
        let (_, span) = self.take()?;
        let inner = self.expression(0)?;
        let end = self.expect(&Token::CloseGroup)?;
        tree(Node::Group(inner.expr), span.to(end), inner.height)
    }

    /// Arguments up to and with the closing word.
    ///
    /// Positional ones come first and may be left out before a comma, but not at the end. The first named one may
    /// stand first or after a positional one, with at most one left out between them; after it all are named.
    fn arguments(&mut self, close: &Token<'_>) -> Result<(Vec<Arg>, usize, Span), YaqlError> {
        let mut args = Vec::new();
        let mut height = 0;
        let mut named = false;
        while self.token != *close || !args.is_empty() {
            if self.token == Token::Comma && !named {
                args.push(Arg::Skipped);
                self.take()?;
                continue;
            }
            let (arg, levels) = self.argument(named, may_name(&args))?;
            height = height.max(levels);
            named |= matches!(arg, Arg::Named(..));
            args.push(arg);
            if self.token == *close {
                break;
            }
            self.expect(&Token::Comma)?;
        }
        Ok((args, height, self.take()?.1))
    }

    /// `value` or `key => value`, whose name is either asked for or at least allowed.
    fn argument(&mut self, named: bool, may_be_named: bool) -> Result<(Arg, usize), YaqlError> {
        let value = self.expression(0)?;
        if self.token == Token::Mapping && (named || may_be_named) {
            self.take()?;
            let result = self.expression(0)?;
            return Ok((
                Arg::Named(*value.expr, *result.expr),
                value.height.max(result.height),
            ));
        }
        if named {
            return Err(self.unexpected());
        }
        Ok((Arg::Value(*value.expr), value.height))
    }

    /// The current word cannot follow what stands before it.
    fn unexpected(&self) -> YaqlError {
        let error =
            |message: String| YaqlError::new(ErrorKind::Parse, "YaqlGrammarException", message).at(self.span);
        if self.token == Token::End {
            return error("Parse error: unexpected end of statement".to_owned())
                .hint("something is missing at the end: a closing bracket, or a value after an operator");
        }
        let before = &self.text[..self.span.start as usize];
        let error = error(format!(
            "Parse error: unexpected '{}' at position {} of expression '{}'",
            self.token.shown(),
            before.chars().count(),
            self.text
        ));
        match self.advice(before) {
            Some(hint) => error.hint(hint),
            None => error,
        }
    }

    /// What somebody may have meant who wrote the current word here.
    fn advice(&self, before: &str) -> Option<String> {
        let adjacent = before.chars().next_back();
        Some(match &self.token {
            Token::Operator(BinaryOp::Equal) if adjacent == Some('=') => {
                "equality is written with one `=`".to_owned()
            }
            Token::Operator(BinaryOp::Greater) if adjacent == Some('<') => "write `!=`".to_owned(),
            Token::OpenGroup => {
                let name = before
                    .trim_end()
                    .rsplit(|c: char| !(c.is_alphanumeric() || c == '_'))
                    .next();
                match name.filter(|name| !name.is_empty()) {
                    Some(name) => format!("a function's name and its parenthesis stand together: {name}("),
                    None => "an operator is missing before the parenthesis".to_owned(),
                }
            }
            Token::Not => "write `not a in b` for `a not in b`".to_owned(),
            Token::Function(name) if matches!(*name, "and" | "or" | "in" | "mod") => {
                format!("put a blank after `{name}`; with a parenthesis it is taken for a function")
            }
            Token::Mapping => "`=>` names an argument or a map's key; comparison is `>=`".to_owned(),
            Token::CloseGroup | Token::CloseList | Token::CloseMap if before.trim_end().ends_with(',') => {
                "there is nothing after the last comma".to_owned()
            }
            Token::Word("is") => "write `=` for `is`".to_owned(),
            Token::Word("if" | "else") => {
                "there is no conditional: write switch(condition => value, true => other)".to_owned()
            }
            Token::Literal(Literal::Text(_)) | Token::Word(_) | Token::Variable(_)
                if adjacent.is_some_and(char::is_whitespace) =>
            {
                "an operator or comma is missing before it; a text with blanks needs quotes".to_owned()
            }
            _ => return None,
        })
    }
}

/// Whether a named argument can come after these positional ones.
fn may_name(args: &[Arg]) -> bool {
    matches!(args, [] | [.., Arg::Value(_)] | [.., Arg::Value(_), Arg::Skipped])
}

fn tree(node: Node, span: Span, height: usize) -> Result<Tree, YaqlError> {
    if height >= MAX_DEPTH {
        return Err(too_deep(span));
    }
    Ok(Tree {
        expr: Box::new(Expr { node, span }),
        height: height + 1,
    })
}

fn too_deep(span: Span) -> YaqlError {
    YaqlError::new(
        ErrorKind::Recursion,
        "RecursionError",
        "maximum recursion depth exceeded",
    )
    .at(span)
    .hint(format!(
        "expressions nest at most {MAX_DEPTH} deep; publish a part of it first"
    ))
}
