//! What can be typed: the commands and their flags, with the words that help shows.

mod answers;
mod client;
mod conversation;
mod events;
mod expr;
mod keys;
mod people;
mod policy;
mod sensor;
mod simulate;
mod site;
mod workflow;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

pub use policy::PolicyCommand;

pub use answers::{ApprovalCommand, InquiryCommand, Speaker};
pub use client::{
    ActionCommand, DrawingArgs, ExecuteArgs, ExecutionCommand, Following, ListArgs, RerunArgs, RunArgs, Show,
    Stream,
};
pub use conversation::ConversationCommand;
pub use events::{
    EnforcementCommand, InstanceCommand, Named, Period, RuleCommand, ScheduleArgs, ScheduleCommand, TestArgs,
    TimerCommand, TraceArgs, TraceCommand, TriggerCommand, WebhookCommand,
};
pub use expr::{EvalArgs, ExplainArgs, ExprCommand, Language, Mode, ReplArgs, SceneArgs};
pub use keys::{KeyCommand, KeyScope, ListScope, Whose};
pub use people::{AccessCommand, GrantTerms, Question, RoleCommand, UserCommand};
pub use sensor::SensorCommand;
pub use simulate::{SimulateArgs, SimulateCommand};
pub use site::{
    AliasCommand, AuditCommand, AuditFilterArgs, ConfigCommand, DbCommand, DiscordCommand, GcCommand,
    PackCommand, ServeArgs, SlackCommand,
};
pub use workflow::{RunScene, WorkflowCommand};

use super::output::Format;

const EXAMPLES: &str = "\
Examples:
  sayso serve                          start the server
  sayso chat                           talk to the bot in the terminal
  sayso run core.local cmd=date        run an action and wait for it
  sayso execution list --status failed what went wrong lately
  sayso doctor                         check this installation

Client commands talk to the server given with --server, else to the one that runs on the data folder; \
when none runs they start everything themselves for as long as they need it.";

/// Say it in chat. It runs, on your say-so, on the record.
#[derive(Debug, Parser)]
#[command(name = "sayso", version, after_help = EXAMPLES, disable_help_subcommand = true, max_term_width = 110)]
pub struct Cli {
    /// What all commands have in common.
    #[command(flatten)]
    pub global: GlobalArgs,
    /// The command.
    #[command(subcommand)]
    pub command: Command,
}

/// Flags of all commands.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Everywhere")]
pub struct GlobalArgs {
    /// Settings file.
    #[arg(
        long,
        global = true,
        value_name = "FILE",
        help = "Settings file [variable: SAYSO_CONFIG]"
    )]
    pub config: Option<PathBuf>,
    /// Folder that holds everything durable.
    #[arg(
        long,
        global = true,
        value_name = "DIR",
        help = "Folder that holds everything durable [variable: SAYSO_DATA_DIR]"
    )]
    pub data_dir: Option<PathBuf>,
    /// Folder with packs; may be repeated.
    #[arg(
        long = "packs-dir",
        global = true,
        value_name = "DIR",
        help = "Folder with packs; may be repeated [variable: SAYSO_PACKS_DIR]"
    )]
    pub packs_dirs: Vec<PathBuf>,
    /// Server to talk to.
    #[arg(
        long,
        global = true,
        value_name = "URL",
        help = "Server to talk to [variable: SAYSO_SERVER]"
    )]
    pub server: Option<String>,
    /// Token for the server.
    #[arg(
        long,
        global = true,
        value_name = "TOKEN",
        hide_env_values = true,
        help = "Token for the server [variable: SAYSO_TOKEN]"
    )]
    pub token: Option<String>,
    /// Sets any key of the settings; may be repeated
    #[arg(long, global = true, value_name = "KEY=VALUE")]
    pub set: Vec<String>,
    /// How the answer is written: a table for people, json or yaml for programs and files
    #[arg(short, long, global = true, value_enum, value_name = "FORMAT")]
    pub output: Option<Format>,
    /// Short for --output json
    #[arg(short, long, global = true, conflicts_with_all = ["output", "yaml"])]
    pub json: bool,
    /// Short for --output yaml
    #[arg(short, long, global = true, conflicts_with = "output")]
    pub yaml: bool,
}

