//! What the terminal shows: answers on standard output, a live line that goes away again.

use std::io::{self, IsTerminal as _};
use std::time::Duration;

use super::Sink;
use crate::chat::card::{Style, display_width};
use crate::chat::console::ConsoleEvent;
use crate::chat::templates::duration;

const SPINNER: [char; 10] = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏'];

/// The only writer of a chat.
pub struct Screen {
    out: Sink,
    /// Colours and a live line.
    colour: bool,
    live: bool,
    width: usize,
    frame: usize,
    shown: bool,
}

impl Screen {
    /// The process's standard output; colours only on a terminal and without `NO_COLOR`.
    #[must_use]
    pub fn of_process() -> Self {
        let terminal = io::stdout().is_terminal();
        let wanted = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
            && std::env::var_os("TERM").is_none_or(|term| term != "dumb");
        // Terminals without a size of their own say 0.
        let width = comfy_table::Table::new()
            .width()
            .filter(|width| terminal && *width >= 20)
            .unwrap_or(80);
        Self {
            live: terminal,
            colour: terminal && wanted,
            ..Self::new(Box::new(io::stdout()), usize::from(width))
        }
    }

    /// Any writer, without colours and live line.
    #[must_use]
    pub fn new(out: Sink, width: usize) -> Self {
        Self {
            out,
            colour: false,
            live: false,
            width,
            frame: 0,
            shown: false,
        }
    }

    /// Whether colours are wanted.
    #[must_use]
    pub const fn colour(&self) -> bool {
        self.colour
    }

    /// A line of text.
    pub fn line(&mut self, text: &str) {
        self.clear();
        self.write(&format!("{text}\n"));
    }

    /// A faint remark.
    pub fn remark(&mut self, text: &str) {
        if self.colour {
            self.line(&format!("\u{1b}[2m{text}\u{1b}[0m"))
        } else {
            self.line(text)
        }
    }

    /// An answer.
    pub fn card(&mut self, event: &ConsoleEvent) {
        if self.live {
            let style = if self.colour {
                Style::Terminal
            } else {
                Style::Plain
            };
            // A line of exactly the width makes some terminals put an empty one after it.
            self.line(&event.blocks.text_within(style, self.width.saturating_sub(1)))
        } else {
            self.line(&event.text)
        }
    }

    /// Shows the live line: what is at work, for how long, and the last line that it wrote.
    pub fn progress(&mut self, what: &str, elapsed: Duration, last: &str) {
        if !self.live {
            return;
        }
        self.frame = (self.frame + 1) % SPINNER.len();
        let mut text = format!(
            "{} {what} · {}",
            SPINNER[self.frame],
            duration(elapsed.as_secs_f64().floor())
        );
        if !last.trim().is_empty() {
            text.push_str(" · ");
            text.push_str(last.trim());
        }
        let mut cut = String::new();
        for char in text.chars().filter(|char| !char.is_control()) {
            if display_width(&cut) + 2 > self.width.saturating_sub(1) {
                cut.push('…');
                break;
            }
            cut.push(char);
        }
        let dim = if self.colour {
            ("\u{1b}[2m", "\u{1b}[0m")
        } else {
            ("", "")
        };
        self.write(&format!("\r\u{1b}[2K{}{cut}{}", dim.0, dim.1));
        self.shown = true;
    }

    /// Takes the live line away.
    pub fn clear(&mut self) {
        if self.shown {
            self.shown = false;
            self.write("\r\u{1b}[2K");
        }
    }

    fn write(&mut self, text: &str) {
        // A closed pipe ends the reader, not the command that was asked for.
        let _ = self
            .out
            .write_all(text.as_bytes())
            .and_then(|()| self.out.flush());
    }
}
