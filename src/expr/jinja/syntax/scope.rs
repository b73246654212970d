//! Which variable a name means. Jinja decides that before it runs a template: every loop, macro and block is a scope
//! whose names are its own, copies of outer ones, or looked up in the context once when the scope is entered.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use super::ast::{
    Apply, Autoescape, Block, CallBlock, Expr, ExprKind, FilterBlock, For, HardName, If, Load, Macro, Name,
    Piece, Place, Scope, SetBlock, Span, Stmt, Target, Template, With,
};
use super::parser::{Malformed, Parsed};
use super::walk::{body_any, body_writes_loop, mentions, writes_loop};

pub(super) fn resolve(mut body: Vec<Stmt>) -> Parsed<Template> {
    let mut resolver = Resolver::default();
    let root = resolver.new_symbols(None, true);
    resolver.see_body(root, &body);
    resolver.place_body(root, &mut body, false)?;
    Ok(resolver.finish(root, body, None))
}

pub(super) fn resolve_expression(mut expr: Expr) -> Parsed<Template> {
    let mut resolver = Resolver::default();
    let root = resolver.new_symbols(None, true);
    resolver.see_expr(root, &expr);
    resolver.place_expr(root, &mut expr, false)?;
    Ok(resolver.finish(root, Vec::new(), Some(expr)))
}

/// The names of one scope.
#[derive(Clone)]
struct Symbols {
    parent: Option<usize>,
    /// Index of the function it belongs to.
    function: usize,
    refs: HashMap<Arc<str>, u16>,
    /// In order of definition.
    loads: Vec<(u16, Load, Arc<str>)>,
    stores: HashSet<Arc<str>>,
}

/// One function: frames are made per call.
struct Function {
    depth: u16,
    slots: u16,
}

#[derive(Default)]
struct Resolver {
    symbols: Vec<Symbols>,
    functions: Vec<Function>,
    /// The slot of every name of every scope: branches that define one name share it.
    made: HashMap<(usize, Arc<str>), u16>,
    blocks: Vec<Arc<Block>>,
    hard: Vec<HardName>,
    free: BTreeSet<Arc<str>>,
}

impl Resolver {
    fn finish(mut self, root: usize, body: Vec<Stmt>, expression: Option<Expr>) -> Template {
        Template {
            body,
            expression,
            scope: self.scope_of(root),
            slots: self.functions[self.symbols[root].function].slots,
            blocks: self.blocks,
            hard_names: self.hard,
            free_names: self.free.into_iter().collect(),
            lines: Vec::new(),
        }
    }

    fn new_symbols(&mut self, parent: Option<usize>, new_function: bool) -> usize {
        let function = match parent {
            Some(parent) if !new_function => self.symbols[parent].function,
            _ => {
                let depth = parent.map_or(0, |parent| {
                    self.functions[self.symbols[parent].function].depth + 1
                });
                self.functions.push(Function { depth, slots: 0 });
                self.functions.len() - 1
            }
        };
        self.symbols.push(Symbols {
            parent,
            function,
            refs: HashMap::new(),
            loads: Vec::new(),
            stores: HashSet::new(),
        });
        self.symbols.len() - 1
    }

    fn scope_of(&mut self, at: usize) -> Scope {
        let loads = std::mem::take(&mut self.symbols[at].loads);
        for (_, load, name) in &loads {
            if *load == Load::Resolve {
                self.free.insert(Arc::clone(name));
            }
        }
        Scope { loads }
    }

    fn slots_of(&self, at: usize) -> u16 {
        self.functions[self.symbols[at].function].slots
    }

    fn find(&self, at: usize, name: &str) -> Option<Place> {
        let mut at = Some(at);
        while let Some(index) = at {
            let symbols = &self.symbols[index];
            if let Some(slot) = symbols.refs.get(name) {
                return Some(Place {
                    function: self.functions[symbols.function].depth,
                    slot: *slot,
                });
            }
            at = symbols.parent;
        }
        None
    }

