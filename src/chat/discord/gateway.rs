//! The gateway connection: identified, beating, resumed, never deaf.
//!
//! serenity's loop ignores where to resume, identifies anew after missed heartbeats (and so loses events) and has no
//! time limits for handshakes; so the loop is ours. Every wait in here has an end.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::{SinkExt as _, StreamExt as _};
use parking_lot::Mutex;
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use serenity::model::gateway::GatewayIntents;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, WebSocketConfig, frame::coding::CloseCode};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async_with_config};
use tokio_util::sync::CancellationToken;

use super::limits;
use super::progress::{Mark, Progress};
use super::rest::{Call, Failure, Rest};

/// Connecting, TLS and the upgrade together.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// Until the first payload comes.
const HELLO: Duration = Duration::from_secs(10);
/// Between identifying and the answer to it.
const READY: Duration = Duration::from_secs(30);
const WRITE: Duration = Duration::from_secs(10);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// Bytes of one payload; the first ones about large servers are megabytes.
const PAYLOAD: usize = 64 << 20;
/// Events being handled at the same time; with more the connection is given up and resumed when they are done.
const OPEN_EVENTS: usize = 5000;
/// Failed tries at the address for resuming before the general one is used.
const RESUME_TRIES: u32 = 3;
/// We leave, and come back to the session: neither 1000 nor 1001.
const CODE_BACK: u16 = 4900;

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// What events are handed to.
pub(super) trait Listener: Send + Sync + 'static {
    /// Takes an event. Returns at once; the mark is dropped when the event is handled.
    fn heard(&self, kind: &str, data: Value, mark: Mark);
    /// How the connection is.
    fn state(&self, state: State);
}

/// How the connection is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// Not yet.
    Connecting,
    /// Events come.
    Connected,
    /// Lost; it is tried again.
    Lost(String),
    /// Over: a person has to do something.
    Refused(String),
}

/// What the connections of one bot share.
pub(super) struct Door {
    pub(super) rest: Arc<Rest>,
    pub(super) intents: GatewayIntents,
    /// An address that replaces the one that the API names.
    pub(super) address: Option<String>,
    pub(super) stop: CancellationToken,
    /// When the last identification was.
    pub(super) identified: tokio::sync::Mutex<Option<Instant>>,
}

struct Session {
    id: String,
    resume: String,
    progress: Progress,
}

/// How a connection ended.
enum End {
    /// Go on with the session.
    Resume(String),
    /// Begin a new session.
    Fresh(String),
    /// Never again without a person.
    Refused(String),
    Stopped,
}

/// One shard.
pub(super) struct Shard {
    pub(super) door: Arc<Door>,
    pub(super) number: u32,
    pub(super) of: u32,
    pub(super) listener: Arc<dyn Listener>,
    pub(super) session: Mutex<Option<Arc<ShardSession>>>,
}

/// The session of a shard.
pub(super) struct ShardSession(Session);

/// What the API says about connecting: the address and how many shards there should be.
pub(super) async fn plan(door: &Door) -> Result<(String, u32, u64, Duration), Failure> {
    let answer = door.rest.call(Call::get("/gateway/bot")).await?;
    let url = door
        .address
        .clone()
        .or_else(|| answer["url"].as_str().map(str::to_owned))
        .ok_or_else(|| Failure::Unreachable("the API names no gateway".to_owned()))?;
    let shards = answer["shards"].as_u64().unwrap_or(1).clamp(1, 512);
    let starts = &answer["session_start_limit"];
    let remaining = starts["remaining"].as_u64().unwrap_or(1);
    let reset = Duration::from_millis(starts["reset_after"].as_u64().unwrap_or(0).min(86_400_000));
    Ok((url, u32::try_from(shards).unwrap_or(1), remaining, reset))
}

