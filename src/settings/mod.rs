//! Settings: defaults that need no file, then `sayso.toml`, then `SAYSO_*` variables, then flags.
//!
//! [`load`] gathers the four layers; every value remembers where it came from ([`Source`]). What can be
//! set is one table, [`keys::KEYS`]: the file's checks, the names of the variables, `sayso config` and
//! docs/configuration.md all come from it, the defaults themselves from the section structs.

mod describe;
mod file;
pub mod keys;
mod kind;
mod load;
mod sections;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::access::AccessOptions;
use crate::api::ApiOptions;
use crate::engine::EngineOptions;
use crate::events::EventOptions;
use crate::retention::RetentionOptions;
use crate::sensors::SensorOptions;

pub use describe::{Described, default_toml, describe, markdown_table};
pub use kind::Kind;
pub use load::{Flag, InForce, Loaded, SettingsError, Source, Sources, load};
pub use sections::{
    ChatOptions, ClientOptions, ContentOptions, DiscordOptions, ExpressionOptions, LogFormat, LogOptions,
    RunnerOptions, SlackChannel, SlackMode, SlackOptions, StoreOptions, TimerOptions,
};

/// All settings in force. `Default` is what holds without file, variables and flags, except for
/// `data_dir`, which depends on who runs the program (see [`Sources::default_data_dir`]).
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Folder that holds everything durable: database, keys, tokens, installed packs.
    pub data_dir: PathBuf,
    /// The HTTP server.
    pub api: ApiOptions,
    /// The engine.
    pub engine: EngineOptions,
    /// The database.
    pub store: StoreOptions,
    /// Where packs, configurations, aliases and templates are.
    pub content: ContentOptions,
    /// How actions are run.
    pub runners: RunnerOptions,
    /// What expressions may take.
    pub expressions: ExpressionOptions,
    /// When things happen by themselves.
    pub timers: TimerOptions,
    /// How much may come in at once.
    pub events: EventOptions,
    /// How long things are kept.
    pub retention: RetentionOptions,
    /// What watches the world.
    pub sensors: SensorOptions,
    /// Who may do what.
    pub access: AccessOptions,
    /// Chat.
    pub chat: ChatOptions,
    /// Logs.
    pub log: LogOptions,
    /// What the client commands use.
    pub client: ClientOptions,
}

impl Settings {
    /// The database file.
    #[must_use]
    pub fn database(&self) -> PathBuf {
        self.data_dir.join("sayso.db")
    }

    /// Folders with packs, the most important first: the configured ones, then `packs/` in the data folder.
    #[must_use]
    pub fn packs_dirs(&self) -> Vec<PathBuf> {
        let own = self.data_dir.join("packs");
        let mut all = self.content.packs_dirs.clone();
        if !all.contains(&own) {
            all.push(own);
        }
        all
    }

    /// Folder with one configuration file per pack.
    #[must_use]
    pub fn configs_dir(&self) -> PathBuf {
        self.or_in_data_dir(self.content.configs_dir.as_deref(), "configs")
    }

    /// Folder with the site's own aliases.
    #[must_use]
    pub fn aliases_dir(&self) -> PathBuf {
        self.or_in_data_dir(self.content.aliases_dir.as_deref(), "aliases")
    }

    /// Folder with override files (`_global.yaml`, `<pack>.yaml`: ACT-26).
    #[must_use]
    pub fn overrides_dir(&self) -> PathBuf {
        self.or_in_data_dir(self.content.overrides_dir.as_deref(), "overrides")
    }

    /// Folder with templates that replace the built-in ones.
    #[must_use]
    pub fn templates_dir(&self) -> PathBuf {
        self.or_in_data_dir(self.content.templates_dir.as_deref(), "templates")
    }

    /// The file with people, roles and grants.
    #[must_use]
    pub fn access_file(&self) -> PathBuf {
        self.or_in_data_dir(self.access.file.as_deref(), "access.yaml")
    }

    /// Where content is read from, folders of the data folder included.
    #[must_use]
    pub fn content_options(&self) -> crate::content::Options {
        crate::content::Options {
            builtin: true,
            packs_dirs: self.packs_dirs(),
            configs_dir: Some(self.configs_dir()),
            overrides_dir: Some(self.overrides_dir()),
            aliases_dir: Some(self.aliases_dir()),
        }
    }

    fn or_in_data_dir(&self, configured: Option<&Path>, name: &str) -> PathBuf {
        configured.map_or_else(|| self.data_dir.join(name), Path::to_path_buf)
    }
}
