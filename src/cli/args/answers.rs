//! `sayso inquiry …` and `sayso approval …`.

use clap::{Args, Subcommand};

use super::Show;

/// Who answers.
#[derive(Clone, Debug, Default, Args)]
pub struct Speaker {
    /// Answers as this user (needs the administrator's token)
    #[arg(long = "as", value_name = "NAME")]
    pub name: Option<String>,
}

const RESPOND_HELP: &str = "\
Without an answer on the command line each field is asked for, one after another.

Examples:
  sayso inquiry respond 6b02e79abbd1dc4bab20f3f2
  sayso inquiry respond 6b02e79abbd1dc4bab20f3f2 continue=true
  sayso inquiry respond 6b02e79abbd1dc4bab20f3f2 --response '{\"continue\": true}'";

/// `sayso inquiry …`.
#[derive(Debug, Subcommand)]
pub enum InquiryCommand {
    /// List the questions that wait for an answer, newest first
    List {
        /// How many
        #[arg(short = 'n', long, value_name = "NUMBER", default_value_t = 50)]
        last: u32,
        /// Which columns.
        #[command(flatten)]
        show: Show,
    },
    /// Show a question that waits for an answer
    Get {
        /// Id
        id: String,
        /// Which attributes.
        #[command(flatten)]
        show: Show,
    },
    /// Answer a question
    #[command(after_help = RESPOND_HELP)]
    Respond {
        /// Id
        id: String,
        /// The answer, name=value
        #[arg(conflicts_with = "response")]
        fields: Vec<String>,
        /// The whole answer as JSON
        #[arg(short, long, value_name = "JSON")]
        response: Option<String>,
        /// Who answers.
        #[command(flatten)]
        speaker: Speaker,
    },
}

const APPROVE_HELP: &str = "\
What was changed since it was asked is approved with its fingerprint only, as `sayso approval get` shows it.

Examples:
  sayso approval get 6b02e79abbd1dc4bab20f3f2
  sayso approval approve 6b02e79abbd1dc4bab20f3f2 looks good
  sayso approval approve 6b02e79abbd1dc4bab20f3f2 --fingerprint 3f9a0c11";

/// `sayso approval …`.
#[derive(Debug, Subcommand)]
pub enum ApprovalCommand {
    /// List what waits for approval, newest first
    List {
        /// How many
        #[arg(short = 'n', long, value_name = "NUMBER", default_value_t = 50)]
        last: u32,
        /// Also what is over
        #[arg(long)]
        all: bool,
        /// Only what you may decide about
        #[arg(long)]
        mine: bool,
        /// Who looks.
        #[command(flatten)]
        speaker: Speaker,
        /// Which columns.
        #[command(flatten)]
        show: Show,
    },
    /// Show exactly what is to be approved, and who said what
    Get {
        /// Id
        id: String,
        /// Who looks.
        #[command(flatten)]
        speaker: Speaker,
        /// Which attributes.
        #[command(flatten)]
        show: Show,
    },
    /// Say yes
    #[command(after_help = APPROVE_HELP)]
    Approve {
        /// Id
        id: String,
        /// Why
        reason: Vec<String>,
        /// The beginning of the fingerprint of what you looked at; if it has changed since, nothing is approved
        #[arg(long, value_name = "HEX")]
        fingerprint: Option<String>,
        /// Who votes.
        #[command(flatten)]
        speaker: Speaker,
    },
    /// Say no
    Deny {
        /// Id
        id: String,
        /// Why; a no needs a reason
        #[arg(required = true)]
        reason: Vec<String>,
        /// Who votes.
        #[command(flatten)]
        speaker: Speaker,
    },
    /// Let somebody else vote for you; naming yourself takes it back
    Delegate {
        /// Id
        id: String,
        /// Who
        to: String,
        /// Who delegates.
        #[command(flatten)]
        speaker: Speaker,
    },
}
