//! `key get`, `key set` and `key list`: the datastore. What is secret neither comes from chat nor goes there.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{Answer, Call, Refusal};
use crate::datastore::{Datastore, KeyError, Owner, Pair, Put, Wish};

/// Keys that are listed.
const LISTED: usize = 50;

impl From<KeyError> for Refusal {
    fn from(error: KeyError) -> Self {
        match error {
            KeyError::Store(error) => error.into(),
            KeyError::Unknown(name) => Self::new(format!("there is no key `{name}`"))
                .hint("`key list` lists them; your own are `key get my <name>`."),
            KeyError::Forbidden(why) => {
                Self::new(why).hint("Your own keys need no permission: `key set my <name> to <value>`.")
            }
            KeyError::Refused(why) => Self::new(why),
        }
    }
}

impl Call<'_> {
    fn datastore(&self) -> Result<&Arc<Datastore>, Refusal> {
        let keys = self.desk.keys.as_ref();
        keys.ok_or_else(|| Refusal::new("there is no datastore here"))
    }

    /// Whose key is meant.
    fn owner(&self) -> Owner {
        match self.text("mine") {
            Some(_) => Owner::User(self.identity.user.clone()),
            None => Owner::System,
        }
    }

    fn name(&self) -> Result<&str, Refusal> {
        self.text("name")
            .ok_or_else(|| Refusal::new("the name of a key is missing"))
    }
}

fn shown(pair: &Pair) -> Value {
    json!({
        "name": pair.name,
        "whose": if pair.owner == Owner::System { "everybody" } else { "you" },
        "mine": pair.owner != Owner::System,
        "secret": pair.secret,
        "value": (!pair.secret).then_some(&pair.value),
        "expires": pair.expires,
    })
}

pub(super) fn get(call: &Call<'_>) -> Answer {
    let (keys, owner, name) = (call.datastore()?, call.owner(), call.name()?);
    keys.reach(&call.identity).check(Wish::View, &owner, name)?;
    Ok(shown(&*keys.need(&owner, name)?))
}

pub(super) fn list(call: &Call<'_>) -> Answer {
    let keys = call.datastore()?;
    let prefix = call.text("prefix").unwrap_or_default();
    let reach = keys.reach(&call.identity);
    let found: Vec<Arc<Pair>> = [Owner::System, Owner::User(call.identity.user.clone())]
        .iter()
        .filter(|owner| reach.may(Wish::View, owner))
        .flat_map(|owner| keys.list(owner, prefix))
        .collect();
    let listed: Vec<Value> = found.iter().take(LISTED).map(|pair| shown(pair)).collect();
    Ok(json!({
        "prefix": prefix,
        "count": found.len(),
        "more": found.len().saturating_sub(LISTED),
        "keys": listed,
    }))
}

pub(super) async fn set(call: &Call<'_>) -> Answer {
    let (keys, owner, name) = (call.datastore()?, call.owner(), call.name()?);
    keys.reach(&call.identity).check(Wish::Set, &owner, name)?;
    let before = keys.get(&owner, name);
    if before.as_ref().is_some_and(|pair| pair.secret) {
        return Err(Refusal::new(format!(
            "the key `{name}` is secret, and what is said here is read by others"
        ))
        .hint(format!("Set it with `sayso key set {name} --encrypt`.")));
    }
    let value = call
        .text("value")
        .ok_or_else(|| Refusal::new("the value of the key is missing"))?;
    let put = Put {
        name: name.to_owned(),
        value: value.to_owned(),
        ..Put::default()
    };
    let pair = keys.put(owner, put, &call.identity.user).await?;
    let mut told = shown(&pair);
    told["new"] = json!(before.is_none());
    Ok(told)
}
