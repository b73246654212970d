//! The database for looking into: of a named server through its API, else the file in the data folder,
//! which can be read also while a server works on it and when none does.

use serde::Deserialize as _;
use serde_json::{Value, json};

use super::{CliError, Context, connect, query};
use crate::api::client::Client;
use crate::model::{AuditDraft, AuditEntry};
use crate::store::sqlite::{SqliteOptions, SqliteStore};
use crate::store::{AuditFilter, Store as _, StoreError};

/// Entries that are asked for at once.
pub(super) const PAGE: u32 = 1000;

/// The database, for reading.
pub(super) enum Base {
    /// Of a server that was named.
    Api(Client),
    /// The file.
    File(SqliteStore),
}

impl From<StoreError> for CliError {
    fn from(error: StoreError) -> Self {
        Self::new(error.to_string())
    }
}

impl Base {
    /// The base that the command is about.
    pub(super) async fn open(context: &Context<'_>) -> Result<Self, CliError> {
        let settings = &context.loaded.settings;
        if settings.client.server.is_some() {
            return Ok(Self::Api(connect(context).await?.client));
        }
        let file = settings.database();
        if !file.exists() {
            return Err(CliError::new(format!(
                "there is no database in {} yet",
                settings.data_dir.display()
            ))
            .hint("name the folder with --data-dir or a server with --server"));
        }
        Ok(Self::File(
            SqliteStore::open(SqliteOptions::read_only(file)).await?,
        ))
    }

    /// Entries of the audit log.
    pub(super) async fn entries(&self, filter: AuditFilter) -> Result<Vec<AuditEntry>, CliError> {
        match self {
            Self::File(store) => Ok(store.audit(filter).await?),
            Self::Api(client) => {
                let found = client
                    .get(&format!("/api/v1/audit?{}", query(&parts(&filter))))
                    .await?;
                let Value::Array(entries) = found else {
                    return Err(CliError::new(
                        "the server's answer is no list: is this a Sayso server?",
                    ));
                };
                entries.iter().map(entry).collect()
            }
        }
    }

    /// Sizes and counts.
    pub(super) async fn stats(&self) -> Result<Value, CliError> {
        match self {
            Self::Api(client) => Ok(client.get("/api/v1/db/stats").await?),
            Self::File(store) => {
                let mut stats = serde_json::to_value(store.stats().await?).unwrap_or_default();
                // Counted since the start of a server, which this process is not.
                if let Some(stats) = stats.as_object_mut() {
                    stats.retain(|name, _| {
                        !matches!(name.as_str(), "transactions" | "commits" | "statements")
                    });
                }
                Ok(stats)
            }
        }
    }

    /// What is wrong with the database.
    pub(super) async fn check(&self) -> Result<Vec<String>, CliError> {
        match self {
            Self::File(store) => Ok(store.check().await?),
            Self::Api(client) => {
                let answer = client.get("/api/v1/db/check").await?;
                Vec::<String>::deserialize(&answer["complaints"]).map_err(|_| {
                    CliError::new("the server's answer has no complaints: is this a Sayso server?")
                })
            }
        }
    }

    /// Closes the file.
    pub(super) async fn close(self) {
        if let Self::File(store) = self {
            store.close().await;
        }
    }
}

fn parts(filter: &AuditFilter) -> Vec<(&'static str, String)> {
    let mut parts = vec![(
        "sort",
        if filter.newest_first { "desc" } else { "asc" }.to_owned(),
    )];
    parts.push((
        "limit",
        if filter.limit == 0 {
            "-1".to_owned()
        } else {
            filter.limit.to_string()
        },
    ));
    let mut add = |name, value: Option<String>| parts.extend(value.map(|value| (name, value)));
    add("after", filter.after.map(|number| number.to_string()));
    add("before", filter.before.map(|number| number.to_string()));
    add("since", filter.since.map(|time| time.to_string()));
    add("until", filter.until.map(|time| time.to_string()));
    add("actor", filter.actor.clone());
    add("kind", filter.kind.clone());
    add("action", filter.action.clone());
    add("execution", filter.execution.map(|id| id.to_string()));
    add(
        "q",
        Some(filter.words.join(" ")).filter(|words| !words.is_empty()),
    );
    parts
}

/// An entry as the API shows it.
pub(super) fn shown(entry: &AuditEntry) -> Value {
    let mut shown = json!({"number": entry.number});
    if let (Some(shown), Ok(Value::Object(draft))) =
        (shown.as_object_mut(), serde_json::to_value(&entry.draft))
    {
        shown.extend(draft);
        shown.insert("hash".to_owned(), hex::encode(entry.hash).into());
    }
    shown
}

/// The entry again.
fn entry(shown: &Value) -> Result<AuditEntry, CliError> {
    let read = || {
        let mut hash = [0; 32];
        hex::decode_to_slice(shown["hash"].as_str()?, &mut hash).ok()?;
        Some(AuditEntry {
            number: shown["number"].as_u64()?,
            draft: AuditDraft::deserialize(shown).ok()?,
            hash,
        })
    };
    read().ok_or_else(|| CliError::new("the server's answer has no audit entries: is this a Sayso server?"))
}
