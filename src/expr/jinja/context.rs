//! What a template can see: named values shared by reference, and the datastore behind `st2kv`.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use minijinja::Value;
use minijinja::value::{Enumerator, Object, ObjectRepr};
use serde_json::Value as Json;

use super::value::{Node, from_json};

/// Whose keys are meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum KeyScope {
    /// `st2kv.system`
    System,
    /// `st2kv.user`: keys of the user on whose behalf the template is rendered.
    User,
}

impl KeyScope {
    /// `system` or `user`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::User => "user",
        }
    }
}

/// The datastore as templates see it. Called while rendering, once for every use.
pub trait KeyLookup: Send + Sync {
    /// The stored text of a key (`a.b` for `st2kv.system.a.b`); of a secret its ciphertext.
    fn get(&self, scope: KeyScope, key: &str) -> Option<String>;

    /// The plain text of a secret's ciphertext.
    ///
    /// # Errors
    ///
    /// Why it cannot be decrypted, without the text itself.
    fn decrypt(&self, ciphertext: &str) -> Result<String, String> {
        let _ = ciphertext;
        Err("secrets cannot be decrypted here: there is no key".to_owned())
    }
}

/// The variables of a template. Cloning is cheap; so is handing it to a render.
#[derive(Clone, Default)]
pub struct Context {
    scope: Arc<Scope>,
}

#[derive(Clone, Default)]
struct Scope {
    base: Option<Node>,
    values: HashMap<String, Value>,
}

impl Context {
    /// No variables.
    pub fn new() -> Self {
        Self::default()
    }

    /// Every member of an object as a variable. The object is shared, not copied.
    pub fn from_json(object: Arc<Json>) -> Self {
        Self {
            scope: Arc::new(Scope {
                base: Some(Node::new(object)),
                values: HashMap::new(),
            }),
        }
    }

    /// Adds or replaces a variable. The value is shared, not copied.
    pub fn set(&mut self, name: impl Into<String>, value: &Arc<Json>) {
        self.set_value(name.into(), from_json(value));
    }

    /// Adds or replaces a variable by a text.
    pub fn set_text(&mut self, name: impl Into<String>, text: &str) {
        self.set_value(name.into(), Value::from(text));
    }

    /// Adds `st2kv`.
    pub fn set_datastore(&mut self, lookup: Arc<dyn KeyLookup>) {
        self.set_value("st2kv".to_owned(), Value::from_object(Datastore { lookup }));
    }

    /// Adds `__context`, a dictionary of all variables.
    pub fn with_whole_context(mut self) -> Self {
        let whole = Value::from_object(Whole {
            scope: Arc::clone(&self.scope),
        });
        self.set_value("__context".to_owned(), whole);
        self
    }

    /// Whether there is a variable of this name.
    pub fn contains(&self, name: &str) -> bool {
        self.scope.lookup(name).is_some()
    }

    /// Whether there are no variables at all.
    pub fn is_empty(&self) -> bool {
        self.scope.values.is_empty()
            && self
                .scope
                .base
                .as_ref()
                .is_none_or(|base| base.json().as_object().is_none_or(serde_json::Map::is_empty))
    }

    /// The names of all variables, in no particular order.
    pub fn names(&self) -> Vec<String> {
        self.scope.names()
    }

    fn set_value(&mut self, name: String, value: Value) {
        Arc::make_mut(&mut self.scope).values.insert(name, value);
    }

    pub(crate) fn root(&self) -> Value {
        Value::from_dyn_object(Arc::clone(&self.scope))
    }
}

impl fmt::Debug for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Values may be secret; names are not.
        f.debug_tuple("Context").field(&self.names()).finish()
    }
}

impl Scope {
    fn lookup(&self, name: &str) -> Option<Value> {
        self.values
            .get(name)
            .cloned()
            .or_else(|| self.base.as_ref()?.key(name))
    }

    fn names(&self) -> Vec<String> {
        let base = self.base.as_ref().and_then(|base| base.json().as_object());
        let mut names: Vec<String> = self.values.keys().cloned().collect();
        names.extend(
            base.into_iter()
                .flat_map(|map| map.keys().cloned())
                .filter(|n| !self.values.contains_key(n)),
        );
        names
    }
}

impl fmt::Debug for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Scope").field(&self.names()).finish()
    }
}

impl Object for Scope {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        self.lookup(key.as_str()?)
    }

    fn get_value_by_str(self: &Arc<Self>, key: &str) -> Option<Value> {
        self.lookup(key)
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Values(self.names().into_iter().map(Value::from).collect())
    }
}

/// `__context`
#[derive(Debug)]
struct Whole {
    scope: Arc<Scope>,
}

impl Object for Whole {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        self.scope.lookup(key.as_str()?)
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Values(self.scope.names().into_iter().map(Value::from).collect())
    }
}

/// `st2kv`
pub(crate) struct Datastore {
    lookup: Arc<dyn KeyLookup>,
}

impl Datastore {
    pub(crate) fn decrypt(&self, ciphertext: &str) -> Result<String, String> {
        self.lookup.decrypt(ciphertext)
    }
}

impl fmt::Debug for Datastore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("st2kv")
    }
}

impl Object for Datastore {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        let scope = match key.as_str()? {
            "system" => KeyScope::System,
            "user" => KeyScope::User,
            _ => return None,
        };
        Some(Value::from_object(StoredKey {
            lookup: Arc::clone(&self.lookup),
            scope,
            key: String::new(),
        }))
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Str(&["system", "user"])
    }
}

/// `st2kv.system.a.b`: prints as the stored text, and is the way to longer keys.
pub(crate) struct StoredKey {
    lookup: Arc<dyn KeyLookup>,
    scope: KeyScope,
    key: String,
}

impl StoredKey {
    /// The stored text; empty when there is none.
    pub(crate) fn text(&self) -> String {
        self.lookup.get(self.scope, &self.key).unwrap_or_default()
    }

    pub(crate) fn decrypt(&self) -> Result<String, String> {
        let text = self.text();
        if text.is_empty() {
            let name = format!("st2kv.{}.{}", self.scope.as_str(), self.key);
            return Err(format!(
                "Referenced datastore item \"{name}\" doesn't exist or it contains an empty string"
            ));
        }
        self.lookup.decrypt(&text)
    }
}

impl fmt::Debug for StoredKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "st2kv.{}.{}", self.scope.as_str(), self.key)
    }
}

impl Object for StoredKey {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        let name = key.as_str()?;
        if name.starts_with("__") {
            return None;
        }
        let key = if self.key.is_empty() {
            name.to_owned()
        } else {
            format!("{}.{name}", self.key)
        };
        Some(Value::from_object(StoredKey {
            lookup: Arc::clone(&self.lookup),
            scope: self.scope,
            key,
        }))
    }

    fn is_true(self: &Arc<Self>) -> bool {
        true
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text())
    }
}
