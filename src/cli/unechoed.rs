//! Typing that the terminal does not show.

use std::os::fd::AsFd;

use nix::sys::termios::{LocalFlags, SetArg, Termios, tcgetattr, tcsetattr};
use nix::unistd::dup;

/// While it lives, the terminal does not show what is typed.
pub(super) struct Unechoed {
    terminal: std::os::fd::OwnedFd,
    before: Termios,
}

impl Unechoed {
    /// Begins on a terminal; `None` when it is none, so that nothing is shown anyway, or when it does not obey.
    pub(super) fn begin(terminal: &impl AsFd) -> Option<Self> {
        let before = tcgetattr(terminal).ok()?;
        let mut hidden = before.clone();
        hidden.local_flags.remove(LocalFlags::ECHO);
        let terminal = dup(terminal).ok()?;
        tcsetattr(&terminal, SetArg::TCSANOW, &hidden).ok()?;
        Some(Self { terminal, before })
    }
}

impl Drop for Unechoed {
    fn drop(&mut self) {
        // Nothing better can be done with a terminal that went away.
        let _ = tcsetattr(&self.terminal, SetArg::TCSANOW, &self.before);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_terminal_shows_nothing_until_it_is_over() {
        let pair = nix::pty::openpty(None, None).unwrap();
        let shows = || {
            tcgetattr(&pair.slave)
                .unwrap()
                .local_flags
                .contains(LocalFlags::ECHO)
        };
        assert!(shows());
        let hidden = Unechoed::begin(&pair.slave).unwrap();
        assert!(!shows());
        drop(hidden);
        assert!(shows());
    }

    #[test]
    fn what_is_no_terminal_is_left_alone() {
        assert!(Unechoed::begin(&tempfile::tempfile().unwrap()).is_none());
    }
}
