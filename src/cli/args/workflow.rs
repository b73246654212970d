//! Arguments of `sayso workflow`.

use std::path::PathBuf;

use clap::Subcommand;

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
}
