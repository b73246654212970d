//! Random transactions against a model that is simple enough to be right.

use std::collections::BTreeMap;

use pretty_assertions::assert_eq;
use proptest::prelude::*;

use super::*;
use crate::model::{InboxClaim, OutboxMessage, OutboxState};
use crate::store::AuditFilter;
use crate::store::JournalEntry;

/// One write, over few names so that they meet.
#[derive(Clone, Debug)]
enum Op {
    Insert {
        slot: u8,
        status: u8,
        size: u16,
    },
    /// `stale`: the revision is wrong by so much.
    Step {
        slot: u8,
        status: u8,
        stale: bool,
        size: Option<u16>,
    },
    Output {
        slot: u8,
        number: u8,
        size: u16,
    },
    Audit {
        actor: u8,
    },
    Claim {
        key: u8,
    },
    Outbox {
        message: u8,
    },
    Update {
        message: u8,
        state: u8,
    },
    Setting {
        key: u8,
        value: Option<u8>,
    },
    Definition {
        digest: u8,
        size: u16,
    },
    Journal {
        slot: u8,
        number: u8,
    },
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        3 => (0..12_u8, 0..14_u8, 0..6000_u16).prop_map(|(slot, status, size)| Op::Insert { slot, status, size }),
        5 => (0..12_u8, 0..14_u8, prop::bool::weighted(0.1), prop::option::of(0..6000_u16))
            .prop_map(|(slot, status, stale, size)| Op::Step { slot, status, stale, size }),
        1 => (0..12_u8, 0..4_u8, 0..2000_u16).prop_map(|(slot, number, size)| Op::Output { slot, number, size }),
        2 => (0..3_u8).prop_map(|actor| Op::Audit { actor }),
        1 => (0..12_u8).prop_map(|key| Op::Claim { key }),
        1 => (0..40_u8).prop_map(|message| Op::Outbox { message }),
        1 => (0..40_u8, 0..4_u8).prop_map(|(message, state)| Op::Update { message, state }),
        1 => (0..4_u8, prop::option::of(any::<u8>())).prop_map(|(key, value)| Op::Setting { key, value }),
        1 => (0..4_u8, 0..3000_u16).prop_map(|(digest, size)| Op::Definition { digest, size }),
        1 => (0..12_u8, 0..3_u8).prop_map(|(slot, number)| Op::Journal { slot, number }),
    ]
}

#[derive(Clone, Default)]
struct Model {
    executions: BTreeMap<Id, Execution>,
    outputs: BTreeMap<(Id, u32), OutputChunk>,
    audit: Vec<AuditDraft>,
    claims: BTreeMap<String, InboxClaim>,
    outbox: BTreeMap<Id, OutboxMessage>,
    settings: BTreeMap<String, Value>,
    definitions: BTreeMap<String, Value>,
    journal: BTreeMap<(Id, u64), JournalEntry>,
}

impl Model {
    /// Whether the store should accept the transaction; only then the model changes. (Where a transaction is
    /// wrong in two ways, which of them is told is not fixed.)
    fn commit(&mut self, transaction: &Transaction) -> bool {
        let mut next = self.clone();
        for write in transaction {
            match write {
                Write::Insert(one) => {
                    if next.executions.insert(one.id, (**one).clone()).is_some() {
                        return false;
                    }
                }
                Write::Transition(one) => {
                    let Some(before) = next.executions.get_mut(&one.id) else {
                        return false;
                    };
                    if before.revision + 1 != one.revision {
                        return false;
                    }
                    let (result, size) = (before.result.take(), before.result_size);
                    *before = (**one).clone();
                    if before.result.is_none() {
                        (before.result, before.result_size) = (result, size);
                    }
                }
                Write::Output(chunks) => {
                    for chunk in chunks {
                        next.outputs
                            .insert((chunk.execution, chunk.number), chunk.clone());
                    }
                }
                // These have no guards; tests of their own look at them.
                Write::Instance(_) | Write::InstanceStatus { .. } | Write::Enforcement(_) => {}
                Write::Audit(draft) => next.audit.push(draft.clone()),
                Write::Claim(claim) => {
                    if next.claims.insert(claim.key.clone(), claim.clone()).is_some() {
                        return false;
                    }
                }
                Write::Outbox(message) => {
                    if next.outbox.insert(message.id, (**message).clone()).is_some() {
                        return false;
                    }
                }
                Write::OutboxUpdate {
                    id,
                    state,
                    attempts,
                    next_attempt,
                    message_ref,
                    error,
                } => {
                    if let Some(message) = next.outbox.get_mut(id) {
                        message.state = *state;
                        message.attempts = *attempts;
                        message.next_attempt = *next_attempt;
                        message.message_ref.clone_from(message_ref);
                        message.error.clone_from(error);
                    }
                }
                Write::Definition { digest, document } => {
                    next.definitions
                        .entry(digest.clone())
                        .or_insert_with(|| document.clone());
                }
                Write::Setting {
                    key,
                    value: Some(value),
                } => drop(next.settings.insert(key.clone(), value.clone())),
                Write::Setting { key, value: None } => drop(next.settings.remove(key)),
                Write::Journal(entry) => {
                    let key = (entry.execution, entry.number);
                    if next.journal.insert(key, entry.clone()).is_some() {
                        return false;
                    }
                }
            }
        }
        let outputs = next.outputs.keys().map(|(id, _)| id);
        let mut owners = outputs.chain(next.journal.keys().map(|(id, _)| id));
        if owners.any(|id| !next.executions.contains_key(id)) {
            return false;
        }
        *self = next;
        true
    }
}

