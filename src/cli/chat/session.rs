//! A conversation with the server: messages over requests, answers over one event stream that survives
//! interruptions.

use std::collections::VecDeque;
use std::time::Duration;

use futures_util::StreamExt as _;
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::exchange::Exchange;
use crate::api::client::{Client, ClientError};
use crate::chat::console::ConsoleEvent;
use crate::model::Id;

/// Events remembered, to tell repeated ones and to name a safe point after an interruption.
const REMEMBERED: usize = 128;
/// Pauses between attempts to connect again; after the last one the session ends.
const RECONNECT_MS: [u64; 8] = [50, 200, 500, 1000, 2000, 4000, 8000, 15_000];

/// A conversation.
pub(super) struct Session {
    client: Client,
    conversation: String,
    events: mpsc::Receiver<Result<ConsoleEvent, ClientError>>,
    /// Events that came before the answer to the message that they belong to.
    early: VecDeque<ConsoleEvent>,
    reader: JoinHandle<()>,
}

impl Drop for Session {
    fn drop(&mut self) {
        self.reader.abort();
    }
}

impl Session {
    /// Opens a conversation; returns when the server listens.
    pub(super) async fn open(client: Client) -> Result<Self, ClientError> {
        let conversation = format!("term-{}", Id::new());
        let stream = client.events(&path(&conversation, None)).await?;
        let (sender, events) = mpsc::channel(REMEMBERED);
        let reader = Reader {
            client: client.clone(),
            conversation: conversation.clone(),
            seen: VecDeque::new(),
            sender,
        };
        let (ready, heard) = tokio::sync::oneshot::channel();
        let reader = tokio::spawn(reader.run(stream, Some(ready)));
        // An error comes as the first event.
        let _ = heard.await;
        Ok(Self {
            client,
            conversation,
            events,
            early: VecDeque::new(),
            reader,
        })
    }

    /// The client that it uses.
    pub(super) fn client(&self) -> &Client {
        &self.client
    }

    /// Says something. A request that failed on its way is repeated once with the same key, so it runs once.
    pub(super) async fn say(&mut self, text: &str) -> Result<Exchange, ClientError> {
        let body = json!({"conversation": self.conversation, "text": text, "key": Id::new()});
        let path = "/api/v1/chat/messages";
        let answer = match self.client.post(path, Some(&body)).await {
            Err(ClientError::Unreachable { .. }) => {
                tokio::time::sleep(Duration::from_millis(RECONNECT_MS[2])).await;
                self.client.post(path, Some(&body)).await
            }
            other => other,
        }?;
        // When the first request did arrive its answers are not known; its events will tell nothing then.
        if answer["duplicate"] == true {
            return Err(ClientError::Malformed(
                "the connection broke while the command was sent: it was accepted, `history` shows it"
                    .to_owned(),
            ));
        }
        Ok(Exchange::new(&answer))
    }

    /// The next event.
    pub(super) async fn next(&mut self) -> Result<ConsoleEvent, ClientError> {
        match self.early.pop_front() {
            Some(event) => Ok(event),
            None => match self.events.recv().await {
                Some(event) => event,
                None => Err(ClientError::Malformed("the event stream ended".to_owned())),
            },
        }
    }

    /// The next event when one is there already.
    pub(super) fn try_next(&mut self) -> Option<Result<ConsoleEvent, ClientError>> {
        self.early
            .pop_front()
            .map(Ok)
            .or_else(|| self.events.try_recv().ok())
    }
}

fn path(conversation: &str, after: Option<Id>) -> String {
    let after = after.map(|id| format!("&after={id}")).unwrap_or_default();
    format!("/api/v1/chat/events?conversation={conversation}{after}")
}

struct Reader {
    client: Client,
    conversation: String,
    seen: VecDeque<Id>,
    sender: mpsc::Sender<Result<ConsoleEvent, ClientError>>,
}

impl Reader {
    async fn run(
        mut self,
        mut stream: crate::api::client::EventStream,
        mut ready: Option<tokio::sync::oneshot::Sender<()>>,
    ) {
        loop {
            while let Some(Ok(frame)) = stream.next().await {
                if frame.event == "listening" {
                    let _ = ready.take().map(|ready| ready.send(()));
                    continue;
                }
                let event: Result<ConsoleEvent, _> = frame.json();
                if let Ok(event) = &event
                    && let Some(id) = event.id
                {
                    if self.seen.contains(&id) {
                        continue;
                    }
                    self.seen.push_back(id);
                    if self.seen.len() > REMEMBERED {
                        self.seen.pop_front();
                    }
                }
                if self.sender.send(event).await.is_err() {
                    return;
                }
            }
            match self.reconnect().await {
                Ok(again) => stream = again,
                Err(error) => {
                    let _ = self.sender.send(Err(error)).await;
                    return;
                }
            }
        }
    }

    async fn reconnect(&self) -> Result<crate::api::client::EventStream, ClientError> {
        // Messages may overtake each other a little: everything after the oldest remembered one is asked for
        // again, and what is known is dropped.
        // The conversation is ours alone, so before the first message that is everything.
        let after = self
            .seen
            .iter()
            .min()
            .copied()
            .or_else(|| Id::from_bytes(&[0; 12]));
        let mut last = ClientError::Malformed("the event stream ended".to_owned());
        for pause in RECONNECT_MS {
            tokio::time::sleep(Duration::from_millis(pause)).await;
            match self.client.events(&path(&self.conversation, after)).await {
                Ok(stream) => return Ok(stream),
                Err(error @ ClientError::Refused { .. }) if error.status() != Some(503) => return Err(error),
                Err(error) => last = error,
            }
        }
        Err(last)
    }
}

/// Commands that may be said, for completion: `(display, description)`.
pub(super) async fn completions(client: &Client) -> Result<Vec<(String, String)>, ClientError> {
    let answer = client.get("/api/v1/chat/completions").await?;
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let commands = answer["commands"].as_array().into_iter().flatten();
    Ok(commands
        .map(|command| (text(&command["display"]), text(&command["description"])))
        .collect())
}
