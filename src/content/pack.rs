//! One pack: its pack.yaml, its items, its configuration (PKG-1, PKG-2).

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use serde_json::Value;
use sha2::{Digest, Sha256};

use super::action;
use super::aliases;
use super::checks::Checks;
use super::config;
use super::events::Events;
use super::fields::{self, MetaFile};
use super::flows;
use super::overrides::Overrides;
use super::source::Source;
use crate::alias::Definition;
use crate::expr::jinja::Jinja;
use crate::model::{Action, JsonMap, Pack, Problem, Severity};

/// Reserved: it would clash with the override file of the same name (PKG-3).
const RESERVED: &str = "_global";

/// Folders whose YAML files are items, with the name under which they are counted.
const KINDS: [&str; 6] = ["actions", "aliases", "rules", "sensors", "triggers", "policies"];

/// What packs are loaded with.
pub(super) struct Surroundings<'a> {
    pub(super) checks: &'a Checks,
    pub(super) configs: Option<Source>,
    pub(super) overrides: &'a Overrides,
}

/// What a pack gives to the snapshot besides itself.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Items {
    pub(super) source: Source,
    pub(super) actions: Vec<Arc<Action>>,
    pub(super) aliases: Vec<Arc<Definition>>,
    /// Name without folder and `.hbs` → text.
    pub(super) templates: Vec<(String, Arc<str>)>,
    /// Rules, trigger types, sensors, policies.
    pub(super) events: Events,
}

impl Items {
    pub(super) fn new(source: Source) -> Self {
        Self {
            source,
            actions: Vec::new(),
            aliases: Vec::new(),
            templates: Vec::new(),
            events: Events::default(),
        }
    }
}

/// A pack that was read, with what was wrong in it.
pub(super) struct Loaded {
    /// `None` when pack.yaml cannot be used; then there are no items either.
    pub(super) pack: Option<Pack>,
    pub(super) items: Items,
    /// Files whose item could not be used.
    pub(super) broken: Vec<String>,
    /// True when `configs/<pack>.yaml` could not be used: the pack got its defaults.
    pub(super) config_broken: bool,
    pub(super) problems: Vec<Problem>,
}

/// Reads the pack in `source`, which lies in a folder called `folder`.
pub(super) fn load(source: &Source, folder: &str, around: &Surroundings<'_>) -> Loaded {
    let mut loaded = Loaded {
        pack: None,
        items: Items::new(source.clone()),
        broken: Vec::new(),
        config_broken: false,
        problems: Vec::new(),
    };
    let files = match source.list() {
        Ok(files) => files,
        Err(error) => {
            let message = format!("the pack's folder cannot be read: {error}");
            loaded
                .problems
                .push(fields::whole(Severity::Error, folder, message, String::new()));
            return loaded;
        }
    };
    let mut reader = Reader {
        source,
        folder,
        digests: BTreeMap::new(),
        jinja: Jinja::default(),
    };
    let Some(mut pack) = reader.manifest(&mut loaded) else {
        return loaded;
    };
    pack.files = files;
    for kind in KINDS {
        pack.counts.insert(kind.to_owned(), 0);
    }
    pack.counts.insert("workflows".to_owned(), 0);
    let mut definitions = Vec::new();
    for file in &pack.files {
        if let Some(kind) = kind_of(file) {
            if kind == "workflows" || kind == "chains" {
                definitions.push(file);
            } else {
                reader.item(kind, file, &pack, around, &mut loaded);
            }
            if let Some(count) = pack.counts.get_mut(kind) {
                *count += 1;
            }
        }
    }
    // Those that actions use are inspected together with the actions of all packs.
    for action in loaded
        .items
        .actions
        .iter()
        .filter(|action| flows::is_flow(action))
    {
        if let Some(text) = &action.entry_point_text {
            let file = format!("actions/{}", action.entry_point);
            definitions.retain(|definition| **definition != file);
            reader.digests.insert(file, digest_of(text.as_bytes()));
        }
    }
    for file in definitions {
        reader.item("workflows", file, &pack, around, &mut loaded);
    }
    pack.config_schema = reader.schema(&pack.files, &mut loaded);
    pack.config = Arc::new(config(&pack, around, &mut loaded));
    pack.digest = reader.digest(&pack.files);
    loaded.pack = Some(pack);
    loaded
}

/// Under which name a file is counted, if it is an item.
fn kind_of(file: &str) -> Option<&'static str> {
    let (folder, name) = file.split_once('/')?;
    if folder == "templates" {
        return name.ends_with(".hbs").then_some("templates");
    }
    if !is_yaml(name) {
        return None;
    }
    if let Some(inner) = name.split_once('/').map(|(inner, _)| inner) {
        return match (folder, inner) {
            ("actions", "workflows") => Some("workflows"),
            ("actions", "chains") => Some("chains"),
            _ => None,
        };
    }
    KINDS.into_iter().find(|kind| *kind == folder)
}

