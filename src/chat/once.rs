//! Buttons that may do their work once, however often and by whomever they are pressed.

use crate::store::{Store, StoreError};

/// Presses that came to nothing (not allowed, something missing) after which a button is given up.
const PRESSES: usize = 50;
/// What somebody is told who comes too late.
pub(crate) const DONE: &str = "That has been run already. Say it again if you want it once more.";

/// The key for the next press of the button `name`, under which a command is claimed; `None` when an earlier press has
/// started it. Two who press at the same time get the same key, of which the store lets one through.
///
/// # Errors
/// When the store cannot be read.
pub(crate) async fn next_key(store: &dyn Store, name: &str) -> Result<Option<String>, StoreError> {
    for number in 1..=PRESSES {
        let key = format!("{name}~{number}");
        match store.claim(key.clone()).await? {
            None => return Ok(Some(key)),
            Some(claim) if claim.execution.is_some() => return Ok(None),
            Some(_) => {}
        }
    }
    Ok(None)
}
