//! Commands for those who look after an installation and its content.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::client::Show;

/// `sayso serve`.
#[derive(Clone, Debug, Args)]
#[command(after_help = "\
Examples:
  sayso serve
  sayso serve --data-dir /srv/sayso --packs-dir /opt/stackstorm/packs --listen 0.0.0.0:9101
  SAYSO_ACCESS_MODE=open sayso serve --listen 127.0.0.1:0   a trial; the port is in listen.addr

SIGTERM and SIGINT: takes nothing new, waits for what runs (engine.drain_seconds), ends with status 0; \
a second signal ends at once. SIGHUP: reads packs, aliases and templates again.")]
pub struct ServeArgs {
    /// Address and port to listen on; port 0 picks a free one.
    #[arg(
        long,
        value_name = "ADDRESS:PORT",
        help = "Address and port to listen on; port 0 picks a free one [variable: SAYSO_LISTEN]"
    )]
    pub listen: Option<String>,
}

/// `sayso pack …`.
#[derive(Debug, Subcommand)]
pub enum PackCommand {
    /// List packs
    List {
        /// Which columns.
        #[command(flatten)]
        show: Show,
    },
    /// Show a pack
    Get {
        /// Its name
        pack: String,
        /// Which attributes.
        #[command(flatten)]
        show: Show,
    },
    /// Check a pack's files; needs no server
    #[command(
        after_help = "Exit status: 0 without errors (warnings are allowed), 1 with errors.\n\nExamples:\n  sayso pack lint packs/web\n  sayso pack lint . --json"
    )]
    Lint {
        /// Folders of packs
        #[arg(required = true, value_name = "PATH")]
        paths: Vec<PathBuf>,
    },
    /// Run the tests of a pack's workflows; no action is run, needs no server
    #[command(
        after_help = "Tests are YAML files below tests/ of the pack; see docs/workflows.md.\n\nExit status: 0 when all pass, 1 when not.\n\nExamples:\n  sayso pack test packs/web\n  sayso pack test packs/web/tests/deploy.yaml --json"
    )]
    Test {
        /// Folders of packs, or files of tests
        #[arg(required = true, value_name = "PATH")]
        paths: Vec<PathBuf>,
    },
}

/// `sayso alias …`.
#[derive(Debug, Subcommand)]
pub enum AliasCommand {
    /// List aliases
    List {
        /// Only this pack's
        #[arg(short, long)]
        pack: Option<String>,
        /// Which columns.
        #[command(flatten)]
        show: Show,
    },
    /// Show an alias
    Get {
        /// The alias, pack.name
        #[arg(value_name = "ALIAS")]
        reference: String,
        /// Which attributes.
        #[command(flatten)]
        show: Show,
    },
    /// Say which alias a message would start; runs nothing
    #[command(after_help = "\
Without a message and with --json, rows are read from standard input, one JSON object a line, and answered \
one a line; no server is needed then:
  {\"id\": \"1\", \"format\": \"deploy {{ app }}\", \"message\": \"deploy web\"}

Exit status: 0 when an alias matches, 1 when none does.")]
    Match {
        /// The message
        words: Vec<String>,
    },
    /// Show which formats a message was tried against, and why it matches or not
    #[command(
        after_help = "Examples:\n  sayso alias explain deploy web to prod\n  sayso alias explain --format 'deploy {{ app }}' deploy web"
    )]
    Explain {
        /// The message
        #[arg(required = true)]
        words: Vec<String>,
        /// Explains this format instead of the aliases of the installation; needs no server
        #[arg(long, value_name = "FORMAT")]
        format: Option<String>,
    },
    /// Run the examples in tests/aliases.yaml of packs; needs no server
    #[command(after_help = "\
The file is a list. Each entry has a message and what it must do:
  - message: deploy web to prod
    alias: deploy             # name in the pack, or pack.name; `none`: nothing may match
    parameters: {app: web, env: prod}   # parameters that are not listed are not looked at

Exit status: 0 when all examples hold, 1 when one does not.")]
    Test {
        /// Folders of packs, or files with examples inside them
        #[arg(required = true, value_name = "PATH")]
        paths: Vec<PathBuf>,
    },
}

