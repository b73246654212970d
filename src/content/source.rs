//! Where the files of a pack come from: a folder on disk or the binary itself.
//!
//! Everything on disk is untrusted: only regular files inside the pack's folder are read, up to fixed limits.

use std::borrow::Cow;
use std::fs::{self, File, Metadata};
use std::io::{self, Read};
use std::path::{Component, Path, PathBuf};

use rust_embed::Embed;
use sha2::{Digest, Sha256};

use crate::yaml::MAX_BYTES;

/// Most files of one pack that are listed; real packs have some hundred.
const MAX_FILES: usize = 20_000;
/// Deepest folder of a pack that is looked into.
const MAX_FOLDERS: usize = 16;
/// Largest script or other file whose content counts for a digest; a larger one counts by its size.
const MAX_DIGEST_BYTES: u64 = 16 * 1024 * 1024;

/// The packs that come with Sayso.
#[derive(Embed)]
#[folder = "packs/"]
struct BuiltinPacks;

/// The site aliases that come with Sayso.
#[derive(Embed)]
#[folder = "aliases/"]
struct BuiltinAliases;

/// A folder of files, named by relative paths with `/`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Source {
    /// A folder on disk, with symbolic links resolved.
    Disk(PathBuf),
    /// A pack in the binary.
    Builtin(String),
    /// The site aliases in the binary.
    BuiltinAliases,
}

/// Why a file cannot be read, in words for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Unreadable {
    pub(super) message: String,
    pub(super) hint: String,
    /// Line and column of the first bad byte, 0 when the whole file is meant.
    pub(super) line: usize,
    pub(super) column: usize,
}

impl Unreadable {
    fn new(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            hint: hint.into(),
            line: 0,
            column: 0,
        }
    }

    fn io(error: &io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::NotFound => Self::new("the file does not exist", ""),
            io::ErrorKind::PermissionDenied => Self::new(
                "the file cannot be read",
                "let the account of the service read it",
            ),
            _ => Self::new(format!("the file cannot be read: {error}"), ""),
        }
    }
}

/// Names of the packs in the binary.
pub(super) fn builtin_packs() -> Vec<String> {
    let mut names: Vec<String> = BuiltinPacks::iter()
        .filter_map(|path| path.strip_suffix("/pack.yaml").map(str::to_owned))
        .filter(|name| !name.contains('/'))
        .collect();
    names.sort();
    names
}

impl Source {
    /// The folder on disk, if there is one.
    pub(super) fn dir(&self) -> Option<&Path> {
        match self {
            Self::Disk(dir) => Some(dir),
            Self::Builtin(_) | Self::BuiltinAliases => None,
        }
    }

    /// Relative paths of all files, sorted. Hidden files, caches and virtual environments are left out.
    pub(super) fn list(&self) -> io::Result<Vec<String>> {
        let mut files = Vec::new();
        match self {
            Self::Disk(dir) => walk(dir, "", 0, &mut files)?,
            Self::Builtin(pack) => {
                let prefix = format!("{pack}/");
                files.extend(
                    BuiltinPacks::iter().filter_map(|path| path.strip_prefix(&prefix).map(str::to_owned)),
                );
            }
            Self::BuiltinAliases => files.extend(BuiltinAliases::iter().map(Cow::into_owned)),
        }
        files.sort();
        Ok(files)
    }

    /// Text of a file of at most [`MAX_BYTES`].
    pub(super) fn text(&self, file: &str) -> Result<String, Unreadable> {
        let bytes = match self {
            Self::Disk(dir) => {
                let (path, metadata) = inside(dir, file)?;
                let size = metadata.len();
                if size > MAX_BYTES as u64 {
                    return Err(too_large(size));
                }
                let mut bytes = Vec::with_capacity(usize::try_from(size).unwrap_or(0) + 1);
                File::open(&path)
                    .and_then(|file| file.take(MAX_BYTES as u64 + 1).read_to_end(&mut bytes))
                    .map_err(|error| Unreadable::io(&error))?;
                if bytes.len() > MAX_BYTES {
                    return Err(too_large(bytes.len() as u64));
                }
                bytes
            }
            Self::Builtin(_) | Self::BuiltinAliases => self
                .embedded(file)
                .ok_or_else(|| Unreadable::new("the file does not exist", ""))?
                .into_owned(),
        };
        String::from_utf8(bytes).map_err(|error| {
            let good = &error.as_bytes()[..error.utf8_error().valid_up_to()];
            let good = String::from_utf8_lossy(good);
            let last = good.rsplit('\n').next().unwrap_or_default();
            Unreadable {
                message: "the file is not UTF-8 text".into(),
                hint: "save it as UTF-8".into(),
                line: good.matches('\n').count() + 1,
                column: last.chars().count() + 1,
            }
        })
    }

