//! The sections of the settings as plain structs with their defaults; what each key means stands in
//! [`super::keys::KEYS`].

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use secrecy::SecretString;
use serde::{Deserialize, Serialize};

use crate::expr::{jinja, template, yaql};
use crate::runners::{HttpOptions, ShellOptions};

/// Section `[store]`: the database.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct StoreOptions {
    /// Connections for reads.
    pub read_connections: u32,
    /// Days for which handled chat events are remembered.
    pub claim_days: u32,
}

impl Default for StoreOptions {
    fn default() -> Self {
        Self {
            read_connections: 4,
            claim_days: 7,
        }
    }
}

/// Section `[timers]`: when things happen by themselves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TimerOptions {
    /// Time zone of timers that name none, `Europe/Vilnius`.
    pub zone: String,
}

impl Default for TimerOptions {
    fn default() -> Self {
        Self {
            zone: "UTC".to_owned(),
        }
    }
}

/// Section `[content]`: where content is read from. `None` means a folder in the data folder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ContentOptions {
    /// Folders with packs; see [`super::Settings::packs_dirs`].
    pub packs_dirs: Vec<PathBuf>,
    /// Folder with one configuration file per pack.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub configs_dir: Option<PathBuf>,
    /// Folder with the site's own aliases.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub aliases_dir: Option<PathBuf>,
    /// Folder with override files.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub overrides_dir: Option<PathBuf>,
    /// Folder with templates.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub templates_dir: Option<PathBuf>,
    /// Whether changed files are read again by themselves.
    pub watch: bool,
}

impl Default for ContentOptions {
    fn default() -> Self {
        Self {
            packs_dirs: Vec::new(),
            configs_dir: None,
            aliases_dir: None,
            overrides_dir: None,
            templates_dir: None,
            watch: true,
        }
    }
}

/// Section `[runners]`: how actions are run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RunnerOptions {
    /// Unix account that local actions run as; `None`: the server's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub system_user: Option<String>,
    /// Bytes of standard output, and as many of standard error, that a result keeps.
    pub keep_output: usize,
    /// Seconds between asking processes to stop and killing them.
    pub grace_seconds: u64,
    /// Shell for shell actions; `None`: bash, else sh.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shell: Option<PathBuf>,
    /// Bytes of an HTTP answer that are read.
    pub http_response_limit: usize,
}

impl Default for RunnerOptions {
    fn default() -> Self {
        Self {
            system_user: None,
            keep_output: 10 << 20,
            grace_seconds: 2,
            shell: None,
            http_response_limit: 10 << 20,
        }
    }
}

impl RunnerOptions {
    /// What the built-in runners are made with.
    #[must_use]
    pub fn to_runners(&self) -> crate::runners::RunnerOptions {
        crate::runners::RunnerOptions {
            shell: ShellOptions {
                system_user: self.system_user.clone(),
                keep_output: self.keep_output,
                grace: Duration::from_secs(self.grace_seconds),
                shell: self.shell.clone(),
                ..ShellOptions::default()
            },
            http: HttpOptions {
                response_limit: self.http_response_limit,
                ..HttpOptions::default()
            },
        }
    }
}

/// Section `[expressions]`: what one YAQL expression or Jinja template may take.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ExpressionOptions {
    /// Steps: parts evaluated, items visited, pieces of text handled.
    pub steps: u64,
    /// Bytes that it makes, freed ones included.
    pub memory: u64,
    /// Bytes of the text that it becomes.
    pub output: usize,
    /// How deep its calls, and the values it walks, may nest.
    pub depth: usize,
}

impl Default for ExpressionOptions {
    fn default() -> Self {
        Self {
            steps: 2_000_000,
            memory: 64 << 20,
            output: 8 << 20,
            depth: 100,
        }
    }
}

impl ExpressionOptions {
    /// The bounds of both languages and of texts in which they occur.
    #[must_use]
    pub fn limits(&self) -> template::Limits {
        template::Limits {
            depth: self.depth,
            output: self.output,
            yaql: yaql::Limits {
                // YAQL counts finer: what is two steps of Jinja is about five.
                steps: self.steps.saturating_mul(5) / 2,
                bytes: self.memory,
                // Lambdas within operators count twice where a call of Jinja counts once.
                depth: u32::try_from(self.depth.saturating_mul(3) / 2).unwrap_or(u32::MAX),
            },
            jinja: jinja::Limits {
                fuel: self.steps,
                memory: self.memory,
                output: self.output,
                recursion: self.depth,
                ..jinja::Limits::default()
            },
            ..template::Limits::default()
        }
    }
}

/// Section `[chat]`: the bot.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ChatOptions {
    /// Name that the bot answers to.
    pub name: String,
    /// Mark before commands in shared channels.
    pub prefix: String,
    /// Notifications that a conversation is told one by one in a minute.
    pub notices_per_minute: u32,
    /// Slack workspaces by name.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub slack: BTreeMap<String, SlackOptions>,
    /// Discord bots by name.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub discord: BTreeMap<String, DiscordOptions>,
}

