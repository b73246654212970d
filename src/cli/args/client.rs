//! Commands that talk to a server: actions and executions.

use clap::{Args, Subcommand, ValueEnum};

/// Which part of an object is shown.
#[derive(Clone, Debug, Default, Args)]
pub struct Show {
    /// Attributes to show, such as id,status,action.ref; `all` shows every one
    #[arg(short, long, value_name = "NAMES", num_args = 1.., value_delimiter = ',')]
    pub attr: Vec<String>,
}

/// `sayso action …`.
#[derive(Debug, Subcommand)]
pub enum ActionCommand {
    /// List actions
    List {
        /// Only this pack's
        #[arg(short, long)]
        pack: Option<String>,
        /// Which columns.
        #[command(flatten)]
        show: Show,
    },
    /// Show an action and its parameters
    Get {
        /// The action, pack.name
        #[arg(value_name = "ACTION")]
        reference: String,
        /// Which attributes.
        #[command(flatten)]
        show: Show,
    },
    /// The same as `sayso run`
    Execute(RunArgs),
}

const RUN_HELP: &str = "\
Parameters are name=value. They get the type that the action declares:
  list      hosts=web1,web2    hosts='[\"web1\", 2]'    hosts=web1 hosts=web2
  object    env='{\"A\": 1}'     env=A=1,B=2
  boolean   sudo=true
  file      @body=/tmp/body.json (the value is the file's text)
From the first word without = on, everything is the parameter cmd. Put -- before words that begin with -.

Examples:
  sayso run core.local cmd=date
  sayso run core.local -- uname -a
  sayso run core.http url=https://example.org --async
  sayso run core.local --help-action

Exit status: 0 succeeded, 1 failed, 3 timeout, 4 canceled, 5 abandoned; 2 when it was refused.";

/// How to wait for an execution.
#[derive(Clone, Debug, Default, Args)]
pub struct Following {
    /// Does not wait: prints the execution as it was accepted
    #[arg(short = 'a', long = "async", conflicts_with = "tail")]
    pub no_wait: bool,
    /// Shows the output while it runs, instead of the result
    #[arg(long)]
    pub tail: bool,
}

/// `sayso run`.
#[derive(Clone, Debug, Args)]
#[command(after_help = RUN_HELP)]
pub struct RunArgs {
    /// The action, pack.name
    pub action: String,
    /// Parameters, name=value
    pub parameters: Vec<String>,
    /// How to wait.
    #[command(flatten)]
    pub following: Following,
    /// What the request carries.
    #[command(flatten)]
    pub request: ExecuteArgs,
    /// Shows the action's parameters instead of running it
    #[arg(long)]
    pub help_action: bool,
    /// Attributes of the execution to show, such as id,status,result.stdout
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    pub attr: Vec<String>,
}

/// What a request for an execution may carry besides parameters.
#[derive(Clone, Debug, Default, Args)]
pub struct ExecuteArgs {
    /// Runs it on behalf of this user (needs the administrator's token)
    #[arg(short, long)]
    pub user: Option<String>,
    /// Milliseconds to wait before it runs
    #[arg(long, value_name = "MS")]
    pub delay: Option<u64>,
    /// Tag of the trace that it belongs to
    #[arg(long, value_name = "TAG")]
    pub trace_tag: Option<String>,
    /// Id of the trace that it belongs to
    #[arg(long, value_name = "ID", conflicts_with = "trace_tag")]
    pub trace_id: Option<String>,
    /// Passes this shell's variables as the parameter env
    #[arg(short = 'e', long)]
    pub inherit_env: bool,
    /// Turns lists of key:value texts into one map in a list
    #[arg(long)]
    pub auto_dict: bool,
}

/// Which executions.
#[derive(Clone, Debug, Args)]
pub struct ListArgs {
    /// How many, newest first
    #[arg(short = 'n', long, value_name = "NUMBER", default_value_t = 50)]
    pub last: u32,
    /// Only of this action
    #[arg(long, value_name = "ACTION")]
    pub action: Option<String>,
    /// Only with this status
    #[arg(long, value_name = "STATUS")]
    pub status: Option<String>,
    /// Only on behalf of this user
    #[arg(long, value_name = "USER")]
    pub user: Option<String>,
    /// Only requested after this time, such as 2026-01-31T08:00:00Z
    #[arg(long, alias = "tg", value_name = "TIME")]
    pub timestamp_gt: Option<String>,
    /// Only requested before this time
    #[arg(long, alias = "tl", value_name = "TIME")]
    pub timestamp_lt: Option<String>,
    /// Children of workflows as well
    #[arg(long)]
    pub children: bool,
    /// Which columns.
    #[command(flatten)]
    pub show: Show,
}

/// A stream of output.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Stream {
    // Without doc comments the help stays short.
    Stdout,
    Stderr,
}

