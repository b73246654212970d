//! Cron timers as the reference has them (`APScheduler` 3): eight fields, Monday is 0, and what is left out depends on
//! what is given (TIM-3 to TIM-5).

use serde_json::Value as Json;

use crate::model::{JsonMap, nearest};

/// The fields from coarse to fine.
pub const FIELDS: [&str; 8] = [
    "year",
    "month",
    "day",
    "week",
    "day_of_week",
    "hour",
    "minute",
    "second",
];
/// Least and greatest value of each field.
const BOUNDS: [(i32, i32); 8] = [
    (1970, 9999),
    (1, 12),
    (1, 31),
    (1, 53),
    (0, 6),
    (0, 23),
    (0, 59),
    (0, 59),
];
const MONTHS: [&str; 12] = [
    "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
];
const WEEKDAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
const POSITIONS: [&str; 6] = ["1st", "2nd", "3rd", "4th", "5th", "last"];
/// Most expressions in one field, and longest field in bytes.
const MAX_EXPRESSIONS: usize = 200;
const MAX_FIELD: usize = 2000;

pub(super) const YEAR: usize = 0;
pub(super) const MONTH: usize = 1;
pub(super) const DAY: usize = 2;
pub(super) const WEEK: usize = 3;
pub(super) const DAY_OF_WEEK: usize = 4;
pub(super) const HOUR: usize = 5;
pub(super) const MINUTE: usize = 6;
pub(super) const SECOND: usize = 7;

/// When the clock and the calendar show certain values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cron {
    pub(super) fields: [Field; 8],
}

/// The values that a field may have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Field {
    pub(super) expressions: Vec<Expression>,
    /// As it was written, or filled in.
    text: String,
    given: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Expression {
    /// `*`, `*/5`
    Every { step: Option<i32> },
    /// `3`, `1-5`, `1-20/5`, `10/5`, and names
    Range {
        first: i32,
        last: Option<i32>,
        step: Option<i32>,
    },
    /// `3rd fri`, `last sun`; position 5 is the last one, Monday is 0.
    Position { which: i32, weekday: i32 },
    /// `last`: the last day of the month.
    LastDay,
}

/// What is wrong with a field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CronError {
    /// Which field.
    pub field: &'static str,
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub hint: String,
}

impl Cron {
    /// From the fields among parameters; null counts as left out.
    ///
    /// Fields that are finer than the finest given one become their least value, all others anything; without any
    /// field every second fits.
    ///
    /// # Errors
    /// The first field that cannot be read.
    pub fn from_parameters(parameters: &JsonMap) -> Result<Self, CronError> {
        let mut texts: [Option<String>; 8] = Default::default();
        for (at, name) in FIELDS.iter().enumerate() {
            texts[at] = match parameters.get(*name) {
                None | Some(Json::Null) => None,
                Some(Json::String(text)) => Some(text.clone()),
                Some(Json::Number(number)) => Some(number.to_string()),
                Some(other) => {
                    return Err(CronError {
                        field: name,
                        message: format!(
                            "`{name}` is text or a number, not {}",
                            crate::yaml::reader::describe(other)
                        ),
                        hint: format!("write `{name}: \"*\"` or leave it out"),
                    });
                }
            };
        }
        Self::from_texts(&texts)
    }

    /// From the texts of the fields, in the order of [`FIELDS`].
    ///
    /// # Errors
    /// The first field that cannot be read.
    pub fn from_texts(texts: &[Option<String>; 8]) -> Result<Self, CronError> {
        let finest = texts.iter().rposition(Option::is_some);
        let mut fields = Vec::with_capacity(8);
        for (at, text) in texts.iter().enumerate() {
            let (written, given) = match text {
                Some(text) => (text.trim().to_owned(), true),
                // Weeks and days of the week have no least value of their own.
                None if finest.is_some_and(|finest| at > finest) && at != WEEK && at != DAY_OF_WEEK => {
                    (BOUNDS[at].0.to_string(), false)
                }
                None => ("*".to_owned(), false),
            };
            fields.push(Field {
                expressions: expressions(at, &written)?,
                text: written,
                given,
            });
        }
        let fields = fields
            .try_into()
            .unwrap_or_else(|_| std::array::from_fn(|_| Field::any()));
        Ok(Self { fields })
    }

    /// The fields that were given, as `hour=7 day_of_week=mon-fri`.
    #[must_use]
    pub fn text(&self) -> String {
        let given = self.fields.iter().zip(FIELDS).filter(|(field, _)| field.given);
        let words: Vec<String> = given
            .map(|(field, name)| format!("{name}={}", field.text))
            .collect();
        if words.is_empty() {
            "every second".to_owned()
        } else {
            words.join(" ")
        }
    }
}

impl Field {
    fn any() -> Self {
        Self {
            expressions: vec![Expression::Every { step: None }],
            text: "*".to_owned(),
            given: false,
        }
    }
}

