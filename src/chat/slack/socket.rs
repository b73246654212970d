//! Socket Mode: sockets that stay open, each renewed apart, everything acknowledged after it is committed.
//!
//! slack-morphism's loop reads one envelope at a time, waits for ever for a handshake and dies of a panic; this one
//! bounds every step and handles each envelope in a task of its own.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::BoxFuture;
use futures_util::{FutureExt as _, SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Bytes, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async_with_config};
use tokio_util::sync::CancellationToken;

use super::web::{Failure, Web};

/// How long asking for an address may take.
const ASKING: Duration = Duration::from_secs(8);
/// How long connecting may take.
const HANDSHAKE: Duration = Duration::from_secs(5);
/// How long the greeting may take.
const HELLO: Duration = Duration::from_secs(5);
/// Between two pings.
const PING: Duration = Duration::from_secs(5);
/// A socket on which nothing was heard for so long is dead.
const SILENCE: Duration = Duration::from_secs(13);
/// How long a write may take.
const WRITE: Duration = Duration::from_secs(5);
/// How long a socket that Slack gives up still gets answers.
const DRAIN: Duration = Duration::from_secs(8);
/// Longest pause after failures.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// Pause when only an administrator can help.
const REFUSED_PAUSE: Duration = Duration::from_secs(60);
/// Bytes of one payload.
const PAYLOAD: usize = 4 << 20;
/// Envelopes that are handled at the same time; what comes besides is not acknowledged and comes again.
const OPEN: usize = 512;

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// How a socket is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// Not open yet.
    Connecting,
    /// Open, greeted.
    Connected,
    /// Not open, tried again soon.
    Lost(String),
    /// Not open, and an administrator has to do something.
    Refused(String),
}

/// What was done about an envelope.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Done {
    /// Committed; acknowledged with this answer when there is one.
    Ack(Option<Value>),
    /// It could not be stored: it should come again.
    Again,
}

/// Who handles what comes.
pub(super) trait Listener: Send + Sync + 'static {
    /// Handles an envelope's payload to the point where it is committed.
    fn heard(self: Arc<Self>, kind: String, payload: Value) -> BoxFuture<'static, Done>;

    /// Tells how a socket is.
    fn state(&self, socket: usize, state: State);
}

/// One of the sockets of a workspace.
pub(super) struct Plug {
    pub(super) number: usize,
    pub(super) web: Arc<Web>,
    pub(super) listener: Arc<dyn Listener>,
    pub(super) open: Arc<Semaphore>,
    pub(super) stop: CancellationToken,
}

/// Room for envelopes, shared by the sockets of a workspace.
pub(super) fn room() -> Arc<Semaphore> {
    Arc::new(Semaphore::new(OPEN))
}

/// Why a socket came to its end.
enum End {
    /// Slack renews it; a new one at once.
    Renew(String),
    /// It broke.
    Lost(String),
    /// Only an administrator can help.
    Refused(String),
    Stopped,
}

