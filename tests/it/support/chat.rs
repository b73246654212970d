//! A chat client: messages in, events out, over interruptions.

use std::collections::VecDeque;
use std::sync::Arc;

use parking_lot::Mutex;
use reqwest::Method;
use serde_json::{Value, json};
use tokio::sync::Notify;
use tokio::task::JoinHandle;

use super::server::{Answer, Api};
use super::{PATIENCE, eventually};

/// Smaller than every id: what comes after it is everything.
const BEFORE_ALL: &str = "000000000000000000000000";

/// Events that a client knows again when they are repeated.
const REMEMBERED: usize = 128;

/// Something that the bot said.
pub(crate) type Event = Value;

/// A conversation that is listened to until it is dropped. After an interruption it asks for everything that
/// comes after its cursor, and drops what it knows.
pub(crate) struct Chat {
    pub(crate) api: Api,
    pub(crate) conversation: String,
    heard: Arc<Heard>,
    listener: JoinHandle<()>,
}

#[derive(Default)]
struct Heard {
    events: Mutex<Vec<Event>>,
    /// How often the server said that it is listening.
    greetings: Mutex<usize>,
    news: Notify,
}

impl Drop for Chat {
    fn drop(&mut self) {
        self.listener.abort();
    }
}

impl Chat {
    pub(super) async fn open(api: Api, conversation: &str) -> Self {
        let heard = Arc::new(Heard::default());
        let listener = tokio::spawn(listen(api.clone(), conversation.to_owned(), Arc::clone(&heard)));
        let chat = Self {
            api,
            conversation: conversation.to_owned(),
            heard,
            listener,
        };
        eventually("the server listens to the conversation", async || {
            (*chat.heard.greetings.lock() > 0).then_some(())
        })
        .await;
        chat
    }

    /// Says something with a key, as a client that may have to repeat it. `None`: no answer came.
    pub(crate) async fn try_say(&self, key: &str, text: &str) -> Option<Answer> {
        let body = json!({"conversation": self.conversation, "key": key, "text": text});
        let request = self.api.request(Method::POST, "/api/v1/chat/messages");
        self.api.try_send(request.json(&body)).await
    }

    /// Says something; gives what the server answered at once.
    #[track_caller]
    pub(crate) fn say(&self, text: &str) -> impl Future<Output = Value> {
        let caller = std::panic::Location::caller();
        let body = json!({"conversation": self.conversation, "text": text});
        let api = self.api.clone();
        async move {
            let answer = api.post("/api/v1/chat/messages", &body).await;
            assert_eq!(answer.status, 202, "{caller}: {:#}", answer.body);
            answer.body
        }
    }

    /// Says something and waits for the one final answer.
    pub(crate) async fn ask(&self, text: &str) -> Event {
        let receipt = self.say(text).await;
        self.answer_to(&receipt).await
    }

    /// Text of the final answer.
    pub(crate) async fn asked(&self, text: &str) -> String {
        text_of(&self.ask(text).await)
    }

    /// Waits for the final answer of a message that was taken.
    pub(crate) async fn answer_to(&self, receipt: &Value) -> Event {
        let execution = receipt["executions"][0].as_str().map(str::to_owned);
        let answer = receipt["answers"][0].as_str().map(str::to_owned);
        self.hears("the final answer", move |event| {
            let about = execution.is_some() && event["execution"].as_str() == execution.as_deref();
            let is = answer.is_some() && event["id"].as_str() == answer.as_deref();
            event["final"] == true && (about || is)
        })
        .await
    }

    /// Waits for an event, or finds it among those that came already.
    pub(crate) async fn hears(&self, what: &str, fits: impl Fn(&Event) -> bool) -> Event {
        let waiting = async {
            loop {
                let news = self.heard.news.notified();
                if let Some(event) = self.heard.events.lock().iter().find(|event| fits(event)) {
                    return event.clone();
                }
                news.await;
            }
        };
        match tokio::time::timeout(PATIENCE, waiting).await {
            Ok(event) => event,
            Err(_) => panic!("waited in vain for {what}; heard {:#?}", self.events()),
        }
    }

    /// Everything that was heard so far.
    pub(crate) fn events(&self) -> Vec<Event> {
        self.heard.events.lock().clone()
    }
}

/// What an event says.
pub(crate) fn text_of(event: &Event) -> String {
    event["text"].as_str().unwrap_or_default().to_owned()
}

async fn listen(api: Api, conversation: String, heard: Arc<Heard>) {
    let mut known = VecDeque::new();
    loop {
        // Messages may overtake each other a little, so everything after the oldest remembered one is asked for.
        let cursor = known.iter().min().map_or(BEFORE_ALL, String::as_str);
        let path = format!("/api/v1/chat/events?conversation={conversation}&after={cursor}");
        if let Ok(mut response) = api.request(Method::GET, &path).send().await {
            let mut bytes = Vec::new();
            while let Ok(Some(chunk)) = response.chunk().await {
                bytes.extend_from_slice(&chunk);
                while let Some(end) = bytes.windows(2).position(|pair| pair == b"\n\n") {
                    let frame: Vec<u8> = bytes.drain(..end + 2).collect();
                    take(&String::from_utf8_lossy(&frame), &heard, &mut known);
                }
            }
        }
        tokio::time::sleep(super::LOOK_AGAIN).await;
    }
}

fn take(frame: &str, heard: &Heard, known: &mut VecDeque<String>) {
    let (mut kind, mut data) = ("message", String::new());
    for line in frame.lines() {
        if let Some(rest) = line.strip_prefix("event: ") {
            kind = rest;
        } else if let Some(rest) = line.strip_prefix("data: ") {
            data.push_str(rest);
        }
    }
    if kind == "listening" {
        *heard.greetings.lock() += 1;
    } else if let Ok(event) = serde_json::from_str::<Event>(&data) {
        let id = event["id"].as_str();
        if id.is_none_or(|id| !known.iter().any(|known| known == id)) {
            known.extend(id.map(str::to_owned));
            if known.len() > REMEMBERED {
                known.pop_front();
            }
            heard.events.lock().push(event);
        }
    }
    heard.news.notify_waiters();
}
