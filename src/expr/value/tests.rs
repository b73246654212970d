//! Values behave as Python's.

use serde_json::json;

use super::*;
use crate::expr::pyjson::JsonStyle;

#[test]
fn numbers_are_one_family() {
    let huge = loads("9223372036854775808").unwrap();
    let rows = [
        (Value::Int(1), Value::Bool(true), true),
        (Value::Int(1), Value::Float(1.0), true),
        (Value::Float(0.0), Value::Float(-0.0), true),
        (Value::Bool(false), Value::Float(0.0), true),
        (huge.clone(), Value::Float(9_223_372_036_854_775_808.0), true),
        (
            Value::Int(i64::MAX),
            Value::Float(9_223_372_036_854_775_808.0),
            false,
        ),
        (huge, Value::Int(i64::MAX), false),
        (Value::Float(1.5), Value::Int(1), false),
    ];
    for (a, b, expected) in rows {
        assert_eq!(a == b, expected, "{a:?} {b:?}");
        let set: SetItems = [a.clone(), b.clone()].into_iter().collect();
        assert_eq!(set.len(), if expected { 1 } else { 2 }, "{a:?} {b:?}");
    }
    assert_eq!(
        order(&Value::Int(i64::MAX), &Value::Float(9.3e18)),
        Some(std::cmp::Ordering::Less)
    );
    assert_eq!(order(&Value::Int(1), &Value::text("a")), None);
}

#[test]
fn texts_are_pythons() {
    let value = Value::list([
        Value::Null,
        Value::tuple([Value::Int(1)]),
        Value::dict([("k", Value::list([Value::Float(1.0)]))]),
        Value::Timespan(Timespan::from_micros(-1).unwrap()),
    ]);
    assert_eq!(
        str(&value),
        "[None, (1,), {'k': [1.0]}, datetime.timedelta(days=-1, seconds=86399, microseconds=999999)]"
    );
    assert_eq!(
        frozen_str(&Value::list([Value::Int(1), Value::Null])),
        "(1, None)"
    );
    assert_eq!(frozen_str(&Value::mutable_list(vec![Value::Int(1)])), "[1]");
    assert_eq!(
        str(&Value::Timespan(Timespan::from_micros(-1).unwrap())),
        "-1 day, 23:59:59.999999"
    );
    let time = DateTime::utc(Date::new(2020, 2, 29).unwrap(), 1_000_001);
    assert_eq!(
        str(&Value::from(time.clone())),
        "2020-02-29 00:00:01.000001+00:00"
    );
    assert_eq!(
        repr(&Value::from(time.with_offset(Some(3_600_000_000)))),
        "datetime.datetime(2020, 2, 29, 0, 0, 1, 1, tzinfo=tzoffset(None, 3600))"
    );
}

#[test]
fn json_reads_and_writes_as_python() {
    let text =
        r#"{"a": [1, 1.0, 1e3, -0.0, 123456789012345678901234567890, NaN], "\u00e9": "\ud83d\ude00\n"}"#;
    let value = loads(text).unwrap();
    assert_eq!(
        dumps(&value, &JsonStyle::default()).unwrap(),
        text.replace("1e3", "1000.0")
    );
    assert_eq!(
        loads(r#"{"a": 1, "b": 2, "a": 3}"#).unwrap(),
        Value::from(json!({"a": 3, "b": 2}))
    );
    for (text, message) in [
        ("", "Expecting value: line 1 column 1 (char 0)"),
        ("[1,\n x]", "Expecting value: line 2 column 2 (char 5)"),
        (
            "{a}",
            "Expecting property name enclosed in double quotes: line 1 column 2 (char 1)",
        ),
        ("[1 2]", "Expecting ',' delimiter: line 1 column 4 (char 3)"),
        ("1 2", "Extra data: line 1 column 3 (char 2)"),
        ("\"a", "Unterminated string starting at: line 1 column 1 (char 0)"),
        ("\"\\x\"", "Invalid \\escape: line 1 column 2 (char 1)"),
        ("01", "Extra data: line 1 column 2 (char 1)"),
        ("-", "Expecting value: line 1 column 1 (char 0)"),
    ] {
        assert_eq!(loads(text).unwrap_err().to_string(), message, "{text}");
    }
    assert_eq!(loads(&"[".repeat(100_000)), Err(JsonError::Depth));
}

#[test]
fn answers_are_tagged() {
    let value = Value::dict([
        (Value::Int(1), Value::Set([Value::Int(2)].into_iter().collect())),
        (Value::text("x"), Value::Float(f64::INFINITY)),
    ]);
    assert_eq!(
        to_tagged(&value),
        r#"{"$type":"map","items":[[1,{"$type":"set","items":[2]}],["x",{"$type":"float","value":"inf"}]]}"#
    );
    assert_eq!(
        to_tagged(&Value::Bytes([1, 2].as_slice().into())),
        r#"{"$type":"bytes","base64":"AQI="}"#
    );
}

#[test]
fn dates_count_as_the_calendar() {
    for (year, month, day, days, weekday) in [
        (1970, 1, 1, 0, 3),
        (2000, 2, 29, 11016, 1),
        (1, 1, 1, -719_162, 0),
        (9999, 12, 31, 2_932_896, 4),
    ] {
        let date = Date::new(year, month, day).unwrap();
        assert_eq!((date.days(), date.weekday()), (days, weekday));
        assert_eq!(Date::from_days(days), Some(date));
    }
    assert_eq!(Date::new(2021, 2, 29), None);
    assert_eq!(Date::from_days(2_932_897), None);
    assert_eq!(Timespan::from_micros(i128::MAX), None);
}

#[test]
fn keys_are_found_without_a_value_and_frozen_lists_are_tuples() {
    let dict = Value::dict([("a", Value::Int(1))]);
    assert_eq!(dict.get("a"), Some(&Value::Int(1)));
    assert_eq!(dict.get("b"), None);
    let (list, tuple) = (Value::list([Value::Int(1)]), Value::tuple([Value::Int(1)]));
    assert!(list == tuple && !equal(&list, &tuple));
    assert!(Value::mutable_list(vec![Value::Int(1)]) != tuple);
    assert!(check_hashable_frozen(&list).is_ok());
    assert_eq!(
        check_hashable(&list).unwrap_err().to_string(),
        "unhashable type: 'list'"
    );
    assert!(check_hashable_frozen(&Value::tuple([Value::mutable_list(vec![])])).is_err());
    assert!(list.is_plain() && !tuple.is_plain() && !Value::list([tuple]).is_plain());
}
