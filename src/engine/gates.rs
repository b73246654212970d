//! Who may start under the policies of actions, and who waits for whom: counted in memory, exactly, made again at a start.
//!
//! An execution counts from the moment it is let in until its end is committed, also while it is paused or waits for an
//! answer. What has to wait waits in order of its id, which is the order of asking; whenever somebody leaves, those who
//! wait are looked at again at once. Values of parameters are kept as keyed hashes only, so that secret ones can be compared.

use std::collections::hash_map::RandomState;
use std::collections::{BTreeSet, HashMap};
use std::hash::BuildHasher;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::Mutex;
use serde_json::Value;

use crate::model::{Action, Id, JsonMap};
use crate::policies::{Admission, Policy, PolicyKind, admit};

/// The policies of an action, in order of ref.
pub(super) type Policies = Arc<[Arc<Policy>]>;

/// What is to become of an execution.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It starts, and counts.
    Start,
    /// It waits; [`Gates::leave`] of another tells when it may start.
    Wait,
    /// It is canceled.
    Cancel {
        /// Because of this policy.
        policy: String,
    },
}

/// For whom an execution waits.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Waits {
    /// The policy because of which it waits.
    pub policy: String,
    /// So many others are at work.
    pub running: usize,
    /// So many others wait and came before.
    pub ahead: usize,
}

impl Waits {
    /// For how many others it waits.
    #[must_use]
    pub const fn others(&self) -> usize {
        self.running + self.ahead
    }

    /// `waiting for 2 others (policy demo.one)`
    #[must_use]
    pub fn told(&self) -> String {
        let others = self.others();
        let word = if others == 1 { "other" } else { "others" };
        format!("waiting for {others} {word} (policy {})", self.policy)
    }
}

/// All gates, by the ref of their action.
#[derive(Default)]
pub(super) struct Gates {
    actions: Mutex<HashMap<String, Gate>>,
    /// How many wait at all gates.
    waiting: AtomicUsize,
    hasher: RandomState,
}

/// The executions of one action.
struct Gate {
    policies: Policies,
    entries: HashMap<Id, Entry>,
    /// By the values that their executions have in common.
    lines: HashMap<Key, Line>,
    /// How many wait.
    waiting: usize,
}

/// The values that executions have in common, as a text.
type Key = String;

struct Entry {
    user: String,
    /// Hashes of the parameters' values.
    values: JsonMap,
    /// Where it waits; `None`: it has been let in.
    waits: Option<Waiting>,
    /// Its row is committed, so that it can be started.
    stored: bool,
}

#[derive(Clone)]
struct Waiting {
    key: Key,
    policy: String,
}

#[derive(Default)]
struct Line {
    /// How many have been let in.
    inside: u64,
    waiting: BTreeSet<Id>,
}

/// An execution that may start now.
pub(super) type Next = (Id, String);

impl Gates {
    /// Whether an execution may start. Asked again for the same execution it says the same until something changes.
    /// `stored`: its row is committed already.
    pub(super) fn ask(
        &self,
        policies: &Policies,
        action: &Action,
        id: Id,
        user: &str,
        parameters: &JsonMap,
        stored: bool,
    ) -> (Verdict, Vec<Next>) {
        let values = self.hashed(action, parameters);
        let mut actions = self.actions.lock();
        let mut next = Vec::new();
        let gate = actions
            .entry(action.reference.clone())
            .or_insert_with(|| Gate::new(policies));
        let before = gate.waiting;
        if !Arc::ptr_eq(&gate.policies, policies) {
            next = gate.change(policies);
        }
        let verdict = gate.ask(id, user, values, stored);
        self.recount(before, gate.waiting);
        (verdict, next)
    }

    /// Counts an execution that has begun, whatever the policies say.
    pub(super) fn enter(
        &self,
        policies: &Policies,
        action: &Action,
        id: Id,
        user: &str,
        parameters: &JsonMap,
    ) {
        let values = self.hashed(action, parameters);
        let mut actions = self.actions.lock();
        let gate = actions
            .entry(action.reference.clone())
            .or_insert_with(|| Gate::new(policies));
        gate.let_in(id, user, values);
    }