fn is_yaml(name: &str) -> bool {
    Path::new(name)
        .extension()
        .is_some_and(|extension| extension == "yaml" || extension == "yml")
}

struct Reader<'a> {
    source: &'a Source,
    folder: &'a str,
    /// Digests of files that were read anyway.
    digests: BTreeMap<String, [u8; 32]>,
    /// Checks templates of rules.
    jinja: Jinja,
}

impl Reader<'_> {
    fn shown(&self, file: &str) -> String {
        format!("{}/{file}", self.folder)
    }

    fn read(&mut self, file: &str, problems: &mut Vec<Problem>) -> Option<(MetaFile, String)> {
        match fields::read(self.source, file, &self.shown(file), false) {
            Ok((meta, text)) => {
                self.digests.insert(file.to_owned(), digest_of(text.as_bytes()));
                Some((meta, text))
            }
            Err(problem) => {
                problems.push(*problem);
                None
            }
        }
    }

    fn manifest(&mut self, loaded: &mut Loaded) -> Option<Pack> {
        let (mut meta, _) = self.read("pack.yaml", &mut loaded.problems)?;
        let pack = manifest(&mut meta, self.source, self.folder);
        let broken = meta.is_broken();
        loaded.problems.append(&mut meta.problems);
        pack.filter(|_| !broken)
    }

    fn item(&mut self, kind: &str, file: &str, pack: &Pack, around: &Surroundings<'_>, loaded: &mut Loaded) {
        if kind == "templates" {
            self.template(file, loaded);
            return;
        }
        let Some((mut meta, text)) = self.read(file, &mut loaded.problems) else {
            loaded.broken.push(file.to_owned());
            return;
        };
        match kind {
            "actions" => {
                let place = action::Place {
                    pack: &pack.reference,
                    version: &pack.version,
                    source: self.source,
                    file,
                };
                let action = action::read(&mut meta, &text, &place, around.checks);
                let taken = |action: &Action| {
                    loaded
                        .items
                        .actions
                        .iter()
                        .find(|other| other.name == action.name)
                        .cloned()
                };
                match action {
                    Some(action) if let Some(first) = taken(&action) => {
                        let message = format!("the pack has an action `{}` already", action.name);
                        meta.error(
                            "/name",
                            message,
                            format!("it is in {}: rename one of them", first.metadata_file),
                        );
                        loaded.broken.push(file.to_owned());
                    }
                    Some(mut action) => {
                        let own = action.enabled;
                        action.enabled =
                            around
                                .overrides
                                .enabled("actions", &pack.reference, &action.name, own);
                        loaded.items.actions.push(Arc::new(action));
                    }
                    None => loaded.broken.push(file.to_owned()),
                }
            }
            "aliases" => {
                if !add_alias(
                    &mut meta,
                    Some(&pack.reference),
                    file,
                    around.overrides,
                    &mut loaded.items.aliases,
                ) {
                    loaded.broken.push(file.to_owned());
                }
            }
            "rules" | "triggers" | "sensors" | "policies" => {
                let events = &mut loaded.items.events;
                if !events.read(kind, &mut meta, pack, file, around.overrides, &self.jinja) {
                    loaded.broken.push(file.to_owned());
                }
            }
            // Counted, and checked for syntax only.
            _ => {
                if !meta.value.is_object() {
                    let _ = meta.take_map("one item");
                }
            }
        }
        loaded.problems.append(&mut meta.problems);
    }

    fn template(&mut self, file: &str, loaded: &mut Loaded) {
        let name = file.trim_start_matches("templates/").trim_end_matches(".hbs");
        match self.source.text(file) {
            Ok(text) => {
                self.digests.insert(file.to_owned(), digest_of(text.as_bytes()));
                loaded.items.templates.push((name.to_owned(), text.into()));
            }
            Err(why) => {
                loaded.problems.push(why.problem(&self.shown(file)));
                loaded.broken.push(file.to_owned());
            }
        }
    }

    fn schema(&mut self, files: &[String], loaded: &mut Loaded) -> Option<JsonMap> {
        const FILE: &str = "config.schema.yaml";
        files.iter().find(|file| *file == FILE)?;
        let (mut meta, _) = self.read(FILE, &mut loaded.problems)?;
        let schema = config::schema(&mut meta);
        loaded.problems.append(&mut meta.problems);
        schema
    }

    /// SHA-256 over names and contents of all files.
    fn digest(&self, files: &[String]) -> String {
        let mut whole = Sha256::new();
        for file in files {
            whole.update(file.as_bytes());
            whole.update([0]);
            // What cannot be read counts as empty: it may be no item, and then nobody reads it.
            let content = match self.digests.get(file) {
                Some(content) => *content,
                None => self.source.digest(file).unwrap_or_default(),
            };
            whole.update(content);
        }
        hex::encode(whole.finalize())
    }
}

