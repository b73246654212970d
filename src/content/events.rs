//! Rules, trigger types, sensors and policies of packs: reading their files, and checks that look at all packs.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::checks::Checks;
use super::cross::{self, Target};
use super::fields::{self, MetaFile};
use super::nearest::nearest;
use super::overrides::Overrides;
use super::pack::Items;
use crate::expr::jinja::Jinja;
use crate::model::{Finding, Pack, Problem, Timestamp};
use crate::policies::{Policy, PolicyKind};
use crate::rules::Rule;
use crate::triggers::{Sensor, TriggerType, system_types};

/// The time zone of timers that name none while packs are checked.
const ZONE: &str = "UTC";

/// Items that are about events.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Events {
    pub(super) rules: Vec<Arc<Rule>>,
    pub(super) triggers: Vec<Arc<TriggerType>>,
    pub(super) sensors: Vec<Arc<Sensor>>,
    pub(super) policies: Vec<Arc<Policy>>,
}

/// What all kinds of these items have.
trait Item: PartialEq {
    /// For messages: `rule`.
    const WHAT: &'static str;
    /// Key of its name in the file.
    const NAME: &'static str;
    fn reference(&self) -> &str;
    fn file(&self) -> &str;
    fn set_file(&mut self, file: &str);
}

macro_rules! item {
    ($type:ty, $what:literal, $name:literal) => {
        impl Item for $type {
            const WHAT: &'static str = $what;
            const NAME: &'static str = $name;
            fn reference(&self) -> &str {
                &self.reference
            }
            fn file(&self) -> &str {
                &self.metadata_file
            }
            fn set_file(&mut self, file: &str) {
                file.clone_into(&mut self.metadata_file);
            }
        }
    };
}

item!(Rule, "rule", "/name");
item!(TriggerType, "trigger", "/name");
item!(Sensor, "sensor", "/class_name");
item!(Policy, "policy", "/name");

impl MetaFile {
    /// Adds what was found in the file's value.
    pub(super) fn apply(&mut self, findings: Vec<Finding>) {
        for finding in findings {
            let Finding {
                severity,
                path,
                message,
                hint,
            } = finding;
            if message.starts_with("unknown key") {
                self.report_at_key(severity, &path, message, hint);
            } else {
                self.report(severity, &path, message, hint);
            }
        }
    }
}

impl Events {
    /// Reads one file of a kind (`rules`, `triggers`, `sensors`, `policies`); false when its item cannot be used.
    pub(super) fn read(
        &mut self,
        kind: &str,
        meta: &mut MetaFile,
        of: &Pack,
        file: &str,
        overrides: &Overrides,
        jinja: &Jinja,
    ) -> bool {
        let pack = of.reference.as_str();
        meta.remarks();
        let value = std::mem::take(&mut meta.value);
        match kind {
            "rules" => {
                let (mut rule, findings) = Rule::from_value(&value, Some(pack), jinja);
                meta.apply(findings);
                if let Some(rule) = &mut rule {
                    rule.enabled = overrides.enabled(kind, pack, &rule.name, rule.enabled);
                }
                add(rule, &mut self.rules, meta, file)
            }
            "triggers" => {
                let (kind, findings) = TriggerType::from_value(&value, Some(pack));
                meta.apply(findings);
                add(kind, &mut self.triggers, meta, file)
            }
            "sensors" => {
                let (mut sensor, findings) = Sensor::from_value(&value, pack);
                meta.apply(findings);
                if let Some(sensor) = &mut sensor {
                    sensor.enabled = overrides.enabled(kind, pack, &sensor.class_name, sensor.enabled);
                    let program = format!("sensors/{}", sensor.entry_point);
                    if !of.files.contains(&program) {
                        let files = of.files.iter().filter_map(|file| file.strip_prefix("sensors/"));
                        let hint = match nearest(&sensor.entry_point, files) {
                            Some(near) => format!("did you mean `{near}`?"),
                            None => "write the name of a file in sensors/".to_owned(),
                        };
                        meta.warning("/entry_point", format!("there is no file {program}"), hint);
                    }
                }
                add(sensor, &mut self.sensors, meta, file)
            }
            _ => {
                let (policy, findings) = Policy::from_value(&value, Some(pack));
                meta.apply(findings);
                add(policy, &mut self.policies, meta, file)
            }
        }
    }