    /// An execution has ended, or does not wait any more. Gives those who may start now.
    pub(super) fn leave(&self, action: &str, id: Id) -> Vec<Next> {
        let mut actions = self.actions.lock();
        let Some(gate) = actions.get_mut(action) else {
            return Vec::new();
        };
        let before = gate.waiting;
        let next = gate.leave(id);
        self.recount(before, gate.waiting);
        // Gates of actions without policies go with the last execution.
        if gate.policies.is_empty() && gate.entries.is_empty() {
            actions.remove(action);
        }
        next
    }

    /// The row of an execution that has to wait is committed; true when it may start by now.
    pub(super) fn stored(&self, action: &str, id: Id) -> bool {
        let mut actions = self.actions.lock();
        let entry = actions.get_mut(action).and_then(|gate| gate.entries.get_mut(&id));
        entry.is_some_and(|entry| {
            entry.stored = true;
            entry.waits.is_none()
        })
    }

    /// Takes over the policies in force; gives the executions that may start now.
    pub(super) fn refresh(&self, current: impl Fn(&str) -> Option<Policies>) -> Vec<Next> {
        let mut actions = self.actions.lock();
        let mut next = Vec::new();
        for (action, gate) in actions.iter_mut() {
            let policies = current(action).unwrap_or_default();
            if !Arc::ptr_eq(&gate.policies, &policies) {
                let before = gate.waiting;
                next.extend(gate.change(&policies));
                self.recount(before, gate.waiting);
            }
        }
        actions.retain(|_, gate| !(gate.policies.is_empty() && gate.entries.is_empty()));
        next
    }

    /// Whether the executions of an action are counted.
    pub(super) fn knows(&self, action: &str) -> bool {
        self.actions.lock().contains_key(action)
    }

    /// For whom an execution waits; `None` when it does not wait because of a policy.
    pub(super) fn waits(&self, action: &str, id: Id) -> Option<Waits> {
        let actions = self.actions.lock();
        let gate = actions.get(action)?;
        let waiting = gate.entries.get(&id)?.waits.as_ref()?;
        let line = gate.lines.get(&waiting.key)?;
        Some(Waits {
            policy: waiting.policy.clone(),
            running: usize::try_from(line.inside).unwrap_or(usize::MAX),
            ahead: line.waiting.range(..id).count(),
        })
    }

    /// Called while the actions are locked, so that the sum is never below nothing.
    fn recount(&self, before: usize, after: usize) {
        self.waiting.fetch_add(after, Ordering::Relaxed);
        self.waiting.fetch_sub(before, Ordering::Relaxed);
    }

    /// How many executions wait because of policies.
    pub(super) fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Relaxed)
    }

    /// The parameters' values as hashes; a parameter that is not given has its default.
    fn hashed(&self, action: &Action, parameters: &JsonMap) -> JsonMap {
        let mut values = JsonMap::new();
        let defaults = action.parameters.iter().filter_map(|(name, schema)| {
            let default = schema.get("default")?;
            (!parameters.contains_key(name)).then_some((name, default))
        });
        for (name, value) in parameters.iter().chain(defaults) {
            if !value.is_null() {
                values.insert(name.clone(), self.hasher.hash_one(value.to_string()).into());
            }
        }
        values
    }
}

impl Gate {
    fn new(policies: &Policies) -> Self {
        Self {
            policies: Arc::clone(policies),
            entries: HashMap::new(),
            lines: HashMap::new(),
            waiting: 0,
        }
    }

