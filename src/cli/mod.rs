//! The `sayso` command: server, client, offline tools.
//!
//! [`main`] is the whole program; the binary only passes the [`Host`] that starts the application. Data goes
//! to standard output, everything else to standard error; the exit status says how it went.

mod action;
mod alias;
mod answers;
pub mod args;
mod audit;
mod base;
pub mod chat;
mod config;
mod connect;
mod conversation;
pub mod datadir;
mod db;
mod discord;
mod doctor;
mod error;
mod events;
mod examples;
mod execution;
mod expr;
mod gc;
mod host;
mod key_files;
#[cfg(test)]
mod key_tests;
mod keys;
mod output;
mod pack;
pub mod parameters;
mod people;
mod policy;
mod rights;
mod run;
mod sensor;
mod serve;
mod simulate;
mod slack;
mod st2_secrets;
mod status;
mod table;
mod talk;
#[cfg(test)]
mod tests;
mod unechoed;
mod workflow;
mod workflow_tests;
mod yaml;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::process::ExitCode;
use std::sync::Arc;

use clap::{CommandFactory as _, Parser as _};

use crate::settings::{Flag, Loaded, Sources, load};
use args::{Cli, Command, GlobalArgs};

pub use connect::{Connection, connect};
pub use error::{CliError, CliResult};
pub use host::{Host, Purpose, Running, Start};
pub use output::{Captured, Format, Output};
pub use run::exit_status;

/// What every command works with.
pub struct Context<'a> {
    /// Where it writes.
    pub out: Output,
    /// How it writes.
    pub format: Format,
    /// Settings in force.
    pub loaded: Arc<Loaded>,
    /// The process's variables.
    pub variables: BTreeMap<String, String>,
    /// Starts the application.
    pub host: &'a dyn Host,
}

/// The program: reads the process's arguments and variables, does what they say.
pub async fn main(host: &dyn Host) -> ExitCode {
    let sources = Sources::of_process(None, Vec::new());
    ExitCode::from(run_with(std::env::args_os(), sources, Output::of_process(), host).await)
}

/// What the binary ends with when not even its runtime starts.
#[must_use]
pub fn failed_early(error: &std::io::Error) -> ExitCode {
    Output::of_process().error(&CliError::new(format!("cannot start: {error}")));
    ExitCode::FAILURE
}

/// The program with everything given. `sources` carries variables and folders; what the arguments say about
/// settings is added to it.
pub async fn run_with(
    arguments: impl IntoIterator<Item = OsString>,
    sources: Sources,
    mut out: Output,
    host: &dyn Host,
) -> u8 {
    let cli = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli,
        Err(error) => return usage(&error, &mut out),
    };
    if let Command::Completions { shell } = cli.command {
        let mut script = Vec::new();
        clap_complete::generate(shell, &mut Cli::command(), "sayso", &mut script);
        return finish(out.text(&String::from_utf8_lossy(&script)).map(|()| 0), &mut out);
    }
    let variables = sources.variables.clone();
    let loaded = match settings(sources, &cli) {
        Ok(loaded) => loaded,
        Err(error) => return finish(Err(error), &mut out),
    };
    let format = cli.global.format();
    let mut context = Context {
        out,
        format,
        loaded: Arc::new(loaded),
        variables,
        host,
    };
    let outcome = dispatch(&mut context, &cli.command).await;
    finish(outcome, &mut context.out)
}

/// clap's own texts: help goes to standard output, mistakes to standard error.
fn usage(error: &clap::Error, out: &mut Output) -> u8 {
    let status = u8::try_from(error.exit_code()).unwrap_or(error::REFUSED);
    let text = if out.colour {
        error.render().ansi().to_string()
    } else {
        error.render().to_string()
    };
    if error.use_stderr() {
        out.note(text.trim_end());
        return status;
    }
    let written = out.text(&text).map(|()| status);
    finish(written, out)
}

fn finish(outcome: CliResult, out: &mut Output) -> u8 {
    outcome.unwrap_or_else(|error| {
        out.error(&error);
        error.status
    })
}

fn settings(mut sources: Sources, cli: &Cli) -> Result<Loaded, CliError> {
    let global = &cli.global;
    sources.config.clone_from(&global.config);
    sources.flags = flags(global)?;
    if let Command::Serve(serve) = &cli.command {
        sources.flags.extend(
            serve
                .listen
                .as_deref()
                .map(|listen| flag("--listen", "api.listen", listen)),
        );
    }
    let loaded = load(&sources)?;
    if global.format() == Format::Toml
        && !matches!(cli.command, Command::Config(args::ConfigCommand::Show { .. }))
    {
        return Err(
            CliError::new("toml is a format of `sayso config show` only").hint("use -o json or -o yaml")
        );
    }
    Ok(loaded)
}