    fn define(&mut self, at: usize, name: &Arc<str>, load: Load) -> u16 {
        let slot = match self.made.get(&(at, Arc::clone(name))) {
            Some(slot) => *slot,
            None => {
                let function = &mut self.functions[self.symbols[at].function];
                let slot = function.slots;
                function.slots = function.slots.saturating_add(1);
                self.made.insert((at, Arc::clone(name)), slot);
                slot
            }
        };
        let symbols = &mut self.symbols[at];
        symbols.refs.insert(Arc::clone(name), slot);
        match symbols.loads.iter_mut().find(|(known, ..)| *known == slot) {
            Some(entry) => entry.1 = load,
            None => symbols.loads.push((slot, load, Arc::clone(name))),
        }
        slot
    }

    fn parameter(&mut self, at: usize, name: &Arc<str>) -> u16 {
        self.symbols[at].stores.insert(Arc::clone(name));
        self.define(at, name, Load::Parameter)
    }

    fn store(&mut self, at: usize, name: &Arc<str>) {
        self.symbols[at].stores.insert(Arc::clone(name));
        if self.symbols[at].refs.contains_key(name) {
            return;
        }
        let outer = self.symbols[at].parent.and_then(|parent| self.find(parent, name));
        self.define(at, name, outer.map_or(Load::Undefined, Load::Alias));
    }

    fn load(&mut self, at: usize, name: &Arc<str>) {
        if self.find(at, name).is_none() {
            self.define(at, name, Load::Resolve);
        }
    }

    // What a scope mentions.

    fn see_expr(&mut self, at: usize, expr: &Expr) {
        if let ExprKind::Name(name) | ExprKind::NsRef(name, _) = &expr.kind {
            self.load(at, &name.name);
        }
        expr.children(&mut |child| self.see_expr(at, child));
    }

    fn see_target(&mut self, at: usize, target: &Target, as_parameter: bool) {
        match target {
            Target::Name(name, _) if as_parameter => {
                self.parameter(at, &name.name);
            }
            Target::Name(name, _) => self.store(at, &name.name),
            Target::Tuple(items, _) => items
                .iter()
                .for_each(|item| self.see_target(at, item, as_parameter)),
            Target::NsRef(name, ..) => self.load(at, &name.name),
        }
    }

    fn see_body(&mut self, at: usize, body: &[Stmt]) {
        for stmt in body {
            self.see(at, stmt);
        }
    }

    fn see(&mut self, at: usize, stmt: &Stmt) {
        match stmt {
            Stmt::Output(pieces) => {
                for piece in pieces {
                    if let Piece::Expr(expr) = piece {
                        self.see_expr(at, expr);
                    }
                }
            }
            Stmt::For(node) => self.see_expr(at, &node.iter),
            Stmt::If(node) => self.see_if(at, node, &node.elifs),
            Stmt::Macro(_, name) => self.store(at, &name.name),
            Stmt::CallBlock(node) => self.see_expr(at, &node.call),
            Stmt::FilterBlock(node) => self.see_expr(at, &node.filter),
            Stmt::Set(node) => {
                self.see_expr(at, &node.1);
                self.see_target(at, &node.0, false);
            }
            Stmt::SetBlock(node) => self.see_target(at, &node.target, false),
            Stmt::With(node) => node.values.iter().for_each(|value| self.see_expr(at, value)),
            Stmt::Autoescape(_) | Stmt::Block(_) => {}
            Stmt::Refused(node) => {
                self.see_expr(at, &node.template);
                node.stores.iter().for_each(|name| self.store(at, &name.name));
            }
        }
    }

    fn see_if(&mut self, at: usize, node: &If, elifs: &[If]) {
        self.see_expr(at, &node.test);
        let original = self.symbols[at].clone();
        let mut branches = Vec::with_capacity(3);
        for branch in 0..3 {
            match branch {
                0 => self.see_body(at, &node.body),
                1 => elifs.iter().for_each(|elif| self.see_if(at, elif, &[])),
                _ => self.see_body(at, &node.otherwise),
            }
            branches.push(std::mem::replace(&mut self.symbols[at], original.clone()));
        }
        self.join_branches(at, &branches);
    }

