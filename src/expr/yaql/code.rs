//! The compiled form of an expression, and how it runs.

use std::sync::Arc;

use super::ast::{self, BinaryOp, Expr, Literal, Node, Span};
use super::error::YaqlError;
use super::fast;
use super::function::{Answer, Library};
use super::plan::{Plan, Slot};
use super::runtime::{Cx, MAX_NESTING};
use super::sequence::{self, lazy};
use crate::expr::value::Value;

/// A compiled piece of an expression.
pub(crate) struct Piece {
    kind: Kind,
    span: Span,
}

enum Kind {
    /// A literal.
    Constant(Value),
    /// A bare word.
    Keyword(Arc<str>),
    /// `$`, `$1`, `$2` …
    Numbered(usize),
    /// `$name`
    Named(Arc<str>),
    /// A call or an operator that is a function.
    Call(Plan),
    /// An operator of two operands, which has shortcuts for common values.
    Binary(BinaryOp, [Arc<Piece>; 2], Plan),
    /// `target[key]`
    Index([Arc<Piece>; 2], Plan),
    /// `[a, b]`
    List(Vec<Arc<Piece>>, Plan),
    /// `target.name(args)`; with the flag null gives null.
    Method(Arc<Piece>, Plan, bool),
    /// `target.name`; with the flag null gives null.
    Property(Arc<Piece>, Arc<str>, bool),
    /// A dot before what is neither name nor call; with the flag null gives null.
    NoMember(Arc<Piece>, bool),
    /// `(inner)`
    Group(Arc<Piece>),
}

impl Piece {
    /// The word that it is.
    pub(crate) fn as_keyword(&self) -> Option<&Arc<str>> {
        match &self.kind {
            Kind::Keyword(word) => Some(word),
            _ => None,
        }
    }

    /// It as an argument.
    pub(crate) fn as_slot(self: &Arc<Self>) -> Slot {
        match &self.kind {
            Kind::Constant(value) => Slot::Constant(value.clone()),
            Kind::Keyword(word) => Slot::Keyword(Value::Str(Arc::clone(word))),
            _ => Slot::Code(Arc::clone(self)),
        }
    }

    /// Evaluates it.
    pub(crate) fn run(&self, cx: &Cx<'_>) -> Answer {
        match &self.kind {
            Kind::Constant(value) => Ok(value.clone()),
            Kind::Keyword(word) => Ok(Value::Str(Arc::clone(word))),
            Kind::Numbered(number) => Ok(cx.numbered(*number)),
            Kind::Named(name) => Ok(cx.named(name)),
            _ => {
                cx.tick()?;
                cx.runtime
                    .deeper(|| self.run_deep(cx))
                    .map_err(|error| error.at(self.span))
            }
        }
    }

    fn run_deep(&self, cx: &Cx<'_>) -> Answer {
        match &self.kind {
            Kind::Call(plan) => call(cx, plan, None),
            Kind::Binary(op, [left, right], plan) => {
                if !fast::has(*op) || cx.scope.has_functions() || plan.is_refused() {
                    return call(cx, plan, None);
                }
                let (left, right) = (left.run(cx)?, right.run(cx)?);
                match fast::binary(*op, &left, &right) {
                    Some(value) => Ok(value),
                    None => plan.run_with(cx, [left, right]),
                }
            }
            Kind::Index([target, key], plan) => {
                if cx.scope.has_functions() || plan.is_refused() {
                    return call(cx, plan, None);
                }
                let (target, key) = (target.run(cx)?, key.run(cx)?);
                match fast::index(&target, &key) {
                    Some(value) => Ok(value),
                    None => plan.run_with(cx, [target, key]),
                }
            }
            Kind::List(items, plan) => {
                if cx.scope.has_functions() {
                    return call(cx, plan, None);
                }
                cx.charge(items.len() * size_of::<Value>())?;
                let items = items
                    .iter()
                    .map(|item| item.run(cx))
                    .collect::<Result<Vec<_>, _>>()?;
                nested(Value::tuple(items))
            }
            Kind::Method(target, plan, safe) => {
                let target = target.run(cx)?;
                if *safe && target.is_null() {
                    return Ok(Value::Null);
                }
                call(cx, plan, Some(target))
            }
            Kind::Property(target, name, safe) => {
                let target = target.run(cx)?;
                if *safe && target.is_null() {
                    return Ok(Value::Null);
                }
                property(cx, target, name)
            }
            Kind::NoMember(target, safe) => {
                if *safe && target.run(cx)?.is_null() {
                    return Ok(Value::Null);
                }
                Err(YaqlError::no_match("#operator_.", None))
            }
            Kind::Group(inner) => inner.run(cx),
            Kind::Constant(_) | Kind::Keyword(_) | Kind::Numbered(_) | Kind::Named(_) => self.run(cx),
        }
    }
}

/// Runs a planned call, or plans it anew when the expression defined a function of its name.
fn call(cx: &Cx<'_>, plan: &Plan, receiver: Option<Value>) -> Answer {
    let result = if receiver.is_none() && cx.is_overridden(plan.name()) {
        plan.again(&cx.layers(plan.name(), false)).run(cx, None)
    } else {
        plan.run(cx, receiver)
    };
    nested(result?)
}

/// The value, unless it is nested too deeply for whatever walks through values.
fn nested(value: Value) -> Answer {
    if value.depth() > MAX_NESTING {
        return Err(YaqlError::recursion());
    }
    Ok(value)
}