fn flag(name: &str, key: &str, value: &str) -> Flag {
    Flag {
        name: name.to_owned(),
        key: key.to_owned(),
        value: value.to_owned(),
    }
}

fn flags(global: &GlobalArgs) -> Result<Vec<Flag>, CliError> {
    let mut flags = Vec::new();
    for setting in &global.set {
        let Some((key, value)) = setting.split_once('=') else {
            return Err(CliError::new(format!("--set {setting} has no value"))
                .hint("write it as key=value, such as --set engine.concurrency=8"));
        };
        flags.push(flag("--set", key.trim(), value));
    }
    let path = |path: &std::path::Path| path.to_string_lossy().into_owned();
    flags.extend(
        global
            .data_dir
            .as_deref()
            .map(|dir| flag("--data-dir", "data_dir", &path(dir))),
    );
    for dir in &global.packs_dirs {
        flags.push(flag("--packs-dir", "content.packs_dirs", &path(dir)));
    }
    flags.extend(
        global
            .server
            .as_deref()
            .map(|server| flag("--server", "client.server", server)),
    );
    flags.extend(
        global
            .token
            .as_deref()
            .map(|token| flag("--token", "client.token", token)),
    );
    Ok(flags)
}

async fn dispatch(context: &mut Context<'_>, command: &Command) -> CliResult {
    if !matches!(command, Command::Serve(_)) {
        // A rehearsal tells what it does itself.
        let level = if matches!(command, Command::Simulate(_)) {
            "error"
        } else {
            "warn"
        };
        client_logs(context, level)?;
    }
    match command {
        Command::Serve(_) => serve::serve(context).await,
        Command::Chat(args) => Box::pin(talk::talk(context, args)).await,
        Command::Run(args) => run::run(context, args).await,
        Command::Action(command) => action::action(context, command).await,
        Command::Execution(command) => execution::execution(context, command).await,
        Command::Rule(command) => events::rule(context, command).await,
        Command::Trigger(command) => events::trigger(context, command).await,
        Command::TriggerInstance(command) => events::instance(context, command).await,
        Command::RuleEnforcement(command) => events::enforcement(context, command).await,
        Command::Timer(command) => events::timer(context, command).await,
        Command::Webhook(command) => events::webhook(context, command).await,
        Command::Schedule(command) => events::schedule(context, command).await,
        Command::Trace(command) => events::trace(context, command).await,
        Command::Inquiry(command) => answers::inquiry(context, command).await,
        Command::Approval(command) => answers::approval(context, command).await,
        Command::Key(command) => keys::key(context, command).await,
        Command::User(command) => people::user(context, command).await,
        Command::Access(command) => people::access(context, command).await,
        Command::Conversation(command) => conversation::conversation(context, command).await,
        Command::Policy(command) => policy::policy(context, command).await,
        Command::Pack(command) => pack::pack(context, command).await,
        Command::Alias(command) => alias::alias(context, command).await,
        Command::Sensor(command) => sensor::sensor(context, command).await,
        Command::Expr(command) => expr::expr(context, command).await,
        Command::Workflow(command) => workflow::workflow(context, command).await,
        Command::Audit(command) => audit::audit(context, command).await,
        Command::Db(command) => db::db(context, command).await,
        Command::Status => status::status(context).await,
        Command::Doctor => doctor::doctor(context).await,
        Command::Simulate(command) => Box::pin(simulate::simulate(context, command)).await,
        Command::Gc(command) => gc::gc(context, command).await,
        Command::Slack(command) => slack::slack(context, command),
        Command::Discord(command) => discord::discord(context, command).await,
        Command::Config(command) => config::config(context, command),
        Command::Reload => pack::reload(context).await,
        // Answered before settings are read.
        Command::Completions { .. } => Ok(0),
    }
}

/// Client commands log only what goes wrong, unless the user asks for more.
fn client_logs(context: &Context<'_>, level: &str) -> Result<(), CliError> {
    let mut options = context.loaded.settings.log.clone();
    let asked = matches!(
        context.loaded.source("log.level"),
        crate::settings::Source::Variable(_) | crate::settings::Source::Flag(_)
    );
    if !asked {
        level.clone_into(&mut options.level);
    }
    serve::log_to_stderr(&options)
}

/// A part of a path in a URL.
fn segment(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes())
        .collect::<String>()
        .replace('+', "%20")
}

/// A query from names and values.
fn query(parts: &[(&str, String)]) -> String {
    url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs(parts)
        .finish()
}
