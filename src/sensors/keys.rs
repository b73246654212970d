//! What sensors read from the datastore and keep there (SEN-4, SEN-5).

use serde_json::{Value as Json, json};

use crate::datastore::{Datastore, KeyError, Owner, Put};
use crate::model::JsonMap;

/// Keys that one answer lists.
const LISTED: usize = 1000;

/// Answers a request of a sensor, `get_value` or another; changes are committed before it returns.
///
/// # Errors
/// One sentence for the sensor.
pub(super) async fn answer(
    datastore: &Datastore,
    sensor: &str,
    what: &str,
    fields: &JsonMap,
) -> Result<Json, String> {
    let flag = |name: &str, default: bool| fields.get(name).and_then(Json::as_bool).unwrap_or(default);
    let local = if flag("local", true) {
        format!("{sensor}:")
    } else {
        String::new()
    };
    if what == "list_values" {
        let prefix = fields.get("prefix").and_then(Json::as_str).unwrap_or_default();
        let found = datastore.list(&Owner::System, &format!("{local}{prefix}"));
        let list = found.iter().take(LISTED).map(|pair| {
            let name = pair.name.strip_prefix(&local).unwrap_or(&pair.name);
            json!({"name": name, "value": pair.value, "secret": pair.secret})
        });
        return Ok(list.collect());
    }
    let name = fields.get("name").and_then(Json::as_str).unwrap_or_default();
    if name.is_empty() {
        return Err(format!("{what} needs a `name`"));
    }
    let name = format!("{local}{name}");
    let by = format!("sensor:{sensor}");
    match what {
        "get_value" => {
            let Some(pair) = datastore.get(&Owner::System, &name) else {
                return Ok(Json::Null);
            };
            if !(pair.secret && flag("decrypt", false)) {
                return Ok(json!(pair.value));
            }
            let plain = datastore.plain(&pair);
            plain
                .map(Json::from)
                .ok_or_else(|| format!("{name} was sealed with the key of another data folder"))
        }
        "set_value" => {
            let value = match fields.get("value") {
                Some(Json::String(text)) => text.clone(),
                Some(value) if !value.is_null() => value.to_string(),
                _ => return Err("set_value needs a `value`".to_owned()),
            };
            let ttl = match fields.get("ttl") {
                None | Some(Json::Null) => None,
                Some(ttl) => Some(
                    ttl.as_i64()
                        .filter(|ttl| *ttl >= 0)
                        .ok_or("`ttl` is a number of seconds")?,
                ),
            };
            let put = Put {
                name,
                value,
                secret: flag("encrypt", false),
                ttl,
                ..Put::default()
            };
            let put = datastore.put(Owner::System, put, &by).await;
            put.map(|_| json!(true)).map_err(|error| error.to_string())
        }
        "delete_value" => match datastore.delete(&Owner::System, &name, &by).await {
            Ok(_) => Ok(json!(true)),
            Err(KeyError::Unknown(_)) => Ok(json!(false)),
            Err(error) => Err(error.to_string()),
        },
        other => Err(format!("there is no {other}")),
    }
}
