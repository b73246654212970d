//! Packs and actions as the rest of Sayso sees them, after loading and validation.

use std::path::PathBuf;

use serde_json::{Value, json};

use super::{Id, JsonMap};

/// An action: something that can be executed (ACT-1 … ACT-21).
#[derive(Clone, Debug, PartialEq)]
pub struct Action {
    /// `pack.name`.
    pub reference: String,
    /// Name of the pack that it belongs to.
    pub pack: String,
    /// Unique in its pack.
    pub name: String,
    /// One or more sentences for people; may be empty.
    pub description: String,
    /// A disabled action refuses requests.
    pub enabled: bool,
    /// Name of the runner that carries it out.
    pub runner_type: String,
    /// File below the pack's `actions/`, empty for runners that need none.
    pub entry_point: String,
    /// Parameter name → JSON-schema object with the reference's extra keys; order as written.
    pub parameters: JsonMap,
    /// JSON schema of the result; empty when not given.
    pub output_schema: JsonMap,
    /// `[{name, value}]` as written.
    pub tags: Value,
    /// Notify section as written, an empty object when absent.
    pub notify: Value,
    /// Path of the metadata file below the pack folder, `actions/local.yaml`.
    pub metadata_file: String,
    /// Ours: true when the action may be run again after a crash in the middle (DESIGN.md §3).
    pub idempotent: bool,
    /// Ours: true when it only tells and changes nothing; without an access file everybody may run it.
    pub read_only: bool,
    /// Ours: terms of the approval that every run needs, as `core.approve` takes them; `None`: none.
    pub approval: Option<JsonMap>,
    /// Ours: how many seconds the action may take whatever its runner says; `None`: no limit of its own.
    pub deadline_seconds: Option<u64>,
    /// Folder of the pack on disk; `None` for packs that live in the binary.
    pub pack_dir: Option<PathBuf>,
    /// Version of the pack that it was loaded from.
    pub pack_version: String,
    /// SHA-256 over metadata and entry point, hexadecimal: what exactly an execution ran.
    pub digest: String,
    /// Text of the entry point: of every workflow and action chain, and of scripts that live in the binary.
    pub entry_point_text: Option<std::sync::Arc<str>>,
}

impl Action {
    /// `action:pack:name`, the reference's unique id.
    #[must_use]
    pub fn uid(&self) -> String {
        format!("action:{}:{}", self.pack, self.name)
    }

    /// Stable id derived from the uid.
    #[must_use]
    pub fn id(&self) -> Id {
        Id::of_name(&self.uid())
    }

    /// The action as API clients see it: field names and order as the reference's.
    #[must_use]
    pub fn to_api(&self) -> Value {
        json!({
            "tags": self.tags,
            "uid": self.uid(),
            "metadata_file": self.metadata_file,
            "name": self.name,
            "ref": self.reference,
            "description": self.description,
            "enabled": self.enabled,
            "entry_point": self.entry_point,
            "pack": self.pack,
            "runner_type": self.runner_type,
            "parameters": self.parameters,
            "output_schema": self.output_schema,
            "notify": self.notify,
            "id": self.id(),
        })
    }
}

/// A pack: a folder of actions, aliases and more with one version.
#[derive(Clone, Debug, PartialEq)]
pub struct Pack {
    /// Machine name, `^[a-z0-9_]+$`.
    pub reference: String,
    /// Name for people.
    pub name: String,
    /// One or more sentences.
    pub description: String,
    /// Semantic version.
    pub version: String,
    /// Who wrote it.
    pub author: String,
    /// Mail address, may be empty.
    pub email: String,
    /// Words to find it by.
    pub keywords: Vec<String>,
    /// Whether what expressions of its workflows give is evaluated again, as in `StackStorm`. Whoever can choose a
    /// value can then run expressions.
    pub legacy_reevaluate: bool,
    /// True for the packs that come with Sayso.
    pub system: bool,
    /// Folder on disk; `None` when it lives in the binary.
    pub path: Option<PathBuf>,
    /// Everything in pack.yaml, for API clients.
    pub metadata: JsonMap,
    /// Files of the pack, relative, sorted.
    pub files: Vec<String>,
    /// Schema of its configuration, when it has one.
    pub config_schema: Option<JsonMap>,
    /// Its configuration with defaults applied; secrets in clear, never shown.
    pub config: std::sync::Arc<JsonMap>,
    /// How many items of each kind were found (`actions`, `aliases`, `rules`, `sensors`, …).
    pub counts: std::collections::BTreeMap<String, usize>,
    /// SHA-256 over all files, hexadecimal.
    pub digest: String,
}
