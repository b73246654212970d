//! The interactive session.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use reedline::{Reedline, Signal};

use super::exchange::{Exchange, Shown};
use super::prompt::{Commands, Plain, editor};
use super::screen::Screen;
use super::session::{Session, completions};
use crate::api::client::ClientError;
use crate::chat::console::ConsoleEvent;

/// How often the live line moves.
const TICK: Duration = Duration::from_millis(120);
/// Answers that come faster than this get no live line.
const PATIENCE: Duration = Duration::from_millis(250);

/// A command at work.
struct Running {
    said: String,
    exchange: Exchange,
    /// Answers that wait for earlier commands to be answered first.
    held: Vec<ConsoleEvent>,
    started: Instant,
    last: String,
    /// Nobody waits for it, and it holds nobody up.
    background: bool,
}

pub(super) async fn run(
    client: crate::api::client::Client,
    screen: &mut Screen,
    history: Option<PathBuf>,
    embedded: bool,
) -> Result<u8, ClientError> {
    let mut session = Session::open(client).await?;
    let commands = completions(session.client()).await?;
    if let Some(folder) = history.as_ref().and_then(|path| path.parent()) {
        // Without the folder there is no history, which the editor tells.
        let _ = std::fs::create_dir_all(folder);
    }
    let commands = Box::new(Commands::new(commands));
    let mut editor = Some(editor(commands, history, screen.colour()));
    screen.line("Sayso listens. Say what you want done; `help` shows what there is.");
    screen.remark(
        "Tab completes, a & at the end runs it in the background, Ctrl-C stops a command, Ctrl-D leaves.",
    );
    let mut running: Vec<Running> = Vec::new();
    loop {
        drain(&mut session, &mut running, screen)?;
        let Some(line) = read(&mut editor).await else {
            break;
        };
        let text = match line {
            Signal::Success(text) => text,
            Signal::CtrlD => break,
            _ => continue,
        };
        let text = text.trim();
        if text.is_empty() {
            continue;
        }
        let (text, background) = match text.strip_suffix(" &") {
            Some(text) => (text.trim_end(), true),
            None => (text, false),
        };
        match session.say(text).await {
            Ok(exchange) => running.push(Running {
                said: text.to_owned(),
                exchange,
                held: Vec::new(),
                started: Instant::now(),
                last: String::new(),
                background,
            }),
            Err(error @ (ClientError::Refused { .. } | ClientError::Malformed(_))) => {
                screen.line(&error.to_string());
                continue;
            }
            Err(error) => return Err(error),
        }
        if !background {
            wait(&mut session, &mut running, screen).await?;
        }
    }
    match (running.len(), embedded) {
        (0, _) => {}
        (1, false) => screen.remark("1 command goes on without you; `history mine` tells how it ends."),
        (count, false) => screen.remark(&format!(
            "{count} commands go on without you; `history mine` tells how they end."
        )),
        // The bot ends with this process, and gives them the time that is set.
        (1, true) => screen.remark("1 command is at work still: waiting, engine.drain_seconds at most."),
        (count, true) => screen.remark(&format!(
            "{count} commands are at work still: waiting, engine.drain_seconds at most."
        )),
    }
    Ok(0)
}

/// Reads a line on a thread of its own, because the editor blocks.
async fn read(editor: &mut Option<Reedline>) -> Option<Signal> {
    let mut taken = editor.take()?;
    let read = tokio::task::spawn_blocking(move || {
        let signal = taken.read_line(&Plain);
        (taken, signal)
    });
    let (returned, signal) = read.await.ok()?;
    *editor = Some(returned);
    signal.ok()
}

/// Takes in what came while nobody looked.
fn drain(session: &mut Session, running: &mut Vec<Running>, screen: &mut Screen) -> Result<(), ClientError> {
    while let Some(event) = session.try_next() {
        take(event?, running, screen);
    }
    Ok(())
}

/// Waits until the last command is answered. Ctrl-C asks the server to stop it, a second one stops waiting.
async fn wait(
    session: &mut Session,
    running: &mut Vec<Running>,
    screen: &mut Screen,
) -> Result<(), ClientError> {
    let Some(mine) = running.last().map(|it| it.started) else {
        return Ok(());
    };
    let mut tick = tokio::time::interval(TICK);
    let mut asked = false;
    while let Some(current) = running.iter().find(|it| it.started == mine) {
        tokio::select! {
            event = session.next() => take(event?, running, screen),
            _ = tick.tick() => {
                if current.started.elapsed() > PATIENCE {
                    screen.progress(&current.said, current.started.elapsed(), &current.last);
                }
            }
            signal = tokio::signal::ctrl_c() => {
                if signal.is_err() || asked {
                    screen.remark("Not waiting any longer; the answer comes when it is there.");
                    return Ok(());
                }
                asked = true;
                for id in current.exchange.running().to_vec() {
                    match session.client().delete(&format!("/api/v1/executions/{id}"), None).await {
                        Ok(_) => screen.remark("Stopping it. Ctrl-C again stops waiting."),
                        Err(error) => screen.line(&error.to_string()),
                    }
                }
            }
        }
    }
    screen.clear();
    Ok(())
}

/// Gives an event to the command that it answers and prints what may be printed: the answers of commands
/// stand in the order of the commands; those of the ones in the background come when they are there.
fn take(event: ConsoleEvent, running: &mut Vec<Running>, screen: &mut Screen) {
    let Some((at, shown)) = running
        .iter_mut()
        .enumerate()
        .find_map(|(at, it)| it.exchange.take(&event).map(|shown| (at, shown)))
    else {
        // An answer to something said elsewhere in this conversation, such as before a reconnection.
        if event.is_final && !event.silent {
            screen.card(&event);
        }
        return;
    };
    match shown {
        Shown::Progress => {
            if let Some(line) = event
                .text
                .lines()
                .rev()
                .nth(1)
                .filter(|_| event.text.lines().count() > 2)
            {
                line.clone_into(&mut running[at].last);
            }
        }
        Shown::First | Shown::Final if event.silent => {}
        Shown::First | Shown::Final => running[at].held.push(event),
    }
    let mut free = true;
    running.retain_mut(|command| {
        if !free && !command.background {
            return true;
        }
        for event in command.held.drain(..) {
            screen.card(&event);
        }
        let over = command.exchange.is_over();
        free &= over || command.background;
        !over
    });
}