    /// Takes the items of a file that is broken now from an earlier state; their names go to `kept`.
    pub(super) fn keep(&mut self, earlier: &Self, file: &str, kept: &mut Vec<String>) {
        keep(&mut self.rules, &earlier.rules, file, kept);
        keep(&mut self.triggers, &earlier.triggers, file, kept);
        keep(&mut self.sensors, &earlier.sensors, file, kept);
        keep(&mut self.policies, &earlier.policies, file, kept);
    }

    /// The trigger types of files and sensors.
    fn types(&self) -> impl Iterator<Item = &TriggerType> {
        let sensors = self.sensors.iter().flat_map(|sensor| &sensor.trigger_types);
        self.triggers.iter().map(|kind| &**kind).chain(sensors)
    }
}

fn add<T: Item>(item: Option<T>, items: &mut Vec<Arc<T>>, meta: &mut MetaFile, file: &str) -> bool {
    let Some(mut item) = item else {
        return false;
    };
    if let Some(first) = items.iter().find(|other| other.reference() == item.reference()) {
        let message = format!("there is a {} `{}` already", T::WHAT, item.reference());
        let hint = format!("it is in {}: rename one of them", first.file());
        meta.error(T::NAME, message, hint);
        return false;
    }
    item.set_file(file);
    items.push(Arc::new(item));
    true
}

fn keep<T: Item>(items: &mut Vec<Arc<T>>, earlier: &[Arc<T>], file: &str, kept: &mut Vec<String>) {
    for item in earlier.iter().filter(|item| item.file() == file) {
        if !items.iter().any(|other| other.reference() == item.reference()) {
            items.push(Arc::clone(item));
            kept.push(format!("{} {}", T::WHAT, item.reference()));
        }
    }
}

/// What the items of all packs are checked against.
pub(super) struct Known<'a, T> {
    /// The action of a ref.
    pub(super) target: T,
    /// Refs of all actions at hand.
    pub(super) actions: &'a [&'a str],
    /// Trigger types at hand.
    pub(super) types: BTreeMap<String, Arc<TriggerType>>,
    /// Whether a pack is at hand with everything in it, or is known not to be there at all.
    pub(super) is_settled: &'a dyn Fn(&str) -> bool,
    pub(super) checks: &'a Checks,
}

/// All trigger types: those of the system, of files, of sensors. A later one of the same ref is left out.
pub(super) fn all_types<'i>(items: impl Iterator<Item = &'i Items>) -> BTreeMap<String, Arc<TriggerType>> {
    let mut types: BTreeMap<String, Arc<TriggerType>> = BTreeMap::new();
    for kind in system_types() {
        types.insert(kind.reference.clone(), Arc::new(kind));
    }
    for kind in items.flat_map(|items| items.events.types()) {
        types
            .entry(kind.reference.clone())
            .or_insert_with(|| Arc::new(kind.clone()));
    }
    types
}

/// Checks the items of one pack, whose files are shown below `folder`. Refs of rules that cannot work go to `broken`.
pub(super) fn check<'t, T: Fn(&str) -> Target<'t>>(
    items: &Items,
    folder: &str,
    known: &Known<'_, T>,
    broken: &mut Vec<String>,
) -> Vec<Problem> {
    let mut problems = Vec::new();
    for rule in &items.events.rules {
        let findings = of_rule(rule, known);
        if findings.iter().any(Finding::is_error) {
            broken.push(rule.reference.clone());
        }
        tell(items, folder, &rule.metadata_file, findings, &mut problems);
    }
    for policy in &items.events.policies {
        let findings = of_policy(policy, known);
        tell(items, folder, &policy.metadata_file, findings, &mut problems);
    }
    problems
}

