//! `sayso simulate slack|discord`: conversations with the real bot on a stand-in of the platform.

mod discord;
mod play;
mod slack;
mod stage;
mod transcript;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use secrecy::SecretString;
use serde_json::{Value, json};

use self::play::{Player, Told, excerpt};
use self::stage::Stage;
use self::transcript::{Deed, Transcript, Turn};
use super::args::{SimulateArgs, SimulateCommand};
use super::connect::{not_started, start};
use super::datadir::{DataDir, Lock};
use super::host::{Purpose, Running};
use super::output::Format;
use super::{CliError, CliResult, Context};
use crate::access::Mode;
use crate::settings::{DiscordOptions, Loaded, SlackOptions};
use crate::simulate::{discord as discord_stand_in, slack as slack_stand_in};

/// Exit status when a transcript does not go as expected.
const FAILED: u8 = 1;
/// How long the bot may take to be there.
const PATIENCE: Duration = Duration::from_secs(20);
/// Between heartbeats of the stand-in of Discord.
const HEARTBEAT: Duration = Duration::from_secs(5);
/// Bytes of a transcript.
const MOST: u64 = 4 << 20;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Platform {
    Slack,
    Discord,
}

/// What became of a transcript.
struct Outcome {
    file: PathBuf,
    name: String,
    /// What went wrong.
    failure: Option<String>,
    seconds: f64,
}

pub(super) async fn simulate(context: &mut Context<'_>, command: &SimulateCommand) -> CliResult {
    let (platform, args) = match command {
        SimulateCommand::Slack(args) => (Platform::Slack, args),
        SimulateCommand::Discord(args) => (Platform::Discord, args),
    };
    if args.listen {
        return listen(context, platform).await;
    }
    let mut transcripts = Vec::new();
    for file in &args.files {
        transcripts.push((file.clone(), read(file)?));
    }
    let mut outcomes = Vec::new();
    for (file, transcript) in transcripts {
        outcomes.push(play(context, platform, args, file, &transcript).await?);
    }
    let failed = outcomes
        .iter()
        .filter(|outcome| outcome.failure.is_some())
        .count();
    if context.format == Format::Table {
        context.out.note(&match (outcomes.len(), failed) {
            (1, 0) => "it went as expected".to_owned(),
            (all, 0) => format!("all {all} conversations went as expected"),
            (all, failed) => format!("{failed} of {all} did not go as expected"),
        });
    } else {
        let told: Vec<Value> = outcomes
            .iter()
            .map(|outcome| {
                json!({
                    "file": outcome.file.display().to_string(),
                    "name": outcome.name,
                    "passed": outcome.failure.is_none(),
                    "failure": outcome.failure,
                    "seconds": outcome.seconds,
                })
            })
            .collect();
        context.out.value(&Value::Array(told), context.format)?;
    }
    Ok(if failed > 0 { FAILED } else { 0 })
}

fn read(file: &Path) -> Result<Transcript, CliError> {
    let shown = file.display().to_string();
    let unreadable = |why: String| {
        CliError::new(format!("cannot read {shown}: {why}"))
            .hint("name files with transcripts; see docs/simulate.md")
    };
    let size = std::fs::metadata(file)
        .map_err(|error| unreadable(error.to_string()))?
        .len();
    if size > MOST {
        return Err(unreadable(format!("it has more than {MOST} bytes")));
    }
    let text = std::fs::read_to_string(file).map_err(|error| unreadable(error.to_string()))?;
    Transcript::read(&shown, &text).map_err(|problems| {
        let told: Vec<String> = problems.iter().map(ToString::to_string).collect();
        CliError::new(told.join("\n"))
    })
}

/// The bot in a folder of its own.
struct Bot {
    running: Box<dyn Running>,
    _lock: Lock,
}

impl Bot {
    async fn start(context: &Context<'_>, loaded: &Arc<Loaded>) -> Result<Self, CliError> {
        let dir = DataDir::open(&loaded.settings.data_dir)?;
        let lock = dir.lock()?;
        let start = start(Arc::clone(loaded), dir, Purpose::Serve)?;
        let running = context
            .host
            .start(start)
            .await
            .map_err(|error| not_started(&error))?;
        Ok(Self { running, _lock: lock })
    }

    /// People and their accounts.
    async fn introduce(&self, stage: &dyn Stage) -> Result<(), CliError> {
        let client = self.running.client()?;
        for (name, account) in stage.people() {
            let path = format!("/api/v1/people/{name}/accounts");
            client.post(&path, Some(&json!({"account": account}))).await?;
        }
        Ok(())
    }

