//! What a template can see: named values shared by reference, and the datastore behind `st2kv`.

use std::any::Any;
use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, OnceLock};

use parking_lot::Mutex;
use serde_json::Value as Json;

use crate::expr::value::{Dict, Opaque, Value, from_json};

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
    base: Base,
    named: HashMap<String, Variable>,
}

/// An object whose members are variables.
#[derive(Clone, Default)]
enum Base {
    #[default]
    None,
    Json(Arc<JsonBase>),
    Dict(Dict),
}

struct JsonBase {
    object: Arc<Json>,
    /// Members that were wanted whole.
    made: Mutex<HashMap<String, Value>>,
}

#[derive(Clone)]
enum Variable {
    Value(Value),
    Json(Arc<JsonValue>),
    /// All variables there were when it was made.
    Whole(Arc<Whole>),
}

/// A JSON value that becomes a [`Value`] as a whole only when it is wanted as a whole.
struct JsonValue {
    json: Arc<Json>,
    made: OnceLock<Value>,
}

struct Whole {
    scope: Arc<Scope>,
    made: OnceLock<Value>,
}

/// JSON that a variable stands for.
#[derive(Clone)]
pub(crate) enum JsonRef {
    Whole(Arc<dyn HoldsJson>),
    Member(Arc<dyn HoldsJson>, Arc<str>),
}

/// Something that holds JSON.
pub(crate) trait HoldsJson: Send + Sync {
    fn json(&self) -> &Json;
    /// The whole, or one member, as a value.
    fn value(&self, member: Option<&str>) -> Value;
}

impl HoldsJson for JsonValue {
    fn json(&self) -> &Json {
        &self.json
    }

    fn value(&self, _member: Option<&str>) -> Value {
        self.made.get_or_init(|| from_json(&self.json)).clone()
    }
}

impl HoldsJson for JsonBase {
    fn json(&self) -> &Json {
        &self.object
    }

    fn value(&self, member: Option<&str>) -> Value {
        let Some(name) = member else {
            return from_json(&self.object);
        };
        if let Some(known) = self.made.lock().get(name) {
            return known.clone();
        }
        let value = self.object.get(name).map_or(Value::Null, from_json);
        self.made.lock().insert(name.to_owned(), value.clone());
        value
    }
}

impl JsonRef {
    pub(crate) fn json(&self) -> &Json {
        match self {
            Self::Whole(holder) => holder.json(),
            Self::Member(holder, name) => holder.json().get(&**name).unwrap_or(&Json::Null),
        }
    }

    pub(crate) fn value(&self) -> Value {
        match self {
            Self::Whole(holder) => holder.value(None),
            Self::Member(holder, name) => holder.value(Some(name)),
        }
    }
}

/// What a name means.
pub(crate) enum Found {
    Value(Value),
    Json(JsonRef),
}

impl Context {
    /// No variables.
    pub fn new() -> Self {
        Self::default()
    }

    /// Every member of an object as a variable. The object is shared, not copied.
    pub fn from_json(object: Arc<Json>) -> Self {
        Self::with_base(Base::Json(Arc::new(JsonBase {
            object,
            made: Mutex::default(),
        })))
    }

    /// Every member of a dictionary whose key is a text as a variable. The dictionary is shared, not copied.
    pub fn from_dict(dict: Dict) -> Self {
        Self::with_base(Base::Dict(dict))
    }

    fn with_base(base: Base) -> Self {
        Self {
            scope: Arc::new(Scope {
                base,
                named: HashMap::new(),
            }),
        }
    }

    /// Adds or replaces a variable. The value is shared, not copied.
    pub fn set(&mut self, name: impl Into<String>, value: &Arc<Json>) {
        let variable = Variable::Json(Arc::new(JsonValue {
            json: Arc::clone(value),
            made: OnceLock::new(),
        }));
        self.insert(name.into(), variable);
    }

    /// Adds or replaces a variable. The value is shared, not copied.
    pub fn set_value(&mut self, name: impl Into<String>, value: Value) {
        self.insert(name.into(), Variable::Value(value));
    }

    /// Adds or replaces a variable by a text.
    pub fn set_text(&mut self, name: impl Into<String>, text: &str) {
        self.set_value(name, Value::from(text));
    }

    /// Adds `st2kv`.
    pub fn set_datastore(&mut self, lookup: Arc<dyn KeyLookup>) {
        self.set_value("st2kv", Value::opaque(Datastore { lookup }));
    }

    /// Adds `system`, the short name that patterns of rules have for `st2kv.system`.
    pub fn set_system_keys(&mut self, lookup: Arc<dyn KeyLookup>) {
        let key = String::new();
        let scope = KeyScope::System;
        self.set_value("system", Value::opaque(StoredKey { lookup, scope, key }));
    }

