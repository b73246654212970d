//! Arguments of `sayso policy`.

use std::path::PathBuf;

use clap::Subcommand;

use super::Show;

/// `sayso policy …`.
#[derive(Debug, Subcommand)]
pub enum PolicyCommand {
    /// List policies
    List {
        /// Only of this action
        #[arg(long, value_name = "PACK.NAME")]
        resource_ref: Option<String>,
        /// Only of this type, such as action.retry
        #[arg(long, value_name = "TYPE")]
        policy_type: Option<String>,
        /// Only of this pack
        #[arg(short, long)]
        pack: Option<String>,
        /// What is shown.
        #[command(flatten)]
        show: Show,
    },
    /// Show a policy
    Get {
        /// Reference or id
        policy: String,
        /// What is shown.
        #[command(flatten)]
        show: Show,
    },
    /// Make a policy from a file (YAML or JSON; `-` is standard input)
    Create {
        /// The file
        file: PathBuf,
    },
    /// Replace a policy by what a file says; of a policy that comes with a pack only `enabled` can change
    Update {
        /// Reference or id
        policy: String,
        /// The file
        file: PathBuf,
    },
    /// Remove a policy that was made here
    Delete {
        /// Reference or id
        policy: String,
    },
    /// List the types of policies
    Types {
        /// What is shown.
        #[command(flatten)]
        show: Show,
    },
}
