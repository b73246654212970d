//! The process group of a child: signals that reach all of it, also when it belongs to another user.

use std::ffi::OsString;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use nix::errno::Errno;
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use tokio::process::Child;
use zeroize::Zeroizing;

/// How to signal processes that another user owns: by the same `sudo` that started them.
#[derive(Clone)]
pub(in crate::runners) struct Elevation {
    /// Path of sudo.
    pub(in crate::runners) sudo: PathBuf,
    /// Its flags, before `--`.
    pub(in crate::runners) flags: Vec<OsString>,
    /// Path of the shell, whose `kill` is used.
    pub(in crate::runners) shell: PathBuf,
    /// Password for sudo's standard input.
    pub(in crate::runners) password: Option<Zeroizing<String>>,
}

/// A process group that is killed when dropped, unless it was left before.
pub(super) struct Group {
    leader: Option<Pid>,
    elevation: Option<Elevation>,
}

impl Group {
    /// The group that the child leads.
    pub(super) fn of(child: &Child, elevation: Option<Elevation>) -> Self {
        let leader = child
            .id()
            .and_then(|id| i32::try_from(id).ok())
            .map(Pid::from_raw);
        Self { leader, elevation }
    }

    /// Number of the leader, for the log; 0 when it is unknown.
    pub(super) fn number(&self) -> i32 {
        self.leader.map_or(0, Pid::as_raw)
    }

    /// Lets the group be: a dropped `Group` no longer kills it. From here on its number may be given to others.
    pub(super) const fn leave(&mut self) {
        self.leader = None;
    }

    /// Asks all members to end.
    pub(super) fn terminate(&self) {
        self.signal(Signal::SIGTERM);
    }

    /// Ends all members.
    pub(super) fn kill(&self) {
        self.signal(Signal::SIGKILL);
    }

    /// True while there are members, the leader's remains included.
    pub(super) fn has_members(&self) -> bool {
        self.leader
            .is_some_and(|leader| killpg(leader, None) != Err(Errno::ESRCH))
    }

    fn signal(&self, signal: Signal) {
        let Some(leader) = self.leader else { return };
        // What sudo started belongs to another user, and signals to a group of mixed owners are "delivered"
        // when one member got it, so ours says nothing about theirs.
        if let Err(error) = killpg(leader, signal)
            && error != Errno::ESRCH
            && self.elevation.is_none()
        {
            tracing::warn!(pid = leader.as_raw(), %signal, %error, "cannot signal the processes of an action");
        }
        if let Some(elevation) = &self.elevation
            && self.has_members()
        {
            elevation.signal(leader, signal);
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.kill();
    }
}

impl Elevation {
    /// Runs `kill` as the other user, in a thread of its own because it also happens while a future is dropped.
    fn signal(&self, leader: Pid, signal: Signal) {
        let name = signal.as_str().trim_start_matches("SIG").to_owned();
        let this = self.clone();
        let signaller = move || {
            if let Err(error) = this.run(&format!("kill -s {name} -- -{leader}")) {
                tracing::warn!(pid = leader.as_raw(), %error, "cannot signal the processes of an action through sudo");
            }
        };
        if let Err(error) = std::thread::Builder::new()
            .name("sudo-kill".to_owned())
            .spawn(signaller)
        {
            tracing::warn!(%error, "cannot start a thread to signal the processes of an action");
        }
    }

    fn run(&self, command: &str) -> std::io::Result<()> {
        let mut child = Command::new(&self.sudo)
            .args(&self.flags)
            .arg("--")
            .arg(&self.shell)
            .args(["-c", command])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        if let (Some(mut pipe), Some(password)) = (child.stdin.take(), &self.password) {
            // A sudo that needs no password does not read it.
            let _ = pipe.write_all(password.as_bytes());
        }
        child.wait().map(drop)
    }
}