    fn ask(&mut self, id: Id, user: &str, values: JsonMap, stored: bool) -> Verdict {
        if let Some(entry) = self.entries.get_mut(&id) {
            entry.stored |= stored;
            return if entry.waits.is_some() {
                Verdict::Wait
            } else {
                Verdict::Start
            };
        }
        let waits = match self.judge(&values, None) {
            Admission::Start => None,
            Admission::Cancel(policy) => return Verdict::Cancel { policy },
            Admission::Delay(policy) => Some(Waiting {
                key: self.key_of(&policy, &values),
                policy,
            }),
        };
        let verdict = match &waits {
            None => {
                for key in self.keys(&values) {
                    self.lines.entry(key).or_default().inside += 1;
                }
                Verdict::Start
            }
            Some(waiting) => {
                self.lines
                    .entry(waiting.key.clone())
                    .or_default()
                    .waiting
                    .insert(id);
                self.waiting += 1;
                Verdict::Wait
            }
        };
        let entry = Entry {
            user: user.to_owned(),
            values,
            waits,
            stored,
        };
        self.entries.insert(id, entry);
        verdict
    }

    fn let_in(&mut self, id: Id, user: &str, values: JsonMap) {
        if self.entries.contains_key(&id) {
            return;
        }
        for key in self.keys(&values) {
            self.lines.entry(key).or_default().inside += 1;
        }
        let entry = Entry {
            user: user.to_owned(),
            values,
            waits: None,
            stored: true,
        };
        self.entries.insert(id, entry);
    }

    fn leave(&mut self, id: Id) -> Vec<Next> {
        let Some(entry) = self.entries.remove(&id) else {
            return Vec::new();
        };
        if let Some(waiting) = entry.waits {
            if let Some(line) = self.lines.get_mut(&waiting.key) {
                line.waiting.remove(&id);
            }
            self.waiting -= 1;
            let mut next = Vec::new();
            self.advance(&waiting.key, &mut next);
            self.tidy(&waiting.key);
            return next;
        }
        let keys = self.keys(&entry.values);
        for key in &keys {
            if let Some(line) = self.lines.get_mut(key) {
                line.inside = line.inside.saturating_sub(1);
            }
        }
        let mut next = Vec::new();
        for key in keys {
            self.advance(&key, &mut next);
            self.tidy(&key);
        }
        next
    }

    /// Lets those in who wait in a line and may start.
    fn advance(&mut self, key: &Key, next: &mut Vec<Next>) {
        while let Some(id) = self.lines.get(key).and_then(|line| line.waiting.first().copied()) {
            let Some(values) = self.entries.get(&id).map(|entry| entry.values.clone()) else {
                return;
            };
            let moved = match self.judge(&values, Some(id)) {
                Admission::Start => None,
                // Another policy holds it: it waits there.
                Admission::Delay(policy) | Admission::Cancel(policy) => {
                    let to = self.key_of(&policy, &values);
                    if to == *key {
                        return;
                    }
                    Some(Waiting { key: to, policy })
                }
            };
            if let Some(line) = self.lines.get_mut(key) {
                line.waiting.remove(&id);
            }
            match &moved {
                Some(to) => {
                    self.lines.entry(to.key.clone()).or_default().waiting.insert(id);
                }
                None => {
                    self.waiting -= 1;
                    for key in self.keys(&values) {
                        self.lines.entry(key).or_default().inside += 1;
                    }
                }
            }
            if let Some(entry) = self.entries.get_mut(&id) {
                if moved.is_none() && entry.stored {
                    next.push((id, entry.user.clone()));
                }
                entry.waits = moved;
            }
        }
    }

    /// What the policies say to an execution with these values. `waiting`: it waits already, and those behind it do
    /// not matter.
    fn judge(&self, values: &JsonMap, waiting: Option<Id>) -> Admission {
        let enabled = || self.policies.iter().map(|policy| &**policy);
        let admission = admit(enabled(), values, |counted| {
            self.lines.get(&text(&counted.same)).map_or(0, |line| line.inside)
        });
        if admission != Admission::Start {
            return admission;
        }
        // Nobody overtakes those who wait.
        for (policy, key) in self.lines_of(values) {
            let first = self
                .lines
                .get(&key)
                .and_then(|line| line.waiting.first().copied());
            if first.is_some_and(|first| waiting.is_none_or(|id| first < id)) {
                return Admission::Delay(policy.reference.clone());
            }
        }
        Admission::Start
    }

