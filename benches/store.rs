//! The store under load: rows per second against plain `SQLite` in the same run, processor time at a steady
//! 10,000 executions a second, and whether lists stay as fast at a million rows as at a thousand.
//!
//! `cargo bench --bench store`; `SAYSO_BENCH_ROWS` sets the size of the large store (1,000,000).
#![allow(clippy::print_stdout, clippy::unwrap_used)]

use std::sync::Arc;
use std::time::{Duration, Instant};

use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike;
use sayso::model::{
    AuditDraft, Execution, Id, JsonMap, LogEntry, Origin, Place, Progress, Request, Status, Timestamp,
};
use sayso::store::sqlite::{SqliteOptions, SqliteStore};
use sayso::store::{AuditFilter, ExecutionFilter, Page, Store, StoreStats, Transaction, Write};
use serde_json::json;
use sqlx::{ConnectOptions, Connection, Executor};

#[tokio::main(worker_threads = 2)]
async fn main() {
    let folder = tempfile::tempdir().unwrap();
    let plain = plain_sqlite(folder.path()).await;
    let store = SqliteStore::open(SqliteOptions::new(folder.path().join("sayso.db")))
        .await
        .unwrap();
    let store = Arc::new(store);
    for callers in [1, 8, 64, 256] {
        closed_loop(&store, callers, plain).await;
    }
    paced(&store, 10_000, Duration::from_secs(5)).await;
    println!("resident after that: {} MB", resident() >> 20);
    store.close().await;

    let rows: u64 = std::env::var("SAYSO_BENCH_ROWS")
        .ok()
        .and_then(|rows| rows.parse().ok())
        .unwrap_or(1_000_000);
    let large = SqliteStore::open(SqliteOptions::new(folder.path().join("large.db")))
        .await
        .unwrap();
    fill(&large, 1000).await;
    let small = lists(&large).await;
    let begun = Instant::now();
    fill(&large, rows - 1000).await;
    let stats = large.stats().await.unwrap();
    println!(
        "filled to {rows} in {:.1} s: {} MB, {} bytes a row with its audit entry",
        begun.elapsed().as_secs_f64(),
        stats.bytes >> 20,
        stats.bytes / rows
    );
    for ((name, before), (_, after)) in small.iter().zip(lists(&large).await) {
        println!(
            "{name:<36} {:>8.0} µs at 1,000, {:>8.0} µs at {rows}: {:.1} ×",
            before * 1e6,
            after * 1e6,
            after / before
        );
    }
    large.close().await;
}

/// Rows of about the same size into one table without indexes, 64 a statement, 128 a commit.
async fn plain_sqlite(folder: &std::path::Path) -> f64 {
    let options = sqlx::sqlite::SqliteConnectOptions::new()
        .filename(folder.join("plain.db"))
        .create_if_missing(true)
        .journal_mode(sqlx::sqlite::SqliteJournalMode::Wal)
        .synchronous(sqlx::sqlite::SqliteSynchronous::Full);
    let mut connection = options.connect().await.unwrap();
    connection
        .execute("CREATE TABLE t (id BLOB PRIMARY KEY, a INTEGER, b TEXT, c TEXT) WITHOUT ROWID")
        .await
        .unwrap();
    let text = format!("INSERT INTO t VALUES {}", vec!["(?,?,?,?)"; 64].join(","));
    let (filler, mut rows, begun, cpu) = ("x".repeat(400), 0_u32, Instant::now(), processor());
    while begun.elapsed() < Duration::from_secs(2) {
        connection.execute("BEGIN IMMEDIATE").await.unwrap();
        for _ in 0..2 {
            let mut query = sqlx::query(sqlx::AssertSqlSafe(text.as_str()));
            for _ in 0..64 {
                query = query
                    .bind(Id::new().bytes().to_vec())
                    .bind(1_i64)
                    .bind("core.noop")
                    .bind(&filler);
            }
            query.execute(&mut connection).await.unwrap();
        }
        connection.execute("COMMIT").await.unwrap();
        rows += 128;
    }
    let rate = f64::from(rows) / begun.elapsed().as_secs_f64();
    let cost = (processor() - cpu) / f64::from(rows);
    println!(
        "plain rows into one table, 128 a commit: {rate:.0}/s, {:.1} µs of processor each",
        cost * 1e6
    );
    connection.close().await.unwrap();
    rate
}

/// So many callers, each commits an execution that has ended and its audit entry, again and again.
async fn closed_loop(store: &Arc<SqliteStore>, callers: usize, plain: f64) {
    let before = store.stats().await.unwrap();
    let (begun, cpu) = (Instant::now(), processor());
    let tasks = (0..callers).map(|_| {
        let store = Arc::clone(store);
        tokio::spawn(async move {
            let mut slowest = Duration::ZERO;
            while begun.elapsed() < Duration::from_secs(3) {
                let asked = Instant::now();
                store.commit(noop(0)).await.unwrap();
                slowest = slowest.max(asked.elapsed());
            }
            slowest
        })
    });
    let mut slowest = Duration::ZERO;
    for task in tasks.collect::<Vec<_>>() {
        slowest = slowest.max(task.await.unwrap());
    }
    let done = Change::since(&before, &store.stats().await.unwrap());
    let rate = done.transactions / begun.elapsed().as_secs_f64();
    println!(
        "{callers:>4} callers: {rate:>6.0} executions/s ({:.2} of the plain rows), {:.1} a commit, {:.1} statements \
         a commit, {:.0} µs of processor each, slowest {:.1} ms",
        2.0 * rate / plain,
        done.transactions / done.commits,
        done.statements / done.commits,
        (processor() - cpu) / done.transactions * 1e6,
        slowest.as_secs_f64() * 1e3
    );
}