    async fn connected(&self, stage: &dyn Stage) -> Result<(), CliError> {
        let started = Instant::now();
        while !stage.is_connected() {
            if started.elapsed() > PATIENCE {
                return Err(CliError::new("the bot does not connect to the stand-in")
                    .hint("run it with --set log.level=info to see why"));
            }
            stage.changed().await;
        }
        Ok(())
    }
}

/// The settings of the installation with another data folder and the stand-in as its only platform.
fn settings(context: &Context<'_>, data_dir: &Path, platform: Platform, api_url: &str) -> Arc<Loaded> {
    let mut loaded = (*context.loaded).clone();
    let settings = &mut loaded.settings;
    // What lies in the data folder stays in force.
    settings.content.packs_dirs = settings.packs_dirs();
    settings.content.configs_dir = Some(settings.configs_dir());
    settings.content.aliases_dir = Some(settings.aliases_dir());
    settings.content.overrides_dir = Some(settings.overrides_dir());
    settings.content.templates_dir = Some(settings.templates_dir());
    let access = settings.access_file();
    if access.is_file() {
        settings.access.file = Some(access);
    } else {
        settings.access.mode = Mode::Open;
    }
    settings.data_dir = data_dir.to_owned();
    settings.chat.slack.clear();
    settings.chat.discord.clear();
    let api_url = Some(api_url.to_owned());
    match platform {
        Platform::Slack => {
            let options = SlackOptions {
                api_url,
                bot_token: Some(SecretString::from(slack_stand_in::BOT_TOKEN.to_owned())),
                app_token: Some(SecretString::from(slack_stand_in::APP_TOKEN.to_owned())),
                ..context
                    .loaded
                    .settings
                    .chat
                    .slack
                    .get("default")
                    .cloned()
                    .unwrap_or_default()
            };
            let options = SlackOptions {
                bot_token_file: None,
                app_token_file: None,
                mode: None,
                ..options
            };
            settings.chat.slack.insert("default".to_owned(), options);
        }
        Platform::Discord => {
            let options = DiscordOptions {
                api_url,
                token: Some(SecretString::from(discord_stand_in::TOKEN.to_owned())),
                token_file: None,
                gateway_url: None,
                application_id: None,
                guilds: Vec::new(),
                channels: Vec::new(),
                ..context
                    .loaded
                    .settings
                    .chat
                    .discord
                    .get("default")
                    .cloned()
                    .unwrap_or_default()
            };
            settings.chat.discord.insert("default".to_owned(), options);
        }
    }
    Arc::new(loaded)
}

async fn stage(platform: Platform) -> Result<(Box<dyn Stage>, String), CliError> {
    let failed = |error: std::io::Error| CliError::new(format!("the stand-in cannot start: {error}"));
    Ok(match platform {
        Platform::Slack => {
            let simulator = slack_stand_in::Simulator::start().await.map_err(failed)?;
            let url = simulator.api_url();
            (Box::new(slack::SlackStage(simulator)), url)
        }
        Platform::Discord => {
            let simulator = discord_stand_in::Simulator::start(HEARTBEAT)
                .await
                .map_err(failed)?;
            let url = simulator.api_url();
            (Box::new(discord::DiscordStage::new(simulator)), url)
        }
    })
}

