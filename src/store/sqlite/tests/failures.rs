//! Crashes, full disks, second servers, newer databases, closing, backups.

use pretty_assertions::assert_eq;
use sqlx::{ConnectOptions, Executor};

use super::*;

async fn ids(store: &SqliteStore) -> Vec<Id> {
    let page = store
        .executions(ExecutionFilter::default(), Page::default())
        .await
        .unwrap();
    page.items.iter().rev().map(|one| one.id).collect()
}

/// Commits so many executions with an audit entry each, a few at a time.
async fn fill(store: &SqliteStore, count: usize) -> Vec<Id> {
    let mut done = Vec::new();
    while done.len() < count {
        let some: Vec<_> = (0..10)
            .map(|_| completed("core.noop", "ana", Status::Succeeded))
            .collect();
        let commits = some
            .iter()
            .map(|one| store.commit(vec![insert(one), Write::Audit(draft("k", "ana", 0))]));
        assert!(together(commits).await.iter().all(Result::is_ok));
        done.extend(some.iter().map(|one| one.id));
    }
    done
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_acknowledged_survives_a_crash_at_any_moment() {
    let fixture = Arc::new(Fixture::new().await);
    let acknowledged = fill(&fixture.store, 100).await;
    let busy = tokio::spawn({
        let fixture = Arc::clone(&fixture);
        async move { fill(&fixture.store, 2000).await }
    });
    for round in 0..8 {
        let more = fill(&fixture.store, 10).await;
        // The log only grows here, so a copy taken in the middle of a commit is what a crash leaves behind.
        let crashed = tempfile::tempdir().unwrap();
        for ending in ["", "-wal"] {
            let name = format!("sayso.db{ending}");
            std::fs::copy(fixture.folder.path().join(&name), crashed.path().join(&name)).unwrap();
        }
        let store = SqliteStore::open(SqliteOptions::new(crashed.path().join("sayso.db")))
            .await
            .unwrap();
        let found = ids(&store).await;
        assert!(
            acknowledged.iter().chain(&more).all(|id| found.contains(id)),
            "round {round}"
        );
        assert_eq!(store.check().await.unwrap(), Vec::<String>::new());
        // Executions and their audit entries share a fate.
        assert_eq!(
            crate::audit::verify(&store).await.unwrap().count,
            found.len() as u64
        );
        store
            .commit(vec![Write::Audit(draft("k", "ana", 1))])
            .await
            .unwrap();
    }
    busy.await.unwrap();
}

#[tokio::test]
async fn a_store_that_was_dropped_without_closing_opens_again_with_everything() {
    let fixture = Fixture::new().await;
    let new = execution(request("core.noop", "ana"));
    let unanswered = fixture.store.commit(vec![insert(&new)]);
    // Polled once: it waits in the queue when the store goes away.
    assert!(futures_util::FutureExt::now_or_never(unanswered).is_none());
    let before = fill(&fixture.store, 30).await;
    let fixture = fixture.reopen().await;
    assert_eq!(ids(&fixture.store).await[1..], before);
    assert_eq!(ids(&fixture.store).await[0], new.id);
    let after = fill(&fixture.store, 10).await;
    assert_eq!(ids(&fixture.store).await[31..], after);
    assert_eq!(crate::audit::verify(&fixture.store).await.unwrap().count, 40);
    fixture.assert_sound().await;
}

#[tokio::test]
async fn a_second_server_is_refused_and_a_looker_is_not() {
    let fixture = Fixture::new().await;
    let known = fill(&fixture.store, 10).await;
    let second = SqliteStore::open(SqliteOptions::new(fixture.path()))
        .await
        .err()
        .unwrap();
    assert!(second.to_string().contains("in use by another Sayso"), "{second}");

    let looker = SqliteStore::open(SqliteOptions::read_only(fixture.path()))
        .await
        .unwrap();
    assert_eq!(ids(&looker).await, known);
    assert_eq!(looker.check().await.unwrap(), Vec::<String>::new());
    assert_eq!(crate::audit::verify(&looker).await.unwrap().count, 10);
    let refused = looker
        .commit(vec![Write::Audit(draft("k", "ana", 0))])
        .await
        .unwrap_err();
    assert!(refused.to_string().contains("for reading only"));
    looker.close().await;
    fill(&fixture.store, 10).await;
}

#[tokio::test]
async fn a_looker_makes_no_database() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("none.db");
    assert!(SqliteStore::open(SqliteOptions::read_only(&path)).await.is_err());
    assert!(!path.exists());
}

