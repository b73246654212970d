//! `sayso simulate …`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

const HELP: &str = "\
A transcript is a YAML file: who says what, and what the bot is expected to answer. docs/simulate.md has the whole language.

  name: A deployment needs somebody else's yes
  turns:
    - say: \"!deploy api to prod\"
      in: \"#ops\"
    - expect: [deploy api, 0 of 1]
      buttons: [Approve, Deny]
    - click: Approve
      as: bo
    - expect: succeeded";

/// `sayso simulate …`.
#[derive(Debug, Subcommand)]
pub enum SimulateCommand {
    /// Play transcripts on a stand-in of Slack
    #[command(after_help = HELP)]
    Slack(SimulateArgs),
    /// Play transcripts on a stand-in of Discord
    #[command(after_help = HELP)]
    Discord(SimulateArgs),
}

/// What is played.
#[derive(Clone, Debug, Args)]
pub struct SimulateArgs {
    /// Files with transcripts
    #[arg(required_unless_present = "listen")]
    pub files: Vec<PathBuf>,
    /// Tell only what does not go as expected
    #[arg(short, long)]
    pub quiet: bool,
    /// Keep the stand-in running for a bot that is started by hand
    #[arg(long, conflicts_with = "files")]
    pub listen: bool,
}
