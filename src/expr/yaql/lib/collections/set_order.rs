//! The order in which Python iterates a set of integers.
//!
//! Python's sets are open hash tables, iterated slot by slot. The hash of a text changes from run to run, but that of
//! an integer is the integer, so expressions such as `[3, 1, 2].toSet().toList()` always give the same, mostly in
//! ascending order, and people rely on it. The slots are found here as Python finds them.

use crate::expr::value::{SetItems, Value};

/// Slots of the smallest table.
const LEAST_SLOTS: usize = 8;
/// Neighbours that are tried before the next jump.
const NEIGHBOURS: usize = 9;
/// Bits of the hash that a jump uses up.
const SHIFT: u32 = 5;
/// The prime modulo which integers are hashed.
const MODULUS: u64 = (1 << 61) - 1;

/// The indexes of the items in the order of Python, if all are integers and the order is another one.
pub(super) fn of(items: &SetItems) -> Option<Vec<usize>> {
    let hashes = items.iter().map(hash).collect::<Option<Vec<u64>>>()?;
    let mut table = vec![None; LEAST_SLOTS];
    for (index, &hash) in hashes.iter().enumerate() {
        place(&mut table, index, hash);
        let filled = index + 1;
        if filled * 5 >= (table.len() - 1) * 3 {
            let wanted = filled * if filled > 50_000 { 2 } else { 4 };
            let slots = (wanted + 1).next_power_of_two().max(LEAST_SLOTS);
            let old = std::mem::replace(&mut table, vec![None; slots]);
            for index in old.into_iter().flatten() {
                place(&mut table, index, hashes[index]);
            }
        }
    }
    let order: Vec<usize> = table.into_iter().flatten().collect();
    (!order.is_sorted()).then_some(order)
}

/// Python's hash of an integer.
fn hash(value: &Value) -> Option<u64> {
    let number = match value {
        Value::Int(number) => *number,
        Value::Bool(flag) => i64::from(*flag),
        _ => return None,
    };
    let hash = number.unsigned_abs() % MODULUS;
    Some(match (number < 0, hash) {
        (false, hash) => hash,
        // -1 means failure there.
        (true, 1) => 2_u64.wrapping_neg(),
        (true, hash) => hash.wrapping_neg(),
    })
}

/// Puts an item into the first free slot on its way.
fn place(table: &mut [Option<usize>], index: usize, hash: u64) {
    let mask = table.len() - 1;
    let mut perturb = hash;
    let mut slot = hash as usize & mask;
    loop {
        let last = if slot + NEIGHBOURS <= mask {
            slot + NEIGHBOURS
        } else {
            slot
        };
        if let Some(free) = table[slot..=last].iter_mut().find(|slot| slot.is_none()) {
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