impl Plug {
    /// Keeps a socket open until it is stopped.
    pub(super) async fn run(self: Arc<Self>) {
        let mut failures: u32 = 0;
        while !self.stop.is_cancelled() {
            let opened = Instant::now();
            let end = self.one().await;
            if opened.elapsed() > Duration::from_secs(60) {
                failures = 0;
            }
            let pause = match end {
                End::Stopped => return,
                // An endless row of renewals must not become a storm.
                End::Renew(reason) => {
                    tracing::debug!(chat.socket = self.number, "the socket is renewed: {reason}");
                    self.listener.state(self.number, State::Connecting);
                    if opened.elapsed() > Duration::from_secs(5) {
                        Duration::ZERO
                    } else {
                        failures += 1;
                        backed_off(failures.saturating_sub(1))
                    }
                }
                End::Lost(reason) => {
                    tracing::warn!(chat.socket = self.number, "the socket ended: {reason}");
                    self.listener.state(self.number, State::Lost(reason));
                    failures += 1;
                    backed_off(failures)
                }
                End::Refused(reason) => {
                    tracing::error!(chat.socket = self.number, "no socket: {reason}");
                    self.listener.state(self.number, State::Refused(reason));
                    REFUSED_PAUSE.mul_f64(0.5 + rand::random::<f64>() / 2.0)
                }
            };
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = self.stop.cancelled() => return,
            }
        }
    }

    /// Opens a socket and waits until another one is needed; the old one may go on answering for a while.
    async fn one(self: &Arc<Self>) -> End {
        let asking = tokio::time::timeout(ASKING, self.web.open_socket());
        let asked = tokio::select! {
            asked = asking => asked,
            () = self.stop.cancelled() => return End::Stopped,
        };
        let Ok(asked) = asked else {
            return End::Lost("Slack does not tell the address of a socket in time".to_owned());
        };
        let url = match asked {
            Ok(url) => url,
            Err(Failure::Token(reason)) => {
                return End::Refused(format!("Slack does not take the app token ({reason})"));
            }
            Err(Failure::Limited(wait)) => {
                tokio::select! {
                    () = tokio::time::sleep(wait) => {}
                    () = self.stop.cancelled() => return End::Stopped,
                }
                return End::Lost("Slack asked to wait with a new socket".to_owned());
            }
            Err(failure @ Failure::Refused { .. }) => {
                let hint = match failure.code() {
                    "missing_scope" => "; the app token needs the scope connections:write",
                    "socket_mode_disabled" | "method_not_supported_for_channel_type" | "forbidden_team" => {
                        "; switch on Socket Mode in the settings of the app"
                    }
                    _ => "",
                };
                return End::Refused(format!("{failure}{hint}"));
            }
            Err(failure) => return End::Lost(failure.to_string()),
        };
        let config = WebSocketConfig::default()
            .max_message_size(Some(PAYLOAD))
            .max_frame_size(Some(PAYLOAD));
        let opening = connect_async_with_config(url, Some(config), true);
        let socket = tokio::select! {
            opened = tokio::time::timeout(HANDSHAKE, opening) => match opened {
                Ok(Ok((socket, _))) => socket,
                Ok(Err(error)) => return End::Lost(format!("cannot connect: {}", plain(&error))),
                Err(_) => return End::Lost("cannot connect: no handshake in time".to_owned()),
            },
            () = self.stop.cancelled() => return End::Stopped,
        };
        let (over, ended) = oneshot::channel();
        let plug = Arc::clone(self);
        tokio::spawn(async move {
            let mut talk = Talk {
                plug,
                socket,
                over: Some(over),
            };
            let working = std::panic::AssertUnwindSafe(talk.run()).catch_unwind();
            let end = working
                .await
                .unwrap_or_else(|_| End::Lost("the loop of the socket failed inside".to_owned()));
            talk.tell(end);
            let _ = tokio::time::timeout(Duration::from_secs(1), talk.socket.close(None)).await;
        });
        ended
            .await
            .unwrap_or_else(|_| End::Lost("the loop of the socket went away".to_owned()))
    }
}

fn backed_off(failures: u32) -> Duration {
    let most = Duration::from_millis(250 << failures.min(8)).min(LONGEST_PAUSE);
    most.mul_f64(0.5 + rand::random::<f64>() / 2.0)
}

/// An error without the address, which holds the ticket.
fn plain(error: &tokio_tungstenite::tungstenite::Error) -> String {
    use tokio_tungstenite::tungstenite::Error;
    match error {
        Error::Http(response) => format!("status {}", response.status().as_u16()),
        Error::Url(_) => "the address is none".to_owned(),
        other => other.to_string(),
    }
}

/// A socket that is open.
struct Talk {
    plug: Arc<Plug>,
    socket: Socket,
    over: Option<oneshot::Sender<End>>,
}

impl Talk {
    /// Tells once that another socket is needed.
    fn tell(&mut self, end: End) {
        if let Some(over) = self.over.take() {
            let _ = over.send(end);
        }
    }

