//! A bounded store of what was read.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::RwLock;

use super::error::ExprError;
use crate::expr::value::Hasher;

/// Things made from texts, by text. When it is full, all of it is dropped: what is in use is soon made again.
pub(crate) struct Cache<T> {
    most: usize,
    made: RwLock<HashMap<String, Arc<T>, Hasher>>,
}

impl<T> Cache<T> {
    pub(crate) fn new(most: usize) -> Self {
        Self {
            most,
            made: RwLock::default(),
        }
    }

    pub(crate) fn get_or_make(
        &self,
        text: &str,
        make: impl FnOnce() -> Result<T, ExprError>,
    ) -> Result<Arc<T>, ExprError> {
        if let Some(known) = self.made.read().get(text) {
            return Ok(Arc::clone(known));
        }
        let made = Arc::new(make()?);
        let mut all = self.made.write();
        if all.len() >= self.most {
            all.clear();
        }
        all.insert(text.to_owned(), Arc::clone(&made));
        Ok(made)
    }

    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.made.read().len()
    }
}
