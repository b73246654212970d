//! Python's arithmetic, against answers of Python.

use super::*;

fn int(text: &str) -> BigInt {
    text.parse().unwrap()
}

#[test]
fn division_rounds_down_and_remainders_follow_the_divisor() {
    let rows = [
        ("7", "2", "3", "1"),
        ("-7", "2", "-4", "1"),
        ("7", "-2", "-4", "-1"),
        ("-7", "-2", "3", "-1"),
        ("-9223372036854775808", "-1", "9223372036854775808", "0"),
        ("-100000000000000000001", "3", "-33333333333333333334", "1"),
    ];
    for (a, b, quotient, rest) in rows {
        let number = |text: &str| Number::of(&Value::from(int(text))).unwrap();
        let (a, b) = (number(a), number(b));
        assert_eq!(
            arithmetic(Op::FloorDiv, &a, &b).unwrap(),
            Value::from(int(quotient))
        );
        assert_eq!(arithmetic(Op::Mod, &a, &b).unwrap(), Value::from(int(rest)));
    }
    assert_eq!(
        arithmetic(Op::Mod, &Number::Float(-5.5), &Number::Int(3)).unwrap(),
        Value::Float(0.5)
    );
}

#[test]
fn true_division_rounds_once() {
    let rows = [
        ("1", "3", 1.0 / 3.0),
        ("9007199254740993", "1", 9_007_199_254_740_992.0),
        ("-10000000000000000000000", "3", -3.333_333_333_333_333_3e21),
    ];
    for (a, b, quotient) in rows {
        assert_eq!(true_division(&int(a), &int(b)).unwrap(), quotient);
    }
    assert!(true_division(&(BigInt::from(1) << 2000), &int("3")).is_err());
}

#[test]
fn what_grows_too_large_is_refused_at_once() {
    let (two, much) = (Number::Int(2), Number::Int(1_000_000_000));
    assert_eq!(
        arithmetic(Op::Pow, &two, &much).unwrap_err().kind,
        ErrorKind::Limit
    );
    assert_eq!(
        shift_left(&int("1"), &int("1000000000000")).unwrap_err().kind,
        ErrorKind::Limit
    );
    assert_eq!(
        shift_right(&int("-1"), &int("1000000000000")).unwrap(),
        Value::Int(-1)
    );
    assert_eq!(
        arithmetic(Op::Pow, &Number::Int(-1), &Number::Int(1_000_000_001)).unwrap(),
        Value::Int(-1)
    );
}

#[test]
fn texts_become_numbers_as_in_python() {
    let ints = [
        (" 42 ", Some(42)),
        ("+1_000", Some(1000)),
        ("-007", Some(-7)),
        ("٣٤", Some(34)),
        ("\u{1d7d9}\u{1d7ec}", Some(10)),
        ("\x1f5\u{a0}", Some(5)),
        ("", None),
        ("_1", None),
        ("1__0", None),
        ("1_", None),
        ("- 1", None),
        ("0x10", None),
        ("1.0", None),
    ];
    for (text, number) in ints {
        assert_eq!(parse_int(text, 10).unwrap(), number.map(Value::Int), "{text:?}");
    }
    assert_eq!(
        parse_int(&"9".repeat(4301), 10).unwrap_err().kind,
        ErrorKind::Value
    );
    let floats = [
        ("1_0.5", Some(10.5)),
        (" .5", Some(0.5)),
        ("5.", Some(5.0)),
        ("1e-3", Some(0.001)),
        ("-Infinity", Some(f64::NEG_INFINITY)),
        ("٣.٤", Some(3.4)),
        ("1_.5", None),
        ("1e_5", None),
        ("e5", None),
        (".", None),
        ("", None),
        ("0x1", None),
    ];
    for (text, number) in floats {
        assert_eq!(parse_float(text), number, "{text:?}");
    }
}

#[test]
fn rounding_is_half_to_even_of_the_exact_value() {
    let rows = [
        (2.5, 0, 2.0),
        (0.25, 1, 0.2),
        (0.35, 1, 0.3),
        (2.675, 2, 2.67),
        (1250.0, -2, 1200.0),
        (1250.5, -2, 1300.0),
        (-1350.0, -2, -1400.0),
        (1e300, -301, 0.0),
        (1.5, 400, 1.5),
        (1.5, -400, 0.0),
    ];
    for (number, digits, rounded) in rows {
        assert_eq!(round_float(number, digits).unwrap(), rounded, "{number} {digits}");
    }
    assert_eq!(round_int(&int("1250"), -2), Value::Int(1200));
    assert_eq!(round_int(&int("-1350"), -2), Value::Int(-1400));
    assert_eq!(round_int(&int("999"), -3), Value::Int(1000));
    assert_eq!(round_int(&int("499"), -3), Value::Int(0));
    assert_eq!(round_int(&int("999"), -1_000_000_000), Value::Int(0));
}

#[test]
fn powers_modulo_take_the_sign_of_the_modulus() {
    let rows = [
        ("3", "2", "5", 4),
        ("2", "-1", "5", 3),
        ("2", "3", "-5", -2),
        ("7", "0", "1", 0),
        ("2", "-1", "1", 0),
    ];
    for (a, b, c, result) in rows {
        assert_eq!(
            power_modulo(&int(a), &int(b), &int(c)).unwrap(),
            Value::Int(result)
        );
    }
    assert!(power_modulo(&int("2"), &int("-1"), &int("4")).is_err());
    assert!(power_modulo(&int("2"), &int("1"), &int("0")).is_err());
}
