//! All folders together: which packs there are, reading them side by side, and what stays when one is broken.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::checks::Checks;
use super::config;
use super::fields;
use super::flows;
use super::overrides::{self, Overrides};
use super::pack::{self, Items, Loaded, Surroundings};
use super::snapshot::{Parts, SITE, Snapshot};
use super::source::{self, Source};
use crate::model::Pack;

/// Pack that site aliases belong to when they name none.
const SITE_PACK: &str = "site";
/// Most threads that read and inspect. The work is short; more threads cost more than they save.
const MAX_THREADS: usize = 4;
/// A thread with less to do than this is not worth its start.
const LEAST_PER_THREAD: usize = 4;

/// Where content comes from. Missing folders hold nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// Whether the packs and aliases in the binary count.
    pub builtin: bool,
    /// Folders of packs, or packs themselves; of two packs with one name the first wins.
    pub packs_dirs: Vec<PathBuf>,
    /// Folder of `<pack>.yaml` with configurations.
    pub configs_dir: Option<PathBuf>,
    /// Folder of `<pack>.yaml` and `_global.yaml` that switch items on and off.
    pub overrides_dir: Option<PathBuf>,
    /// Folder of the site's own aliases.
    pub aliases_dir: Option<PathBuf>,
}

impl Default for Options {
    /// What is in the binary and nothing else.
    fn default() -> Self {
        Self {
            builtin: true,
            packs_dirs: Vec::new(),
            configs_dir: None,
            overrides_dir: None,
            aliases_dir: None,
        }
    }
}

impl Options {
    /// All folders on disk.
    pub(super) fn dirs(&self) -> impl Iterator<Item = &Path> {
        let more = [&self.configs_dir, &self.overrides_dir, &self.aliases_dir];
        self.packs_dirs
            .iter()
            .chain(more.into_iter().flatten())
            .map(PathBuf::as_path)
    }
}

/// What loading gave, and which items are there only because they were there before.
pub(super) struct Outcome {
    pub(super) snapshot: Snapshot,
    pub(super) kept: Vec<String>,
}

/// Loads everything. What is broken now is taken from `before`.
pub(super) fn load(options: &Options, checks: &Checks, before: Option<&Snapshot>) -> Outcome {
    let mut loading = Loading {
        before,
        parts: Parts::default(),
        kept: Vec::new(),
    };
    let found = loading.find(options);
    if let Some(dir) = &options.overrides_dir {
        let earlier = before.map(|before| before.overrides.clone()).unwrap_or_default();
        let (overrides, mut problems) = overrides::load(dir, &earlier);
        loading.parts.overrides = overrides;
        loading.parts.problems.append(&mut problems);
    }
    let overrides = loading.parts.overrides.clone();
    let configs = options
        .configs_dir
        .as_ref()
        .and_then(|dir| dir.canonicalize().ok())
        .map(Source::Disk);
    let around = Surroundings {
        checks,
        configs,
        overrides: &overrides,
    };
    for (found, loaded) in read_all(&found, &around) {
        loading.add(found, loaded, &around);
    }
    loading.site_aliases(options, &overrides);
    let (inspections, mut kept) = flows::inspect_all(&mut loading.parts, before, checks);
    loading.kept.append(&mut kept);
    let generation = before.map_or(1, |before| before.generation + 1);
    Outcome {
        snapshot: loading.parts.assemble(generation, checks, inspections),
        kept: loading.kept,
    }
}

/// A folder that holds a pack.
struct Found {
    source: Source,
    folder: String,
}

fn read_all<'a>(found: &'a [Found], around: &Surroundings<'_>) -> Vec<(&'a Found, Loaded)> {
    in_parallel(found, |found| {
        (found, pack::load(&found.source, &found.folder, around))
    })
}

