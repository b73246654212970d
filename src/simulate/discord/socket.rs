//! The stand-in's gateway: hello, identify, ready, heartbeats, resume with replay.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, frame::coding::CloseCode};
use tokio_tungstenite::{WebSocketStream, accept_async};

use super::{BOT, DIRECT, GUILD, Inner, OPS, ROLE, Session, TOKEN};

/// What a connection is told to do.
#[derive(Clone, Debug)]
pub(super) enum Order {
    Send(Value),
    Close(Option<u16>),
}

pub(super) async fn accept(inner: Arc<Inner>, listener: TcpListener) {
    loop {
        let stream = tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => stream,
                Err(_) => continue,
            },
            () = inner.stop.cancelled() => return,
        };
        let inner = Arc::clone(&inner);
        tokio::spawn(async move {
            let stop = inner.stop.clone();
            tokio::select! {
                () = connection(&inner, stream) => {}
                () = stop.cancelled() => {}
            }
        });
    }
}

type Socket = WebSocketStream<TcpStream>;

async fn close(socket: &mut Socket, code: u16) {
    let frame = CloseFrame {
        code: CloseCode::from(code),
        reason: "".into(),
    };
    let _ = socket.close(Some(frame)).await;
}

async fn connection(inner: &Arc<Inner>, stream: TcpStream) {
    let taken = |count: &mut u32| {
        let there = *count > 0;
        *count = count.saturating_sub(1);
        there
    };
    let (hangs, silent) = {
        let mut world = inner.world.lock();
        world.connections += 1;
        let faults = &mut world.faults;
        let hangs = taken(&mut faults.hung_handshakes);
        (hangs, !hangs && taken(&mut faults.no_hello))
    };
    if hangs {
        std::future::pending::<()>().await;
    }
    let Ok(mut socket) = accept_async(stream).await else {
        return;
    };
    if silent {
        std::future::pending::<()>().await;
    }
    let interval = u64::try_from(inner.heartbeat.as_millis()).unwrap_or(41_250);
    let hello = json!({"op": 10, "d": {"heartbeat_interval": interval}, "s": null, "t": null});
    if socket.send(Message::text(hello.to_string())).await.is_err() {
        return;
    }
    let (orders, mut told) = mpsc::unbounded_channel();
    let mut session: Option<String> = None;
    let mut sent: Vec<Instant> = Vec::new();
    let mut beat = Instant::now();
    let mut deaf = false;
    let mut ticks = tokio::time::interval(Duration::from_millis(50));
    loop {
        tokio::select! {
            _ = ticks.tick() => {
                deaf |= inner.world.lock().faults.deaf;
                // Discord waits a little longer than the interval.
                if beat.elapsed() > inner.heartbeat * 3 + Duration::from_secs(5) {
                    close(&mut socket, 4009).await;
                    break;
                }
            }
            order = told.recv() => match order {
                Some(Order::Send(payload)) => {
                    // A connection that is deaf is dead in both directions.
                    if deaf || inner.world.lock().faults.deaf {
                        continue;
                    }
                    if socket.send(Message::text(payload.to_string())).await.is_err() {
                        break;
                    }
                }
                Some(Order::Close(Some(code))) => {
                    close(&mut socket, code).await;
                    break;
                }
                Some(Order::Close(None)) | None => break,
            },
            heard = socket.next() => {
                let text = match heard {
                    Some(Ok(Message::Text(text))) => text,
                    Some(Ok(Message::Close(_)) | Err(_)) | None => break,
                    Some(Ok(_)) => continue,
                };
                if deaf || inner.world.lock().faults.deaf {
                    continue;
                }
                sent.retain(|at| at.elapsed() < Duration::from_secs(60));
                sent.push(Instant::now());
                if sent.len() > 120 {
                    close(&mut socket, 4008).await;
                    break;
                }
                if text.len() > 4096 {
                    close(&mut socket, 4002).await;
                    break;
                }
                let Ok(payload) = serde_json::from_str::<Value>(&text) else {
                    close(&mut socket, 4002).await;
                    break;
                };
                beat = Instant::now();
                let answers = match handle(inner, &payload, &mut session, &orders) {
                    Ok(answers) => answers,
                    Err(code) => {
                        close(&mut socket, code).await;
                        break;
                    }
                };
                inner.changed.notify_waiters();
                let mut broken = false;
                for answer in answers {
                    broken |= socket.send(Message::text(answer.to_string())).await.is_err();
                }
                if broken {
                    break;
                }
            }
        }
    }
    if let Some(session) = session
        && let Some(session) = inner.world.lock().sessions.get_mut(&session)
        && session
            .connection
            .as_ref()
            .is_some_and(|connection| connection.same_channel(&orders))
    {
        session.connection = None;
    }
    inner.changed.notify_waiters();
}

