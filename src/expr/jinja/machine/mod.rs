//! Runs a template: frames of variables, the output, and the bounds of both.

mod access;
mod calls;
mod expressions;
mod items;
mod mutate;
mod statements;

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;

use super::context::{Context, Datastore, Found, JsonRef, StoredKey};
use super::error::ErrorKind;
use super::fault::{Fault, Run, fail, limit};
use super::globals;
use super::object::{
    BlockReference, Function, MAX_WEIGHT, Namespace, Undefined, check_weight, is_markup, text_of, undefined,
};
use super::syntax::ast::{Load, Name, Place, Scope, Template};
use super::text::escape_html;
use super::{Host, Limits, Setting};
use crate::expr::pynum;
use crate::expr::value::{self, DictMap, Value};

pub(crate) use calls::CallArgs;
pub(crate) use items::{is_iterable, try_items};

/// How deep values may be nested. JSON that is read is no deeper.
const MAX_DEPTH: u32 = 1000;

/// What a variable holds.
#[derive(Clone)]
enum Slot {
    Missing,
    Value(Value),
    Json(JsonRef),
}

/// The variables of one call of a function.
struct Frame {
    slots: Vec<Slot>,
    parent: Option<u32>,
    depth: u16,
    /// Whether a macro may come back to it.
    pinned: bool,
}

/// One evaluation.
pub(crate) struct Machine<'r> {
    template: &'r Template,
    vars: &'r Context,
    host: Option<&'r dyn Host>,
    setting: Setting,
    limits: Limits,
    out: String,
    fuel: u64,
    /// Bytes that may still be made.
    memory: u64,
    frames: Vec<Frame>,
    current: u32,
    depth: usize,
    /// Within how many scopes that are not the top of the template.
    nested: usize,
    pub(crate) autoescape: bool,
    /// Variables that the template itself set at its top, for its blocks.
    exported: HashMap<Arc<str>, Value>,
    /// All namespaces that the template made.
    namespaces: Vec<Value>,
}

/// Namespaces may hold each other, and would be kept for ever.
impl Drop for Machine<'_> {
    fn drop(&mut self) {
        for namespace in &self.namespaces {
            if let Some(namespace) = namespace.downcast::<Namespace>() {
                let held = std::mem::take(&mut *namespace.0.lock());
                drop(held);
            }
        }
    }
}

impl<'r> Machine<'r> {
    pub(crate) fn new(
        template: &'r Template,
        vars: &'r Context,
        host: Option<&'r dyn Host>,
        setting: Setting,
        limits: Limits,
    ) -> Self {
        let root = Frame {
            slots: vec![Slot::Missing; usize::from(template.slots)],
            parent: None,
            depth: 0,
            pinned: false,
        };
        Self {
            template,
            vars,
            host,
            setting,
            limits,
            out: String::new(),
            fuel: limits.fuel,
            memory: limits.memory,
            frames: vec![root],
            current: 0,
            depth: 0,
            nested: 0,
            autoescape: false,
            exported: HashMap::new(),
            namespaces: Vec::new(),
        }
    }

    /// Renders the whole template.
    pub(crate) fn render(mut self) -> Run<String> {
        self.enter(&self.template.scope)?;
        self.exec(&self.template.body)?;
        Ok(std::mem::take(&mut self.out))
    }

    /// The value of the template's expression.
    pub(crate) fn value(mut self) -> Run<Value> {
        self.enter(&self.template.scope)?;
        match &self.template.expression {
            Some(expr) => self.eval(expr),
            None => Ok(Value::Null),
        }
    }

    pub(crate) fn strict(&self) -> bool {
        self.setting != Setting::Permissive
    }

    pub(crate) fn setting(&self) -> Setting {
        self.setting
    }

