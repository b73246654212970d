//! Receives syslog over UDP and TCP; messages become events while a rule wants them.

mod frames;
mod parse;

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use serde_json::Value as Json;
use tokio::io::AsyncReadExt as _;
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinSet;

use super::Shared;
use super::view::WatchView;
use crate::events::{Emission, EmitError};
use crate::model::{JsonMap, Timestamp};
use crate::store::StoreError;

/// The trigger.
const SYSLOG: &str = "core.sayso.syslog";
/// Messages that wait for the store.
const QUEUE: usize = 1000;
/// Messages that are on their way into the store.
const AT_ONCE: usize = 32;
/// Connections at the same time.
const CONNECTIONS: usize = 64;
/// A connection on which nothing comes is closed.
const IDLE: Duration = Duration::from_secs(600);
/// How often is told that messages were lost.
const TELL: Duration = Duration::from_secs(30);
/// When there is no room for an event.
const AGAIN: Duration = Duration::from_millis(500);

/// A message that came, ready for its event.
type Waiting = mpsc::Sender<Json>;

/// Listens on the addresses of the settings.
pub(super) fn start(shared: &Arc<Shared>) -> JoinSet<()> {
    let mut tasks = JoinSet::new();
    let options = &shared.parts.options;
    let addresses = [("udp", &options.syslog_udp), ("tcp", &options.syslog_tcp)];
    if addresses.iter().all(|(_, address)| address.is_none()) {
        return tasks;
    }
    let (sender, receiver) = mpsc::channel(QUEUE);
    tasks.spawn(store(Arc::clone(shared), receiver));
    for (transport, address) in addresses {
        if let Some(address) = address {
            tasks.spawn(listen(
                Arc::clone(shared),
                transport,
                address.clone(),
                sender.clone(),
            ));
        }
    }
    tasks
}

async fn listen(shared: Arc<Shared>, transport: &'static str, address: String, waiting: Waiting) {
    let name = format!("{SYSLOG} {transport}");
    let view = WatchView {
        trigger: name.clone(),
        type_ref: SYSLOG.to_owned(),
        parameters: JsonMap::from_iter([(transport.to_owned(), Json::from(address.as_str()))]),
        events: 0,
        last_event: None,
        error: None,
    };
    shared.watches.lock().insert(name.clone(), view);
    let bound = match transport {
        "udp" => match UdpSocket::bind(&address).await {
            Ok(socket) => {
                bound_to(&shared, &name, transport, &socket.local_addr());
                tokio::select! {
                    () = shared.stop.cancelled() => {}
                    () = udp(&shared, socket, &waiting) => {}
                }
                Ok(())
            }
            Err(error) => Err(error),
        },
        _ => match TcpListener::bind(&address).await {
            Ok(listener) => {
                bound_to(&shared, &name, transport, &listener.local_addr());
                tcp(&shared, listener, &waiting).await;
                Ok(())
            }
            Err(error) => Err(error),
        },
    };
    if let Err(error) = bound {
        tracing::error!(%error, address, transport, "cannot listen for syslog");
        if let Some(view) = shared.watches.lock().get_mut(&name) {
            view.error = Some(format!("cannot listen on {address}: {error}"));
        }
    }
}

/// Notes the address in the end: port 0 of the settings is some free port.
fn bound_to(shared: &Shared, name: &str, transport: &str, address: &std::io::Result<std::net::SocketAddr>) {
    let Ok(address) = address else { return };
    tracing::info!(%address, transport, "listening for syslog");
    if let Some(view) = shared.watches.lock().get_mut(name) {
        view.parameters
            .insert(transport.to_owned(), address.to_string().into());
    }
}

