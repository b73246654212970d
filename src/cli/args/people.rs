//! `sayso user …` and `sayso access …`.

use clap::{Args, Subcommand};

use super::{Show, Speaker};

const LINK_HELP: &str = "\
Examples:
  sayso user link slack:T1:U1 ana
  sayso user link --code 7kq2-m0xz --as ana";

/// `sayso user …`.
#[derive(Debug, Subcommand)]
pub enum UserCommand {
    /// List everybody who is known
    List {
        /// Which columns.
        #[command(flatten)]
        show: Show,
    },
    /// Show a person with roles and accounts
    Get {
        /// Name
        name: String,
    },
    /// Link an account with a person, or claim the account that a code was given to
    #[command(after_help = LINK_HELP)]
    Link {
        /// Account, as the bot shows it to whoever it does not know
        #[arg(required_unless_present = "code", requires = "person")]
        account: Option<String>,
        /// Name of the person
        person: Option<String>,
        /// The code that the bot gave to the account which said `link`
        #[arg(long, conflicts_with = "account")]
        code: Option<String>,
        /// Who claims it.
        #[command(flatten)]
        speaker: Speaker,
    },
    /// Take an account away from its person
    Unlink {
        /// Account
        account: String,
    },
    /// Refuse everything that a person asks for
    Deactivate {
        /// Name
        name: String,
    },
    /// Let a person work again
    Activate {
        /// Name
        name: String,
    },
}

/// What is asked about.
#[derive(Clone, Debug, Args)]
pub struct Question {
    /// The command as one says it in chat
    #[arg(required = true)]
    pub command: Vec<String>,
    /// Where it is said, such as `slack:default/#ops`; nothing: over the API
    #[arg(long = "in", value_name = "PLACE")]
    pub place: Option<String>,
    /// When, such as 2026-11-23T09:00:00Z; nothing: now
    #[arg(long = "at", value_name = "TIME")]
    pub at: Option<String>,
}

const CHECK_HELP: &str = "\
The exit status is 0 when it is allowed and 1 when it is not.

Examples:
  sayso access check deploy.web env=prod --as bo
  sayso access check deploy.web env=prod --as bo --in 'slack:default/#ops'";

/// `sayso access …`.
#[derive(Debug, Subcommand)]
pub enum AccessCommand {
    /// Show the rules in force and what is wrong with the access file
    Show,
    /// Whether somebody may run an action with these parameters
    #[command(after_help = CHECK_HELP)]
    Check {
        /// Action
        action: String,
        /// Parameters, name=value; a value that is JSON is taken as such
        parameters: Vec<String>,
        /// The alias that is said
        #[arg(long, value_name = "PACK.NAME")]
        alias: Option<String>,
        /// Where, such as `slack:default/#ops`; nothing: over the API
        #[arg(long = "in", value_name = "PLACE")]
        place: Option<String>,
        /// When, such as 2026-11-23T09:00:00Z; nothing: now
        #[arg(long = "at", value_name = "TIME")]
        at: Option<String>,
        /// Who.
        #[command(flatten)]
        speaker: Speaker,
    },
    /// Why you may, or may not, say a command
    Why(Question),
    /// Who may say a command
    WhoCan(Question),
    /// Whether somebody else may say a command
    Simulate {
        /// Who
        #[arg(long = "as", value_name = "NAME")]
        user: String,
        /// What.
        #[command(flatten)]
        question: Question,
    },
    /// List runs without approval that nobody has looked at yet
    Reviews {
        /// Which columns.
        #[command(flatten)]
        show: Show,
    },
    /// Sign off a run without approval
    Review {
        /// Id of the execution
        id: String,
        /// What you found
        #[arg(required = true)]
        note: Vec<String>,
        /// Who signs.
        #[command(flatten)]
        speaker: Speaker,
    },
}