    pub(crate) fn host(&self) -> Option<&'r dyn Host> {
        self.host
    }

    /// Counts steps.
    pub(crate) fn step(&mut self, steps: usize) -> Run<()> {
        match self.fuel.checked_sub(steps as u64) {
            Some(left) => {
                self.fuel = left;
                Ok(())
            }
            None => Err(Fault::new(ErrorKind::Limit, "the template takes too many steps")
                .hint("loops over long lists and growing texts cost most")),
        }
    }

    /// Counts the handling of a value that was made.
    pub(crate) fn charge(&mut self, value: &Value) -> Run<()> {
        if value.depth() > MAX_DEPTH {
            return fail(
                ErrorKind::Recursion,
                format!("a value is nested more than {MAX_DEPTH} deep"),
            );
        }
        let steps = match value {
            Value::Str(text) => text.len() / 64,
            Value::List(items) | Value::Tuple(items) => items.len(),
            Value::Dict(dict) => dict.len(),
            Value::Set(set) => set.len(),
            Value::BigInt(number) => usize::try_from(number.bits() / 64).unwrap_or(usize::MAX),
            Value::Opaque(_) => text_of(value).map_or(0, |text| text.len() / 64),
            _ => return Ok(()),
        };
        let bytes = (steps as u64).saturating_mul(64);
        let Some(left) = self.memory.checked_sub(bytes) else {
            return limit(format!(
                "the template makes more than {} bytes",
                self.limits.memory
            ));
        };
        self.memory = left;
        self.step(steps)
    }

    /// Counts the handling of everything inside a value.
    pub(crate) fn weigh(&mut self, value: &Value) -> Run<()> {
        self.step(usize::try_from(value.weight() / 64).unwrap_or(usize::MAX))
    }

    /// Goes one level deeper for the time of `run`.
    pub(crate) fn deeper<T>(&mut self, run: impl FnOnce(&mut Self) -> Run<T>) -> Run<T> {
        self.depth += 1;
        if self.depth > self.limits.recursion * 4 {
            return fail(
                ErrorKind::Recursion,
                "maximum recursion depth exceeded: macros, loops or expressions are within each other too deep",
            );
        }
        let done = run(self);
        self.depth -= 1;
        done
    }

    fn frame_of(&self, place: Place) -> usize {
        let mut at = self.current as usize;
        let mut up = self.frames[at].depth.saturating_sub(place.function);
        while up > 0 {
            at = self.frames[at].parent.unwrap_or(0) as usize;
            up -= 1;
        }
        at
    }

    fn slot(&self, place: Place) -> &Slot {
        static MISSING: Slot = Slot::Missing;
        self.frames[self.frame_of(place)]
            .slots
            .get(usize::from(place.slot))
            .unwrap_or(&MISSING)
    }

    fn slot_mut(&mut self, place: Place) -> &mut Slot {
        let frame = self.frame_of(place);
        &mut self.frames[frame].slots[usize::from(place.slot)]
    }

    fn set_slot(&mut self, place: Place, slot: Slot) {
        let frame = self.frame_of(place);
        if let Some(found) = self.frames[frame].slots.get_mut(usize::from(place.slot)) {
            *found = slot;
        }
    }

    fn set_own(&mut self, slot: u16, value: Slot) {
        if let Some(found) = self.frames[self.current as usize]
            .slots
            .get_mut(usize::from(slot))
        {
            *found = value;
        }
    }

    /// Fills the variables that a scope begins with.
    fn enter(&mut self, scope: &Scope) -> Run<()> {
        for (slot, load, name) in &scope.loads {
            let value = match load {
                Load::Parameter => continue,
                Load::Resolve => self.resolve(name),
                Load::Alias(place) => self.slot(*place).clone(),
                Load::Undefined => Slot::Missing,
            };
            self.set_own(*slot, value);
        }
        Ok(())
    }

    /// A namespace, to be emptied at the end.
    pub(crate) fn namespace(&mut self, attributes: DictMap) -> Value {
        let value = Value::opaque(Namespace(Mutex::new(attributes)));
        self.namespaces.push(value.clone());
        value
    }

    /// What a name means outside of the template.
    fn resolve(&self, name: &Arc<str>) -> Slot {
        if let Some(value) = self.exported.get(name) {
            return Slot::Value(value.clone());
        }
        if &**name == "self" {
            return Slot::Value(Value::opaque(BlockReference { block: None }));
        }
        match self.vars.find(name) {
            Some(Found::Value(value)) => return Slot::Value(value),
            Some(Found::Json(json)) => return Slot::Json(json),
            None => {}
        }
        if self.host.is_some_and(|host| host.has(name)) || self.setting.has_function(name) {
            return Slot::Value(Value::opaque(Function {
                name: Arc::clone(name),
            }));
        }
        globals::find(name).map_or(Slot::Missing, |global| Slot::Value(Value::opaque(global)))
    }

    /// The value of a variable; an undefined value where there is none.
    pub(crate) fn read(&mut self, name: &Name) -> Run<Value> {
        Ok(match self.slot(name.place) {
            Slot::Value(value) => value.clone(),
            Slot::Json(json) => {
                let value = json.value();
                self.set_slot(name.place, Slot::Value(value.clone()));
                value
            }
            Slot::Missing => Undefined::variable(&name.name, self.strict()),
        })
    }

    /// A variable by its name, as the host's functions may need it.
    pub(crate) fn variable(&self, name: &str) -> Option<Value> {
        match self.vars.find(&name.into())? {
            Found::Value(value) => Some(value),
            Found::Json(json) => Some(json.value()),
        }
    }

    /// The datastore, if the template has one.
    pub(crate) fn decrypt(&self, value: &Value) -> Result<String, String> {
        if let Some(key) = value.downcast::<StoredKey>() {
            return key.decrypt();
        }
        match self
            .variable("st2kv")
            .as_ref()
            .and_then(Value::downcast::<Datastore>)
        {
            Some(store) => store.decrypt(&value::str(value)),
            None => Err("secrets cannot be decrypted here: there is no datastore".to_owned()),
        }
    }

    /// Advice about an undefined variable.
    pub(crate) fn advise(&self, mut fault: Box<Fault>, missing: &Undefined) -> Box<Fault> {
        if fault.hint.is_some() {
            return fault;
        }
        let Some(name) = missing.variable_name() else {
            return fault;
        };
        let names = self.vars.names();
        let functions = self.host.map_or_else(Vec::new, Host::names);
        let known = globals::NAMES
            .into_iter()
            .chain(functions)
            .chain(names.iter().map(String::as_str));
        if let Some(near) = super::nearest(name, known) {
            fault.hint = Some(format!("did you mean '{near}'?"));
        }
        fault
    }

    /// Writes to the output.
    fn emit(&mut self, text: &str) -> Run<()> {
        if self.out.len() + text.len() > self.limits.output {
            let bytes = self.limits.output;
            return limit(format!("the rendered text is longer than {bytes} bytes"));
        }
        self.fuel = self.fuel.saturating_sub(text.len() as u64 / 64);
        self.out.push_str(text);
        Ok(())
    }

    /// Prints a value as `{{ }}` does.
    fn print(&mut self, value: &Value) -> Run<()> {
        if self.autoescape && !is_markup(value) {
            let text = self.text(value)?;
            return self.emit(&escape_html(&text));
        }
        match value {
            Value::Str(text) => self.emit(text),
            Value::Int(number) => {
                use std::fmt::Write as _;
                self.emit("")?;
                // Writing to a text cannot fail.
                let _ = write!(self.out, "{number}");
                Ok(())
            }
            Value::Opaque(_) => {
                if let Some(escaped) = value.downcast::<super::object::JsonEscaped>() {
                    let decoded = unescaped(&escaped.0);
                    return self.emit(decoded.as_deref().unwrap_or(&escaped.0));
                }
                let text = self.text(value)?;
                self.emit(&text)
            }
            other => {
                self.weigh(other)?;
                let text = text_of_data(other)?;
                self.emit(&text)
            }
        }
    }

    /// `str(value)`
    pub(crate) fn text(&mut self, value: &Value) -> Run<Arc<str>> {
        if let Some(text) = text_of(value) {
            return Ok(Arc::clone(text));
        }
        self.weigh(value)?;
        let text = text_of_data(value)?;
        Ok(text.into())
    }

    /// Runs with an output of its own and gives what was written.
    fn capture(&mut self, run: impl FnOnce(&mut Self) -> Run<()>) -> Run<String> {
        let outer = std::mem::take(&mut self.out);
        run(self)?;
        Ok(std::mem::replace(&mut self.out, outer))
    }

    /// A text that a block or macro made.
    fn made(&self, text: String) -> Value {
        if self.autoescape {
            super::object::Markup::value(text)
        } else {
            Value::from(text)
        }
    }
}

/// `str(value)` of anything.
pub(crate) fn text_of_data(value: &Value) -> Run<String> {
    check_weight(value, MAX_WEIGHT)?;
    match value {
        Value::Opaque(_) => match undefined(value) {
            Some(missing) if missing.is_strict() => Err(missing.fault()),
            Some(_) => Ok(String::new()),
            None => match text_of(value) {
                Some(text) => Ok(text.to_string()),
                None => Ok(value::str(value)),
            },
        },
        Value::BigInt(number) => {
            pynum::check_printable(number)?;
            Ok(number.to_string())
        }
        other => Ok(value::str(other)),
    }
}

/// The text that a JSON-escaped text stands for.
fn unescaped(text: &str) -> Option<String> {
    if !text.contains('\\') {
        return None;
    }
    serde_json::from_str(&format!("\"{text}\"")).ok()
}