fn digest_of(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}

/// Reads an alias and adds it to `aliases`; false when it, or a part of it, cannot be used.
pub(super) fn add_alias(
    meta: &mut MetaFile,
    pack: Option<&str>,
    file: &str,
    overrides: &Overrides,
    aliases: &mut Vec<Arc<Definition>>,
) -> bool {
    let Some(mut alias) = aliases::read(meta, pack, file) else {
        return false;
    };
    if let Some(first) = aliases
        .iter()
        .find(|other| other.pack == alias.pack && other.name == alias.name)
    {
        let message = format!("there is an alias `{}` already", alias.reference());
        meta.error(
            "/name",
            message,
            format!("it is in {}: rename one of them", first.metadata_file),
        );
        return false;
    }
    alias.enabled = overrides.enabled("aliases", &alias.pack, &alias.name, alias.enabled);
    aliases.push(Arc::new(alias));
    !meta.is_broken()
}

fn config(pack: &Pack, around: &Surroundings<'_>, loaded: &mut Loaded) -> JsonMap {
    let schema = pack.config_schema.as_ref();
    let given = around.configs.as_ref().filter(|configs| {
        configs
            .dir()
            .is_some_and(|dir| dir.join(format!("{}.yaml", pack.reference)).exists())
    });
    let Some(configs) = given else {
        return config::with_defaults(JsonMap::new(), schema);
    };
    let (values, mut problems) = config::values(configs, &pack.reference, schema);
    loaded.problems.append(&mut problems);
    values.unwrap_or_else(|| {
        loaded.config_broken = true;
        config::with_defaults(JsonMap::new(), schema)
    })
}

fn manifest(meta: &mut MetaFile, source: &Source, folder: &str) -> Option<Pack> {
    let mut map = meta.take_map("the pack")?;
    meta.remarks();
    let metadata = map.clone();
    let name = meta.required_text(&mut map, "name");
    let given = meta.text(&mut map, "ref");
    let description = meta.required_text(&mut map, "description");
    let version = version(meta, &mut map);
    let author = meta.required_text(&mut map, "author");
    let email = meta.text(&mut map, "email");
    let keywords = meta.texts(&map, "keywords");
    let legacy_reevaluate = meta.flag(&mut map, "legacy_reevaluate", false);
    let (reference, key) = if given.is_empty() {
        (name.clone(), "/name")
    } else {
        (given, "/ref")
    };
    let is_ref = !reference.is_empty()
        && reference
            .bytes()
            .all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_'));
    if !is_ref && !name.is_empty() {
        let message = format!("`{reference}` cannot be the pack's ref: only a-z, 0-9 and _ are possible");
        meta.error(key, message, "add `ref: …` with such a name");
    } else if reference == RESERVED {
        meta.error(
            key,
            format!("`{RESERVED}` is reserved"),
            "give the pack another name",
        );
    } else if is_ref && reference != folder {
        let message = format!("the pack is `{reference}`, but its folder is `{folder}`");
        meta.warning(key, message, format!("rename the folder to `{reference}`"));
    }
    Some(Pack {
        reference,
        name,
        description,
        version,
        author,
        email,
        keywords,
        legacy_reevaluate,
        system: source.dir().is_none(),
        path: source.dir().map(Into::into),
        metadata,
        files: Vec::new(),
        config_schema: None,
        config: Arc::default(),
        counts: BTreeMap::new(),
        digest: String::new(),
    })
}

/// The version as `x.y.z`; older packs write `0.1` or even a number.
fn version(meta: &mut MetaFile, map: &mut JsonMap) -> String {
    let written = match map.get("version") {
        Some(Value::Number(number)) => number.to_string(),
        _ => meta.required_text(map, "version"),
    };
    if written.is_empty() || semver::Version::parse(&written).is_ok() {
        return written;
    }
    let mut parts: Vec<&str> = written.split('.').collect();
    parts.resize(parts.len().max(3), "0");
    let full = parts.join(".");
    if semver::Version::parse(&full).is_ok() {
        meta.warning(
            "/version",
            "a version has three numbers",
            format!("write `version: {full}`"),
        );
        full
    } else {
        meta.error(
            "/version",
            format!("`{written}` is no version"),
            "write three numbers, `version: 1.0.0`",
        );
        String::new()
    }
}
