//! The four layers and what is in force after them.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use thiserror::Error;

use super::Settings;
use super::file::{File, nearest_word};
use super::keys::{self, KEYS};
use crate::model::{Problem, Severity};

/// Where a value came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// Built in.
    Default,
    /// A line of a settings file.
    File {
        /// Which file.
        path: PathBuf,
        /// Line from 1.
        line: usize,
    },
    /// A variable of the environment.
    Variable(String),
    /// A flag of the command line.
    Flag(String),
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File { path, line } => write!(f, "{}:{line}", path.display()),
            Self::Variable(name) => write!(f, "variable {name}"),
            Self::Flag(name) => write!(f, "flag {name}"),
        }
    }
}

/// A flag that sets a key.
#[derive(Clone, Debug)]
pub struct Flag {
    /// As typed, `--listen`.
    pub name: String,
    /// Which key.
    pub key: String,
    /// Its text.
    pub value: String,
}

/// What settings are gathered from. [`Sources::of_process`] is what the program uses; tests fill it in.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    /// `--config`.
    pub config: Option<PathBuf>,
    /// All variables of the environment.
    pub variables: BTreeMap<String, String>,
    /// Flags, later ones win.
    pub flags: Vec<Flag>,
    /// Current folder.
    pub directory: PathBuf,
    /// Whether root runs the program.
    pub root: bool,
    /// Where a system-wide file may be, `/etc/sayso/sayso.toml`.
    pub system_file: Option<PathBuf>,
}

impl Sources {
    /// From the process: its environment, current folder and user.
    #[must_use]
    pub fn of_process(config: Option<PathBuf>, flags: Vec<Flag>) -> Self {
        Self {
            config,
            variables: std::env::vars_os()
                .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
                .collect(),
            flags,
            directory: std::env::current_dir().unwrap_or_else(|_| PathBuf::from("/")),
            root: nix::unistd::geteuid().is_root(),
            system_file: Some(PathBuf::from("/etc/sayso/sayso.toml")),
        }
    }

    /// The data folder when nothing says otherwise.
    #[must_use]
    pub fn default_data_dir(&self) -> PathBuf {
        if self.root {
            return PathBuf::from("/var/lib/sayso");
        }
        let set = |name: &str| self.variables.get(name).filter(|value| value.starts_with('/'));
        set("XDG_DATA_HOME").map_or_else(
            || {
                set("HOME").map_or_else(
                    || self.directory.join(".sayso"),
                    |home| Path::new(home).join(".local/share/sayso"),
                )
            },
            |data| Path::new(data).join("sayso"),
        )
    }
}

/// A value in force.
#[derive(Clone, Debug)]
pub struct InForce {
    /// The value in its normal form.
    pub value: toml::Value,
    /// Where it came from.
    pub source: Source,
}

/// Settings with the origin of each value.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The settings.
    pub settings: Settings,
    /// Every value that is set, by dotted path, defaults included.
    pub values: BTreeMap<String, InForce>,
    /// The settings file that was read.
    pub config_file: Option<PathBuf>,
    /// Where a settings file was looked for, in order, up to the one that was read.
    pub searched: Vec<PathBuf>,
    /// Variables that begin with `SAYSO_` and set nothing, probably misspelt.
    pub warnings: Vec<String>,
}

impl Loaded {
    /// Where the value of a key came from.
    #[must_use]
    pub fn source(&self, path: &str) -> &Source {
        self.values
            .get(path)
            .map_or(&Source::Default, |in_force| &in_force.source)
    }
}

/// Why settings cannot be used: all problems at once.
#[derive(Clone, Debug, Error)]
pub struct SettingsError {
    /// What is wrong, each with its place.
    pub problems: Vec<Problem>,
}

impl fmt::Display for SettingsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.problems.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            fmt::Display::fmt(problem, f)?;
        }
        Ok(())
    }
}

fn outside(place: &str, message: String, hint: String) -> Problem {
    Problem {
        severity: Severity::Error,
        file: place.to_owned(),
        line: 0,
        column: 0,
        message,
        hint,
        text: String::new(),
    }
}

