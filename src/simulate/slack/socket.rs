//! The stand-in's Socket Mode: hello, envelopes, acknowledgements, endings.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::server::{ErrorResponse, Request, Response};

use super::{APP, Inner};

/// Sockets of one app at a time.
const MOST: usize = 10;

/// What a connection is told to do.
#[derive(Clone, Debug)]
pub(super) enum Order {
    Send(String),
    /// Closes in a while.
    CloseSoon,
    /// Ends without a word.
    Cut,
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

pub(super) fn taken(count: &mut u32) -> bool {
    let there = *count > 0;
    *count = count.saturating_sub(1);
    there
}

/// The same for what is counted by name.
pub(super) fn taken_of(counts: &mut BTreeMap<String, u32>, name: &str) -> bool {
    counts.get_mut(name).is_some_and(taken)
}

async fn connection(inner: &Arc<Inner>, stream: TcpStream) {
    let (hangs, silent) = {
        let faults = &mut inner.world.lock().faults;
        let hangs = taken(&mut faults.hung_handshakes);
        (hangs, !hangs && taken(&mut faults.no_hello))
    };
    if hangs {
        std::future::pending::<()>().await;
    }
    // A ticket is good for one connection.
    #[allow(clippy::result_large_err)] // the library's type
    let check = |request: &Request, response: Response| {
        let query = request.uri().query().unwrap_or_default();
        let ticket = query
            .split('&')
            .find_map(|part| part.strip_prefix("ticket="))
            .unwrap_or_default();
        if inner.world.lock().tickets.remove(ticket) {
            Ok(response)
        } else {
            let mut refused = ErrorResponse::new(Some("the ticket is used or unknown".to_owned()));
            *refused.status_mut() = axum::http::StatusCode::FORBIDDEN;
            Err(refused)
        }
    };
    let Ok(mut socket) = tokio_tungstenite::accept_hdr_async(stream, check).await else {
        return;
    };
    if silent {
        std::future::pending::<()>().await;
    }
    let (orders, mut told) = mpsc::unbounded_channel();
    let (number, hello) = {
        let world = &mut *inner.world.lock();
        if world.sockets.len() >= MOST {
            let frame = json!({"type": "disconnect", "reason": "too_many_websockets"});
            (None, frame)
        } else {
            world.opened += 1;
            let hello = json!({
                "type": "hello",
                "num_connections": world.sockets.len() + 1,
                "debug_info": {"host": "simulated", "build_number": 1, "approximate_connection_time": 18_060},
                "connection_info": {"app_id": APP},
            });
            (Some(world.opened), hello)
        }
    };
    if socket.send(Message::text(hello.to_string())).await.is_err() {
        return;
    }
    let Some(number) = number else {
        let _ = socket.close(None).await;
        return;
    };
    inner.world.lock().sockets.insert(number, orders);
    inner.changed.notify_waiters();
    let mut dead = false;
    let mut ticks = tokio::time::interval(Duration::from_millis(20));
    let mut close_at: Option<tokio::time::Instant> = None;
    loop {
        tokio::select! {
            _ = ticks.tick() => {
                if inner.world.lock().faults.black_hole {
                    dead = true;
                }
                if close_at.is_some_and(|at| at <= tokio::time::Instant::now()) {
                    let _ = socket.close(None).await;
                    break;
                }
            }
            order = told.recv() => match order {
                Some(Order::Send(text)) => {
                    dead |= inner.world.lock().faults.black_hole;
                    if !dead && socket.send(Message::text(text)).await.is_err() {
                        break;
                    }
                }
                Some(Order::CloseSoon) => {
                    close_at = Some(tokio::time::Instant::now() + Duration::from_secs(2));
                    // The sender is gone with that.
                    told.close();
                }
                Some(Order::Cut) => break,
                None if close_at.is_none() => break,
                None => tokio::time::sleep(Duration::from_millis(5)).await,
            },
            // What is dead does not even answer pings: nothing is read any more.
            heard = socket.next(), if !dead => match heard {
                Some(Ok(Message::Text(text))) => {
                    dead |= inner.world.lock().faults.black_hole;
                    if !dead {
                        heard_text(inner, &text);
                    }
                }
                Some(Ok(Message::Close(_)) | Err(_)) | None => break,
                Some(Ok(_)) => {}
            },
        }
    }
    inner.world.lock().sockets.remove(&number);
    inner.changed.notify_waiters();
}

fn heard_text(inner: &Arc<Inner>, text: &str) {
    let mut world = inner.world.lock();
    let Ok(mut frame) = serde_json::from_str::<Value>(text) else {
        world.violations.push("a frame that is no JSON".to_owned());
        return;
    };
    let Some(id) = frame["envelope_id"].as_str().map(str::to_owned) else {
        world
            .violations
            .push("an acknowledgement without envelope_id".to_owned());
        return;
    };
    let answer = frame.get_mut("payload").map(Value::take);
    world.acknowledge(inner, &id, answer);
    drop(world);
    inner.changed.notify_waiters();
}
