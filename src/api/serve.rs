//! The accept loop: HTTP/1.1 connections with limits, and an orderly end.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::metrics::Metrics;

/// How long a client may take to send the head of a request.
const HEAD_TIMEOUT: Duration = Duration::from_secs(30);
/// How long requests that are under way may take after the server was told to stop.
const LAST_ANSWERS: Duration = Duration::from_secs(10);
/// How often histograms are taken over when nobody scrapes.
const UPKEEP: Duration = Duration::from_secs(5);
/// How long to wait when the system has no file descriptors left.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Serves the router until `shutdown` fires; then takes no new connections, lets requests under way end (for
/// at most 10 seconds) and returns.
///
/// # Errors
/// Never after it began; accept errors are logged and pass.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    max_connections: usize,
    shutdown: CancellationToken,
) -> io::Result<()> {
    let places = Arc::new(Semaphore::new(max_connections.max(1)));
    let connections = TaskTracker::new();
    let abort = CancellationToken::new();
    let mut upkeep = tokio::time::interval(UPKEEP);
    loop {
        let place = tokio::select! {
            () = shutdown.cancelled() => break,
            place = Arc::clone(&places).acquire_owned() => place.map_err(io::Error::other)?,
        };
        let stream = loop {
            tokio::select! {
                () = shutdown.cancelled() => break None,
                _ = upkeep.tick() => Metrics::global().upkeep(),
                accepted = listener.accept() => match accepted {
                    Ok((stream, _)) => break Some(stream),
                    Err(error) if is_about_the_client(&error) => {}
                    Err(error) => {
                        tracing::warn!(%error, "cannot accept connections");
                        tokio::time::sleep(ACCEPT_PAUSE).await;
                    }
                },
            }
        };
        let Some(stream) = stream else { break };
        let connection = converse(stream, router.clone(), shutdown.clone(), abort.clone());
        connections.spawn(async move {
            connection.await;
            drop(place);
        });
    }
    drop(listener);
    connections.close();
    if tokio::time::timeout(LAST_ANSWERS, connections.wait()).await.is_err() {
        tracing::warn!(count = connections.len(), "closing connections whose requests did not end in time");
        abort.cancel();
        connections.wait().await;
    }
    Ok(())
}

async fn converse(stream: TcpStream, router: Router, shutdown: CancellationToken, abort: CancellationToken) {
    // Answers are written whole; waiting for more to send would only delay them.
    let _ = stream.set_nodelay(true);
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
    let mut connection = std::pin::pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = shutdown.cancelled() => {
            connection.as_mut().graceful_shutdown();
            tokio::select! {
                ended = connection => ended,
                () = abort.cancelled() => return,
            }
        }
    };
    if let Err(error) = ended {
        // The client went away or sent no HTTP: nothing that we could do something about.
        tracing::debug!(%error, "a connection ended early");
    }
}

fn is_about_the_client(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionRefused
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::Interrupted
    )
}
