//! `sayso key …`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use super::{Show, Speaker};

/// Whose keys a list is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ListScope {
    /// Those of everybody and your own
    All,
    /// Those of everybody
    #[value(alias = "st2kv.system")]
    System,
    /// Your own
    #[value(alias = "st2kv.user")]
    User,
}

/// Whose key it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum KeyScope {
    /// Everybody's
    #[value(alias = "st2kv.system")]
    System,
    /// Your own
    #[value(alias = "st2kv.user")]
    User,
}

/// Whose key is meant.
#[derive(Clone, Debug, Args)]
pub struct Whose {
    /// Whose key it is
    #[arg(short, long, value_enum, default_value = "system")]
    pub scope: KeyScope,
    /// Somebody else's own key (administrators only; goes with --scope user)
    #[arg(short, long, value_name = "NAME")]
    pub user: Option<String>,
    /// Who asks.
    #[command(flatten)]
    pub speaker: Speaker,
}

const SET_HELP: &str = "\
Without VALUE the text is read from --file, from standard input, or asked for; other people on this machine can see \
the command lines of programs, so give secrets in one of these ways.

Examples:
  sayso key set region eu-1
  sayso key set deploy.token --encrypt
  sayso key set tls.key --encrypt --file server.key
  sayso key set on_call ana --ttl 28800
  sayso key set editor vi --scope user";

const LOAD_HELP: &str = "\
The file is a list of keys, or one key, in JSON or YAML:

  - name: region
    value: eu-1
  - name: deploy.token
    value: s3cret
    secret: true
    ttl: 86400
  - name: editor
    value: vi
    scope: user

`-` reads from standard input.

From StackStorm, secrets included:
  st2 key list --scope all -n -1 -j > keys.json
  sayso key load keys.json --st2-key /etc/st2/keys/datastore_key.json";

/// `sayso key …`.
#[derive(Debug, Subcommand)]
pub enum KeyCommand {
    /// List keys of the datastore
    List {
        /// Only keys whose names begin so
        #[arg(long, value_name = "PREFIX")]
        prefix: Option<String>,
        /// Whose keys
        #[arg(short, long, value_enum, default_value = "all")]
        scope: ListScope,
        /// Somebody else's own keys (administrators only)
        #[arg(short, long, value_name = "NAME")]
        user: Option<String>,
        /// Show secrets in clear (your own; all for administrators)
        #[arg(short, long)]
        decrypt: bool,
        /// How many at most
        #[arg(short = 'n', long, value_name = "NUMBER", default_value_t = 50)]
        last: u32,
        /// Which columns.
        #[command(flatten)]
        show: Show,
        /// Who asks.
        #[command(flatten)]
        speaker: Speaker,
    },
    /// Show a key
    Get {
        /// Name
        #[arg(value_name = "NAME")]
        key: String,
        /// Show a secret in clear (your own; all for administrators)
        #[arg(short, long)]
        decrypt: bool,
        /// Only the value, for scripts
        #[arg(long, conflicts_with = "attr")]
        raw: bool,
        /// Whose key.
        #[command(flatten)]
        whose: Whose,
        /// Which attributes.
        #[command(flatten)]
        show: Show,
    },
    /// Set a key
    #[command(after_help = SET_HELP)]
    Set {
        /// Name
        #[arg(value_name = "NAME")]
        key: String,
        /// The text
        #[arg(allow_hyphen_values = true)]
        value: Option<String>,
        /// Reads the text from a file
        #[arg(short, long, conflicts_with = "value")]
        file: Option<PathBuf>,
        /// Seconds that it lives; nothing: for ever
        #[arg(short = 'l', long, value_name = "SECONDS", allow_hyphen_values = true)]
        ttl: Option<i64>,
        /// Stores the text encrypted
        #[arg(short, long)]
        encrypt: bool,
        /// The text is encrypted already, by this installation (administrators only)
        #[arg(long, conflicts_with = "encrypt")]
        encrypted: bool,
        /// What it is for
        #[arg(long, value_name = "TEXT")]
        description: Option<String>,
        /// Whose key.
        #[command(flatten)]
        whose: Whose,
    },
    /// Delete a key
    Delete {
        /// Name
        #[arg(value_name = "NAME")]
        key: String,
        /// Whose key.
        #[command(flatten)]
        whose: Whose,
    },
    /// Set many keys from a file
    #[command(after_help = LOAD_HELP)]
    Load {
        /// File, JSON or YAML
        file: PathBuf,
        /// Values that are no texts are stored as JSON
        #[arg(short, long)]
        convert: bool,
        /// Opens what an st2 installation has encrypted, with its key file
        #[arg(long, value_name = "KEY FILE")]
        st2_key: Option<PathBuf>,
        /// Who asks.
        #[command(flatten)]
        speaker: Speaker,
    },
    /// Delete all keys whose names begin alike
    #[command(name = "delete_by_prefix", alias = "delete-by-prefix")]
    DeleteByPrefix {
        /// The beginning of their names
        #[arg(short, long, value_name = "PREFIX")]
        prefix: String,
        /// Whose keys.
        #[command(flatten)]
        whose: Whose,
    },
}