    async fn run(&mut self) -> End {
        let (acks, mut answers) = mpsc::unbounded_channel::<String>();
        let mut greeted = false;
        let greet_by = tokio::time::Instant::now() + HELLO;
        let mut heard_at = Instant::now();
        let mut pings = tokio::time::interval(PING);
        pings.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut drain_by: Option<tokio::time::Instant> = None;
        let stop = self.plug.stop.clone();
        loop {
            let draining = drain_by.is_some();
            let until = drain_by.unwrap_or(greet_by);
            let heard = tokio::select! {
                biased;
                () = stop.cancelled(), if !draining => {
                    // What is being handled still gets its answer.
                    drain_by = Some(tokio::time::Instant::now() + Duration::from_secs(2));
                    self.tell(End::Stopped);
                    continue;
                }
                Some(ack) = answers.recv() => {
                    if let Err(reason) = self.say(Message::text(ack)).await {
                        return End::Lost(reason);
                    }
                    continue;
                }
                () = tokio::time::sleep_until(until), if draining || !greeted => {
                    return End::Lost("no greeting came in time".to_owned());
                }
                _ = pings.tick() => {
                    if heard_at.elapsed() > SILENCE {
                        return End::Lost("nothing is heard on the socket".to_owned());
                    }
                    if draining && acks.strong_count() == 1 {
                        return End::Stopped;
                    }
                    if let Err(reason) = self.say(Message::Ping(Bytes::from_static(b"sayso"))).await {
                        return End::Lost(reason);
                    }
                    continue;
                }
                heard = self.socket.next() => heard,
            };
            heard_at = Instant::now();
            let text = match heard {
                Some(Ok(Message::Text(text))) => text,
                Some(Ok(Message::Close(_))) | None => return End::Lost("Slack closed it".to_owned()),
                Some(Ok(_)) => continue,
                Some(Err(error)) => return End::Lost(format!("the connection broke: {}", plain(&error))),
            };
            let Ok(mut frame) = serde_json::from_str::<Value>(&text) else {
                tracing::warn!("a frame of Slack is no JSON; it is passed over");
                continue;
            };
            let kind = frame["type"].as_str().unwrap_or_default().to_owned();
            match &*kind {
                "hello" => {
                    if !greeted {
                        greeted = true;
                        self.plug.listener.state(self.plug.number, State::Connected);
                    }
                }
                "disconnect" => {
                    let reason = frame["reason"].as_str().unwrap_or("no reason given").to_owned();
                    if reason == "link_disabled" {
                        let text = "Socket Mode is switched off: switch it on in the settings of the app";
                        return End::Refused(text.to_owned());
                    }
                    if reason == "too_many_websockets" {
                        return End::Lost("the app has too many sockets open".to_owned());
                    }
                    self.tell(End::Renew(reason));
                    drain_by = drain_by.or_else(|| Some(tokio::time::Instant::now() + DRAIN));
                }
                _ => {
                    let Some(id) = frame["envelope_id"].as_str().map(str::to_owned) else {
                        tracing::debug!("a frame of Slack that is not known");
                        continue;
                    };
                    let answerable = frame["accepts_response_payload"] == true;
                    self.handle(id, kind, frame["payload"].take(), answerable, acks.clone());
                }
            }
        }
    }

    /// Handles an envelope in a task of its own and acknowledges it when it is committed.
    fn handle(
        &self,
        id: String,
        kind: String,
        payload: Value,
        answerable: bool,
        acks: mpsc::UnboundedSender<String>,
    ) {
        let Ok(room) = Arc::clone(&self.plug.open).try_acquire_owned() else {
            tracing::warn!("too much comes at once; Slack will deliver it again");
            return;
        };
        let listener = Arc::clone(&self.plug.listener);
        tokio::spawn(async move {
            let _room = room;
            let working = std::panic::AssertUnwindSafe(listener.heard(kind, payload)).catch_unwind();
            let ack = match working.await {
                Ok(Done::Ack(Some(answer))) if answerable => {
                    json!({"envelope_id": id, "payload": answer})
                }
                Ok(Done::Ack(_)) => json!({"envelope_id": id}),
                Ok(Done::Again) => return,
                Err(_) => {
                    tracing::error!("an envelope made its handler fail; Slack may deliver it again");
                    return;
                }
            };
            let _ = acks.send(ack.to_string());
        });
    }

    async fn say(&mut self, message: Message) -> Result<(), String> {
        match tokio::time::timeout(WRITE, self.socket.send(message)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(format!("the connection broke: {}", plain(&error))),
            Err(_) => Err("the connection takes nothing any more".to_owned()),
        }
    }
}
