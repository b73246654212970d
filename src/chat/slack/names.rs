//! Names of people and channels, asked for once in a while and never for long.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::events::channel_name;
use super::limits;
use super::web::{Failure, Web};

/// How long an answer counts.
const KEPT: Duration = Duration::from_secs(3600);
/// How long nothing is asked after a failure.
const FAILED: Duration = Duration::from_secs(30);
/// How long somebody waits for a name: an acknowledgement waits as well.
const PATIENCE: Duration = Duration::from_millis(700);
/// Pages of channels that are read at most.
const LISTS: usize = 50;
/// Names remembered.
const REMEMBERED: usize = 20_000;

/// What is known of somebody.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Known {
    pub(super) name: Option<String>,
    /// Only when it is confirmed.
    pub(super) email: Option<String>,
}

type Cache<T> = Mutex<HashMap<String, (Instant, T)>>;

/// Names, remembered.
pub(super) struct Names {
    web: Arc<Web>,
    users: Cache<Known>,
    channels: Cache<Option<String>>,
    /// Ids of the bot's channels by name, with when they were read.
    listed: Mutex<Option<(Instant, HashMap<String, String>)>>,
}

fn cached<T: Clone>(cache: &Cache<T>, key: &str) -> Option<T> {
    let cache = cache.lock();
    let (until, value) = cache.get(key)?;
    (*until > Instant::now()).then(|| value.clone())
}

fn keep<T>(cache: &Cache<T>, key: &str, value: T, time: Duration) {
    let mut cache = cache.lock();
    if cache.len() > REMEMBERED {
        cache.clear();
    }
    cache.insert(key.to_owned(), (Instant::now() + time, value));
}

impl Names {
    pub(super) fn new(web: Arc<Web>) -> Self {
        Self {
            web,
            users: Mutex::default(),
            channels: Mutex::default(),
            listed: Mutex::default(),
        }
    }

    pub(super) async fn user(&self, id: &str) -> Known {
        if let Some(known) = cached(&self.users, id) {
            return known;
        }
        let fields = [("user", id)];
        let asking = self.web.read("users.info", &fields);
        let Ok(Ok(answer)) = tokio::time::timeout(PATIENCE, asking).await else {
            keep(&self.users, id, Known::default(), FAILED);
            return Known::default();
        };
        let user = &answer["user"];
        let name = [
            &user["profile"]["display_name"],
            &user["profile"]["real_name"],
            &user["real_name"],
            &user["name"],
        ];
        let known = Known {
            name: name
                .into_iter()
                .filter_map(|name| name.as_str())
                .find(|name| !name.is_empty())
                .map(|name| limits::cut(name, 100)),
            email: user["profile"]["email"]
                .as_str()
                .filter(|_| user["is_email_confirmed"] != false && user["is_stranger"] != true)
                .filter(|_| user["deleted"] != true && user["is_bot"] != true)
                .map(str::to_owned),
        };
        keep(&self.users, id, known.clone(), KEPT);
        known
    }

    pub(super) async fn channel(&self, id: &str) -> Option<String> {
        if let Some(known) = cached(&self.channels, id) {
            return known;
        }
        let fields = [("channel", id)];
        let asking = self.web.read("conversations.info", &fields);
        let Ok(Ok(answer)) = tokio::time::timeout(PATIENCE, asking).await else {
            keep(&self.channels, id, None, FAILED);
            return None;
        };
        let name = channel_name(answer["channel"]["name"].as_str().unwrap_or_default());
        keep(&self.channels, id, name.clone(), KEPT);
        name
    }

    /// The channel of this name that the bot is in.
    pub(super) async fn named(&self, name: &str) -> Result<Option<String>, Failure> {
        let name = name.to_lowercase();
        let known = self.listed.lock().as_ref().and_then(|(since, ids)| {
            let found = ids.get(&name).cloned();
            // What is not known is asked for again sooner: the bot may have been invited just now.
            let kept = if found.is_some() { KEPT } else { FAILED };
            (since.elapsed() < kept).then_some(found)
        });
        if let Some(known) = known {
            return Ok(known);
        }
        let mut ids = HashMap::new();
        let mut cursor = String::new();
        for _ in 0..LISTS {
            let mut fields = vec![
                ("types", "public_channel,private_channel"),
                ("exclude_archived", "true"),
                ("limit", "200"),
            ];
            if !cursor.is_empty() {
                fields.push(("cursor", &cursor));
            }
            let page = self.web.read("users.conversations", &fields).await?;
            for channel in page["channels"].as_array().into_iter().flatten() {
                if let (Some(id), Some(name)) = (channel["id"].as_str(), channel["name"].as_str()) {
                    ids.insert(name.to_lowercase(), id.to_owned());
                }
            }
            cursor = page["response_metadata"]["next_cursor"]
                .as_str()
                .unwrap_or_default()
                .to_owned();
            if cursor.is_empty() {
                break;
            }
        }
        let found = ids.get(&name).cloned();
        *self.listed.lock() = Some((Instant::now(), ids));
        Ok(found)
    }

    pub(super) fn forget_user(&self, id: &str) {
        self.users.lock().remove(id);
    }

    pub(super) fn forget_channel(&self, id: &str) {
        self.channels.lock().remove(id);
    }
}
