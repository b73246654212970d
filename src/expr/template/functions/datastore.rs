//! `st2kv`: a key of the datastore.

use super::{Answer, Failure};
use crate::expr::jinja::KeyScope;
use crate::expr::scene::Scene;
use crate::expr::value::Value;

/// `st2kv(key, decrypt, default)`: `system.x` is a key of everybody, all others are the user's own.
pub(super) fn st2kv(
    scene: &dyn Scene,
    key: &Value,
    decrypt: Option<&Value>,
    default: Option<Value>,
) -> Answer {
    if !key.is_true() {
        return Ok(Value::Null);
    }
    let user = scene
        .variables()
        .and_then(|variables| variables.get("st2")?.get("user"))
        .filter(|user| !user.is_null());
    let Some(user) = user else {
        return Err(Failure::evaluation("Could not get user from context.").hint(Some(
            "the context has no st2.user, whose keys st2kv() reads".to_owned(),
        )));
    };
    let Value::Str(key) = key else {
        return Err(Failure::evaluation("Given key is not typeof string."));
    };
    let decrypt = match decrypt {
        None => false,
        Some(Value::Bool(decrypt)) => *decrypt,
        Some(_) => return Err(Failure::evaluation("Decrypt parameter is not typeof bool.")),
    };
    let store = scene
        .datastore()
        .ok_or_else(|| Failure::evaluation("There is no datastore here."))?;
    let (scope, name, full_name) = match key.strip_prefix("system.") {
        Some(name) => (KeyScope::System, name, name.to_owned()),
        None => {
            let owner = crate::expr::value::str(user);
            (KeyScope::User, &**key, format!("{owner}:{key}"))
        }
    };
    match store.get(scope, name) {
        Some(text) if decrypt => store.decrypt(&text).map(Value::from).map_err(Failure::evaluation),
        Some(text) => Ok(Value::from(text)),
        None => default.ok_or_else(|| {
            let failure = Failure::evaluation(format!(
                "The key \"{full_name}\" does not exist in the StackStorm datastore."
            ));
            failure.hint(Some(match scope {
                KeyScope::User => format!(
                    "this is a key of the user; a key of everybody is st2kv('system.{name}'); `default => …` stands in for a missing one"
                ),
                KeyScope::System => "`default => …` stands in for a missing key".to_owned(),
            }))
        }),
    }
}
