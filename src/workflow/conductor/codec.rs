//! Values of expressions in the journal: JSON, and what JSON lacks as an object with the key `$type`.
//!
//! What goes into a workflow's state is made [`plain`] first, so that the state made again from the journal is the same.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use num_bigint::BigInt;
use serde::de::Error as _;
use serde::ser::{SerializeMap, SerializeSeq};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value as Json;

use crate::expr::value::{self, Date, DateTime, Dict, Set, Timespan, Value};

/// The key that tells an object from a tagged value.
const TAG: &str = "$type";

/// How deep values may nest: what reads the journal goes a little deeper.
const DEPTH: u32 = 100;

/// A value as a workflow keeps it, as the reference's copies do: tuples are lists, keys of dictionaries texts, and
/// objects that are no data their texts. So is what nests deeper than anything sensible does.
pub(super) fn plain(value: Value) -> Value {
    if is_plain(&value) && value.depth() <= DEPTH {
        return value;
    }
    cleaned(value, DEPTH)
}

fn cleaned(value: Value, depth: u32) -> Value {
    match value {
        Value::List(_) | Value::Tuple(_) | Value::Dict(_) if depth == 0 => Value::text(value::repr(&value)),
        Value::List(items) | Value::Tuple(items) => {
            Value::list(items.into_vec().into_iter().map(|item| cleaned(item, depth - 1)))
        }
        Value::Dict(dict) => {
            let members = dict.into_map().into_iter();
            Value::dict(members.map(|(key, item)| (Value::text(key_text(&key)), cleaned(item, depth - 1))))
        }
        Value::Opaque(object) => Value::text(object.repr()),
        other => other,
    }
}

fn is_plain(value: &Value) -> bool {
    match value {
        Value::List(items) => !items.is_mutable() && items.iter().all(is_plain),
        Value::Dict(dict) => !dict.is_mutable() && dict.iter().all(is_plain_member),
        Value::Tuple(_) | Value::Opaque(_) => false,
        _ => true,
    }
}

fn is_plain_member((key, item): (&Value, &Value)) -> bool {
    matches!(key, Value::Str(_)) && is_plain(item)
}

fn key_text(key: &Value) -> String {
    match key {
        Value::Null => "null".to_owned(),
        Value::Bool(flag) => flag.to_string(),
        other => value::str(other),
    }
}

/// A value while it is written.
pub(super) struct Written<'a>(pub(super) &'a Value);

/// A value that was read.
pub(super) struct Read(pub(super) Value);

impl Serialize for Written<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let tagged = |kind: &str, name: &str, text: &str, serializer: S| {
            let mut map = serializer.serialize_map(Some(2))?;
            map.serialize_entry(TAG, kind)?;
            map.serialize_entry(name, text)?;
            map.end()
        };
        match self.0 {
            Value::Null => serializer.serialize_unit(),
            Value::Bool(flag) => serializer.serialize_bool(*flag),
            Value::Int(number) => serializer.serialize_i64(*number),
            Value::Float(number) if number.is_finite() => serializer.serialize_f64(*number),
            Value::Str(text) => serializer.serialize_str(text),
            Value::List(items) => write_items(items, serializer),
            Value::Dict(dict) if is_object(dict) => {
                let mut map = serializer.serialize_map(Some(dict.len()))?;
                for (key, item) in dict.iter() {
                    map.serialize_entry(key.as_str().unwrap_or_default(), &Written(item))?;
                }
                map.end()
            }
            Value::Dict(dict) => {
                let mut map = serializer.serialize_map(Some(2))?;
                map.serialize_entry(TAG, "map")?;
                let members: Vec<_> = dict
                    .iter()
                    .map(|(key, item)| (Written(key), Written(item)))
                    .collect();
                map.serialize_entry("items", &members)?;
                map.end()
            }
            Value::Tuple(items) => {
                let mut map = serializer.serialize_map(Some(2))?;
                map.serialize_entry(TAG, "tuple")?;
                map.serialize_entry("items", &items.iter().map(Written).collect::<Vec<_>>())?;
                map.end()
            }
            Value::Set(items) => {
                let mut map = serializer.serialize_map(Some(2))?;
                map.serialize_entry(TAG, "set")?;
                map.serialize_entry("items", &items.iter().map(Written).collect::<Vec<_>>())?;
                map.end()
            }
            Value::BigInt(number) => tagged("int", "value", &number.to_string(), serializer),
            Value::Float(number) => tagged("float", "value", &number.to_string(), serializer),
            Value::Bytes(bytes) => tagged("bytes", "base64", &STANDARD.encode(bytes), serializer),
            Value::Date(date) => tagged("date", "value", &date.days().to_string(), serializer),
            Value::Timespan(span) => {
                tagged("timespan", "microseconds", &span.micros().to_string(), serializer)
            }
            Value::DateTime(time) => {
                let mut map = serializer.serialize_map(Some(4))?;
                map.serialize_entry(TAG, "datetime")?;
                map.serialize_entry("micros", &time.local_micros().to_string())?;
                map.serialize_entry("offset", &time.offset)?;
                map.serialize_entry("zone", &time.zone)?;
                map.end()
            }
            Value::Opaque(object) => serializer.serialize_str(&object.repr()),
        }
    }
}

