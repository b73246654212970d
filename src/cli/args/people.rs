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
    /// Make somebody known
    Create {
        /// Name
        name: String,
        /// Mail address; several times for several
        #[arg(long)]
        email: Vec<String>,
        /// Role; several times for several
        #[arg(long)]
        role: Vec<String>,
    },
    /// Forget somebody who was made known by `create` and has no account
    Delete {
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
    #[command(visible_alias = "reactivate")]
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

const GRANT_HELP: &str = "\
What is granted by command stands beside the access file. Patterns are quoted, so that the shell leaves them alone.

Examples:
  sayso access grant 'deploy.*' --to role:dev --in 'slack:default/#ops' --when 'env != \"prod\"'
  sayso access grant deploy.web --to role:oncall --approval-by role:oncall --approval-count 2
  sayso access deny 'deploy.*' --reason 'freeze until Monday'";

/// Everything that a grant or denial says besides what may be run.
#[derive(Clone, Debug, Default, Args)]
pub struct GrantTerms {
    /// Who: a name, role:NAME, group:NAME or *; several times for several
    #[arg(long, value_name = "WHO")]
    pub to: Vec<String>,
    /// Who not, of those
    #[arg(long, value_name = "WHO")]
    pub except: Vec<String>,
    /// Where, such as `slack:default/#ops`; nothing: everywhere
    #[arg(long = "in", value_name = "PLACE")]
    pub places: Vec<String>,
    /// Condition on the parameters, such as `env != "prod"`
    #[arg(long, value_name = "CONDITION")]
    pub when: Option<String>,
    /// Days, such as mon-fri
    #[arg(long)]
    pub days: Option<String>,
    /// Hours, such as 09:00-17:00
    #[arg(long)]
    pub hours: Option<String>,
    /// Time zone of days and hours; nothing: UTC
    #[arg(long)]
    pub zone: Option<String>,
    /// Who has to approve: a name or role:NAME; several times for several
    #[arg(long, value_name = "WHO")]
    pub approval_by: Vec<String>,
    /// How many of them
    #[arg(long, value_name = "COUNT")]
    pub approval_count: Option<u32>,
    /// Within which time, such as 30m
    #[arg(long, value_name = "TIME")]
    pub approval_within: Option<String>,
    /// What it is called in answers
    #[arg(long = "name", id = "label", value_name = "NAME")]
    pub label: Option<String>,
    /// Why something is denied
    #[arg(long)]
    pub reason: Option<String>,
    /// Who does this.
    #[command(flatten)]
    pub speaker: Speaker,
}

/// `sayso access role …`.
#[derive(Debug, Subcommand)]
pub enum RoleCommand {
    /// List roles of the access file and those made by command
    List {
        /// Which columns.
        #[command(flatten)]
        show: Show,
    },
    /// Show a role with everybody who has it
    Get {
        /// Name
        name: String,
    },
    /// Make a role, or put this in the place of what it was
    Set {
        /// Name
        role: String,
        /// Person who has it; several times for several
        #[arg(long = "member", value_name = "NAME")]
        members: Vec<String>,
        /// Role whose rights it has, too; several times for several
        #[arg(long, value_name = "ROLE")]
        includes: Vec<String>,
        /// Who does this.
        #[command(flatten)]
        speaker: Speaker,
    },
    /// Delete a role that nothing names any more
    Delete {
        /// Name
        role: String,
        /// Who does this.
        #[command(flatten)]
        speaker: Speaker,
    },
}

/// `sayso access …`.
#[derive(Debug, Subcommand)]
pub enum AccessCommand {
    /// Show the rules in force and what is wrong with the access file
    Show,
    /// List grants and denials of the access file and those made by command
    List {
        /// Which columns.
        #[command(flatten)]
        show: Show,
    },
    /// Show a grant or denial that was made by command
    Get {
        /// Id, such as g-12
        id: String,
    },
    /// Let somebody run something
    #[command(after_help = GRANT_HELP)]
    Grant {
        /// What: pack.action, alias:pack.name or pack:name, with patterns
        #[arg(required = true)]
        run: Vec<String>,
        /// Who, where, when.
        #[command(flatten)]
        terms: Box<GrantTerms>,
    },
    /// Forbid something, to everybody unless `--to` says whom
    Deny {
        /// What: pack.action, alias:pack.name or pack:name, with patterns
        #[arg(required = true)]
        run: Vec<String>,
        /// Who, where, when.
        #[command(flatten)]
        terms: Box<GrantTerms>,
    },
    /// Put another grant in the place of one that was made by command
    Change {
        /// Id, such as g-12
        id: String,
        /// What: pack.action, alias:pack.name or pack:name, with patterns
        #[arg(required = true)]
        run: Vec<String>,
        /// It is a denial
        #[arg(long)]
        deny: bool,
        /// Who, where, when.
        #[command(flatten)]
        terms: Box<GrantTerms>,
    },
    /// Take back a grant or denial that was made by command
    Revoke {
        /// Id, such as g-12
        id: String,
        /// Who does this.
        #[command(flatten)]
        speaker: Speaker,
    },
    /// Roles: list, get, set, delete
    #[command(subcommand)]
    Role(RoleCommand),
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
    #[command(visible_alias = "can")]
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
