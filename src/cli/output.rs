//! The one place that writes to the terminal: data on standard output, everything else on standard error.

use std::io::{self, IsTerminal as _, Write};
use std::sync::Arc;

use clap::ValueEnum;
use parking_lot::Mutex;
use serde::Serialize;
use serde_json::Value;

use super::CliError;
use super::table::Columns;
use super::{table, yaml};

/// How answers are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    // Doc comments here would make the help of every command a page longer.
    Table,
    Json,
    Yaml,
    /// For settings files; `sayso config show` only.
    #[value(hide = true)]
    Toml,
}

type Sink = Box<dyn Write + Send>;

/// Standard output and standard error.
pub struct Output {
    stdout: Sink,
    stderr: Sink,
    /// Columns of the terminal; `None` when standard output is none.
    pub width: Option<u16>,
    /// Whether standard output may be coloured.
    pub colour: bool,
    stderr_colour: bool,
}

impl Output {
    /// The process's own.
    #[must_use]
    pub fn of_process() -> Self {
        let colour_wanted = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
            && std::env::var_os("TERM").is_none_or(|term| term != "dumb");
        let terminal = io::stdout().is_terminal();
        Self {
            stdout: Box::new(io::stdout()),
            stderr: Box::new(io::stderr()),
            width: terminal.then(|| comfy_table::Table::new().width().unwrap_or(80)),
            colour: terminal && colour_wanted,
            stderr_colour: io::stderr().is_terminal() && colour_wanted,
        }
    }

    /// Two buffers instead of the process's streams, and an output that writes to them.
    #[must_use]
    pub fn captured(width: Option<u16>) -> (Self, Captured, Captured) {
        let (stdout, stderr) = (Captured::default(), Captured::default());
        let output = Self {
            stdout: Box::new(stdout.clone()),
            stderr: Box::new(stderr.clone()),
            width,
            colour: false,
            stderr_colour: false,
        };
        (output, stdout, stderr)
    }

    /// Text as it is.
    ///
    /// # Errors
    /// When it cannot be written; a closed pipe ends the command quietly.
    pub fn text(&mut self, text: &str) -> Result<(), CliError> {
        self.stdout.write_all(text.as_bytes())?;
        Ok(self.stdout.flush()?)
    }

    /// Standard output itself, for work that writes a lot elsewhere; what is written here afterwards is lost.
    pub fn stdout(&mut self) -> Box<dyn Write + Send> {
        Box::new(io::BufWriter::new(std::mem::replace(
            &mut self.stdout,
            Box::new(io::sink()),
        )))
    }

    /// A line.
    ///
    /// # Errors
    /// As [`Output::text`].
    pub fn line(&mut self, line: &str) -> Result<(), CliError> {
        self.text(&format!("{line}\n"))
    }

    /// A value as one JSON document.
    ///
    /// # Errors
    /// As [`Output::text`].
    pub fn json(&mut self, value: &impl Serialize) -> Result<(), CliError> {
        let text = serde_json::to_string_pretty(value)
            .map_err(|error| CliError::new(format!("the answer cannot be written as JSON: {error}")))?;
        self.line(&text)
    }

    /// A value in one of the formats for programs; `table` gets the value as YAML, which reads well.
    ///
    /// # Errors
    /// As [`Output::text`].
    pub fn value(&mut self, value: &Value, format: Format) -> Result<(), CliError> {
        match format {
            Format::Json => self.json(value),
            Format::Yaml | Format::Table | Format::Toml => self.text(&yaml::document(value)),
        }
    }

    /// A list of objects: a table with these columns, or the objects themselves.
    ///
    /// # Errors
    /// As [`Output::text`].
    pub(super) fn list(&mut self, rows: &[Value], columns: &Columns, format: Format) -> Result<(), CliError> {
        if format == Format::Table {
            let text = table::render(rows, columns, self.width, self.colour);
            return self.text(&text);
        }
        let rows: Vec<Value> = rows.iter().map(|row| columns.chosen(row)).collect();
        self.value(&Value::Array(rows), format)
    }

    /// A remark on standard error.
    pub fn note(&mut self, text: &str) {
        // Nobody can be told that standard error is closed.
        let _ = writeln!(self.stderr, "{text}").and_then(|()| self.stderr.flush());
    }

    /// A failure on standard error, with its next step.
    pub fn error(&mut self, error: &CliError) {
        if error.message.is_empty() {
            return;
        }
        let label = if self.stderr_colour {
            "\u{1b}[1;31merror:\u{1b}[0m"
        } else {
            "error:"
        };
        self.note(&format!("{label} {}", error.message));
        if !error.hint.is_empty() {
            let label = if self.stderr_colour {
                "\u{1b}[1;36mhint:\u{1b}[0m"
            } else {
                "hint:"
            };
            self.note(&format!("{label} {}", error.hint));
        }
    }
}

/// A buffer that can be read while somebody else holds the other end.
#[derive(Clone, Debug, Default)]
pub struct Captured(Arc<Mutex<Vec<u8>>>);

impl Captured {
    /// What was written so far.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock()).into_owned()
    }
}

impl Write for Captured {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