    fn join_branches(&mut self, at: usize, branches: &[Symbols]) {
        let mut stores: HashSet<Arc<str>> = branches
            .iter()
            .flat_map(|branch| branch.stores.iter().cloned())
            .collect();
        let symbols = &mut self.symbols[at];
        stores.retain(|name| !symbols.stores.contains(name));
        for branch in branches {
            for (name, slot) in &branch.refs {
                symbols.refs.insert(Arc::clone(name), *slot);
            }
            for (slot, load, name) in &branch.loads {
                match symbols.loads.iter_mut().find(|(known, ..)| known == slot) {
                    Some(entry) => entry.1 = *load,
                    None => symbols.loads.push((*slot, *load, Arc::clone(name))),
                }
            }
            symbols.stores.extend(branch.stores.iter().cloned());
        }
        for name in stores {
            let outer = self.symbols[at]
                .parent
                .and_then(|parent| self.find(parent, &name));
            self.define(at, &name, outer.map_or(Load::Resolve, Load::Alias));
        }
    }

    // Where each name is kept.

    fn place_name(&mut self, at: usize, name: &mut Name) {
        let place = match self.find(at, &name.name) {
            Some(place) => place,
            None => {
                self.load(at, &name.name);
                self.find(at, &name.name).unwrap_or_default()
            }
        };
        name.place = place;
    }

    fn place_target(&mut self, at: usize, target: &mut Target) {
        match target {
            Target::Name(name, _) | Target::NsRef(name, ..) => self.place_name(at, name),
            Target::Tuple(items, _) => items.iter_mut().for_each(|item| self.place_target(at, item)),
        }
    }

    fn place_expr(&mut self, at: usize, expr: &mut Expr, soft: bool) -> Parsed<()> {
        let span = expr.span;
        let mut soft = soft;
        match &mut expr.kind {
            ExprKind::Name(name) | ExprKind::NsRef(name, _) => self.place_name(at, name),
            ExprKind::Filter(apply) => self.place_apply(apply, soft, span, false),
            ExprKind::Test(apply) => self.place_apply(apply, soft, span, true),
            ExprKind::Cond(_) => soft = true,
            _ => {}
        }
        let mut result = Ok(());
        expr.children_mut(&mut |child| {
            if result.is_ok() {
                result = self.place_expr(at, child, soft);
            }
        });
        result
    }

    fn place_apply(&mut self, apply: &mut Apply, soft: bool, span: Span, is_test: bool) {
        apply.soft = soft;
        if !soft {
            self.hard.push(HardName {
                name: Arc::clone(&apply.name),
                span,
                is_test,
            });
        }
    }

    fn place_body(&mut self, at: usize, body: &mut [Stmt], soft: bool) -> Parsed<()> {
        body.iter_mut().try_for_each(|stmt| self.place(at, stmt, soft))
    }

