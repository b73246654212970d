//! The process's clock and randomness, for expressions that ask.

use std::sync::Arc;

use crate::expr::template::{Evaluator, Limits, Surroundings};
use crate::expr::value::DateTime;

/// Evaluates expressions with the process's clock and randomness.
#[must_use]
pub fn evaluator(limits: Limits) -> Evaluator {
    Evaluator::new(limits, Arc::new(Process))
}

struct Process;

impl Surroundings for Process {
    fn now(&self) -> DateTime {
        let micros = jiff::Timestamp::now().as_microsecond();
        DateTime::from_local_micros(i128::from(micros), Some(0), Some("UTC".into()))
            .expect("the clock is within the years 1 to 9999")
    }

    fn random(&self) -> u64 {
        rand::random()
    }
}
