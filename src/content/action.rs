//! An action's metadata file becomes an [`Action`] (ACT-1 … ACT-21).

use serde_json::Value;
use sha2::{Digest, Sha256};

use super::checks::Checks;
use super::fields::{MetaFile, describe};
use super::nearest::nearest;
use super::source::Source;
use crate::model::{Action, JsonMap, Severity};
use crate::yaml;

/// Keys of an action file. The last four are ours: see [`Action::idempotent`], [`Action::deadline_seconds`],
/// [`Action::read_only`] and [`Action::approval`].
const KEYS: [&str; 18] = [
    "name",
    "description",
    "enabled",
    "runner_type",
    "entry_point",
    "pack",
    "parameters",
    "output_schema",
    "tags",
    "notify",
    "id",
    "ref",
    "uid",
    "metadata_file",
    "idempotent",
    "deadline_seconds",
    "read_only",
    "approval",
];

/// Runners whose entry point is a file of the pack.
const RUNNERS_WITH_FILE: [&str; 7] = [
    "local-shell-script",
    "remote-shell-script",
    "python-script",
    "action-chain",
    "orquesta",
    "winrm-ps-script",
    "mistral-v2",
];

/// Runners whose entry point says which actions to run; the engine reads it.
const CONDUCTED_RUNNERS: [&str; 2] = ["orquesta", "action-chain"];

/// Names that runners had in older packs.
const OLD_RUNNERS: [(&str, &str); 7] = [
    ("run-local", "local-shell-cmd"),
    ("run-local-script", "local-shell-script"),
    ("run-remote", "remote-shell-cmd"),
    ("run-remote-script", "remote-shell-script"),
    ("run-python", "python-script"),
    ("http-runner", "http-request"),
    ("orchestra", "orquesta"),
];

/// Runners of workflows that the reference gave up as well.
const MISTRAL: [&str; 2] = ["mistral-v1", "mistral-v2"];

/// Most seconds that `deadline_seconds` may say: ten years.
const MAX_DEADLINE_SECONDS: u64 = 10 * 366 * 24 * 3600;

/// What an action file belongs to.
pub(super) struct Place<'a> {
    pub(super) pack: &'a str,
    pub(super) version: &'a str,
    pub(super) source: &'a Source,
    /// Path below the pack, `actions/local.yaml`.
    pub(super) file: &'a str,
}

/// Reads the action of a file whose text is `text`. Problems go into `meta`; `None` when one is an error.
pub(super) fn read(meta: &mut MetaFile, text: &str, place: &Place<'_>, checks: &Checks) -> Option<Action> {
    let mut map = meta.take_map("an action")?;
    meta.remarks();
    meta.unknown_keys(&map, "", &KEYS);
    let name = meta.required_text(&mut map, "name");
    let runner_type = meta.required_text(&mut map, "runner_type");
    let own_pack = meta.text(&mut map, "pack");
    if !own_pack.is_empty() && own_pack != place.pack {
        let message = format!(
            "the action says pack `{own_pack}`, but lies in pack `{}`",
            place.pack
        );
        meta.error("/pack", message, "remove `pack`, it comes from the folder");
    }
    if name.contains(char::is_whitespace) || name.contains('/') {
        meta.error(
            "/name",
            "a name has no blanks or slashes",
            format!("write `{}`", name.replace([' ', '/'], "_")),
        );
    }
    let action = Action {
        reference: format!("{}.{name}", place.pack),
        pack: place.pack.to_owned(),
        runner_type: known_runner(meta, runner_type, checks),
        name,
        description: meta.text(&mut map, "description"),
        enabled: meta.flag(&mut map, "enabled", true),
        entry_point: meta.text(&mut map, "entry_point"),
        parameters: parameters(meta, &mut map),
        output_schema: meta.map(&mut map, "output_schema"),
        tags: tags(meta, &mut map),
        notify: notify(meta, &mut map),
        metadata_file: place.file.to_owned(),
        idempotent: meta.flag(&mut map, "idempotent", false),
        deadline_seconds: deadline(meta, &mut map),
        read_only: meta.flag(&mut map, "read_only", false),
        approval: approval(meta, &mut map),
        pack_dir: place.source.dir().map(Into::into),
        pack_version: place.version.to_owned(),
        digest: String::new(),
        entry_point_text: None,
    };
    finish(meta, text, place, checks, action)
}

/// Entry point, digest, and the caller's rules.
fn finish(
    meta: &mut MetaFile,
    text: &str,
    place: &Place<'_>,
    checks: &Checks,
    mut action: Action,
) -> Option<Action> {
    let mut digest = Sha256::new();
    digest.update((text.len() as u64).to_le_bytes());
    digest.update(text);
    if RUNNERS_WITH_FILE.contains(&action.runner_type.as_str()) {
        if action.entry_point.is_empty() {
            let message = format!(
                "`entry_point` is missing; runner `{}` runs a file",
                action.runner_type
            );
            meta.error(
                "/entry_point",
                message,
                "add `entry_point: <file below actions/>`",
            );
        } else {
            let file = format!("actions/{}", action.entry_point);
            match place.source.digest(&file) {
                Ok(content) => {
                    digest.update(content);
                    let conducted = CONDUCTED_RUNNERS.contains(&action.runner_type.as_str());
                    if conducted || place.source.dir().is_none() {
                        match place.source.text(&file) {
                            Ok(text) => action.entry_point_text = Some(text.into()),
                            Err(why) if conducted => meta.error(
                                "/entry_point",
                                format!("entry point `{file}`: {}", why.message),
                                why.hint,
                            ),
                            Err(_) => {}
                        }
                    }
                }
                Err(why) => {
                    let hint = if why.hint.is_empty() {
                        near_file(place, &action.entry_point)
                    } else {
                        why.hint
                    };
                    meta.error(
                        "/entry_point",
                        format!("entry point `{file}`: {}", why.message),
                        hint,
                    );
                }
            }
        }
    }
    action.digest = hex::encode(digest.finalize());
    if !meta.is_broken() {
        for finding in (checks.action)(&action) {
            meta.report(finding.severity, &finding.path, finding.message, finding.hint);
        }
    }
    (!meta.is_broken()).then_some(action)
}

