//! Processes of sensors that a Sayso left behind when it was killed: they are ended before theirs are started again.

use std::fs;
use std::path::{Path, PathBuf};

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;

/// Notes of the processes that run, one file a sensor.
#[derive(Clone, Debug)]
pub(super) struct Notes(PathBuf);

impl Notes {
    pub(super) fn below(scratch: &Path) -> Self {
        Self(scratch.join("sensors/running"))
    }

    /// Notes the process of a sensor.
    pub(super) fn write(&self, sensor: &str, pid: u32) {
        let Some(born) = born(pid) else { return };
        let written = fs::create_dir_all(&self.0)
            .and_then(|()| fs::write(self.0.join(sensor), format!("{pid} {born}")));
        if let Err(error) = written {
            tracing::warn!(sensor, %error, "the process of a sensor cannot be noted");
        }
    }

    /// The process is gone.
    pub(super) fn remove(&self, sensor: &str) {
        let _ = fs::remove_file(self.0.join(sensor));
    }

    /// Ends what is still there. A process that merely has the same number was born at another time.
    pub(super) fn end_all(&self) {
        for entry in fs::read_dir(&self.0).into_iter().flatten().flatten() {
            let text = fs::read_to_string(entry.path()).unwrap_or_default();
            if let Some((pid, then)) = text.split_once(' ')
                && let Ok(pid) = pid.parse::<u32>()
                && born(pid).is_some_and(|born| born == then)
                && let Ok(leader) = i32::try_from(pid)
            {
                let sensor = entry.file_name();
                tracing::warn!(pid, sensor = %sensor.to_string_lossy(), "a sensor of an earlier run is still there and is ended");
                let _ = killpg(Pid::from_raw(leader), Signal::SIGKILL);
            }
            let _ = fs::remove_file(entry.path());
        }
    }
}

/// When a process was born, in ticks since the machine was.
fn born(pid: u32) -> Option<String> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name of the program, in brackets, may hold anything.
    let (_, rest) = text.rsplit_once(')')?;
    rest.split_whitespace().nth(19).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
    use std::process::Command;

    use super::*;

    #[test]
    fn only_the_noted_process_is_ended() {
        let folder = tempfile::tempdir().unwrap();
        let notes = Notes::below(folder.path());
        let mut children: Vec<_> = (0..2)
            .map(|_| {
                Command::new("/bin/sleep")
                    .arg("1000")
                    .process_group(0)
                    .spawn()
                    .unwrap()
            })
            .collect();
        notes.write("p.one", children[0].id());
        // Another process has the number by now.
        notes.write("p.two", children[1].id());
        fs::write(
            folder.path().join("sensors/running/p.two"),
            format!("{} 1", children[1].id()),
        )
        .unwrap();
        fs::write(folder.path().join("sensors/running/p.three"), "nonsense").unwrap();
        notes.end_all();
        assert_eq!(children[0].wait().unwrap().signal(), Some(9));
        assert_eq!(children[1].try_wait().unwrap(), None);
        children[1].kill().unwrap();
        children[1].wait().unwrap();
        assert_eq!(
            fs::read_dir(folder.path().join("sensors/running"))
                .unwrap()
                .count(),
            0
        );
    }
}
