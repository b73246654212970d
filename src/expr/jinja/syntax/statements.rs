//! Statements: everything between `{%` and `%}`, and the text around them.

use std::sync::Arc;

use super::ast::{
    Autoescape, Block, CallBlock, Expr, ExprKind, FilterBlock, For, If, Macro, Name, Piece, Place, Refused,
    Scope, SetBlock, Span, Stmt, Target, With,
};
use super::lexer::Kind;
use super::parser::{Malformed, Parsed, Parser, TupleRules};
use crate::expr::jinja::text::is_space;
use crate::expr::pyvalue::str_repr;

impl Parser {
    pub(super) fn template(mut self) -> Parsed<Vec<Stmt>> {
        let read = self.body(None);
        self.judged(read)
    }

    /// Statements and text up to one of the end words (which stays the next token) or the end of the template.
    fn body(&mut self, ends: Option<&'static [&'static str]>) -> Parsed<Vec<Stmt>> {
        if let Some(ends) = ends {
            self.end_stack.push(ends);
        }
        let read = self.deeper(|parser| parser.body_inner(ends));
        if ends.is_some() && read.is_ok() {
            self.end_stack.pop();
        }
        read
    }

    fn body_inner(&mut self, ends: Option<&'static [&'static str]>) -> Parsed<Vec<Stmt>> {
        let mut body = Vec::new();
        let mut pieces = Vec::new();
        loop {
            match self.kind().clone() {
                Kind::End => break,
                Kind::Data(text) => {
                    self.next();
                    pieces.push(Piece::Text(text));
                }
                Kind::VariableBegin => {
                    self.next();
                    pieces.push(Piece::Expr(self.tuple(&TupleRules::plain())?));
                    self.expect_kind(&Kind::VariableEnd)?;
                }
                Kind::BlockBegin => {
                    if !pieces.is_empty() {
                        body.push(Stmt::Output(std::mem::take(&mut pieces)));
                    }
                    self.next();
                    let ended = ends.is_some_and(|ends| ends.iter().any(|end| self.kind().is_name(end)));
                    if ended {
                        return Ok(body);
                    }
                    body.push(self.statement()?);
                    self.expect_kind(&Kind::BlockEnd)?;
                }
                other => return self.fail(format!("unexpected {}", str_repr(other.describe()))),
            }
        }
        if !pieces.is_empty() {
            body.push(Stmt::Output(pieces));
        }
        Ok(body)
    }

    /// The rest of an opening tag, then a body; the end word is the next token.
    fn statements(&mut self, ends: &'static [&'static str]) -> Parsed<Vec<Stmt>> {
        self.skip_operator(":");
        self.expect_kind(&Kind::BlockEnd)?;
        let body = self.body(Some(ends))?;
        if self.kind() == &Kind::End {
            self.end_stack.push(ends);
            return Err(self.lost(None, self.span()));
        }
        Ok(body)
    }

    /// [`Parser::statements`] that also takes the end word.
    fn closed(&mut self, ends: &'static [&'static str]) -> Parsed<Vec<Stmt>> {
        let body = self.statements(ends)?;
        self.next();
        Ok(body)
    }

    /// The words about an unknown tag or a template that ends too early.
    fn lost(&self, tag: Option<&str>, span: Span) -> Malformed {
        let mut message = match tag {
            None => "Unexpected end of template.".to_owned(),
            Some(tag) => format!("Encountered unknown tag {}.", str_repr(tag)),
        };
        if let Some(ends) = self.end_stack.last() {
            let wanted: Vec<String> = ends.iter().map(|end| str_repr(end)).collect();
            let wanted = wanted.join(" or ");
            let expected = tag.is_some_and(|tag| self.end_stack.iter().any(|ends| ends.contains(&tag)));
            message += &if expected {
                format!(
                    " You probably made a nesting mistake. Jinja is expecting this tag, but currently looking for {wanted}."
                )
            } else {
                format!(" Jinja was looking for the following tags: {wanted}.")
            };
        }
        if let Some(innermost) = self.tag_stack.last() {
            let innermost = str_repr(innermost);
            message += &format!(" The innermost block that needs to be closed is {innermost}.");
        }
        Malformed::new(message, span)
    }

    fn statement(&mut self) -> Parsed<Stmt> {
        let span = self.span();
        let Kind::Name(tag) = self.kind().clone() else {
            return self.fail("tag name expected");
        };
        self.tag_stack.push(tag.clone());
        let read = match tag.as_str() {
            "for" => self.for_loop(),
            "if" => self.if_chain(),
            "set" => self.set(),
            "with" => self.with(),
            "autoescape" => self.autoescape(),
            "block" => self.block(),
            "print" => self.print(),
            "macro" => self.macro_definition(),
            "call" => self.call_block(),
            "filter" => self.filter_block(),
            "extends" | "include" | "import" | "from" => self.refused(&tag),
            _ => {
                self.tag_stack.pop();
                return Err(self.lost(Some(&tag), span));
            }
        };
        if read.is_ok() {
            self.tag_stack.pop();
        }
        read
    }

    fn assign_target(&mut self, rules: &TupleRules) -> Parsed<Target> {
        let expr = self.tuple(rules)?;
        let span = expr.span;
        let what = class_name(&expr.kind);
        target(expr).ok_or_else(|| Malformed::new(format!("can't assign to {}", str_repr(what)), span))
    }

    fn name_target(&mut self) -> Parsed<(Name, Span)> {
        let (name, span) = self.expect_name()?;
        if matches!(&*name, "true" | "false" | "none" | "True" | "False" | "None") {
            return Err(Malformed::new("can't assign to 'name'", span));
        }
        Ok((unplaced(name), span))
    }

    fn for_loop(&mut self) -> Parsed<Stmt> {
        self.next();
        let target = self.assign_target(&TupleRules {
            simplified: true,
            end_word: Some("in"),
            ..TupleRules::plain()
        })?;
        self.expect_word("in")?;
        let iter = self.tuple(&TupleRules {
            with_condition: false,
            end_word: Some("recursive"),
            ..TupleRules::plain()
        })?;
        let test = if self.skip_name("if") {
            Some(self.expression(true)?)
        } else {
            None
        };
        let recursive = self.skip_name("recursive");
        let body = self.statements(&["endfor", "else"])?;
        let otherwise = if self.next().kind.is_name("endfor") {
            Vec::new()
        } else {
            self.closed(&["endfor"])?
        };
        let test_target = test.is_some().then(|| copied(&target));
        Ok(Stmt::For(Arc::new(For {
            target,
            test_target,
            iter,
            test,
            test_scope: Scope::default(),
            body,
            scope: Scope::default(),
            otherwise,
            else_scope: Scope::default(),
            recursive,
            loop_slot: None,
            slots: 0,
        })))
    }

    fn if_chain(&mut self) -> Parsed<Stmt> {
        self.next();
        Ok(Stmt::If(Box::new(self.if_branches()?)))
    }

    fn if_branches(&mut self) -> Parsed<If> {
        let mut first = self.if_branch()?;
        loop {
            match self.next().kind {
                Kind::Name(word) if word == "elif" => {
                    let branch = self.if_branch()?;
                    first.elifs.push(branch);
                }
                Kind::Name(word) if word == "else" => {
                    first.otherwise = self.closed(&["endif"])?;
                    return Ok(first);
                }
                _ => return Ok(first),
            }
        }
    }

    fn if_branch(&mut self) -> Parsed<If> {
        let test = self.tuple(&TupleRules {
            with_condition: false,
            ..TupleRules::plain()
        })?;
        Ok(If {
            test,
            body: self.statements(&["elif", "else", "endif"])?,
            elifs: Vec::new(),
            otherwise: Vec::new(),
        })
    }

    fn set(&mut self) -> Parsed<Stmt> {
        self.next();
        let target = self.assign_target(&TupleRules {
            simplified: true,
            with_namespace: true,
            ..TupleRules::plain()
        })?;
        if self.skip_operator("=") {
            let value = self.tuple(&TupleRules::plain())?;
            return Ok(Stmt::Set(Box::new((target, value))));
        }
        let mut filter = None;
        while self.skip_operator("|") {
            filter = Some(self.one_filter(filter)?);
        }
        Ok(Stmt::SetBlock(Box::new(SetBlock {
            target,
            filter,
            body: self.closed(&["endset"])?,
            scope: Scope::default(),
        })))
    }

    fn with(&mut self) -> Parsed<Stmt> {
        self.next();
        let (mut targets, mut values) = (Vec::new(), Vec::new());
        while self.kind() != &Kind::BlockEnd {
            if !targets.is_empty() {
                self.expect_operator(",")?;
            }
            targets.push(self.assign_target(&TupleRules {
                simplified: true,
                ..TupleRules::plain()
            })?);
            self.expect_operator("=")?;
            values.push(self.expression(true)?);
        }
        Ok(Stmt::With(Box::new(With {
            targets,
            values,
            body: self.closed(&["endwith"])?,
            scope: Scope::default(),
        })))
    }

    fn autoescape(&mut self) -> Parsed<Stmt> {
        self.next();
        Ok(Stmt::Autoescape(Box::new(Autoescape {
            on: self.expression(true)?,
            body: self.closed(&["endautoescape"])?,
            scope: Scope::default(),
        })))
    }

    fn block(&mut self) -> Parsed<Stmt> {
        let span = self.next().span;
        let (name, _) = self.expect_name()?;
        let scoped = self.skip_name("scoped");
        let required = self.skip_name("required");
        if self.kind().is_operator("-") {
            return self.fail(
                "Block names in Jinja have to be valid Python identifiers and may not contain hyphens, use an underscore instead.",
            );
        }
        let body = self.closed(&["endblock"])?;
        let blank = |piece: &Piece| matches!(piece, Piece::Text(text) if text.chars().all(is_space));
        let empty = |stmt: &Stmt| matches!(stmt, Stmt::Output(pieces) if pieces.iter().all(blank));
        if required && !body.iter().all(empty) {
            return self.fail("Required blocks can only contain comments or whitespace");
        }
        self.skip_name(&name);
        Ok(Stmt::Block(Arc::new(Block {
            name,
            span: span.to(self.before()),
            scoped,
            required,
            body,
            scope: Scope::default(),
            self_slot: None,
            super_slot: None,
            slots: 0,
            around: Vec::new(),
        })))
    }

    fn print(&mut self) -> Parsed<Stmt> {
        self.next();
        let mut pieces = Vec::new();
        while self.kind() != &Kind::BlockEnd {
            if !pieces.is_empty() {
                self.expect_operator(",")?;
            }
            pieces.push(Piece::Expr(self.expression(true)?));
        }
        Ok(Stmt::Output(pieces))
    }

    fn signature(&mut self) -> Parsed<(Vec<Name>, Vec<Expr>)> {
        let (mut args, mut defaults) = (Vec::new(), Vec::new());
        self.expect_operator("(")?;
        while !self.kind().is_operator(")") {
            if !args.is_empty() {
                self.expect_operator(",")?;
            }
            let (name, _) = self.name_target()?;
            if self.skip_operator("=") {
                defaults.push(self.expression(true)?);
            } else if !defaults.is_empty() {
                return self.fail("non-default argument follows default argument");
            }
            args.push(name);
        }
        self.expect_operator(")")?;
        Ok((args, defaults))
    }

    fn macro_definition(&mut self) -> Parsed<Stmt> {
        let span = self.next().span;
        let (name, _) = self.name_target()?;
        let (args, defaults) = self.signature()?;
        let body = self.closed(&["endmacro"])?;
        let span = span.to(self.before());
        let definition = function(Some(Arc::clone(&name.name)), args, defaults, body, span);
        Ok(Stmt::Macro(Arc::new(definition), name))
    }

    fn call_block(&mut self) -> Parsed<Stmt> {
        let span = self.next().span;
        let (args, defaults) = if self.kind().is_operator("(") {
            self.signature()?
        } else {
            Default::default()
        };
        let call = self.expression(true)?;
        if !matches!(call.kind, ExprKind::Call(_)) {
            return Err(Malformed::new("expected call", span));
        }
        let body = self.closed(&["endcall"])?;
        Ok(Stmt::CallBlock(Box::new(CallBlock {
            definition: Arc::new(function(None, args, defaults, body, span)),
            call,
        })))
    }

    fn filter_block(&mut self) -> Parsed<Stmt> {
        self.next();
        let mut filter = self.one_filter(None)?;
        while self.skip_operator("|") {
            filter = self.one_filter(Some(filter))?;
        }
        Ok(Stmt::FilterBlock(Box::new(FilterBlock {
            filter,
            body: self.closed(&["endfilter"])?,
            scope: Scope::default(),
        })))
    }

    /// `include`, `import`, `from` and `extends`: read as they should be, refused when they are reached.
    fn refused(&mut self, tag: &str) -> Parsed<Stmt> {
        let span = self.next().span;
        let template = self.expression(true)?;
        let mut stores = Vec::new();
        match tag {
            "include" => {
                if self.kind().is_name("ignore") && self.look().is_name("missing") {
                    self.next();
                    self.next();
                }
                self.import_context();
            }
            "import" => {
                self.expect_word("as")?;
                stores.push(self.name_target()?.0);
                self.import_context();
            }
            "from" => {
                self.expect_word("import")?;
                loop {
                    if !stores.is_empty() {
                        self.expect_operator(",")?;
                    }
                    if self.import_context() {
                        break;
                    }
                    let (mut name, at) = self.name_target()?;
                    if name.name.starts_with('_') {
                        return Err(Malformed::new(
                            "names starting with an underline can not be imported",
                            at,
                        ));
                    }
                    if self.skip_name("as") {
                        name = self.name_target()?.0;
                    }
                    stores.push(name);
                    if self.import_context() || !self.kind().is_operator(",") {
                        break;
                    }
                }
            }
            _ => {}
        }
        Ok(Stmt::Refused(Box::new(Refused {
            template,
            stores,
            span: span.to(self.before()),
        })))
    }

    fn import_context(&mut self) -> bool {
        let found = matches!(self.kind(), Kind::Name(word) if word == "with" || word == "without")
            && self.look().is_name("context");
        if found {
            self.next();
            self.next();
        }
        found
    }
}

