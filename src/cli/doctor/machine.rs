//! Checks of the machine: clock, programs, the account that actions run as, limits.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use nix::sys::resource::{Resource, getrlimit};

use super::{Findings, Outcome};
use crate::settings::Settings;

/// The year in which this was written: no clock that is right shows an earlier one.
const EARLIEST: i16 = 2026;
/// How long the two clocks are compared.
const COMPARED: Duration = Duration::from_millis(50);
/// How long sudo may take.
const SUDO: Duration = Duration::from_secs(5);
/// Open files beside one pipe or socket per running action.
const FILES: u64 = 256;

/// The clock: sane, steady, in a known time zone.
pub(super) fn clock(found: &mut Findings) {
    const CHECK: &str = "clock";
    let (steady, wall) = (Instant::now(), SystemTime::now());
    std::thread::sleep(COMPARED);
    let (steady, wall) = (steady.elapsed(), wall.elapsed());
    let apart = wall.as_ref().map_or(Duration::MAX, |wall| wall.abs_diff(steady));
    let now = jiff::Zoned::now();
    let zone = now
        .time_zone()
        .iana_name()
        .map_or_else(|| "an unnamed time zone".to_owned(), str::to_owned);
    let set = "set the clock and keep it set: timedatectl set-ntp true";
    if SystemTime::now().duration_since(UNIX_EPOCH).is_err() || now.year() < EARLIEST {
        found.add(
            CHECK,
            Outcome::Fail,
            format!("shows the year {}", now.year()),
            set,
        );
    } else if apart > COMPARED {
        found.add(
            CHECK,
            Outcome::Warn,
            "jumps: within 50 ms it moved otherwise than time passes",
            set,
        );
    } else {
        found.ok(CHECK, format!("{} in {zone}", now.strftime("%Y-%m-%d %H:%M:%S")));
    }
}

/// Programs that actions and packs need.
pub(super) fn programs(variables: &BTreeMap<String, String>, found: &mut Findings) {
    const PROGRAMS: [(&str, &str); 4] = [
        ("bash", "shell actions run with sh instead"),
        ("sudo", "actions cannot run as another account"),
        ("python3", "Python actions and sensors cannot run"),
        ("git", "packs cannot be installed from repositories"),
    ];
    for (program, without) in PROGRAMS {
        match search(program, variables) {
            Some(path) => found.ok(program, path.display().to_string()),
            None => {
                let message = format!("is not in PATH: {without}");
                found.add(
                    program,
                    Outcome::Warn,
                    message,
                    format!("install {program} if you need that"),
                );
            }
        }
    }
}

fn search(program: &str, variables: &BTreeMap<String, String>) -> Option<PathBuf> {
    const USUAL: &str = "/usr/local/bin:/usr/bin:/bin";
    let path = variables.get("PATH").map_or(USUAL, String::as_str);
    std::env::split_paths(path)
        .map(|dir| dir.join(program))
        .find(|file| {
            std::fs::metadata(file).is_ok_and(|seen| seen.is_file() && seen.permissions().mode() & 0o111 != 0)
        })
}

/// The account that actions run as: there, and reachable without a password.
pub(super) async fn system_user(
    settings: &Settings,
    variables: &BTreeMap<String, String>,
    found: &mut Findings,
) {
    const CHECK: &str = "system user";
    let Some(user) = &settings.runners.system_user else {
        return;
    };
    match nix::unistd::User::from_name(user) {
        Ok(Some(account)) if account.uid == nix::unistd::geteuid() => {
            found.ok(CHECK, format!("{user} is the account that this runs as"));
            return;
        }
        Ok(Some(_)) => {}
        Ok(None) | Err(_) => {
            let hint = format!("make it (useradd --system {user}) or change runners.system_user");
            found.add(CHECK, Outcome::Fail, format!("there is no account {user}"), hint);
            return;
        }
    }
    let Some(sudo) = search("sudo", variables) else {
        let message = format!("actions are to run as {user}, but there is no sudo");
        found.add(
            CHECK,
            Outcome::Fail,
            message,
            "install sudo, or take runners.system_user out",
        );
        return;
    };
    let tried = tokio::process::Command::new(sudo)
        .args(["-n", "-u", user, "true"])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .status();
    match tokio::time::timeout(SUDO, tried).await {
        Ok(Ok(status)) if status.success() => found.ok(CHECK, format!("{user} is reachable with sudo")),
        _ => {
            let me = nix::unistd::User::from_uid(nix::unistd::geteuid()).ok().flatten();
            let me = me.map_or_else(|| "sayso".to_owned(), |me| me.name);
            let hint =
                format!("allow it in a file in /etc/sudoers.d: {me} ALL=({user}) NOPASSWD:SETENV: ALL");
            found.add(
                CHECK,
                Outcome::Fail,
                format!("`sudo -n -u {user}` does not work"),
                hint,
            );
        }
    }
}

/// Open files.
pub(super) fn limits(settings: &Settings, found: &mut Findings) {
    const CHECK: &str = "open files";
    let Ok((soft, hard)) = getrlimit(Resource::RLIMIT_NOFILE) else {
        return;
    };
    // Three pipes for each action at work, one socket for each connection that is worth counting on.
    let needed = settings.engine.concurrency as u64 * 3 + FILES;
    if soft < needed {
        let hint =
            format!("raise the limit: ulimit -n {needed}, or LimitNOFILE={needed} in the service file");
        let message = format!(
            "{soft} (at most {hard}) are too few for {} actions at once",
            settings.engine.concurrency
        );
        found.add(CHECK, Outcome::Warn, message, hint);
    } else {
        found.ok(CHECK, format!("at most {soft}"));
    }
}
