//! What the unit tests of several layers share.

use proptest::prelude::ProptestConfig;
use proptest::test_runner::FileFailurePersistence;

/// So many cases; those that failed once are kept in `tests/data/proptest-regressions` and run first.
pub(crate) fn cases(count: u32) -> ProptestConfig {
    ProptestConfig {
        cases: count,
        failure_persistence: Some(Box::new(FileFailurePersistence::SourceParallel(
            "tests/data/proptest-regressions",
        ))),
        ..ProptestConfig::default()
    }
}
