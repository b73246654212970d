//! Deliveries: envelopes over sockets or signed requests, again when they are not acknowledged in time.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::socket::Order;
use super::world::World;
use super::{Inner, http};

/// How patient Slack is.
#[derive(Clone, Debug)]
pub struct Pace {
    /// An acknowledgement that comes later counts as none.
    pub ack: Duration,
    /// Pauses before events are delivered again.
    pub again: Vec<Duration>,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            ack: Duration::from_secs(3),
            again: [0, 60, 300].map(Duration::from_secs).to_vec(),
        }
    }
}

/// Something that was sent out.
#[derive(Clone, Debug)]
pub struct Delivered {
    /// Id of the envelope.
    pub id: String,
    /// `events_api`, `slash_commands`, `interactive`.
    pub kind: String,
    /// What was in it.
    pub payload: Value,
    /// Whether an answer can come with the acknowledgement.
    pub accepts: bool,
    /// How often it was delivered again.
    pub retries: usize,
    /// When it was sent last.
    pub sent: Instant,
    /// How long the acknowledgement took.
    pub acked: Option<Duration>,
    /// What came with the acknowledgement.
    pub answer: Option<Value>,
    /// Nobody took it.
    pub given_up: bool,
}

impl World {
    /// Sends something out; gives the envelope's id.
    pub(super) fn deliver(
        &mut self,
        inner: &Arc<Inner>,
        kind: &str,
        payload: Value,
        accepts: bool,
    ) -> String {
        let id = format!("e{}-{}", self.envelopes.len() + 1, self.opened);
        self.envelopes.push(Delivered {
            id: id.clone(),
            kind: kind.to_owned(),
            payload,
            accepts,
            retries: 0,
            sent: Instant::now(),
            acked: None,
            answer: None,
            given_up: false,
        });
        let number = self.envelopes.len() - 1;
        if self.faults.reordered && self.overtaken.is_none() {
            self.overtaken = Some(number);
        } else {
            self.send(inner, number, "");
            if let Some(waiting) = self.overtaken.take() {
                self.send(inner, waiting, "");
            }
        }
        id
    }

    fn send(&mut self, inner: &Arc<Inner>, number: usize, reason: &str) {
        let sent = &mut self.envelopes[number];
        sent.sent = Instant::now();
        let sent = sent.clone();
        let copies = 1 + self.faults.copies;
        if let Some(address) = self.address.clone() {
            for _ in 0..copies {
                http::send(inner, &address, &sent, reason);
            }
            return;
        }
        let mut envelope = json!({
            "envelope_id": sent.id,
            "type": sent.kind,
            "accepts_response_payload": sent.accepts,
            "payload": sent.payload,
        });
        if sent.kind == "events_api" {
            envelope["retry_attempt"] = json!(sent.retries);
            envelope["retry_reason"] = json!(reason);
        }
        let text = envelope.to_string();
        for _ in 0..copies {
            let turn = self.turn();
            let count = self.sockets.len().max(1);
            if let Some(socket) = self.sockets.values().nth(turn % count) {
                let _ = socket.send(Order::Send(text.clone()));
            }
        }
    }

    /// An acknowledgement came.
    pub(super) fn acknowledge(&mut self, inner: &Arc<Inner>, id: &str, answer: Option<Value>) {
        let Some(number) = self.envelopes.iter().position(|sent| sent.id == id) else {
            self.violations
                .push(format!("acknowledged what was never sent: {id}"));
            return;
        };
        let ack = self.pace.ack;
        let sent = &mut self.envelopes[number];
        if sent.acked.is_some() {
            return;
        }
        let took = sent.sent.elapsed();
        if took > ack {
            return;
        }
        sent.acked = Some(took);
        if answer.is_some() && !sent.accepts {
            self.violations
                .push(format!("an answer to {}, which takes none", sent.kind));
            return;
        }
        sent.answer.clone_from(&answer);
        let sent = sent.clone();
        if answer.is_none() && sent.payload["type"] == "view_submission" {
            self.close_view(sent.payload["view"]["id"].as_str().unwrap_or_default());
        }
        if let Some(answer) = answer {
            self.answered(inner, &sent, &answer);
        }
    }

    /// Tells all sockets something.
    pub(super) fn order(&mut self, order: &Order) {
        self.sockets
            .retain(|_, socket| socket.send(order.clone()).is_ok());
        if matches!(order, Order::Cut) {
            self.sockets.clear();
        }
    }

    /// Tells all sockets that they end.
    pub(super) fn disconnect(&mut self, reason: &str) {
        let frame = json!({"type": "disconnect", "reason": reason, "debug_info": {"host": "simulated"}});
        self.order(&Order::Send(frame.to_string()));
        if reason != "warning" {
            // Nothing new comes on them.
            let old = std::mem::take(&mut self.sockets);
            for socket in old.into_values() {
                let _ = socket.send(Order::CloseSoon);
            }
        }
    }
}

/// Delivers again what was not acknowledged, until the stand-in ends.
pub(super) async fn again(inner: Arc<Inner>) {
    let mut ticks = tokio::time::interval(Duration::from_millis(20));
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            () = inner.stop.cancelled() => return,
        }
        let mut world = inner.world.lock();
        let world = &mut *world;
        // What nobody overtakes goes out after a moment.
        if let Some(waiting) = world.overtaken
            && world.envelopes[waiting].sent.elapsed() > Duration::from_millis(200)
        {
            world.overtaken = None;
            world.send(&inner, waiting, "");
        }
        let mut due = Vec::new();
        let pace = world.pace.clone();
        let overtaken = world.overtaken;
        for (number, sent) in world.envelopes.iter_mut().enumerate() {
            if sent.acked.is_some() || sent.given_up || overtaken == Some(number) {
                continue;
            }
            let late = sent.sent.elapsed();
            if late <= pace.ack {
                continue;
            }
            // Only events come again: whoever pressed a button or typed a command is shown a failure.
            match pace.again.get(sent.retries) {
                Some(pause) if sent.kind == "events_api" => {
                    if late > pace.ack + *pause {
                        sent.retries += 1;
                        due.push(number);
                    }
                }
                _ => sent.given_up = true,
            }
        }
        for number in due {
            world.send(&inner, number, "timeout");
        }
    }
}