    /// SHA-256 over size and content of a regular file inside the folder, symbolic links followed.
    pub(super) fn digest(&self, file: &str) -> Result<[u8; 32], Unreadable> {
        let mut digest = Sha256::new();
        match self {
            Self::Disk(dir) => {
                let (path, metadata) = inside(dir, file)?;
                digest.update(metadata.len().to_le_bytes());
                if metadata.len() <= MAX_DIGEST_BYTES {
                    let mut content = Vec::with_capacity(usize::try_from(metadata.len()).unwrap_or(0) + 1);
                    File::open(path)
                        .and_then(|opened| opened.take(MAX_DIGEST_BYTES).read_to_end(&mut content))
                        .map_err(|error| Unreadable::io(&error))?;
                    digest.update(&content);
                }
            }
            Self::Builtin(_) | Self::BuiltinAliases => {
                let content = self
                    .embedded(file)
                    .ok_or_else(|| Unreadable::new("the file does not exist", ""))?;
                digest.update((content.len() as u64).to_le_bytes());
                digest.update(&content);
            }
        }
        Ok(digest.finalize().into())
    }

    fn embedded(&self, file: &str) -> Option<Cow<'static, [u8]>> {
        match self {
            Self::Disk(_) => None,
            Self::Builtin(pack) => BuiltinPacks::get(&format!("{pack}/{file}")).map(|found| found.data),
            Self::BuiltinAliases => BuiltinAliases::get(file).map(|found| found.data),
        }
    }
}

fn too_large(size: u64) -> Unreadable {
    // Sizes of files are far below 2^53.
    #[allow(clippy::cast_precision_loss)]
    let mib = size as f64 / 1024.0 / 1024.0;
    Unreadable::new(
        format!(
            "the file has {mib:.1} MiB; the limit is {} MiB",
            MAX_BYTES / 1024 / 1024
        ),
        "keep data out of metadata",
    )
}

/// Path and metadata of a regular file below `dir` (which has no symbolic links in it itself).
fn inside(dir: &Path, file: &str) -> Result<(PathBuf, Metadata), Unreadable> {
    let outside = || {
        Unreadable::new(
            "the path leaves the pack's folder",
            "keep the file inside the pack",
        )
    };
    let mut path = dir.to_owned();
    let mut last = None;
    let mut linked = false;
    for part in Path::new(file).components() {
        match part {
            Component::CurDir => continue,
            Component::Normal(name) => path.push(name),
            _ => return Err(outside()),
        }
        // Resolving the whole path would look at every folder above the pack again, for each file.
        let metadata = fs::symlink_metadata(&path).map_err(|error| Unreadable::io(&error))?;
        linked |= metadata.is_symlink();
        last = Some(metadata);
    }
    if linked {
        path = path.canonicalize().map_err(|error| Unreadable::io(&error))?;
        if !path.starts_with(dir) {
            return Err(outside());
        }
        last = Some(fs::metadata(&path).map_err(|error| Unreadable::io(&error))?);
    }
    match last {
        Some(metadata) if metadata.is_file() => Ok((path, metadata)),
        _ => Err(Unreadable::new("this is no regular file", "")),
    }
}

fn walk(dir: &Path, prefix: &str, depth: usize, files: &mut Vec<String>) -> io::Result<()> {
    let mut folders = Vec::new();
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        let name = entry.file_name();
        let Some(name) = name.to_str() else { continue };
        if name.starts_with('.') || matches!(name, "__pycache__" | "virtualenv" | "node_modules") {
            continue;
        }
        // The entry's own type costs no further system call; links are resolved when read.
        let kind = entry.file_type()?;
        if kind.is_dir() {
            folders.push(name.to_owned());
        } else if !name.ends_with(".pyc") {
            // A link to a folder is not followed: it may lead anywhere, even back.
            if kind.is_symlink() && fs::metadata(entry.path()).is_ok_and(|target| target.is_dir()) {
                continue;
            }
            files.push(format!("{prefix}{name}"));
        }
        if files.len() > MAX_FILES {
            return Err(io::Error::other(format!(
                "the pack has more than {MAX_FILES} files"
            )));
        }
    }
    if depth < MAX_FOLDERS {
        for name in folders {
            walk(&dir.join(&name), &format!("{prefix}{name}/"), depth + 1, files)?;
        }
    }
    Ok(())
}