#[tokio::test]
async fn a_database_of_a_newer_sayso_is_refused_untouched() {
    let fixture = Fixture::new().await;
    fill(&fixture.store, 10).await;
    let known = fixture.store.stats().await.unwrap().schema_version;
    fixture
        .store
        .execute("INSERT INTO _sqlx_migrations VALUES (9999, 'later', 0, 1, x'00', 0)")
        .await
        .unwrap();
    fixture.store.close().await;
    let before = std::fs::read(fixture.path()).unwrap();
    for options in [
        SqliteOptions::new(fixture.path()),
        SqliteOptions::read_only(fixture.path()),
    ] {
        let refused = SqliteStore::open(options).await.err().unwrap();
        assert!(
            matches!(refused, StoreError::TooNew { found: 9999, known: ours } if ours == known),
            "{refused}"
        );
    }
    assert_eq!(std::fs::read(fixture.path()).unwrap(), before);
}

#[tokio::test]
async fn what_is_no_database_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sayso.db");
    std::fs::write(
        &path,
        "shopping list: milk, eggs, bread and a good deal of patience".repeat(100),
    )
    .unwrap();
    let refused = SqliteStore::open(SqliteOptions::new(&path)).await.err().unwrap();
    assert!(matches!(refused, StoreError::Corrupt { .. }), "{refused}");
}

#[tokio::test]
async fn a_full_disk_refuses_commits_harms_nothing_and_heals() {
    let folder = tempfile::tempdir().unwrap();
    let mut options = SqliteOptions::new(folder.path().join("sayso.db"));
    options.max_pages = Some(60);
    let fixture = Fixture {
        store: SqliteStore::open(options).await.unwrap(),
        folder,
    };
    let mut good = Vec::new();
    let refused = loop {
        let one = completed("core.noop", "ana", Status::Succeeded);
        match fixture
            .store
            .commit(vec![insert(&one), Write::Audit(draft("k", "ana", 0))])
            .await
        {
            Ok(()) => good.push(one.id),
            Err(refused) => break refused,
        }
        assert!(good.len() < 1000);
    };
    assert!(
        matches!(refused, CommitError::Store(StoreError::DiskFull)),
        "{refused}"
    );
    let big = || {
        with_result(
            completed("core.noop", "ana", Status::Succeeded),
            json!((0..9000).collect::<Vec<_>>()),
        )
    };
    let answers = together((0..5).map(|_| fixture.store.commit(vec![insert(&big())]))).await;
    assert!(
        answers
            .iter()
            .all(|answer| matches!(answer, Err(CommitError::Store(StoreError::DiskFull))))
    );
    assert_eq!(ids(&fixture.store).await, good);
    fixture.assert_sound().await;

    fixture
        .store
        .execute("PRAGMA max_page_count = 100000")
        .await
        .unwrap();
    let fixed = fill(&fixture.store, 10).await;
    good.extend(fixed);
    assert_eq!(ids(&fixture.store).await, good);
    assert_eq!(
        crate::audit::verify(&fixture.store).await.unwrap().count,
        good.len() as u64
    );
    fixture.assert_sound().await;
}

#[tokio::test]
async fn a_commit_waits_for_another_program_that_writes() {
    let fixture = Fixture::new().await;
    let mut other = sqlx::sqlite::SqliteConnectOptions::new()
        .filename(fixture.path())
        .connect()
        .await
        .unwrap();
    other.execute("BEGIN IMMEDIATE").await.unwrap();
    let new = execution(request("core.noop", "ana"));
    let mut waiting = fixture.store.commit(vec![insert(&new)]);
    assert!(futures_util::FutureExt::now_or_never(&mut waiting).is_none());
    // Readers do not wait.
    assert_eq!(fixture.store.execution(new.id).await.unwrap(), None);
    other.execute("COMMIT").await.unwrap();
    waiting.await.unwrap();
    assert_eq!(fixture.store.execution(new.id).await.unwrap(), Some(new));
}

