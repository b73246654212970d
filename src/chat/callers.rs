//! Who said the built-in commands that are at work, with all of their rights.

use std::collections::HashMap;

use parking_lot::Mutex;

use crate::model::{Id, Identity, Place};

/// Commands that are remembered; a built-in command takes milliseconds.
const LIMIT: usize = 100_000;

/// Identities behind executions of built-in commands.
///
/// An execution stores the name of its user and not the rights, which may change; a built-in command that
/// acts for its caller needs the identity as it was established when the message came. It is never stored:
/// after a crash in the middle the command is not run again.
#[derive(Default)]
pub(crate) struct Callers(Mutex<HashMap<Id, (Identity, Place)>>);

impl Callers {
    pub(crate) fn remember(&self, execution: Id, identity: Identity, place: Place) {
        let mut map = self.0.lock();
        if map.len() >= LIMIT {
            map.clear();
        }
        map.insert(execution, (identity, place));
    }

    pub(crate) fn forget(&self, execution: Id) -> Option<(Identity, Place)> {
        self.0.lock().remove(&execution)
    }
}
