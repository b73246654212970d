//! The audit log: searches, and every way of tampering.

use pretty_assertions::assert_eq;
use rstest::rstest;

use super::*;
use crate::audit::{Broken, Fault, VerifyError, verify};
use crate::store::AuditFilter;

/// Whether an entry with this number should be found.
type Test = Box<dyn Fn(u64, &AuditDraft) -> bool>;

/// Twelve entries; times go back by a minute now and then, as commits overtake each other.
async fn filled() -> (Fixture, Vec<AuditDraft>) {
    let fixture = Fixture::new().await;
    let mut drafts = Vec::new();
    for number in 0..12 {
        let mut one = draft(
            [
                "execution.requested",
                "execution.failed",
                "access.denied",
                "executioner",
            ][number % 4],
            ["ana", "bo", "cy"][number % 3],
            number as i64 * 100 - if number % 5 == 4 { 160 } else { 0 },
        );
        one.execution = (number % 2 == 0).then(Id::new);
        one.action = (number % 4 < 2).then(|| ["core.local", "ops.deploy"][number % 2].to_owned());
        one.text = Some(["deploy WEB now", "sag \"Grüße\" 100%_", "a\\b"][number % 3].to_owned());
        one.detail = json!({"number": number, "float": 0.1 + 0.2, "tiny": 5e-324, "big": 1e300});
        drafts.push(one);
    }
    for pair in drafts.chunks(5) {
        fixture
            .commit(pair.iter().cloned().map(Write::Audit).collect())
            .await;
    }
    (fixture, drafts)
}

#[tokio::test]
async fn every_filter_finds_what_a_look_at_all_entries_finds() {
    let (fixture, drafts) = filled().await;
    let text = |draft: &AuditDraft| serde_json::to_string(draft).unwrap().to_lowercase();
    let word = |word: &'static str, escaped: &'static str| {
        let filter = AuditFilter {
            words: vec![word.to_owned()],
            ..AuditFilter::default()
        };
        let test = move |_: u64, draft: &AuditDraft| text(draft).contains(escaped);
        (filter, Box::new(test) as Test)
    };
    let mut cases: Vec<(AuditFilter, Test)> = vec![
        (AuditFilter::default(), Box::new(|_, _| true)),
        (
            AuditFilter {
                after: Some(4),
                ..AuditFilter::default()
            },
            Box::new(|number, _| number > 4),
        ),
        (
            AuditFilter {
                before: Some(4),
                ..AuditFilter::default()
            },
            Box::new(|number, _| number < 4),
        ),
        (
            AuditFilter {
                actor: Some("bo".to_owned()),
                ..AuditFilter::default()
            },
            Box::new(|_, draft| draft.actor == "bo"),
        ),
        (
            AuditFilter {
                action: Some("core.local".to_owned()),
                ..AuditFilter::default()
            },
            Box::new(|_, draft| draft.action.as_deref() == Some("core.local")),
        ),
        (
            AuditFilter {
                kind: Some("execution".to_owned()),
                ..AuditFilter::default()
            },
            Box::new(|_, draft| draft.kind.starts_with("execution.")),
        ),
        (
            AuditFilter {
                kind: Some("executioner".to_owned()),
                ..AuditFilter::default()
            },
            Box::new(|_, draft| draft.kind == "executioner"),
        ),
        (
            AuditFilter {
                kind: Some("exec".to_owned()),
                ..AuditFilter::default()
            },
            Box::new(|_, _| false),
        ),
        (
            AuditFilter {
                kind: Some("execution".to_owned()),
                actor: Some("ana".to_owned()),
                since: Some(at(300)),
                words: vec!["WEB".to_owned()],
                ..AuditFilter::default()
            },
            Box::new(|_, draft| {
                draft.kind.starts_with("execution.") && draft.actor == "ana" && draft.timestamp >= at(300)
            }),
        ),
        word("web", "web"),
        word("GRÜSSE", "grüsse"),
        word("grüße", "grüße"),
        word("\"Grüße\"", "\\\"grüße\\\""),
        word("100%_", "100%_"),
        word("0%1", "0%1"),
        word("a\\b", "a\\\\b"),
    ];
    for draft in &drafts {
        let execution = draft.execution;
        if execution.is_some() {
            let filter = AuditFilter {
                execution,
                ..AuditFilter::default()
            };
            cases.push((filter, Box::new(move |_, draft| draft.execution == execution)));
        }
    }
    for second in (-100..1400).step_by(20) {
        let filter = AuditFilter {
            since: Some(at(second)),
            ..AuditFilter::default()
        };
        cases.push((filter, Box::new(move |_, draft| draft.timestamp >= at(second))));
        let filter = AuditFilter {
            until: Some(at(second)),
            ..AuditFilter::default()
        };
        cases.push((filter, Box::new(move |_, draft| draft.timestamp < at(second))));
    }
    for (filter, test) in cases {
        let numbered = drafts
            .iter()
            .enumerate()
            .map(|(place, draft)| (place as u64 + 1, draft));
        let mut expected: Vec<u64> = numbered
            .filter(|(number, draft)| test(*number, draft))
            .map(|(number, _)| number)
            .collect();
        for newest_first in [false, true] {
            for limit in [0, 2] {
                let filter = AuditFilter {
                    newest_first,
                    limit,
                    ..filter.clone()
                };
                let found = fixture.store.audit(filter.clone()).await.unwrap();
                let numbers: Vec<u64> = found.iter().map(|entry| entry.number).collect();
                let most = if limit == 0 { usize::MAX } else { limit as usize };
                assert_eq!(
                    numbers,
                    expected.iter().copied().take(most).collect::<Vec<_>>(),
                    "{filter:?}"
                );
                for entry in &found {
                    assert_eq!(entry.draft, drafts[entry.number as usize - 1]);
                }
            }
            expected.reverse();
        }
    }
}

