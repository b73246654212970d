//! Lists, dictionaries and sets: making them, looking into them, changing them.

mod access;
mod dicts;
mod edit;
mod lists;
mod operators;
mod set_order;
mod sets;

use super::common::cost;
use crate::expr::yaql::function::Library;

pub(super) use dicts::{class_name, not_iterable};
pub(super) use lists::{frozen_items, to_list};
pub(super) use operators::joined;
pub(super) use sets::{equal as equal_sets, put as put_into_set};

pub(super) fn register(to: &mut Library) {
    lists::register(to);
    dicts::register(to);
    access::register(to);
    operators::register(to);
    edit::register(to);
    sets::register(to);
}
