//! `sayso config …`.

use std::fmt::Write as _;

use serde_json::json;

use super::args::ConfigCommand;
use super::output::Format;
use super::table::render_cells;
use super::{CliError, CliResult, Context};
use crate::settings::{Described, default_toml, describe};

pub(super) fn config(context: &mut Context<'_>, command: &ConfigCommand) -> CliResult {
    match command {
        ConfigCommand::Show { changed } => show(context, *changed)?,
        ConfigCommand::Default => context.out.text(&default_toml())?,
        ConfigCommand::Path => path(context)?,
    }
    Ok(0)
}

fn show(context: &mut Context<'_>, changed: bool) -> Result<(), CliError> {
    let mut all = describe(Some(&context.loaded));
    if changed {
        all.retain(|one| !one.source.is_empty() && one.source != "default");
    }
    for warning in &context.loaded.warnings {
        context.out.note(&format!("warning: {warning}"));
    }
    match context.format {
        Format::Table => {
            if all.is_empty() {
                context.out.note("everything stands at its default");
                return Ok(());
            }
            let header = ["key", "value", "source"].map(str::to_owned);
            let rows = all.into_iter().map(|one| {
                let value = if one.source.is_empty() {
                    "(not set)".to_owned()
                } else {
                    one.value
                };
                vec![one.key, value, one.source]
            });
            let text = render_cells(&header, rows.collect(), context.out.width, context.out.colour);
            context.out.text(&text)
        }
        Format::Toml => context.out.text(&as_toml(&all)),
        format => {
            let value = serde_json::to_value(&all).map_err(|error| CliError::new(error.to_string()))?;
            context.out.value(&value, format)
        }
    }
}

/// The values in force as a settings file, each with its origin.
fn as_toml(all: &[Described]) -> String {
    let mut text = String::new();
    let mut section = "";
    for one in all.iter().filter(|one| !one.source.is_empty()) {
        let (its, name) = one.key.rsplit_once('.').unwrap_or(("", &one.key));
        if its != section {
            let _ = write!(text, "\n[{its}]\n");
            section = its;
        }
        let masked = one.value == format!("\"{}\"", crate::model::MASK);
        let mark = if masked { "#" } else { "" };
        let _ = writeln!(text, "{mark}{name} = {} # {}", one.value, one.source);
    }
    text.trim_start().to_owned()
}

fn path(context: &mut Context<'_>) -> Result<(), CliError> {
    let loaded = std::sync::Arc::clone(&context.loaded);
    if context.format != Format::Table {
        let value = json!({
            "file": loaded.config_file,
            "searched": loaded.searched,
            "data_dir": loaded.settings.data_dir,
        });
        return context.out.value(&value, context.format);
    }
    if let Some(file) = &loaded.config_file {
        context.out.line(&file.display().to_string())
    } else {
        context.out.note("no settings file; looked for, in this order:");
        for searched in &loaded.searched {
            context.out.note(&format!("  {}", searched.display()));
        }
        Ok(())
    }
}
