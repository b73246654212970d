//! `local-shell-cmd` and `local-shell-script`: commands and scripts on this machine (RUN-1 to RUN-5).
//!
//! They run as the user that started the server, in `bash -c`, unless [`ShellOptions::system_user`] names another
//! or the action says `sudo: true`. Where no bash is found, `sh` takes its place and the server's log says so once.

mod arguments;
mod command;
mod environment;
mod result;
mod script;

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Value, json};
use zeroize::Zeroizing;

pub use command::ShellCommandRunner;
pub use script::ShellScriptRunner;

use super::process::{Bounds, Elevation, Launch};
use super::{Job, schema};
use crate::model::JsonMap;

/// Seconds that an action may take when it does not say.
const DEFAULT_TIMEOUT: u64 = 60;
/// After a leader ended by itself its output is read this much longer, when another process holds the pipe.
const DRAIN: Duration = Duration::from_secs(1);

/// How shell actions run.
#[derive(Clone, Debug)]
pub struct ShellOptions {
    /// User that actions run as, through `sudo -E -H -u`; `None`, or the name of the user that started the server:
    /// without sudo.
    pub system_user: Option<String>,
    /// Bytes of standard output, and as many of standard error, that a result keeps. All are handed on as output.
    pub keep_output: usize,
    /// How long processes have between SIGTERM and SIGKILL when they are stopped.
    pub grace: Duration,
    /// Path of sudo; `None`: searched for in `PATH`.
    pub sudo: Option<PathBuf>,
    /// Path of the shell; `None`: bash, else sh, searched for in `PATH`.
    pub shell: Option<PathBuf>,
}

impl Default for ShellOptions {
    fn default() -> Self {
        Self {
            system_user: None,
            keep_output: 10 * 1024 * 1024,
            grace: Duration::from_secs(2),
            sudo: None,
            shell: None,
        }
    }
}

/// What the shell runners share: options, the programs found, the environment to pass on.
pub(super) struct Shell {
    options: ShellOptions,
    /// The other user to become, if any.
    other_user: Option<String>,
    shell: PathBuf,
    sudo: PathBuf,
    inherited: Vec<(OsString, OsString)>,
}

impl Shell {
    pub(super) fn new(options: ShellOptions) -> Self {
        let shell = options.shell.clone().or_else(|| find("bash")).unwrap_or_else(|| {
            tracing::warn!("no bash found in PATH: shell actions run in /bin/sh, which knows less");
            find("sh").unwrap_or_else(|| PathBuf::from("/bin/sh"))
        });
        let sudo = options
            .sudo
            .clone()
            .or_else(|| find("sudo"))
            .unwrap_or_else(|| PathBuf::from("/usr/bin/sudo"));
        let other_user = options
            .system_user
            .clone()
            .filter(|user| Some(user) != own_name().as_ref());
        Self {
            other_user,
            shell,
            sudo,
            inherited: environment::inherited(),
            options,
        }
    }

    /// Limits for a job with these settings.
    fn bounds(&self, settings: &Settings) -> Bounds {
        Bounds {
            time: Duration::from_secs(settings.timeout),
            keep: self.options.keep_output,
            grace: self.options.grace,
            drain: DRAIN,
        }
    }

    /// True when the job needs sudo.
    const fn elevates(&self, settings: &Settings) -> bool {
        settings.sudo || self.other_user.is_some()
    }

    /// A launch of `shell -c script arguments…`, through sudo where needed.
    fn in_shell(&self, job: &Job, settings: &Settings, script: &str, arguments: Vec<OsString>) -> Launch {
        let mut words = vec![OsString::from("-c")];
        if !self.elevates(settings) {
            words.push(script.into());
            words.extend(arguments);
            return self.launch(job, settings, self.shell.clone(), words);
        }
        // A sudo that asks for no password leaves it in the pipe, where the command must not find it.
        let script = match settings.sudo_password {
            Some(_) => format!("exec </dev/null; {script}"),
            None => script.to_owned(),
        };
        words.push(script.into());
        words.extend(arguments);
        let flags = self.sudo_flags(settings);
        let mut sudo_words = flags.clone();
        sudo_words.push("--".into());
        sudo_words.push(self.shell.clone().into());
        sudo_words.extend(words);
        let mut launch = self.launch(job, settings, self.sudo.clone(), sudo_words);
        let password = settings
            .sudo_password
            .as_ref()
            .map(|password| Zeroizing::new(format!("{}\n", **password)));
        let mut signal_flags = flags;
        if password.is_none() {
            signal_flags.insert(0, "-n".into());
        }
        launch.elevation = Some(Elevation {
            sudo: self.sudo.clone(),
            flags: signal_flags,
            shell: self.shell.clone(),
            password: password.clone(),
        });
        launch.input = password;
        launch
    }

    /// A launch without shell and sudo.
    fn launch(&self, job: &Job, settings: &Settings, program: PathBuf, arguments: Vec<OsString>) -> Launch {
        Launch {
            program,
            arguments,
            directory: settings.directory.clone(),
            environment: environment::complete(&self.inherited, &settings.environment, job),
            input: None,
            elevation: None,
        }
    }

