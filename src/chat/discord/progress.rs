//! How far the events of a gateway session are handled: what a resumption asks for again.

use std::collections::BTreeSet;
use std::sync::Arc;

use parking_lot::Mutex;

#[derive(Default)]
struct State {
    open: BTreeSet<u64>,
    last: u64,
}

/// The events of one session.
#[derive(Clone, Default)]
pub(super) struct Progress(Arc<Mutex<State>>);

/// An event that is being handled; handled when it is dropped, however that comes.
pub(super) struct Mark {
    progress: Progress,
    number: u64,
}

impl Progress {
    /// An event came.
    pub(super) fn begin(&self, number: u64) -> Mark {
        let mut state = self.0.lock();
        state.open.insert(number);
        state.last = state.last.max(number);
        Mark {
            progress: self.clone(),
            number,
        }
    }

    /// Everything up to this number is handled; 0 at the beginning.
    pub(super) fn handled(&self) -> u64 {
        let state = self.0.lock();
        state
            .open
            .first()
            .map_or(state.last, |first| first.saturating_sub(1))
    }

    /// Events that are being handled.
    pub(super) fn open(&self) -> usize {
        self.0.lock().open.len()
    }
}

impl Drop for Mark {
    fn drop(&mut self) {
        self.progress.0.lock().open.remove(&self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_handled_holds_the_number_back() {
        let progress = Progress::default();
        let one = progress.begin(1);
        let two = progress.begin(2);
        drop(two);
        assert_eq!((progress.handled(), progress.open()), (0, 1));
        drop(one);
        assert_eq!((progress.handled(), progress.open()), (2, 0));
    }

    #[test]
    fn a_panic_counts_as_handled() {
        let progress = Progress::default();
        let mark = progress.begin(7);
        let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(move || {
            let _mark = mark;
            panic!("a handler fails");
        }));
        assert!(panicked.is_err());
        assert_eq!(progress.handled(), 7);
    }
}
