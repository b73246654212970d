//! The variables that a task has come by: a chain of published contexts that is shared with every branch which has it
//! as its beginning, with the merged variables kept where they were needed.
//!
//! The reference merges all contexts of a task from the first one at each evaluation. Here a step adds one context to
//! variables that are merged already, so it costs the same however long the way was. At a join the other branch's whole
//! way counts again (that is how the reference merges), as one [`Patch`].

use std::sync::{Arc, OnceLock};

use super::patch::{Patch, merged};
use crate::expr::scene::Variables;
use crate::expr::value::Dict;

/// Variables at some point of a workflow. A clone shares them.
#[derive(Clone, Debug)]
pub(super) struct Contexts(Arc<Link>);

#[derive(Debug)]
struct Link {
    origin: Origin,
    /// Everything since the start as one change.
    patch: OnceLock<Patch>,
    variables: OnceLock<Variables>,
}

/// Where variables come from.
#[derive(Clone, Debug)]
pub(super) enum Origin {
    /// The start of the workflow.
    Start(Dict),
    /// Something was published.
    Published { before: Contexts, own: Dict },
    /// Branches met.
    Joined { start: Dict, patch: Patch },
}

impl Contexts {
    pub(super) fn new(origin: Origin) -> Self {
        Self(Arc::new(Link {
            origin,
            patch: OnceLock::new(),
            variables: OnceLock::new(),
        }))
    }

    pub(super) fn start(start: Dict) -> Self {
        Self::new(Origin::Start(start))
    }

    pub(super) fn and(&self, own: Dict) -> Self {
        let before = self.clone();
        Self::new(Origin::Published { before, own })
    }

    /// With all of another branch at the end, except the start.
    pub(super) fn join(&self, other: &Self) -> Self {
        let patch = self.patch().then(other.patch());
        let start = self.started().clone();
        Self::new(Origin::Joined { start, patch })
    }

    pub(super) fn origin(&self) -> &Origin {
        &self.0.origin
    }

    /// The same for the same chain.
    pub(super) fn address(&self) -> usize {
        Arc::as_ptr(&self.0).addr()
    }

    fn started(&self) -> &Dict {
        let mut link = &*self.0;
        loop {
            match &link.origin {
                Origin::Start(start) | Origin::Joined { start, .. } => return start,
                Origin::Published { before, .. } => link = &before.0,
            }
        }
    }

    /// What was published since the start, as one change.
    pub(super) fn patch(&self) -> &Patch {
        let mut open = Vec::new();
        let mut link = &*self.0;
        let mut known = loop {
            if let Some(known) = link.patch.get() {
                break known.clone();
            }
            match &link.origin {
                Origin::Start(_) => break Patch::default(),
                Origin::Joined { patch, .. } => break patch.clone(),
                Origin::Published { before, own } => {
                    open.push(own);
                    link = &before.0;
                }
            }
        };
        for own in open.into_iter().rev() {
            known = known.then(&Patch::of(own));
        }
        self.0.patch.get_or_init(|| known)
    }

    /// All of them merged, the later ones winning.
    pub(super) fn variables(&self) -> &Variables {
        // Back to where something is merged already, then forward; without recursion, as the way may be long.
        let mut open = Vec::new();
        let mut link = &*self.0;
        let mut known = loop {
            if let Some(known) = link.variables.get() {
                break known.clone();
            }
            match &link.origin {
                Origin::Start(start) => break link.keep(start.clone()),
                Origin::Joined { start, patch } => break link.keep(patch.onto(start)),
                Origin::Published { before, own } => {
                    open.push((link, own));
                    link = &before.0;
                }
            }
        };
        for (link, own) in open.into_iter().rev() {
            known = link.keep(merged(known.all(), own));
        }
        self.0.variables.get_or_init(|| known)
    }
}

impl Link {
    fn keep(&self, variables: Dict) -> Variables {
        self.variables.get_or_init(|| Variables::new(variables)).clone()
    }
}

impl Drop for Link {
    /// One link after the other: a long way must not exhaust the stack.
    fn drop(&mut self) {
        let mut origin = std::mem::replace(&mut self.origin, Origin::Start(Dict::default()));
        while let Origin::Published { before, .. } = origin {
            let Some(mut link) = Arc::into_inner(before.0) else {
                return;
            };
            origin = std::mem::replace(&mut link.origin, Origin::Start(Dict::default()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::expr::value::Value;
    use serde_json::json;

    fn dict(json: serde_json::Value) -> Dict {
        match Value::from(json) {
            Value::Dict(dict) => dict,
            other => panic!("no dictionary: {other:?}"),
        }
    }

    fn all(contexts: &Contexts) -> Value {
        Value::Dict(contexts.variables().all().clone())
    }

    #[test]
    fn later_contexts_win_and_dictionaries_merge() {
        let start = Contexts::start(dict(json!({"a": 1, "d": {"x": 1, "y": {"p": 1}}})));
        let next = start.and(dict(json!({"a": 2, "d": {"z": 3, "y": {"q": 2}}})));
        assert_eq!(
            all(&next),
            Value::from(json!({"a": 2, "d": {"x": 1, "y": {"p": 1, "q": 2}, "z": 3}}))
        );
        assert_eq!(
            all(&start),
            Value::from(json!({"a": 1, "d": {"x": 1, "y": {"p": 1}}}))
        );
    }

    #[test]
    fn null_in_between_resets_a_dictionary() {
        let start = Contexts::start(dict(json!({"d": {"x": 1}})));
        let reset = start
            .and(dict(json!({"d": null})))
            .and(dict(json!({"d": {"z": 3}})));
        assert_eq!(all(&reset), Value::from(json!({"d": {"z": 3}})));
        let joined = start.and(dict(json!({"d": {"y": 2}}))).join(&reset);
        assert_eq!(all(&joined), Value::from(json!({"d": {"z": 3}})));
    }

    #[test]
    fn a_join_repeats_what_both_branches_had() {
        let start = Contexts::start(dict(json!({})));
        let fork = start.and(dict(json!({"x": 1})));
        let (left, right) = (fork.and(dict(json!({"x": 2}))), fork.and(dict(json!({"y": 3}))));
        assert_eq!(all(&left.join(&right)), Value::from(json!({"x": 1, "y": 3})));
    }

    #[test]
    fn a_long_way_needs_no_stack() {
        let mut contexts = Contexts::start(dict(json!({})));
        for number in 1..200_000 {
            contexts = contexts.and(dict(json!({"n": number})));
        }
        assert_eq!(contexts.variables().all().len(), 1);
    }

    #[test]
    fn joins_in_a_circle_cost_the_same_each_time() {
        let mut contexts = Contexts::start(dict(json!({})));
        for number in 1..2000 {
            let fork = contexts.and(dict(json!({"n": number})));
            contexts = fork
                .and(dict(json!({"l": number})))
                .join(&fork.and(dict(json!({"r": number}))));
        }
        // The right branch brings what the left one had set before, as it does in the reference.
        assert_eq!(all(&contexts), Value::from(json!({"n": 1999, "l": 1, "r": 1999})));
    }
}
