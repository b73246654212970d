//! Commands that change an execution: cancel, pause, resume, run again.

use serde_json::{Value, json};

use crate::cli::args::RerunArgs;
use crate::cli::connect::Connection;
use crate::cli::output::Format;
use crate::cli::parameters::Reading;
use crate::cli::run::{action, follow, unknown};
use crate::cli::table::attribute;
use crate::cli::{CliError, CliResult, Context, segment};

/// What is asked of executions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wish {
    /// End; with `true` running actions are stopped as well.
    Cancel(bool),
    /// Start nothing more.
    Pause,
    /// Go on.
    Resume,
}

/// Asks the same of some executions; those that cannot are told and do not keep the others from it.
pub(super) async fn ask(
    context: &mut Context<'_>,
    connection: &Connection,
    ids: &[String],
    wish: Wish,
) -> CliResult {
    let mut answers = Vec::new();
    let mut refused = 0;
    for id in ids {
        let path = format!("/api/v1/executions/{}", segment(id));
        let client = &connection.client;
        let put = |status: &str| Some(json!({ "status": status }));
        let asked = match wish {
            Wish::Cancel(false) => client.delete(&path, None).await,
            Wish::Cancel(true) => client.delete(&format!("{path}?now=true"), None).await,
            Wish::Pause => client.put(&path, put("pausing").as_ref()).await,
            Wish::Resume => client.put(&path, put("resuming").as_ref()).await,
        };
        match asked {
            Ok(answer) => {
                if context.format == Format::Table {
                    let expected = match wish {
                        Wish::Cancel(_) => "canceling",
                        Wish::Pause => "pausing",
                        Wish::Resume => "resuming",
                    };
                    let told = answer["faultstring"].as_str().map_or_else(
                        || {
                            format!(
                                "{id} {}",
                                attribute(&answer, "status").as_str().unwrap_or(expected)
                            )
                        },
                        str::to_owned,
                    );
                    context.out.line(&told)?;
                }
                answers.push(answer);
            }
            Err(error) => {
                refused += 1;
                context.out.error(&unknown(id, error));
            }
        }
    }
    if context.format != Format::Table {
        context.out.value(&Value::Array(answers), context.format)?;
    }
    Ok(if refused == 0 {
        0
    } else {
        crate::cli::error::REFUSED
    })
}

/// Runs an execution again: whole, or a workflow from some of its tasks on.
pub(super) async fn rerun(context: &mut Context<'_>, connection: &Connection, args: &RerunArgs) -> CliResult {
    if let Some(task) = args.reset.iter().find(|task| !args.tasks.contains(task)) {
        return Err(
            CliError::new(format!("`{task}` is to be reset, but not to be run again"))
                .hint(format!("name it in both: --tasks {task} --reset {task}")),
        );
    }
    let id = super::resolved(connection, &args.id).await?;
    let path = format!("/api/v1/executions/{}", segment(&id));
    let original = connection
        .client
        .get(&format!("{path}?include_attributes=action"))
        .await
        .map_err(|error| unknown(&id, error))?;
    let reference = attribute(&original, "action.ref")
        .as_str()
        .unwrap_or_default()
        .to_owned();
    let mut body = json!({});
    if !args.tasks.is_empty() {
        if !crate::workflow::progress::is_flow(&original) {
            return Err(
                CliError::new(format!("{reference} is no workflow: it has no tasks"))
                    .hint(format!("`sayso execution re-run {id}` runs it again")),
            );
        }
        body["tasks"] = json!(args.tasks);
        if !args.reset.is_empty() {
            body["reset"] = json!(args.reset);
        }
    }
    if !args.parameters.is_empty() {
        let action = action(&connection.client, &reference).await?;
        let schemas = action["parameters"].as_object().cloned().unwrap_or_default();
        let parameters = Reading {
            action: &reference,
            schemas: &schemas,
            auto_dict: false,
            read_file: &|path: &std::path::Path| std::fs::read_to_string(path),
        }
        .parameters(&args.parameters)?;
        body["parameters"] = Value::Object(parameters);
    }
    if let Some(delay) = args.delay {
        body["delay"] = json!(delay);
    }
    let merge = if args.no_merge { "?no_merge=true" } else { "" };
    let accepted = connection
        .client
        .post(&format!("{path}/re_run{merge}"), Some(&body))
        .await?;
    follow(context, connection, accepted, &args.following, &[]).await
}
