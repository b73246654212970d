//! The items of a task: where each stands, and how many stand where.

use std::sync::Arc;

use super::status::Status;

/// Statuses of a task's items. Questions about all of them cost the same however many there are.
#[derive(Clone, Debug)]
pub struct Items {
    statuses: Arc<Vec<Status>>,
    counts: [u32; Status::ALL.len()],
    /// No item before this one waits to be started.
    first_unset: usize,
}

impl Items {
    pub(super) fn new(count: usize) -> Self {
        let mut counts = [0; Status::ALL.len()];
        counts[Status::Null as usize] = u32::try_from(count).unwrap_or(u32::MAX);
        Self {
            statuses: Arc::new(vec![Status::Null; count]),
            counts,
            first_unset: 0,
        }
    }

    /// As many items as there are statuses, each there where it stood.
    pub(super) fn of(statuses: Vec<Status>) -> Self {
        let mut items = Self::new(0);
        for status in &statuses {
            items.counts[*status as usize] += 1;
        }
        items.statuses = Arc::new(statuses);
        items
    }

    /// Where each item stands.
    #[must_use]
    pub fn statuses(&self) -> &[Status] {
        &self.statuses
    }

    pub(super) fn set(&mut self, item: usize, status: Status) {
        let Some(before) = self.statuses.get(item).copied() else {
            return;
        };
        self.counts[before as usize] -= 1;
        self.counts[status as usize] += 1;
        Arc::make_mut(&mut self.statuses)[item] = status;
        if status == Status::Null {
            self.first_unset = self.first_unset.min(item);
        }
    }

    /// How many items have one of these statuses, `except` one left out.
    pub(super) fn count(&self, wanted: impl Fn(Status) -> bool, except: Option<usize>) -> usize {
        let all: u32 = Status::ALL
            .into_iter()
            .filter(|status| wanted(*status))
            .map(|status| self.counts[status as usize])
            .sum();
        let left_out = except
            .and_then(|item| self.statuses.get(item))
            .is_some_and(|status| wanted(*status));
        all as usize - usize::from(left_out)
    }

    /// The first items that wait to be started, at most so many.
    pub(super) fn unset(&mut self, most: usize) -> Vec<usize> {
        while self
            .statuses
            .get(self.first_unset)
            .is_some_and(|status| *status != Status::Null)
        {
            self.first_unset += 1;
        }
        let waiting = self.statuses.iter().enumerate().skip(self.first_unset);
        waiting
            .filter(|(_, status)| **status == Status::Null)
            .map(|(item, _)| item)
            .take(most)
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_are_counted_as_they_move() {
        let mut items = Items::new(4);
        assert_eq!(items.unset(2), [0, 1]);
        items.set(0, Status::Running);
        items.set(1, Status::Succeeded);
        assert_eq!(items.count(Status::is_active, None), 1);
        assert_eq!(items.count(Status::is_active, Some(0)), 0);
        assert_eq!(items.count(|status| !status.is_completed(), Some(0)), 2);
        assert_eq!(items.unset(9), [2, 3]);
        items.set(1, Status::Null);
        assert_eq!(items.unset(9), [1, 2, 3]);
        items.set(99, Status::Failed);
    }
}
