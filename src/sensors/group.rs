//! The process group of a sensor: its program and whatever that starts.

use nix::errno::Errno;
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use tokio::process::Child;

/// A process group; it is killed when this is dropped, unless it was left before.
pub(super) struct Group(Option<Pid>);

impl Group {
    /// The group that the child leads.
    pub(super) fn of(child: &Child) -> Self {
        Self(
            child
                .id()
                .and_then(|id| i32::try_from(id).ok())
                .map(Pid::from_raw),
        )
    }

    /// Asks all members to end.
    pub(super) fn terminate(&self) {
        self.signal(Signal::SIGTERM);
    }

    /// Ends all members.
    pub(super) fn kill(&self) {
        self.signal(Signal::SIGKILL);
    }

    /// Ends what the leader, who has just ended, left behind; from here on the group's number may be somebody else's.
    pub(super) fn sweep(&mut self) {
        self.kill();
        self.0 = None;
    }

    fn signal(&self, signal: Signal) {
        let Some(leader) = self.0 else { return };
        if let Err(error) = killpg(leader, signal)
            && error != Errno::ESRCH
        {
            tracing::warn!(pid = leader.as_raw(), %signal, %error, "cannot signal the processes of a sensor");
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.kill();
    }
}
