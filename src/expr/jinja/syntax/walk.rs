//! Walks over the tree: which names a body reads or writes.

use super::ast::{Args, Expr, ExprKind, Piece, Span, Stmt, Target};

pub(super) fn writes_loop(target: &Target) -> Option<Span> {
    match target {
        Target::Name(name, span) => (&*name.name == "loop").then_some(*span),
        Target::Tuple(items, _) => items.iter().find_map(writes_loop),
        Target::NsRef(..) => None,
    }
}

pub(super) fn body_writes_loop(body: &[Stmt]) -> Option<Span> {
    let mut found = None;
    body_any(body, &mut |stmt| {
        found = match stmt {
            Stmt::Set(node) => writes_loop(&node.0),
            Stmt::SetBlock(node) => writes_loop(&node.target),
            Stmt::For(node) => writes_loop(&node.target),
            _ => None,
        };
        found.is_some()
    });
    found
}

/// Whether a test holds for some statement of a body, at any depth.
pub(super) fn body_any(body: &[Stmt], test: &mut dyn FnMut(&Stmt) -> bool) -> bool {
    body.iter().any(|stmt| {
        test(stmt)
            || match stmt {
                Stmt::For(node) => body_any(&node.body, test) || body_any(&node.otherwise, test),
                Stmt::If(node) => {
                    body_any(&node.body, test)
                        || node.elifs.iter().any(|elif| body_any(&elif.body, test))
                        || body_any(&node.otherwise, test)
                }
                Stmt::Macro(node, ..) => body_any(&node.body, test),
                Stmt::CallBlock(node) => body_any(&node.definition.body, test),
                Stmt::FilterBlock(node) => body_any(&node.body, test),
                Stmt::SetBlock(node) => body_any(&node.body, test),
                Stmt::With(node) => body_any(&node.body, test),
                Stmt::Autoescape(node) => body_any(&node.body, test),
                Stmt::Block(node) => body_any(&node.body, test),
                Stmt::Output(_) | Stmt::Set(_) | Stmt::Refused(_) => false,
            }
    })
}

/// Whether a body reads a name; blocks are looked up elsewhere.
pub(super) fn mentions(body: &[Stmt], wanted: &str) -> bool {
    let reads = |expr: &Expr| expr.reads(wanted);
    body.iter().any(|stmt| match stmt {
        Stmt::Output(pieces) => pieces
            .iter()
            .any(|piece| matches!(piece, Piece::Expr(expr) if reads(expr))),
        Stmt::For(node) => {
            reads(&node.iter)
                || node.test.as_ref().is_some_and(reads)
                || mentions(&node.body, wanted)
                || mentions(&node.otherwise, wanted)
        }
        Stmt::If(node) => {
            reads(&node.test)
                || mentions(&node.body, wanted)
                || node
                    .elifs
                    .iter()
                    .any(|elif| reads(&elif.test) || mentions(&elif.body, wanted))
                || mentions(&node.otherwise, wanted)
        }
        Stmt::Macro(node, ..) => node.defaults.iter().any(reads) || mentions(&node.body, wanted),
        Stmt::CallBlock(node) => {
            reads(&node.call)
                || node.definition.defaults.iter().any(reads)
                || mentions(&node.definition.body, wanted)
        }
        Stmt::FilterBlock(node) => reads(&node.filter) || mentions(&node.body, wanted),
        Stmt::Set(node) => reads(&node.1),
        Stmt::SetBlock(node) => node.filter.as_ref().is_some_and(reads) || mentions(&node.body, wanted),
        Stmt::With(node) => node.values.iter().any(reads) || mentions(&node.body, wanted),
        Stmt::Autoescape(node) => reads(&node.on) || mentions(&node.body, wanted),
        Stmt::Block(_) => false,
        Stmt::Refused(node) => reads(&node.template),
    })
}

impl Expr {
    fn reads(&self, wanted: &str) -> bool {
        if let ExprKind::Name(name) = &self.kind {
            return &*name.name == wanted;
        }
        let mut found = false;
        self.children(&mut |child| found = found || child.reads(wanted));
        found
    }