    /// Enabled policies that count, with the line of an execution.
    fn lines_of(&self, values: &JsonMap) -> Vec<(Arc<Policy>, Key)> {
        let counting = self.policies.iter().filter(|policy| policy.enabled);
        counting
            .filter_map(|policy| Some((Arc::clone(policy), key(policy, values)?)))
            .collect()
    }

    /// The lines of an execution, each once.
    fn keys(&self, values: &JsonMap) -> Vec<Key> {
        let mut keys: Vec<Key> = self.lines_of(values).into_iter().map(|(_, key)| key).collect();
        keys.sort_unstable();
        keys.dedup();
        keys
    }

    fn key_of(&self, policy: &str, values: &JsonMap) -> Key {
        let mut policies = self.policies.iter();
        let found = policies.find(|known| known.reference == policy);
        found.and_then(|policy| key(policy, values)).unwrap_or_default()
    }

    /// Forgets a line that nobody is in.
    fn tidy(&mut self, key: &Key) {
        if self
            .lines
            .get(key)
            .is_some_and(|line| line.inside == 0 && line.waiting.is_empty())
        {
            self.lines.remove(key);
        }
    }

    /// Counts anew under other policies. Who has been let in stays; gives those who may start now.
    fn change(&mut self, policies: &Policies) -> Vec<Next> {
        self.policies = Arc::clone(policies);
        self.lines.clear();
        self.waiting = 0;
        let mut waiting = Vec::new();
        let entries = std::mem::take(&mut self.entries);
        for (id, entry) in entries {
            if entry.waits.is_some() {
                waiting.push((id, entry));
            } else {
                for key in self.keys(&entry.values) {
                    self.lines.entry(key).or_default().inside += 1;
                }
                self.entries.insert(id, entry);
            }
        }
        waiting.sort_unstable_by_key(|(id, _)| *id);
        let mut next = Vec::new();
        for (id, entry) in waiting {
            let (user, stored) = (entry.user.clone(), entry.stored);
            match self.ask(id, &entry.user, entry.values.clone(), entry.stored) {
                Verdict::Start if stored => next.push((id, user)),
                Verdict::Start | Verdict::Wait => {}
                // What was told to wait is not canceled by a policy that came later: it waits there.
                Verdict::Cancel { policy } => {
                    let key = self.key_of(&policy, &entry.values);
                    self.lines.entry(key.clone()).or_default().waiting.insert(id);
                    self.waiting += 1;
                    let waits = Some(Waiting { key, policy });
                    self.entries.insert(id, Entry { waits, ..entry });
                }
            }
        }
        next
    }
}

/// The line of an execution under a policy; `None` when the policy does not count.
fn key(policy: &Policy, values: &JsonMap) -> Option<Key> {
    let PolicyKind::Concurrency { attributes, .. } = &policy.kind else {
        return None;
    };
    let value = |name: &String| (name.clone(), values.get(name).cloned().unwrap_or_default());
    Some(text(&attributes.iter().map(value).collect()))
}

