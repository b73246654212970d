//! The data folder: making it, holding it, and the small files in it.
//!
//! | file | what |
//! | --- | --- |
//! | `lock` | held by the process that works on the folder; its text is that process's number |
//! | `secret.key` | 32 random bytes that seal secrets in the database |
//! | `admin.token` | the administrator's token |
//! | `listen.addr` | where the running server listens |
//! | `sayso.db` | the database |

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use thiserror::Error;
use zeroize::Zeroizing;

use crate::engine::SecretKey;

/// Name of the key file.
pub const KEY_FILE: &str = "secret.key";
/// Name of the file that holds the address of the running server.
pub const LISTEN_FILE: &str = "listen.addr";
/// Name of the lock file.
pub const LOCK_FILE: &str = "lock";
/// Name of the administrator's token file.
pub const TOKEN_FILE: &str = "admin.token";

/// Why the data folder cannot be used.
#[derive(Debug, Error)]
pub enum DataDirError {
    /// A file or the folder itself refuses.
    #[error("cannot {doing} {}: {}", .path.display(), plain(.source))]
    Io {
        /// What was tried: `create`, `read`…
        doing: &'static str,
        /// Which file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// Another process works on the folder.
    #[error("{} works on {} already", holder(.pid), .path.display())]
    Busy {
        /// The folder.
        path: PathBuf,
        /// The other process, when it says who it is.
        pid: Option<u32>,
    },
    /// The path is there but no folder.
    #[error("{} is no folder", .0.display())]
    NoFolder(PathBuf),
    /// Others may read what is secret.
    #[error("{} may be read or changed by others (mode {mode:04o})", .path.display())]
    TooOpen {
        /// Which file.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
    },
    /// The key file does not hold 32 bytes.
    #[error("{} has {length} bytes, a key has 32", .path.display())]
    NoKey {
        /// Which file.
        path: PathBuf,
        /// How many bytes it has.
        length: u64,
    },
    /// There is a database but not the key that its secrets are sealed with.
    #[error("{} is missing, but there is a database with secrets sealed by it", .0.display())]
    KeyLost(PathBuf),
}

impl DataDirError {
    /// What to do.
    #[must_use]
    pub fn hint(&self) -> String {
        match self {
            Self::Io { path, source, .. } if source.kind() == io::ErrorKind::PermissionDenied => format!(
                "run it as the account that owns {}, choose another folder with --data-dir, or talk to the running \
                 server with --server and --token",
                path.parent().unwrap_or(path).display()
            ),
            Self::Io { .. } | Self::NoFolder(_) => "choose another folder with --data-dir".to_owned(),
            Self::Busy { pid: Some(pid), .. } => {
                format!("stop it first (kill {pid}), or choose another folder with --data-dir")
            }
            Self::Busy { pid: None, .. } => {
                "wait for it, or choose another folder with --data-dir".to_owned()
            }
            Self::TooOpen { path, .. } => format!("run: chmod 600 {}", path.display()),
            Self::NoKey { path, .. } => format!("put {} back from your backup", path.display()),
            Self::KeyLost(path) => format!(
                "put it back from your backup; to give up the sealed secrets and go on, run: \
                 (umask 077; head -c 32 /dev/urandom > {})",
                path.display()
            ),
        }
    }
}

impl From<DataDirError> for super::CliError {
    fn from(error: DataDirError) -> Self {
        Self::new(error.to_string()).hint(error.hint())
    }
}

fn holder(pid: &Option<u32>) -> String {
    pid.map_or_else(
        || "another sayso".to_owned(),
        |pid| format!("another sayso (process {pid})"),
    )
}

fn plain(error: &io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or(&text).to_lowercase()
}

/// A server that was killed may leave a child that was just being started and has not let go of the lock yet: so
/// long the next server waits for it. A server that lives is never waited for.
const LOCK_PATIENCE: Duration = Duration::from_secs(3);
/// Pause between two looks at a lock whose holder is gone.
const LOCK_PAUSE: Duration = Duration::from_millis(5);

/// The process that wrote itself into the lock file.
fn written_by(file: &mut File) -> Option<u32> {
    let mut text = String::new();
    file.rewind().ok()?;
    file.take(32).read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
}

/// Whether there is no process with this number any more.
fn is_gone(pid: u32) -> bool {
    let Ok(pid) = i32::try_from(pid) else { return false };
    nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid), None) == Err(nix::errno::Errno::ESRCH)
}

