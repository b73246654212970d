//! `sayso rule`, `trigger`, `trigger-instance`, `rule-enforcement`, `timer`, `webhook`, `trace`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::Show;

/// A thing that is named by its reference or id.
#[derive(Clone, Debug, Args)]
pub struct Named {
    /// Reference, pack.name, or id
    #[arg(value_name = "REF")]
    pub reference: String,
    /// Which attributes.
    #[command(flatten)]
    pub show: Show,
}

/// Which of the things that happened.
#[derive(Clone, Debug, Args)]
pub struct Period {
    /// How many, newest first
    #[arg(short = 'n', long, value_name = "NUMBER", default_value_t = 50)]
    pub last: u32,
    /// Only after this time, such as 2026-01-31T08:00:00Z
    #[arg(long, alias = "tg", value_name = "TIME")]
    pub timestamp_gt: Option<String>,
    /// Only before this time
    #[arg(long, alias = "tl", value_name = "TIME")]
    pub timestamp_lt: Option<String>,
    /// Which columns.
    #[command(flatten)]
    pub show: Show,
}

const TEST_HELP: &str = "\
The rule is a file or the reference of a rule that the server has. The event is a payload (JSON, or @ and a file), a \
file with a trigger instance, or the id of one that is stored. No action is run.

Examples:
  sayso rule test packs/web/rules/down.yaml --payload '{\"body\": {\"state\": \"down\"}}'
  sayso rule test web.down --payload @event.json
  sayso rule test web.down --trigger-instance-id 6b02e79abbd1dc4bab20f3f2

Exit status: 0 when the rule matches and its action could run, 1 when not.";

/// `sayso rule …`.
#[derive(Debug, Subcommand)]
pub enum RuleCommand {
    /// List rules
    List {
        /// Only this pack's
        #[arg(short, long)]
        pack: Option<String>,
        /// Only with this action
        #[arg(long, value_name = "ACTION")]
        action: Option<String>,
        /// Only with this trigger type
        #[arg(long, value_name = "TYPE")]
        trigger: Option<String>,
        /// Only those that are on
        #[arg(long, conflicts_with = "disabled")]
        enabled: bool,
        /// Only those that are off
        #[arg(long)]
        disabled: bool,
        /// If this, then that: shows trigger and action
        #[arg(long)]
        iftt: bool,
        /// Which columns.
        #[command(flatten)]
        show: Show,
    },
    /// Show a rule
    Get(Named),
    /// Make a rule from a file
    Create {
        /// YAML or JSON; - is standard input
        file: PathBuf,
    },
    /// Replace a rule by a file; of a pack's rule only `enabled` can change
    Update {
        /// Reference, pack.name, or id
        #[arg(value_name = "REF")]
        reference: String,
        /// YAML or JSON; - is standard input
        file: PathBuf,
    },
    /// Switch rules on
    Enable {
        /// References or ids
        #[arg(required = true, value_name = "REF")]
        references: Vec<String>,
    },
    /// Switch rules off
    Disable {
        /// References or ids
        #[arg(required = true, value_name = "REF")]
        references: Vec<String>,
    },
    /// Remove rules that were made here; a pack's rule goes with its file
    Delete {
        /// References or ids
        #[arg(required = true, value_name = "REF")]
        references: Vec<String>,
    },
    /// Say criterion by criterion why a rule matches an event or not
    #[command(after_help = TEST_HELP)]
    Test(TestArgs),
}

/// `sayso rule test`.
#[derive(Clone, Debug, Args)]
pub struct TestArgs {
    /// A file, or the reference of a rule
    #[arg(
        required_unless_present_any = ["rule_file", "rule_ref"],
        conflicts_with_all = ["rule_file", "rule_ref"]
    )]
    pub rule: Option<String>,
    /// The rule in this file
    #[arg(long = "rule", value_name = "FILE", conflicts_with = "rule_ref")]
    pub rule_file: Option<PathBuf>,
    /// The rule with this reference
    #[arg(long, value_name = "REF")]
    pub rule_ref: Option<String>,
    /// What comes with the event: JSON, or @FILE
    #[arg(
        long,
        value_name = "JSON",
        required_unless_present_any = ["trigger_instance", "trigger_instance_id"],
        conflicts_with_all = ["trigger_instance", "trigger_instance_id"]
    )]
    pub payload: Option<String>,
    /// A file with `trigger` and `payload`
    #[arg(long, value_name = "FILE", conflicts_with = "trigger_instance_id")]
    pub trigger_instance: Option<PathBuf>,
    /// Id of an event that is stored
    #[arg(long, value_name = "ID")]
    pub trigger_instance_id: Option<String>,
}

