//! From a sensor's file to a process: where its program is, what it starts with.
//!
//! Limits are set by a shell that replaces itself by the program (`ulimit …; exec`): a closure between fork and exec would
//! copy the whole server (ARCHITECTURE.md), and the shell's process number stays the program's.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::UNIX_EPOCH;

use sha2::{Digest, Sha256};
use tokio::process::{Child, Command};

use crate::content::pack_text;
use crate::model::{JsonMap, Pack};
use crate::triggers::Sensor;

/// The shell that sets limits and starts the program.
const SHELL: &str = "/bin/sh";
/// Files that a sensor may have open.
const OPEN_FILES: u32 = 1024;
/// Longest first line with an interpreter.
const FIRST_LINE: usize = 512;
/// Variables of the server that programs see.
const INHERITED: [&str; 12] = [
    "PATH",
    "HOME",
    "USER",
    "LOGNAME",
    "LANG",
    "LC_ALL",
    "LC_CTYPE",
    "TZ",
    "TMPDIR",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "XDG_RUNTIME_DIR",
];

/// What there is to start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Program {
    /// A program: its words, and the folder in which it starts.
    Words(Vec<OsString>, PathBuf),
    /// A class of Python.
    Class,
    /// Sayso does its work itself.
    BuiltIn(&'static str),
    /// Nothing that could be started, and why.
    Broken(String),
}

/// A sensor with everything that its process depends on.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    pub(super) sensor: Arc<Sensor>,
    pub(super) config: Arc<JsonMap>,
    pub(super) program: Program,
    /// Differs when something differs for which the process must be started anew.
    pub(super) fingerprint: [u8; 32],
}

impl Plan {
    /// Looks at the files of a sensor. Programs of packs in the binary are written below `scratch`.
    pub(super) fn of(sensor: Arc<Sensor>, pack: &Pack, scratch: &Path) -> Self {
        let program = find(&sensor, pack, scratch);
        let mut digest = Sha256::new();
        let metadata = format!(
            "{} {} {:?} {:?} {program:?}",
            sensor.reference, sensor.entry_point, sensor.poll_interval, sensor.trigger_types
        );
        digest.update(metadata.as_bytes());
        digest.update(serde_json::to_vec(&*pack.config).unwrap_or_default());
        match &pack.path {
            None => digest.update(pack.digest.as_bytes()),
            Some(folder) => {
                for file in programs(pack) {
                    let metadata = fs::metadata(folder.join(file)).ok();
                    let changed = metadata.as_ref().and_then(|metadata| metadata.modified().ok());
                    let age = changed.and_then(|changed| changed.duration_since(UNIX_EPOCH).ok());
                    let size = metadata.map(|metadata| (metadata.len(), metadata.permissions().mode()));
                    digest.update(format!("{file} {age:?} {size:?}\n").as_bytes());
                }
            }
        }
        Self {
            config: Arc::clone(&pack.config),
            program,
            sensor,
            fingerprint: digest.finalize().into(),
        }
    }
}

/// Files of a pack that its sensors may consist of.
fn programs(pack: &Pack) -> impl Iterator<Item = &String> {
    let is_metadata = |file: &str| file.ends_with(".yaml") || file.ends_with(".yml");
    let of_sensors = move |file: &&String| {
        (file.starts_with("sensors/") || file.starts_with("lib/")) && !is_metadata(file)
    };
    pack.files.iter().filter(of_sensors)
}

fn find(sensor: &Sensor, pack: &Pack, scratch: &Path) -> Program {
    if sensor.reference == super::watches::FILE_SENSOR {
        return Program::BuiltIn("rules on linux.file_watch.line are served by Sayso itself");
    }
    let file = format!("sensors/{}", sensor.entry_point);
    let folder = match &pack.path {
        Some(folder) => folder.clone(),
        None => match write_out(pack, scratch) {
            Ok(folder) => folder,
            Err(error) => return Program::Broken(format!("its files cannot be written out: {error}")),
        },
    };
    let path = match folder.join(&file).canonicalize() {
        Ok(path) => path,
        Err(error) => return Program::Broken(format!("{file} cannot be found: {error}")),
    };
    if !folder.canonicalize().is_ok_and(|folder| path.starts_with(folder)) {
        return Program::Broken(format!("{file} lies outside of its pack"));
    }
    let (mode, first) = match look(&path) {
        Ok(found) => found,
        Err(error) => return Program::Broken(format!("{file} cannot be read: {error}")),
    };
    let is_python = sensor.entry_point.ends_with(".py");
    let may_run = mode & 0o111 != 0;
    match interpreter(&first) {
        Some(_) if may_run => Program::Words(vec![path.into()], folder),
        Some(mut words) if !is_python => {
            words.push(path.into());
            Program::Words(words, folder)
        }
        None if may_run && !is_python => Program::Words(vec![path.into()], folder),
        _ if is_python => Program::Class,
        _ => Program::Broken(format!(
            "{file} is no program: begin it with `#!/…` or make it executable"
        )),
    }
}

