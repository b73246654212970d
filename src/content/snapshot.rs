//! Everything that was loaded, as one immutable value.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::aliases;
use super::checks::Checks;
use super::cross::{self, Target};
use super::events;
use super::fields;
use super::flows::Inspections;
use super::nearest::{nearest, nearest_action};
use super::overrides::Overrides;
use super::pack::Items;
use crate::alias::{Definition, Matcher};
use crate::model::{Action, Pack, Problem, Severity, Timestamp};
use crate::policies::Policy;
use crate::rules::Rule;
use crate::triggers::{Sensor, TriggerType};

/// Packs and their items at one moment. Never changes; a reload makes a new one.
#[derive(Debug)]
pub struct Snapshot {
    /// 1 for the first load; each reload counts one up.
    pub generation: u64,
    /// When it was loaded.
    pub loaded: Timestamp,
    /// Packs by ref.
    pub packs: BTreeMap<String, Arc<Pack>>,
    /// Actions by `pack.name`.
    pub actions: BTreeMap<String, Arc<Action>>,
    /// Aliases by `pack.name`.
    pub aliases: BTreeMap<String, Arc<Definition>>,
    /// Finds the alias that a sentence means; knows every enabled alias above.
    pub matcher: Arc<Matcher>,
    /// Presentation templates of packs by `pack.name`.
    pub templates: BTreeMap<String, Arc<str>>,
    /// Rules by `pack.name`, disabled ones too.
    pub rules: BTreeMap<String, Arc<Rule>>,
    /// Trigger types by ref: the system's, those of files and of sensors.
    pub trigger_types: BTreeMap<String, Arc<TriggerType>>,
    /// Sensors by `pack.class_name`, disabled ones too.
    pub sensors: BTreeMap<String, Arc<Sensor>>,
    /// Policies by `pack.name`, disabled ones too.
    pub policies: BTreeMap<String, Arc<Policy>>,
    /// Everything that was wrong, by file and line. Items with errors are absent or, after a reload, as before.
    pub problems: Vec<Problem>,
    /// What is worth knowing and right: which built-in pack was replaced, and so on.
    pub notes: Vec<String>,
    /// Items by pack, the site's under `""`: what a reload keeps when a file is broken.
    pub(super) items: BTreeMap<String, Arc<Items>>,
    pub(super) overrides: Overrides,
    /// What was found in workflows, so that a reload looks only at those that changed.
    pub(super) inspections: Inspections,
}

/// Key of the site's own items, which belong to no pack folder.
pub(super) const SITE: &str = "";

impl Snapshot {
    /// The action with this ref.
    #[must_use]
    pub fn action(&self, reference: &str) -> Option<&Arc<Action>> {
        self.actions.get(reference)
    }

    /// The action whose ref is most like `reference`, for "did you mean".
    #[must_use]
    pub fn nearest_action(&self, reference: &str) -> Option<&str> {
        nearest_action(reference, self.actions.keys().map(String::as_str))
    }

    /// The pack whose ref is most like `reference`.
    #[must_use]
    pub fn nearest_pack(&self, reference: &str) -> Option<&str> {
        nearest(reference, self.packs.keys().map(String::as_str))
    }

    /// The policies of an action, in order of ref.
    pub fn policies_of<'s>(&'s self, action: &'s str) -> impl Iterator<Item = &'s Arc<Policy>> {
        self.policies
            .values()
            .filter(move |policy| policy.resource_ref == action)
    }

    /// Errors only.
    pub fn errors(&self) -> impl Iterator<Item = &Problem> {
        self.problems
            .iter()
            .filter(|problem| problem.severity == Severity::Error)
    }
}

/// The parts of a snapshot while it is put together.
#[derive(Default)]
pub(super) struct Parts {
    pub(super) packs: BTreeMap<String, Arc<Pack>>,
    pub(super) items: BTreeMap<String, Arc<Items>>,
    pub(super) problems: Vec<Problem>,
    pub(super) notes: Vec<String>,
    pub(super) overrides: Overrides,
}

impl Parts {
    pub(super) fn assemble(mut self, generation: u64, checks: &Checks, inspections: Inspections) -> Snapshot {
        let mut actions = BTreeMap::new();
        let mut all_aliases: BTreeMap<String, Arc<Definition>> = BTreeMap::new();
        let mut templates = BTreeMap::new();
        for (pack, items) in self.items.iter().filter(|(pack, _)| *pack != SITE) {
            for action in &items.actions {
                actions.insert(action.reference.clone(), Arc::clone(action));
            }
            for alias in &items.aliases {
                all_aliases.insert(alias.reference(), Arc::clone(alias));
            }
            for (name, text) in &items.templates {
                templates.insert(format!("{pack}.{name}"), Arc::clone(text));
            }
        }
        if let Some(site) = self.items.get(SITE) {
            for alias in &site.aliases {
                let reference = alias.reference();
                if all_aliases.insert(reference.clone(), Arc::clone(alias)).is_some() {
                    self.notes
                        .push(format!("{} replaces alias {reference}", alias.metadata_file));
                }
            }
        }
        let names: Vec<&str> = actions.keys().map(String::as_str).collect();
        let target = |reference: &str| actions.get(reference).map_or(Target::Missing, Target::Known);
        for (pack, items) in &self.items {
            for alias in &items.aliases {
                self.problems.append(&mut cross::alias(
                    alias,
                    &items.source,
                    pack,
                    checks,
                    &target,
                    &names,
                ));
            }
        }
        let known = events::Known {
            target,
            actions: &names,
            types: events::all_types(self.items.values().map(|items| &**items)),
            is_settled: &|_| true,
            checks,
        };
        let (mut rules, mut sensors, mut policies) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        let mut broken = Vec::new();
        for (pack, items) in self.items.iter().filter(|(pack, _)| *pack != SITE) {
            self.problems
                .append(&mut events::check(items, pack, &known, &mut broken));
            for rule in &items.events.rules {
                rules.insert(rule.reference.clone(), Arc::clone(rule));
            }
            for sensor in &items.events.sensors {
                sensors.insert(sensor.reference.clone(), Arc::clone(sensor));
            }
            for policy in &items.events.policies {
                policies.insert(policy.reference.clone(), Arc::clone(policy));
            }
        }
        for reference in broken {
            rules.remove(&reference);
        }
        let trigger_types = known.types;
        let matcher = Arc::new(aliases::matcher(
            &all_aliases,
            &actions,
            checks,
            &mut self.problems,
        ));
        self.problems
            .sort_by(|a, b| (&a.file, a.line, a.column).cmp(&(&b.file, b.line, b.column)));
        self.problems.dedup();
        Snapshot {
            generation,
            loaded: Timestamp::now(),
            packs: self.packs,
            actions,
            aliases: all_aliases,
            matcher,
            templates,
            rules,
            trigger_types,
            sensors,
            policies,
            problems: self.problems,
            notes: self.notes,
            items: self.items,
            overrides: self.overrides,
            inspections,
        }
    }

    pub(super) fn error(&mut self, file: &str, message: String, hint: String) {
        self.problems
            .push(fields::whole(Severity::Error, file, message, hint));
    }

    pub(super) fn warning(&mut self, file: &str, message: String, hint: String) {
        self.problems
            .push(fields::whole(Severity::Warning, file, message, hint));
    }
}
