//! Numbers: arithmetic, comparison and conversion.

use super::super::function::Library;

pub(super) fn register(_to: &mut Library) {}
