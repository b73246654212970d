//! How long a sensor that failed waits before it is started again.

use std::time::Duration;

/// Times between starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// After the first failure.
    pub first: Duration,
    /// The longest wait; the waits double up to it.
    pub longest: Duration,
    /// Who ran this long has recovered: the next failure counts as the first.
    pub healthy: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            first: Duration::from_secs(1),
            longest: Duration::from_secs(300),
            healthy: Duration::from_secs(60),
        }
    }
}

/// Failures in a row.
#[derive(Clone, Copy, Debug)]
pub(super) struct Backoff {
    pace: Pace,
    failures: u32,
}

impl Backoff {
    pub(super) const fn new(pace: Pace) -> Self {
        Self { pace, failures: 0 }
    }

    /// How long to wait after a failure of a process that lived for `lived`. `chance` is between 0 and 1: the wait is up
    /// to a quarter shorter by it, so that sensors that fail together do not come back together.
    pub(super) fn wait(&mut self, lived: Duration, chance: f64) -> Duration {
        if lived >= self.pace.healthy {
            self.failures = 0;
        }
        let doubled = 2_u32.saturating_pow(self.failures.min(30));
        self.failures = self.failures.saturating_add(1);
        let whole = self.pace.first.saturating_mul(doubled).min(self.pace.longest);
        whole.mul_f64(1.0 - chance.clamp(0.0, 1.0) / 4.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_longest_and_begin_anew_after_health() {
        let mut backoff = Backoff::new(Pace::default());
        let seconds: Vec<u64> = (0..11)
            .map(|_| backoff.wait(Duration::from_secs(5), 0.0).as_secs())
            .collect();
        assert_eq!(seconds, [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300]);
        assert_eq!(backoff.wait(Duration::from_secs(60), 0.0).as_secs(), 1);
        assert_eq!(backoff.wait(Duration::ZERO, 1.0), Duration::from_millis(1500));
        for _ in 0..100 {
            assert!(backoff.wait(Duration::ZERO, 0.5) <= Duration::from_secs(300));
        }
    }
}
