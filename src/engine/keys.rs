//! The datastore as the engine offers it to expressions, and what becomes of secrets that expressions decrypt.

use std::sync::{Arc, OnceLock};

use parking_lot::Mutex;
use serde_json::Value;

use super::SecretKey;
use super::state::State;
use crate::expr::jinja::{Context, Jinja, KeyLookup, KeyScope, Undefined};
use crate::model::{Id, JsonMap, MASK};

/// Texts that are shorter hide only values that equal them: others would be hidden for no reason.
const SHORTEST_INSIDE: usize = 4;
/// Deepest nesting of a configuration that is resolved.
const DEEPEST: usize = 20;

/// The datastore, behind a trait, so that the engine does not know how keys are kept.
pub trait KeySource: Send + Sync + 'static {
    /// The keys as expressions on behalf of `user` see them. `everything`: secrets of everybody can be decrypted, too,
    /// because whoever wrote the expression may.
    fn of(&self, user: &str, everything: bool) -> Arc<dyn KeyLookup>;
    /// All secrets in clear that expressions on behalf of `user` could have decrypted.
    fn secrets(&self, user: &str) -> Vec<String>;
}

/// Keys in use: remembers what was decrypted, so that it can be hidden where it went.
pub struct Reading {
    lookup: Option<Arc<dyn KeyLookup>>,
    taken: Arc<Mutex<Vec<String>>>,
}

impl Reading {
    /// What is read from `lookup`; without one there are no keys, and every key is an empty text (PAR-9).
    #[must_use]
    pub fn new(lookup: Option<Arc<dyn KeyLookup>>) -> Self {
        Self {
            lookup,
            taken: Arc::default(),
        }
    }

    /// Another way to read, whose secrets are remembered here.
    fn beside(&self, lookup: Option<Arc<dyn KeyLookup>>) -> Self {
        Self {
            lookup,
            taken: Arc::clone(&self.taken),
        }
    }

    /// What was decrypted so far.
    #[must_use]
    pub fn taken(&self) -> Vec<String> {
        self.taken.lock().clone()
    }

    /// The values with the mask in place of each that holds something decrypted.
    #[must_use]
    pub fn masked(&self, mut values: JsonMap) -> JsonMap {
        let secrets = self.taken();
        values
            .values_mut()
            .for_each(|value| cover(value, &secrets, &|_| Value::String(MASK.to_owned())));
        values
    }

    /// Remembers a secret.
    pub(super) fn take(&self, secret: &str) {
        let mut taken = self.taken.lock();
        if !secret.is_empty() && !taken.iter().any(|known| known == secret) {
            taken.push(secret.to_owned());
        }
    }
}

impl std::fmt::Debug for Reading {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reading").finish_non_exhaustive()
    }
}

impl KeyLookup for Reading {
    fn get(&self, scope: KeyScope, key: &str) -> Option<String> {
        self.lookup.as_ref()?.get(scope, key)
    }

    fn decrypt(&self, ciphertext: &str) -> Result<String, String> {
        let lookup = self
            .lookup
            .as_ref()
            .ok_or_else(|| "secrets cannot be decrypted here: there is no datastore".to_owned())?;
        let plain = lookup.decrypt(ciphertext)?;
        self.take(&plain);
        Ok(plain)
    }
}

/// What templates of an action see besides its parameters. Made for every request; most never look.
pub(super) struct Around<'s> {
    state: &'s State,
    pack: &'s str,
    user: &'s str,
    /// Whoever wrote the given parameters may decrypt everything.
    trusted: bool,
    keys: OnceLock<Arc<Reading>>,
}

impl<'s> Around<'s> {
    /// For an action of `pack` on behalf of `user`.
    pub(super) fn new(state: &'s State, pack: &'s str, user: &'s str, trusted: bool) -> Self {
        Self {
            state,
            pack,
            user,
            trusted,
            keys: OnceLock::new(),
        }
    }

    /// For expressions of packs.
    pub(super) fn keys(&self) -> &Arc<Reading> {
        self.keys.get_or_init(|| reading(self.state, self.user))
    }

    /// For expressions of whoever asks, when they may do less.
    pub(super) fn given(&self) -> Option<Arc<Reading>> {
        if self.trusted {
            return None;
        }
        let lookup = self.state.parts.keys.as_ref()?.of(self.user, false);
        Some(Arc::new(self.keys().beside(Some(lookup))))
    }

    /// The pack's configuration with values from the datastore in their places (PKG-14).
    pub(super) fn config(&self) -> Value {
        Value::Object(config(self.state, self.pack, self.keys()))
    }

    /// What was decrypted.
    pub(super) fn taken(&self) -> Vec<String> {
        self.keys.get().map_or_else(Vec::new, |keys| keys.taken())
    }
}

/// What expressions of packs read on behalf of somebody.
pub(super) fn reading(state: &State, user: &str) -> Arc<Reading> {
    let lookup = state.parts.keys.as_ref().map(|source| source.of(user, true));
    Arc::new(Reading::new(lookup))
}

