//! Whether one more event from outside is taken. What is taken is stored, so the time to say no is before.
//!
//! Events are refused when too many are being stored, when storing takes too long (a disk that cannot keep up) or when too
//! many executions wait already. The sender is told when to come again; chat, API and timers are not held up by this.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Instant;

use super::{EmitError, EventOptions, Events};

/// So many events are always tried, or nobody would notice that the disk is fast again.
const FEW: usize = 8;
/// Weight of what was known before against one more measurement: 1 − 1/16.
const WEIGHT: u64 = 16;
/// Seconds after which a sender comes again, at most.
const LONGEST: u64 = 60;

/// What is being stored, and how long it took lately.
#[derive(Debug, Default)]
pub(super) struct Admission {
    in_flight: AtomicUsize,
    /// Microseconds, smoothed.
    latency: AtomicU64,
    refused: AtomicU64,
}

/// Numbers of events from outside, for metrics.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Inflow {
    /// Being stored now.
    pub in_flight: usize,
    /// How long storing takes, in microseconds, smoothed.
    pub latency_micros: u64,
    /// Refused since the start.
    pub refused: u64,
}

/// An event that is being stored.
#[derive(Debug)]
pub(super) struct Entry {
    admission: Arc<Admission>,
    since: Instant,
}

impl Drop for Entry {
    fn drop(&mut self) {
        let took = u64::try_from(self.since.elapsed().as_micros()).unwrap_or(u64::MAX);
        self.admission.in_flight.fetch_sub(1, Ordering::Relaxed);
        // Two that end at once may lose one measurement, which changes nothing.
        let before = self.admission.latency.load(Ordering::Relaxed);
        let now = before - before / WEIGHT + took / WEIGHT;
        self.admission.latency.store(now, Ordering::Relaxed);
    }
}

impl Admission {
    fn enter(self: &Arc<Self>, options: &EventOptions, waiting: usize) -> Result<Entry, EmitError> {
        let refuse = |why: String, retry_after: u64| {
            self.refused.fetch_add(1, Ordering::Relaxed);
            Err(EmitError::Overloaded {
                why,
                retry_after: retry_after.clamp(1, LONGEST),
            })
        };
        if waiting >= options.max_waiting {
            return refuse(format!("{waiting} executions wait already: come again later"), 10);
        }
        let latency = self.latency.load(Ordering::Relaxed);
        let is_slow = latency > options.max_latency_ms.saturating_mul(1000);
        let most = if is_slow {
            FEW.min(options.max_in_flight)
        } else {
            options.max_in_flight
        };
        let before = self.in_flight.fetch_add(1, Ordering::Relaxed);
        if before >= most {
            self.in_flight.fetch_sub(1, Ordering::Relaxed);
            let seconds = latency.div_ceil(1_000_000);
            return refuse(
                format!("{before} events are being stored already: come again later"),
                seconds,
            );
        }
        Ok(Entry {
            admission: Arc::clone(self),
            since: Instant::now(),
        })
    }
}

impl Events {
    /// Room for one more event from outside.
    pub(super) fn enter(&self) -> Result<Entry, EmitError> {
        let parts = &self.shared.parts;
        let stats = parts.engine.stats();
        let waiting = stats.waiting + stats.held_back;
        self.shared.admission.enter(&parts.options, waiting)
    }

    /// How much comes in.
    #[must_use]
    pub fn inflow(&self) -> Inflow {
        let admission = &self.shared.admission;
        Inflow {
            in_flight: admission.in_flight.load(Ordering::Relaxed),
            latency_micros: admission.latency.load(Ordering::Relaxed),
            refused: admission.refused.load(Ordering::Relaxed),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(entered: Result<Entry, EmitError>) -> u64 {
        match entered {
            Err(EmitError::Overloaded { retry_after, .. }) => retry_after,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn too_much_at_once_is_refused_and_room_comes_back() {
        let admission = Arc::new(Admission::default());
        let options = EventOptions {
            max_in_flight: 2,
            max_waiting: 10,
            ..EventOptions::default()
        };
        let first = admission.enter(&options, 0).unwrap();
        let _second = admission.enter(&options, 9).unwrap();
        assert_eq!(refused(admission.enter(&options, 0)), 1);
        drop(first);
        assert_eq!(refused(admission.enter(&options, 10)), 10);
        let _third = admission.enter(&options, 0).unwrap();
        assert_eq!(admission.in_flight.load(Ordering::Relaxed), 2);
        assert_eq!(admission.refused.load(Ordering::Relaxed), 2);
    }

    #[test]
    fn a_slow_disk_lets_only_few_in_and_says_when_to_come_again() {
        let admission = Arc::new(Admission::default());
        let options = EventOptions::default();
        admission.latency.store(7_500_000, Ordering::Relaxed);
        let entered: Vec<Entry> = (0..FEW).map(|_| admission.enter(&options, 0).unwrap()).collect();
        assert_eq!(refused(admission.enter(&options, 0)), 8);
        drop(entered);
        // It is fast again: what comes through shows it.
        for _ in 0..40 {
            drop(admission.enter(&options, 0).unwrap());
        }
        let entered: Vec<Entry> = (0..100).map(|_| admission.enter(&options, 0).unwrap()).collect();
        assert_eq!(entered.len(), 100);
    }
}