impl GlobalArgs {
    /// How the answer is to be written.
    #[must_use]
    pub fn format(&self) -> Format {
        match self.output {
            Some(format) => format,
            None if self.json => Format::Json,
            None if self.yaml => Format::Yaml,
            None => Format::Table,
        }
    }
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run the server in the foreground
    Serve(ServeArgs),
    /// Talk to the bot in the terminal
    Chat(ChatArgs),
    /// Run an action and wait until it ends
    Run(RunArgs),
    /// Look at actions and run them
    #[command(subcommand)]
    Action(ActionCommand),
    /// Look at executions, cancel and repeat them
    #[command(subcommand)]
    Execution(ExecutionCommand),
    /// Look at rules, change them, find out why they match
    #[command(subcommand)]
    Rule(RuleCommand),
    /// Look at trigger types, make and remove them
    #[command(subcommand)]
    Trigger(TriggerCommand),
    /// Look at events, and send them again
    #[command(subcommand)]
    TriggerInstance(InstanceCommand),
    /// See what rules made of events
    #[command(subcommand)]
    RuleEnforcement(EnforcementCommand),
    /// See when the timers of rules fire
    #[command(subcommand)]
    Timer(TimerCommand),
    /// See the URLs that rules listen on
    #[command(subcommand)]
    Webhook(WebhookCommand),
    /// Run something at a time, or again and again
    #[command(subcommand)]
    Schedule(ScheduleCommand),
    /// See what followed from an event or a request
    #[command(subcommand)]
    Trace(TraceCommand),
    /// Answer questions that wait for people
    #[command(subcommand)]
    Inquiry(InquiryCommand),
    /// Decide about what waits for approval
    #[command(subcommand)]
    Approval(ApprovalCommand),
    /// Look at keys of the datastore and set them
    #[command(subcommand)]
    Key(KeyCommand),
    /// Look at people, link their accounts, deactivate them
    #[command(subcommand)]
    User(UserCommand),
    /// Find out who may run what, and why
    #[command(subcommand)]
    Access(AccessCommand),
    /// Look at conversations: prefix, threads, how much is told, digests, deliveries
    #[command(subcommand)]
    Conversation(ConversationCommand),
    /// Look at policies, make and remove them
    #[command(subcommand)]
    Policy(PolicyCommand),
    /// Look at packs and check them
    #[command(subcommand)]
    Pack(PackCommand),
    /// Look at aliases and try them out
    #[command(subcommand, alias = "action-alias")]
    Alias(AliasCommand),
    /// Look at sensors, switch them on and off
    #[command(subcommand)]
    Sensor(SensorCommand),
    /// Try out expressions of YAQL and Jinja
    #[command(subcommand)]
    Expr(ExprCommand),
    /// Check and draw workflow definitions
    #[command(subcommand)]
    Workflow(WorkflowCommand),
    /// Read and verify the audit log
    #[command(subcommand)]
    Audit(AuditCommand),
    /// Rehearse conversations with a stand-in of Slack or Discord
    #[command(subcommand)]
    Simulate(SimulateCommand),
    /// Set up Slack
    #[command(subcommand)]
    Slack(SlackCommand),
    /// Set up Discord
    #[command(subcommand)]
    Discord(DiscordCommand),
    /// Delete what is old, see what was deleted
    #[command(subcommand)]
    Gc(GcCommand),
    /// Look at the settings
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Say how the server is, and what watches the world for it
    Status,
    /// Check this installation and say what to do about what is wrong
    Doctor,
    /// Look after the database
    #[command(subcommand)]
    Db(DbCommand),
    /// Make the running server read packs, aliases and templates again
    Reload,
    /// Print completions for a shell
    #[command(
        after_help = "Examples:\n  sayso completions bash > /etc/bash_completion.d/sayso\n  sayso completions fish > ~/.config/fish/completions/sayso.fish"
    )]
    Completions {
        /// Which shell
        shell: clap_complete::Shell,
    },
}

/// `sayso chat`.
#[derive(Clone, Debug, Default, Args)]
#[command(after_help = "\
Examples:
  sayso chat                                a conversation
  sayso chat --say \"run date on localhost\"  one message, for scripts

Exit status with --say: 0 when it worked, 1 when it failed, 2 when it was not understood or not allowed.")]
pub struct ChatArgs {
    /// Says this, waits for the final answer and ends; may be repeated
    #[arg(long, value_name = "TEXT")]
    pub say: Vec<String>,
    /// Speaks as this user (needs the administrator's token)
    #[arg(long = "as", value_name = "NAME")]
    pub speaker: Option<String>,
}
