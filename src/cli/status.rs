//! `sayso status`: how the server is, in a few lines.

use serde_json::Value;

use super::connect::connect;
use super::output::Format;
use super::table::visible;
use super::{CliError, CliResult, Context};

pub(super) async fn status(context: &mut Context<'_>) -> CliResult {
    let connection = connect(context).await?;
    let answered = connection.client.get("/api/v1/status").await;
    connection.close().await;
    let status = answered?;
    if context.format != Format::Table {
        context.out.value(&status, context.format)?;
        return Ok(0);
    }
    told(context, &status)?;
    Ok(0)
}

fn told(context: &mut Context<'_>, status: &Value) -> Result<(), CliError> {
    let text = |path: &str| match status.pointer(path) {
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
        None => "?".to_owned(),
    };
    let up = status
        .pointer("/uptime_seconds")
        .and_then(Value::as_f64)
        .unwrap_or(0.0);
    context
        .out
        .line(&visible(&format!("sayso {}, up for {up:.0} s", text("/version"))))?;
    let list = |path: &str| {
        status
            .pointer(path)
            .and_then(Value::as_array)
            .cloned()
            .unwrap_or_default()
    };
    let complaints = list("/complaints");
    if complaints.is_empty() {
        context.out.line("✔ all is well")?;
    }
    for complaint in complaints.iter().filter_map(Value::as_str) {
        context.out.line(&visible(&format!("✘ {complaint}")))?;
    }
    context.out.line(&format!(
        "work: {} of {} at once, {} waiting, {} delayed; {} accepted, {} completed since the start",
        text("/engine/running"),
        text("/engine/concurrency"),
        text("/engine/waiting"),
        text("/engine/delayed"),
        text("/engine/accepted"),
        text("/engine/completed"),
    ))?;
    context.out.line(&format!(
        "content: {} packs, {} actions, {} aliases, {} errors, {} warnings",
        text("/content/packs"),
        text("/content/actions"),
        text("/content/aliases"),
        text("/content/errors"),
        text("/content/warnings"),
    ))?;
    context.out.line(&format!(
        "sensors: {} of {} enabled ones run",
        text("/sensors/running"),
        text("/sensors/enabled"),
    ))?;
    let shown = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    for gateway in list("/gateways") {
        let line = format!("chat {}: {}", shown(&gateway["name"]), shown(&gateway["health"]));
        context.out.line(&visible(&line))?;
    }
    for sensor in status
        .pointer("/sensors/failing")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
    {
        let line = format!(
            "  {} fails ({}): {}",
            shown(&sensor["ref"]),
            shown(&sensor["state"]),
            shown(&sensor["last_error"])
        );
        context.out.line(&visible(&line))?;
    }
    for watch in status
        .pointer("/sensors/watches")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
    {
        let how = match watch["error"].as_str() {
            Some(error) => error.to_owned(),
            None => format!("{} events", watch["events"]),
        };
        let parameters = watch["parameters"].to_string();
        let line = format!("  {} {parameters}: {how}", shown(&watch["type"]));
        context.out.line(&visible(&line))?;
    }
    Ok(())
}