impl Shard {
    /// Stays connected until it is stopped or refused.
    pub(super) async fn run(&self) {
        let stop = self.door.stop.clone();
        let mut failures: u32 = 0;
        while !stop.is_cancelled() {
            let began = Instant::now();
            let end = tokio::select! {
                end = self.connection(failures) => end,
                () = stop.cancelled() => End::Stopped,
            };
            // A connection that lived a while was a success.
            if began.elapsed() > Duration::from_secs(20) {
                failures = 0;
            }
            let (reason, pause) = match end {
                End::Stopped => return,
                End::Refused(reason) => {
                    tracing::error!(chat.shard = self.number, "the gateway refuses the bot: {reason}");
                    self.listener.state(State::Refused(reason));
                    return;
                }
                End::Fresh(reason) => {
                    *self.session.lock() = None;
                    // The documentation asks for a pause of 1 to 5 seconds.
                    (reason, Duration::from_secs_f64(1.0 + rand::random::<f64>() * 2.0))
                }
                End::Resume(reason) => (reason, Duration::ZERO),
            };
            let back_off = if failures == 0 {
                Duration::ZERO
            } else {
                let most = Duration::from_millis(250 << failures.min(8)).min(LONGEST_PAUSE);
                most.mul_f64(0.5 + rand::random::<f64>() / 2.0)
            };
            failures += 1;
            tracing::warn!(chat.shard = self.number, "the gateway connection ended: {reason}");
            self.listener.state(State::Lost(reason));
            tokio::select! {
                () = tokio::time::sleep(pause.max(back_off)) => {}
                () = stop.cancelled() => return,
            }
            self.wait_for_handlers().await;
        }
    }

