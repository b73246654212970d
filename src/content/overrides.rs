//! Override files: which items of a pack are switched on or off here (ACT-26).
//!
//! `overrides/<pack>.yaml` and `overrides/_global.yaml` hold, for `actions`, `aliases`, `rules` and `sensors`,
//! `defaults: {enabled: …}` and `exceptions: {name: {enabled: …}}`. The pack's exceptions win over its
//! defaults, and those over the global defaults.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::{Map, Value};

use super::fields::{self, MetaFile};
use super::source::Source;
use crate::model::Problem;
use crate::yaml;

const KINDS: [&str; 4] = ["actions", "aliases", "rules", "sensors"];
const GLOBAL: &str = "_global";

/// All override files.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Overrides {
    global: BTreeMap<String, Rule>,
    packs: BTreeMap<String, BTreeMap<String, Rule>>,
}

/// What a file says about one kind of items.
#[derive(Clone, Debug, Default, PartialEq)]
struct Rule {
    default: Option<bool>,
    exceptions: BTreeMap<String, bool>,
}

impl Overrides {
    /// Whether the item is enabled, given what its own file says.
    pub(super) fn enabled(&self, kind: &str, pack: &str, name: &str, own: bool) -> bool {
        let rule = self.packs.get(pack).and_then(|kinds| kinds.get(kind));
        rule.and_then(|rule| rule.exceptions.get(name).copied().or(rule.default))
            .or_else(|| self.global.get(kind).and_then(|rule| rule.default))
            .unwrap_or(own)
    }
}

/// Reads every `*.yaml` in `dir`; a missing folder holds none. A broken file counts as what it was in `before`.
pub(super) fn load(dir: &Path, before: &Overrides) -> (Overrides, Vec<Problem>) {
    let mut overrides = Overrides::default();
    let mut problems = Vec::new();
    let Ok(dir) = dir.canonicalize() else {
        return (overrides, problems);
    };
    let source = Source::Disk(dir);
    for file in source.list().unwrap_or_default() {
        let Some(pack) = file.strip_suffix(".yaml").filter(|pack| !pack.contains('/')) else {
            continue;
        };
        let (rules, mut found) = read(&source, &file, pack == GLOBAL);
        problems.append(&mut found);
        match (rules, pack) {
            (Some(rules), GLOBAL) => overrides.global = rules,
            (Some(rules), _) => {
                overrides.packs.insert(pack.to_owned(), rules);
            }
            (None, GLOBAL) => overrides.global.clone_from(&before.global),
            (None, _) => {
                if let Some(rules) = before.packs.get(pack) {
                    overrides.packs.insert(pack.to_owned(), rules.clone());
                }
            }
        }
    }
    (overrides, problems)
}

fn read(source: &Source, file: &str, global: bool) -> (Option<BTreeMap<String, Rule>>, Vec<Problem>) {
    let mut meta = match fields::read(source, file, &format!("overrides/{file}"), false) {
        Ok((meta, _)) => meta,
        Err(problem) => return (None, vec![*problem]),
    };
    if meta.value.is_null() {
        return (Some(BTreeMap::new()), Vec::new());
    }
    let mut rules = BTreeMap::new();
    if let Some(map) = meta.take_map("overrides") {
        meta.unknown_keys(&map, "", &KINDS);
        for (kind, value) in &map {
            rules.insert(kind.clone(), rule(&mut meta, kind, value, global));
        }
    }
    ((!meta.is_broken()).then_some(rules), meta.problems)
}

fn rule(meta: &mut MetaFile, kind: &str, value: &Value, global: bool) -> Rule {
    let path = yaml::step(kind);
    let mut rule = Rule::default();
    let Some(map) = section(meta, &path, value) else {
        return rule;
    };
    meta.unknown_keys(map, &path, &["defaults", "exceptions"]);
    if let Some(defaults) = map.get("defaults") {
        rule.default = enabled(meta, &format!("{path}/defaults"), defaults);
    }
    let exceptions_path = format!("{path}/exceptions");
    let Some(exceptions) = map
        .get("exceptions")
        .and_then(|value| section(meta, &exceptions_path, value))
    else {
        return rule;
    };
    if global {
        let hint = "write them in overrides/<pack>.yaml";
        meta.warning(
            &exceptions_path,
            "exceptions have no effect for all packs at once",
            hint,
        );
        return rule;
    }
    for (name, value) in exceptions {
        if let Some(on) = enabled(meta, &format!("{exceptions_path}{}", yaml::step(name)), value) {
            rule.exceptions.insert(name.clone(), on);
        }
    }
    rule
}

fn section<'a>(meta: &mut MetaFile, path: &str, value: &'a Value) -> Option<&'a Map<String, Value>> {
    if !value.is_object() && !value.is_null() {
        meta.error(
            path,
            format!("this should be a map, not {}", fields::describe(value)),
            "",
        );
    }
    value.as_object()
}

fn enabled(meta: &mut MetaFile, path: &str, value: &Value) -> Option<bool> {
    let map = section(meta, path, value)?;
    meta.unknown_keys(map, path, &["enabled"]);
    match map.get("enabled") {
        Some(Value::Bool(on)) => Some(*on),
        Some(_) => {
            meta.error(
                &format!("{path}/enabled"),
                "`enabled` should be true or false",
                "",
            );
            None
        }
        None => None,
    }
}
