//! Arguments of `sayso workflow`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

/// `sayso workflow …`.
#[derive(Debug, Subcommand)]
pub enum WorkflowCommand {
    /// Say what is wrong with a workflow definition; needs no server
    #[command(after_help = "\
With --batch, rows are read from standard input, one JSON object a line, and answered one a line:
  {\"id\": \"1\", \"definition\": \"version: 1.0\\ntasks: …\", \"context\": {\"st2\": {}}}

Exit status: 0 when the workflow may run, 1 when not; with --batch 0.")]
    Validate {
        /// The definition
        #[arg(value_name = "FILE", required_unless_present = "batch")]
        file: Option<PathBuf>,
        /// A YAML or JSON file with variables that are set from the start
        #[arg(long, value_name = "FILE", conflicts_with = "batch")]
        context: Option<PathBuf>,
        /// Answer rows of standard input
        #[arg(long, conflicts_with = "file")]
        batch: bool,
    },
    /// Draw a workflow; needs no server
    #[command(after_help = "Example:\n  sayso workflow graph deploy.yaml --svg > deploy.svg")]
    Graph {
        /// The definition
        #[arg(value_name = "FILE")]
        file: PathBuf,
        /// As SVG (the default)
        #[arg(long, conflicts_with_all = ["dot", "mermaid"])]
        svg: bool,
        /// For Graphviz
        #[arg(long, conflicts_with = "mermaid")]
        dot: bool,
        /// For Mermaid
        #[arg(long)]
        mermaid: bool,
    },
    /// Run a workflow without its actions, by a script of what they would give; needs no server
    #[command(after_help = "\
The script (--results) says what each action gives, and when; a virtual clock counts seconds:
  {\"default\": {\"status\": \"succeeded\", \"result\": null, \"duration\": 1},
   \"results\": [{\"task\": \"t1\", \"attempt\": 1, \"status\": \"failed\", \"result\": {\"stderr\": \"no\"}, \"duration\": 2},
               {\"task\": \"t2\", \"item\": 0, \"sequence\": [{\"status\": \"pending\"}, {\"status\": \"running\"}, {\"status\": \"succeeded\"}]}],
   \"control\": [{\"op\": \"pause\", \"at\": 2}, {\"op\": \"resume\", \"at\": 5}, {\"op\": \"rerun\", \"tasks\": [{\"task\": \"t1\"}]}],
   \"kv\": {\"system\": {\"key\": \"text\"}}, \"max_steps\": 5000}
With --batch, rows are read from standard input, one JSON object a line, and answered one a line:
  {\"id\": \"1\", \"definition\": \"version: 1.0\\ntasks: …\", \"inputs\": {}, \"context\": {}, \"script\": {}, \"inspect\": true}

Exit status: 0, also when the workflow fails; 1 when there is no workflow to run; with --batch 0.")]
    Simulate {
        /// The definition
        #[arg(long, value_name = "FILE", required_unless_present = "batch")]
        workflow: Option<PathBuf>,
        #[command(flatten)]
        scene: RunScene,
        /// Answer rows of standard input
        #[arg(long, conflicts_with_all = ["workflow", "inputs", "context", "results"])]
        batch: bool,
    },
    /// Make calls on a conductor one by one, for comparing conductors; needs no server
    #[command(after_help = "\
Calls are {\"op\": …} with request_status (status), next_tasks, action_event (task, route, status, result), item_event
(also item, accumulated_result), engine_event (task, route, name), rerun (tasks), render_output and roundtrip.
With --batch, rows are read from standard input, one JSON object a line, and answered one a line:
  {\"id\": \"1\", \"definition\": \"version: 1.0\\ntasks: …\", \"inputs\": {}, \"context\": {}, \"ops\": [{\"op\": \"next_tasks\"}]}")]
    Replay {
        /// The definition
        #[arg(
            long,
            value_name = "FILE",
            required_unless_present = "batch",
            requires = "ops"
        )]
        workflow: Option<PathBuf>,
        /// A YAML or JSON file with the list of calls
        #[arg(long, value_name = "FILE")]
        ops: Option<PathBuf>,
        /// A YAML or JSON file with values of inputs
        #[arg(long, value_name = "FILE")]
        inputs: Option<PathBuf>,
        /// A YAML or JSON file with the caller's context
        #[arg(long, value_name = "FILE")]
        context: Option<PathBuf>,
        /// Evaluate texts that expressions give again, as the reference does
        #[arg(long)]
        legacy_reevaluate: bool,
        /// Answer rows of standard input
        #[arg(long, conflicts_with_all = ["workflow", "ops", "inputs", "context"])]
        batch: bool,
    },
    /// Show what a workflow would run, with which parameters; nothing is run, needs no server
    #[command(after_help = "\
Every action is taken to succeed with no result, unless --results says otherwise; see `sayso workflow simulate --help`.

Examples:
  sayso workflow dry-run deploy.yaml --inputs inputs.yaml
  sayso workflow dry-run deploy.yaml --input version=1.2 --fail check

Exit status: 0 when the workflow would succeed, 1 when not.")]
    DryRun {
        /// The definition
        #[arg(value_name = "FILE")]
        file: PathBuf,
        #[command(flatten)]
        scene: RunScene,
        /// The value of an input, as JSON or text; may be given several times
        #[arg(long = "input", short, value_name = "NAME=VALUE")]
        input: Vec<String>,
        /// A task that fails; may be given several times
        #[arg(long = "fail", value_name = "TASK")]
        fail: Vec<String>,
    },
}

/// What a workflow starts with, and what its actions give.
#[derive(Debug, Args)]
pub struct RunScene {
    /// A YAML or JSON file with values of inputs
    #[arg(long, value_name = "FILE")]
    pub inputs: Option<PathBuf>,
    /// A YAML or JSON file with the caller's context
    #[arg(long, value_name = "FILE")]
    pub context: Option<PathBuf>,
    /// A YAML or JSON file with the script
    #[arg(long, value_name = "FILE")]
    pub results: Option<PathBuf>,
    /// Evaluate texts that expressions give again, as the reference does
    #[arg(long)]
    pub legacy_reevaluate: bool,
}