/// Gathers the settings.
///
/// # Errors
/// When the file cannot be read or any layer holds an unknown key or an impossible value; all of these are
/// reported together.
pub fn load(sources: &Sources) -> Result<Loaded, SettingsError> {
    let mut problems = Vec::new();
    let variables = variable_layer(sources, &mut problems);
    let flags = flag_layer(sources, &mut problems);

    // The file is looked for in the data folder too, so that folder is needed before the file is read.
    let early_data_dir = [&flags, &variables]
        .into_iter()
        .find_map(|layer| layer.iter().rev().find(|(path, ..)| path == "data_dir"))
        .and_then(|(_, value, _)| value.as_str().map(PathBuf::from))
        .unwrap_or_else(|| sources.default_data_dir());
    let (file, searched) = match find_file(sources, &early_data_dir) {
        Ok(found) => found,
        Err(problem) => {
            problems.push(problem);
            (None, Vec::new())
        }
    };

    let mut values = default_layer(sources);
    let mut warnings = Vec::new();
    if let Some(file) = &file {
        match file.entries() {
            Ok(entries) => {
                for entry in entries {
                    let source = Source::File {
                        path: file.path.clone(),
                        line: entry.line,
                    };
                    values.insert(
                        entry.path,
                        InForce {
                            value: entry.value,
                            source,
                        },
                    );
                }
            }
            Err(found) => problems.extend(found),
        }
        if problems.is_empty()
            && let Err(problem) = file.check_section::<crate::access::AccessOptions>("access")
        {
            problems.push(problem);
        }
    }
    for (path, value, source) in variables.into_iter().chain(flags) {
        values.insert(path, InForce { value, source });
    }
    if !problems.is_empty() {
        return Err(SettingsError { problems });
    }
    warnings.extend(unknown_variables(sources));

    let table = tree(
        values
            .iter()
            .map(|(path, in_force)| (path.as_str(), &in_force.value)),
    );
    let settings = Settings::deserialize(table).map_err(|error: toml::de::Error| SettingsError {
        problems: vec![outside("settings", error.message().to_owned(), String::new())],
    })?;
    let config_file = file.as_ref().map(|file| file.path.clone());
    Ok(Loaded {
        settings,
        values,
        config_file,
        searched,
        warnings,
    })
}

/// A nested table from dotted paths.
fn tree<'a>(values: impl Iterator<Item = (&'a str, &'a toml::Value)>) -> toml::Table {
    let mut root = toml::Table::new();
    for (path, value) in values {
        let mut table = &mut root;
        let mut parts = path.split('.').peekable();
        while let Some(part) = parts.next() {
            if parts.peek().is_none() {
                table.insert(part.to_owned(), value.clone());
                break;
            }
            let next = table
                .entry(part)
                .or_insert_with(|| toml::Value::Table(toml::Table::new()));
            // Keys are never sections of other keys, so there is always a table here; a value would be replaced.
            if !next.is_table() {
                *next = toml::Value::Table(toml::Table::new());
            }
            let toml::Value::Table(inner) = next else { break };
            table = inner;
        }
    }
    root
}

/// `(dotted path, value)` of every leaf.
pub(super) fn leaves(path: &str, value: &toml::Value, into: &mut Vec<(String, toml::Value)>) {
    match value {
        toml::Value::Table(table) => {
            for (name, value) in table {
                let joined = if path.is_empty() {
                    name.clone()
                } else {
                    format!("{path}.{name}")
                };
                leaves(&joined, value, into);
            }
        }
        leaf => into.push((path.to_owned(), leaf.clone())),
    }
}

fn default_layer(sources: &Sources) -> BTreeMap<String, InForce> {
    let defaults = Settings {
        data_dir: sources.default_data_dir(),
        ..Settings::default()
    };
    let table = toml::Table::try_from(&defaults).unwrap_or_default();
    let mut all = Vec::new();
    leaves("", &toml::Value::Table(table), &mut all);
    all.into_iter()
        .map(|(path, value)| {
            (
                path,
                InForce {
                    value,
                    source: Source::Default,
                },
            )
        })
        .collect()
}

type Layer = Vec<(String, toml::Value, Source)>;

fn variable_layer(sources: &Sources, problems: &mut Vec<Problem>) -> Layer {
    let mut layer = Layer::new();
    for key in KEYS.iter() {
        let name = key.variable();
        // An empty variable counts as not set: that is how shells and service files switch one off.
        let Some(text) = sources.variables.get(&name).filter(|text| !text.is_empty()) else {
            continue;
        };
        let path = key.path.replace('*', "default");
        match key.kind.read(text, &sources.directory) {
            Ok(value) => layer.push((path, value, Source::Variable(name))),
            Err(found) => problems.push(unusable(&format!("variable {name}"), key, &path, &found)),
        }
    }
    layer
}