/// A pack's configuration, dynamic values resolved. A value that cannot be rendered is empty, and told in the log.
pub(super) fn config(state: &State, pack: &str, keys: &Arc<Reading>) -> JsonMap {
    let config = state.parts.catalogue.config(pack);
    if !config.values().any(is_dynamic) {
        return (*config).clone();
    }
    let schema = state.parts.catalogue.config_schema(pack).unwrap_or_default();
    let mut variables = Context::new();
    variables.set_datastore(Arc::clone(keys) as Arc<dyn KeyLookup>);
    let resolver = Resolver {
        jinja: &state.parts.jinja,
        variables: &variables,
        keys,
        pack,
    };
    resolver.map(&config, Some(&schema), 0)
}

fn is_dynamic(value: &Value) -> bool {
    match value {
        Value::String(text) => text.contains("{{"),
        Value::Array(items) => items.iter().any(is_dynamic),
        Value::Object(map) => map.values().any(is_dynamic),
        _ => false,
    }
}

struct Resolver<'a> {
    jinja: &'a Jinja,
    variables: &'a Context,
    keys: &'a Reading,
    pack: &'a str,
}

impl Resolver<'_> {
    /// `properties` is the part of the pack's schema that describes the map.
    fn map(&self, map: &JsonMap, properties: Option<&JsonMap>, depth: usize) -> JsonMap {
        map.iter()
            .map(|(name, value)| {
                let schema = properties.and_then(|properties| properties.get(name));
                (name.clone(), self.value(name, value, schema, depth))
            })
            .collect()
    }

    fn value(&self, name: &str, value: &Value, schema: Option<&Value>, depth: usize) -> Value {
        if depth > DEEPEST {
            return value.clone();
        }
        match value {
            Value::String(text) if text.contains("{{") => Value::String(self.text(name, text, schema)),
            Value::Array(items) => {
                let schema = schema.and_then(|schema| schema.get("items"));
                let items = items.iter();
                items
                    .map(|item| self.value(name, item, schema, depth + 1))
                    .collect()
            }
            Value::Object(map) => {
                let properties = schema.and_then(|schema| schema.get("properties")?.as_object());
                Value::Object(self.map(map, properties, depth + 1))
            }
            other => other.clone(),
        }
    }

    fn text(&self, name: &str, text: &str, schema: Option<&Value>) -> String {
        match self.jinja.render(text, self.variables, Undefined::Strict) {
            Ok(rendered) => {
                let secret = schema.is_some_and(|schema| schema.get("secret") == Some(&Value::Bool(true)));
                if !secret {
                    return rendered;
                }
                // What the schema calls secret is decrypted without being asked to.
                let plain = self.keys.decrypt(&rendered).unwrap_or(rendered);
                self.keys.take(&plain);
                plain
            }
            Err(error) => {
                tracing::warn!(pack = self.pack, key = name, %error, "a value of a pack's configuration cannot be rendered; it is empty");
                String::new()
            }
        }
    }
}

/// Seals, in place, every value that holds one of the secrets.
pub(super) fn hide(value: &mut Value, secrets: &[String], key: &SecretKey, owner: Id) {
    cover(value, secrets, &|value| key.seal(value, owner));
}

fn cover(value: &mut Value, secrets: &[String], with: &dyn Fn(&Value) -> Value) {
    if secrets.is_empty() {
        return;
    }
    match value {
        Value::Array(items) => items.iter_mut().for_each(|item| cover(item, secrets, with)),
        Value::Object(map) => map.values_mut().for_each(|item| cover(item, secrets, with)),
        Value::String(text) if secrets.iter().any(|secret| holds(text, secret)) => *value = with(value),
        // A secret may have become the number that it is.
        Value::Number(number) if secrets.contains(&number.to_string()) => *value = with(value),
        _ => {}
    }
}

/// The same for all values of a map.
pub(super) fn hide_in(map: &mut JsonMap, secrets: &[String], key: &SecretKey, owner: Id) {
    if secrets.is_empty() {
        return;
    }
    map.values_mut()
        .for_each(|value| hide(value, secrets, key, owner));
}

fn holds(text: &str, secret: &str) -> bool {
    text == secret || (secret.len() >= SHORTEST_INSIDE && text.contains(secret))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_that_hold_a_secret_are_sealed_and_no_others() {
        let key = SecretKey::new([5; 32]);
        let owner = Id::new();
        let secrets = ["hunter2".to_owned(), "4711".to_owned(), "ab".to_owned()];
        for (value, hidden) in [
            (json!("hunter2"), true),
            (json!("login: hunter2!"), true),
            (json!(4711), true),
            (json!("ab"), true),
            (json!("about"), false),
            (json!("hunter"), false),
            (json!(47), false),
            (json!(null), false),
        ] {
            let mut hid = json!({"list": [value]});
            hide(&mut hid, &secrets, &key, owner);
            let sealed = hid["list"][0].get("$sealed").is_some();
            assert_eq!(sealed, hidden, "{value}");
            assert_eq!(key.open_value(&hid, owner), json!({"list": [value]}));
        }
    }
}
