//! `sayso alias …`: the aliases of the installation, and trying them out without running anything.

use std::io::{BufReader, Write};
use std::sync::Arc;

use serde_json::{Value, json};

use super::args::{AliasCommand, Show};
use super::connect::{Connection, connect};
use super::execution::rows;
use super::output::Format;
use super::table::{Columns, cell, render_cells, visible};
use super::{CliError, CliResult, Context, examples, query, run, segment};
use crate::alias::{
    Candidate, Definition, Entry, Explanation, FormatEntry, How, Matcher, Parameter, Source, Verdict, batch,
};
use crate::content::Content;

/// Exit status when a message matches nothing.
const NO_MATCH: u8 = 1;

pub(super) async fn alias(context: &mut Context<'_>, command: &AliasCommand) -> CliResult {
    match command {
        AliasCommand::List { pack, show } => {
            let connection = connect(context).await?;
            let outcome = list(context, &connection, pack.as_deref(), show).await;
            connection.close().await;
            outcome
        }
        AliasCommand::Get { reference, show } => {
            let connection = connect(context).await?;
            let outcome = get(context, &connection, reference, show).await;
            connection.close().await;
            outcome
        }
        AliasCommand::Match { words } if words.is_empty() => rows_of_standard_input(context).await,
        AliasCommand::Match { words } => matched(context, &words.join(" ")),
        AliasCommand::Explain { words, format } => explain(context, &words.join(" "), format.as_deref()),
        AliasCommand::Test { paths } => examples::test(context, paths),
    }
}

async fn list(
    context: &mut Context<'_>,
    connection: &Connection,
    pack: Option<&str>,
    show: &Show,
) -> CliResult {
    let mut parts = vec![("limit", "-1".to_owned())];
    parts.extend(pack.map(|pack| ("pack", pack.to_owned())));
    let mut rows = rows(
        connection
            .client
            .get(&format!("/api/v1/actionalias?{}", query(&parts)))
            .await?,
    )?;
    if context.format == Format::Table && show.attr.is_empty() {
        for row in &mut rows {
            row["formats"] = Value::Array(displays(&row["formats"]));
        }
    }
    let columns = Columns::new(&["ref", "action_ref", "formats", "description"], &show.attr);
    context.out.list(&rows, &columns, context.format)?;
    Ok(0)
}

/// The help texts of formats, as people type them.
fn displays(formats: &Value) -> Vec<Value> {
    formats
        .as_array()
        .into_iter()
        .flatten()
        .map(|format| match format {
            Value::Object(map) => map
                .get("display")
                .or_else(|| map.get("representation"))
                .cloned()
                .unwrap_or_default(),
            text => text.clone(),
        })
        .collect()
}

async fn get(context: &mut Context<'_>, connection: &Connection, reference: &str, show: &Show) -> CliResult {
    let path = format!("/api/v1/actionalias/{}", segment(reference));
    let found = connection.client.get(&path).await.map_err(|error| {
        if error.status() == Some(404) {
            return CliError::new(format!("there is no alias `{reference}`"))
                .hint("`sayso alias list` lists all aliases");
        }
        error.into()
    })?;
    if context.format == Format::Table && show.attr.is_empty() {
        context.out.value(&found, Format::Yaml)?;
    } else {
        run::print(context, &found, &show.attr)?;
    }
    Ok(0)
}

/// Answers rows from standard input, one a line.
async fn rows_of_standard_input(context: &mut Context<'_>) -> CliResult {
    if context.format != Format::Json {
        return Err(CliError::new("there is no message to match")
            .hint("write it behind the command; with --json rows are read from standard input"));
    }
    let mut out = context.out.stdout();
    let answered = tokio::task::spawn_blocking(move || {
        let written = batch::run(BufReader::new(std::io::stdin().lock()), &mut out);
        written.and_then(|()| out.flush())
    })
    .await;
    match answered {
        Ok(written) => written.map_err(CliError::from).map(|()| 0),
        Err(error) => Err(CliError::new(format!("matching broke off: {error}")).status(1)),
    }
}

/// All content of the installation, read from its files.
fn content(context: &Context<'_>) -> Result<Content, CliError> {
    if context.loaded.settings.client.server.is_some() {
        return Err(
            CliError::new("this looks at the files of the installation, not at a server")
                .hint("run it on the server's machine, without --server"),
        );
    }
    Ok(Content::load(
        context.loaded.settings.content_options(),
        context.host.checks(),
    ))
}

fn matched(context: &mut Context<'_>, message: &str) -> CliResult {
    let explanation = content(context)?.snapshot().matcher.explain(message);
    let found = matches!(explanation.verdict, Verdict::Matched { .. });
    if context.format == Format::Table {
        verdict(context, &explanation)?;
    } else {
        let value = as_value(&explanation.verdict)?;
        context.out.value(&value, context.format)?;
    }
    Ok(if found { 0 } else { NO_MATCH })
}

