//! `sayso chat`: the bot in the terminal, with a prompt for people and `--say` for scripts.

mod exchange;
pub(in crate::cli) mod prompt;
mod screen;
mod session;
mod terminal;

use std::collections::BTreeMap;
use std::io::{BufRead as _, Write};
use std::path::{Path, PathBuf};

use serde_json::json;

pub use exchange::Verdict;
pub use screen::Screen;

use crate::api::client::{Client, ClientError};
use session::Session;

/// Texts read from standard input that wait to be said.
const LINES: usize = 64;

/// How to chat.
pub struct Options {
    /// Where everything is written.
    pub screen: Screen,
    /// The file with what was typed before; `None` keeps nothing.
    pub history: Option<PathBuf>,
    /// Standard input is a terminal that can be edited on.
    pub terminal: bool,
    /// The bot lives in this process and ends with it.
    pub embedded: bool,
}

/// The file that keeps what was typed: `$XDG_STATE_HOME/sayso/history`, else `history` in the data folder.
#[must_use]
pub fn history_file(variables: &BTreeMap<String, String>, data_dir: &Path) -> PathBuf {
    match variables
        .get("XDG_STATE_HOME")
        .map(Path::new)
        .filter(|path| path.is_absolute())
    {
        Some(state) => state.join("sayso/history"),
        None => data_dir.join("chat.history"),
    }
}

/// Talks until the person leaves. Without a terminal each line of standard input is a message.
/// The exit status is 0 after a terminal session, and that of [`one_shot`] for lines.
///
/// # Errors
/// When the server cannot be reached or refuses.
pub async fn interactive(client: Client, options: Options) -> Result<u8, ClientError> {
    let Options {
        mut screen,
        history,
        terminal,
        embedded,
    } = options;
    if terminal {
        return terminal::run(client, &mut screen, history, embedded).await;
    }
    let (sender, mut lines) = tokio::sync::mpsc::channel(LINES);
    // A thread, because standard input cannot be read without blocking; it ends with the process.
    std::thread::spawn(move || {
        for line in std::io::stdin().lock().lines() {
            let Ok(line) = line else { break };
            if !line.trim().is_empty() && sender.blocking_send(line).is_err() {
                break;
            }
        }
    });
    let mut session = Session::open(client).await?;
    let mut worst = Verdict::Succeeded;
    while let Some(line) = lines.recv().await {
        worst = worst.max(say(&mut session, &line, false, &mut screen).await?);
    }
    Ok(worst.exit_status())
}

/// Says each text, waits for its final answer and prints it.
///
/// Answers are printed as text, or with `json` as one JSON object a text. `on_behalf` speaks as somebody else (administrators only). The exit status is 0 when everything
/// succeeded, 1 when an execution failed, 2 when a text was not understood or not allowed.
///
/// # Errors
/// When the server cannot be reached or refuses.
pub async fn one_shot(
    client: Client,
    texts: &[String],
    on_behalf: Option<&str>,
    json: bool,
    screen: &mut Screen,
) -> Result<u8, ClientError> {
    let client = match on_behalf {
        Some(name) => client.acting_as(name)?,
        None => client,
    };
    let mut session = Session::open(client).await?;
    let mut worst = Verdict::Succeeded;
    for text in texts {
        worst = worst.max(say(&mut session, text, json, screen).await?);
    }
    Ok(worst.exit_status())
}

/// Says one text and prints its final answers.
async fn say(
    session: &mut Session,
    text: &str,
    json: bool,
    screen: &mut Screen,
) -> Result<Verdict, ClientError> {
    let mut exchange = session.say(text).await?;
    let mut answers = Vec::new();
    while !exchange.is_over() {
        let event = session.next().await?;
        if exchange
            .take(&event)
            .is_some_and(|shown| shown == exchange::Shown::Final)
            && !event.silent
        {
            if json {
                answers.push(event.text);
            } else {
                screen.card(&event);
            }
        }
    }
    if json {
        screen.line(
            &json!({
                "text": text,
                "understood": exchange.verdict() != Verdict::NotUnderstood,
                "ok": exchange.verdict() == Verdict::Succeeded,
                "executions": exchange.executions().iter().map(|(id, status)| json!({"id": id, "status": status})).collect::<Vec<_>>(),
                "answer": answers.join("\n"),
            })
            .to_string(),
        );
    }
    Ok(exchange.verdict())
}

/// Anything that text can be written to.
pub(crate) type Sink = Box<dyn Write + Send>;
