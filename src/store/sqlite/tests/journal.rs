//! Journals of workflows: in order, guarded by their numbers, gone with their execution's transaction.

use pretty_assertions::assert_eq;

use super::*;
use crate::store::{CommitError, JournalEntry};

fn entry(execution: Id, number: u64, data: &[u8]) -> JournalEntry {
    JournalEntry {
        execution,
        number,
        data: data.into(),
        whole: false,
    }
}

#[tokio::test]
async fn a_journal_begins_with_the_last_entry_that_stands_for_those_before() {
    let fixture = Fixture::new().await;
    let (flow, other) = (
        execution(request("ops.flow", "ana")),
        execution(request("ops.flow", "bo")),
    );
    let whole = |number| JournalEntry {
        whole: true,
        ..entry(flow.id, number, b"all")
    };
    fixture
        .commit(vec![
            insert(&flow),
            insert(&other),
            Write::Journal(entry(other.id, 0, b"x")),
        ])
        .await;
    for number in 0..9 {
        let step = if number == 3 || number == 6 {
            whole(number)
        } else {
            entry(flow.id, number, b"a")
        };
        fixture.commit(vec![Write::Journal(step)]).await;
    }
    let read = async |from, limit| fixture.store.journal(flow.id, from, limit).await.unwrap();
    assert_eq!(read(0, 1).await, [whole(6)]);
    assert_eq!(
        read(0, 9).await,
        [whole(6), entry(flow.id, 7, b"a"), entry(flow.id, 8, b"a")]
    );
    assert_eq!(read(8, 9).await, [entry(flow.id, 8, b"a")]);
    assert_eq!(
        fixture.store.journal(other.id, 0, 9).await.unwrap(),
        [entry(other.id, 0, b"x")]
    );
    // What is not read any more keeps its number all the same.
    let again = fixture
        .store
        .commit(vec![Write::Journal(entry(flow.id, 2, b"late"))])
        .await;
    assert!(matches!(again, Err(CommitError::Conflict(id)) if id == flow.id));
}

#[tokio::test]
async fn a_journal_reads_back_in_order_and_in_pages() {
    let fixture = Fixture::new().await;
    let (flow, other) = (
        execution(request("ops.flow", "ana")),
        execution(request("ops.flow", "bo")),
    );
    fixture
        .commit(vec![
            insert(&flow),
            Write::Journal(entry(flow.id, 0, b"a\0b")),
            insert(&other),
            Write::Journal(entry(other.id, 0, b"x")),
        ])
        .await;
    for number in 1..5 {
        fixture
            .commit(vec![Write::Journal(entry(flow.id, number, &[7; 3]))])
            .await;
    }
    let fixture = fixture.reopen().await;
    let read = async |from, limit| fixture.store.journal(flow.id, from, limit).await.unwrap();
    assert_eq!(read(0, 1).await, [entry(flow.id, 0, b"a\0b")]);
    let numbers: Vec<u64> = read(2, 100).await.iter().map(|entry| entry.number).collect();
    assert_eq!(numbers, [2, 3, 4]);
    assert_eq!(fixture.store.journal(Id::new(), 0, 9).await.unwrap(), []);
}

#[tokio::test]
async fn a_number_is_written_once_and_nothing_of_a_refused_transaction_stays() {
    let fixture = Fixture::new().await;
    let flow = execution(request("ops.flow", "ana"));
    fixture
        .commit(vec![insert(&flow), Write::Journal(entry(flow.id, 0, b"first"))])
        .await;
    let again = || {
        let child = execution(request("core.noop", "ana"));
        vec![insert(&child), Write::Journal(entry(flow.id, 0, b"second"))]
    };
    let alone = fixture.store.commit(again()).await;
    assert!(matches!(alone, Err(CommitError::Conflict(id)) if id == flow.id));
    // Two that share a number and a group: one of them wins.
    let next = |data: &'static [u8]| {
        fixture
            .store
            .commit(vec![Write::Journal(entry(flow.id, 1, data))])
    };
    let answers = together([next(b"left"), next(b"right")]).await;
    assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 1);
    assert_eq!(fixture.store.journal(flow.id, 0, 9).await.unwrap().len(), 2);
    let all = fixture.list(ExecutionFilter::default(), Page::default()).await;
    assert_eq!(all.items.len(), 1);
}