fn text(same: &JsonMap) -> Key {
    if same.is_empty() {
        return Key::new();
    }
    let pairs = same
        .iter()
        .map(|(name, value)| Value::from(vec![Value::from(name.as_str()), value.clone()]));
    Value::Array(pairs.collect()).to_string()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[allow(clippy::needless_pass_by_value)] // so that tests can write json!(…) in place
    fn policies(list: &[(&str, Value)]) -> Policies {
        let read = |(name, parameters): &(&str, Value)| {
            let kind = if parameters.get("attributes").is_some() {
                "action.concurrency.attr"
            } else {
                "action.concurrency"
            };
            let file = json!({"name": name, "resource_ref": "demo.hold", "policy_type": kind, "parameters": parameters});
            Arc::new(Policy::from_value(&file, Some("p")).0.unwrap())
        };
        list.iter().map(read).collect()
    }

    struct Test {
        gates: Gates,
        policies: Policies,
        action: Action,
    }

    impl Test {
        fn new(list: &[(&str, Value)]) -> Self {
            Self {
                gates: Gates::default(),
                policies: policies(list),
                action: crate::engine::tests::support::action(
                    "hold",
                    "gate",
                    json!({"host": {"type": "string", "default": "a"}}),
                ),
            }
        }

        #[allow(clippy::needless_pass_by_value)]
        fn ask(&self, id: Id, parameters: Value) -> Verdict {
            let parameters = parameters.as_object().unwrap();
            self.gates
                .ask(&self.policies, &self.action, id, "ana", parameters, true)
                .0
        }

        fn leave(&self, id: Id) -> Vec<Id> {
            let next = self.gates.leave("demo.hold", id);
            next.into_iter().map(|(id, _)| id).collect()
        }

        fn others(&self, id: Id) -> Option<usize> {
            self.gates.waits("demo.hold", id).map(|waits| waits.others())
        }
    }

    fn ids(count: usize) -> Vec<Id> {
        (0..count).map(|_| Id::new()).collect()
    }

    #[test]
    fn those_who_wait_follow_in_order_and_know_for_how_many() {
        let test = Test::new(&[("two", json!({"threshold": 2}))]);
        let ids = ids(5);
        let verdicts: Vec<Verdict> = ids.iter().map(|id| test.ask(*id, json!({}))).collect();
        assert_eq!(&verdicts[..2], [Verdict::Start, Verdict::Start]);
        assert_eq!(&verdicts[2..], [Verdict::Wait, Verdict::Wait, Verdict::Wait]);
        assert_eq!(
            ids.iter().map(|id| test.others(*id)).collect::<Vec<_>>(),
            [None, None, Some(2), Some(3), Some(4)]
        );
        assert_eq!(
            test.gates.waits("demo.hold", ids[2]).unwrap().told(),
            "waiting for 2 others (policy p.two)"
        );
        assert_eq!(test.ask(ids[0], json!({})), Verdict::Start, "asked again");
        assert_eq!(test.leave(ids[3]), [], "one that waited goes");
        assert_eq!(test.leave(ids[0]), [ids[2]]);
        assert_eq!(test.leave(ids[0]), [], "left twice");
        assert_eq!(test.leave(ids[1]), [ids[4]]);
        assert_eq!(test.gates.waiting(), 0);
    }

    #[test]
    fn values_count_apart_and_a_default_is_a_value() {
        let test = Test::new(&[
            ("all", json!({"threshold": 3})),
            ("host", json!({"threshold": 1, "attributes": ["host"]})),
        ]);
        let ids = ids(6);
        let hosts = [
            json!({}),
            json!({"host": "b"}),
            json!({"host": "a"}),
            json!({"host": "c"}),
            json!({"host": "d"}),
        ];
        let verdicts: Vec<Verdict> = ids
            .iter()
            .zip(&hosts)
            .map(|(id, host)| test.ask(*id, host.clone()))
            .collect();
        use Verdict::{Start, Wait};
        assert_eq!(verdicts, [Start, Start, Wait, Start, Wait]);
        assert_eq!(test.gates.waits("demo.hold", ids[2]).unwrap().policy, "p.host");
        assert_eq!(test.gates.waits("demo.hold", ids[4]).unwrap().policy, "p.all");
        // Its host is free, but all places are taken by the one that waited for a place.
        assert_eq!(test.leave(ids[1]), [ids[4]]);
        assert_eq!(test.leave(ids[0]), [ids[2]]);
    }

    #[test]
    fn one_that_is_not_stored_yet_is_told_when_it_is() {
        let test = Test::new(&[("one", json!({"threshold": 1}))]);
        let ids = ids(2);
        let none = JsonMap::new();
        let ask = |id| {
            test.gates
                .ask(&test.policies, &test.action, id, "ana", &none, false)
                .0
        };
        assert_eq!((ask(ids[0]), ask(ids[1])), (Verdict::Start, Verdict::Wait));
        assert_eq!(test.leave(ids[0]), [], "its row is not there yet");
        assert!(test.gates.stored("demo.hold", ids[1]));
    }

    #[test]
    fn other_policies_count_anew() {
        let mut test = Test::new(&[("one", json!({"threshold": 1}))]);
        let ids = ids(4);
        for id in &ids {
            test.ask(*id, json!({}));
        }
        test.policies = policies(&[("one", json!({"threshold": 3}))]);
        let next = test.gates.refresh(|_| Some(Arc::clone(&test.policies)));
        assert_eq!(
            next.iter().map(|(id, _)| *id).collect::<Vec<_>>(),
            [ids[1], ids[2]]
        );
        let next = test.gates.refresh(|_| None);
        assert_eq!(next.iter().map(|(id, _)| *id).collect::<Vec<_>>(), [ids[3]]);
        for id in &ids {
            test.leave(*id);
        }
        assert!(!test.gates.knows("demo.hold"));
    }

    #[test]
    fn one_too_many_is_canceled() {
        let test = Test::new(&[("few", json!({"threshold": 1, "action": "cancel"}))]);
        let ids = ids(2);
        assert_eq!(test.ask(ids[0], json!({})), Verdict::Start);
        let policy = "p.few".to_owned();
        assert_eq!(test.ask(ids[1], json!({})), Verdict::Cancel { policy });
        assert_eq!(test.leave(ids[1]), []);
    }

    proptest::proptest! {
        #![proptest_config(crate::testing::cases(100))]

        /// Whatever comes and goes, never more than the thresholds are inside, nobody is stuck, and the counts agree.
        #[test]
        fn thresholds_hold_and_nobody_is_stuck(steps in proptest::collection::vec((0u8..4, 0usize..6), 1..80)) {
            let test = Test::new(&[
                ("all", json!({"threshold": 3})),
                ("host", json!({"threshold": 2, "attributes": ["host"]})),
            ]);
            let mut inside: Vec<(Id, usize)> = Vec::new();
            let mut waiting: Vec<(Id, usize)> = Vec::new();
            let admit = |inside: &mut Vec<(Id, usize)>, waiting: &mut Vec<(Id, usize)>, next: Vec<Id>| {
                for id in next {
                    let at = waiting.iter().position(|(known, _)| *known == id).unwrap();
                    let one = waiting.remove(at);
                    inside.push(one);
                }
            };
            for (what, which) in steps {
                if what < 2 {
                    let (id, host) = (Id::new(), which % 3);
                    match test.ask(id, json!({"host": host.to_string()})) {
                        Verdict::Start => inside.push((id, host)),
                        _ => waiting.push((id, host)),
                    }
                } else if what == 2 && !inside.is_empty() {
                    let (id, _) = inside.remove(which % inside.len());
                    let next = test.leave(id);
                    admit(&mut inside, &mut waiting, next);
                } else if !waiting.is_empty() {
                    let (id, _) = waiting.remove(which % waiting.len());
                    let next = test.leave(id);
                    admit(&mut inside, &mut waiting, next);
                }
                proptest::prop_assert!(inside.len() <= 3);
                for host in 0..3 {
                    proptest::prop_assert!(inside.iter().filter(|(_, h)| *h == host).count() <= 2);
                }
                proptest::prop_assert_eq!(test.gates.waiting(), waiting.len());
            }
            while let Some((id, _)) = inside.pop() {
                let next = test.leave(id);
                admit(&mut inside, &mut waiting, next);
            }
            proptest::prop_assert!(waiting.is_empty(), "{} are stuck", waiting.len());
        }
    }
}
