//! The fair queue: whoever asks for much does not keep others waiting.
//!
//! Work is taken in turns among the users who have work waiting, and in order of arrival for each of them.
//! Every operation costs the same however much is waiting.

use std::collections::{HashMap, HashSet, VecDeque};

use crate::model::Id;

/// Ids of waiting executions, fair among users.
#[derive(Debug, Default)]
pub(super) struct FairQueue {
    /// Waiting ids of each user, oldest first. May hold ids that were removed; `members` tells.
    lines: HashMap<String, VecDeque<Id>>,
    /// Users that have a line, in the order of their turns.
    turns: VecDeque<String>,
    /// Ids that really wait.
    members: HashSet<Id>,
}

impl FairQueue {
    /// How many wait.
    pub(super) fn len(&self) -> usize {
        self.members.len()
    }

    /// Adds an id to the end of its user's line; does nothing when it waits already.
    pub(super) fn push(&mut self, user: &str, id: Id) {
        if !self.members.insert(id) {
            return;
        }
        if let Some(line) = self.lines.get_mut(user) {
            line.push_back(id);
        } else {
            self.lines.insert(user.to_owned(), VecDeque::from([id]));
            self.turns.push_back(user.to_owned());
        }
    }

    /// Takes the next id, from the user whose turn it is.
    pub(super) fn pop(&mut self) -> Option<Id> {
        while let Some(user) = self.turns.pop_front() {
            let Some(line) = self.lines.get_mut(&user) else {
                continue;
            };
            let mut next = None;
            while let Some(id) = line.pop_front() {
                if self.members.remove(&id) {
                    next = Some(id);
                    break;
                }
            }
            if line.is_empty() {
                self.lines.remove(&user);
            } else {
                self.turns.push_back(user);
            }
            if next.is_some() {
                return next;
            }
        }
        None
    }

    /// Takes an id out of the queue; true when it was waiting.
    pub(super) fn remove(&mut self, id: Id) -> bool {
        self.members.remove(&id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_take_turns_and_each_keeps_its_order() {
        let mut queue = FairQueue::default();
        let ids: Vec<Id> = (0..6).map(|_| Id::new()).collect();
        for id in &ids[..4] {
            queue.push("ana", *id);
        }
        queue.push("bo", ids[4]);
        queue.push("bo", ids[5]);
        queue.push("ana", ids[0]); // waits already
        assert!(queue.remove(ids[1]));
        assert!(!queue.remove(ids[1]));
        assert_eq!(queue.len(), 5);
        let order: Vec<Id> = std::iter::from_fn(|| queue.pop()).collect();
        assert_eq!(order, [ids[0], ids[4], ids[2], ids[5], ids[3]]);
        assert_eq!(queue.len(), 0);
        assert!(queue.lines.is_empty() && queue.turns.is_empty());
    }
}