fn expressions(at: usize, text: &str) -> Result<Vec<Expression>, CronError> {
    if text.len() > MAX_FIELD || text.split(',').count() > MAX_EXPRESSIONS {
        return Err(CronError {
            field: FIELDS[at],
            message: format!("`{}` is too long", FIELDS[at]),
            hint: String::new(),
        });
    }
    text.split(',')
        .map(|part| expression(at, part.trim_matches(' ')))
        .collect()
}

fn expression(at: usize, text: &str) -> Result<Expression, CronError> {
    let field = FIELDS[at];
    let (least, greatest) = BOUNDS[at];
    let fail = |message: String, hint: String| CronError { field, message, hint };
    let bounds = || format!("`{field}` goes from {least} to {greatest}");
    let number = |digits: &str| -> Result<i32, CronError> {
        digits
            .parse::<i32>()
            .map_err(|_| fail(format!("{digits} is too large"), bounds()))
    };
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let (range, step) = match text.split_once('/') {
        Some((range, step)) if is_number(step) => (range, Some(number(step)?)),
        Some(_) => ("", None),
        None => (text, None),
    };
    let check_step = |width: i32| match step {
        Some(0) => Err(fail(
            format!("in `{text}` the step is 0"),
            "write 1 or more".to_owned(),
        )),
        Some(step) if step > width => Err(fail(
            format!("in `{text}` the step {step} is greater than the whole range of {width}"),
            bounds(),
        )),
        _ => Ok(()),
    };
    if range == "*" {
        check_step(greatest - least)?;
        return Ok(Expression::Every { step });
    }
    let (from, to) = match range.split_once('-') {
        Some((from, to)) => (from, Some(to)),
        None => (range, None),
    };
    if is_number(from) && to.is_none_or(is_number) {
        let first = number(from)?;
        let mut last = to.map(number).transpose()?;
        if last.is_none() && step.is_none() {
            last = Some(first);
        }
        if last.is_some_and(|last| first > last) {
            return Err(fail(
                format!("`{text}` ends before it begins"),
                "write the lesser number first".to_owned(),
            ));
        }
        check_step(greatest - least)?;
        if first < least || last.is_some_and(|last| last > greatest) || first > greatest {
            return Err(fail(format!("`{text}` is out of range"), bounds()));
        }
        check_step(last.filter(|last| *last != 0).unwrap_or(greatest) - first)?;
        return Ok(Expression::Range { first, last, step });
    }
    if step.is_none()
        && !text.contains('/')
        && let Some(found) = by_name(at, text, from, to)?
    {
        return Ok(found);
    }
    let hint = match at {
        MONTH => "write a number, a range 1-6, a step */2, or names like jan-mar",
        DAY => "write a number, a range 1-15, a step */2, `last`, or `3rd fri`",
        DAY_OF_WEEK => "write 0 to 6 (Monday is 0), or names like mon-fri",
        _ => "write a number, a range 1-5, a step */5, or several with commas",
    };
    Err(fail(
        format!("`{text}` means nothing for `{field}`"),
        hint.to_owned(),
    ))
}

/// Expressions with names; `None` where none can be.
fn by_name(at: usize, text: &str, from: &str, to: Option<&str>) -> Result<Option<Expression>, CronError> {
    let fail = |message: String, hint: String| CronError {
        field: FIELDS[at],
        message,
        hint,
    };
    let find = |names: &[&str], name: &str| -> Result<i32, CronError> {
        let name = name.to_ascii_lowercase();
        names
            .iter()
            .position(|known| *known == name)
            .and_then(|at| i32::try_from(at).ok())
            .ok_or_else(|| {
                let hint = match nearest(&name, names.iter().copied())
                    .or_else(|| names.iter().copied().find(|known| name.starts_with(known)))
                {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => format!("known: {}", names.join(", ")),
                };
                fail(format!("there is no `{name}`"), hint)
            })
    };
    let letters = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphabetic());
    if at == DAY {
        let lower = text.to_ascii_lowercase();
        if lower == "last" {
            return Ok(Some(Expression::LastDay));
        }
        let Some((which, weekday)) = lower.split_once(' ') else {
            return Ok(None);
        };
        let Some(which) = POSITIONS.iter().position(|known| *known == which) else {
            return Ok(None);
        };
        return Ok(Some(Expression::Position {
            which: i32::try_from(which).unwrap_or(5),
            weekday: find(&WEEKDAYS, weekday.trim())?,
        }));
    }
    let (names, base): (&[&str], i32) = match at {
        MONTH => (&MONTHS, 1),
        DAY_OF_WEEK => (&WEEKDAYS, 0),
        _ => return Ok(None),
    };
    if !letters(from) || !to.is_none_or(letters) {
        return Ok(None);
    }
    let first = find(names, from)? + base;
    let last = match to {
        Some(to) => find(names, to)? + base,
        None => first,
    };
    if first > last {
        return Err(fail(
            format!("`{text}` ends before it begins"),
            "write two ranges with a comma".to_owned(),
        ));
    }
    Ok(Some(Expression::Range {
        first,
        last: Some(last),
        step: None,
    }))
}
