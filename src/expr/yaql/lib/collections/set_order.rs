//! The order in which Python iterates a set of integers.
//!
//! Python's sets are open hash tables, iterated slot by slot. The hash of a text changes from run to run, but that of
//! an integer is the integer, so expressions such as `[3, 1, 2].toSet().toList()` always give the same, mostly in
//! ascending order, and people rely on it. The slots are found here as Python finds them. What is not followed, so that
//! the order of some sets made by algebra differs: slots that removed members leave behind, and the collisions of a set
//! whose table is copied slot by slot.

use num_traits::ToPrimitive;

use crate::expr::value::{SetItems, Value};

/// Slots of the smallest table.
const LEAST_SLOTS: usize = 8;
/// Neighbours that are tried before the next jump.
const NEIGHBOURS: usize = 9;
/// Bits of the hash that a jump uses up.
const SHIFT: u32 = 5;
/// The prime modulo which integers are hashed.
const MODULUS: u64 = (1 << 61) - 1;

/// How a set came to be, which decides how large its table is.
#[derive(Debug, Clone, Copy, Default)]
pub(in crate::expr::yaql::lib) struct Origin {
    /// The first members were copied at once from another set.
    pub(super) copied: usize,
    /// Then a set with so many members was added.
    pub(super) merged: usize,
}

/// The indexes of the items in the order of Python, if all are integers and the order is another one.
pub(super) fn of(items: &SetItems, origin: Origin) -> Option<Vec<usize>> {
    let hashes = items.iter().map(hash).collect::<Option<Vec<u64>>>()?;
    let mut table = Table {
        slots: vec![None; LEAST_SLOTS],
        hashes: &hashes,
    };
    let merged = origin.copied + origin.merged;
    if table.is_full(origin.copied) {
        table.resize(origin.copied * 2);
    } else if origin.merged > 0 && table.is_full(merged) {
        // A small table is copied as it is, then put into a larger one.
        table.resize(merged * 2);
    }
    for index in 0..=hashes.len() {
        if index == origin.copied && origin.merged > 0 && table.is_full(merged) {
            table.resize(merged * 2);
        }
        if index == hashes.len() {
            break;
        }
        table.place(index);
        let filled = index + 1;
        if filled > origin.copied && table.is_full(filled) {
            table.resize(filled * if filled > 50_000 { 2 } else { 4 });
        }
    }
    let order: Vec<usize> = table.slots.into_iter().flatten().collect();
    (!order.is_sorted()).then_some(order)
}

/// Python's hash of an integer.
fn hash(value: &Value) -> Option<u64> {
    let (is_negative, size) = match value {
        Value::Int(number) => (*number < 0, number.unsigned_abs() % MODULUS),
        Value::Bool(flag) => (false, u64::from(*flag)),
        Value::BigInt(number) => (
            number.sign() == num_bigint::Sign::Minus,
            (number.magnitude() % MODULUS).to_u64()?,
        ),
        _ => return None,
    };
    Some(match (is_negative, size) {
        (false, size) => size,
        // -1 means failure there.
        (true, 1) => 2_u64.wrapping_neg(),
        (true, size) => size.wrapping_neg(),
    })
}

struct Table<'a> {
    slots: Vec<Option<usize>>,
    hashes: &'a [u64],
}

impl Table<'_> {
    /// Whether so many members are too many.
    fn is_full(&self, filled: usize) -> bool {
        filled * 5 >= (self.slots.len() - 1) * 3
    }

    /// Takes the smallest table with more than `used` slots.
    fn resize(&mut self, used: usize) {
        let slots = (used + 1).next_power_of_two().max(LEAST_SLOTS);
        let old = std::mem::replace(&mut self.slots, vec![None; slots]);
        for index in old.into_iter().flatten() {
            self.place(index);
        }
    }

    /// Puts an item into the first free slot on its way.
    fn place(&mut self, index: usize) {
        let mask = self.slots.len() - 1;
        let mut perturb = self.hashes[index];
        let mut slot = perturb as usize & mask;
        loop {
            let last = if slot + NEIGHBOURS <= mask {
                slot + NEIGHBOURS
            } else {
                slot
            };
            if let Some(free) = self.slots[slot..=last].iter_mut().find(|slot| slot.is_none()) {
                *free = Some(index);
                return;
            }
            perturb >>= SHIFT;
            slot = slot
                .wrapping_mul(5)
                .wrapping_add(1)
                .wrapping_add(perturb as usize)
                & mask;
        }
    }
}
