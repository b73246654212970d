//! Payloads changed at random: fields that are gone, renamed, of another type, deep, huge.

use proptest::prelude::*;
use serde_json::{Value, json};

/// What is put where something else stood.
fn odd() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        Just(json!([])),
        Just(json!({})),
        Just(json!(u64::MAX)),
        Just(json!(-1)),
        Just(json!(1.5e300)),
        Just(json!("")),
        Just(json!("18446744073709551616")),
        Just(json!("\u{202e}\u{0}\u{200b}ﷺ")),
        Just(json!("x".repeat(70_000))),
        (1_usize..90).prop_map(|depth| (0..depth).fold(json!(1), |inner, _| json!([{ "options": inner }]))),
        "\\PC{0,40}".prop_map(Value::from),
    ]
}

/// How many values there are in a value.
fn size(value: &Value) -> usize {
    1 + match value {
        Value::Array(items) => items.iter().map(size).sum(),
        Value::Object(fields) => fields.values().map(size).sum(),
        _ => 0,
    }
}

/// What happens to the value at a place.
#[derive(Clone, Debug)]
pub(crate) enum Change {
    Replace(Value),
    Drop,
    Rename(String),
}

/// Changes the value with this number, counted from the top.
fn change(value: &mut Value, at: &mut usize, how: &Change) {
    match value {
        Value::Array(items) => {
            let mut gone = None;
            for (index, item) in items.iter_mut().enumerate() {
                if *at == 0 {
                    return;
                }
                *at -= 1;
                if *at == 0 {
                    match how {
                        Change::Replace(new) => *item = new.clone(),
                        Change::Drop | Change::Rename(_) => gone = Some(index),
                    }
                    break;
                }
                change(item, at, how);
            }
            if let Some(index) = gone {
                items.remove(index);
            }
        }
        Value::Object(fields) => {
            let names: Vec<String> = fields.keys().cloned().collect();
            for name in names {
                if *at == 0 {
                    return;
                }
                *at -= 1;
                if *at == 0 {
                    let old = fields.remove(&name).unwrap_or_default();
                    match how {
                        Change::Replace(new) => fields.insert(name, new.clone()),
                        Change::Rename(other) => fields.insert(other.clone(), old),
                        Change::Drop => None,
                    };
                    return;
                }
                if let Some(field) = fields.get_mut(&name) {
                    change(field, at, how);
                }
            }
        }
        _ => {}
    }
}

/// Some changes, each at a place that is counted from the top.
pub(crate) fn changes() -> impl Strategy<Value = Vec<(usize, Change)>> {
    let how = prop_oneof![
        3 => odd().prop_map(Change::Replace),
        1 => Just(Change::Drop),
        1 => "[a-z_]{1,12}".prop_map(Change::Rename),
    ];
    prop::collection::vec((0_usize..10_000, how), 1..4)
}

/// The value with the changes.
pub(crate) fn changed(value: &Value, changes: &[(usize, Change)]) -> Value {
    let mut data = value.clone();
    for (at, how) in changes {
        let mut at = 1 + at % size(&data);
        change(&mut data, &mut at, how);
    }
    data
}
