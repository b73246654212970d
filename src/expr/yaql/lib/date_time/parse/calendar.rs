//! Telling year, month and day apart.

use super::is_day;
use super::numbers::Number;

/// What a number of a date is known to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Label {
    Year,
    Month,
}

/// The numbers of a date in the order of the text.
#[derive(Debug, Default)]
pub(super) struct Calendar {
    numbers: Vec<i64>,
    year: Option<usize>,
    month: Option<usize>,
    /// Whether the year was written with its century.
    pub(super) century: bool,
}

/// Year, month and day, as far as they are known.
pub(super) type Resolved = (Option<i64>, Option<i64>, Option<i64>);

impl Calendar {
    pub(super) fn len(&self) -> usize {
        self.numbers.len()
    }

    /// Adds a number as it is written; with three digits it is a year.
    pub(super) fn add_text(&mut self, text: &str, label: Option<Label>) -> Option<()> {
        let is_long = text.chars().count() > 2 && Number::is_digits(text);
        self.add(Number::whole(text)?, is_long, label)
    }

    /// Adds a number; above 100 it is a year.
    pub(super) fn add_number(&mut self, number: i64, label: Option<Label>) -> Option<()> {
        self.add(number, number > 100, label)
    }

    fn add(&mut self, number: i64, is_year: bool, label: Option<Label>) -> Option<()> {
        let mut label = label;
        if is_year {
            self.century = true;
            if label == Some(Label::Month) {
                return None;
            }
            label = Some(Label::Year);
        }
        let at = self.numbers.len();
        self.numbers.push(number);
        let slot = match label {
            Some(Label::Year) => &mut self.year,
            Some(Label::Month) => &mut self.month,
            None => return Some(()),
        };
        slot.replace(at).is_none().then_some(())
    }

    /// Whether a number may be the day.
    pub(super) fn could_be_day(&self, number: i64) -> Option<bool> {
        let at = |index: Option<usize>| index.map(|index| self.numbers[index]);
        let month = at(self.month);
        // Without the month the year does not count.
        is_day(number, month, month.and_then(|_| at(self.year)))
    }

    /// Decides what is what: by labels, by size, and else month, day, year.
    pub(super) fn resolve(&self) -> Option<Resolved> {
        let numbers = &self.numbers;
        let labelled = usize::from(self.year.is_some()) + usize::from(self.month.is_some());
        if let (Some(year), Some(month), 3) = (self.year, self.month, numbers.len()) {
            let day = 3 - year - month;
            return Some((Some(numbers[year]), Some(numbers[month]), Some(numbers[day])));
        }
        if labelled > 0 && labelled == numbers.len() {
            return Some((
                self.year.map(|at| numbers[at]),
                self.month.map(|at| numbers[at]),
                None,
            ));
        }
        match (numbers.as_slice(), self.month) {
            ([], _) => Some((None, None, None)),
            (&[one], _) => Some(year_or_day(one, None)),
            (&[one, month], Some(1)) | (&[month, one], Some(_)) => Some(year_or_day(one, Some(month))),
            (&[a, b], None) => Some(if a > 31 {
                (Some(a), Some(b), None)
            } else if b > 31 {
                (Some(b), Some(a), None)
            } else {
                (None, Some(a), Some(b))
            }),
            (&[a, b, c], month) => {
                let (year, month, day) = self.three(a, b, c, month);
                Some((Some(year), Some(month), Some(day)))
            }
            _ => None,
        }
    }

    fn three(&self, a: i64, b: i64, c: i64, month: Option<usize>) -> (i64, i64, i64) {
        match month {
            Some(0) if b > 31 => (b, a, c),
            Some(0) => (c, a, b),
            Some(1) if a > 31 => (a, b, c),
            Some(1) => (c, b, a),
            Some(_) if b > 31 => (b, c, a),
            Some(_) => (a, c, b),
            None if a > 31 || self.year == Some(0) => (a, b, c),
            None if a > 12 => (c, b, a),
            None => (c, a, b),
        }
    }
}

fn year_or_day(number: i64, month: Option<i64>) -> Resolved {
    if number > 31 {
        (Some(number), month, None)
    } else {
        (None, month, Some(number))
    }
}