/// Positions are rarely wanted, so they are not kept: the file is read once more.
fn tell(items: &Items, folder: &str, file: &str, findings: Vec<Finding>, problems: &mut Vec<Problem>) {
    if findings.is_empty() {
        return;
    }
    let shown = format!("{folder}/{file}");
    match fields::read(&items.source, file, &shown, false) {
        Ok((mut meta, _)) => {
            meta.apply(findings);
            problems.append(&mut meta.problems);
        }
        Err(_) => problems.extend(
            findings
                .into_iter()
                .map(|finding| fields::whole(finding.severity, &shown, finding.message, finding.hint)),
        ),
    }
}

fn of_action<'t, T: Fn(&str) -> Target<'t>>(
    reference: &str,
    path: &str,
    verb: &str,
    known: &Known<'_, T>,
) -> Result<Target<'t>, Finding> {
    match (known.target)(reference) {
        Target::Missing => {
            let message = format!("{verb} `{reference}`, but there is no such action");
            let hint = match nearest(reference, known.actions.iter().copied()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => "write the action as `pack.name`".to_owned(),
            };
            Err(Finding::warning(path, message, hint))
        }
        found => Ok(found),
    }
}

fn of_policy<'t, T: Fn(&str) -> Target<'t>>(policy: &Policy, known: &Known<'_, T>) -> Vec<Finding> {
    let action = match of_action(
        &policy.resource_ref,
        "/resource_ref",
        "the policy is about",
        known,
    ) {
        Ok(Target::Known(action)) if !known.checks.runners.is_empty() => action,
        Ok(_) => return Vec::new(),
        Err(finding) => return vec![finding],
    };
    let PolicyKind::Concurrency { attributes, .. } = &policy.kind else {
        return Vec::new();
    };
    let declared = known.checks.shape(action).parameters;
    let unknown = attributes
        .iter()
        .enumerate()
        .filter(|(_, name)| !declared.contains(name));
    unknown
        .map(|(index, name)| {
            let message = format!("`{name}` is no parameter of {}", action.reference);
            let hint = match nearest(name, declared.iter().map(String::as_str)) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("parameters: {}", declared.join(", ")),
            };
            Finding::warning(format!("/parameters/attributes/{index}"), message, hint)
        })
        .collect()
}

fn of_rule<'t, T: Fn(&str) -> Target<'t>>(rule: &Rule, known: &Known<'_, T>) -> Vec<Finding> {
    let mut findings = Vec::new();
    match known.types.get(&rule.trigger.type_ref) {
        Some(kind) => {
            let (_, found) = kind.check_parameters(&rule.trigger.parameters, ZONE, Timestamp::now());
            findings.extend(found);
        }
        None => {
            let pack = rule.trigger.type_ref.split('.').next().unwrap_or_default();
            if (known.is_settled)(pack) {
                let message = format!("there is no trigger type `{}`", rule.trigger.type_ref);
                let hint = match nearest(&rule.trigger.type_ref, known.types.keys().map(String::as_str)) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => {
                        "write it in triggers/ of its pack, or under trigger_types of a sensor".to_owned()
                    }
                };
                // Types can still be made over the API.
                findings.push(Finding::warning("/trigger/type", message, hint));
            }
        }
    }
    match of_action(&rule.action.reference, "/action/ref", "the rule runs", known) {
        Err(finding) => findings.push(finding),
        Ok(Target::Known(action)) if !known.checks.runners.is_empty() => {
            let declared = cross::declared(action, known.checks);
            for name in rule.action.parameters.keys() {
                if declared.contains(name) {
                    continue;
                }
                let message = format!("`{name}` is no parameter of {} that can be set", action.reference);
                let hint = match nearest(name, declared.iter().map(String::as_str)) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => format!("parameters: {}", declared.join(", ")),
                };
                let path = format!("/action/parameters{}", crate::yaml::step(name));
                findings.push(Finding::warning(path, message, hint));
            }
            for name in known.checks.shape(action).required {
                if !rule.action.parameters.contains_key(&name) {
                    let message = format!(
                        "{} needs `{name}`, which the rule does not give",
                        action.reference
                    );
                    let hint = format!("add `{name}: …` below `parameters`");
                    findings.push(Finding::warning("/action", message, hint));
                }
            }
        }
        Ok(_) => {}
    }
    findings
}