fn function(
    name: Option<Arc<str>>,
    args: Vec<Name>,
    defaults: Vec<Expr>,
    body: Vec<Stmt>,
    span: Span,
) -> Macro {
    Macro {
        span,
        name,
        args,
        defaults,
        body,
        scope: Scope::default(),
        caller: None,
        kwargs: None,
        varargs: None,
        slots: 0,
    }
}

fn unplaced(name: Arc<str>) -> Name {
    Name {
        name,
        place: Place::default(),
    }
}

fn target(expr: Expr) -> Option<Target> {
    let span = expr.span;
    match expr.kind {
        ExprKind::Name(name) => Some(Target::Name(name, span)),
        ExprKind::NsRef(name, attr) => Some(Target::NsRef(name, attr, span)),
        ExprKind::Tuple(items) => {
            let items = items.into_iter().map(target).collect::<Option<_>>()?;
            Some(Target::Tuple(items, span))
        }
        _ => None,
    }
}

fn copied(target: &Target) -> Target {
    match target {
        Target::Name(name, span) => Target::Name(name.clone(), *span),
        Target::Tuple(items, span) => Target::Tuple(items.iter().map(copied).collect(), *span),
        Target::NsRef(name, attr, span) => Target::NsRef(name.clone(), Arc::clone(attr), *span),
    }
}