/// `sayso trigger …`.
#[derive(Debug, Subcommand)]
pub enum TriggerCommand {
    /// List trigger types
    List {
        /// Only this pack's
        #[arg(short, long)]
        pack: Option<String>,
        /// Which columns.
        #[command(flatten)]
        show: Show,
    },
    /// Show a trigger type
    Get(Named),
    /// Make a trigger type from a file
    Create {
        /// YAML or JSON; - is standard input
        file: PathBuf,
    },
    /// Replace a trigger type by a file
    Update {
        /// Reference, pack.name, or id
        #[arg(value_name = "REF")]
        reference: String,
        /// YAML or JSON; - is standard input
        file: PathBuf,
    },
    /// Remove trigger types that were made here
    Delete {
        /// References or ids
        #[arg(required = true, value_name = "REF")]
        references: Vec<String>,
    },
    /// List the triggers of a type: what it is asked for by rules
    Getspecs(Named),
}

/// `sayso trigger-instance …`.
#[derive(Debug, Subcommand)]
pub enum InstanceCommand {
    /// List events, newest first
    List {
        /// Only of this trigger
        #[arg(long, value_name = "REF")]
        trigger: Option<String>,
        /// Only with this status, such as pending or processed
        #[arg(long, value_name = "STATUS")]
        status: Option<String>,
        /// Which ones.
        #[command(flatten)]
        period: Period,
    },
    /// Show an event with its payload
    Get(Named),
    /// Send an event again
    #[command(name = "re-emit", alias = "reemit")]
    ReEmit {
        /// Id
        id: String,
    },
}

/// `sayso rule-enforcement …`.
#[derive(Debug, Subcommand)]
pub enum EnforcementCommand {
    /// List what rules made of events, newest first
    List {
        /// Only of this rule
        #[arg(long, value_name = "REF")]
        rule: Option<String>,
        /// Only for this event
        #[arg(long, value_name = "ID")]
        trigger_instance: Option<String>,
        /// Only what led to this execution
        #[arg(long, value_name = "ID")]
        execution: Option<String>,
        /// Which ones.
        #[command(flatten)]
        period: Period,
    },
    /// Show one, with its event and execution
    Get(Named),
}

/// `sayso timer …`.
#[derive(Debug, Subcommand)]
pub enum TimerCommand {
    /// List the timers of rules, and when they fire next
    List {
        /// Only of this type, such as core.st2.CronTimer
        #[arg(long, value_name = "TYPE")]
        timer_type: Option<String>,
        /// Which columns.
        #[command(flatten)]
        show: Show,
    },
    /// Show a timer, also by a rule that it is for
    Get(Named),
}

/// `sayso webhook …`.
#[derive(Debug, Subcommand)]
pub enum WebhookCommand {
    /// List the URLs that rules listen on, and what they want of senders
    List {
        /// Which columns.
        #[command(flatten)]
        show: Show,
    },
    /// Show one
    Get {
        /// The part of its URL behind /webhooks/
        url: String,
        /// Which attributes.
        #[command(flatten)]
        show: Show,
    },
}

