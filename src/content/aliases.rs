//! Alias files become alias definitions, and all of them one matcher.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::checks::Checks;
use super::cross;
use super::fields::{self, MetaFile};
use crate::alias::{self, Definition, Entry, Format, FormatEntry, Matcher, Representation};
use crate::model::{Action, JsonMap, Problem, Severity};

/// Reads the alias of a file. Problems go into `meta`; `None` when it cannot be used at all. An alias with a
/// broken format works without that format.
pub(super) fn read(meta: &mut MetaFile, pack: Option<&str>, file: &str) -> Option<Definition> {
    if !meta.value.is_object() {
        meta.take_map("an alias")?;
    }
    meta.remarks();
    let (definition, problems) = Definition::from_value(&meta.value, pack);
    for problem in problems {
        let severity = severity(problem.severity);
        let hint = problem.hint.unwrap_or_default();
        if problem.message.starts_with("unknown key") {
            meta.report_at_key(severity, &problem.path, problem.message, hint);
        } else {
            meta.report(severity, &problem.path, problem.message, hint);
        }
    }
    let mut definition = definition?;
    file.clone_into(&mut definition.metadata_file);
    if let Some(terms) = &definition.approval
        && !check_approval(meta, terms)
    {
        // Without its terms it would run without anybody's consent.
        return None;
    }
    Some(definition)
}

/// Whether the terms under `approval` can be met; an error of the file otherwise.
pub(super) fn check_approval(meta: &mut MetaFile, terms: &JsonMap) -> bool {
    let Err(why) = crate::access::terms_of(terms) else {
        return true;
    };
    let hint = "write `approval: {by: [role:oncall], count: 1, within: 30m}`";
    meta.error("/approval", format!("`approval`: {why}"), hint);
    false
}

const fn severity(severity: alias::Severity) -> Severity {
    match severity {
        alias::Severity::Error => Severity::Error,
        alias::Severity::Warning => Severity::Warning,
    }
}

/// Parameters that an alias sets, each with the path of the place where it does.
pub(super) fn parameters(definition: &Definition) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut add = |path: String, text: &str| {
        let format = Format::new(text);
        found.extend(format.parameters().map(|name| (path.clone(), name.to_owned())));
    };
    for (index, entry) in definition.formats.iter().enumerate() {
        let path = format!("/formats/{index}");
        match entry {
            FormatEntry::Text(text) => add(path, text),
            FormatEntry::Detailed(detailed) => match &detailed.representation {
                Some(Representation::One(text)) => add(format!("{path}/representation"), text),
                Some(Representation::Many(texts)) => {
                    for (place, text) in texts.iter().enumerate() {
                        add(format!("{path}/representation/{place}"), text);
                    }
                }
                None => {}
            },
        }
    }
    let immutable = definition.immutable_parameters.keys();
    found.extend(immutable.map(|name| {
        (
            format!("/immutable_parameters{}", crate::yaml::step(name)),
            name.clone(),
        )
    }));
    found
}

/// Whether the alias can only set parameters that are `known`. Looks at the text of its formats alone, which is
/// much cheaper than [`parameters`]; false only means that these must be asked.
pub(super) fn sets_only(definition: &Definition, known: &[String]) -> bool {
    let is_known = |name: &str| known.iter().any(|known| known == name);
    let in_text = |text: &str| {
        let braces = text.split("{{").skip(1);
        let groups = text.split("(?P<").skip(1);
        braces.chain(groups).all(|rest| {
            let rest = rest.trim_start();
            let end = rest
                .find(|c: char| !c.is_alphanumeric() && c != '_')
                .unwrap_or(rest.len());
            is_known(&rest[..end])
        })
    };
    definition.immutable_parameters.keys().all(|name| is_known(name))
        && definition.formats.iter().all(|entry| match entry {
            FormatEntry::Text(text) => in_text(text),
            FormatEntry::Detailed(detailed) => match &detailed.representation {
                Some(Representation::One(text)) => in_text(text),
                Some(Representation::Many(texts)) => texts.iter().all(|text| in_text(text)),
                None => true,
            },
        })
}

/// The matcher of all aliases. What it cannot use is added to `problems`, unless it is known already.
pub(super) fn matcher(
    aliases: &BTreeMap<String, Arc<Definition>>,
    actions: &BTreeMap<String, Arc<Action>>,
    checks: &Checks,
    problems: &mut Vec<Problem>,
) -> Matcher {
    let entries = aliases.values().map(|definition| Entry {
        definition: Arc::clone(definition),
        declared: actions
            .get(&definition.action_ref)
            .map(|action| cross::declared(action, checks)),
    });
    let (matcher, unusable) = Matcher::new(entries);
    for found in unusable {
        let file = aliases
            .get(&found.alias)
            .map_or("", |definition| definition.metadata_file.as_str());
        let alias::Problem { message, hint, .. } = found.problem;
        if !problems
            .iter()
            .any(|problem| problem.message == message && problem.file.ends_with(file))
        {
            problems.push(fields::whole(
                Severity::Error,
                file,
                message,
                hint.unwrap_or_default(),
            ));
        }
    }
    matcher
}
