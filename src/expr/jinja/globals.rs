//! Jinja's global functions.

use parking_lot::Mutex;

use super::bind::Signature;
use super::error::ErrorKind;
use super::fault::{Run, fail, limit, type_error, value_error};
use super::machine::{CallArgs, Machine};
use super::methods::change;
use super::object::{Cycler, Global, Joiner, Markup, Range, class_of, defined};
use super::ops;
use crate::expr::value::{Dict, Value};

/// Most numbers that a `range` may have: the sandbox's bound.
const MAX_RANGE: i128 = 100_000;
/// Most words that `lipsum` makes.
const MAX_WORDS: i64 = 100_000;

/// Names that templates can use without a variable of that name.
pub(crate) const NAMES: [&str; 6] = ["range", "dict", "lipsum", "cycler", "joiner", "namespace"];

/// The function of a name.
pub(crate) fn find(name: &str) -> Option<Global> {
    Some(match name {
        "range" => Global::Range,
        "dict" => Global::Dict,
        "lipsum" => Global::Lipsum,
        "cycler" => Global::Cycler,
        "joiner" => Global::Joiner,
        "namespace" => Global::Namespace,
        _ => return None,
    })
}

/// Attributes of the objects that these functions make.
pub(crate) fn attribute(object: &Value, name: &str) -> Option<Value> {
    let joiner = object.downcast::<Joiner>()?;
    match name {
        "sep" => Some(joiner.separator.clone()),
        "used" => Some(Value::Bool(*joiner.used.lock())),
        _ => None,
    }
}

pub(crate) fn call(machine: &mut Machine<'_>, global: Global, args: CallArgs) -> Run<Value> {
    match global {
        Global::Range => range(&args),
        Global::Dict => dict(machine, args),
        Global::Namespace => {
            let Value::Dict(attributes) = dict(machine, args)? else {
                return type_error("namespace() needs names and values");
            };
            Ok(machine.namespace(attributes.into_map()))
        }
        Global::Cycler => {
            if args.positional.is_empty() {
                return fail(ErrorKind::Runtime, "at least one item has to be provided");
            }
            Ok(Value::opaque(Cycler {
                items: args.positional,
                at: Mutex::new(0),
            }))
        }
        Global::Joiner => {
            let signature = Signature {
                function: "Joiner.__init__",
                hidden: 1,
                names: &["sep"],
                required: 0,
            };
            let bound = signature.bind(args)?;
            Ok(Value::opaque(Joiner {
                separator: bound.given(0).cloned().unwrap_or_else(|| Value::from(", ")),
                used: Mutex::new(false),
            }))
        }
        Global::Lipsum => lipsum(args),
    }
}

fn range(args: &CallArgs) -> Run<Value> {
    if !args.keywords.is_empty() {
        let (keyword, _) = &args.keywords[0];
        return type_error(format!(
            "safe_range() got an unexpected keyword argument '{keyword}'"
        ));
    }
    let mut numbers = Vec::with_capacity(3);
    for arg in &args.positional {
        defined(arg)?;
        match arg {
            Value::BigInt(number) => match i64::try_from(&**number) {
                Ok(number) => numbers.push(i128::from(number)),
                // Only the distance is bounded; numbers this large are refused as a whole.
                Err(_) => {
                    return fail(
                        ErrorKind::Overflow,
                        "Python int too large to convert to C ssize_t",
                    );
                }
            },
            other => numbers.push(i128::from(ops::integer(other)?)),
        }
    }
    let (start, stop, step) = match numbers.as_slice() {
        [stop] => (0, *stop, 1),
        [start, stop] => (*start, *stop, 1),
        [start, stop, step] => (*start, *stop, *step),
        [] => return type_error("range expected at least 1 argument, got 0"),
        more => return type_error(format!("range expected at most 3 arguments, got {}", more.len())),
    };
    if step == 0 {
        return value_error("range() arg 3 must not be zero");
    }
    let distance = stop - start;
    let len = if (distance > 0) == (step > 0) {
        (distance.abs() + step.abs() - 1) / step.abs()
    } else {
        0
    };
    if len > MAX_RANGE {
        return fail(
            ErrorKind::Overflow,
            format!("Range too big. The sandbox blocks ranges larger than MAX_RANGE ({MAX_RANGE})."),
        );
    }
    Ok(Value::opaque(Range {
        start,
        stop,
        step,
        len: usize::try_from(len).unwrap_or(0),
    }))
}

fn dict(machine: &mut Machine<'_>, mut args: CallArgs) -> Run<Value> {
    if args.positional.len() > 1 {
        return type_error(format!(
            "dict expected at most 1 argument, got {}",
            args.positional.len()
        ));
    }
    if let Some(first) = args.positional.first_mut() {
        defined(first)?;
        if !matches!(first, Value::Dict(_)) {
            if !super::machine::is_iterable(first) {
                return type_error(format!("'{}' object is not iterable", class_of(first)));
            }
            *first = Value::from(machine.collect(first)?);
        }
    }
    change(Value::Dict(Dict::default()), "update", args).map(|(dict, _)| dict)
}

/// Paragraphs of words without a meaning.
fn lipsum(args: CallArgs) -> Run<Value> {
    const WORDS: &str = "lorem ipsum dolor sit amet consectetur adipisici elit sed eiusmod tempor incidunt ut labore et \
        dolore magna aliqua enim ad minim veniam quis nostrud exercitation ullamco laboris nisi aliquid ex ea commodi \
        consequat aute iure reprehenderit in voluptate velit esse cillum eu fugiat nulla pariatur excepteur sint \
        obcaecat cupiditat non proident sunt culpa qui officia deserunt mollit anim id est laborum";
    let signature = Signature {
        function: "generate_lorem_ipsum",
        hidden: 0,
        names: &["n", "html", "min", "max"],
        required: 0,
    };
    let bound = signature.bind(args)?;
    let paragraphs = bound.integer(0, 5)?.max(0);
    let html = bound.flag(1, true)?;
    let (least, most) = (bound.integer(2, 20)?, bound.integer(3, 100)?);
    if most <= least && paragraphs > 0 {
        return value_error(format!(
            "empty range for randrange() ({least}, {most}, {})",
            most - least
        ));
    }
    if paragraphs.saturating_mul(most.max(1)) > MAX_WORDS {
        return limit(format!("lipsum makes at most {MAX_WORDS} words"));
    }
    let words: Vec<&str> = WORDS.split_whitespace().collect();
    let below = |bound: u64| rand::random::<u64>() % bound.max(1);
    let mut out = Vec::new();
    for _ in 0..paragraphs {
        let span = u64::try_from(most - least).unwrap_or(1);
        let count = i64::try_from(below(span)).unwrap_or(0) + least;
        let (mut text, mut capital, mut since_stop) = (String::new(), true, 0_u64);
        for index in 0..count.max(0) {
            let word = words[usize::try_from(below(words.len() as u64)).unwrap_or(0)];
            if index > 0 {
                text.push(' ');
            }
            if std::mem::take(&mut capital) {
                text.push_str(&super::text::capitalize(word));
            } else {
                text.push_str(word);
            }
            since_stop += 1;
            if since_stop > 8 + below(10) {
                text.push('.');
                (capital, since_stop) = (true, 0);
            } else if below(8) == 0 && index + 1 < count {
                text.push(',');
            }
        }
        let text = text.trim_end_matches([',', '.']).to_owned() + ".";
        out.push(if html { format!("<p>{text}</p>") } else { text });
    }
    Ok(if html {
        Markup::value(out.join("\n"))
    } else {
        Value::from(out.join("\n\n"))
    })
}
