//! Running parts of a workflow again after it has ended.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::sync::Arc;

use super::{Conductor, ConductorError, Delta, Status};
use crate::workflow::definition::Command;

/// A task to run again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RerunTask {
    /// Its name.
    pub task: String,
    /// Its route.
    pub route: u32,
    /// Of a task with items: run all of them again, not only those that failed.
    pub reset_items: bool,
}

impl Conductor {
    /// Runs tasks again, and what follows them: the named ones, or all that failed and ended the workflow.
    ///
    /// # Errors
    ///
    /// The workflow is still active, or a task has not run.
    pub fn rerun(&mut self, tasks: Option<&[RerunTask]>) -> Result<(), ConductorError> {
        if !self.status().is_completed() {
            return Err(ConductorError::StillActive);
        }
        let named: BTreeMap<(Arc<str>, u32), bool> = tasks
            .unwrap_or_default()
            .iter()
            .map(|one| ((Arc::from(one.task.as_str()), one.route), one.reset_items))
            .collect();
        let unknown: Vec<String> = named
            .keys()
            .filter(|(task, route)| self.state.index(task, *route).is_none())
            .map(|(task, route)| format!("{task}|{route}"))
            .collect();
        if !unknown.is_empty() {
            return Err(ConductorError::NotRerunnable(unknown.join(", ")));
        }
        let candidates = if named.is_empty() {
            self.failed_ends()
        } else {
            self.first_of(named.keys())
        };
        // Nothing would start: the reference would wait for ever.
        if candidates.is_empty() && !self.state.has_ready() {
            return Err(ConductorError::NothingToRerun);
        }
        self.change(Delta::Rerun(candidates.clone()));
        let mut sorted = candidates;
        sorted.sort_by_key(|index| {
            let entry = &self.state.sequence[*index];
            (Arc::clone(&entry.id), entry.route)
        });
        for index in sorted {
            let entry = &self.state.sequence[index];
            let key = (Arc::clone(&entry.id), entry.route);
            let reset = named.get(&key).copied().unwrap_or_default();
            self.again(index, reset);
        }
        let ends: Vec<usize> = self
            .state
            .sequence
            .iter()
            .enumerate()
            .filter(|(_, entry)| entry.term && entry.next.values().any(|taken| *taken))
            .map(|(index, _)| index)
            .collect();
        for entry in ends {
            self.change(Delta::Term { entry, term: false });
        }
        self.change(Delta::Output(None));
        self.change(Delta::Status(Status::Resuming));
        Ok(())
    }

    /// Latest entries that failed and ended the workflow. The reference would also hand out `fail` commands.
    fn failed_ends(&self) -> Vec<usize> {
        let mut found = BTreeMap::new();
        for (index, entry) in self.state.sequence.iter().enumerate() {
            if entry.term && entry.status.is_abended() && Command::named(&entry.id).is_none() {
                found.insert((Arc::clone(&entry.id), entry.route), index);
            }
        }
        found.into_values().collect()
    }

    /// The named tasks without those that another of them leads to: they run again anyway.
    fn first_of<'a>(&self, named: impl Iterator<Item = &'a (Arc<str>, u32)>) -> Vec<usize> {
        let all: Vec<(usize, HashSet<usize>)> = named
            .filter_map(|(task, route)| self.state.index(task, *route))
            .map(|index| (index, self.following(index).into_iter().collect()))
            .collect();
        all.iter()
            .filter(|(index, own)| {
                !all.iter()
                    .any(|(other, wider)| other != index && own.is_subset(wider) && !wider.is_subset(own))
            })
            .map(|(index, _)| *index)
            .collect()
    }

    /// Entries that came right after a task, in any of its executions.
    fn led_to(&self, entry: usize) -> Vec<usize> {
        let sequence = &self.state.sequence;
        let is_it = |prev: &usize| {
            let (prev, one) = (&sequence[*prev], &sequence[entry]);
            prev.id == one.id && prev.route == one.route
        };
        let all = sequence.iter().enumerate();
        all.filter(|(_, one)| one.prev.values().any(is_it))
            .map(|(index, _)| index)
            .collect()
    }

    /// An entry and all that came after it.
    fn following(&self, entry: usize) -> Vec<usize> {
        let sequence = &self.state.sequence;
        let mut followers: HashMap<(&str, u32), Vec<usize>> = HashMap::new();
        for (index, one) in sequence.iter().enumerate() {
            for prev in one.prev.values().filter_map(|prev| sequence.get(*prev)) {
                followers.entry((&prev.id, prev.route)).or_default().push(index);
            }
        }
        let mut found = vec![entry];
        let mut seen = HashSet::from([entry]);
        let mut open = VecDeque::from([entry]);
        while let Some(source) = open.pop_front() {
            let source = &sequence[source];
            for index in followers.get(&(&*source.id, source.route)).into_iter().flatten() {
                if seen.insert(*index) {
                    found.push(*index);
                    open.push_back(*index);
                }
            }
        }
        found
    }

    fn again(&mut self, index: usize, reset: bool) {
        let (task, route) = {
            let entry = &self.state.sequence[index];
            (Arc::clone(&entry.id), entry.route)
        };
        // What comes right after it is not the end any more. Ends further on stay, as in the reference: what they
        // published counts until something newer takes its place.
        for entry in self.led_to(index).into_iter().chain([index]) {
            if self.state.sequence[entry].term {
                self.change(Delta::Term { entry, term: false });
            }
        }
        self.change(Delta::Forgiven {
            task: Arc::clone(&task),
        });
        let plan = Arc::clone(&self.parts.plan);
        let with_items = plan.task(&task).is_some_and(|task| task.items.is_some());
        let kept = self.state.staged(&task, route);
        if let Some(staged) = kept.filter(|_| with_items) {
            let items = staged.items.as_ref().map_or(&[][..], |items| items.statuses());
            let again: Vec<usize> = items
                .iter()
                .enumerate()
                .filter(|(_, status)| reset || status.is_abended())
                .map(|(item, _)| item)
                .collect();
            self.change(Delta::Completed {
                task: Arc::clone(&task),
                route,
                completed: false,
            });
            for item in again {
                self.change(Delta::Item {
                    task: Arc::clone(&task),
                    route,
                    item,
                    status: Status::Null,
                });
            }
            return;
        }
        self.rendered.remove(&(Arc::clone(&task), route));
        let retry = plan
            .task(&task)
            .and_then(|task| self.attempts(task, route).ok().flatten());
        self.change(Delta::Again { entry: index, retry });
    }
}