fn flag_layer(sources: &Sources, problems: &mut Vec<Problem>) -> Layer {
    let mut layer = Layer::new();
    for flag in &sources.flags {
        let place = format!("flag {}", flag.name);
        let Some(key) = keys::find(&flag.key) else {
            let hint = keys::nearest(&flag.key).map_or_else(
                || "`sayso config default` lists all settings".to_owned(),
                |nearest| format!("did you mean `{nearest}`?"),
            );
            problems.push(outside(
                &place,
                format!("there is no setting `{}`", flag.key),
                hint,
            ));
            continue;
        };
        match key.kind.read(&flag.value, &sources.directory) {
            Ok(value) => {
                // Repeating a flag for a list adds to it.
                let earlier = layer.iter_mut().find(|(path, _, source)| {
                    *path == flag.key && *source == Source::Flag(flag.name.clone())
                });
                match (earlier, value) {
                    (Some((_, toml::Value::Array(list), _)), toml::Value::Array(more)) => list.extend(more),
                    (_, value) => layer.push((flag.key.clone(), value, Source::Flag(flag.name.clone()))),
                }
            }
            Err(found) => problems.push(unusable(&place, key, &flag.key, &found)),
        }
    }
    layer
}

fn unusable(place: &str, key: &keys::Key, path: &str, found: &str) -> Problem {
    let hint = nearest_word(key.kind, found);
    let found = if key.secret { "not usable" } else { found };
    outside(
        place,
        format!("`{path}` is {found}, it must be {}", key.kind.expected()),
        hint,
    )
}

/// The settings file, when there is one, and where it was looked for. A file that was named must exist.
fn find_file(sources: &Sources, data_dir: &Path) -> Result<(Option<File>, Vec<PathBuf>), Problem> {
    let named = sources
        .config
        .as_ref()
        .map(|path| ("flag --config", path.clone()))
        .or_else(|| {
            let path = sources
                .variables
                .get("SAYSO_CONFIG")
                .filter(|path| !path.is_empty())?;
            Some(("variable SAYSO_CONFIG", PathBuf::from(path)))
        });
    if let Some((place, path)) = named {
        let path = sources.directory.join(path);
        return match std::fs::read_to_string(&path) {
            Ok(text) => Ok((Some(File::new(path.clone(), text)), vec![path])),
            Err(error) => {
                let message = format!("cannot read {}: {}", path.display(), plain(&error));
                Err(outside(
                    place,
                    message,
                    "`sayso config default > sayso.toml` writes one to start from".to_owned(),
                ))
            }
        };
    }
    let mut searched = Vec::new();
    let candidates = [sources.directory.join("sayso.toml"), data_dir.join("sayso.toml")];
    for path in candidates.into_iter().chain(sources.system_file.clone()) {
        searched.push(path.clone());
        match std::fs::read_to_string(&path) {
            Ok(text) => return Ok((Some(File::new(path, text)), searched)),
            Err(error)
                if matches!(
                    error.kind(),
                    std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory
                ) => {}
            Err(error) => {
                let place = path.display().to_string();
                return Err(outside(
                    &place,
                    format!("cannot be read: {}", plain(&error)),
                    String::new(),
                ));
            }
        }
    }
    Ok((None, searched))
}

/// An I/O error without the number behind it.
fn plain(error: &std::io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or(&text).to_lowercase()
}

/// `SAYSO_` variables that set nothing. Not errors: other programs may use the prefix, and actions that
/// call `sayso` inherit what their runner sets.
fn unknown_variables(sources: &Sources) -> Vec<String> {
    let known: Vec<String> = KEYS
        .iter()
        .map(keys::Key::variable)
        .chain(["SAYSO_CONFIG".to_owned()])
        .collect();
    sources
        .variables
        .keys()
        .filter(|name| name.starts_with("SAYSO_") && !known.contains(name))
        .map(|name| {
            let nearest = known
                .iter()
                .map(|known| (strsim::normalized_damerau_levenshtein(known, name), known))
                .filter(|(score, _)| *score >= 0.7)
                .max_by(|a, b| a.0.total_cmp(&b.0));
            nearest.map_or_else(
                || format!("the variable {name} sets nothing"),
                |(_, known)| format!("the variable {name} sets nothing: did you mean {known}?"),
            )
        })
        .collect()
}