    /// `-E`, and `-H -u user` for another user than root; `-S` in front when there is a password.
    fn sudo_flags(&self, settings: &Settings) -> Vec<OsString> {
        let mut flags: Vec<OsString> = Vec::new();
        if settings.sudo_password.is_some() {
            flags.push("-S".into());
        }
        flags.push("-E".into());
        if let (false, Some(user)) = (settings.sudo, &self.other_user) {
            flags.extend(["-H".into(), "-u".into(), user.into()]);
        }
        flags
    }
}

/// The runner's parameters of one job, checked.
struct Settings {
    directory: Option<PathBuf>,
    environment: Vec<(String, String)>,
    kwarg_op: String,
    sudo: bool,
    sudo_password: Option<Zeroizing<String>>,
    /// Seconds.
    timeout: u64,
}

impl Settings {
    fn of(parameters: &JsonMap) -> Result<Self, String> {
        let directory = match text(parameters, "cwd")?.filter(|path| !path.is_empty()) {
            None => None,
            Some(path) => Some(existing_directory(path)?),
        };
        let timeout = match parameters.get("timeout") {
            None | Some(Value::Null) => DEFAULT_TIMEOUT,
            Some(value) => value.as_u64().filter(|seconds| *seconds > 0).ok_or_else(|| {
                format!("Parameter \"timeout\" must be a whole number of seconds above 0. Got {value}")
            })?,
        };
        let sudo = match parameters.get("sudo") {
            None | Some(Value::Null) => false,
            Some(Value::Bool(sudo)) => *sudo,
            Some(_) => return Err("Parameter \"sudo\" must be true or false".to_owned()),
        };
        let sudo_password = text(parameters, "sudo_password")?.filter(|password| !password.is_empty());
        if sudo_password.is_some_and(|password| password.contains(['\n', '\0'])) {
            return Err("Parameter \"sudo_password\" must be one line".to_owned());
        }
        Ok(Self {
            directory,
            environment: environment::given(parameters.get("env"))?,
            kwarg_op: text(parameters, "kwarg_op")?.unwrap_or("--").to_owned(),
            sudo,
            sudo_password: sudo_password.map(|password| Zeroizing::new(password.to_owned())),
            timeout,
        })
    }
}

/// A parameter that is a text or absent.
fn text<'p>(parameters: &'p JsonMap, name: &str) -> Result<Option<&'p str>, String> {
    match parameters.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(format!("Parameter \"{name}\" must be a text")),
    }
}

fn existing_directory(path: &str) -> Result<PathBuf, String> {
    match std::fs::metadata(path) {
        Ok(found) if !found.is_dir() => Err(format!(
            "Working directory \"{path}\" (parameter \"cwd\") is not a directory"
        )),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Err(format!(
            "Working directory \"{path}\" (parameter \"cwd\") does not exist"
        )),
        // What this user may not see, another one may.
        _ => Ok(PathBuf::from(path)),
    }
}

/// The first executable file with this name in `PATH`, then in the usual folders.
///
/// Children need paths: to search through `PATH` themselves they would have to be forked from the server.
fn find(program: &str) -> Option<PathBuf> {
    use std::os::unix::fs::PermissionsExt as _;
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain(["/usr/bin", "/bin", "/usr/local/bin"].map(PathBuf::from))
        .filter(|folder| folder.is_absolute())
        .map(|folder| folder.join(program))
        .find(|file| is_executable(file, |mode| mode.permissions().mode()))
}

fn is_executable(file: &Path, mode: impl Fn(&std::fs::Metadata) -> u32) -> bool {
    std::fs::metadata(file).is_ok_and(|found| found.is_file() && mode(&found) & 0o111 != 0)
}

fn own_name() -> Option<String> {
    nix::unistd::User::from_uid(nix::unistd::geteuid())
        .ok()
        .flatten()
        .map(|user| user.name)
}

/// The parameters that both runners have, as the reference orders and describes them in substance.
fn shared_parameters() -> JsonMap {
    schema(json!({
        "cwd": {
            "description": "Folder in which it starts; the server's own when not given.",
            "type": "string",
        },
        "env": {
            "description": "Environment variables to add, as an object of name and value.",
            "type": "object",
        },
        "kwarg_op": {
            "default": "--",
            "description": "What stands before the name of a named argument, such as \"--\" or \"-\".",
            "type": "string",
        },
        "sudo": {
            "default": false,
            "description": "Run it through sudo, as root.",
            "type": "boolean",
        },
        "sudo_password": {
            "default": null,
            "description": "Password for sudo, where sudo asks for one.",
            "type": "string",
            "secret": true,
            "required": false,
        },
        "timeout": {
            "default": DEFAULT_TIMEOUT,
            "description": "Seconds that it may take; then its processes are stopped.",
            "type": "integer",
        },
    }))
}

#[cfg(test)]
mod tests;
