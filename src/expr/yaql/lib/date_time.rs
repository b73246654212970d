//! Dates, times and spans.

use super::super::function::Library;

pub(super) fn register(_to: &mut Library) {}