/// Which entries of the audit log.
#[derive(Clone, Debug, Default, Args)]
pub struct AuditFilterArgs {
    /// Only by this person or service
    #[arg(long, value_name = "NAME")]
    pub actor: Option<String>,
    /// Only of this kind, such as access.denied, or of a family, such as execution
    #[arg(long, value_name = "KIND")]
    pub kind: Option<String>,
    /// Only about this action
    #[arg(long, value_name = "ACTION")]
    pub action: Option<String>,
    /// Only about this execution
    #[arg(long, value_name = "ID")]
    pub execution: Option<String>,
    /// Not older than this: a time, a day such as monday, or a span such as 30m, 12h, "3 days ago"
    #[arg(long, value_name = "TIME")]
    pub since: Option<String>,
    /// Older than this
    #[arg(long, value_name = "TIME")]
    pub until: Option<String>,
}

/// `sayso audit …`.
#[derive(Debug, Subcommand)]
pub enum AuditCommand {
    /// Show the newest entries
    Tail {
        /// How many
        #[arg(short = 'n', long, value_name = "NUMBER", default_value_t = 20)]
        last: u32,
        /// Goes on with what happens from now on
        #[arg(short, long)]
        follow: bool,
        /// Which entries.
        #[command(flatten)]
        filter: AuditFilterArgs,
    },
    /// Find entries, newest first
    #[command(
        after_help = "Examples:\n  sayso audit search deploy web --since 7d\n  sayso audit search --kind access.denied --actor bo\n  sayso audit search who=ana since=2h action=core.local failed \"disk full\""
    )]
    Search {
        /// Words that must all occur, outcomes (failed, denied), pairs (who= action= kind= execution= since= until=)
        words: Vec<String>,
        /// How many
        #[arg(short = 'n', long, value_name = "NUMBER", default_value_t = 50)]
        last: u32,
        /// Which entries.
        #[command(flatten)]
        filter: AuditFilterArgs,
    },
    /// Check that no entry was changed, removed or put in between
    #[command(after_help = "Exit status: 0 when the chain is intact, 1 when it is broken.")]
    Verify,
    /// Count what happened, by person and action
    #[command(
        after_help = "Examples:\n  sayso audit summary 24h\n  sayso audit summary last monday --actor bo"
    )]
    Summary {
        /// Since when, like --since; everything unless given
        #[arg(value_name = "SINCE")]
        from: Vec<String>,
        /// Which entries.
        #[command(flatten)]
        filter: AuditFilterArgs,
    },
}

/// `sayso config …`.
#[derive(Debug, Subcommand)]
pub enum ConfigCommand {
    /// Print every value in force and where it came from; secrets are masked
    #[command(
        after_help = "Examples:\n  sayso config show --changed\n  sayso config show -o toml > sayso.toml"
    )]
    Show {
        /// Only values that are not the default
        #[arg(long)]
        changed: bool,
    },
    /// Print a complete settings file with comments, to start from
    Default,
    /// Print which settings file is read and where it is looked for
    Path,
}

/// `sayso db …`.
#[derive(Debug, Subcommand)]
pub enum DbCommand {
    /// Check the database's integrity
    #[command(after_help = "Exit status: 0 when all is well, 1 when not.")]
    Check,
    /// Write a consistent copy, also while the server runs
    #[command(
        after_help = "Secrets in the copy are sealed: keep secret.key as well, but elsewhere.\n\nExamples:\n  sayso db backup /backup/sayso-$(date +%F).db"
    )]
    Backup {
        /// Where the copy goes; must not exist
        target: PathBuf,
    },
    /// Print sizes and counts
    Stats,
}

/// `sayso gc …`.
#[derive(Debug, Subcommand)]
pub enum GcCommand {
    /// Delete now what is older than the section `retention` of the settings says
    Run {
        /// Only count it
        #[arg(long)]
        dry_run: bool,
    },
    /// Show what the last run deleted
    Status,
}

/// `sayso slack …`.
#[derive(Debug, Subcommand)]
pub enum SlackCommand {
    /// Print the app manifest that fits the settings, for api.slack.com/apps; needs no server
    #[command(
        after_help = "Examples:\n  sayso slack manifest\n  sayso slack manifest --url https://sayso.example.org --set chat.slack.default.mode=http"
    )]
    Manifest {
        /// Name of the workspace in the settings
        #[arg(default_value = "default", value_name = "NAME")]
        name: String,
        /// Where Slack reaches this server, when events come over HTTP
        #[arg(long, value_name = "URL")]
        url: Option<String>,
    },
}

/// `sayso discord …`.
#[derive(Debug, Subcommand)]
pub enum DiscordCommand {
    /// Print the address at which the bot is invited to a server, with the permissions that it needs
    #[command(after_help = "Example:\n  SAYSO_DISCORD_TOKEN=… sayso discord invite")]
    Invite {
        /// Name of the bot in the settings
        #[arg(default_value = "default", value_name = "NAME")]
        name: String,
    },
}