    /// With too much open nothing more is asked for; the session waits on Discord's side.
    async fn wait_for_handlers(&self) {
        loop {
            let open = self
                .session
                .lock()
                .as_ref()
                .map_or(0, |session| session.0.progress.open());
            if open < OPEN_EVENTS / 2 || self.door.stop.is_cancelled() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    async fn connection(&self, failures: u32) -> End {
        let session = self.session.lock().clone();
        let address = match &session {
            Some(session) if failures <= RESUME_TRIES && !session.0.resume.is_empty() => {
                session.0.resume.clone()
            }
            _ => match plan(&self.door).await {
                Ok((_, _, 0, reset)) if session.is_none() => {
                    let text = format!("no sessions are left for {} s", reset.as_secs());
                    self.listener.state(State::Lost(text.clone()));
                    tokio::time::sleep(reset.max(Duration::from_secs(1))).await;
                    return End::Resume(text);
                }
                Ok((url, ..)) => url,
                Err(Failure::Token) => {
                    return End::Refused("Discord does not take the bot's token".to_owned());
                }
                Err(error) => return End::Resume(error.to_string()),
            },
        };
        let config = WebSocketConfig::default()
            .max_message_size(Some(PAYLOAD))
            .max_frame_size(Some(PAYLOAD));
        let opening = connect_async_with_config(addressed(&address), Some(config), true);
        let mut socket = match tokio::time::timeout(HANDSHAKE, opening).await {
            Ok(Ok((socket, _))) => socket,
            Ok(Err(error)) => return End::Resume(format!("cannot connect: {error}")),
            Err(_) => return End::Resume("cannot connect: no handshake in time".to_owned()),
        };
        let end = self.talk(&mut socket, session).await;
        let code = match &end {
            End::Stopped | End::Fresh(_) | End::Refused(_) => 1000,
            End::Resume(_) => CODE_BACK,
        };
        let frame = CloseFrame {
            code: CloseCode::from(code),
            reason: "".into(),
        };
        let _ = tokio::time::timeout(Duration::from_secs(1), socket.close(Some(frame))).await;
        end
    }

    async fn talk(&self, socket: &mut Socket, known: Option<Arc<ShardSession>>) -> End {
        let stop = self.door.stop.clone();
        let hello = match tokio::time::timeout(HELLO, next(socket)).await {
            Ok(Heard::Payload(payload)) if payload["op"] == 10 => payload,
            Ok(Heard::Closed(code)) => return closed(code),
            Ok(_) => return End::Resume("no greeting came".to_owned()),
            Err(_) => return End::Resume("no greeting came in time".to_owned()),
        };
        let interval = hello["d"]["heartbeat_interval"].as_u64().unwrap_or(41_250);
        let interval = Duration::from_millis(interval.clamp(10, 600_000));
        let mut talk = Talk {
            socket,
            sent: VecDeque::new(),
            unanswered: false,
            session: known,
        };
        let opening = match &talk.session {
            Some(session) => json!({"op": 6, "d": {
                "token": self.door.rest.token().expose_secret(),
                "session_id": session.0.id,
                "seq": session.0.progress.handled(),
            }}),
            None => {
                // One identification at a time, apart from each other.
                let mut last = self.door.identified.lock().await;
                if let Some(at) = *last {
                    let wait = limits::IDENTIFY_PAUSE.saturating_sub(at.elapsed());
                    tokio::time::sleep(wait).await;
                }
                *last = Some(Instant::now());
                json!({"op": 2, "d": {
                    "token": self.door.rest.token().expose_secret(),
                    "intents": self.door.intents.bits(),
                    "shard": [self.number, self.of],
                    "properties": {"os": std::env::consts::OS, "browser": "sayso", "device": "sayso"},
                }})
            }
        };
        if let Err(reason) = talk.say(&opening).await {
            return End::Resume(reason);
        }
        let mut beat = tokio::time::Instant::now() + interval.mul_f64(rand::random::<f64>());
        let mut ready_by = Some(tokio::time::Instant::now() + READY);
        loop {
            let late = ready_by.unwrap_or(beat + READY);
            let heard = tokio::select! {
                () = stop.cancelled() => return End::Stopped,
                () = tokio::time::sleep_until(beat) => {
                    if talk.unanswered {
                        return End::Resume("heartbeats are not answered".to_owned());
                    }
                    beat = tokio::time::Instant::now() + interval;
                    if let Err(reason) = talk.beat().await {
                        return End::Resume(reason);
                    }
                    continue;
                }
                () = tokio::time::sleep_until(late), if ready_by.is_some() => {
                    return End::Resume("no answer to the greeting came in time".to_owned());
                }
                heard = next(talk.socket) => heard,
            };
            let mut payload = match heard {
                Heard::Payload(payload) => payload,
                Heard::Nothing => continue,
                Heard::Closed(code) => return closed(code),
                Heard::Broken(reason) => return End::Resume(reason),
            };
            match payload["op"].as_u64() {
                Some(0) => {
                    let kind = payload["t"].as_str().unwrap_or_default().to_owned();
                    let data = payload["d"].take();
                    let number = payload["s"].as_u64();
                    if kind == "READY" {
                        let id = data["session_id"].as_str().unwrap_or_default();
                        let resume = data["resume_gateway_url"].as_str().unwrap_or_default();
                        let session = Arc::new(ShardSession(Session {
                            id: id.to_owned(),
                            resume: resume.to_owned(),
                            progress: Progress::default(),
                        }));
                        *self.session.lock() = Some(Arc::clone(&session));
                        talk.session = Some(session);
                    }
                    if matches!(&*kind, "READY" | "RESUMED") {
                        ready_by = None;
                        self.listener.state(State::Connected);
                    } else if let Some(by) = &mut ready_by {
                        // What was missed comes before the resumption is told to be complete.
                        *by = tokio::time::Instant::now() + READY;
                    }
                    let Some(session) = &talk.session else { continue };
                    // Events without a number belong to no session; they are looked at like the others.
                    let number = number.unwrap_or_else(|| session.0.progress.handled());
                    let mark = session.0.progress.begin(number);
                    self.listener.heard(&kind, data, mark);
                    if session.0.progress.open() > OPEN_EVENTS {
                        return End::Resume("too many events at once".to_owned());
                    }
                }
                Some(1) => {
                    if let Err(reason) = talk.beat().await {
                        return End::Resume(reason);
                    }
                }
                Some(7) => return End::Resume("Discord asks to connect again".to_owned()),
                Some(9) if payload["d"] == true => {
                    return End::Resume("the session was interrupted".to_owned());
                }
                Some(9) => return End::Fresh("the session is over".to_owned()),
                Some(11) => talk.unanswered = false,
                _ => tracing::debug!("a gateway payload that is not known"),
            }
        }
    }
}

struct Talk<'a> {
    socket: &'a mut Socket,
    sent: VecDeque<Instant>,
    unanswered: bool,
    session: Option<Arc<ShardSession>>,
}

impl Talk<'_> {
    async fn beat(&mut self) -> Result<(), String> {
        let handled = self.session.as_ref().map(|session| session.0.progress.handled());
        self.unanswered = true;
        self.say(&json!({"op": 1, "d": handled.filter(|number| *number > 0)}))
            .await
    }

