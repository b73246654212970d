//! Workflows whose engine dies at every point where it could: between any two commits. Each ends as it would have, child by
//! child, and nothing that was done is done again.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::future::BoxFuture;
use parking_lot::Mutex;
use pretty_assertions::assert_eq;
use rstest::rstest;
use serde_json::{Value, json};
use tokio::sync::watch;

use super::support::World;
use crate::answers::{Answerer, approvals};
use crate::approval::Verdict;
use crate::engine::{By, EngineOptions};
use crate::model::{
    AuditEntry, Enforcement, Execution, Id, Identity, InboxClaim, JsonMap, OutboxMessage, OutputChunk,
    OutputStream, Status, Timestamp, TriggerInstance,
};
use crate::runners::{APPROVAL, Job, Outcome, Runner, RunnerSpec};
use crate::store::{
    AuditFilter, AuditRecords, CommitError, EnforcementFilter, ExecutionFilter, ExecutionPage,
    InstanceFilter, JournalEntry, Listed, OutboxCounts, Page, SortOrder, Store, StoreError, StoreStats,
    Transaction,
};

const PATIENCE: Duration = Duration::from_secs(60);

/// A store that takes so many commits and no more: what it holds then is what a crash at that point leaves.
struct Dying {
    inner: Arc<dyn Store>,
    left: AtomicUsize,
    dead: watch::Sender<bool>,
}

impl Dying {
    fn between(inner: Arc<dyn Store>, commits: usize) -> Arc<Self> {
        Arc::new(Self {
            inner,
            left: commits.into(),
            dead: watch::Sender::new(false),
        })
    }
}

macro_rules! forwarded {
    ($($name:ident($($argument:ident: $type:ty),*) -> $answer:ty;)*) => {
        $(fn $name(&self, $($argument: $type),*) -> BoxFuture<'_, $answer> {
            self.inner.$name($($argument),*)
        })*
    };
}

impl Store for Dying {
    fn commit(&self, transaction: Transaction) -> BoxFuture<'_, Result<(), CommitError>> {
        let taken = self
            .left
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
        if taken.is_ok() {
            return self.inner.commit(transaction);
        }
        self.dead.send_replace(true);
        Box::pin(async { Err(CommitError::Store(StoreError::Closed)) })
    }

    fn backup<'a>(&'a self, target: &'a Path) -> BoxFuture<'a, Result<(), StoreError>> {
        self.inner.backup(target)
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        self.inner.close()
    }

    forwarded! {
        execution(id: Id) -> Result<Option<Execution>, StoreError>;
        executions(filter: ExecutionFilter, page: Page) -> Result<ExecutionPage, StoreError>;
        unfinished() -> Result<Vec<Execution>, StoreError>;
        newest_execution() -> Result<Option<Id>, StoreError>;
        output(execution: Id, from: u32, limit: u32, stream: Option<OutputStream>) -> Result<Vec<OutputChunk>, StoreError>;
        definition(digest: String) -> Result<Option<Value>, StoreError>;
        definition_digests() -> Result<Vec<String>, StoreError>;
        journal(execution: Id, from: u64, limit: u32) -> Result<Vec<JournalEntry>, StoreError>;
        instance(id: Id) -> Result<Option<TriggerInstance>, StoreError>;
        instances(filter: InstanceFilter, page: Page) -> Result<Listed<TriggerInstance>, StoreError>;
        enforcement(id: Id) -> Result<Option<Enforcement>, StoreError>;
        enforcements(filter: EnforcementFilter, page: Page) -> Result<Listed<Enforcement>, StoreError>;
        claim(key: String) -> Result<Option<InboxClaim>, StoreError>;
        outbox_pending(limit: u32) -> Result<Vec<OutboxMessage>, StoreError>;
        outbox_conversation(gateway: String, conversation: String, after: Option<Id>, limit: u32) -> Result<Vec<OutboxMessage>, StoreError>;
        outbox_card(card: String) -> Result<Vec<OutboxMessage>, StoreError>;
        outbox_cards(prefix: String) -> Result<Vec<OutboxMessage>, StoreError>;
        outbox_counts() -> Result<OutboxCounts, StoreError>;
        setting(key: String) -> Result<Option<Value>, StoreError>;
        settings(prefix: String) -> Result<Vec<(String, Value)>, StoreError>;
        audit(filter: AuditFilter) -> Result<Vec<AuditEntry>, StoreError>;
        audit_records(after: u64, limit: u32) -> Result<AuditRecords, StoreError>;
        stats() -> Result<StoreStats, StoreError>;
        check() -> Result<Vec<String>, StoreError>;
        forget_claims(before: Timestamp) -> Result<u64, StoreError>;
    }
}

