//! Timers: when something fires next (TIM), and schedules in people's words.
//!
//! Pure: no clock; every question says which time it is. [`Timer::next_fire`] gives the next time, [`Timer::due`] what has
//! become due since somebody looked, [`Schedule::parse`] reads `every weekday 07:00`.

mod cron;
mod dates;
mod misfire;
mod search;
#[cfg(test)]
mod tests;
mod timer;
mod words;
mod zone;

pub use cron::{Cron, CronError, FIELDS};
pub use dates::{lenient, lenient_utc};
pub use misfire::{Due, MOST_DUE, Misfire, Policy};
pub use timer::Timer;
pub use words::{EXAMPLES, Misread, Schedule};
pub use zone::zone;