/// The data folder, which exists.
#[derive(Clone, Debug)]
pub struct DataDir {
    path: PathBuf,
}

/// The right to work on the folder. It ends when this value is dropped, and when the process ends however
/// it ends.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

impl DataDir {
    /// Makes the folder (mode 0700) when it is not there.
    ///
    /// # Errors
    /// When it cannot be made or is no folder.
    pub fn open(path: &Path) -> Result<Self, DataDirError> {
        let io = |source| DataDirError::Io {
            doing: "create",
            path: path.to_path_buf(),
            source,
        };
        match std::fs::metadata(path) {
            Ok(found) if found.is_dir() => {}
            Ok(_) => return Err(DataDirError::NoFolder(path.to_path_buf())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                std::fs::DirBuilder::new()
                    .recursive(true)
                    .mode(0o700)
                    .create(path)
                    .map_err(io)?;
            }
            Err(error) => return Err(io(error)),
        }
        Ok(Self {
            path: path.to_path_buf(),
        })
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Takes the folder for this process.
    ///
    /// # Errors
    /// [`DataDirError::Busy`] when another process has it.
    pub fn lock(&self) -> Result<Lock, DataDirError> {
        self.lock_patiently(|| std::thread::sleep(LOCK_PAUSE))
    }

    fn lock_patiently(&self, mut pause: impl FnMut()) -> Result<Lock, DataDirError> {
        let path = self.path.join(LOCK_FILE);
        let io = |doing| {
            let path = path.clone();
            move |source| DataDirError::Io { doing, path, source }
        };
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&path)
            .map_err(io("open"))?;
        let patience = Instant::now() + LOCK_PATIENCE;
        loop {
            match file.try_lock() {
                Ok(()) => break,
                Err(TryLockError::WouldBlock) => {
                    let pid = written_by(&mut file);
                    if pid.is_some_and(is_gone) && Instant::now() < patience {
                        pause();
                        continue;
                    }
                    return Err(DataDirError::Busy {
                        path: self.path.clone(),
                        pid,
                    });
                }
                Err(TryLockError::Error(error)) => return Err(io("lock")(error)),
            }
        }
        file.set_len(0)
            .and_then(|()| file.rewind())
            .and_then(|()| writeln!(file, "{}", std::process::id()))
            .map_err(io("write"))?;
        Ok(Lock { _file: file })
    }

    /// The key that seals secrets; made at the first start. Call it with the lock held.
    ///
    /// # Errors
    /// When others may read the file, when it is no key, or when it was lost while the database was not.
    pub fn secret_key(&self) -> Result<SecretKey, DataDirError> {
        let path = self.path.join(KEY_FILE);
        let io = |doing| {
            let path = path.clone();
            move |source| DataDirError::Io { doing, path, source }
        };
        match File::open(&path) {
            Ok(mut file) => {
                let found = file.metadata().map_err(io("read"))?;
                private(&path, &found)?;
                let mut bytes = Zeroizing::new([0u8; 32]);
                if found.len() != 32 {
                    return Err(DataDirError::NoKey {
                        path,
                        length: found.len(),
                    });
                }
                file.read_exact(&mut bytes[..]).map_err(io("read"))?;
                Ok(SecretKey::new(*bytes))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                if self.path.join("sayso.db").exists() {
                    return Err(DataDirError::KeyLost(path));
                }
                let mut bytes = Zeroizing::new([0u8; 32]);
                rand::fill(&mut bytes[..]);
                self.write(KEY_FILE, &bytes[..])?;
                Ok(SecretKey::new(*bytes))
            }
            Err(error) => Err(io("read")(error)),
        }
    }

