//! `sayso serve`: the server in the foreground, its logs, its signals.

use std::sync::Arc;

use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tracing_subscriber::EnvFilter;

use super::connect::{not_started, start};
use super::datadir::DataDir;
use super::host::{Purpose, Running};
use super::{CliError, CliResult, Context};
use crate::settings::{LogFormat, LogOptions};

/// Exit status when the server fails while it runs, or is told twice to stop.
const FAILED: u8 = 1;

/// Runs the server until it is told to stop.
pub(super) async fn serve(context: &mut Context<'_>) -> CliResult {
    log_to_stderr(&context.loaded.settings.log)?;
    for warning in &context.loaded.warnings {
        tracing::warn!("{warning}");
    }
    // From here on a signal is an orderly end, not a kill in the middle of a start.
    let mut signals = Signals::listen()?;
    let dir = DataDir::open(&context.loaded.settings.data_dir)?;
    let lock = dir.lock()?;
    dir.clear_listen_address();
    let listener = listen(&context.loaded.settings.api.listen).await?;
    let address = listener.local_addr()?.to_string();

    // Links carry the port that was really taken.
    let mut loaded = (*context.loaded).clone();
    loaded.settings.api.listen.clone_from(&address);
    let start = start(Arc::new(loaded), dir.clone(), Purpose::Serve)?;
    let running = tokio::select! {
        running = context.host.start(start) => running.map_err(|error| not_started(&error))?,
        () = signals.stop() => return Ok(0),
    };
    let server = tokio::spawn(running.serve(listener));
    dir.set_listen_address(&address)?;
    context.out.line(&format!(
        "sayso {} listens on http://{address}",
        env!("CARGO_PKG_VERSION")
    ))?;
    tracing::info!(%address, data_dir = %dir.path().display(), "ready");

    let outcome = work(&*running, server, &mut signals).await;
    dir.clear_listen_address();
    drop(lock);
    outcome
}

/// Until a signal comes or the server fails.
async fn work(
    running: &dyn Running,
    mut server: tokio::task::JoinHandle<std::io::Result<()>>,
    signals: &mut Signals,
) -> CliResult {
    loop {
        tokio::select! {
            _ = signals.terminate.recv() => break,
            _ = signals.interrupt.recv() => break,
            _ = signals.hangup.recv() => match running.reload().await {
                Ok(told) => tracing::info!("reloaded: {told}"),
                Err(problem) => tracing::error!("nothing was reloaded: {problem}"),
            },
            ended = &mut server => {
                running.stop().await;
                let why = match ended {
                    Ok(Ok(())) => "it ended by itself".to_owned(),
                    Ok(Err(error)) => error.to_string(),
                    Err(error) => error.to_string(),
                };
                return Err(CliError::new(format!("the HTTP server failed: {why}")).status(FAILED));
            }
        }
    }
    tracing::info!("stopping: taking nothing new, waiting for what runs");
    let drained = async {
        running.stop().await;
        let _ = server.await;
    };
    tokio::select! {
        () = drained => {
            tracing::info!("stopped");
            Ok(0)
        }
        () = signals.stop() => {
            Err(CliError::new("told to stop a second time: ended without waiting for what runs").status(FAILED))
        }
    }
}

async fn listen(address: &str) -> Result<TcpListener, CliError> {
    TcpListener::bind(address).await.map_err(|error| {
        let told = CliError::new(format!("cannot listen on {address}: {}", plain(&error)));
        match error.kind() {
            std::io::ErrorKind::AddrInUse => {
                told.hint("another program listens there: choose another address with --listen, or port 0 for a free one")
            }
            std::io::ErrorKind::PermissionDenied => told.hint("ports below 1024 are for root: choose a higher one"),
            _ => told.hint("choose an address of this machine with --listen"),
        }
    })
}

fn plain(error: &std::io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or(&text).to_lowercase()
}

struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hangup: Signal,
}

impl Signals {
    fn listen() -> Result<Self, CliError> {
        let on =
            |kind| signal(kind).map_err(|error| CliError::new(format!("cannot listen for signals: {error}")));
        Ok(Self {
            terminate: on(SignalKind::terminate())?,
            interrupt: on(SignalKind::interrupt())?,
            hangup: on(SignalKind::hangup())?,
        })
    }

    async fn stop(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

/// Logs on standard error, as the settings say.
pub(super) fn log_to_stderr(options: &LogOptions) -> Result<(), CliError> {
    let filter = EnvFilter::builder().parse(&options.level).map_err(|error| {
        CliError::new(format!("`log.level` is `{}`: {error}", options.level))
            .hint("write a level (error, warn, info, debug, trace) or a filter such as sayso=debug,sqlx=warn")
    })?;
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr);
    // Failing means that logs are set up already, by the test or program that embeds us.
    let _ = match options.format {
        LogFormat::Json => builder.json().flatten_event(true).try_init(),
        LogFormat::Text => {
            let terminal = std::io::IsTerminal::is_terminal(&std::io::stderr());
            let colour = terminal && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
            builder.with_ansi(colour).try_init()
        }
    };
    Ok(())
}
