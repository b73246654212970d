//! What a rule is judged by: the payload, the datastore, the time.

use std::cell::OnceCell;
use std::fmt;
use std::sync::Arc;

use serde_json::Value as Json;

use crate::expr::jinja::{Context, Jinja, KeyLookup, KeyScope};
use crate::expr::value::{Value, from_json};
use crate::model::Timestamp;

use super::path::Prefix;

/// An occurrence of a trigger as criteria and templates see it. Make one per event and use it for all rules.
pub struct Facts<'e> {
    pub(super) jinja: &'e Jinja,
    payload: Place<'e>,
    prefix: Prefix,
    keys: Option<&'e Arc<dyn KeyLookup>>,
    pub(super) now: Timestamp,
    /// `{trigger: payload}` as a value, for paths with wildcards.
    whole: OnceCell<Value>,
    context: OnceCell<Context>,
    /// Inside `search`: the facts around, whose templates see the whole payload.
    outer: Option<&'e Facts<'e>>,
}

enum Place<'e> {
    Shared(&'e Arc<Json>),
    Part(&'e Json),
}

impl fmt::Debug for Facts<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The payload may hold secrets.
        f.debug_struct("Facts")
            .field("now", &self.now)
            .finish_non_exhaustive()
    }
}

impl<'e> Facts<'e> {
    /// The facts of an event. Without `keys`, `st2kv` does not exist and `system.` finds nothing.
    pub fn new(
        jinja: &'e Jinja,
        payload: &'e Arc<Json>,
        keys: Option<&'e Arc<dyn KeyLookup>>,
        now: Timestamp,
    ) -> Self {
        Self {
            jinja,
            payload: Place::Shared(payload),
            prefix: Prefix::Trigger,
            keys,
            now,
            whole: OnceCell::new(),
            context: OnceCell::new(),
            outer: None,
        }
    }

    /// The facts of one item of a list in the payload.
    pub(super) fn of_item(&'e self, item: &'e Json) -> Facts<'e> {
        Facts {
            jinja: self.jinja,
            payload: Place::Part(item),
            prefix: Prefix::Item,
            keys: self.keys,
            now: self.now,
            whole: OnceCell::new(),
            context: OnceCell::new(),
            outer: Some(self),
        }
    }

    /// The payload.
    #[must_use]
    pub fn payload(&self) -> &Json {
        match &self.payload {
            Place::Shared(payload) => payload,
            Place::Part(payload) => payload,
        }
    }

    /// Whether the payload is nothing at all, as Python judges it.
    pub(super) fn is_empty(&self) -> bool {
        match self.payload() {
            Json::Null => true,
            Json::Bool(flag) => !flag,
            Json::Number(number) => number.as_f64() == Some(0.0),
            Json::String(text) => text.is_empty(),
            Json::Array(items) => items.is_empty(),
            Json::Object(map) => map.is_empty(),
        }
    }

    /// The text of a key of the datastore.
    pub(super) fn system_key(&self, key: &str) -> Option<String> {
        self.keys?.get(KeyScope::System, key)
    }

    /// `{trigger: payload}`, made once.
    pub(super) fn whole(&self) -> &Value {
        self.whole
            .get_or_init(|| Value::dict([(self.prefix.word(), from_json(self.payload()))]))
    }

    /// What templates see: `trigger` and `st2kv`. Made once per event.
    pub(super) fn context(&self) -> &Context {
        if let Some(outer) = self.outer {
            return outer.context();
        }
        self.context.get_or_init(|| {
            let mut context = Context::new();
            match &self.payload {
                Place::Shared(payload) => context.set("trigger", payload),
                Place::Part(payload) => context.set_value("trigger", from_json(payload)),
            }
            if let Some(keys) = self.keys {
                context.set_datastore(Arc::clone(keys));
                context.set_system_keys(Arc::clone(keys));
            }
            context
        })
    }

    /// The payload for templates; shared wherever it can be.
    pub(super) fn shared_payload(&self) -> Arc<Json> {
        match &self.payload {
            Place::Shared(payload) => Arc::clone(payload),
            Place::Part(payload) => Arc::new((*payload).clone()),
        }
    }

    pub(super) fn keys(&self) -> Option<&Arc<dyn KeyLookup>> {
        self.keys
    }
}