    fn place(&mut self, at: usize, stmt: &mut Stmt, soft: bool) -> Parsed<()> {
        match stmt {
            Stmt::Output(pieces) => pieces.iter_mut().try_for_each(|piece| match piece {
                Piece::Expr(expr) => self.place_expr(at, expr, soft),
                Piece::Text(_) => Ok(()),
            }),
            Stmt::For(node) => match Arc::get_mut(node) {
                Some(node) => self.place_for(at, node, soft),
                None => Ok(()),
            },
            Stmt::If(node) => self.place_if(at, node),
            Stmt::Macro(definition, name) => {
                if let Some(definition) = Arc::get_mut(definition) {
                    self.place_macro(at, definition)?;
                }
                self.place_name(at, name);
                Ok(())
            }
            Stmt::CallBlock(node) => self.place_call_block(at, node, soft),
            Stmt::FilterBlock(node) => self.place_filter_block(at, node),
            Stmt::Set(node) => {
                self.place_expr(at, &mut node.1, soft)?;
                self.place_target(at, &mut node.0);
                Ok(())
            }
            Stmt::SetBlock(node) => self.place_set_block(at, node),
            Stmt::With(node) => self.place_with(at, node, soft),
            Stmt::Autoescape(node) => self.place_autoescape(at, node),
            Stmt::Block(node) => {
                if let Some(block) = Arc::get_mut(node) {
                    self.place_block(at, block)?;
                }
                if self.blocks.iter().any(|known| known.name == node.name) {
                    let name = crate::expr::pyvalue::str_repr(&node.name);
                    return Err(Malformed::new(format!("block {name} defined twice"), node.span));
                }
                self.blocks.push(Arc::clone(node));
                Ok(())
            }
            Stmt::Refused(node) => {
                self.place_expr(at, &mut node.template, soft)?;
                node.stores.iter_mut().for_each(|name| self.place_name(at, name));
                Ok(())
            }
        }
    }

    fn place_if(&mut self, at: usize, node: &mut If) -> Parsed<()> {
        self.place_expr(at, &mut node.test, true)?;
        self.place_body(at, &mut node.body, true)?;
        node.elifs
            .iter_mut()
            .try_for_each(|elif| self.place_if(at, elif))?;
        self.place_body(at, &mut node.otherwise, true)
    }

    fn place_for(&mut self, at: usize, node: &mut For, soft: bool) -> Parsed<()> {
        if let Some(span) = writes_loop(&node.target)
            .or_else(|| body_writes_loop(&node.body))
            .or_else(|| body_writes_loop(&node.otherwise))
        {
            return Err(Malformed::new(
                "Can't assign to special loop variable in for-loop target",
                span,
            ));
        }
        self.place_expr(at, &mut node.iter, soft)?;
        let inner = self.new_symbols(Some(at), node.recursive);
        let uses_loop = node.recursive
            || mentions(&node.body, "loop")
            || body_any(
                &node.body,
                &mut |stmt| matches!(stmt, Stmt::Block(block) if block.scoped),
            );
        if uses_loop {
            node.loop_slot = Some(self.parameter(inner, &"loop".into()));
        }
        self.see_target(inner, &node.target, true);
        self.see_body(inner, &node.body);
        // The other scopes of a recursive loop run in its frame as well.
        let beside = self.new_symbols(Some(at), false);
        self.symbols[beside].function = self.symbols[inner].function;
        self.see_body(beside, &node.otherwise);
        if let (Some(test), Some(target)) = (&mut node.test, &mut node.test_target) {
            let testing = self.new_symbols(Some(at), false);
            self.symbols[testing].function = self.symbols[inner].function;
            self.see_target(testing, target, true);
            self.see_expr(testing, test);
            self.place_target(testing, target);
            self.place_expr(testing, test, false)?;
            node.test_scope = self.scope_of(testing);
        }
        self.place_target(inner, &mut node.target);
        self.place_body(inner, &mut node.body, false)?;
        node.scope = self.scope_of(inner);
        self.place_body(beside, &mut node.otherwise, false)?;
        node.else_scope = self.scope_of(beside);
        node.slots = self.slots_of(inner);
        Ok(())
    }