/// A runner whose actions leave marks. With `fails` the first so many executions for a mark fail, however often each is
/// started.
struct Marks {
    spec: RunnerSpec,
    left: Mutex<Vec<(String, Id)>>,
}

impl Marks {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            spec: RunnerSpec {
                name: "marks",
                description: "Leaves marks.",
                package: "marks",
                module: "marks",
                parameters: JsonMap::new(),
                output_key: None,
                pure: false,
            },
            left: Mutex::default(),
        })
    }

    /// How often each execution was carried out.
    fn times(&self) -> BTreeMap<Id, usize> {
        let mut times = BTreeMap::new();
        for (_, id) in &*self.left.lock() {
            *times.entry(*id).or_insert(0) += 1;
        }
        times
    }
}

impl Runner for Marks {
    fn spec(&self) -> &RunnerSpec {
        &self.spec
    }

    fn run(&self, job: Job) -> BoxFuture<'_, Outcome> {
        let mark = job.parameters["mark"].as_str().unwrap_or_default().to_owned();
        let fails = job.parameters["fails"].as_u64().unwrap_or(0);
        let mut left = self.left.lock();
        let mut executions: Vec<Id> = Vec::new();
        for (_, id) in left.iter().filter(|(known, _)| *known == mark) {
            if !executions.contains(id) {
                executions.push(*id);
            }
        }
        let place = executions.iter().position(|id| *id == job.execution);
        let failed = place.unwrap_or(executions.len()) < usize::try_from(fails).unwrap();
        left.push((mark.clone(), job.execution));
        let status = if failed { Status::Failed } else { Status::Succeeded };
        Box::pin(async move {
            tokio::task::yield_now().await;
            Outcome::new(status, json!({ "mark": mark }))
        })
    }
}

fn bo() -> Identity {
    Identity {
        user: "bo".to_owned(),
        ..Identity::default()
    }
}

async fn executions(world: &World) -> Vec<Execution> {
    let page = Page {
        order: SortOrder::Ascending,
        ..Page::default()
    };
    let found = world.store.executions(ExecutionFilter::default(), page).await;
    found.unwrap().items
}

/// Answers everything that is asked, until the workflow has ended or the store is dead. False when it is dead.
async fn answered_to_its_end(world: &World, id: Id, dead: &mut watch::Receiver<bool>) -> bool {
    let mut events = world.engine.subscribe();
    loop {
        let now = executions(world).await;
        if now.iter().any(|one| one.id == id && one.status.is_completed())
            && now.iter().all(|one| one.status.is_completed())
        {
            return true;
        }
        for asked in now.iter().filter(|one| one.status == Status::Pending) {
            // Whoever is too late or finds a dead store learns it.
            if asked.request.runner == APPROVAL {
                let say = approvals::Say {
                    verdict: Verdict::Approve,
                    reason: None,
                    seen: None,
                };
                let bo = bo();
                let answerer = Answerer {
                    identity: &bo,
                    place: None,
                };
                let _ = approvals::vote(&world.engine, asked.id, &say, answerer).await;
            } else {
                let by = By {
                    user: "bo".to_owned(),
                    ..By::default()
                };
                let answer = json!({"response": {"continue": true}});
                let _ = world
                    .engine
                    .settle(asked.id, Status::Succeeded, answer, &by)
                    .await;
            }
        }
        let next = async {
            tokio::select! {
                event = events.recv() => { event.unwrap(); }
                _ = dead.wait_for(|dead| *dead) => {}
            }
        };
        let waited = tokio::time::timeout(PATIENCE, next).await;
        assert!(waited.is_ok(), "it stands still: {now:#?}");
        if *dead.borrow() {
            return false;
        }
    }
}

