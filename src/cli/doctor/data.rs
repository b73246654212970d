//! Checks of the data folder: permissions, space, key and token, database.

use std::io;
use std::path::Path;

use nix::sys::statfs::{self, FsType};
use nix::sys::statvfs::statvfs;

use super::{Findings, Outcome};
use crate::cli::datadir::{KEY_FILE, TOKEN_FILE, mode_and_owner};
use crate::cli::db::size;
use crate::settings::Settings;
use crate::store::Store as _;
use crate::store::sqlite::{SqliteOptions, SqliteStore};

/// Free space below which work will stop soon.
const TIGHT: u64 = 100 << 20;
/// Free space below which it is worth a look.
const LITTLE: u64 = 1 << 30;
/// A larger database is not checked through: that takes minutes.
const QUICK: u64 = 256 << 20;

/// File systems whose locks cannot be trusted with a database.
const NETWORK: [(FsType, &str); 2] = [(statfs::NFS_SUPER_MAGIC, "NFS"), (statfs::SMB_SUPER_MAGIC, "SMB")];

/// The folder itself.
pub(super) fn folder(settings: &Settings, found: &mut Findings) {
    const CHECK: &str = "data folder";
    let dir = &settings.data_dir;
    let shown = dir.display();
    let (mode, owner) = match mode_and_owner(dir) {
        Ok(_) if !dir.is_dir() => {
            found.add(
                CHECK,
                Outcome::Fail,
                format!("{shown} is no folder"),
                "set data_dir to a folder",
            );
            return;
        }
        Ok(seen) => seen,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            found.ok(
                CHECK,
                format!("{shown} is not there yet: it is made at the first start"),
            );
            return;
        }
        Err(error) => {
            found.add(
                CHECK,
                Outcome::Fail,
                format!("{shown}: {error}"),
                "run doctor as the account that runs sayso",
            );
            return;
        }
    };
    let me = nix::unistd::geteuid().as_raw();
    if owner != me && me != 0 {
        let message = format!("{shown} belongs to another account (number {owner})");
        found.add(
            CHECK,
            Outcome::Fail,
            message,
            "run sayso as that account, or choose another data_dir",
        );
    } else if mode & 0o077 != 0 {
        let message = format!("{shown} can be entered by others (mode {mode:04o})");
        found.add(CHECK, Outcome::Warn, message, format!("run: chmod 700 {shown}"));
    } else {
        found.ok(CHECK, format!("{shown} is there and private"));
    }
    space(dir, found);
    if let Ok(seen) = statfs::statfs(dir)
        && let Some((_, name)) = NETWORK.iter().find(|(kind, _)| *kind == seen.filesystem_type())
    {
        let message = format!("{shown} lies on a network file system ({name}), whose locks fail a database");
        found.add(
            "file system",
            Outcome::Fail,
            message,
            "put the data folder on a local disk",
        );
    }
}

fn space(dir: &Path, found: &mut Findings) {
    const CHECK: &str = "free space";
    let Ok(seen) = statvfs(dir) else { return };
    let free = seen.blocks_available().saturating_mul(seen.fragment_size());
    let text = format!("{} free where {} is", size(&free.into()), dir.display());
    if free < TIGHT {
        found.add(
            CHECK,
            Outcome::Fail,
            text,
            "make room: without it nothing can be accepted",
        );
    } else if free < LITTLE {
        found.add(CHECK, Outcome::Warn, text, "make room soon");
    } else {
        found.ok(CHECK, text);
    }
}

/// Key and token.
pub(super) fn files(settings: &Settings, found: &mut Findings) {
    for (check, length) in [(KEY_FILE, Some(32)), (TOKEN_FILE, None)] {
        let path = settings.data_dir.join(check);
        let shown = path.display();
        match std::fs::metadata(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                if check == KEY_FILE && settings.database().exists() {
                    let message = format!("{shown} is missing: secrets in the database cannot be read");
                    found.add(check, Outcome::Fail, message, "put it back from your backup");
                }
            }
            Err(error) => {
                let hint = "run doctor as the account that runs sayso";
                found.add(check, Outcome::Fail, format!("{shown}: {error}"), hint);
            }
            Ok(seen) => match mode_and_owner(&path) {
                Ok((mode, _)) if mode & 0o077 != 0 => {
                    let message = format!("{shown} may be read or changed by others (mode {mode:04o})");
                    found.add(check, Outcome::Fail, message, format!("run: chmod 600 {shown}"));
                }
                _ if length.is_some_and(|length| seen.len() != length) => {
                    let message = format!("{shown} has {} bytes, a key has 32", seen.len());
                    found.add(check, Outcome::Fail, message, "put it back from your backup");
                }
                _ => found.ok(check, "is there and private"),
            },
        }
    }
}

/// The database.
pub(super) async fn database(settings: &Settings, found: &mut Findings) {
    const CHECK: &str = "database";
    let file = settings.database();
    if !file.exists() {
        return;
    }
    let restore = "stop the server, keep the file, put a backup in its place";
    let store = match SqliteStore::open(SqliteOptions::read_only(&file)).await {
        Ok(store) => store,
        Err(error) => {
            found.add(
                CHECK,
                Outcome::Fail,
                format!("{}: {error}", file.display()),
                restore,
            );
            return;
        }
    };
    match store.stats().await {
        Err(error) => found.add(CHECK, Outcome::Fail, error.to_string(), restore),
        Ok(stats) => {
            let text = format!(
                "version {}, {}, {} executions, {} audit entries",
                stats.schema_version,
                size(&stats.bytes.into()),
                stats.executions,
                stats.audit_entries
            );
            if stats.bytes > QUICK {
                found.ok(
                    CHECK,
                    format!("{text}; large, so not checked through (`sayso db check` does)"),
                );
            } else {
                match store.check().await {
                    Ok(complaints) if complaints.is_empty() => found.ok(CHECK, format!("{text}; sound")),
                    Ok(complaints) => {
                        found.add(
                            CHECK,
                            Outcome::Fail,
                            format!("damaged: {}", complaints.join("; ")),
                            restore,
                        );
                    }
                    Err(error) => found.add(CHECK, Outcome::Fail, error.to_string(), restore),
                }
            }
        }
    }
    store.close().await;
}