    async fn say(&mut self, payload: &Value) -> Result<(), String> {
        while self
            .sent
            .front()
            .is_some_and(|at| at.elapsed() > Duration::from_secs(60))
        {
            self.sent.pop_front();
        }
        if self.sent.len() + 5 >= limits::GATEWAY_SENDS {
            return Err("more was to be said than the gateway allows".to_owned());
        }
        self.sent.push_back(Instant::now());
        let sending = self.socket.send(Message::text(payload.to_string()));
        match tokio::time::timeout(WRITE, sending).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(format!("the connection broke: {error}")),
            Err(_) => Err("the connection takes nothing any more".to_owned()),
        }
    }
}

enum Heard {
    Payload(Value),
    /// Something that says nothing.
    Nothing,
    Closed(Option<u16>),
    Broken(String),
}

async fn next(socket: &mut Socket) -> Heard {
    match socket.next().await {
        None => Heard::Closed(None),
        Some(Err(error)) => Heard::Broken(format!("the connection broke: {error}")),
        Some(Ok(Message::Close(frame))) => Heard::Closed(frame.map(|frame| u16::from(frame.code))),
        Some(Ok(Message::Text(text))) => match serde_json::from_str(&text) {
            Ok(payload) => Heard::Payload(payload),
            Err(error) => {
                tracing::warn!("a gateway payload is no JSON: {error}");
                Heard::Nothing
            }
        },
        Some(Ok(_)) => Heard::Nothing,
    }
}

/// What a close code asks for (Topics / Opcodes and Status Codes).
fn closed(code: Option<u16>) -> End {
    let reason = match code {
        Some(4004) => "the bot's token is wrong: set a new one from the developer portal",
        Some(4010) => "the number of the shard is wrong",
        Some(4011) => "the bot is in so many servers that it needs several shards",
        Some(4012) => "this version of the gateway is gone: a newer Sayso is needed",
        Some(4013) => "an intent is not known to Discord",
        Some(4014) => {
            "an intent is not allowed: switch on Message Content in the developer portal, or set `message_content = false`"
        }
        Some(4007 | 4009) => return End::Fresh(format!("the session is over (code {})", code.unwrap_or(0))),
        Some(code) => return End::Resume(format!("Discord closed it (code {code})")),
        None => return End::Resume("the connection ended".to_owned()),
    };
    End::Refused(reason.to_owned())
}

/// The address with the version and encoding that are spoken here.
fn addressed(url: &str) -> String {
    let bare = url.split('?').next().unwrap_or(url).trim_end_matches('/');
    format!("{bare}/?v=10&encoding=json")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_completed() {
        for url in ["wss://g", "wss://g/", "wss://g/?v=9"] {
            assert_eq!(addressed(url), "wss://g/?v=10&encoding=json");
        }
    }

    #[test]
    fn close_codes_mean_what_is_documented() {
        for code in [4004, 4010, 4011, 4012, 4013, 4014] {
            assert!(matches!(closed(Some(code)), End::Refused(_)), "{code}");
        }
        for code in [1000, 1001, 4000, 4001, 4008] {
            assert!(matches!(closed(Some(code)), End::Resume(_)), "{code}");
        }
        for code in [4007, 4009] {
            assert!(matches!(closed(Some(code)), End::Fresh(_)), "{code}");
        }
    }
}