/// `sayso trace …`.
#[derive(Debug, Subcommand)]
pub enum TraceCommand {
    /// List traces, newest first: what began, and when
    List {
        /// How many
        #[arg(short = 'n', long, value_name = "NUMBER", default_value_t = 50)]
        last: u32,
        /// Only with this tag
        #[arg(short = 't', long, alias = "trace_tag", value_name = "TAG")]
        trace_tag: Option<String>,
        /// Only those that this execution is part of
        #[arg(short = 'e', long, value_name = "ID")]
        execution: Option<String>,
        /// Only those that this rule had a part in
        #[arg(short = 'r', long, value_name = "REF")]
        rule: Option<String>,
        /// Only those that this event is part of
        #[arg(short = 'g', long, value_name = "ID")]
        trigger_instance: Option<String>,
        /// Which columns.
        #[command(flatten)]
        show: Show,
    },
    /// Show everything that followed from an event or a request, as a tree
    #[command(
        after_help = "The id is that of the trace, or of any event or execution in it.\n\nExamples:\n  sayso trace get 6b02e79abbd1dc4bab20f3f2\n  sayso trace get 6b02e79abbd1dc4bab20f3f2 --show-executions --hide-noop-triggers"
    )]
    Get(TraceArgs),
}

/// `sayso trace get`.
#[derive(Clone, Debug, Args)]
pub struct TraceArgs {
    /// Id of the trace, or of an event or execution in it
    pub id: String,
    /// Only what led to this execution, and what followed from it
    #[arg(short = 'e', long, value_name = "ID")]
    pub execution: Option<String>,
    /// Only what led to this rule, and what followed from it
    #[arg(short = 'r', long, value_name = "REF")]
    pub rule: Option<String>,
    /// Only what led to this event, and what followed from it
    #[arg(short = 'g', long, value_name = "ID")]
    pub trigger_instance: Option<String>,
    /// Shows executions (and what else is asked for)
    #[arg(long)]
    pub show_executions: bool,
    /// Shows rules (and what else is asked for)
    #[arg(long)]
    pub show_rules: bool,
    /// Shows events (and what else is asked for)
    #[arg(long)]
    pub show_trigger_instances: bool,
    /// Leaves out events that no rule made anything of
    #[arg(long)]
    pub hide_noop_triggers: bool,
}

const SCHEDULE_HELP: &str = "\
It runs with the rights that you have when its time comes.

Examples:
  sayso schedule add 'every weekday 07:00' core.local cmd=date
  sayso schedule add 'at 22:00' --say 'deploy web to staging'
  sayso schedule add 'cron 0 7 * * 1-5' --timezone Europe/Vilnius core.noop";

/// `sayso schedule …`.
#[derive(Debug, Subcommand)]
pub enum ScheduleCommand {
    /// Run an action, or what a sentence means, at a time or again and again
    #[command(after_help = SCHEDULE_HELP)]
    Add(ScheduleArgs),
    /// List your schedules (administrators: all) and when they run next
    List {
        /// Which columns.
        #[command(flatten)]
        show: Show,
    },
    /// Show a schedule
    Get {
        /// Its number
        number: u64,
        /// Which attributes.
        #[command(flatten)]
        show: Show,
    },
    /// Let a schedule stand still
    Pause {
        /// Its number
        number: u64,
    },
    /// Let a paused schedule go on; what it missed is left out
    Resume {
        /// Its number
        number: u64,
    },
    /// Remove a schedule
    Remove {
        /// Its number
        number: u64,
    },
}

/// `sayso schedule add`.
#[derive(Clone, Debug, Args)]
pub struct ScheduleArgs {
    /// When, such as 'every weekday 07:00', 'at 22:00', 'in 2 hours'
    pub when: String,
    /// The action, pack.name
    #[arg(required_unless_present = "say", conflicts_with = "say")]
    pub action: Option<String>,
    /// Parameters, name=value
    pub parameters: Vec<String>,
    /// A sentence, as in chat, instead of an action
    #[arg(long, value_name = "SENTENCE")]
    pub say: Option<String>,
    /// Zone of its times, such as Europe/Vilnius
    #[arg(long, value_name = "ZONE")]
    pub timezone: Option<String>,
    /// What becomes of runs that were missed while nothing ran: skip, once, all
    #[arg(long, value_name = "POLICY", value_parser = ["skip", "once", "all"])]
    pub misfire: Option<String>,
    /// Leaves out runs that are later than this, such as 10m
    #[arg(long, value_name = "TIME")]
    pub grace: Option<String>,
    /// On behalf of whom.
    #[command(flatten)]
    pub speaker: super::Speaker,
}