impl Stream {
    /// The API's word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Stdout => "stdout",
            Self::Stderr => "stderr",
        }
    }
}

/// `sayso execution …`.
#[derive(Debug, Subcommand)]
pub enum ExecutionCommand {
    /// List executions, newest first
    #[command(
        after_help = "Examples:\n  sayso execution list --status failed -n 5\n  sayso execution list -a id,status,result.stdout"
    )]
    List(ListArgs),
    /// Show an execution; `last` is the newest
    Get {
        /// Id, or last
        id: String,
        /// Shows secret parameters in clear (administrators only)
        #[arg(long)]
        show_secrets: bool,
        /// Prints only this attribute, such as result.stdout
        #[arg(short, long, value_name = "NAME")]
        key: Option<String>,
        /// Draws a workflow with the states of its tasks
        #[arg(long, conflicts_with = "key")]
        graph: bool,
        /// In which format.
        #[command(flatten)]
        drawing: DrawingArgs,
        /// Which attributes.
        #[command(flatten)]
        show: Show,
    },
    /// Cancel executions; of a workflow, what runs already may end
    Cancel {
        /// Ids
        #[arg(required = true)]
        ids: Vec<String>,
        /// Stops the running actions of a workflow as well
        #[arg(long)]
        now: bool,
    },
    /// Pause workflows: what runs may end, nothing more is started
    Pause {
        /// Ids
        #[arg(required = true)]
        ids: Vec<String>,
    },
    /// Let paused workflows go on
    Resume {
        /// Ids
        #[arg(required = true)]
        ids: Vec<String>,
    },
    /// Run an execution again, with its parameters or others; a workflow also from some of its tasks on
    #[command(
        name = "re-run",
        alias = "rerun",
        after_help = "Examples:\n  sayso execution re-run last cmd=date\n  sayso execution re-run 6b02e79abbd1dc4bab20f3f2 --tasks verify,report"
    )]
    Rerun(RerunArgs),
    /// Follow the output of a running execution; of a workflow, its tasks
    Tail {
        /// Id, or last
        #[arg(default_value = "last")]
        id: String,
        /// Only this stream
        #[arg(long = "type", value_enum)]
        stream: Option<Stream>,
    },
    /// Print the output that an execution has written
    Output {
        /// Id, or last
        #[arg(default_value = "last")]
        id: String,
        /// Only this stream
        #[arg(long = "type", value_enum)]
        stream: Option<Stream>,
    },
    /// List the executions that an execution started
    Children {
        /// Id, or last
        id: String,
        /// How deep; -1 is all
        #[arg(long, default_value_t = -1, allow_negative_numbers = true)]
        depth: i32,
        /// Which columns.
        #[command(flatten)]
        show: Show,
    },
}

/// `sayso execution re-run`.
#[derive(Clone, Debug, Args)]
pub struct RerunArgs {
    /// Id, or last
    pub id: String,
    /// Parameters that replace the original ones, name=value
    pub parameters: Vec<String>,
    /// Uses only the given parameters, not the original ones
    #[arg(long)]
    pub no_merge: bool,
    /// Goes on with the same workflow from these tasks, t1,t2
    #[arg(
        long,
        value_name = "TASKS",
        value_delimiter = ',',
        conflicts_with_all = ["parameters", "no_merge", "delay"]
    )]
    pub tasks: Vec<String>,
    /// Of these tasks with items, all items run again and not only those that failed
    #[arg(long, value_name = "TASKS", value_delimiter = ',', requires = "tasks")]
    pub reset: Vec<String>,
    /// Milliseconds to wait before it runs
    #[arg(long, value_name = "MS")]
    pub delay: Option<u64>,
    /// How to wait.
    #[command(flatten)]
    pub following: Following,
}

/// The format of a drawing; without one it is text for the terminal.
#[derive(Clone, Copy, Debug, Default, Args)]
pub struct DrawingArgs {
    /// With --graph: as SVG
    #[arg(long, requires = "graph", conflicts_with_all = ["dot", "mermaid"])]
    pub svg: bool,
    /// With --graph: for Graphviz
    #[arg(long, requires = "graph", conflicts_with = "mermaid")]
    pub dot: bool,
    /// With --graph: for Mermaid
    #[arg(long, requires = "graph")]
    pub mermaid: bool,
}
