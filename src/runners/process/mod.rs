//! Child processes: started without copying the server, watched, and ended as a whole group.
//!
//! Every child leads its own process group. It is started by `posix_spawn`: the standard library takes that
//! road only as long as there is no `pre_exec` closure and the program is given by path, so [`Launch`] offers
//! neither closures nor a search through `PATH`.
//!
//! On timeout and on cancel the group gets SIGTERM, and SIGKILL when it is still there after the grace. When
//! the future is dropped the group gets SIGKILL at once. A process that moved itself to another group or
//! session escapes both, and so does one that outlives a leader that ended by itself (a daemon started on
//! purpose): the latter loses its pipe after [`Bounds::drain`].

mod capture;
mod group;

use std::ffi::OsString;
use std::io;
use std::path::PathBuf;
use std::pin::pin;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use tokio::io::AsyncWriteExt as _;
use tokio::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command};
use tokio_util::sync::CancellationToken;
use zeroize::Zeroizing;

use super::OutputSink;
use crate::model::OutputStream;
use capture::Capture;
pub(super) use capture::{Captured, cut_note};
pub(super) use group::Elevation;
use group::Group;

/// How long a killed leader may take to vanish before it is left to the runtime.
const UNKILLABLE: Duration = Duration::from_secs(5);
/// How often a group that was asked to end is looked at.
const LOOK: Duration = Duration::from_millis(10);

/// What to start.
#[derive(Clone)]
pub(super) struct Launch {
    /// Path of the program; must hold a slash.
    pub(super) program: PathBuf,
    /// Its arguments, without the program itself.
    pub(super) arguments: Vec<OsString>,
    /// Where it starts; the server's folder when `None`.
    pub(super) directory: Option<PathBuf>,
    /// Its whole environment.
    pub(super) environment: Vec<(OsString, OsString)>,
    /// What it finds on standard input before the end of file; nothing at all when `None`.
    pub(super) input: Option<Zeroizing<String>>,
    /// How to reach its processes when they belong to somebody else.
    pub(super) elevation: Option<Elevation>,
}

/// Limits on a child.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    /// How long it may take.
    pub(super) time: Duration,
    /// Bytes kept of each output stream.
    pub(super) keep: usize,
    /// Time between SIGTERM and SIGKILL.
    pub(super) grace: Duration,
    /// How long the output is still read after the leader ended, when another process holds the pipe.
    pub(super) drain: Duration,
}

/// How a child ended.
#[derive(Debug)]
pub(super) enum End {
    /// By itself, or by a signal that was not ours.
    Exited(ExitStatus),
    /// It was stopped because its time was over.
    TimedOut,
    /// It was stopped because somebody asked for it.
    Canceled,
    /// The operating system does not tell.
    Lost(io::Error),
}

/// What became of a child.
#[derive(Debug)]
pub(super) struct Finished {
    /// How it ended.
    pub(super) end: End,
    /// Its standard output.
    pub(super) stdout: Captured,
    /// Its standard error.
    pub(super) stderr: Captured,
}

/// A started child. Dropping it kills its group.
pub(super) struct Running {
    // Before `child`, so that a dropped job kills the group while the leader's number is still taken.
    group: Group,
    child: Child,
    stdin: Option<(ChildStdin, Zeroizing<String>)>,
    stdout: Option<ChildStdout>,
    stderr: Option<ChildStderr>,
}

impl Launch {
    /// Starts the child.
    ///
    /// # Errors
    /// Those of the operating system: no such program or folder, no permission, arguments too long.
    pub(super) fn spawn(&self) -> io::Result<Running> {
        let mut command = Command::new(&self.program);
        command
            .args(&self.arguments)
            .env_clear()
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .stdin(if self.input.is_some() {
                Stdio::piped()
            } else {
                Stdio::null()
            })
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .kill_on_drop(true);
        if let Some(directory) = &self.directory {
            command.current_dir(directory);
        }
        let mut child = command.spawn()?;
        Ok(Running {
            group: Group::of(&child, self.elevation.clone()),
            stdin: child.stdin.take().zip(self.input.clone()),
            stdout: child.stdout.take(),
            stderr: child.stderr.take(),
            child,
        })
    }
}

impl Running {
    /// Watches the child to its end and hands its output on while it comes.
    pub(super) async fn finish(
        mut self,
        bounds: &Bounds,
        cancel: &CancellationToken,
        output: &OutputSink,
    ) -> Finished {
        let stop = CancellationToken::new();
        let mut stdout = Capture::new(OutputStream::Stdout, bounds.keep);
        let mut stderr = Capture::new(OutputStream::Stderr, bounds.keep);
        let (pipe_in, pipe_out, pipe_err) = (self.stdin.take(), self.stdout.take(), self.stderr.take());

        let end = {
            let mut pipes = pin!(async {
                tokio::join!(
                    feed(pipe_in),
                    stdout.read(pipe_out, output, &stop),
                    stderr.read(pipe_err, output, &stop)
                )
            });
            let mut watch = pin!(self.watch(bounds, cancel));
            let mut open = true;
            let end = loop {
                tokio::select! {
                    end = &mut watch => break end,
                    _ = &mut pipes, if open => open = false,
                }
            };
            if open && tokio::time::timeout(bounds.drain, &mut pipes).await.is_err() {
                stop.cancel();
                pipes.await;
            }
            end
        };
        Finished {
            end,
            stdout: stdout.into_captured(),
            stderr: stderr.into_captured(),
        }
    }

    async fn watch(&mut self, bounds: &Bounds, cancel: &CancellationToken) -> End {
        let end = tokio::select! {
            biased;
            status = self.child.wait() => match status {
                Ok(status) => End::Exited(status),
                Err(error) => End::Lost(error),
            },
            () = cancel.cancelled() => End::Canceled,
            () = tokio::time::sleep(bounds.time) => End::TimedOut,
        };
        if matches!(end, End::TimedOut | End::Canceled) {
            self.end(bounds.grace).await;
        }
        self.group.leave();
        end
    }

    /// Ends the group: asks, waits for the grace, kills.
    async fn end(&mut self, grace: Duration) {
        self.group.terminate();
        let deadline = tokio::time::Instant::now() + grace;
        let mut reaped = false;
        while tokio::time::Instant::now() < deadline {
            tokio::select! {
                _ = self.child.wait(), if !reaped => reaped = true,
                () = tokio::time::sleep(LOOK) => {}
            }
            // Only a reaped leader stops counting as a member.
            if reaped && !self.group.has_members() {
                return;
            }
        }
        self.group.kill();
        if !reaped && tokio::time::timeout(UNKILLABLE, self.child.wait()).await.is_err() {
            tracing::warn!(
                pid = self.group.number(),
                "a killed process does not go away; no longer waiting for it"
            );
        }
    }
}

/// Writes the input and closes the pipe. A child that does not read it is no error.
async fn feed(stdin: Option<(ChildStdin, Zeroizing<String>)>) {
    if let Some((mut pipe, input)) = stdin {
        let _ = pipe.write_all(input.as_bytes()).await;
        let _ = pipe.shutdown().await;
    }
}

#[cfg(test)]
mod tests;
