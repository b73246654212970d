//! `local-shell-script`: the entry point of an action as a program (RUN-2).
//!
//! The file is executed itself, with an argument vector: no shell looks at the arguments. It is made executable
//! where it is not and that is permitted; else the interpreter of its first line (`#!`) runs it, or bash when
//! it has none. Through sudo, a shell replaces itself by the script and passes the arguments on untouched.

use std::ffi::OsString;
use std::io;
use std::io::BufRead as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use nix::errno::Errno;
use serde_json::json;

use super::arguments::script_arguments;
use super::result::{finished, refused, unstarted};
use super::{Settings, Shell, ShellOptions, shared_parameters};
use crate::model::{Action, JsonMap};
use crate::runners::process::{Launch, Running};
use crate::runners::{Job, Outcome, Runner, RunnerSpec, schema};

/// Runs a script of a pack on this machine.
pub struct ShellScriptRunner {
    spec: RunnerSpec,
    shell: Arc<Shell>,
}

impl ShellScriptRunner {
    /// A runner of its own; [`crate::runners::builtin`] makes one that shares its findings with its sibling.
    #[must_use]
    pub fn new(options: ShellOptions) -> Self {
        Self::with_shell(Arc::new(Shell::new(options)))
    }

    pub(in crate::runners) fn with_shell(shell: Arc<Shell>) -> Self {
        Self {
            spec: RunnerSpec {
                name: "local-shell-script",
                description: "Runs a script of a pack on this machine, always as the same user.",
                package: "local_runner",
                module: "local_shell_script_runner",
                parameters: parameters(),
                output_key: None,
                pure: false,
            },
            shell,
        }
    }

    async fn carry_out(&self, job: Job) -> Outcome {
        match self.attempt(&job).await {
            Ok(outcome) => outcome,
            Err(error) => refused(&error),
        }
    }

    async fn attempt(&self, job: &Job) -> Result<Outcome, String> {
        let settings = Settings::of(&job.parameters)?;
        if job
            .parameters
            .get("content_version")
            .is_some_and(|version| !version.is_null())
        {
            return Err(
                "Parameter \"content_version\" is not supported: the action runs what the pack holds now. \
                        Install the wanted revision of the pack instead"
                    .to_owned(),
            );
        }
        let readable = self.shell.other_user.is_some() && !settings.sudo;
        let script = Script::of(&job.action, &job.scratch, readable)?;
        let arguments = script_arguments(
            &job.action.parameters,
            &self.spec.parameters,
            &job.parameters,
            &settings.kwarg_op,
        );
        if arguments.iter().any(|argument| argument.contains('\0')) {
            return Err("A parameter contains a NUL byte, which no program can be given".to_owned());
        }
        let running = self.start(job, &settings, &script, &arguments).await?;
        let bounds = self.shell.bounds(&settings);
        Ok(finished(
            running.finish(&bounds, &job.cancel, &job.output).await,
            &settings,
        ))
    }

    async fn start(
        &self,
        job: &Job,
        settings: &Settings,
        script: &Script,
        arguments: &[String],
    ) -> Result<Running, String> {
        let mut direct = script.make_executable();
        let mut busy = 0;
        loop {
            let mut words: Vec<OsString> = Vec::new();
            if !direct {
                words = interpreter(&script.path).unwrap_or_else(|| vec![self.shell.shell.clone().into()]);
            }
            words.push(script.path.clone().into());
            words.extend(arguments.iter().map(OsString::from));
            let launch = self.prepare(job, settings, words);
            let error = match launch.spawn() {
                Ok(running) => return Ok(running),
                Err(error) => error,
            };
            match error.raw_os_error().map(Errno::from_raw) {
                // Between a spawn elsewhere in the server and its exec, a copy of our handle was open for writing.
                Some(Errno::ETXTBSY) if busy < 50 => {
                    busy += 1;
                    tokio::time::sleep(Duration::from_millis(2)).await;
                }
                // No first line with an interpreter, or a file system on which nothing may be executed.
                Some(Errno::ENOEXEC | Errno::EACCES) if direct => direct = false,
                _ => return Err(script.unstarted(&error, &self.shell, settings)),
            }
        }
    }

    /// A launch of the words as they are, or through sudo.
    fn prepare(&self, job: &Job, settings: &Settings, mut words: Vec<OsString>) -> Launch {
        if self.shell.elevates(settings) {
            return self.shell.in_shell(job, settings, "exec \"$0\" \"$@\"", words);
        }
        let program = PathBuf::from(words.remove(0));
        self.shell.launch(job, settings, program, words)
    }
}

fn parameters() -> JsonMap {
    let mut parameters = schema(json!({
        "debug": {
            "description": "Ask for more detail in the log.",
            "type": "boolean",
            "required": false,
            "default": false,
        },
        "content_version": {
            "description": "Git revision of the pack that the script is taken from.",
            "type": "string",
            "required": false,
        },
    }));
    parameters.extend(shared_parameters());
    parameters
}

/// The file to run; a file that was made for the purpose goes away with it.
struct Script {
    path: PathBuf,
    _folder: Option<Scratch>,
}

