//! Texts that were read, kept up to a bound: what was not used for a while is dropped.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;

use super::compiled::Template;
use super::scan::Language;
use crate::expr::value::Hasher;

/// Longer texts are read each time; few are, and many of them would take much memory.
const LONGEST: usize = 64 * 1024;

/// Two generations: when the young one is full it becomes the old one, and the old one goes. What is found in the old
/// one is young again.
pub(super) struct Cache {
    most: usize,
    kept: Mutex<[Generations; 3]>,
}

#[derive(Default)]
struct Generations {
    young: HashMap<Arc<str>, Arc<Template>, Hasher>,
    old: HashMap<Arc<str>, Arc<Template>, Hasher>,
}

impl Cache {
    /// A cache of at most `most` texts, twice that for a short time.
    pub(super) fn new(most: usize) -> Self {
        Self {
            most: most / 2 + 1,
            kept: Mutex::default(),
        }
    }

    pub(super) fn get(&self, text: &str, only: Option<Language>) -> Option<Arc<Template>> {
        let mut kept = self.kept.lock();
        let generations = &mut kept[index(only)];
        if let Some(template) = generations.young.get(text) {
            return Some(Arc::clone(template));
        }
        let template = generations.old.remove(text)?;
        generations.put(self.most, Arc::clone(&template));
        Some(template)
    }

    pub(super) fn put(&self, only: Option<Language>, template: Arc<Template>) {
        if template.text.len() <= LONGEST {
            self.kept.lock()[index(only)].put(self.most, template);
        }
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        let kept = self.kept.lock();
        kept.iter()
            .map(|generations| generations.young.len() + generations.old.len())
            .sum()
    }
}

impl Generations {
    fn put(&mut self, most: usize, template: Arc<Template>) {
        if self.young.len() >= most {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(Arc::clone(&template.text), template);
    }
}

fn index(only: Option<Language>) -> usize {
    match only {
        None => 0,
        Some(Language::Jinja) => 1,
        Some(Language::Yaql) => 2,
    }
}
