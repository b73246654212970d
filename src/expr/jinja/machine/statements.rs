//! Statements.

use std::sync::Arc;

use parking_lot::Mutex;

use super::items::Items;
use super::{Machine, Slot};
use crate::expr::jinja::error::ErrorKind;
use crate::expr::jinja::fault::{Fault, Run, type_error, value_error};
use crate::expr::jinja::object::{
    BlockReference, LoopState, LoopValue, Namespace, class_of, defined, text_of,
};
use crate::expr::jinja::syntax::ast::{
    Autoescape, Block, CallBlock, Expr, ExprKind, FilterBlock, For, If, Name, Piece, Refused, SetBlock, Span,
    Stmt, Target, With,
};
use crate::expr::pyvalue::str_repr;
use crate::expr::value::Value;

impl Machine<'_> {
    pub(super) fn exec(&mut self, body: &[Stmt]) -> Run<()> {
        body.iter().try_for_each(|stmt| self.exec_one(stmt))
    }

    fn exec_one(&mut self, stmt: &Stmt) -> Run<()> {
        self.step(1)?;
        match stmt {
            Stmt::Output(pieces) => pieces.iter().try_for_each(|piece| match piece {
                Piece::Text(text) => self.emit(text),
                Piece::Expr(expr) => self.output(expr),
            }),
            Stmt::For(node) => self.deeper(|machine| machine.exec_for(node)),
            Stmt::If(node) => self.exec_if(node),
            Stmt::Set(node) => {
                let value = self.eval(&node.1)?;
                self.assign(&node.0, value)
            }
            Stmt::Macro(definition, name) => {
                let value = self.define(definition);
                self.assign_name(name, value);
                Ok(())
            }
            Stmt::CallBlock(node) => self.call_block(node),
            Stmt::FilterBlock(node) => self.filter_block(node),
            Stmt::SetBlock(node) => self.set_block(node),
            Stmt::With(node) => self.exec_with(node),
            Stmt::Autoescape(node) => self.exec_autoescape(node),
            Stmt::Block(node) => self.exec_block(node),
            Stmt::Refused(node) => self.refuse(node),
        }
    }

    fn output(&mut self, expr: &Expr) -> Run<()> {
        let value = self.eval(expr)?;
        self.print(&value)
            .map_err(|fault| at(self.advised(fault, &value), expr.span))
    }

    fn exec_if(&mut self, node: &If) -> Run<()> {
        for branch in std::iter::once(node).chain(&node.elifs) {
            let test = self.eval(&branch.test)?;
            if self.truth(&test).map_err(|fault| at(fault, branch.test.span))? {
                return self.deeper(|machine| machine.exec(&branch.body));
            }
        }
        self.deeper(|machine| machine.exec(&node.otherwise))
    }

    fn assign_name(&mut self, name: &Name, value: Value) {
        if !self.template.blocks.is_empty() && self.current == 0 && self.nested == 0 {
            self.exported.insert(Arc::clone(&name.name), value.clone());
        }
        self.set_slot(name.place, Slot::Value(value));
    }

    fn assign(&mut self, target: &Target, value: Value) -> Run<()> {
        match target {
            Target::Name(name, _) => self.assign_name(name, value),
            Target::NsRef(name, attr, span) => {
                let owner = self.read(name)?;
                let Some(namespace) = owner.downcast::<Namespace>() else {
                    return Err(at(
                        Fault::new(
                            ErrorKind::Runtime,
                            "cannot assign attribute on non-namespace object",
                        ),
                        *span,
                    ));
                };
                self.charge(&value)?;
                namespace.0.lock().insert(Value::Str(Arc::clone(attr)), value);
                self.charge(&owner)?;
            }
            Target::Tuple(targets, span) => {
                let values = self
                    .unpack(&value, targets.len())
                    .map_err(|fault| at(fault, *span))?;
                for (target, value) in targets.iter().zip(values) {
                    self.assign(target, value)?;
                }
            }
        }
        Ok(())
    }

    fn unpack(&mut self, value: &Value, count: usize) -> Run<Vec<Value>> {
        let Some(items) = super::items::try_items(value)? else {
            return type_error(format!("cannot unpack non-iterable {} object", class_of(value)));
        };
        let values: Vec<Value> = items.take(count + 1).collect();
        if values.len() > count {
            return value_error(format!("too many values to unpack (expected {count})"));
        }
        if values.len() < count {
            return value_error(format!(
                "not enough values to unpack (expected {count}, got {})",
                values.len()
            ));
        }
        Ok(values)
    }

    /// Runs a scope that is not the top of the template.
    fn inside(&mut self, run: impl FnOnce(&mut Self) -> Run<()>) -> Run<()> {
        self.nested += 1;
        self.deeper(run)?;
        self.nested -= 1;
        Ok(())
    }

    fn exec_for(&mut self, node: &Arc<For>) -> Run<()> {
        let iter = self.eval(&node.iter)?;
        if node.recursive {
            let frame = self.current;
            let text = self.capture(|machine| machine.loop_function(node, &iter, frame, 0))?;
            return self.emit(&text);
        }
        self.inside(|machine| machine.run_for(node, &iter, None, 0))
    }

    /// A recursive loop is a function: it has a frame of its own.
    pub(super) fn loop_function(
        &mut self,
        node: &Arc<For>,
        iter: &Value,
        parent: u32,
        depth0: usize,
    ) -> Run<()> {
        let frame = self.new_frame(node.slots, Some(parent))?;
        self.in_frame(frame, |machine| {
            machine.run_for(node, iter, Some((Arc::clone(node), parent)), depth0)
        })
    }

    fn run_for(
        &mut self,
        node: &For,
        iter: &Value,
        recurse: Option<(Arc<For>, u32)>,
        depth0: usize,
    ) -> Run<()> {
        let mut items = self
            .items(iter)
            .map_err(|fault| at(self.advised(fault, iter), node.iter.span))?;
        if let (Some(test), Some(target)) = (&node.test, &node.test_target) {
            items = self.filtered(node, items, test, target)?;
        }
        let value = node.loop_slot.map(|slot| {
            let value = Value::opaque(LoopValue {
                state: Mutex::new(LoopState {
                    length: items.len(),
                    ..LoopState::default()
                }),
                recurse,
                depth0,
            });
            (slot, value)
        });
        let mut next = items.next();
        if next.is_none() && !node.otherwise.is_empty() {
            self.enter(&node.else_scope)?;
            return self.exec(&node.otherwise);
        }
        let mut index0 = 0;
        while let Some(item) = next {
            self.step(1)?;
            next = items.next();
            if let Some((slot, value)) = &value {
                if let Some(looping) = value.downcast::<LoopValue>() {
                    let mut state = looping.state.lock();
                    state.previous = (index0 > 0).then(|| std::mem::take(&mut state.current));
                    state.index0 = index0;
                    state.current = item.clone();
                    state.next.clone_from(&next);
                }
                self.set_own(*slot, Slot::Value(value.clone()));
            }
            self.assign(&node.target, item)?;
            self.enter(&node.scope)?;
            self.exec(&node.body)?;
            index0 += 1;
        }
        // What the loop remembers may be the loop itself.
        if let Some(looping) = value
            .as_ref()
            .and_then(|(_, value)| value.downcast::<LoopValue>())
        {
            let mut state = looping.state.lock();
            (state.changed, state.previous) = (None, None);
        }
        Ok(())
    }

    fn filtered(&mut self, node: &For, items: Items, test: &Expr, target: &Target) -> Run<Items> {
        let mut kept = Vec::new();
        for item in items {
            self.step(1)?;
            self.assign(target, item.clone())?;
            self.enter(&node.test_scope)?;
            let holds = self.eval(test)?;
            if self.truth(&holds).map_err(|fault| at(fault, test.span))? {
                kept.push(item);
            }
        }
        Ok(Items::Made(kept.into_iter()))
    }

    fn call_block(&mut self, node: &CallBlock) -> Run<()> {
        let caller = self.define(&node.definition);
        let ExprKind::Call(call) = &node.call.kind else {
            return Ok(());
        };
        let value = self
            .call_expr(&call.callee, &call.args, Some(caller))
            .map_err(|fault| at(fault, node.call.span))?;
        self.write_text(&value, node.call.span)
    }

    /// Writes what must be a text already.
    fn write_text(&mut self, value: &Value, span: Span) -> Run<()> {
        defined(value).map_err(|fault| at(fault, span))?;
        match text_of(value) {
            Some(text) => self.emit(text),
            None => Err(at(
                Fault::new(
                    ErrorKind::Type,
                    format!(
                        "sequence item 0: expected str instance, {} found",
                        class_of(value)
                    ),
                ),
                span,
            )),
        }
    }

    fn filter_block(&mut self, node: &FilterBlock) -> Run<()> {
        self.inside(|machine| {
            machine.enter(&node.scope)?;
            let text = machine.capture(|machine| machine.exec(&node.body))?;
            let made = machine.made(text);
            let value = machine.block_filter(&node.filter, made)?;
            machine.write_text(&value, node.filter.span)
        })
    }

    /// The filters of a block on its text.
    fn block_filter(&mut self, filter: &Expr, text: Value) -> Run<Value> {
        match &filter.kind {
            ExprKind::Filter(apply) => self
                .filter(apply, Some(text))
                .map_err(|fault| at(fault, filter.span)),
            _ => Ok(text),
        }
    }

    fn set_block(&mut self, node: &SetBlock) -> Run<()> {
        let mut value = Value::Null;
        self.inside(|machine| {
            machine.enter(&node.scope)?;
            let text = machine.capture(|machine| machine.exec(&node.body))?;
            value = machine.made(text);
            if let Some(filter) = &node.filter {
                value = machine.block_filter(filter, std::mem::take(&mut value))?;
            }
            Ok(())
        })?;
        self.assign(&node.target, value)
    }

    fn exec_with(&mut self, node: &With) -> Run<()> {
        self.inside(|machine| {
            machine.enter(&node.scope)?;
            for (target, value) in node.targets.iter().zip(&node.values) {
                let value = machine.eval(value)?;
                machine.assign(target, value)?;
            }
            machine.exec(&node.body)
        })
    }

    fn exec_autoescape(&mut self, node: &Autoescape) -> Run<()> {
        self.inside(|machine| {
            machine.enter(&node.scope)?;
            let on = machine.eval(&node.on)?;
            let on = machine.truth(&on)?;
            let outer = std::mem::replace(&mut machine.autoescape, on);
            machine.exec(&node.body)?;
            machine.autoescape = outer;
            Ok(())
        })
    }

    fn exec_block(&mut self, node: &Arc<Block>) -> Run<()> {
        let mut around = Vec::new();
        for name in &node.around {
            let value = match self.slot(name.place) {
                Slot::Missing => continue,
                _ => self.read(name)?,
            };
            around.push((Arc::clone(&name.name), value));
        }
        let outer = self.exported.clone();
        self.exported.extend(around);
        self.run_block(node)?;
        self.exported = outer;
        Ok(())
    }

    pub(super) fn named_block(&mut self, name: &str) -> Run<()> {
        match self.template.blocks.iter().find(|block| *block.name == *name) {
            Some(block) => {
                let block = Arc::clone(block);
                self.run_block(&block)
            }
            None => Ok(()),
        }
    }

    fn run_block(&mut self, node: &Block) -> Run<()> {
        if node.required {
            let name = str_repr(&node.name);
            return Err(at(
                Fault::new(ErrorKind::Runtime, format!("Required block {name} not found")),
                node.span,
            ));
        }
        let frame = self.new_frame(node.slots, None)?;
        self.nested += 1;
        self.in_frame(frame, |machine| {
            if let Some(slot) = node.self_slot {
                let reference = Value::opaque(BlockReference { block: None });
                machine.set_own(slot, Slot::Value(reference));
            }
            if let Some(slot) = node.super_slot {
                let missing = crate::expr::jinja::object::Undefined::hinted(
                    format!("there is no parent block called {}.", str_repr(&node.name)),
                    machine.strict(),
                );
                machine.set_own(slot, Slot::Value(missing));
            }
            machine.enter(&node.scope)?;
            machine.exec(&node.body)
        })?;
        self.nested -= 1;
        Ok(())
    }

    fn refuse(&mut self, node: &Refused) -> Run<()> {
        self.eval(&node.template)?;
        Err(at(
            Fault::new(ErrorKind::Type, "no loader for this environment specified")
                .hint("templates cannot include, import or extend others"),
            node.span,
        ))
    }
}

fn at(mut fault: Box<Fault>, span: Span) -> Box<Fault> {
    fault.span.get_or_insert(span);
    fault
}