    /// Calls `see` with every direct part.
    pub(super) fn children<'e>(&'e self, see: &mut dyn FnMut(&'e Expr)) {
        match &self.kind {
            ExprKind::Const(_) | ExprKind::Name(_) | ExprKind::NsRef(..) => {}
            ExprKind::Tuple(items) | ExprKind::List(items) | ExprKind::Concat(items) => {
                items.iter().for_each(see)
            }
            ExprKind::Dict(members) => members.iter().for_each(|(key, value)| {
                see(key);
                see(value);
            }),
            ExprKind::Not(inner) | ExprKind::Neg(inner) | ExprKind::Pos(inner) | ExprKind::Attr(inner, _) => {
                see(inner)
            }
            ExprKind::Binary(_, pair) | ExprKind::And(pair) | ExprKind::Or(pair) | ExprKind::Item(pair) => {
                see(&pair.0);
                see(&pair.1);
            }
            ExprKind::Compare(first, rest) => {
                see(first);
                rest.iter().for_each(|(_, expr)| see(expr));
            }
            ExprKind::Cond(cond) => {
                see(&cond.test);
                see(&cond.then);
                cond.otherwise.iter().for_each(see);
            }
            ExprKind::Slice(slice) => {
                see(&slice.object);
                [&slice.start, &slice.stop, &slice.step]
                    .into_iter()
                    .flatten()
                    .for_each(see);
            }
            ExprKind::Call(call) => {
                see(&call.callee);
                call.args.each(see);
            }
            ExprKind::Filter(apply) | ExprKind::Test(apply) => {
                apply.value.iter().for_each(&mut *see);
                apply.args.each(see);
            }
        }
    }

    pub(super) fn children_mut(&mut self, see: &mut dyn FnMut(&mut Expr)) {
        match &mut self.kind {
            ExprKind::Const(_) | ExprKind::Name(_) | ExprKind::NsRef(..) => {}
            ExprKind::Tuple(items) | ExprKind::List(items) | ExprKind::Concat(items) => {
                items.iter_mut().for_each(see);
            }
            ExprKind::Dict(members) => members.iter_mut().for_each(|(key, value)| {
                see(key);
                see(value);
            }),
            ExprKind::Not(inner) | ExprKind::Neg(inner) | ExprKind::Pos(inner) | ExprKind::Attr(inner, _) => {
                see(inner)
            }
            ExprKind::Binary(_, pair) | ExprKind::And(pair) | ExprKind::Or(pair) | ExprKind::Item(pair) => {
                see(&mut pair.0);
                see(&mut pair.1);
            }
            ExprKind::Compare(first, rest) => {
                see(first);
                rest.iter_mut().for_each(|(_, expr)| see(expr));
            }
            ExprKind::Cond(cond) => {
                see(&mut cond.test);
                see(&mut cond.then);
                cond.otherwise.iter_mut().for_each(see);
            }
            ExprKind::Slice(slice) => {
                see(&mut slice.object);
                [&mut slice.start, &mut slice.stop, &mut slice.step]
                    .into_iter()
                    .flatten()
                    .for_each(see);
            }
            ExprKind::Call(call) => {
                see(&mut call.callee);
                call.args.each_mut(see);
            }
            ExprKind::Filter(apply) | ExprKind::Test(apply) => {
                apply.value.iter_mut().for_each(&mut *see);
                apply.args.each_mut(see);
            }
        }
    }
}

impl Args {
    fn each<'e>(&'e self, see: &mut dyn FnMut(&'e Expr)) {
        self.positional.iter().for_each(&mut *see);
        self.keywords.iter().for_each(|(_, value)| see(value));
        self.star.iter().for_each(&mut *see);
        self.stars.iter().for_each(see);
    }

    fn each_mut(&mut self, see: &mut dyn FnMut(&mut Expr)) {
        self.positional.iter_mut().for_each(&mut *see);
        self.keywords.iter_mut().for_each(|(_, value)| see(value));
        self.star.iter_mut().for_each(&mut *see);
        self.stars.iter_mut().for_each(see);
    }
}