/// Slots stand for ids, the same in every run.
fn id(kind: u8, slot: u8) -> Id {
    Id::from_bytes(&[0x60, 0, 0, slot, 0, 0, 0, 1, 2, 3, 4, kind]).unwrap()
}

fn text(size: u16) -> Value {
    // Half of them hard to compress.
    let character = |place: u16| {
        if size.is_multiple_of(2) {
            'x'
        } else {
            char::from(b'a' + (place.wrapping_mul(place) % 23) as u8)
        }
    };
    json!((0..size).map(character).collect::<String>())
}

fn writes(ops: &[Op], model: &Model) -> Transaction {
    let mut seen: BTreeMap<Id, Execution> = model.executions.clone();
    let mut transaction = Vec::new();
    for op in ops {
        match op {
            Op::Insert { slot, status, size } => {
                let status = Status::ALL[usize::from(*status)];
                let mut asked = request(["a.b", "c.d"][usize::from(slot % 2)], "ana");
                asked.origin.builtin = slot % 3 == 0;
                asked.parent = (slot % 4 == 0).then(|| id(0, 1));
                asked.parameters.insert("p".to_owned(), text(*size));
                let one = Execution {
                    id: id(0, *slot),
                    status,
                    start: at(i64::from(*slot)),
                    end: status.is_completed().then(|| at(5000)),
                    ..execution(asked)
                };
                seen.insert(one.id, one.clone());
                transaction.push(insert(&one));
            }
            Op::Step {
                slot,
                status,
                stale,
                size,
            } => {
                let Some(before) = seen.get(&id(0, *slot)) else {
                    continue;
                };
                let mut next = stepped(before, Status::ALL[usize::from(*status)]);
                next.revision += u32::from(*stale);
                next.result = None;
                if let Some(size) = size {
                    next = with_result(next, text(*size));
                }
                if !stale {
                    seen.insert(next.id, next.clone());
                }
                transaction.push(transition(&next));
            }
            Op::Output { slot, number, size } => {
                let text = text(*size);
                let text = text.as_str().unwrap();
                // Output of an execution that is not there yet is output of one that never is.
                let owner = id(0, *slot);
                let owner = if seen.contains_key(&owner) {
                    owner
                } else {
                    id(2, 0)
                };
                let chunk = chunk(owner, u32::from(*number), OutputStream::Stdout, text);
                transaction.push(Write::Output(vec![chunk]));
            }
            Op::Audit { actor } => transaction.push(Write::Audit(draft("k", &format!("a{actor}"), 3))),
            Op::Claim { key } => transaction.push(Write::Claim(InboxClaim {
                key: format!("k{key}"),
                received: at(0),
                place: place("C1"),
                execution: Some(Id::new()),
            })),
            Op::Outbox { message } => {
                let message = OutboxMessage {
                    id: id(1, *message),
                    ..things::message("C1", None)
                };
                transaction.push(Write::Outbox(Box::new(message)));
            }
            Op::Update { message, state } => {
                use OutboxState::{Failed, Pending, Sent, Superseded};
                transaction.push(Write::OutboxUpdate {
                    id: id(1, *message),
                    state: [Pending, Sent, Failed, Superseded][usize::from(*state)],
                    attempts: u32::from(*state),
                    next_attempt: at(i64::from(*state)),
                    message_ref: (*state == 1).then(|| "m".to_owned()),
                    error: (*state == 2).then(|| "e".to_owned()),
                });
            }
            Op::Setting { key, value } => transaction.push(Write::Setting {
                key: format!("s{key}"),
                value: value.map(|value| json!(value)),
            }),
            Op::Journal { slot, number } => {
                let owner = id(0, *slot);
                let known = seen.contains_key(&owner);
                transaction.push(Write::Journal(JournalEntry {
                    execution: if known { owner } else { id(2, 0) },
                    number: u64::from(*number),
                    data: [*slot, *number].as_slice().into(),
                    whole: *slot % 3 == 0 && *number == 1,
                }));
            }
            Op::Definition { digest, size } => {
                transaction.push(Write::Definition {
                    digest: format!("d{digest}"),
                    document: text(*size),
                });
            }
        }
    }
    transaction
}

