//! `sayso conversation …`.

use clap::Subcommand;

use super::Show;

const SET_HELP: &str = "\
Settings: prefix, threads (on|off), verbosity (full|short|quiet), packs, digest (a schedule, or off).

Examples:
  sayso conversation set slack:default/C024BE91L verbosity quiet
  sayso conversation set slack:#ops digest every weekday 09:00
  sayso conversation set slack:#ops prefix default";

/// `sayso conversation …`.
#[derive(Debug, Subcommand)]
pub enum ConversationCommand {
    /// List conversations with settings of their own
    List {
        /// Which columns.
        #[command(flatten)]
        show: Show,
    },
    /// Change how the bot behaves in a conversation
    #[command(after_help = SET_HELP)]
    Set {
        /// Gateway and id, slack:default/C024BE91L, or the name of one that is listed
        conversation: String,
        /// What to set
        name: String,
        /// To what; `default` takes it back
        #[arg(required = true)]
        value: Vec<String>,
    },
    /// Show what has not been delivered to chat yet, and why
    Deliveries,
}
