//! What all tests share: a site in a temporary folder, a server process on it, clients of its API and chat.

pub(crate) mod chat;
pub(crate) mod commands;
pub(crate) mod packs;
pub(crate) mod server;
pub(crate) mod site;
pub(crate) mod web;

use std::fmt::Debug;
use std::time::{Duration, Instant};

pub(crate) use chat::Chat;
pub(crate) use server::Server;
pub(crate) use site::Site;

/// How long a test waits for something that is to happen. Far longer than it ever takes, because the machine
/// may be busy; a test that fails by it is wrong or has found something.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);
/// Between two looks at what is waited for.
const LOOK_AGAIN: Duration = Duration::from_millis(10);

/// Looks until `look` sees something, and gives it.
///
/// # Panics
/// When it does not happen within [`PATIENCE`].
#[track_caller]
pub(crate) fn eventually<T>(
    what: impl Into<String>,
    mut look: impl AsyncFnMut() -> Option<T>,
) -> impl Future<Output = T> {
    let caller = std::panic::Location::caller();
    let what = what.into();
    async move {
        let started = Instant::now();
        loop {
            if let Some(seen) = look().await {
                return seen;
            }
            assert!(
                started.elapsed() < PATIENCE,
                "{caller}: waited {PATIENCE:?} in vain for this: {what}"
            );
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    }
}

/// Fails unless `text` contains all of `parts`.
#[track_caller]
pub(crate) fn assert_says(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "`{part}` is missing in:\n{text}");
    }
}

/// Fails unless `value` is one of `allowed`.
#[track_caller]
pub(crate) fn assert_one_of<T: PartialEq + Debug>(value: &T, allowed: &[T]) {
    assert!(allowed.contains(value), "{value:?} is none of {allowed:?}");
}