fn explain(context: &mut Context<'_>, message: &str, format: Option<&str>) -> CliResult {
    let matcher = match format {
        None => Arc::clone(&content(context)?.snapshot().matcher),
        Some(format) => Arc::new(single(format)?),
    };
    let explanation = matcher.explain(message);
    let found = matches!(explanation.verdict, Verdict::Matched { .. });
    if context.format != Format::Table {
        context.out.value(&as_value(&explanation)?, context.format)?;
        return Ok(if found { 0 } else { NO_MATCH });
    }
    let header = ["alias", "format", "reading", "matches", "pattern"].map(str::to_owned);
    let cells = explanation.tried.iter().map(|tried| {
        let matches = match tried.matched {
            Some(true) => "yes",
            Some(false) => "no",
            None => "given up",
        };
        [
            &*tried.candidate.alias,
            &*tried.candidate.representation,
            how(tried.how),
            matches,
            &*tried.regex,
        ]
        .map(|text| cell(&json!(text)))
        .to_vec()
    });
    if explanation.tried.is_empty() {
        context
            .out
            .line("no format begins like this message, so none was tried")?;
    } else {
        let table = render_cells(&header, cells.collect(), context.out.width, context.out.colour);
        context.out.text(&table)?;
        if explanation.tried_count > explanation.tried.len() {
            context.out.line(&format!(
                "and {} more",
                explanation.tried_count - explanation.tried.len()
            ))?;
        }
    }
    context.out.line("")?;
    verdict(context, &explanation)?;
    Ok(if found { 0 } else { NO_MATCH })
}

/// A matcher that knows one format only.
fn single(format: &str) -> Result<Matcher, CliError> {
    let definition = Definition {
        name: "format".to_owned(),
        pack: "given".to_owned(),
        description: None,
        enabled: true,
        action_ref: "given.action".to_owned(),
        formats: vec![FormatEntry::Text(format.to_owned())],
        ack: None,
        result: None,
        extra: serde_json::Map::new(),
        immutable_parameters: serde_json::Map::new(),
        approval: None,
        metadata_file: String::new(),
    };
    let (matcher, problems) = Matcher::new([Entry {
        definition: Arc::new(definition),
        declared: None,
    }]);
    match problems.into_iter().next() {
        None => Ok(matcher),
        Some(problem) => {
            Err(CliError::new(problem.problem.message).hint(problem.problem.hint.unwrap_or_default()))
        }
    }
}

pub(super) fn as_value(value: &impl serde::Serialize) -> Result<Value, CliError> {
    serde_json::to_value(value).map_err(|error| CliError::new(error.to_string()))
}

const fn how(how: How) -> &'static str {
    match how {
        How::Exact => "exact",
        How::Lenient => "lenient",
    }
}

fn shown(candidate: &Candidate) -> String {
    visible(&format!(
        "{} ({})",
        candidate.alias,
        candidate.display.as_ref().unwrap_or(&candidate.representation)
    ))
}

/// What a message means, for people.
fn verdict(context: &mut Context<'_>, explanation: &Explanation) -> Result<(), CliError> {
    match &explanation.verdict {
        Verdict::Matched {
            candidate,
            action,
            how: closeness,
            executions,
            overridden,
        } => {
            let reading = match closeness {
                How::Exact => "",
                How::Lenient => ", read leniently (case, blanks or key=value)",
            };
            context
                .out
                .line(&format!("matches {}{reading}", shown(candidate)))?;
            context.out.line(&format!("runs {}", visible(action)))?;
            for (index, parameters) in executions.iter().enumerate() {
                if executions.len() > 1 {
                    context.out.line(&format!("execution {}:", index + 1))?;
                }
                for parameter in parameters {
                    context.out.line(&format!("  {}", told(parameter)))?;
                }
            }
            for name in overridden {
                context.out.line(&format!(
                    "  {} is fixed by the alias: the request will be refused",
                    visible(name)
                ))?;
            }
            Ok(())
        }
        Verdict::Ambiguous { candidates, count } => {
            context
                .out
                .line(&format!("matches {count} formats, so somebody has to say which:"))?;
            candidates
                .iter()
                .try_for_each(|candidate| context.out.line(&format!("  {}", shown(candidate))))
        }
        Verdict::None { nearest } => {
            context.out.line("matches nothing")?;
            for near in nearest {
                context.out.line(&visible(&format!(
                    "  did you mean: {} ({})",
                    near.display, near.alias
                )))?;
            }
            Ok(())
        }
        Verdict::Limit { message, .. } => context.out.line(&visible(message)),
    }
}

fn told(parameter: &Parameter) -> String {
    let value = parameter
        .value
        .as_ref()
        .map_or_else(|| "nothing".to_owned(), |value| format!("{value:?}"));
    let source = match parameter.source {
        Source::Text => "",
        Source::Pair => " (key=value)",
        Source::Default => " (default)",
        Source::Nothing => " (took no part)",
        Source::Immutable => " (fixed by the alias)",
    };
    visible(&format!("{} = {value}{source}", parameter.name))
}