    /// The administrator's token as it is in the folder, `None` when there is none yet.
    ///
    /// # Errors
    /// When the file is there but cannot be read.
    pub fn token(&self) -> Result<Option<Zeroizing<String>>, DataDirError> {
        let path = self.path.join(TOKEN_FILE);
        match std::fs::read_to_string(&path) {
            Ok(text) => Ok(Some(Zeroizing::new(text.trim().to_owned())).filter(|token| !token.is_empty())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(DataDirError::Io {
                doing: "read",
                path,
                source,
            }),
        }
    }

    /// The permissions of the administrator's token, when others than its owner may read or write it.
    #[must_use]
    pub fn open_token_mode(&self) -> Option<u32> {
        let (mode, _) = mode_and_owner(&self.path.join(TOKEN_FILE)).ok()?;
        (mode & 0o077 != 0).then_some(mode)
    }

    /// Where the server listens that runs on the folder, or ran on it and crashed.
    #[must_use]
    pub fn listen_address(&self) -> Option<String> {
        let text = std::fs::read_to_string(self.path.join(LISTEN_FILE)).ok()?;
        let address = text.trim();
        (!address.is_empty()).then(|| address.to_owned())
    }

    /// Writes where the server listens.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn set_listen_address(&self, address: &str) -> Result<(), DataDirError> {
        self.write(LISTEN_FILE, format!("{address}\n").as_bytes())
    }

    /// Removes what says where the server listens; called when it stops and before it starts.
    pub fn clear_listen_address(&self) {
        let _ = std::fs::remove_file(self.path.join(LISTEN_FILE));
    }

    /// Writes a file so that it is there whole or not at all, mode 0600, and survives a power cut.
    fn write(&self, name: &str, bytes: &[u8]) -> Result<(), DataDirError> {
        let path = self.path.join(name);
        let draft = self.path.join(format!(".{name}.{}", std::process::id()));
        let written = (|| {
            let _ = std::fs::remove_file(&draft);
            let mut file = OpenOptions::new()
                .write(true)
                .create_new(true)
                .mode(0o600)
                .open(&draft)?;
            file.write_all(bytes)?;
            file.sync_all()?;
            std::fs::rename(&draft, &path)?;
            File::open(&self.path)?.sync_all()
        })();
        written.map_err(|source| {
            let _ = std::fs::remove_file(&draft);
            DataDirError::Io {
                doing: "write",
                path,
                source,
            }
        })
    }
}

/// Refuses a file that others than its owner may read or write.
fn private(path: &Path, found: &std::fs::Metadata) -> Result<(), DataDirError> {
    let mode = found.permissions().mode() & 0o7777;
    if mode & 0o077 != 0 {
        return Err(DataDirError::TooOpen {
            path: path.to_path_buf(),
            mode,
        });
    }
    Ok(())
}