impl Script {
    /// The entry point of the action. `readable`: somebody else than this user and root will run it.
    fn of(action: &Action, scratch: &Path, readable: bool) -> Result<Self, String> {
        if action.entry_point.is_empty() {
            return Err(format!(
                "Missing entry_point in the metadata of {}",
                action.reference
            ));
        }
        match &action.entry_point_text {
            Some(text) => Self::write(action, text, scratch, readable).map_err(|error| {
                format!(
                    "Cannot write the script of {} to be run: {error}",
                    action.reference
                )
            }),
            None => Ok(Self {
                path: inside_actions(action)?,
                _folder: None,
            }),
        }
    }

    fn write(action: &Action, text: &str, scratch: &Path, readable: bool) -> io::Result<Self> {
        let (folder_mode, file_mode) = if readable { (0o755, 0o755) } else { (0o700, 0o700) };
        std::fs::DirBuilder::new()
            .recursive(true)
            .mode(folder_mode)
            .create(scratch)?;
        let folder = Scratch(std::path::absolute(scratch)?);
        let name = Path::new(&action.entry_point)
            .file_name()
            .unwrap_or_else(|| action.name.as_ref());
        let path = folder.0.join(name);
        let mut file = std::fs::OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(file_mode)
            .open(&path)?;
        io::Write::write_all(&mut file, text.as_bytes())?;
        Ok(Self {
            path,
            _folder: Some(folder),
        })
    }

    /// True when the file may be executed as it is.
    fn make_executable(&self) -> bool {
        let Ok(found) = std::fs::metadata(&self.path) else {
            return false;
        };
        let mode = found.permissions().mode();
        mode & 0o111 != 0
            || std::fs::set_permissions(&self.path, std::fs::Permissions::from_mode(mode | 0o111)).is_ok()
    }

    fn unstarted(&self, error: &io::Error, shell: &Shell, settings: &Settings) -> String {
        let missing =
            error.kind() == io::ErrorKind::NotFound && !shell.elevates(settings) && self.path.exists();
        match interpreter(&self.path) {
            Some(words) if missing => {
                let interpreter = words
                    .first()
                    .map(|word| word.to_string_lossy().into_owned())
                    .unwrap_or_default();
                format!(
                    "The first line of {} asks for {interpreter}, which is not on this machine",
                    self.path.display()
                )
            }
            _ if missing => format!("Cannot start {}: {error}", self.path.display()),
            _ => unstarted(error, shell, settings),
        }
    }
}

/// A folder that is removed with everything in it.
struct Scratch(PathBuf);

impl Drop for Scratch {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.0) {
            tracing::warn!(folder = %self.0.display(), %error, "cannot remove the folder of an execution");
        }
    }
}

/// The entry point on disk. It must be a file in the pack's `actions` folder, wherever links lead.
fn inside_actions(action: &Action) -> Result<PathBuf, String> {
    let reference = &action.reference;
    let entry_point = &action.entry_point;
    let Some(pack) = &action.pack_dir else {
        return Err(format!(
            "The pack of {reference} has no folder on this machine that could hold {entry_point}"
        ));
    };
    let actions = pack.join("actions");
    let absent = |path: &Path, error: &io::Error| {
        format!(
            "Cannot find the script of {reference}: {}: {error}; check its entry_point",
            path.display()
        )
    };
    let base = actions.canonicalize().map_err(|error| absent(&actions, &error))?;
    let wanted = actions.join(entry_point);
    let found = wanted.canonicalize().map_err(|error| absent(&wanted, &error))?;
    if !found.starts_with(&base) {
        return Err(format!(
            "The entry_point {entry_point} of {reference} leads out of the pack's actions folder"
        ));
    }
    if !found.is_file() {
        return Err(format!(
            "The entry_point {entry_point} of {reference} is not a file"
        ));
    }
    Ok(found)
}

/// Interpreter and its one argument from the first line of a script.
pub(super) fn interpreter(script: &Path) -> Option<Vec<OsString>> {
    use std::os::unix::ffi::OsStringExt as _;
    let mut line = Vec::new();
    let file = std::fs::File::open(script).ok()?;
    io::BufReader::new(io::Read::take(file, 4096))
        .read_until(b'\n', &mut line)
        .ok()?;
    let line = line.strip_prefix(b"#!")?.trim_ascii();
    let end = line
        .iter()
        .position(u8::is_ascii_whitespace)
        .unwrap_or(line.len());
    let (program, argument) = line.split_at(end);
    let words = [program, argument.trim_ascii()]
        .into_iter()
        .filter(|word| !word.is_empty());
    let words: Vec<_> = words.map(|word| OsString::from_vec(word.to_vec())).collect();
    (!words.is_empty()).then_some(words)
}

impl Runner for ShellScriptRunner {
    fn spec(&self) -> &RunnerSpec {
        &self.spec
    }

    fn run(&self, job: Job) -> BoxFuture<'_, Outcome> {
        self.carry_out(job).boxed()
    }
}
