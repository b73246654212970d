//! The standard library of YAQL, a file per subject. [`super::function`] says how functions are written.

#![expect(
    clippy::needless_pass_by_value,
    reason = "a function of the library owns its arguments, whatever it does with them"
)]

use super::function::Library;

mod boolean;
mod branching;
mod collections;
mod common;
mod date_time;
mod math;
mod queries;
mod regex;
mod strings;
mod system;

/// Declares the functions that are asked last.
pub(super) fn register_fallbacks(to: &mut Library) {
    system::register_fallbacks(to);
}

/// Declares all others.
pub(super) fn register(to: &mut Library) {
    system::register(to);
    common::register(to);
    boolean::register(to);
    strings::register(to);
    math::register(to);
    collections::register(to);
    queries::register(to);
    regex::register(to);
    branching::register(to);
    date_time::register(to);
}

#[cfg(test)]
mod tests_a;
#[cfg(test)]
mod tests_b;
