//! What is old goes, in batches, after it was archived; the rest and the audit log stay.

use std::sync::Arc;

use serde_json::{Value, json};

use super::*;
use crate::model::{
    Enforcement, Execution, Id, InstanceDetail, InstanceStatus, OutputChunk, OutputStream, Progress, Request,
    Status, TriggerInstance,
};
use crate::store::sqlite::{SqliteOptions, SqliteStore};
use crate::store::{EnforcementFilter, ExecutionFilter, InstanceFilter, JournalEntry, Page};

fn execution(status: Status, runner: &str, parent: Option<Id>) -> Execution {
    let now = Timestamp::now();
    Execution {
        id: Id::new(),
        revision: 0,
        status,
        request: Arc::new(Request {
            action: "demo.it".to_owned(),
            runner: runner.to_owned(),
            parent,
            ..Request::default()
        }),
        start: now,
        end: status.is_completed().then_some(now),
        progress: Progress::default(),
        result: Some(Arc::new(json!({"n": 1}))),
        result_size: 7,
    }
}

async fn fill(store: &dyn Store) -> Id {
    let at_work = execution(Status::Running, "orquesta", None);
    let mut rows = vec![Write::Insert(Arc::new(at_work.clone()))];
    for number in 0..25 {
        let done = execution(Status::Succeeded, "noop", None);
        rows.push(Write::Output(vec![OutputChunk {
            execution: done.id,
            number: 0,
            timestamp: Timestamp::now(),
            stream: OutputStream::Stdout,
            text: format!("line {number}\n"),
        }]));
        rows.insert(0, Write::Insert(Arc::new(done)));
    }
    let child = execution(Status::Failed, "noop", Some(at_work.id));
    let flow = execution(Status::Succeeded, "orquesta", None);
    let asked = execution(Status::Timeout, "inquirer", None);
    let instance = |status| TriggerInstance {
        id: Id::new(),
        trigger: "core.x".to_owned(),
        payload: Arc::new(json!({"a": 1})),
        occurrence_time: Timestamp::now(),
        status,
        detail: InstanceDetail::default(),
    };
    let done = instance(InstanceStatus::Processed);
    let done_id = done.id;
    rows.push(Write::Enforcement(Enforcement {
        id: Id::new(),
        rule: "demo.r".to_owned(),
        instance: done.id,
        execution: None,
        enforced_at: Timestamp::now(),
        failure: None,
        held_back: None,
    }));
    for instance in [done, instance(InstanceStatus::Pending)] {
        rows.push(Write::Instance(Arc::new(instance)));
    }
    let journal = JournalEntry {
        execution: flow.id,
        number: 0,
        data: Arc::new([1, 2, 3]),
        whole: false,
    };
    // What goes with them, and what has a name alike.
    for key in [
        format!("caused.{}.{}", flow.id, done_id),
        format!("trace.{}.{}", done_id, flow.id),
        format!("trace.{}.{}", flow.id, child.id),
        format!("caused.{}.{}", at_work.id, done_id),
        "caused.".to_owned(),
        "trace.of-somebody".to_owned(),
        format!("trace-tag.done\n{done_id}"),
        format!("trace-tag.at work\n{}", at_work.id),
    ] {
        rows.push(Write::Setting {
            key,
            value: Some(json!(true)),
        });
    }
    for execution in [child, flow, asked] {
        rows.push(Write::Insert(Arc::new(execution)));
    }
    rows.push(Write::Journal(journal));
    rows.push(Write::Audit(AuditDraft::default()));
    store.commit(rows).await.unwrap();
    at_work.id
}

