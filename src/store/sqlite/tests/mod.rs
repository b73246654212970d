//! Tests of the `SQLite` store.

mod audit;
mod failures;
mod grouping;
mod journal;
mod lists;
mod model;
mod things;

use std::sync::Arc;

use serde_json::{Value, json};
use tokio::sync::oneshot;

use super::writer::Job;
use super::{SqliteOptions, SqliteStore};
use crate::model::{
    AuditDraft, Execution, Id, JsonMap, LogEntry, Origin, OutputChunk, OutputStream, Place, Progress,
    Request, Status, Timestamp,
};
use crate::store::{
    CommitError, ExecutionFilter, ExecutionPage, Page, Store, StoreError, Transaction, Write,
};

/// A store in a folder that goes away with it.
pub(super) struct Fixture {
    pub(super) store: SqliteStore,
    pub(super) folder: tempfile::TempDir,
}

impl Fixture {
    pub(super) async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = SqliteStore::open(SqliteOptions::new(folder.path().join("sayso.db")))
            .await
            .unwrap();
        Self { store, folder }
    }

    pub(super) fn path(&self) -> std::path::PathBuf {
        self.folder.path().join("sayso.db")
    }

    /// Drops the store without closing it and opens the file again.
    pub(super) async fn reopen(self) -> Self {
        let Self { store, folder } = self;
        drop(store);
        let store = SqliteStore::open(SqliteOptions::new(folder.path().join("sayso.db")))
            .await
            .unwrap();
        Self { store, folder }
    }

    pub(super) async fn commit(&self, transaction: Transaction) {
        self.store.commit(transaction).await.unwrap();
    }

    /// All that the database holds is consistent.
    pub(super) async fn assert_sound(&self) {
        assert_eq!(self.store.check().await.unwrap(), Vec::<String>::new());
    }

    pub(super) async fn list(&self, filter: ExecutionFilter, page: Page) -> ExecutionPage {
        self.store.executions(filter, page).await.unwrap()
    }
}

impl SqliteStore {
    /// Runs a statement on the writing connection.
    pub(super) async fn execute(&self, text: impl Into<String>) -> Result<(), StoreError> {
        let (answer, answered) = oneshot::channel();
        self.jobs
            .as_ref()
            .unwrap()
            .send(Job::Execute {
                text: text.into(),
                answer,
            })
            .await
            .ok()
            .unwrap();
        answered.await.unwrap()
    }
}

/// Runs the futures so that all of them reach the writer's queue, in order, before the writer runs (on the
/// single-threaded test runtime): what is committed together is then certain. tokio would otherwise let the
/// writer go first now and then.
pub(super) async fn together<F: Future>(futures: impl IntoIterator<Item = F>) -> Vec<F::Output> {
    tokio::task::unconstrained(futures_util::future::join_all(futures)).await
}

pub(super) fn at(seconds: i64) -> Timestamp {
    Timestamp::from_micros(1_800_000_000_000_000 + seconds * 1_000_000)
}

pub(super) fn object(value: Value) -> JsonMap {
    match value {
        Value::Object(map) => map,
        other => panic!("{other} is no object"),
    }
}

/// A request for `action` by `user`.
pub(super) fn request(action: &str, user: &str) -> Request {
    Request {
        action: action.to_owned(),
        runner: "noop".to_owned(),
        user: user.to_owned(),
        parameters: object(json!({"cmd": "uptime", "n": 3, "ratio": 0.1 + 0.2, "list": [null, true, "ä"]})),
        context: object(json!({"user": user})),
        pack_version: "1.2.3".to_owned(),
        digest: "d1".to_owned(),
        decision: "admins may do everything".to_owned(),
        origin: Origin {
            kind: "api".to_owned(),
            ..Origin::default()
        },
        ..Request::default()
    }
}

/// A new execution, requested now.
pub(super) fn execution(request: Request) -> Execution {
    let (id, start) = (Id::new(), Timestamp::now());
    Execution {
        id,
        revision: 0,
        status: Status::Requested,
        request: Arc::new(request),
        start,
        end: None,
        progress: Progress {
            log: vec![LogEntry {
                timestamp: start,
                status: Status::Requested,
            }],
            ..Progress::default()
        },
        result: None,
        result_size: 0,
    }
}

/// The next step of an execution.
pub(super) fn stepped(before: &Execution, status: Status) -> Execution {
    let mut next = before.clone();
    next.revision += 1;
    next.status = status;
    let now = Timestamp::now();
    next.progress.log.push(LogEntry {
        timestamp: now,
        status,
    });
    next.end = status.is_completed().then_some(now);
    next
}

pub(super) fn with_result(mut execution: Execution, result: Value) -> Execution {
    execution.result_size = result.to_string().len() as u64;
    execution.result = Some(Arc::new(result));
    execution
}

/// A new execution that has ended already.
pub(super) fn completed(action: &str, user: &str, status: Status) -> Execution {
    let mut execution = execution(request(action, user));
    execution.status = status;
    execution.end = Some(Timestamp::now());
    with_result(execution, json!({"ok": status == Status::Succeeded}))
}

pub(super) fn insert(execution: &Execution) -> Write {
    Write::Insert(Arc::new(execution.clone()))
}

pub(super) fn transition(execution: &Execution) -> Write {
    Write::Transition(Arc::new(execution.clone()))
}

pub(super) fn draft(kind: &str, actor: &str, seconds: i64) -> AuditDraft {
    AuditDraft {
        timestamp: at(seconds),
        kind: kind.to_owned(),
        actor: actor.to_owned(),
        place: "api".to_owned(),
        detail: json!({"seconds": 0.1 + 0.2}),
        ..AuditDraft::default()
    }
}

pub(super) fn chunk(execution: Id, number: u32, stream: OutputStream, text: &str) -> OutputChunk {
    OutputChunk {
        execution,
        number,
        timestamp: at(i64::from(number)),
        stream,
        text: text.to_owned(),
    }
}

pub(super) fn place(conversation: &str) -> Place {
    Place {
        gateway: "slack:default".to_owned(),
        conversation: conversation.to_owned(),
        thread: Some("17.1".to_owned()),
        name: Some("#ops".to_owned()),
    }
}