/// The file of the pack that a wrong entry point probably means.
fn near_file(place: &Place<'_>, entry_point: &str) -> String {
    let files = place.source.list().unwrap_or_default();
    let files: Vec<&str> = files
        .iter()
        .filter_map(|file| file.strip_prefix("actions/"))
        .filter(|file| format!("actions/{file}") != place.file)
        .collect();
    let base = entry_point.rsplit('/').next().unwrap_or(entry_point);
    files
        .iter()
        .find(|file| file.rsplit('/').next() == Some(base))
        .copied()
        .or_else(|| nearest(entry_point, files.iter().copied()))
        .map_or_else(
            || "paths start below the pack's actions/".into(),
            |file| format!("did you mean `{file}`?"),
        )
}

fn known_runner(meta: &mut MetaFile, runner: String, checks: &Checks) -> String {
    if runner.is_empty() || checks.runners.contains_key(&runner) {
        return runner;
    }
    if let Some((_, current)) = OLD_RUNNERS.iter().find(|(old, _)| *old == runner) {
        let message = format!("`{runner}` is the old name of runner `{current}`");
        meta.warning("/runner_type", message, format!("write `runner_type: {current}`"));
        return known_runner(meta, (*current).to_owned(), checks);
    }
    if MISTRAL.contains(&runner.as_str()) {
        let message = format!("`{runner}` ran workflows on Mistral, which is gone; they cannot run here");
        let hint = "rewrite the workflow for orquesta: `runner_type: orquesta`, see docs/workflows.md";
        meta.error("/runner_type", message, hint);
    } else if !checks.runners.is_empty() {
        let hint = match nearest(&runner, checks.runners.keys().map(String::as_str)) {
            Some(name) => format!("did you mean `{name}`?"),
            None => {
                let names: Vec<&str> = checks.runners.keys().map(String::as_str).collect();
                format!("runners: {}", names.join(", "))
            }
        };
        meta.error("/runner_type", format!("there is no runner `{runner}`"), hint);
    }
    runner
}

fn parameters(meta: &mut MetaFile, map: &mut JsonMap) -> JsonMap {
    let mut parameters = meta.map(map, "parameters");
    for (name, schema) in &mut parameters {
        let path = format!("/parameters{}", yaml::step(name));
        let is_word = !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || c == '_');
        if !is_word {
            let message = format!("`{name}` cannot be the name of a parameter");
            meta.error_at_key(&path, message, "use letters, digits and underscores only");
        }
        match schema {
            Value::Object(_) => {}
            // `name:` with nothing below says that the parameter exists.
            Value::Null => *schema = Value::Object(JsonMap::new()),
            other => {
                let message = format!("parameter `{name}` should be a map, not {}", describe(other));
                meta.error(&path, message, "write `type: …` below it");
            }
        }
    }
    parameters
}

fn tags(meta: &mut MetaFile, map: &mut JsonMap) -> Value {
    match map.shift_remove("tags") {
        None | Some(Value::Null) => Value::Array(Vec::new()),
        Some(Value::Array(tags)) => {
            for (index, tag) in tags.iter().enumerate() {
                if tag.get("name").is_none_or(|name| !name.is_string()) {
                    let message = "a tag has a name and a value";
                    meta.error(
                        &format!("/tags/{index}"),
                        message,
                        "write `- name: …` and `value: …` below it",
                    );
                }
            }
            Value::Array(tags)
        }
        Some(other) => {
            meta.wrong_type("tags", "a list", &other, "write `- name: …` for each tag");
            Value::Array(Vec::new())
        }
    }
}

fn notify(meta: &mut MetaFile, map: &mut JsonMap) -> Value {
    const MOMENTS: [&str; 6] = [
        "on-complete",
        "on-success",
        "on-failure",
        "on_complete",
        "on_success",
        "on_failure",
    ];
    let notify = meta.map(map, "notify");
    for key in notify.keys().filter(|key| !MOMENTS.contains(&key.as_str())) {
        let hint = match nearest(key, MOMENTS) {
            Some(name) => format!("did you mean `{name}`?"),
            None => format!("known: {}", MOMENTS[..3].join(", ")),
        };
        let message = format!("`notify` knows no `{key}`");
        meta.report(
            Severity::Warning,
            &format!("/notify{}", yaml::step(key)),
            message,
            hint,
        );
    }
    Value::Object(notify)
}

fn deadline(meta: &mut MetaFile, map: &mut JsonMap) -> Option<u64> {
    let value = map
        .shift_remove("deadline_seconds")
        .filter(|value| !value.is_null())?;
    let seconds = value
        .as_u64()
        .filter(|seconds| (1..=MAX_DEADLINE_SECONDS).contains(seconds));
    if seconds.is_none() {
        meta.error(
            "/deadline_seconds",
            "`deadline_seconds` should be a whole number of seconds, 1 or more",
            "",
        );
    }
    seconds
}

fn approval(meta: &mut MetaFile, map: &mut JsonMap) -> Option<JsonMap> {
    if matches!(map.get("approval"), None | Some(Value::Null)) {
        return None;
    }
    let terms = meta.map(map, "approval");
    super::aliases::check_approval(meta, &terms);
    Some(terms)
}