async fn play(
    context: &mut Context<'_>,
    platform: Platform,
    args: &SimulateArgs,
    file: PathBuf,
    transcript: &Transcript,
) -> Result<Outcome, CliError> {
    let folder =
        tempfile::tempdir().map_err(|error| CliError::new(format!("no folder can be made: {error}")))?;
    let (stage, url) = stage(platform).await?;
    let stage = &*stage;
    let loaded = settings(context, folder.path(), platform, &url);
    let started = Instant::now();
    let mut bot = Bot::start(context, &loaded).await?;
    bot.introduce(stage).await?;
    bot.connected(stage).await?;

    let aloud = !args.quiet && context.format == Format::Table;
    let mut lines: Vec<String> = Vec::new();
    let heading = if transcript.name.is_empty() {
        file.display().to_string()
    } else {
        format!("{} ({})", transcript.name, file.display())
    };
    lines.push(heading);
    let mut failure = None;
    {
        let mut tell = |told: Told<'_>| lines.extend(told_lines(&told));
        let mut player = Player::new(stage, &mut tell);
        let mut from = 0;
        loop {
            match player.play(transcript, from).await {
                Ok(None) => break,
                Ok(Some(next)) => {
                    bot.running.stop().await;
                    drop(bot);
                    // What is sent to connections that are about to close would be lost, as it is for a real platform.
                    let closing = Instant::now();
                    while stage.is_connected() && closing.elapsed() < PATIENCE {
                        stage.changed().await;
                    }
                    bot = Bot::start(context, &loaded).await?;
                    bot.connected(stage).await?;
                    from = next;
                }
                Err((number, why)) => {
                    let turn: &Turn = &transcript.turns[number];
                    let mut told = format!(
                        "{}:{}:{}: {}",
                        file.display(),
                        turn.at.line,
                        turn.at.column,
                        why.message
                    );
                    if !why.hint.is_empty() {
                        told.push_str(&format!("\n  {}", why.hint));
                    }
                    failure = Some(told);
                    break;
                }
            }
        }
    }
    bot.running.stop().await;
    let violations = stage.violations();
    if failure.is_none() && !violations.is_empty() {
        failure = Some(format!(
            "{}: the bot did what the platform does not allow: {}",
            file.display(),
            violations.join("; ")
        ));
    }
    if aloud {
        for line in &lines {
            context.out.line(line)?;
        }
    }
    if let Some(failure) = &failure {
        context.out.note(failure);
    }
    Ok(Outcome {
        file,
        name: transcript.name.clone(),
        failure,
        seconds: started.elapsed().as_secs_f64(),
    })
}

fn told_lines(told: &Told<'_>) -> Vec<String> {
    match told {
        Told::Said(seen) => {
            let only = match seen.only.as_deref() {
                Some("") => " privately".to_owned(),
                Some(who) => format!(" to {who} alone"),
                None => String::new(),
            };
            let verb = if seen.edits > 0 { "changes" } else { "says" };
            let mut lines = vec![format!("  sayso {verb}{only} in {}:", seen.place)];
            lines.extend(excerpt(seen).into_iter().map(|line| format!("    {line}")));
            if !seen.buttons.is_empty() {
                lines.push(format!("    [{}]", seen.buttons.join("] [")));
            }
            if let Some(file) = &seen.file {
                lines.push(format!("    with a file of {} bytes", file.len()));
            }
            lines
        }
        Told::Came(turn) => vec![format!("    ✔ as expected in line {}", turn.at.line)],
        Told::Did(turn) => {
            let (who, place) = (&turn.who, &turn.place);
            vec![match &turn.deed {
                Deed::Say(text) => format!("  {who} in {place}: {text}"),
                Deed::Reply(text) => format!("  {who} replies: {text}"),
                Deed::Edit(text) => format!("  {who} changes it to: {text}"),
                Deed::Slash(text) => format!("  {who} in {place}: {text}"),
                Deed::Click(button) => format!("  {who} presses [{button}]"),
                Deed::Fill(values) => {
                    let values: Vec<String> = values
                        .iter()
                        .map(|(name, value)| format!("{name}: {value}"))
                        .collect();
                    format!("  {who} fills in {}", values.join(", "))
                }
                Deed::Fault(faults) => {
                    let names: Vec<String> = faults
                        .iter()
                        .map(|(name, value)| format!("{name} {value}"))
                        .collect();
                    format!("  (from now on: {})", names.join(", "))
                }
                Deed::Restart => "  (the bot is started again)".to_owned(),
                Deed::Expect(_) => String::new(),
            }]
        }
    }
}

/// Keeps a stand-in running for a bot that is started by hand.
async fn listen(context: &mut Context<'_>, platform: Platform) -> CliResult {
    let (_stage, url) = stage(platform).await?;
    let variables = match platform {
        Platform::Slack => format!(
            "SAYSO_SLACK_API_URL={url} SAYSO_SLACK_BOT_TOKEN={} SAYSO_SLACK_APP_TOKEN={}",
            slack_stand_in::BOT_TOKEN,
            slack_stand_in::APP_TOKEN
        ),
        Platform::Discord => format!(
            "SAYSO_DISCORD_API_URL={url} SAYSO_DISCORD_TOKEN={}",
            discord_stand_in::TOKEN
        ),
    };
    context.out.line(&format!(
        "the stand-in listens; start a bot with\n  {variables} sayso serve"
    ))?;
    context.out.note("Ctrl-C ends it");
    let ended = tokio::signal::ctrl_c().await;
    ended.map_err(|error| CliError::new(format!("cannot wait for Ctrl-C: {error}")))?;
    Ok(0)
}