/// Whoever sends over UDP does not wait: what finds the queue full is lost, and counted.
async fn udp(shared: &Arc<Shared>, socket: UdpSocket, waiting: &Waiting) {
    let lost = AtomicU64::new(0);
    let receive = async {
        let mut buffer = vec![0; 64 * 1024];
        loop {
            let (length, sender) = match socket.recv_from(&mut buffer).await {
                Ok(received) => received,
                Err(error) => {
                    tracing::warn!(%error, "a syslog message could not be received");
                    tokio::time::sleep(Duration::from_millis(10)).await;
                    continue;
                }
            };
            if let Some(payload) = payload(shared, &buffer[..length], sender.ip(), "udp")
                && waiting.try_send(payload).is_err()
            {
                lost.fetch_add(1, Ordering::Relaxed);
            }
        }
    };
    let tell = async {
        loop {
            tokio::time::sleep(TELL).await;
            let count = lost.swap(0, Ordering::Relaxed);
            if count > 0 {
                tracing::warn!(
                    count,
                    "syslog messages came faster than they could be stored; they are lost"
                );
            }
        }
    };
    tokio::join!(receive, tell);
}

/// Whoever sends over TCP waits until there is room.
async fn tcp(shared: &Arc<Shared>, listener: TcpListener, waiting: &Waiting) {
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            () = shared.stop.cancelled() => return,
            accepted = listener.accept() => accepted,
        };
        while connections.try_join_next().is_some() {}
        match accepted {
            Ok((stream, sender)) => match Arc::clone(&places).try_acquire_owned() {
                Ok(place) => {
                    let (shared, waiting) = (Arc::clone(shared), waiting.clone());
                    connections.spawn(async move {
                        let _place = place;
                        connection(&shared, stream, sender.ip(), &waiting).await;
                    });
                }
                Err(_) => tracing::warn!(%sender, "too many syslog connections; one more was closed"),
            },
            Err(error) => {
                tracing::warn!(%error, "a syslog connection could not be taken");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

async fn connection(shared: &Shared, mut stream: TcpStream, sender: IpAddr, waiting: &Waiting) {
    let mut frames = frames::Frames::default();
    let mut buffer = vec![0; 16 * 1024];
    let mut end = false;
    while !end {
        match tokio::time::timeout(IDLE, stream.read(&mut buffer)).await {
            Ok(Ok(length)) if length > 0 => frames.add(&buffer[..length]),
            _ => end = true,
        }
        while let Some(message) = frames.next(end) {
            if let Some(payload) = payload(shared, &message, sender, "tcp")
                && waiting.send(payload).await.is_err()
            {
                return;
            }
        }
    }
}

/// What an event carries; `None` when no rule wants it.
fn payload(shared: &Shared, message: &[u8], sender: IpAddr, transport: &str) -> Option<Json> {
    if !shared.is_wanted(SYSLOG) {
        return None;
    }
    let message = &message[..message.len().min(frames::LONGEST)];
    Some(parse::parse(message).payload(&sender.to_string(), transport))
}

/// Stores what waits, several at once.
async fn store(shared: Arc<Shared>, mut waiting: mpsc::Receiver<Json>) {
    let mut at_work = FuturesUnordered::new();
    loop {
        tokio::select! {
            () = shared.stop.cancelled() => break,
            Some(()) = at_work.next(), if !at_work.is_empty() => {}
            payload = waiting.recv(), if at_work.len() < AT_ONCE => match payload {
                Some(payload) => at_work.push(emit(&shared, payload)),
                None => break,
            },
        }
    }
    // What came already is stored, if that is possible soon.
    let rest = async { while at_work.next().await.is_some() {} };
    let _ = tokio::time::timeout(Duration::from_secs(2), rest).await;
}

async fn emit(shared: &Shared, payload: Json) {
    let name = format!("{SYSLOG} {}", payload["transport"].as_str().unwrap_or_default());
    let event = Emission {
        type_ref: SYSLOG.to_owned(),
        payload: Arc::new(payload),
        ..Emission::default()
    };
    loop {
        match shared.parts.events.emit(event.clone()).await {
            Ok(_) => {
                if let Some(view) = shared.watches.lock().get_mut(&name) {
                    view.events += 1;
                    view.last_event = Some(Timestamp::now());
                }
                return;
            }
            Err(EmitError::Busy(_)) if !shared.stop.is_cancelled() => tokio::time::sleep(AGAIN).await,
            Err(EmitError::Store(StoreError::Closed)) => return,
            Err(error) => {
                tracing::warn!(%error, "a syslog message could not be stored");
                return;
            }
        }
    }
}