/// Whether a dictionary can be written as it is.
fn is_object(dict: &Dict) -> bool {
    dict.keys()
        .all(|key| matches!(key, Value::Str(text) if &**text != TAG))
}

fn write_items<S: Serializer>(items: &[Value], serializer: S) -> Result<S::Ok, S::Error> {
    let mut list = serializer.serialize_seq(Some(items.len()))?;
    for item in items {
        list.serialize_element(&Written(item))?;
    }
    list.end()
}

impl<'de> Deserialize<'de> for Read {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let json = Json::deserialize(deserializer)?;
        of_json(&json)
            .map(Self)
            .ok_or_else(|| D::Error::custom("a value with an unknown `$type`"))
    }
}

fn of_json(json: &Json) -> Option<Value> {
    Some(match json {
        Json::Array(items) => Value::list(items.iter().map(of_json).collect::<Option<Vec<_>>>()?),
        Json::Object(members) => match members.get(TAG) {
            Some(kind) => return of_tagged(kind.as_str()?, json),
            None => {
                let mut map = Dict::builder(members.len());
                for (key, item) in members {
                    map.insert(Value::text(key.as_str()), of_json(item)?);
                }
                Value::Dict(Dict::new(map))
            }
        },
        other => value::from_json(other),
    })
}

fn of_tagged(kind: &str, json: &Json) -> Option<Value> {
    let text = |name: &str| json.get(name).and_then(Json::as_str);
    let items = || -> Option<Vec<Value>> { json.get("items")?.as_array()?.iter().map(of_json).collect() };
    Some(match kind {
        "int" => Value::from(text("value")?.parse::<BigInt>().ok()?),
        "float" => Value::Float(text("value")?.parse().ok()?),
        "bytes" => Value::Bytes(STANDARD.decode(text("base64")?).ok()?.into()),
        "date" => Value::Date(Date::from_days(text("value")?.parse().ok()?)?),
        "timespan" => Value::Timespan(Timespan::from_micros(text("microseconds")?.parse().ok()?)?),
        "datetime" => {
            let zone = text("zone").map(Arc::from);
            let offset = json.get("offset").and_then(Json::as_i64);
            Value::from(DateTime::from_local_micros(
                text("micros")?.parse().ok()?,
                offset,
                zone,
            )?)
        }
        "tuple" => Value::tuple(items()?),
        "set" => {
            let all = items()?;
            let mut set = Set::builder(all.len());
            set.extend(all);
            Value::Set(Set::new(set))
        }
        "map" => {
            let pairs = items()?;
            let mut map = Dict::builder(pairs.len());
            for pair in &pairs {
                let [key, item] = pair.as_items()? else {
                    return None;
                };
                map.insert(key.clone(), item.clone());
            }
            Value::Dict(Dict::new(map))
        }
        _ => return None,
    })
}

