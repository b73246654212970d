//! Whether the votes suffice: every place is filled by another person.

use std::collections::BTreeMap;

use serde::Serialize;

use super::state::{Verdict, Vote};

/// How far the votes go.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Tally {
    /// People who approved.
    pub approved: usize,
    /// Places to fill: `count`, or more when the groups need more.
    pub needed: usize,
    /// Places that are filled.
    pub filled: usize,
    /// Groups from which people are missing, and how many.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub missing: BTreeMap<String, usize>,
}

impl Tally {
    /// Fills the places with people, as many as can be. The order of the votes makes no difference.
    #[must_use]
    pub fn of(votes: &[Vote], count: u32, per_group: &BTreeMap<String, u32>) -> Self {
        let voters: Vec<&Vote> = votes
            .iter()
            .filter(|vote| vote.verdict == Verdict::Approve)
            .collect();
        // Places of groups first: a later place never takes a person away from an earlier one, only moves them.
        let mut places: Vec<Option<&str>> = Vec::new();
        for (group, number) in per_group {
            places.extend((0..*number).map(|_| Some(group.as_str())));
        }
        let free = (count as usize).saturating_sub(places.len());
        places.extend((0..free).map(|_| None));
        let fits = |place: usize, voter: usize| {
            places[place].is_none_or(|group| voters[voter].groups.iter().any(|name| name == group))
        };
        let mut seat_of: Vec<Option<usize>> = vec![None; voters.len()];
        let mut filled = vec![false; places.len()];
        for (place, filled) in filled.iter_mut().enumerate() {
            let mut tried = vec![false; voters.len()];
            *filled = seat(place, &fits, &mut seat_of, &mut tried);
        }
        let mut missing = BTreeMap::new();
        for (place, filled) in filled.iter().enumerate() {
            if let (Some(group), false) = (places[place], filled) {
                *missing.entry(group.to_owned()).or_default() += 1;
            }
        }
        Self {
            approved: voters.len(),
            needed: places.len(),
            filled: filled.iter().filter(|filled| **filled).count(),
            missing,
        }
    }

    /// Whether every place is filled.
    #[must_use]
    pub const fn is_enough(&self) -> bool {
        self.filled >= self.needed
    }
}

/// Finds a person for a place, moving others to other places where that helps.
fn seat(
    place: usize,
    fits: &dyn Fn(usize, usize) -> bool,
    seat_of: &mut [Option<usize>],
    tried: &mut [bool],
) -> bool {
    for voter in 0..seat_of.len() {
        if tried[voter] || !fits(place, voter) {
            continue;
        }
        tried[voter] = true;
        let free = match seat_of[voter] {
            None => true,
            Some(other) => seat(other, fits, seat_of, tried),
        };
        if free {
            seat_of[voter] = Some(place);
            return true;
        }
    }
    false
}