    fn place_macro(&mut self, at: usize, node: &mut Macro) -> Parsed<()> {
        let inner = self.new_symbols(Some(at), true);
        for arg in &node.args {
            self.parameter(inner, &arg.name);
        }
        for default in &node.defaults {
            self.see_expr(inner, default);
        }
        self.see_body(inner, &node.body);
        let named = |wanted: &str| node.args.iter().position(|arg| &*arg.name == wanted);
        if mentions(&node.body, "caller") {
            match named("caller") {
                Some(index) if index + node.defaults.len() < node.args.len() => {
                    return Err(Malformed::new(
                        "When defining macros or call blocks the special \"caller\" argument must be omitted or be given a default.",
                        node.span,
                    ));
                }
                Some(_) => {}
                None => node.caller = Some(self.parameter(inner, &"caller".into())),
            }
        }
        if mentions(&node.body, "kwargs") && named("kwargs").is_none() {
            node.kwargs = Some(self.parameter(inner, &"kwargs".into()));
        }
        if mentions(&node.body, "varargs") && named("varargs").is_none() {
            node.varargs = Some(self.parameter(inner, &"varargs".into()));
        }
        for arg in &mut node.args {
            self.place_name(inner, arg);
        }
        for default in &mut node.defaults {
            self.place_expr(inner, default, false)?;
        }
        self.place_body(inner, &mut node.body, false)?;
        node.scope = self.scope_of(inner);
        node.slots = self.slots_of(inner);
        Ok(())
    }

    fn place_call_block(&mut self, at: usize, node: &mut CallBlock, soft: bool) -> Parsed<()> {
        if let Some(definition) = Arc::get_mut(&mut node.definition) {
            self.place_macro(at, definition)?;
        }
        self.place_expr(at, &mut node.call, soft)
    }

    fn place_filter_block(&mut self, at: usize, node: &mut FilterBlock) -> Parsed<()> {
        let inner = self.new_symbols(Some(at), false);
        self.see_body(inner, &node.body);
        self.see_expr(inner, &node.filter);
        self.place_body(inner, &mut node.body, false)?;
        self.place_expr(inner, &mut node.filter, false)?;
        node.scope = self.scope_of(inner);
        Ok(())
    }

    fn place_set_block(&mut self, at: usize, node: &mut SetBlock) -> Parsed<()> {
        let inner = self.new_symbols(Some(at), false);
        self.see_body(inner, &node.body);
        if let Some(filter) = &node.filter {
            self.see_expr(inner, filter);
        }
        self.place_body(inner, &mut node.body, false)?;
        if let Some(filter) = &mut node.filter {
            self.place_expr(inner, filter, false)?;
        }
        self.place_target(at, &mut node.target);
        node.scope = self.scope_of(inner);
        Ok(())
    }

    fn place_with(&mut self, at: usize, node: &mut With, soft: bool) -> Parsed<()> {
        let inner = self.new_symbols(Some(at), false);
        for target in &node.targets {
            self.see_target(inner, target, true);
        }
        self.see_body(inner, &node.body);
        for value in &mut node.values {
            self.place_expr(at, value, soft)?;
        }
        for target in &mut node.targets {
            self.place_target(inner, target);
        }
        self.place_body(inner, &mut node.body, false)?;
        node.scope = self.scope_of(inner);
        Ok(())
    }

    fn place_autoescape(&mut self, at: usize, node: &mut Autoescape) -> Parsed<()> {
        let inner = self.new_symbols(Some(at), false);
        self.see_expr(inner, &node.on);
        self.see_body(inner, &node.body);
        self.place_expr(inner, &mut node.on, false)?;
        self.place_body(inner, &mut node.body, false)?;
        node.scope = self.scope_of(inner);
        Ok(())
    }

    fn place_block(&mut self, at: usize, node: &mut Block) -> Parsed<()> {
        let inner = self.new_symbols(None, true);
        if mentions(&node.body, "self") {
            node.self_slot = Some(self.parameter(inner, &"self".into()));
        }
        if mentions(&node.body, "super") {
            node.super_slot = Some(self.parameter(inner, &"super".into()));
        }
        self.see_body(inner, &node.body);
        self.place_body(inner, &mut node.body, false)?;
        node.scope = self.scope_of(inner);
        node.slots = self.slots_of(inner);
        if node.scoped {
            let mut names = BTreeSet::new();
            let mut scope = Some(at);
            while let Some(index) = scope {
                names.extend(self.symbols[index].stores.iter().cloned());
                scope = self.symbols[index].parent;
            }
            for name in names {
                if let Some(place) = self.find(at, &name) {
                    node.around.push(Name { name, place });
                }
            }
        }
        Ok(())
    }
}
