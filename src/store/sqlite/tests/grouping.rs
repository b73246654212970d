//! Many callers, few commits; and each gets its own answer.

use pretty_assertions::assert_eq;

use super::*;
use crate::model::InboxClaim;

#[tokio::test]
async fn a_thousand_callers_share_a_few_commits() {
    let fixture = Fixture::new().await;
    let commits = (0..1000).map(|number| {
        let one = completed("core.noop", "ana", Status::Succeeded);
        let entry = Write::Audit(draft("execution.succeeded", "ana", number));
        fixture.store.commit(vec![insert(&one), entry])
    });
    assert!(together(commits).await.into_iter().all(|answer| answer.is_ok()));
    let stats = fixture.store.stats().await.unwrap();
    assert_eq!(
        (stats.executions, stats.audit_entries, stats.transactions),
        (1000, 1000, 1000)
    );
    assert!(stats.commits <= 4, "{} commits", stats.commits);
    // Begin, commit and the counts; 512 rows of each of two kinds in chunks of 64.
    assert!(
        stats.statements <= stats.commits * (3 + 2 * 12),
        "{} statements",
        stats.statements
    );
    fixture.assert_sound().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn callers_on_several_threads_share_commits_too() {
    let fixture = std::sync::Arc::new(Fixture::new().await);
    let tasks = (0..64).map(|_| {
        let fixture = std::sync::Arc::clone(&fixture);
        tokio::spawn(async move {
            for _ in 0..20 {
                fixture
                    .commit(vec![insert(&completed("core.noop", "ana", Status::Succeeded))])
                    .await;
            }
        })
    });
    assert!(together(tasks).await.into_iter().all(|task| task.is_ok()));
    let stats = fixture.store.stats().await.unwrap();
    assert_eq!((stats.executions, stats.transactions), (1280, 1280));
    assert!(stats.commits <= 1280 / 4, "{} commits", stats.commits);
}

#[tokio::test]
async fn an_execution_that_starts_and_ends_within_a_group_is_written_once() {
    let fixture = Fixture::new().await;
    let new = execution(request("core.noop", "ana"));
    let running = stepped(&new, Status::Running);
    let ended = with_result(stepped(&running, Status::Failed), json!({"why": "because"}));
    let last = stepped(
        &Execution {
            result: None,
            ..ended.clone()
        },
        Status::Failed,
    );
    let before = fixture.store.stats().await.unwrap();
    let steps = [
        insert(&new),
        transition(&running),
        transition(&ended),
        transition(&last),
    ];
    let answers = together(steps.map(|step| fixture.store.commit(vec![step]))).await;
    assert!(answers.iter().all(Result::is_ok));
    let after = fixture.store.stats().await.unwrap();
    assert_eq!(after.commits - before.commits, 1);
    assert_eq!(
        after.statements - before.statements,
        4,
        "begin, insert, counts, commit"
    );
    // The last step brought no result: the one before it stays.
    let expected = Execution {
        result: ended.result.clone(),
        ..last
    };
    assert_eq!(fixture.store.execution(new.id).await.unwrap(), Some(expected));
    fixture.assert_sound().await;
}

#[tokio::test]
async fn steps_of_a_stored_execution_are_written_once_too() {
    let fixture = Fixture::new().await;
    let many: Vec<_> = (0..100).map(|_| execution(request("core.noop", "ana"))).collect();
    fixture.commit(many.iter().map(insert).collect()).await;
    let before = fixture.store.stats().await.unwrap();
    let running: Vec<_> = many.iter().map(|one| stepped(one, Status::Running)).collect();
    let ended: Vec<_> = running
        .iter()
        .map(|one| stepped(one, Status::Succeeded))
        .collect();
    let steps = running
        .iter()
        .chain(&ended)
        .map(|one| fixture.store.commit(vec![transition(one)]));
    for answer in together(steps).await {
        answer.unwrap();
    }
    let after = fixture.store.stats().await.unwrap();
    assert_eq!(after.commits - before.commits, 1);
    // Reads of 64 and 48, updates of 64, 32 and 4.
    assert_eq!(
        after.statements - before.statements,
        2 + 3 + 3,
        "and begin, counts, commit"
    );
    for one in ended {
        assert_eq!(
            fixture.store.execution(one.id).await.unwrap().as_ref(),
            Some(&one)
        );
    }
    fixture.assert_sound().await;
}

#[tokio::test]
async fn refused_transactions_write_nothing_and_do_not_touch_the_others_of_their_group() {
    let fixture = Fixture::new().await;
    let stored = execution(request("core.noop", "ana"));
    fixture.commit(vec![insert(&stored)]).await;
    let before = fixture.store.stats().await.unwrap();

    let claim = |key: &str| InboxClaim {
        key: key.to_owned(),
        received: at(0),
        place: place("C1"),
        execution: Some(Id::new()),
    };
    let (first, second) = (claim("k"), claim("k"));
    let good = execution(request("core.noop", "bo"));
    let (step, rival) = (
        stepped(&stored, Status::Running),
        stepped(&stored, Status::Canceled),
    );
    let unknown = stepped(&execution(request("core.noop", "bo")), Status::Running);
    let twice = execution(request("core.noop", "bo"));
    let audit = |kind: &str| Write::Audit(draft(kind, "ana", 0));
    let set = |value: i32| Write::Setting {
        key: "s".to_owned(),
        value: Some(json!(value)),
    };
    let group = vec![
        vec![Write::Claim(first.clone()), audit("a")],
        vec![audit("refused"), set(9), Write::Claim(second)],
        vec![insert(&good), audit("b")],
        vec![transition(&step), audit("c")],
        vec![audit("refused"), set(9), transition(&rival)],
        vec![transition(&unknown), audit("refused")],
        vec![
            Write::Claim(claim("x")),
            Write::Claim(claim("x")),
            audit("refused"),
        ],
        vec![insert(&twice), audit("d")],
        vec![set(1)],
    ];
    let answers = together(
        group
            .into_iter()
            .map(|transaction| fixture.store.commit(transaction)),
    )
    .await;
    let said: Vec<String> = answers
        .into_iter()
        .map(|answer| match answer {
            Ok(()) => "ok".to_owned(),
            Err(CommitError::Conflict(id)) => format!("conflict {id}"),
            Err(CommitError::Duplicate(found)) if *found == first => "duplicate".to_owned(),
            Err(CommitError::Duplicate(found)) => format!("duplicate {}", found.key),
            Err(CommitError::Store(error)) => error.to_string(),
        })
        .collect();
    let conflict = |id: Id| format!("conflict {id}");
    assert_eq!(
        said,
        [
            "ok",
            "duplicate",
            "ok",
            "ok",
            &conflict(stored.id),
            &conflict(unknown.id),
            "duplicate x",
            "ok",
            "ok"
        ]
    );
    let stats = fixture.store.stats().await.unwrap();
    assert_eq!(
        (
            stats.commits - before.commits,
            stats.transactions - before.transactions
        ),
        (1, 5)
    );
    let entries = fixture
        .store
        .audit(crate::store::AuditFilter::default())
        .await
        .unwrap();
    let kinds: Vec<_> = entries.iter().map(|entry| entry.draft.kind.as_str()).collect();
    assert_eq!(kinds, ["a", "b", "c", "d"]);
    assert_eq!(
        fixture.store.setting("s".to_owned()).await.unwrap(),
        Some(json!(1))
    );
    assert_eq!(fixture.store.execution(stored.id).await.unwrap(), Some(step));
    fixture.assert_sound().await;
}

#[tokio::test]
async fn a_statement_that_fails_fails_only_its_transaction() {
    let fixture = Fixture::new().await;
    let stored = execution(request("core.noop", "ana"));
    fixture.commit(vec![insert(&stored)]).await;
    let one = |user: &str| completed("core.noop", user, Status::Succeeded);
    // Output of nothing violates a foreign key; an id that is taken violates the index.
    let orphan = Write::Output(vec![chunk(Id::new(), 0, OutputStream::Stdout, "x")]);
    let audit = || Write::Audit(draft("k", "ana", 0));
    let group = vec![
        vec![insert(&one("ana")), audit()],
        vec![insert(&one("orphan")), audit(), orphan],
        vec![insert(&one("bo")), audit()],
        vec![insert(&one("taken")), audit(), insert(&stored)],
        vec![insert(&one("cy")), audit()],
    ];
    let answers = together(
        group
            .into_iter()
            .map(|transaction| fixture.store.commit(transaction)),
    )
    .await;
    assert!(matches!(
        answers.as_slice(),
        [
            Ok(()),
            Err(CommitError::Store(StoreError::Database(_))),
            Ok(()),
            Err(CommitError::Conflict(id)),
            Ok(())
        ] if *id == stored.id
    ));
    let listed = fixture
        .list(
            ExecutionFilter::default(),
            Page {
                count: true,
                ..Page::default()
            },
        )
        .await;
    let users: Vec<_> = listed.items.iter().map(|one| one.request.user.as_str()).collect();
    // Ids were made in the order of the calls above.
    assert_eq!(users, ["cy", "bo", "ana", "ana"]);
    assert_eq!(listed.total, Some(4));
    let verified = crate::audit::verify(&fixture.store).await.unwrap();
    assert_eq!(verified.count, 3);
    fixture.assert_sound().await;
}

/// Ids are never inserted twice by a sane engine; should it happen, every answer is still right.
#[tokio::test]
async fn an_id_that_is_inserted_twice_confuses_nobody() {
    let fixture = Fixture::new().await;
    let stored = execution(request("core.noop", "ana"));
    fixture.commit(vec![insert(&stored)]).await;
    let (new, step) = (
        execution(request("core.noop", "bo")),
        stepped(&stored, Status::Running),
    );
    let group = [
        vec![insert(&stored), insert(&stored)],
        vec![transition(&step)],
        vec![insert(&new), insert(&new)],
        vec![insert(&new)],
        vec![insert(&new)],
    ];
    let answers = together(
        group
            .into_iter()
            .map(|transaction| fixture.store.commit(transaction)),
    )
    .await;
    let said: Vec<bool> = answers.iter().map(Result::is_ok).collect();
    assert_eq!(said, [false, true, false, true, false]);
    let (old, twice) = (stored.id, new.id);
    assert!(matches!(&answers[0], Err(CommitError::Conflict(id)) if *id == old));
    assert!(matches!(&answers[4], Err(CommitError::Conflict(id)) if *id == twice));
    assert_eq!(fixture.store.execution(stored.id).await.unwrap(), Some(step));
    fixture.assert_sound().await;
}