    /// Adds `__context`, a dictionary of all variables.
    pub fn with_whole_context(mut self) -> Self {
        let whole = Whole {
            scope: Arc::clone(&self.scope),
            made: OnceLock::new(),
        };
        self.insert("__context".to_owned(), Variable::Whole(Arc::new(whole)));
        self
    }

    /// Whether there is a variable of this name.
    pub fn contains(&self, name: &str) -> bool {
        self.scope.contains(name)
    }

    /// Whether there are no variables at all.
    pub fn is_empty(&self) -> bool {
        self.scope.named.is_empty()
            && match &self.scope.base {
                Base::None => true,
                Base::Json(base) => base.object.as_object().is_none_or(serde_json::Map::is_empty),
                Base::Dict(dict) => dict.is_empty(),
            }
    }

    /// The names of all variables, in no particular order.
    pub fn names(&self) -> Vec<String> {
        self.scope.names()
    }

    fn insert(&mut self, name: String, variable: Variable) {
        Arc::make_mut(&mut self.scope).named.insert(name, variable);
    }

    pub(crate) fn find(&self, name: &Arc<str>) -> Option<Found> {
        self.scope.find(name)
    }
}

impl fmt::Debug for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Values may be secret; names are not.
        f.debug_tuple("Context").field(&self.names()).finish()
    }
}

impl Scope {
    fn contains(&self, name: &str) -> bool {
        self.named.contains_key(name)
            || match &self.base {
                Base::None => false,
                Base::Json(base) => base.object.get(name).is_some(),
                Base::Dict(dict) => dict.get_str(name).is_some(),
            }
    }

    fn find(&self, name: &Arc<str>) -> Option<Found> {
        if let Some(variable) = self.named.get(&**name) {
            return Some(match variable {
                Variable::Value(value) => Found::Value(value.clone()),
                Variable::Json(json) => Found::Json(JsonRef::Whole(Arc::clone(json) as Arc<dyn HoldsJson>)),
                Variable::Whole(whole) => Found::Value(whole.value()),
            });
        }
        match &self.base {
            Base::None => None,
            Base::Json(base) => base.object.get(&**name).map(|_| {
                let holder = Arc::clone(base) as Arc<dyn HoldsJson>;
                Found::Json(JsonRef::Member(holder, Arc::clone(name)))
            }),
            Base::Dict(dict) => dict.get_str(name).cloned().map(Found::Value),
        }
    }

    fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = match &self.base {
            Base::None => Vec::new(),
            Base::Json(base) => base
                .object
                .as_object()
                .map_or_else(Vec::new, |map| map.keys().cloned().collect()),
            Base::Dict(dict) => dict.keys().filter_map(Value::as_str).map(str::to_owned).collect(),
        };
        names.retain(|name| !self.named.contains_key(name));
        names.extend(self.named.keys().cloned());
        names
    }
}

impl Whole {
    fn value(&self) -> Value {
        let make = || {
            let mut names = self.scope.names();
            names.sort();
            Value::dict(names.into_iter().filter_map(|name| {
                let name: Arc<str> = name.into();
                let value = match self.scope.find(&name)? {
                    Found::Value(value) => value,
                    Found::Json(json) => json.value(),
                };
                Some((name, value))
            }))
        };
        self.made.get_or_init(make).clone()
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

    pub(crate) fn attribute(&self, name: &str) -> Option<Value> {
        let scope = match name {
            "system" => KeyScope::System,
            "user" => KeyScope::User,
            _ => return None,
        };
        Some(Value::opaque(StoredKey {
            lookup: Arc::clone(&self.lookup),
            scope,
            key: String::new(),
        }))
    }
}

impl fmt::Debug for Datastore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("st2kv")
    }
}

impl Opaque for Datastore {
    fn class(&self) -> &str {
        "st2kv"
    }

    fn as_any(&self) -> &dyn Any {
        self
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

    /// The key that is longer by one name.
    pub(crate) fn longer(&self, name: &str) -> Value {
        let key = if self.key.is_empty() {
            name.to_owned()
        } else {
            format!("{}.{name}", self.key)
        };
        Value::opaque(Self {
            lookup: Arc::clone(&self.lookup),
            scope: self.scope,
            key,
        })
    }
}

impl fmt::Debug for StoredKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "st2kv.{}.{}", self.scope.as_str(), self.key)
    }
}

impl Opaque for StoredKey {
    fn class(&self) -> &str {
        "KeyValueLookup"
    }

    fn repr(&self) -> String {
        self.text()
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}
