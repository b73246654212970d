//! Alias files become alias definitions.

use serde_json::Value;

use super::fields::MetaFile;

/// An alias.
#[derive(Clone, Debug, PartialEq)]
pub struct Definition {
    /// Name.
    pub name: String,
    /// Pack.
    pub pack: String,
    /// Target.
    pub action_ref: String,
    /// Switch.
    pub enabled: bool,
    /// File.
    pub metadata_file: String,
    /// Source.
    pub value: Value,
}

impl Definition {
    /// `pack.name`.
    pub fn reference(&self) -> String {
        format!("{}.{}", self.pack, self.name)
    }
}

/// Reads the alias of a file. Problems go into `meta`; `None` when it cannot be used.
pub(super) fn read(meta: &mut MetaFile, pack: Option<&str>, file: &str) -> Option<Definition> {
    meta.remarks();
    let value = std::mem::take(&mut meta.value);
    let text = |key: &str| value[key].as_str().unwrap_or_default().to_owned();
    Some(Definition {
        name: text("name"),
        pack: pack.map_or_else(|| text("pack"), str::to_owned),
        action_ref: text("action_ref"),
        enabled: value["enabled"].as_bool().unwrap_or(true),
        metadata_file: file.to_owned(),
        value: value.clone(),
    })
}

/// Parameters that the formats of an alias set, each with the path of its format.
pub(super) fn parameters(_alias: &Definition) -> Vec<(String, String)> {
    Vec::new()
}