impl Default for ChatOptions {
    fn default() -> Self {
        Self {
            name: "sayso".to_owned(),
            prefix: "!".to_owned(),
            notices_per_minute: 10,
            slack: BTreeMap::new(),
            discord: BTreeMap::new(),
        }
    }
}

/// How Slack brings events.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SlackMode {
    /// Over sockets that Sayso opens.
    Socket,
    /// As requests to Sayso's HTTP server.
    Http,
}

/// A channel that is treated otherwise than the others.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SlackChannel {
    /// Its id, `C024BE91L`.
    pub id: String,
    /// Mark before commands.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prefix: Option<String>,
    /// Whether commands are answered in a thread.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub threads: Option<bool>,
    /// How much is told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verbosity: Option<String>,
    /// Packs whose commands are offered here; empty: all.
    pub packs: Vec<String>,
}

/// Section `[chat.slack.<name>]`: a Slack workspace.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SlackOptions {
    /// Base of the Web API; `None`: Slack's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub api_url: Option<String>,
    /// How events come; `None`: over sockets when there is an app token.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mode: Option<SlackMode>,
    /// Token of the bot, `xoxb-…`.
    #[serde(skip_serializing)]
    pub bot_token: Option<SecretString>,
    /// File with the token of the bot.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bot_token_file: Option<PathBuf>,
    /// Token for Socket Mode, `xapp-…`.
    #[serde(skip_serializing)]
    pub app_token: Option<SecretString>,
    /// File with the token for Socket Mode.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub app_token_file: Option<PathBuf>,
    /// Secret that signs HTTP events.
    #[serde(skip_serializing)]
    pub signing_secret: Option<SecretString>,
    /// File with the secret that signs HTTP events.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signing_secret_file: Option<PathBuf>,
    /// Ids of bots that are listened to.
    pub allowed_bots: Vec<String>,
    /// Whether commands in channels are answered in a thread.
    pub threads: bool,
    /// The slash command.
    pub command: String,
    /// Whether the manifest has a slash command per alias besides.
    pub commands: bool,
    /// Whether cards of workflows show their tasks in Slack's own list, where that is to be had.
    pub task_stream: bool,
    /// Seconds: messages that were missed and are not older run, older ones are offered.
    pub catch_up: u64,
    /// Channels that are treated otherwise.
    pub channels: Vec<SlackChannel>,
}

impl Default for SlackOptions {
    fn default() -> Self {
        Self {
            api_url: None,
            mode: None,
            bot_token: None,
            bot_token_file: None,
            app_token: None,
            app_token_file: None,
            signing_secret: None,
            signing_secret_file: None,
            allowed_bots: Vec::new(),
            threads: true,
            command: "/sayso".to_owned(),
            commands: false,
            task_stream: true,
            catch_up: 300,
            channels: Vec::new(),
        }
    }
}

/// Section `[chat.discord.<name>]`: a Discord bot.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DiscordOptions {
    /// Base of the API; `None`: Discord's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub api_url: Option<String>,
    /// Address of the gateway; `None`: what the API names.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gateway_url: Option<String>,
    /// Token of the bot.
    #[serde(skip_serializing)]
    pub token: Option<SecretString>,
    /// File with the token.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token_file: Option<PathBuf>,
    /// Id of the application; `None`: what the gateway says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub application_id: Option<String>,
    /// Whether the privileged intent for the text of messages is asked for.
    pub message_content: bool,
    /// Ids of the servers in which commands are registered; empty: everywhere.
    pub guilds: Vec<String>,
    /// Ids of channels that are listened to; empty: all.
    pub channels: Vec<String>,
    /// Ids of bots and webhooks that are listened to.
    pub allowed_bots: Vec<String>,
    /// Whether answers in channels of servers go to a thread.
    pub threads: bool,
    /// Whether slash commands are registered.
    pub commands: bool,
    /// Seconds: messages that were missed and are not older run, older ones are offered.
    pub catch_up: u64,
}

impl Default for DiscordOptions {
    fn default() -> Self {
        Self {
            api_url: None,
            gateway_url: None,
            token: None,
            token_file: None,
            application_id: None,
            message_content: true,
            guilds: Vec::new(),
            channels: Vec::new(),
            allowed_bots: Vec::new(),
            threads: false,
            commands: true,
            catch_up: 300,
        }
    }
}

/// How log lines look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

/// Section `[log]`: logs, always on standard error.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LogOptions {
    /// Level or filter (`info`, `sayso=debug,sqlx=warn`).
    pub level: String,
    /// Text or JSON.
    pub format: LogFormat,
}

impl Default for LogOptions {
    fn default() -> Self {
        Self {
            level: "info".to_owned(),
            format: LogFormat::Text,
        }
    }
}

/// Section `[client]`: what the client commands use.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ClientOptions {
    /// Server to talk to; `None`: the one on the data folder, or an embedded one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server: Option<String>,
    /// Token; `None`: the administrator's in the data folder.
    #[serde(skip_serializing)]
    pub token: Option<SecretString>,
}