async fn compare(fixture: &Fixture, model: &Model) {
    let store = &fixture.store;
    for (id, one) in &model.executions {
        assert_eq!(store.execution(*id).await.unwrap().as_ref(), Some(one));
    }
    let page = Page {
        count: true,
        ..Page::default()
    };
    let listed = fixture.list(ExecutionFilter::default(), page).await;
    assert_eq!(
        listed.items.iter().rev().map(|one| one.id).collect::<Vec<_>>(),
        model.executions.keys().copied().collect::<Vec<_>>()
    );
    assert_eq!(listed.total, Some(model.executions.len() as u64));
    for slot in 0..12 {
        let id = id(0, slot);
        let expected: Vec<_> = model
            .outputs
            .range((id, 0)..=(id, u32::MAX))
            .map(|(_, chunk)| chunk.clone())
            .collect();
        assert_eq!(store.output(id, 0, 100, None).await.unwrap(), expected);
        let expected: Vec<_> = model
            .journal
            .range((id, 0)..=(id, u64::MAX))
            .map(|(_, entry)| entry.clone())
            .collect();
        let first = expected.iter().rposition(|entry| entry.whole).unwrap_or(0);
        assert_eq!(store.journal(id, 0, 100).await.unwrap(), expected[first..]);
    }
    let entries = store.audit(AuditFilter::default()).await.unwrap();
    assert_eq!(
        entries.into_iter().map(|entry| entry.draft).collect::<Vec<_>>(),
        model.audit
    );
    assert_eq!(
        crate::audit::verify(store).await.unwrap().count,
        model.audit.len() as u64
    );
    for (key, claim) in &model.claims {
        assert_eq!(store.claim(key.clone()).await.unwrap().as_ref(), Some(claim));
    }
    let messages = store
        .outbox_conversation("slack:default".to_owned(), "C1".to_owned(), None, 1000)
        .await
        .unwrap();
    assert_eq!(messages, model.outbox.values().cloned().collect::<Vec<_>>());
    assert_eq!(
        store.settings(String::new()).await.unwrap(),
        model.settings.clone().into_iter().collect::<Vec<_>>()
    );
    for (digest, document) in &model.definitions {
        assert_eq!(
            store.definition(digest.clone()).await.unwrap().as_ref(),
            Some(document)
        );
    }
    assert_eq!(
        store.definition_digests().await.unwrap(),
        model.definitions.keys().cloned().collect::<Vec<_>>()
    );
    fixture.assert_sound().await;
}

async fn play(groups: Vec<Vec<Vec<Op>>>) {
    let fixture = Fixture::new().await;
    let mut model = Model::default();
    for group in groups {
        let (mut transactions, mut expected) = (Vec::new(), Vec::new());
        for ops in group {
            let transaction = writes(&ops, &model);
            expected.push(model.commit(&transaction));
            transactions.push(transaction);
        }
        // All of them reach the writer before it runs: they make one group.
        let answers = together(
            transactions
                .into_iter()
                .map(|transaction| fixture.store.commit(transaction)),
        )
        .await;
        assert_eq!(answers.iter().map(Result::is_ok).collect::<Vec<_>>(), expected);
    }
    compare(&fixture, &model).await;
    let fixture = fixture.reopen().await;
    compare(&fixture, &model).await;
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn the_store_does_what_the_model_does(
        groups in prop::collection::vec(
            prop::collection::vec(prop::collection::vec(op(), 0..6), 0..12), 1..6)
    ) {
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(play(groups));
    }
}
