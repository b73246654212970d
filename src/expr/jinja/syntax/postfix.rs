//! What follows an expression: attributes, items, calls, filters and tests.

use super::ast::{Apply, Args, Call, Expr, ExprKind, SliceOf, Span};
use super::lexer::Kind;
use super::parser::{Malformed, Parsed, Parser, integer};

use std::sync::Arc;

use crate::expr::jinja::filters;

enum Subscript {
    Item(Expr),
    Slice([Option<Expr>; 3]),
}

impl Parser {
    pub(super) fn postfix(&mut self, mut node: Expr, links: &mut u16) -> Parsed<Expr> {
        loop {
            node = match self.kind() {
                Kind::Operator(".") => self.attribute(node)?,
                Kind::Operator("[") => self.subscript(node)?,
                Kind::Operator("(") => self.call(node)?,
                _ => return Ok(node),
            };
            self.chained(links)?;
        }
    }

    pub(super) fn filters_and_tests(&mut self, mut node: Expr, links: &mut u16) -> Parsed<Expr> {
        loop {
            node = match self.kind() {
                Kind::Operator("|") => {
                    self.next();
                    self.one_filter(Some(node))?
                }
                Kind::Name(name) if name == "is" => self.test(node)?,
                Kind::Operator("(") => self.call(node)?,
                _ => return Ok(node),
            };
            self.chained(links)?;
        }
    }

    fn attribute(&mut self, node: Expr) -> Parsed<Expr> {
        let start = node.span;
        self.next();
        let token = self.next();
        let kind = match token.kind {
            Kind::Name(name) => ExprKind::Attr(Box::new(node), name.into()),
            Kind::Integer(digits) => {
                let index = Expr {
                    span: token.span,
                    kind: ExprKind::Const(integer(&digits)),
                };
                ExprKind::Item(Box::new((node, index)))
            }
            _ => return Err(Malformed::new("expected name or number", token.span)),
        };
        Ok(self.wrap(start, kind))
    }

    fn subscript(&mut self, node: Expr) -> Parsed<Expr> {
        let start = node.span;
        self.expect_operator("[")?;
        let mut items = Vec::new();
        while !self.kind().is_operator("]") {
            if !items.is_empty() {
                self.expect_operator(",")?;
            }
            items.push(self.subscribed()?);
        }
        self.expect_operator("]")?;
        let kind = if items.len() == 1 {
            match items.swap_remove(0) {
                Subscript::Item(index) => ExprKind::Item(Box::new((node, index))),
                Subscript::Slice([from, to, step]) => ExprKind::Slice(Box::new(SliceOf {
                    object: node,
                    start: from,
                    stop: to,
                    step,
                })),
            }
        } else {
            let mut indexes = Vec::new();
            for item in items {
                match item {
                    Subscript::Item(index) => indexes.push(index),
                    Subscript::Slice(_) => {
                        return Err(Malformed::new("invalid syntax", start.to(self.before())));
                    }
                }
            }
            let tuple = self.wrap(start, ExprKind::Tuple(indexes));
            ExprKind::Item(Box::new((node, tuple)))
        };
        Ok(self.wrap(start, kind))
    }

    fn subscribed(&mut self) -> Parsed<Subscript> {
        let mut parts = [None, None, None];
        if !self.skip_operator(":") {
            let first = self.expression(true)?;
            if !self.skip_operator(":") {
                return Ok(Subscript::Item(first));
            }
            parts[0] = Some(first);
        }
        let ends = |parser: &Self| matches!(parser.kind(), Kind::Operator("]" | ","));
        if !self.kind().is_operator(":") && !ends(self) {
            parts[1] = Some(self.expression(true)?);
        }
        if self.skip_operator(":") && !ends(self) {
            parts[2] = Some(self.expression(true)?);
        }
        Ok(Subscript::Slice(parts))
    }