/// Everything that happened, without what differs from run to run.
async fn history(world: &World) -> Vec<String> {
    let all = executions(world).await;
    let names: BTreeMap<Id, &str> = all
        .iter()
        .map(|one| (one.id, one.request.action.as_str()))
        .collect();
    let mut lines = Vec::new();
    for one in &all {
        let whole = world.store.execution(one.id).await.unwrap().unwrap();
        let result = whole.result.as_deref().cloned().unwrap_or_default();
        let result = match one.request.runner.as_str() {
            "action-chain" => {
                let names = result["tasks"].as_array().unwrap().iter();
                let states: Vec<_> = names.map(|task| (&task["name"], &task["state"])).collect();
                json!({"published": result["published"], "tasks": states})
            }
            APPROVAL => json!({"status": result["status"]}),
            _ => result,
        };
        let link = &one.request.context.get("orquesta").cloned().unwrap_or_default();
        let chain = one
            .request
            .context
            .get("chain")
            .map_or(&Value::Null, |chain| &chain["name"]);
        lines.push(format!(
            "{} of {:?}: {}{chain} route {} item {} of {} = {} {} {}",
            one.request.action,
            one.request.parent.map(|parent| names[&parent]),
            link["task_id"],
            link["task_route"],
            link["item_id"],
            link["items_count"],
            one.status,
            Value::Object(one.request.parameters.clone()),
            result
        ));
    }
    lines.sort_unstable();
    lines
}

fn options(snapshot_after: usize) -> EngineOptions {
    EngineOptions {
        snapshot_after,
        ..EngineOptions::default()
    }
}

#[rstest]
#[case("marks_line", 0)]
#[case("marks_fork", 500)]
#[case("marks_items", 2)]
#[case("marks_tries", 500)]
#[case("marks_turns", 1)]
#[case("marks_outer", 500)]
#[case("marks_approval", 500)]
#[case("marks_question", 1)]
#[case("marks_chain", 2)]
#[tokio::test]
async fn between_any_two_commits_an_engine_may_die(#[case] flow: &str, #[case] snapshot_after: usize) {
    let options = options(snapshot_after);
    let mut expected: Option<Vec<String>> = None;
    // The first run is undisturbed; the others die after 1, 2, 3 … commits, until one does not die any more.
    for commits in std::iter::once(usize::MAX).chain(1..) {
        let marks = Marks::new();
        let mut store = None;
        let world = World::with(
            tempfile::tempdir().unwrap(),
            options.clone(),
            |inner| {
                let dying = Dying::between(inner, commits);
                store = Some(Arc::clone(&dying));
                dying
            },
            Some(marks.clone()),
        )
        .await;
        let dying = store.unwrap();
        let mut dead = dying.dead.subscribe();
        let id = world.submit("ana", flow, json!({})).await;
        let survived = answered_to_its_end(&world, id, &mut dead).await;
        if survived {
            let history = history(&world).await;
            let Some(expected) = &expected else {
                assert!(history.len() > 2, "{history:#?}");
                expected = Some(history);
                continue;
            };
            assert_eq!(&history, expected, "undisturbed");
            assert!(commits > 3, "it died only {commits} times");
            return;
        }
        let folder = world.crash().await;
        let before = marks.times();

        let world = World::with(folder, options.clone(), |inner| inner, Some(marks.clone())).await;
        let (_alive, mut never) = watch::channel(false);
        assert!(answered_to_its_end(&world, id, &mut never).await);
        assert_eq!(
            Some(&history(&world).await),
            expected.as_ref(),
            "{flow} died after {commits} commits"
        );
        let now = marks.times();
        for one in executions(&world).await {
            let runs = now.get(&one.id).copied().unwrap_or(0);
            // It runs again only when its end was not stored, and the start for that is in its log.
            let log = &one.progress.log;
            let begun = log.iter().filter(|entry| entry.status == Status::Running).count();
            let name = &one.request.action;
            assert!(
                runs <= begun,
                "{flow}, {commits} commits: {name} ran {runs} times: {log:?}"
            );
            let ran_before = before.get(&one.id).copied().unwrap_or(0);
            assert!(
                ran_before <= 1 && begun <= 2,
                "{flow}, {commits} commits: {name}: {log:?}"
            );
        }
    }
}