#[tokio::test]
async fn closing_commits_what_waits_empties_the_log_and_ends_everything_else() {
    let fixture = Fixture::new().await;
    let many: Vec<_> = (0..700)
        .map(|_| completed("core.noop", "ana", Status::Succeeded))
        .collect();
    let mut commits: Vec<_> = many
        .iter()
        .map(|one| fixture.store.commit(vec![insert(one)]))
        .collect();
    let polled = tokio::task::unconstrained(async {
        commits
            .iter_mut()
            .all(|commit| futures_util::FutureExt::now_or_never(commit).is_none())
    });
    assert!(polled.await);
    fixture.store.close().await;
    for commit in commits {
        commit.await.unwrap();
    }
    assert!(std::fs::metadata(fixture.folder.path().join("sayso.db-wal")).map_or(0, |file| file.len()) == 0);
    let late = fixture.store.commit(vec![insert(&many[0])]).await.unwrap_err();
    assert!(matches!(late, CommitError::Store(StoreError::Closed)));
    assert!(matches!(
        fixture.store.execution(many[0].id).await,
        Err(StoreError::Closed)
    ));
    fixture.store.close().await;
    let fixture = fixture.reopen().await;
    assert_eq!(fixture.store.stats().await.unwrap().executions, 700);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_is_whole_while_work_goes_on_and_never_overwrites() {
    let fixture = Arc::new(Fixture::new().await);
    let before = fill(&fixture.store, 200).await;
    let busy = tokio::spawn({
        let fixture = Arc::clone(&fixture);
        async move { fill(&fixture.store, 500).await }
    });
    let target = fixture.folder.path().join("copy.db");
    fixture.store.backup(&target).await.unwrap();
    let refused = fixture.store.backup(&target).await.unwrap_err();
    assert!(refused.to_string().contains("exists already"), "{refused}");
    busy.await.unwrap();
    assert!(!fixture.folder.path().join("copy.db.part").exists());
    let missing = fixture.folder.path().join("no/such/folder/copy.db");
    assert!(
        fixture
            .store
            .backup(&missing)
            .await
            .unwrap_err()
            .to_string()
            .contains("no/such/folder")
    );

    let copy = SqliteStore::open(SqliteOptions::new(&target)).await.unwrap();
    let copied = ids(&copy).await;
    assert_eq!(copied[..200], before);
    assert_eq!(copy.check().await.unwrap(), Vec::<String>::new());
    assert_eq!(
        crate::audit::verify(&copy).await.unwrap().count,
        copied.len() as u64
    );
    let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&target).unwrap().permissions());
    assert_eq!(mode & 0o777, 0o600);
}

#[tokio::test]
async fn the_check_finds_what_does_not_fit() {
    for (statement, complaint) in [
        (
            "UPDATE meta SET value = value + 1 WHERE key LIKE 'executions.%'",
            "counts of executions",
        ),
        ("DELETE FROM audit WHERE number = 3", "entries 1 to 10: it has 9"),
        (
            "UPDATE audit SET hash = zeroblob(32) WHERE number = 10",
            "newest audit entry's hash",
        ),
        (
            "UPDATE executions SET request = NULL WHERE number = 1",
            "row 1 lacks its request",
        ),
        (
            "UPDATE executions SET ended = NULL WHERE number = 2",
            "row 2 is completed and has no end",
        ),
        (
            "UPDATE executions SET status = 99 WHERE number = 2",
            "unknown status 99",
        ),
    ] {
        let fixture = Fixture::new().await;
        fill(&fixture.store, 10).await;
        fixture.assert_sound().await;
        fixture.store.execute(statement).await.unwrap();
        let complaints = fixture.store.check().await.unwrap();
        assert!(
            complaints.iter().any(|found| found.contains(complaint)),
            "{statement}: {complaints:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_log_starts_over_while_commits_go_on() {
    let fixture = Arc::new(Fixture::new().await);
    let results = json!("x".repeat(1900));
    let tasks = (0..4).map(|_| {
        let (fixture, results) = (Arc::clone(&fixture), results.clone());
        tokio::spawn(async move {
            for _ in 0..60 {
                let some = (0..50)
                    .map(|_| with_result(completed("core.noop", "ana", Status::Succeeded), results.clone()));
                fixture.commit(some.map(|one| insert(&one)).collect()).await;
            }
        })
    });
    assert!(together(tasks).await.iter().all(Result::is_ok));
    let stats = fixture.store.stats().await.unwrap();
    assert_eq!(stats.executions, 12_000);
    // 12,000 rows of 3 KB: the log would be larger than the data had it never started over.
    assert!(
        stats.wal_bytes < stats.bytes,
        "log {} of {} bytes",
        stats.wal_bytes,
        stats.bytes
    );
}
