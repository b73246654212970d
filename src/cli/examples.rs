//! `sayso alias test`: examples in a pack's `tests/aliases.yaml`, each a message and what it must do.

use std::path::{Path, PathBuf};

use serde::Serialize;
use serde_json::{Value, json};

use super::alias::as_value;
use super::output::Format;
use super::table::visible;
use super::{CliError, CliResult, Context};
use crate::alias::{Matcher, Outcome};
use crate::content::{Checks, Content, Options};
use crate::yaml;

/// Where a pack keeps its examples.
const FILE: &str = "tests/aliases.yaml";
const KEYS: [&str; 3] = ["message", "alias", "parameters"];

/// What became of one example.
#[derive(Debug, Serialize)]
struct Answer {
    file: String,
    line: u32,
    message: String,
    ok: bool,
    /// What is wrong, empty when nothing is.
    problem: String,
}

/// Runs the examples of packs.
pub(super) fn test(context: &mut Context<'_>, paths: &[PathBuf]) -> CliResult {
    let checks = context.host.checks();
    let mut answers = Vec::new();
    for path in paths {
        answers.extend(answers_of(path, &checks)?);
    }
    let failed = answers.iter().filter(|answer| !answer.ok).count();
    if context.format == Format::Table {
        for answer in answers.iter().filter(|answer| !answer.ok) {
            let text = format!(
                "{}:{}: \"{}\": {}",
                answer.file, answer.line, answer.message, answer.problem
            );
            context.out.line(&visible(&text))?;
        }
        context.out.line(&format!(
            "{} examples, {} as expected, {failed} not",
            answers.len(),
            answers.len() - failed
        ))?;
    } else {
        context.out.value(&as_value(&answers)?, context.format)?;
    }
    Ok(u8::from(failed > 0))
}

fn answers_of(path: &Path, checks: &Checks) -> Result<Vec<Answer>, CliError> {
    let file = if path.is_dir() {
        path.join(FILE)
    } else {
        path.to_path_buf()
    };
    let pack = pack_around(&file)?;
    let text = std::fs::read_to_string(&file).map_err(|error| {
        CliError::new(format!("cannot read {}: {error}", file.display())).hint(format!(
            "a pack's examples are in its {FILE}; `sayso alias test --help` shows what to write"
        ))
    })?;
    let name = file.display().to_string();
    let options = Options {
        builtin: false,
        packs_dirs: vec![pack.clone()],
        ..Options::default()
    };
    let snapshot = Content::load(options, checks.clone()).snapshot();
    if let Some(error) = snapshot.errors().next() {
        return Err(CliError::new(format!(
            "the pack in {} has errors, such as {error}",
            pack.display()
        ))
        .hint(format!("`sayso pack lint {}` shows them all", pack.display())));
    }
    let document = yaml::parse(&text)
        .map_err(|fault| CliError::new(visible(&fault.problem(&name, Some(&text)).to_string())))?;
    let Value::Array(examples) = document.to_json() else {
        return Err(CliError::new(format!("{name}: this must be a list of examples"))
            .hint("`sayso alias test --help` shows what to write"));
    };
    let mut answers = Vec::with_capacity(examples.len());
    for (index, example) in examples.iter().enumerate() {
        let line = document.locate(&format!("/{index}")).line;
        let wrong = |what: String| {
            CliError::new(format!("{name}:{line}: {what}"))
                .hint("`sayso alias test --help` shows what to write")
        };
        let Some(fields) = example.as_object() else {
            return Err(wrong("an example is a map".to_owned()));
        };
        if let Some(unknown) = fields.keys().find(|key| !KEYS.contains(&key.as_str())) {
            return Err(wrong(format!(
                "an example has no `{unknown}`, only {}",
                KEYS.join(", ")
            )));
        }
        let message = example["message"]
            .as_str()
            .ok_or_else(|| wrong("the example has no message".to_owned()))?;
        let alias = match &example["alias"] {
            Value::String(alias) if alias != "none" => Some(alias.as_str()),
            Value::String(_) | Value::Null if fields.contains_key("alias") => None,
            _ => {
                return Err(wrong(
                    "the example does not say which alias: a name, or none".to_owned(),
                ));
            }
        };
        let problem = problem(&snapshot.matcher, message, alias, &example["parameters"]);
        answers.push(Answer {
            file: name.clone(),
            line,
            message: message.to_owned(),
            ok: problem.is_none(),
            problem: problem.unwrap_or_default(),
        });
    }
    Ok(answers)
}

/// The folder with pack.yaml around a file.
fn pack_around(file: &Path) -> Result<PathBuf, CliError> {
    let absolute = std::path::absolute(file).unwrap_or_else(|_| file.to_path_buf());
    absolute
        .ancestors()
        .skip(1)
        .find(|folder| folder.join("pack.yaml").is_file())
        .map(Path::to_path_buf)
        .ok_or_else(|| {
            CliError::new(format!(
                "{} is in no pack: there is no pack.yaml around it",
                file.display()
            ))
            .hint("give the folder of a pack, or a file with examples inside it")
        })
}

/// What is not as the example says.
fn problem(matcher: &Matcher, message: &str, alias: Option<&str>, parameters: &Value) -> Option<String> {
    match (matcher.find(message), alias) {
        (Outcome::None { .. }, None) => None,
        (Outcome::None { nearest }, Some(alias)) => Some(nearest.first().map_or_else(
            || format!("matches nothing, not {alias}"),
            |near| {
                format!(
                    "matches nothing, not {alias}; the nearest is \"{}\" of {}",
                    near.display, near.alias
                )
            },
        )),
        (Outcome::Limit(limit), _) => Some(limit.to_string()),
        (
            Outcome::Ambiguous {
                candidates, count, ..
            },
            _,
        ) => {
            let names: Vec<&str> = candidates
                .iter()
                .map(|candidate| candidate.alias.as_str())
                .collect();
            Some(format!("matches {count} formats: {}", names.join(", ")))
        }
        (Outcome::Matched(found), None) => Some(format!("matches {}, not nothing", found.alias.reference())),
        (Outcome::Matched(found), Some(alias)) => {
            if alias != found.alias.name && alias != found.alias.reference() {
                return Some(format!("matches {}, not {alias}", found.alias.reference()));
            }
            let wanted: Vec<&Value> = match parameters {
                Value::Null => return None,
                Value::Array(several) => several.iter().collect(),
                one => vec![one],
            };
            if wanted.len() != found.parameters.len() {
                return Some(format!(
                    "starts {} executions, not {}",
                    found.parameters.len(),
                    wanted.len()
                ));
            }
            wanted.iter().zip(&found.parameters).find_map(|(wanted, given)| {
                wanted.as_object()?.iter().find_map(|(name, wanted)| {
                    let given = given.get(name).unwrap_or(&Value::Null);
                    (text(given) != text(wanted))
                        .then(|| format!("{name} is {}, not {}", shown(given), shown(wanted)))
                })
            })
        }
    }
}

/// Parameters in messages are texts; an example may write `5` for `"5"`.
fn text(value: &Value) -> Value {
    match value {
        Value::Number(number) => json!(number.to_string()),
        Value::Bool(flag) => json!(flag.to_string()),
        other => other.clone(),
    }
}

fn shown(value: &Value) -> String {
    match value {
        Value::Null => "not there".to_owned(),
        other => other.to_string(),
    }
}