/// Permissions and the beginning of a file.
fn look(path: &Path) -> io::Result<(u32, Vec<u8>)> {
    let metadata = fs::metadata(path)?;
    if !metadata.is_file() {
        return Err(io::Error::other("it is no file"));
    }
    let mut first = Vec::new();
    File::open(path)?
        .take(FIRST_LINE as u64)
        .read_to_end(&mut first)?;
    Ok((metadata.permissions().mode(), first))
}

/// The words of a first line `#!…`: the interpreter and at most one argument, as the kernel reads it.
fn interpreter(first: &[u8]) -> Option<Vec<OsString>> {
    let line = first.strip_prefix(b"#!")?;
    let end = line.iter().position(|byte| *byte == b'\n').unwrap_or(line.len());
    let line = std::str::from_utf8(&line[..end]).ok()?.trim();
    let mut words = line.splitn(2, char::is_whitespace);
    let program = words.next().filter(|program| program.starts_with('/'))?;
    let mut all = vec![OsString::from(program)];
    all.extend(words.next().map(|rest| OsString::from(rest.trim())));
    Some(all)
}

/// Writes the programs of a pack that lives in the binary to a folder, executable where they have an interpreter.
fn write_out(pack: &Pack, scratch: &Path) -> io::Result<PathBuf> {
    let folder = scratch.join("sensors").join(&pack.reference);
    for file in programs(pack) {
        let Ok(Some(text)) = pack_text(pack, file) else {
            continue;
        };
        let path = folder.join(file);
        let is_program = interpreter(&text.as_bytes()[..text.len().min(FIRST_LINE)]).is_some();
        let mode = if is_program { 0o700 } else { 0o600 };
        if fs::read(&path).is_ok_and(|known| known == text.as_bytes())
            && look(&path).is_ok_and(|(known, _)| known & 0o777 == mode)
        {
            continue;
        }
        let parent = path.parent().unwrap_or(&folder);
        fs::DirBuilder::new().recursive(true).mode(0o700).create(parent)?;
        // A new file in place of the old one: that may be running.
        let new = path.with_extension("new");
        let _ = fs::remove_file(&new);
        let mut written = File::options()
            .write(true)
            .create_new(true)
            .mode(mode)
            .open(&new)?;
        written.write_all(text.as_bytes())?;
        drop(written);
        fs::rename(&new, &path)?;
    }
    Ok(folder)
}

/// Starts the words with limits, in a group of their own.
pub(super) fn spawn(sensor: &Sensor, words: &[OsString], folder: &Path, memory: u64) -> io::Result<Child> {
    let mut limits = format!("ulimit -c 0; ulimit -n {OPEN_FILES} 2>/dev/null; ");
    if memory > 0 {
        limits.push_str(&format!("ulimit -d {} 2>/dev/null; ", memory / 1024));
    }
    limits.push_str("exec \"$0\" \"$@\"");
    let inherited = INHERITED
        .iter()
        .filter_map(|name| Some((*name, std::env::var_os(name)?)));
    let interval = sensor
        .poll_interval
        .map(|seconds| ("SAYSO_POLL_INTERVAL", seconds.to_string()));
    Command::new(SHELL)
        .arg("-c")
        .arg(limits)
        .args(words)
        .env_clear()
        .envs(inherited)
        .env("SAYSO_SENSOR", &sensor.reference)
        .env("SAYSO_PACK", &sensor.pack)
        .env("PYTHONUNBUFFERED", "1")
        .envs(interval)
        .current_dir(folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .kill_on_drop(true)
        .spawn()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_lines_are_read_as_the_kernel_does() {
        let words = |text: &str| {
            interpreter(text.as_bytes()).map(|words| {
                let words: Vec<_> = words.iter().map(|word| word.to_string_lossy()).collect();
                words.join("|")
            })
        };
        assert_eq!(words("#!/bin/sh\necho").as_deref(), Some("/bin/sh"));
        assert_eq!(
            words("#! /usr/bin/env python3 -u\n").as_deref(),
            Some("/usr/bin/env|python3 -u")
        );
        assert_eq!(words("import x"), None);
        assert_eq!(words("#!python"), None);
        assert_eq!(words(""), None);
    }
}