fn lines(folder: &std::path::Path, kind: &str) -> Vec<Value> {
    let files = std::fs::read_dir(folder)
        .unwrap()
        .map(|file| file.unwrap().path());
    let file = files
        .into_iter()
        .find(|file| file.file_name().unwrap().to_str().unwrap().starts_with(kind))
        .unwrap();
    let text = zstd::stream::decode_all(std::fs::File::open(file).unwrap()).unwrap();
    let text = String::from_utf8(text).unwrap();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[tokio::test]
async fn what_is_old_is_archived_and_deleted_and_the_rest_stays() {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(SqliteOptions::new(folder.path().join("sayso.db")))
        .await
        .unwrap();
    let store: Arc<dyn Store> = Arc::new(store);
    let at_work = fill(&*store).await;
    let archive = folder.path().join("archive");
    let options = RetentionOptions {
        executions_days: 30,
        inquiries_days: 60,
        instances_days: 30,
        enforcements_days: 30,
        archive: Some(archive.clone()),
        batch: 10,
        pause_ms: 0,
        ..RetentionOptions::default()
    };
    let retention = Retention::new(options, Arc::clone(&store));
    let day = 24 * 3_600_000;
    let count = |report: &Report, kind: &str| {
        let done = report.kinds.iter().find(|done| done.kind == kind).unwrap();
        done.count
    };
    let now = Timestamp::now();
    let young = retention
        .run(now.plus_millis(29 * day), false, "test")
        .await
        .unwrap();
    assert_eq!(young.kinds.iter().map(|done| done.count).sum::<u64>(), 0);

    let later = now.plus_millis(31 * day);
    let dry = retention.run(later, true, "test").await.unwrap();
    assert_eq!((count(&dry, "executions"), count(&dry, "instances")), (26, 1));
    assert_eq!(store.stats().await.unwrap().executions, 29);
    assert!(retention.last().is_some_and(|last| !last.dry_run));

    let done = retention.run(later, false, "test").await.unwrap();
    assert_eq!(
        (
            count(&done, "executions"),
            count(&done, "inquiries"),
            count(&done, "enforcements")
        ),
        (26, 0, 1)
    );
    let stats = store.stats().await.unwrap();
    assert_eq!((stats.executions, stats.unfinished), (3, 1));
    let left = store
        .executions(ExecutionFilter::default(), Page::default())
        .await
        .unwrap();
    assert_eq!(
        left.items.len(),
        3,
        "the workflow at work, its part, and the question stay"
    );
    assert!(left.items.iter().any(|one| one.id == at_work));
    let instances = store
        .instances(InstanceFilter::default(), Page::default())
        .await
        .unwrap();
    assert_eq!(instances.items.len(), 1);
    assert_eq!(instances.items[0].status, InstanceStatus::Pending);
    let enforced = store
        .enforcements(EnforcementFilter::default(), Page::default())
        .await
        .unwrap();
    assert!(enforced.items.is_empty());

    let mut named = store.settings("caused.".to_owned()).await.unwrap();
    named.extend(store.settings("trace.".to_owned()).await.unwrap());
    let mut named: Vec<String> = named.into_iter().map(|(key, _)| key).collect();
    named.sort();
    assert_eq!(named.len(), 3, "{named:?}");
    assert_eq!(
        (named[0].as_str(), named[2].as_str()),
        ("caused.", "trace.of-somebody")
    );
    assert!(named[1].starts_with(&format!("caused.{at_work}.")), "{named:?}");

    let tags = store.settings("trace-tag.".to_owned()).await.unwrap();
    let tags: Vec<&str> = tags.iter().map(|(key, _)| key.as_str()).collect();
    assert_eq!(tags, [format!("trace-tag.at work\n{at_work}")]);

    let archived = lines(&archive, "executions");
    assert_eq!(archived.len(), 26);
    assert_eq!(archived[0]["result"], json!({"n": 1}));
    let with_output = archived.iter().filter(|one| one["output"][0]["text"].is_string());
    assert_eq!(with_output.count(), 25);
    assert_eq!(lines(&archive, "instances").len(), 1);

    let verified = crate::audit::verify(&*store).await.unwrap();
    assert!(verified.count >= 2);
    assert!(store.check().await.unwrap().is_empty());
    // Nothing of it is left, and a second run finds nothing.
    let again = retention.run(later, false, "test").await.unwrap();
    assert_eq!(again.kinds.iter().map(|done| done.count).sum::<u64>(), 0);
}

#[tokio::test]
async fn output_and_journals_may_go_before_their_executions() {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(SqliteOptions::new(folder.path().join("sayso.db")))
        .await
        .unwrap();
    let store: Arc<dyn Store> = Arc::new(store);
    fill(&*store).await;
    let options = RetentionOptions {
        output_days: 1,
        journals_days: 1,
        batch: 4,
        pause_ms: 0,
        ..RetentionOptions::default()
    };
    let retention = Retention::new(options, Arc::clone(&store));
    let later = Timestamp::now().plus_millis(2 * 24 * 3_600_000);
    let done = retention.run(later, false, "test").await.unwrap();
    let counts: Vec<u64> = done.kinds.iter().take(2).map(|done| done.count).collect();
    assert_eq!(counts, [25, 1]);
    assert_eq!(store.stats().await.unwrap().executions, 29);
}