    fn call(&mut self, callee: Expr) -> Parsed<Expr> {
        let start = callee.span;
        let args = self.call_args()?;
        Ok(self.wrap(start, ExprKind::Call(Box::new(Call { callee, args }))))
    }

    pub(super) fn call_args(&mut self) -> Parsed<Args> {
        let open = self.expect_operator("(")?;
        let ensure = |holds: bool| {
            if holds {
                Ok(())
            } else {
                Err(Malformed::new(
                    "invalid syntax for function call expression",
                    open,
                ))
            }
        };
        let mut args = Args::default();
        let mut first = true;
        while !self.kind().is_operator(")") {
            if !first {
                self.expect_operator(",")?;
                if self.kind().is_operator(")") {
                    break;
                }
            }
            first = false;
            if self.kind().is_operator("*") {
                ensure(args.star.is_none() && args.stars.is_none())?;
                self.next();
                args.star = Some(self.expression(true)?);
            } else if self.kind().is_operator("**") {
                ensure(args.stars.is_none())?;
                self.next();
                args.stars = Some(self.expression(true)?);
            } else if matches!(self.kind(), Kind::Name(_)) && self.look().is_operator("=") {
                ensure(args.stars.is_none())?;
                let (key, _) = self.expect_name()?;
                self.next();
                args.keywords.push((key, self.expression(true)?));
            } else {
                ensure(args.star.is_none() && args.stars.is_none() && args.keywords.is_empty())?;
                args.positional.push(self.expression(true)?);
            }
        }
        self.expect_operator(")")?;
        Ok(args)
    }

    /// A filter, its name next.
    pub(super) fn one_filter(&mut self, value: Option<Expr>) -> Parsed<Expr> {
        let start = value.as_ref().map_or_else(|| self.span(), |value| value.span);
        let (name, span) = self.dotted_name()?;
        let args = if self.kind().is_operator("(") {
            self.call_args()?
        } else {
            Args::default()
        };
        let apply = Apply {
            value,
            stock: filters::stock(&name),
            name,
            args,
            soft: false,
        };
        let mut expr = self.wrap(start, ExprKind::Filter(Box::new(apply)));
        // The filter is what fails, so it is what is pointed at.
        expr.span.start = expr.span.start.min(span.start);
        Ok(expr)
    }

    fn dotted_name(&mut self) -> Parsed<(Arc<str>, Span)> {
        let (name, span) = self.expect_name()?;
        if !self.kind().is_operator(".") {
            return Ok((name, span));
        }
        let mut dotted = name.to_string();
        while self.skip_operator(".") {
            dotted.push('.');
            dotted.push_str(&self.expect_name()?.0);
        }
        Ok((dotted.into(), span.to(self.before())))
    }

    fn test(&mut self, value: Expr) -> Parsed<Expr> {
        let start = value.span;
        self.next();
        let negated = self.skip_name("not");
        let (name, _) = self.dotted_name()?;
        let takes_argument = match self.kind() {
            Kind::Name(word) => !matches!(word.as_str(), "else" | "or" | "and"),
            Kind::Str(_) | Kind::Integer(_) | Kind::Float(_) | Kind::Operator("[" | "{") => true,
            _ => false,
        };
        let args = if self.kind().is_operator("(") {
            self.call_args()?
        } else if takes_argument {
            if self.kind().is_name("is") {
                return self.fail("You cannot chain multiple tests with is");
            }
            let argument = self.primary(false)?;
            let argument = self.postfix(argument, &mut 0)?;
            Args {
                positional: vec![argument],
                ..Args::default()
            }
        } else {
            Args::default()
        };
        let apply = Apply {
            value: Some(value),
            name,
            stock: None,
            args,
            soft: false,
        };
        let test = self.wrap(start, ExprKind::Test(Box::new(apply)));
        Ok(if negated {
            self.wrap(start, ExprKind::Not(Box::new(test)))
        } else {
            test
        })
    }
}