/// Permissions and owner of a file or folder: `(mode, user id)`.
pub(super) fn mode_and_owner(path: &Path) -> io::Result<(u32, u32)> {
    let found = std::fs::metadata(path)?;
    Ok((found.permissions().mode() & 0o7777, found.uid()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder() -> (tempfile::TempDir, DataDir) {
        let parent = tempfile::tempdir().unwrap();
        let dir = DataDir::open(&parent.path().join("a/b")).unwrap();
        (parent, dir)
    }

    #[test]
    fn the_folder_is_private_and_so_are_its_files() {
        let (_parent, dir) = folder();
        assert_eq!(mode_and_owner(dir.path()).unwrap().0, 0o700);
        let key = dir.secret_key().unwrap();
        assert_eq!(mode_and_owner(&dir.path().join(KEY_FILE)).unwrap().0, 0o600);
        assert_eq!(std::fs::metadata(dir.path().join(KEY_FILE)).unwrap().len(), 32);
        assert_eq!(format!("{key:?}"), "SecretKey(…)");
        let first = std::fs::read(dir.path().join(KEY_FILE)).unwrap();
        dir.secret_key().unwrap();
        assert_eq!(
            std::fs::read(dir.path().join(KEY_FILE)).unwrap(),
            first,
            "the key stays the same"
        );
        assert_eq!(
            std::fs::read_dir(dir.path()).unwrap().count(),
            1,
            "no drafts are left"
        );
    }

    #[test]
    fn a_key_that_cannot_be_trusted_is_refused_with_the_remedy() {
        let (_parent, dir) = folder();
        let file = dir.path().join(KEY_FILE);
        dir.secret_key().unwrap();
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o644)).unwrap();
        let error = dir.secret_key().unwrap_err();
        assert_eq!(
            error.to_string(),
            format!("{} may be read or changed by others (mode 0644)", file.display())
        );
        assert_eq!(error.hint(), format!("run: chmod 600 {}", file.display()));

        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
        std::fs::write(&file, "short").unwrap();
        assert!(matches!(
            dir.secret_key(),
            Err(DataDirError::NoKey { length: 5, .. })
        ));

        std::fs::remove_file(&file).unwrap();
        std::fs::write(dir.path().join("sayso.db"), "").unwrap();
        let lost = dir.secret_key().unwrap_err();
        assert!(matches!(lost, DataDirError::KeyLost(_)));
        assert!(!file.exists(), "no new key is made");
        assert!(lost.hint().contains("backup"));
    }

    #[test]
    fn only_one_process_holds_the_folder() {
        let (_parent, dir) = folder();
        let lock = dir.lock().unwrap();
        let error = dir.lock().unwrap_err();
        let text = format!(
            "another sayso (process {}) works on {} already",
            std::process::id(),
            dir.path().display()
        );
        assert_eq!(error.to_string(), text);
        assert!(error.hint().contains(&format!("kill {}", std::process::id())));
        drop(lock);
        dir.lock().unwrap();
    }

    #[test]
    fn a_lock_that_outlives_its_process_is_waited_for() {
        let (_parent, dir) = folder();
        let mut ended = std::process::Command::new("true").spawn().unwrap();
        ended.wait().unwrap();
        let mut left = Some(dir.lock().unwrap());
        std::fs::write(dir.path().join(LOCK_FILE), format!("{}\n", ended.id())).unwrap();
        let mut looks = 0;
        let lock = dir.lock_patiently(|| {
            looks += 1;
            if looks == 3 {
                left.take();
            }
        });
        lock.unwrap();
        assert_eq!(looks, 3);
    }

    #[test]
    fn a_file_is_no_folder() {
        let parent = tempfile::tempdir().unwrap();
        let path = parent.path().join("file");
        std::fs::write(&path, "").unwrap();
        assert!(matches!(DataDir::open(&path), Err(DataDirError::NoFolder(_))));
        let below = DataDir::open(&path.join("x")).unwrap_err();
        assert_eq!(
            below.to_string(),
            format!("cannot create {}: not a directory", path.join("x").display())
        );
    }

    #[test]
    fn the_address_comes_and_goes() {
        let (_parent, dir) = folder();
        assert_eq!(dir.listen_address(), None);
        dir.set_listen_address("127.0.0.1:5").unwrap();
        assert_eq!(dir.listen_address().as_deref(), Some("127.0.0.1:5"));
        dir.clear_listen_address();
        assert_eq!(dir.listen_address(), None);
        assert!(dir.token().unwrap().is_none());
        std::fs::write(dir.path().join(TOKEN_FILE), "abc\n").unwrap();
        assert_eq!(dir.token().unwrap().unwrap().as_str(), "abc");
    }
}