/// Does the same work for all, in order, on some threads.
pub(super) fn in_parallel<'a, T: Sync, R: Send>(all: &'a [T], each: impl Fn(&'a T) -> R + Sync) -> Vec<R> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let threads = cores.min(MAX_THREADS).min(all.len() / LEAST_PER_THREAD).max(1);
    if threads == 1 {
        return all.iter().map(each).collect();
    }
    let next = AtomicUsize::new(0);
    let work = || {
        let mut done = Vec::new();
        while let Some((index, one)) = {
            let index = next.fetch_add(1, Ordering::Relaxed);
            all.get(index).map(|one| (index, one))
        } {
            done.push((index, each(one)));
        }
        done
    };
    let mut done = std::thread::scope(|scope| {
        let others: Vec<_> = (1..threads).map(|_| scope.spawn(work)).collect();
        let mut done = work();
        for other in others {
            match other.join() {
                Ok(mut more) => done.append(&mut more),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        done
    });
    done.sort_by_key(|(index, _)| *index);
    done.into_iter().map(|(_, one)| one).collect()
}

struct Loading<'a> {
    before: Option<&'a Snapshot>,
    parts: Parts,
    kept: Vec<String>,
}

impl Loading<'_> {
    /// All packs, those in the binary first.
    fn find(&mut self, options: &Options) -> Vec<Found> {
        let mut found: Vec<Found> = Vec::new();
        if options.builtin {
            let builtin = source::builtin_packs().into_iter();
            found.extend(builtin.map(|pack| Found {
                source: Source::Builtin(pack.clone()),
                folder: pack,
            }));
        }
        for dir in &options.packs_dirs {
            match packs_in(dir) {
                Ok(mut packs) => found.append(&mut packs),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => {
                    let message = format!("the packs folder cannot be read: {error}");
                    self.parts.error(&dir.to_string_lossy(), message, String::new());
                    self.keep_below(dir);
                }
            }
        }
        found
    }

    fn add(&mut self, found: &Found, mut loaded: Loaded, around: &Surroundings<'_>) {
        let folder = &found.folder;
        self.parts.problems.append(&mut loaded.problems);
        let Some(mut pack) = loaded.pack else {
            self.keep_pack(&found.source, folder);
            return;
        };
        let reference = pack.reference.clone();
        if let Some(other) = self.parts.packs.get(&reference) {
            let Some(first) = &other.path else {
                self.parts.notes.push(format!(
                    "pack {reference} in {} replaces the built-in pack of that name",
                    found.source.dir().unwrap_or_else(|| Path::new("")).display()
                ));
                self.insert(reference, pack, loaded.items);
                return;
            };
            let message = format!("there is a pack `{reference}` already; this one is left out");
            let hint = format!("the first one is in {}", first.display());
            self.parts.warning(&format!("{folder}/pack.yaml"), message, hint);
            return;
        }
        if loaded.config_broken
            && let Some(earlier) = self.before.and_then(|before| before.packs.get(&reference))
        {
            pack.config = Arc::new(config::with_defaults(
                (*earlier.config).clone(),
                pack.config_schema.as_ref(),
            ));
            self.kept.push(format!("config {reference}"));
        }
        self.keep_items(&reference, &loaded.broken, &mut loaded.items, around);
        self.insert(reference, pack, loaded.items);
    }

    fn insert(&mut self, reference: String, pack: Pack, items: Items) {
        self.parts.packs.insert(reference.clone(), Arc::new(pack));
        self.parts.items.insert(reference, Arc::new(items));
    }

    /// Takes the earlier version of items whose files are broken now.
    fn keep_items(&mut self, pack: &str, broken: &[String], items: &mut Items, around: &Surroundings<'_>) {
        let Some(earlier) = self.before.and_then(|before| before.items.get(pack)) else {
            return;
        };
        if earlier.source != items.source {
            return;
        }
        for file in broken {
            for action in earlier
                .actions
                .iter()
                .filter(|action| action.metadata_file == *file)
            {
                let again = items
                    .actions
                    .iter()
                    .any(|other| other.reference == action.reference);
                // Its runner may be gone with a new version of the service.
                let runs = around.checks.runners.is_empty()
                    || around.checks.runners.contains_key(&action.runner_type);
                if !again && runs {
                    items.actions.push(Arc::clone(action));
                    self.kept.push(format!("action {}", action.reference));
                }
            }
            for alias in earlier
                .aliases
                .iter()
                .filter(|alias| alias.metadata_file == *file)
            {
                let reference = alias.reference();
                let now = items
                    .aliases
                    .iter_mut()
                    .find(|other| other.reference() == reference);
                match now {
                    // The name is taken by another file.
                    Some(other) if other.metadata_file != *file => continue,
                    // A part of it works, but all of it did.
                    Some(other) => *other = Arc::clone(alias),
                    None => items.aliases.push(Arc::clone(alias)),
                }
                self.kept.push(format!("alias {reference}"));
            }
            items.events.keep(&earlier.events, file, &mut self.kept);
            for (name, text) in &earlier.templates {
                if *file == format!("templates/{name}.hbs") {
                    items.templates.push((name.clone(), Arc::clone(text)));
                    self.kept.push(format!("template {pack}.{name}"));
                }
            }
        }
    }

    /// Takes the earlier version of a whole pack whose pack.yaml is broken now.
    fn keep_pack(&mut self, source: &Source, folder: &str) {
        let Some(before) = self.before else { return };
        let same = |items: &Arc<Items>| items.source == *source;
        let Some((reference, items)) = before.items.iter().find(|(_, items)| same(items)) else {
            return;
        };
        if let Some(pack) = before.packs.get(reference) {
            tracing::debug!(pack = %reference, folder, "the pack stays as it was");
            self.parts.packs.insert(reference.clone(), Arc::clone(pack));
            self.parts.items.insert(reference.clone(), Arc::clone(items));
            self.kept.push(format!("pack {reference}"));
        }
    }

    /// Takes the earlier version of every pack in a folder that cannot be read now.
    fn keep_below(&mut self, dir: &Path) {
        let Some(before) = self.before else { return };
        let real = dir.canonicalize().unwrap_or_else(|_| dir.to_owned());
        for (reference, pack) in &before.packs {
            if pack.path.as_ref().is_some_and(|path| path.starts_with(&real))
                && let Some(items) = before.items.get(reference)
            {
                self.parts.packs.insert(reference.clone(), Arc::clone(pack));
                self.parts.items.insert(reference.clone(), Arc::clone(items));
                self.kept.push(format!("pack {reference}"));
            }
        }
    }

    /// The aliases of the site: those in the binary, then those on disk; a file on disk replaces one of its name.
    fn site_aliases(&mut self, options: &Options, overrides: &Overrides) {
        let disk = options
            .aliases_dir
            .as_ref()
            .and_then(|dir| dir.canonicalize().ok())
            .map(Source::Disk);
        let mut files: BTreeMap<String, Source> = BTreeMap::new();
        let builtin = options.builtin.then_some(Source::BuiltinAliases);
        for source in builtin.iter().chain(&disk) {
            match source.list() {
                Ok(names) => files.extend(
                    names
                        .into_iter()
                        .filter(|file| is_alias_file(file))
                        .map(|file| (file, source.clone())),
                ),
                Err(error) => {
                    self.parts.error(
                        "aliases",
                        format!("the folder cannot be read: {error}"),
                        String::new(),
                    );
                }
            }
        }
        let mut items = Items::new(disk.unwrap_or(Source::BuiltinAliases));
        let mut broken = Vec::new();
        for (file, source) in files {
            let shown = format!("aliases/{file}");
            let mut meta = match fields::read(&source, &file, &shown, false) {
                Ok((meta, _)) => meta,
                Err(problem) => {
                    self.parts.problems.push(*problem);
                    broken.push(shown);
                    continue;
                }
            };
            let own_pack = meta.value.get("pack").is_some_and(|pack| !pack.is_null());
            let pack = (!own_pack).then_some(SITE_PACK);
            if !pack::add_alias(&mut meta, pack, &shown, overrides, &mut items.aliases) {
                broken.push(shown);
            }
            self.parts.problems.append(&mut meta.problems);
        }
        let checks = Checks::default();
        let around = Surroundings {
            checks: &checks,
            configs: None,
            overrides,
        };
        self.keep_items(SITE, &broken, &mut items, &around);
        self.parts.items.insert(SITE.to_owned(), Arc::new(items));
    }
}

fn is_alias_file(file: &str) -> bool {
    !file.contains('/') && (file.ends_with(".yaml") || file.ends_with(".yml"))
}

/// The packs in a folder, by name; the folder itself when it is a pack.
fn packs_in(dir: &Path) -> io::Result<Vec<Found>> {
    let dir = dir.canonicalize()?;
    let folder = |path: &Path| {
        path.file_name()
            .map_or_else(String::new, |name| name.to_string_lossy().into_owned())
    };
    if dir.join("pack.yaml").is_file() {
        return Ok(vec![Found {
            folder: folder(&dir),
            source: Source::Disk(dir),
        }]);
    }
    let mut found = Vec::new();
    for entry in fs::read_dir(&dir)? {
        let path = entry?.path();
        let name = folder(&path);
        if name.starts_with('.') || !path.join("pack.yaml").exists() {
            continue;
        }
        // A pack may be a link to where it is developed; below it, links out of it are not followed.
        if let Ok(real) = path.canonicalize() {
            found.push(Found {
                source: Source::Disk(real),
                folder: name,
            });
        }
    }
    found.sort_by(|a, b| a.folder.cmp(&b.folder));
    Ok(found)
}