fn handle(
    inner: &Arc<Inner>,
    payload: &Value,
    session: &mut Option<String>,
    orders: &mpsc::UnboundedSender<Order>,
) -> Result<Vec<Value>, u16> {
    let mut world = inner.world.lock();
    let world = &mut *world;
    let data = &payload["d"];
    match payload["op"].as_u64() {
        Some(1) => {
            world.heartbeats += 1;
            let sent = session
                .as_ref()
                .and_then(|id| world.sessions.get(id))
                .map_or(0, |session| session.events.len() as u64);
            if data.as_u64().is_some_and(|number| number > sent) {
                return Err(4007);
            }
            Ok(vec![json!({"op": 11, "d": null, "s": null, "t": null})])
        }
        Some(2) => {
            if session.is_some() {
                return Err(4005);
            }
            if data["token"] != TOKEN {
                return Err(4004);
            }
            let intents = data["intents"].as_u64().ok_or(4013_u16)?;
            if !data["properties"]["os"].is_string() {
                return Err(4002);
            }
            if intents & (1 << 15) != 0 && world.faults.no_message_content {
                return Err(4014);
            }
            world.identifies += 1;
            let early = world
                .last_identify
                .is_some_and(|at| at.elapsed() < world.pace.limits.identify);
            if early || world.faults.refuse_identify > 0 {
                world.faults.refuse_identify = world.faults.refuse_identify.saturating_sub(u32::from(!early));
                return Ok(vec![json!({"op": 9, "d": false, "s": null, "t": null})]);
            }
            world.last_identify = Some(Instant::now());
            let id = format!("session{}", world.identifies);
            let last = world
                .messages
                .iter()
                .filter(|posted| posted.message["channel_id"] == OPS && !posted.ephemeral)
                .filter_map(|posted| posted.message["id"].as_str())
                .next_back()
                .map(str::to_owned);
            let events = [
                (
                    "READY",
                    json!({
                        "v": 10,
                        "user": {"id": BOT, "username": "sayso", "bot": true},
                        "guilds": [{"id": GUILD, "unavailable": true}],
                        "session_id": id,
                        "resume_gateway_url": format!("ws://{}/", inner.gateway),
                        "application": {"id": BOT, "flags": 1 << 19},
                    }),
                ),
                (
                    "GUILD_CREATE",
                    json!({
                        "id": GUILD,
                        "name": "simulated",
                        "roles": [{"id": ROLE, "name": "sayso", "tags": {"bot_id": BOT}}],
                        "channels": [{"id": OPS, "type": 0, "name": "ops", "last_message_id": last}],
                        "threads": [],
                    }),
                ),
            ];
            let events: Vec<Value> = events
                .into_iter()
                .zip(1..)
                .map(|((kind, data), number)| json!({"op": 0, "t": kind, "s": number, "d": data}))
                .collect();
            // A bot has one session; an older one is not told anything any more.
            world.sessions.clear();
            world.sessions.insert(
                id.clone(),
                Session {
                    events: events.clone(),
                    connection: Some(orders.clone()),
                    intents,
                },
            );
            *session = Some(id);
            Ok(events)
        }
        Some(6) => {
            if data["token"] != TOKEN {
                return Err(4004);
            }
            world.resumes += 1;
            let refused = world.faults.refuse_resume > 0;
            world.faults.refuse_resume = world.faults.refuse_resume.saturating_sub(1);
            let id = data["session_id"].as_str().unwrap_or_default().to_owned();
            let invalid = json!({"op": 9, "d": false, "s": null, "t": null});
            if refused {
                world.sessions.clear();
                return Ok(vec![invalid]);
            }
            let Some(known) = world.sessions.get_mut(&id) else {
                return Ok(vec![invalid]);
            };
            let seen = usize::try_from(data["seq"].as_u64().ok_or(4007_u16)?).map_err(|_| 4007_u16)?;
            if seen > known.events.len() {
                return Err(4007);
            }
            let mut answers: Vec<Value> = known.events[seen..].to_vec();
            let number = known.events.len() + 1;
            let resumed = json!({"op": 0, "t": "RESUMED", "s": number, "d": {}});
            known.events.push(resumed.clone());
            answers.push(resumed);
            known.connection = Some(orders.clone());
            *session = Some(id);
            Ok(answers)
        }
        _ => Err(4001),
    }
}

/// Whether a channel exists.
pub(super) fn is_channel(inner: &Inner, id: &str) -> bool {
    // A thread has the id of the message that it begins with.
    id == OPS
        || id == DIRECT
        || inner
            .world
            .lock()
            .messages
            .iter()
            .any(|posted| posted.message["id"] == id && posted.message["thread"].is_object())
}
