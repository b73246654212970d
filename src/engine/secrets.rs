//! Secrets at rest: AES-256-GCM around the values that an action declares secret.
//!
//! A sealed value is stored as `{"$sealed": "<base64>"}` in its place among the parameters, so that what is
//! stored tells by itself what must be masked. The execution's id is bound into each seal: a sealed text that
//! was copied from one execution into another does not open there.

use std::fmt;

use aes_gcm::aead::{Aead, Payload};
use aes_gcm::{Aes256Gcm, KeyInit, Nonce};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use zeroize::Zeroizing;

use crate::model::{Id, JsonMap, MASK};

const SEAL: &str = "$sealed";
const NONCE_BYTES: usize = 12;

/// The key that seals secrets, from the key file in the data folder.
#[derive(Clone)]
pub struct SecretKey(Zeroizing<[u8; 32]>);

impl SecretKey {
    /// From the 32 bytes of the key file.
    #[must_use]
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    fn cipher(&self) -> Aes256Gcm {
        Aes256Gcm::new((&*self.0).into())
    }

    /// Seals a value for the execution `owner`. Null and a value that is sealed already stay as they are.
    #[must_use]
    pub fn seal(&self, value: &Value, owner: Id) -> Value {
        if value.is_null() {
            return Value::Null;
        }
        let plain = Zeroizing::new(value.to_string());
        let bytes = self.seal_bytes(plain.as_bytes(), owner);
        serde_json::json!({ SEAL: STANDARD.encode(bytes) })
    }

    /// Seals bytes for the execution `owner`.
    #[must_use]
    pub fn seal_bytes(&self, plain: &[u8], owner: Id) -> Vec<u8> {
        let nonce: [u8; NONCE_BYTES] = rand::random();
        let payload = Payload {
            msg: plain,
            aad: owner.bytes(),
        };
        // AES-GCM refuses only texts of many gigabytes, which requests cannot carry; if it ever did, the
        // secret is dropped rather than stored in clear.
        let sealed = self
            .cipher()
            .encrypt(&Nonce::from(nonce), payload)
            .unwrap_or_default();
        let mut bytes = Vec::with_capacity(NONCE_BYTES + sealed.len());
        bytes.extend_from_slice(&nonce);
        bytes.extend_from_slice(&sealed);
        bytes
    }

    /// Opens what [`Self::seal_bytes`] made; `None` when it was made with another key or for another execution.
    #[must_use]
    pub fn open_bytes(&self, bytes: &[u8], owner: Id) -> Option<Zeroizing<Vec<u8>>> {
        let (nonce, sealed) = bytes.split_first_chunk::<NONCE_BYTES>()?;
        let payload = Payload {
            msg: sealed,
            aad: owner.bytes(),
        };
        self.cipher()
            .decrypt(&Nonce::from(*nonce), payload)
            .ok()
            .map(Zeroizing::new)
    }

    /// Opens what [`Self::seal`] made; `None` when it is no seal, was made with another key, or belongs to
    /// another execution.
    #[must_use]
    pub fn open(&self, value: &Value, owner: Id) -> Option<Value> {
        let bytes = STANDARD.decode(sealed_text(value)?).ok()?;
        serde_json::from_slice(&self.open_bytes(&bytes, owner)?).ok()
    }

    /// Opens every seal inside the parameters. A seal that does not open becomes null.
    #[must_use]
    pub fn open_all(&self, parameters: &JsonMap, owner: Id) -> JsonMap {
        parameters
            .iter()
            .map(|(name, value)| (name.clone(), self.open_value(value, owner)))
            .collect()
    }
}

impl SecretKey {
    /// Opens every seal inside a value. A seal that does not open becomes null.
    #[must_use]
    pub fn open_value(&self, value: &Value, owner: Id) -> Value {
        map_seals(value, &|seal| self.open(seal, owner).unwrap_or(Value::Null))
    }