/// A steady rate, whatever the answers: what it costs.
async fn paced(store: &Arc<SqliteStore>, rate: u32, duration: Duration) {
    let before = store.stats().await.unwrap();
    let (begun, cpu, writer) = (Instant::now(), processor(), worker_threads());
    let mut tasks = tokio::task::JoinSet::new();
    let mut latencies = Vec::new();
    let mut asked = 0_u32;
    let mut tick = tokio::time::interval(Duration::from_millis(1));
    while begun.elapsed() < duration {
        tick.tick().await;
        let due = (begun.elapsed().as_secs_f64() * f64::from(rate)) as u32;
        while asked < due {
            asked += 1;
            let store = Arc::clone(store);
            tasks.spawn(async move {
                let asked = Instant::now();
                store.commit(noop(0)).await.unwrap();
                asked.elapsed()
            });
        }
        while let Some(done) = tasks.try_join_next() {
            latencies.push(done.unwrap());
        }
    }
    latencies.extend(tasks.join_all().await);
    latencies.sort_unstable();
    let elapsed = begun.elapsed().as_secs_f64();
    let done = Change::since(&before, &store.stats().await.unwrap());
    let at = |share: f64| latencies[((latencies.len() - 1) as f64 * share) as usize].as_secs_f64() * 1e3;
    println!(
        "at {:.0}/s: {:.1} a commit; {:.0} % of a core in all, {:.0} % in the database's threads; \
         p50 {:.1} ms, p99 {:.1} ms, slowest {:.1} ms",
        done.transactions / elapsed,
        done.transactions / done.commits,
        (processor() - cpu) / elapsed * 100.0,
        (worker_threads() - writer) / elapsed * 100.0,
        at(0.5),
        at(0.99),
        at(1.0)
    );
}

/// What the writer did between two looks.
struct Change {
    transactions: f64,
    commits: f64,
    statements: f64,
}

impl Change {
    fn since(before: &StoreStats, after: &StoreStats) -> Self {
        let change = |before: u64, after: u64| (after - before) as f64;
        Self {
            transactions: change(before.transactions, after.transactions),
            commits: change(before.commits, after.commits),
            statements: change(before.statements, after.statements),
        }
    }
}

/// Seconds of processor time of this process so far.
fn processor() -> f64 {
    let usage = getrusage(UsageWho::RUSAGE_SELF).unwrap();
    (usage.user_time().num_microseconds() + usage.system_time().num_microseconds()) as f64 / 1e6
}

/// Bytes of this process in memory.
fn resident() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
    statm.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() * 4096
}

/// The same of the threads that run `SQLite`.
fn worker_threads() -> f64 {
    let threads = std::fs::read_dir("/proc/self/task")
        .unwrap()
        .filter_map(Result::ok);
    let stats = threads.filter_map(|thread| std::fs::read_to_string(thread.path().join("stat")).ok());
    let database = stats.filter(|stat| stat.contains("(sqlx-sqlite"));
    let ticks = database.map(|stat| {
        let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
        fields[11].parse::<f64>().unwrap() + fields[12].parse::<f64>().unwrap()
    });
    ticks.sum::<f64>() / 100.0
}

/// An execution as `core.noop` leaves it, and its audit entry. `number` varies what lists filter by.
fn noop(number: u64) -> Transaction {
    let now = Timestamp::now();
    let (failed, chat, ruled) = (number % 100 == 99, number % 10 == 5, number % 10 == 7);
    let status = if failed { Status::Failed } else { Status::Succeeded };
    let user = ["ana", "bo", "cy", "di"][(number % 4) as usize];
    let action = if number % 1000 == 500 {
        "ops.rare"
    } else {
        "core.noop"
    };
    let mut context = JsonMap::new();
    context.insert("user".to_owned(), json!(user));
    context.insert("pack".to_owned(), json!("core"));
    context.insert(
        "trace_context".to_owned(),
        json!({"trace_tag": "bench", "id_": Id::new()}),
    );
    let place = Place {
        gateway: "slack:default".to_owned(),
        conversation: format!("C{}", number % 50),
        ..Place::default()
    };
    let request = Request {
        action: action.to_owned(),
        runner: "noop".to_owned(),
        user: user.to_owned(),
        context,
        pack_version: "1.0.0".to_owned(),
        digest: "5f".repeat(32),
        origin: Origin {
            kind: "api".to_owned(),
            place: chat.then_some(place),
            ..Origin::default()
        },
        decision: "access control is off".to_owned(),
        rule: ruled.then(|| "ops.on_alert".to_owned()),
        ..Request::default()
    };
    let log = [Status::Requested, Status::Running, status].map(|status| LogEntry {
        timestamp: now,
        status,
    });
    let result = json!({"failed": failed, "succeeded": !failed, "return_code": 0});
    let execution = Execution {
        id: Id::new(),
        revision: 0,
        status,
        request: Arc::new(request),
        start: now,
        end: Some(now),
        progress: Progress {
            log: log.to_vec(),
            attempts: 1,
            ..Progress::default()
        },
        result_size: 0,
        result: Some(Arc::new(result)),
    };
    let entry = AuditDraft {
        timestamp: now,
        kind: format!("execution.{status}"),
        actor: user.to_owned(),
        place: "api".to_owned(),
        execution: Some(execution.id),
        action: Some(action.to_owned()),
        detail: json!({"seconds": 0.001, "reason": "access control is off"}),
        ..AuditDraft::default()
    };
    vec![Write::Insert(Arc::new(execution)), Write::Audit(entry)]
}