/// What messages call a part of a template that cannot be assigned to.
fn class_name(kind: &ExprKind) -> &'static str {
    use super::ast::BinaryOp;
    match kind {
        ExprKind::Const(_) => "const",
        ExprKind::Name(_) => "name",
        ExprKind::Tuple(_) => "tuple",
        ExprKind::List(_) => "list",
        ExprKind::Dict(_) => "dict",
        ExprKind::Not(_) => "not",
        ExprKind::Neg(_) => "neg",
        ExprKind::Pos(_) => "pos",
        ExprKind::Binary(op, _) => match op {
            BinaryOp::Add => "add",
            BinaryOp::Sub => "sub",
            BinaryOp::Mul => "mul",
            BinaryOp::Div => "div",
            BinaryOp::FloorDiv => "floordiv",
            BinaryOp::Mod => "mod",
            BinaryOp::Pow => "pow",
        },
        ExprKind::And(_) => "and",
        ExprKind::Or(_) => "or",
        ExprKind::Concat(_) => "concat",
        ExprKind::Compare(..) => "compare",
        ExprKind::Cond(_) => "condexpr",
        ExprKind::Attr(..) => "getattr",
        ExprKind::Item(_) | ExprKind::Slice(_) => "getitem",
        ExprKind::Call(_) => "call",
        ExprKind::Filter(_) => "filter",
        ExprKind::Test(_) => "test",
        ExprKind::NsRef(..) => "nsref",
    }
}