/// For `#[serde(with = …)]` on a [`Value`].
pub(super) mod one {
    use super::{Deserialize, Deserializer, Read, Serialize, Serializer, Value, Written};

    pub(in super::super) fn serialize<S: Serializer>(
        value: &Value,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        Written(value).serialize(serializer)
    }

    pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Value, D::Error> {
        Read::deserialize(deserializer).map(|read| read.0)
    }
}

/// For `#[serde(with = …)]` on an optional [`Value`].
pub(super) mod maybe {
    use super::{Deserialize, Deserializer, Read, Serialize, Serializer, Value, Written};

    pub(in super::super) fn serialize<S: Serializer>(
        value: &Option<Value>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        value.as_ref().map(Written).serialize(serializer)
    }

    pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Value>, D::Error> {
        Ok(Option::<Read>::deserialize(deserializer)?.map(|read| read.0))
    }
}

/// For `#[serde(with = …)]` on a [`Dict`].
pub(super) mod dict {
    use super::{Deserialize, Deserializer, Dict, Read, Serialize, Serializer, Value, Written};

    pub(in super::super) fn serialize<S: Serializer>(dict: &Dict, serializer: S) -> Result<S::Ok, S::Error> {
        Written(&Value::Dict(dict.clone())).serialize(serializer)
    }

    pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Dict, D::Error> {
        match Read::deserialize(deserializer)?.0 {
            Value::Dict(dict) => Ok(dict),
            other => Err(serde::de::Error::custom(format!(
                "a dictionary was expected, not {}",
                other.type_name()
            ))),
        }
    }
}

/// For `#[serde(with = …)]` on an optional [`Dict`].
pub(super) mod maybe_dict {
    use super::{Deserialize, Deserializer, Dict, Read, Serialize, Serializer, Value, Written};

    pub(in super::super) fn serialize<S: Serializer>(
        dict: &Option<Dict>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        let value = dict.clone().map(Value::Dict);
        value.as_ref().map(Written).serialize(serializer)
    }

    pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Dict>, D::Error> {
        Ok(Option::<Read>::deserialize(deserializer)?.and_then(|read| read.0.as_dict().cloned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn again(value: &Value) -> Value {
        let text = serde_json::to_string(&Written(value)).expect("a text");
        serde_json::from_str::<Read>(&text).expect("a value").0
    }

    #[test]
    fn values_come_back_from_the_journal() {
        let day = Date::new(2020, 2, 29).expect("a day");
        let time = DateTime::utc(day, 15).with_offset(Some(-3600 * 1_000_000));
        let values = [
            Value::Null,
            Value::Int(-5),
            Value::Float(1.0),
            Value::Float(f64::INFINITY),
            Value::from("99999999999999999999999".parse::<BigInt>().expect("digits")),
            Value::text("<% ctx() %>"),
            Value::Date(day),
            Value::from(time),
            Value::Timespan(Timespan::from_micros(-1).expect("a span")),
            Value::Bytes(Arc::from([1, 2, 255])),
            Value::dict([("$type", Value::text("date")), ("value", Value::Int(1))]),
            Value::dict([
                (Value::Int(1), Value::Null),
                (Value::Null, Value::list([Value::Bool(true)])),
            ]),
            Value::Set({
                let mut set = Set::builder(1);
                set.insert(Value::Int(1));
                Set::new(set)
            }),
        ];
        for value in values {
            let back = again(&value);
            assert_eq!(value::to_tagged(&back), value::to_tagged(&value));
            assert!(value::equal(&back, &value), "{value:?} became {back:?}");
        }
    }

    #[test]
    fn what_is_no_data_is_kept_as_data() {
        let value = Value::tuple([Value::dict([(Value::Int(1), Value::tuple([]))])]);
        assert_eq!(value::to_tagged(&plain(value)), r#"[{"1":[]}]"#);
    }
}