#[tokio::test]
async fn a_whole_log_verifies_over_many_pages_and_after_reopening() {
    let fixture = Fixture::new().await;
    assert_eq!(verify(&fixture.store).await.unwrap().count, 0);
    for page in 0..3 {
        let entries = (0..1000).map(|number| Write::Audit(draft("k", "ana", page * 1000 + number)));
        fixture.commit(entries.collect()).await;
    }
    let first = verify(&fixture.store).await.unwrap();
    assert_eq!(first.count, 3000);
    let fixture = fixture.reopen().await;
    assert_eq!(verify(&fixture.store).await.unwrap(), first);
    fixture.commit(vec![Write::Audit(draft("k", "ana", 0))]).await;
    let newest = fixture
        .store
        .audit(AuditFilter {
            after: Some(3000),
            ..AuditFilter::default()
        })
        .await
        .unwrap();
    let text = crate::store::chain::text(&newest[0].draft).unwrap();
    assert_eq!(
        newest[0].hash,
        crate::store::chain::hash(&first.hash, 3001, &text)
    );
    assert_eq!(verify(&fixture.store).await.unwrap().hash, newest[0].hash);
}

#[rstest]
#[case(
    "UPDATE audit SET text = replace(text, 'ana', 'eve') WHERE number = 4",
    4,
    Fault::Text
)]
#[case(
    "UPDATE audit SET text = replace(text, 'cy', 'eve') WHERE number = 12",
    12,
    Fault::Text
)]
// Reads as the same entry, and still is not what was written.
#[case(
    "UPDATE audit SET text = replace(text, '{\"number\"', '{ \"number\"') WHERE number = 7",
    7,
    Fault::Text
)]
#[case(
    "UPDATE audit SET text = replace(text, '{\"timestamp\"', '{\"x\":1,\"timestamp\"') WHERE number = 7",
    7,
    Fault::Text
)]
#[case("UPDATE audit SET hash = randomblob(32) WHERE number = 5", 5, Fault::Hash)]
#[case("UPDATE audit SET hash = x'00' WHERE number = 5", 5, Fault::Hash)]
#[case("UPDATE audit SET hash = randomblob(32) WHERE number = 12", 12, Fault::Hash)]
#[case(
    "UPDATE audit SET hash = randomblob(32), text = '{}' WHERE number = 5",
    5,
    Fault::TextAndHash
)]
#[case("DELETE FROM audit WHERE number = 1", 1, Fault::Missing)]
#[case("DELETE FROM audit WHERE number IN (6, 7)", 6, Fault::Missing)]
#[case("DELETE FROM audit WHERE number = 12", 12, Fault::CutOff { newest: 12 })]
#[case("DELETE FROM audit WHERE number > 8", 9, Fault::CutOff { newest: 12 })]
#[case("DELETE FROM audit", 1, Fault::CutOff { newest: 12 })]
#[case("UPDATE audit SET actor = 'eve' WHERE number = 3", 3, Fault::Column("actor"))]
#[case("UPDATE audit SET action = NULL WHERE number = 5", 5, Fault::Column("action"))]
#[case(
    "UPDATE audit SET execution = NULL WHERE number = 5",
    5,
    Fault::Column("execution")
)]
#[case("UPDATE audit SET kind = 'x' WHERE number = 5", 5, Fault::Column("kind"))]
#[case("UPDATE audit SET at = at + 1 WHERE number = 5", 5, Fault::Column("at"))]
#[case("DELETE FROM meta WHERE key = 'audit'", 12, Fault::NoAnchor)]
#[tokio::test]
async fn tampering_is_found_and_named(#[case] statement: &str, #[case] number: u64, #[case] why: Fault) {
    let (fixture, _) = filled().await;
    verify(&fixture.store).await.unwrap();
    fixture.store.execute(statement).await.unwrap();
    match verify(&fixture.store).await {
        Err(VerifyError::Broken(broken)) => assert_eq!(broken, Broken { number, why }),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_log_that_was_rewritten_to_its_end_does_not_fit_the_hash_kept_apart() {
    let (fixture, _) = filled().await;
    let records = fixture.store.audit_records(0, 100).await.unwrap().records;
    let mut previous = crate::store::chain::GENESIS;
    for record in records {
        let text = record.text.replace("\"ana\"", "\"eve\"");
        previous = crate::store::chain::hash(&previous, record.number, &text);
        let actor = record.actor.replace("ana", "eve");
        let statement = format!(
            "UPDATE audit SET text = '{}', actor = '{actor}', hash = x'{}' WHERE number = {}",
            text.replace('\'', "''"),
            hex::encode(previous),
            record.number
        );
        fixture.store.execute(statement).await.unwrap();
    }
    let Err(VerifyError::Broken(broken)) = verify(&fixture.store).await else {
        panic!("not found")
    };
    assert_eq!(
        broken,
        Broken {
            number: 12,
            why: Fault::Rewritten
        }
    );
    assert_eq!(
        broken.to_string(),
        "the audit log is broken at entry 12: its hash is not the one that was kept apart: the log was rewritten"
    );
}

#[tokio::test]
async fn a_cut_end_stays_visible_when_the_log_goes_on() {
    let (fixture, _) = filled().await;
    fixture
        .store
        .execute("DELETE FROM audit WHERE number > 10")
        .await
        .unwrap();
    let fixture = fixture.reopen().await;
    fixture.commit(vec![Write::Audit(draft("k", "ana", 9))]).await;
    let Err(VerifyError::Broken(broken)) = verify(&fixture.store).await else {
        panic!("not found")
    };
    assert_eq!(
        broken,
        Broken {
            number: 11,
            why: Fault::Missing
        }
    );
}

#[tokio::test]
async fn entries_from_elsewhere_and_a_lost_anchor_do_not_stop_the_server() {
    for statement in [
        "INSERT INTO audit SELECT 40, at, kind, actor, action, execution, hash, text FROM audit WHERE number = 1",
        "DELETE FROM meta WHERE key = 'audit'",
    ] {
        let (fixture, _) = filled().await;
        fixture.store.execute(statement).await.unwrap();
        let fixture = fixture.reopen().await;
        fixture.commit(vec![Write::Audit(draft("later", "ana", 9))]).await;
        let newest = AuditFilter {
            newest_first: true,
            limit: 1,
            ..AuditFilter::default()
        };
        assert_eq!(fixture.store.audit(newest).await.unwrap()[0].draft.kind, "later");
        let since = AuditFilter {
            since: Some(at(600)),
            ..AuditFilter::default()
        };
        assert_eq!(fixture.store.audit(since).await.unwrap().len(), 6, "{statement}");
    }
}
