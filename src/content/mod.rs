//! Packs on disk and in the binary become one immutable, validated snapshot.
//!
//! Files are the truth. [`Content::load`] reads them all, [`Content::reload`] does so again and swaps the new
//! [`Snapshot`] in at once; whoever holds the old one goes on with it. A broken file is reported with line
//! and column and takes nothing else down: on the first load its item is absent, on a reload it stays as it was.

mod action;
mod advice;
mod aliases;
mod checks;
mod config;
mod cross;
mod events;
#[cfg(test)]
mod events_tests;
mod fields;
mod files;
mod flows;
mod lint;
mod load;
mod nearest;
mod overrides;
mod pack;
mod reload;
mod snapshot;
mod source;
#[cfg(test)]
mod tests;
mod watch;

use std::sync::Arc;

use arc_swap::ArcSwap;
use parking_lot::Mutex;

pub use checks::{CheckAction, Checks, Finding};
pub use files::pack_text;
pub use lint::{Counts, LintProblem, LintReport, lint};
pub use load::Options;
pub use nearest::nearest;
pub use reload::ReloadReport;
pub use snapshot::Snapshot;

use crate::workflow::inspect::Report;

/// The content in force.
#[derive(Debug)]
pub struct Content {
    options: Options,
    checks: Checks,
    current: ArcSwap<Snapshot>,
    /// One reload at a time.
    reloading: Mutex<()>,
}

impl Content {
    /// Loads everything for the first time. Never fails: what is wrong is in [`Snapshot::problems`].
    #[must_use]
    pub fn load(options: Options, checks: Checks) -> Self {
        let snapshot = load::load(&options, &checks, None).snapshot;
        Self {
            options,
            checks,
            current: ArcSwap::from_pointee(snapshot),
            reloading: Mutex::new(()),
        }
    }

    /// The snapshot in force now. Keep it for as long as one piece of work lasts.
    #[must_use]
    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.current.load_full()
    }

    /// Where the content comes from.
    #[must_use]
    pub const fn options(&self) -> &Options {
        &self.options
    }

    /// Inspects a workflow's definition with the actions of the content in force.
    #[must_use]
    pub fn inspect(&self, text: &str) -> Report {
        let snapshot = self.snapshot();
        let actions = snapshot.items.values().flat_map(|items| &items.actions);
        let known = flows::Known {
            actions: actions
                .map(|action| (action.reference.as_str(), &**action))
                .collect(),
            checks: &self.checks,
            packs: None,
        };
        flows::of_text(text, &known)
    }

    /// Reads everything again and puts it in force. Blocks for as long as reading takes.
    pub fn reload(&self) -> ReloadReport {
        let _one = self.reloading.lock();
        let before = self.snapshot();
        let outcome = load::load(&self.options, &self.checks, Some(&before));
        let report = ReloadReport::between(&before, &outcome.snapshot, outcome.kept);
        self.current.store(Arc::new(outcome.snapshot));
        report
    }
}