async fn fill(store: &SqliteStore, count: u64) {
    let mut number = 0;
    while number < count {
        let some = (number..count.min(number + 500)).flat_map(noop);
        store.commit(some.collect()).await.unwrap();
        number += 500;
    }
}

/// Seconds that each kind of list takes, the median of some.
async fn lists(store: &SqliteStore) -> Vec<(&'static str, f64)> {
    let all = ExecutionFilter::default;
    let one = |value: &str| vec![value.to_owned()];
    let newest = store
        .executions(
            all(),
            Page {
                limit: Some(500),
                ..Page::default()
            },
        )
        .await
        .unwrap();
    let deep = newest.items.last().unwrap().id;
    let first = Page {
        limit: Some(50),
        ..Page::default()
    };
    let cases = [
        ("newest 50", all(), first.clone()),
        (
            "50 by key, 500 down",
            all(),
            Page {
                after: Some(deep),
                ..first.clone()
            },
        ),
        (
            "50 by offset, 500 down",
            all(),
            Page {
                offset: 500,
                ..first.clone()
            },
        ),
        (
            "newest 50, counted",
            all(),
            Page {
                count: true,
                ..first.clone()
            },
        ),
        (
            "without parent, counted",
            ExecutionFilter {
                top_level: true,
                ..all()
            },
            Page {
                count: true,
                ..first.clone()
            },
        ),
        (
            "by action",
            ExecutionFilter {
                action: one("core.noop"),
                ..all()
            },
            first.clone(),
        ),
        (
            "by rare action",
            ExecutionFilter {
                action: one("ops.rare"),
                ..all()
            },
            first.clone(),
        ),
        (
            "by user",
            ExecutionFilter {
                user: one("bo"),
                ..all()
            },
            first.clone(),
        ),
        (
            "failed, timeout, abandoned",
            ExecutionFilter {
                status: vec![Status::Failed, Status::Timeout, Status::Abandoned],
                ..all()
            },
            first.clone(),
        ),
        (
            "by rule",
            ExecutionFilter {
                rule: one("ops.on_alert"),
                ..all()
            },
            first.clone(),
        ),
        (
            "by place",
            ExecutionFilter {
                place: Some(("slack:default".to_owned(), "C5".to_owned())),
                ..all()
            },
            first.clone(),
        ),
        (
            "since an hour",
            ExecutionFilter {
                after: Some(Timestamp::now().plus_millis(-3_600_000)),
                ..all()
            },
            first.clone(),
        ),
    ];
    let mut times = Vec::new();
    for (name, filter, page) in cases {
        let mut some = Vec::new();
        for _ in 0..15 {
            let begun = Instant::now();
            store.executions(filter.clone(), page.clone()).await.unwrap();
            some.push(begun.elapsed().as_secs_f64());
        }
        some.sort_by(f64::total_cmp);
        times.push((name, some[7]));
    }
    let audits = [
        (
            "audit: newest 20 of a person",
            AuditFilter {
                actor: Some("bo".to_owned()),
                ..AuditFilter::default()
            },
        ),
        (
            "audit: newest 20 failed",
            AuditFilter {
                kind: Some("execution.failed".to_owned()),
                ..AuditFilter::default()
            },
        ),
        (
            "audit: two words in the last 2 h",
            AuditFilter {
                words: vec!["rare".to_owned(), "control".to_owned()],
                since: Some(Timestamp::now().plus_millis(-7_200_000)),
                ..AuditFilter::default()
            },
        ),
    ];
    for (name, filter) in audits {
        let mut some = Vec::new();
        for _ in 0..15 {
            let begun = Instant::now();
            store
                .audit(AuditFilter {
                    newest_first: true,
                    limit: 20,
                    ..filter.clone()
                })
                .await
                .unwrap();
            some.push(begun.elapsed().as_secs_f64());
        }
        some.sort_by(f64::total_cmp);
        times.push((name, some[7]));
    }
    times
}