/// `target.name`: a dictionary's member, the member of every item of a sequence, or a property.
pub(crate) fn property(cx: &Cx<'_>, target: Value, name: &Arc<str>) -> Answer {
    match &target {
        Value::Dict(dict) => match dict.get_str(name) {
            Some(value) => Ok(value.clone()),
            None => Err(YaqlError::key_error(&Value::Str(Arc::clone(name)))),
        },
        target if sequence::is_iterable(target) => {
            let (Some(mut items), name) = (sequence::iterate(target), Arc::clone(name)) else {
                return Err(YaqlError::no_match("#operator_.", None));
            };
            Ok(lazy("map", move |cx: &Cx<'_>| {
                items.next(cx)?.map(|item| property(cx, item, &name)).transpose()
            }))
        }
        _ => cx.call(&format!("#property#{name}"), [target]),
    }
}

/// Compiles a tree.
pub(crate) fn compile(expr: &Expr, library: &Library) -> Arc<Piece> {
    Compiler { library }.piece(expr)
}

struct Compiler<'l> {
    library: &'l Library,
}

impl Compiler<'_> {
    fn piece(&self, expr: &Expr) -> Arc<Piece> {
        let kind = match &expr.node {
            Node::Literal(literal) => Kind::Constant(constant(literal)),
            Node::Word(word) => Kind::Keyword(word.as_str().into()),
            Node::Variable(name) => variable(name),
            Node::Call { name, args } => Kind::Call(self.plan(name, false, self.slots(args))),
            Node::Binary { op, left, right, .. } => self.binary(*op, left, right),
            Node::Unary { op, operand } => {
                Kind::Call(self.plan(op.function(), false, vec![self.piece(operand).as_slot()]))
            }
            Node::Index { target, args } => {
                let target = self.piece(target);
                let pieces = self.args(args);
                let mut slots = vec![target.as_slot()];
                slots.extend(pieces.iter().map(Given::slot));
                let plan = self.plan("#indexer", false, slots);
                match pieces.as_slice() {
                    [Given::Value(key)] => Kind::Index([target, Arc::clone(key)], plan),
                    _ => Kind::Call(plan),
                }
            }
            Node::List(args) => {
                // Every part is compiled once, whatever it is used for: twice would double with every nesting.
                let pieces = self.args(args);
                let plan = self.plan("#list", false, pieces.iter().map(Given::slot).collect());
                match pieces.into_iter().map(Given::value).collect::<Option<Vec<_>>>() {
                    Some(items) => Kind::List(items, plan),
                    None => Kind::Call(plan),
                }
            }
            Node::Map(args) => Kind::Call(self.plan("#map", false, self.slots(args))),
            Node::Group(inner) => Kind::Group(self.piece(inner)),
        };
        Arc::new(Piece {
            kind,
            span: expr.span,
        })
    }

    fn binary(&self, op: BinaryOp, left: &Expr, right: &Expr) -> Kind {
        let target = self.piece(left);
        if let BinaryOp::Dot | BinaryOp::SafeDot = op {
            let safe = op == BinaryOp::SafeDot;
            return match &right.node {
                Node::Call { name, args } => {
                    let mut slots = vec![Slot::Given];
                    slots.extend(self.slots(args));
                    Kind::Method(target, self.plan(name, true, slots), safe)
                }
                Node::Word(word) => Kind::Property(target, word.as_str().into(), safe),
                _ => Kind::NoMember(target, safe),
            };
        }
        let right = self.piece(right);
        let plan = self.plan(op.function(), false, vec![target.as_slot(), right.as_slot()]);
        Kind::Binary(op, [target, right], plan)
    }

    fn slots(&self, args: &[ast::Arg]) -> Vec<Slot> {
        self.args(args).iter().map(Given::slot).collect()
    }

    fn args(&self, args: &[ast::Arg]) -> Vec<Given> {
        let pieces = args.iter().map(|arg| match arg {
            ast::Arg::Value(value) => Given::Value(self.piece(value)),
            ast::Arg::Skipped => Given::Skipped,
            ast::Arg::Named(source, destination) => Given::Rule(self.piece(source), self.piece(destination)),
        });
        pieces.collect()
    }

    fn plan(&self, name: &str, is_method: bool, slots: Vec<Slot>) -> Plan {
        let layers: Vec<_> = self.library.find(name, is_method).collect();
        Plan::new(name.into(), is_method, slots, Vec::new(), &layers)
    }
}

/// A compiled argument.
enum Given {
    Value(Arc<Piece>),
    Skipped,
    Rule(Arc<Piece>, Arc<Piece>),
}

impl Given {
    fn slot(&self) -> Slot {
        match self {
            Self::Value(piece) => piece.as_slot(),
            Self::Skipped => Slot::Skipped,
            Self::Rule(source, destination) => Slot::Rule(Arc::clone(source), Arc::clone(destination)),
        }
    }

    fn value(self) -> Option<Arc<Piece>> {
        match self {
            Self::Value(piece) => Some(piece),
            _ => None,
        }
    }
}

fn variable(name: &str) -> Kind {
    let name = name.strip_prefix('$').unwrap_or(name);
    if name.is_empty() {
        return Kind::Numbered(1);
    }
    match name.parse::<usize>() {
        // `$01` is another name than `$1`.
        Ok(number) if number > 0 && !name.starts_with('0') => Kind::Numbered(number),
        _ => Kind::Named(name.into()),
    }
}

fn constant(literal: &Literal) -> Value {
    match literal {
        Literal::Null => Value::Null,
        Literal::Bool(flag) => Value::Bool(*flag),
        Literal::Int(number) => Value::Int(*number),
        Literal::BigInt(number) => Value::from(number.clone()),
        Literal::Float(number) => Value::Float(*number),
        Literal::Text(text) => Value::from(text.as_str()),
    }
}
