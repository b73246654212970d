//! What a shell action gives back: `{failed, succeeded, return_code, stdout, stderr, error?}`.

use std::io;
use std::os::unix::process::ExitStatusExt as _;
use std::process::ExitStatus;
use std::sync::LazyLock;

use nix::errno::Errno;
use nix::sys::signal::Signal;
use regex::Regex;
use serde_json::{Value, json};

use super::{Settings, Shell};
use crate::model::Status;
use crate::runners::Outcome;
use crate::runners::process::{Captured, End, Finished, cut_note};

const KILLED: i64 = -(Signal::SIGKILL as i64);
const TERMINATED: i64 = -(Signal::SIGTERM as i64);

/// The outcome of a job that never started.
pub(super) fn refused(error: &str) -> Outcome {
    let result = json!({
        "failed": true,
        "succeeded": false,
        "return_code": -1,
        "stdout": "",
        "stderr": "",
        "error": error,
    });
    Outcome::new(Status::Failed, result)
}

/// The outcome of a job that ran.
pub(super) fn finished(finished: Finished, settings: &Settings) -> Outcome {
    let Finished { end, stdout, stderr } = finished;
    let (status, code, error) = match end {
        End::Exited(exit) => exited(exit),
        End::TimedOut => {
            let error = format!("Action failed to complete in {} seconds", settings.timeout);
            (Status::Timeout, KILLED, Some(error))
        }
        End::Canceled => (
            Status::Canceled,
            TERMINATED,
            Some("Action was canceled while it ran".to_owned()),
        ),
        End::Lost(error) => {
            let error = format!("The operating system does not tell how the process ended: {error}");
            (Status::Abandoned, -1, Some(error))
        }
    };
    let (status, code, error) = match wrong_password(settings, &stderr) {
        Some(error) if status == Status::Failed => (status, -1, Some(error)),
        _ => (status, code, error),
    };
    let succeeded = status == Status::Succeeded;
    let mut result = json!({
        "failed": !succeeded,
        "succeeded": succeeded,
        "return_code": code,
        "stdout": Value::Null,
        "stderr": Value::Null,
    });
    if let Some(fields) = result.as_object_mut() {
        let cut = [("stdout_bytes", &stdout), ("stderr_bytes", &stderr)]
            .map(|(name, captured)| captured.is_cut().then_some((name, captured.total)));
        fields.insert("stdout".to_owned(), shown(stdout));
        fields.insert("stderr".to_owned(), shown(stderr));
        if let Some(error) = error {
            fields.insert("error".to_owned(), error.into());
        }
        for (name, total) in cut.into_iter().flatten() {
            fields.insert(name.to_owned(), total.into());
        }
    }
    Outcome::new(status, result)
}

/// Status, return code as Python gives it (negative: the signal), and a word on signals.
fn exited(exit: ExitStatus) -> (Status, i64, Option<String>) {
    let code = exit
        .code()
        .map_or_else(|| -i64::from(exit.signal().unwrap_or(0)), i64::from);
    let status = match code {
        0 => Status::Succeeded,
        TERMINATED => Status::Abandoned,
        _ => Status::Failed,
    };
    let error = exit.signal().map(|number| {
        let name = Signal::try_from(number).map_or("unknown", Signal::as_str);
        format!("The process was ended by signal {number} ({name}) that Sayso did not send")
    });
    (status, code, error)
}

/// The reference's text when sudo did not take the password.
fn wrong_password(settings: &Settings, stderr: &Captured) -> Option<String> {
    static REFUSED: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r"(?m)\bsudo: (?:\d+ incorrect password attempt|no password was provided)")
            .expect("the pattern is a constant that a test uses")
    });
    settings.sudo_password.as_ref()?;
    if !REFUSED.is_match(&stderr.text) {
        return None;
    }
    let prompt = stderr.text.split_once("[sudo] password for ");
    let user = prompt
        .and_then(|(_, rest)| rest.split_once(':'))
        .map_or("unknown", |(user, _)| user);
    Some(format!(
        "Invalid sudo password provided or sudo is not configured for this user ({user})"
    ))
}

/// A stream as the result shows it: without its last line end, parsed when all of it is JSON (RUN-5; the
/// reference parses `3` and `true` as well).
fn shown(captured: Captured) -> Value {
    let cut = captured.is_cut();
    let Captured {
        mut text,
        total,
        kept,
    } = captured;
    if cut {
        text.push_str(&cut_note(kept, total));
        return text.into();
    }
    for end in ['\n', '\r'] {
        if text.ends_with(end) {
            text.pop();
        }
    }
    match serde_json::from_str(&text) {
        // A number with more digits than we can hold stays a text rather than become another number.
        Ok(Value::Number(number)) if number.is_f64() && !text.contains(['.', 'e', 'E']) => text.into(),
        Ok(value) => value,
        Err(_) => text.into(),
    }
}

/// Why a program did not start, with what can be done about it.
pub(super) fn unstarted(error: &io::Error, shell: &Shell, settings: &Settings) -> String {
    let program = if shell.elevates(settings) {
        &shell.sudo
    } else {
        &shell.shell
    };
    let program = program.display();
    match error.raw_os_error().map(Errno::from_raw) {
        Some(Errno::E2BIG) => {
            "The arguments and environment variables are too long for the operating system (Linux takes 128 KiB for \
             one argument): hand large values over in a file"
                .to_owned()
        }
        Some(Errno::ENOENT) => format!("Cannot start {program}: no such file; is it installed on this machine?"),
        Some(Errno::EAGAIN | Errno::ENOMEM | Errno::EMFILE | Errno::ENFILE) => {
            format!("Cannot start {program}: {error}; this machine has no room for another process now")
        }
        _ if error.kind() == io::ErrorKind::InvalidInput => {
            "A command or argument contains a NUL byte, which no program can be given".to_owned()
        }
        _ => format!("Cannot start {program}: {error}"),
    }
}