    /// The texts and numbers that are sealed somewhere inside the parameters.
    pub(super) fn sealed_texts(&self, parameters: &JsonMap, owner: Id) -> Vec<String> {
        let texts = std::cell::RefCell::new(Vec::new());
        for value in parameters.values() {
            map_seals(value, &|seal| {
                match self.open(seal, owner) {
                    Some(Value::String(text)) if !text.is_empty() => texts.borrow_mut().push(text),
                    Some(Value::Number(number)) => texts.borrow_mut().push(number.to_string()),
                    _ => {}
                }
                Value::Null
            });
        }
        texts.into_inner()
    }

    /// Seals for `owner` what was sealed for `before`: for what is handed on from one execution to another. A seal that
    /// does not open becomes null.
    #[must_use]
    pub fn seal_anew(&self, value: &Value, before: Id, owner: Id) -> Value {
        map_seals(value, &|seal| {
            let opened = self.open(seal, before).unwrap_or(Value::Null);
            self.seal(&opened, owner)
        })
    }
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretKey(…)")
    }
}

/// Replaces every seal inside the parameters by the mask.
#[must_use]
pub(super) fn mask_seals(parameters: &JsonMap) -> JsonMap {
    parameters
        .iter()
        .map(|(name, value)| (name.clone(), mask_value(value)))
        .collect()
}

/// Replaces every seal inside a value by the mask.
#[must_use]
pub(crate) fn mask_value(value: &Value) -> Value {
    map_seals(value, &|_| Value::String(MASK.to_owned()))
}

/// Whether something inside a value is sealed.
pub(super) fn has_seal(value: &Value) -> bool {
    match value {
        Value::Object(_) if sealed_text(value).is_some() => true,
        Value::Object(object) => object.values().any(has_seal),
        Value::Array(items) => items.iter().any(has_seal),
        _ => false,
    }
}

fn sealed_text(value: &Value) -> Option<&str> {
    let object = value.as_object()?;
    if object.len() == 1 {
        object.get(SEAL)?.as_str()
    } else {
        None
    }
}

fn map_seals(value: &Value, replace: &dyn Fn(&Value) -> Value) -> Value {
    match value {
        Value::Object(_) if sealed_text(value).is_some() => replace(value),
        Value::Object(object) => object
            .iter()
            .map(|(key, inner)| (key.clone(), map_seals(inner, replace)))
            .collect(),
        Value::Array(items) => items.iter().map(|inner| map_seals(inner, replace)).collect(),
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_seal_opens_only_for_its_key_and_execution() {
        let key = SecretKey::new([7; 32]);
        let (mine, other) = (Id::new(), Id::new());
        let sealed = key.seal(&json!({"token": "hunter2"}), mine);
        assert!(!sealed.to_string().contains("hunter2"));
        assert_eq!(key.open(&sealed, mine), Some(json!({"token": "hunter2"})));
        assert_eq!(key.open(&sealed, other), None);
        assert_eq!(SecretKey::new([8; 32]).open(&sealed, mine), None);
        assert_eq!(key.open(&json!({"$sealed": "AAAA"}), mine), None);
        assert_eq!(format!("{key:?}"), "SecretKey(…)");
    }

    #[test]
    fn seals_are_masked_and_opened_deep_inside() {
        let key = SecretKey::new([7; 32]);
        let id = Id::new();
        let mut parameters = JsonMap::new();
        parameters.insert(
            "login".into(),
            json!({"user": "ana", "password": key.seal(&json!("pw"), id)}),
        );
        parameters.insert("tokens".into(), json!([key.seal(&json!(1), id), "open"]));
        let masked = serde_json::to_value(mask_seals(&parameters)).unwrap();
        assert_eq!(
            masked,
            json!({"login": {"user": "ana", "password": MASK}, "tokens": [MASK, "open"]})
        );
        let opened = serde_json::to_value(key.open_all(&parameters, id)).unwrap();
        assert_eq!(
            opened,
            json!({"login": {"user": "ana", "password": "pw"}, "tokens": [1, "open"]})
        );
    }
}
