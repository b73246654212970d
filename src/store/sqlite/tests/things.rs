//! Everything that is written reads back.

use pretty_assertions::assert_eq;

use super::*;
use crate::model::{InboxClaim, OutboxMessage, OutboxState};

fn full_request() -> Request {
    Request {
        parent: Some(Id::new()),
        not_before: Some(at(5)),
        notify: Some(json!({"on-complete": {"routes": ["x"]}})),
        idempotent: true,
        rule: Some("ops.on_alert".to_owned()),
        trigger_instance: Some(Id::new()),
        origin: Origin {
            kind: "chat".to_owned(),
            place: Some(place("C1")),
            text: Some("!deploy web".to_owned()),
            alias: Some("ops.deploy".to_owned()),
            format: Some("deploy {{ what }}".to_owned()),
            builtin: true,
            reply: Some("ticket".to_owned()),
            private_to: Some("slack:T1:U1".to_owned()),
        },
        ..request("ops.deploy", "ana")
    }
}

#[tokio::test]
async fn an_execution_reads_back_after_every_step() {
    let fixture = Fixture::new().await;
    let new = execution(full_request());
    fixture.commit(vec![insert(&new)]).await;
    assert_eq!(
        fixture.store.execution(new.id).await.unwrap().as_ref(),
        Some(&new)
    );

    let mut running = stepped(&new, Status::Running);
    running.progress.context = object(json!({"cancelled_by": "bo"}));
    running.progress.runner_info = object(json!({"hostname": "h", "pid": 7}));
    running.progress.attempts = 2;
    fixture.commit(vec![transition(&running)]).await;
    assert_eq!(
        fixture.store.execution(new.id).await.unwrap().as_ref(),
        Some(&running)
    );

    let ended = with_result(
        stepped(&running, Status::Succeeded),
        json!({"stdout": "ok", "float": 1e-7}),
    );
    fixture.commit(vec![transition(&ended)]).await;
    assert_eq!(
        fixture.store.execution(new.id).await.unwrap().as_ref(),
        Some(&ended)
    );

    let listed = fixture
        .list(ExecutionFilter::default(), Page::default())
        .await
        .items;
    assert_eq!(
        listed,
        [Execution {
            result: None,
            ..ended
        }]
    );
    assert_eq!(fixture.store.execution(Id::new()).await.unwrap(), None);
    fixture.assert_sound().await;
}

#[tokio::test]
async fn big_requests_and_results_read_back_whether_they_compress_or_not() {
    let fixture = Fixture::new().await;
    let noise: String = (0..6000)
        .map(|_| char::from(b'a' + rand::random::<u8>() % 26))
        .collect();
    for text in [
        "x".repeat(2020),
        "x".repeat(3000),
        "x".repeat(400_000),
        noise[..2500].to_owned(),
        noise,
    ] {
        let mut asked = request("core.local", "ana");
        asked.parameters.insert("big".to_owned(), json!(text));
        let new = execution(asked);
        let ended = with_result(stepped(&new, Status::Succeeded), json!({ "stdout": text }));
        fixture.commit(vec![insert(&new)]).await;
        fixture.commit(vec![transition(&ended)]).await;
        assert_eq!(
            fixture.store.execution(new.id).await.unwrap().as_ref(),
            Some(&ended)
        );
        let page = Page {
            limit: Some(1),
            ..Page::default()
        };
        let listed = fixture.list(ExecutionFilter::default(), page).await.items;
        assert_eq!(
            listed,
            [Execution {
                result: None,
                ..ended
            }]
        );
    }
    fixture.assert_sound().await;
}

#[tokio::test]
async fn a_step_without_a_result_leaves_the_stored_one_and_a_new_one_replaces_it() {
    let fixture = Fixture::new().await;
    for (first, second) in [
        (json!("small"), json!("other")),
        (json!("b".repeat(90_000)), json!("small")),
        (json!("small"), json!((0..9000).collect::<Vec<_>>())),
        (
            json!((0..9000).collect::<Vec<_>>()),
            json!((5..9000).collect::<Vec<_>>()),
        ),
        (json!(1), Value::Null),
    ] {
        let new = execution(request("core.ask", "ana"));
        let pending = with_result(stepped(&new, Status::Pending), first.clone());
        fixture.commit(vec![insert(&new), transition(&pending)]).await;
        let listed = fixture.store.unfinished().await.unwrap().pop().unwrap();
        assert_eq!(
            listed,
            Execution {
                result: None,
                ..pending.clone()
            }
        );

        let running = stepped(&listed, Status::Running);
        fixture.commit(vec![transition(&running)]).await;
        let read = fixture.store.execution(new.id).await.unwrap().unwrap();
        assert_eq!(read.result.as_deref(), Some(&first));
        assert_eq!(read.result_size, first.to_string().len() as u64);

        let ended = with_result(stepped(&running, Status::Succeeded), second);
        fixture.commit(vec![transition(&ended)]).await;
        assert_eq!(fixture.store.execution(new.id).await.unwrap(), Some(ended));
    }
    fixture.assert_sound().await;
}

#[tokio::test]
async fn unfinished_executions_come_oldest_first_and_the_newest_id_is_known() {
    let fixture = Fixture::new().await;
    assert_eq!(fixture.store.newest_execution().await.unwrap(), None);
    let mut expected = Vec::new();
    for status in Status::ALL {
        let mut one = execution(request("core.noop", "ana"));
        one.status = status;
        one.end = status.is_completed().then(|| at(9));
        fixture.commit(vec![insert(&one)]).await;
        assert_eq!(fixture.store.newest_execution().await.unwrap(), Some(one.id));
        if !status.is_completed() {
            expected.push(one);
        }
    }
    assert_eq!(fixture.store.unfinished().await.unwrap(), expected);
    assert_eq!(
        fixture.store.stats().await.unwrap().unfinished,
        expected.len() as u64
    );
    fixture.assert_sound().await;
}

#[tokio::test]
async fn output_reads_back_in_order_by_stream_and_in_parts() {
    let fixture = Fixture::new().await;
    let new = execution(request("core.local", "ana"));
    let chunks: Vec<OutputChunk> = (0..40)
        .map(|number| {
            let stream =
                [OutputStream::Stdout, OutputStream::Stderr, OutputStream::Output][number as usize % 3];
            chunk(
                new.id,
                number,
                stream,
                &format!("line {number}\n").repeat(1 + 40 * number as usize),
            )
        })
        .collect();
    fixture
        .commit(vec![insert(&new), Write::Output(chunks[..20].to_vec())])
        .await;
    fixture.commit(vec![Write::Output(chunks[20..].to_vec())]).await;
    let store = &fixture.store;
    assert_eq!(store.output(new.id, 0, 100, None).await.unwrap(), chunks);
    assert_eq!(store.output(new.id, 10, 7, None).await.unwrap(), chunks[10..17]);
    let errors = store
        .output(new.id, 0, 100, Some(OutputStream::Stderr))
        .await
        .unwrap();
    assert_eq!(
        errors.iter().map(|chunk| chunk.number).collect::<Vec<_>>(),
        (1..40).step_by(3).collect::<Vec<_>>()
    );
    assert_eq!(store.output(Id::new(), 0, 100, None).await.unwrap(), []);

    // A chunk that is written again replaces the first.
    let again = chunk(new.id, 3, OutputStream::Stdout, "again");
    fixture.commit(vec![Write::Output(vec![again.clone()])]).await;
    assert_eq!(store.output(new.id, 3, 1, None).await.unwrap(), [again]);
}

#[tokio::test]
async fn definitions_are_kept_once() {
    let fixture = Fixture::new().await;
    let store = &fixture.store;
    let document = json!({"action": {"ref": "core.local", "text": "long ".repeat(500)}, "runner": {}});
    for document in [document.clone(), json!("ignored: the digest is known")] {
        fixture
            .commit(vec![Write::Definition {
                digest: "d1".to_owned(),
                document,
            }])
            .await;
    }
    fixture
        .commit(vec![Write::Definition {
            digest: "d0".to_owned(),
            document: json!({}),
        }])
        .await;
    assert_eq!(store.definition("d1".to_owned()).await.unwrap(), Some(document));
    assert_eq!(store.definition("d2".to_owned()).await.unwrap(), None);
    assert_eq!(store.definition_digests().await.unwrap(), ["d0", "d1"]);
}

#[tokio::test]
async fn settings_are_set_replaced_removed_and_listed_by_prefix() {
    let fixture = Fixture::new().await;
    let store = &fixture.store;
    let set = |key: &str, value: Option<Value>| Write::Setting {
        key: key.to_owned(),
        value,
    };
    fixture
        .commit(vec![
            set("chat.b", Some(json!(1))),
            set("chat.a", Some(json!([2]))),
            set("chat", Some(json!(0))),
        ])
        .await;
    fixture
        .commit(vec![
            set("chat.a", Some(json!("x"))),
            set("chau", Some(json!(9))),
            set("chat.b", Some(json!(3))),
        ])
        .await;
    let list = store.settings("chat.".to_owned()).await.unwrap();
    assert_eq!(
        list,
        [("chat.a".to_owned(), json!("x")), ("chat.b".to_owned(), json!(3))]
    );
    fixture
        .commit(vec![set("chat.a", None), set("never", None)])
        .await;
    assert_eq!(store.setting("chat.a".to_owned()).await.unwrap(), None);
    assert_eq!(store.setting("chat.b".to_owned()).await.unwrap(), Some(json!(3)));
    // The last of one transaction counts.
    fixture
        .commit(vec![set("chat.b", None), set("chat.b", Some(json!(4)))])
        .await;
    assert_eq!(store.setting("chat.b".to_owned()).await.unwrap(), Some(json!(4)));
    assert_eq!(store.settings(String::new()).await.unwrap().len(), 3);
}

pub(super) fn message(conversation: &str, card: Option<&str>) -> OutboxMessage {
    OutboxMessage {
        id: Id::new(),
        place: place(conversation),
        card: card.map(str::to_owned),
        execution: Some(Id::new()),
        body: json!({"kind": "ack", "text": "läuft"}),
        state: OutboxState::Pending,
        attempts: 0,
        next_attempt: at(1),
        message_ref: None,
        error: None,
        created: at(0),
    }
}

fn update(id: Id, state: OutboxState, attempts: u32) -> Write {
    Write::OutboxUpdate {
        id,
        state,
        attempts,
        next_attempt: at(60),
        message_ref: Some("m1".to_owned()),
        error: Some("slow down".to_owned()),
    }
}

#[tokio::test]
async fn outbound_messages_go_through_their_states() {
    let fixture = Fixture::new().await;
    let store = &fixture.store;
    let messages = [
        message("C1", Some("k1")),
        message("C2", None),
        message("C1", Some("k1")),
        message("C1", None),
    ];
    fixture
        .commit(
            messages
                .iter()
                .map(|message| Write::Outbox(Box::new(message.clone())))
                .collect(),
        )
        .await;
    assert_eq!(store.outbox_pending(10).await.unwrap(), messages);
    assert_eq!(store.outbox_pending(2).await.unwrap(), messages[..2]);

    fixture
        .commit(vec![
            update(messages[0].id, OutboxState::Sent, 1),
            update(messages[1].id, OutboxState::Pending, 1),
        ])
        .await;
    fixture
        .commit(vec![
            update(messages[1].id, OutboxState::Failed, 2),
            update(messages[2].id, OutboxState::Superseded, 0),
        ])
        .await;
    let sent = OutboxMessage {
        state: OutboxState::Sent,
        attempts: 1,
        next_attempt: at(60),
        message_ref: Some("m1".to_owned()),
        error: Some("slow down".to_owned()),
        ..messages[0].clone()
    };
    assert_eq!(store.outbox_pending(10).await.unwrap(), messages[3..]);
    let (gateway, conversation) = ("slack:default".to_owned(), "C1".to_owned());
    let all = store
        .outbox_conversation(gateway.clone(), conversation.clone(), None, 10)
        .await
        .unwrap();
    assert_eq!(
        all.iter().map(|message| message.id).collect::<Vec<_>>(),
        [messages[0].id, messages[2].id, messages[3].id]
    );
    assert_eq!(all[0], sent);
    let later = store
        .outbox_conversation(gateway, conversation, Some(messages[0].id), 1)
        .await
        .unwrap();
    assert_eq!(later, all[1..2]);
    assert_eq!(store.outbox_card("k1".to_owned()).await.unwrap(), all[..2]);
    let counts = store.outbox_counts().await.unwrap();
    let count = |state, count| ("slack:default".to_owned(), state, count);
    use OutboxState::{Failed, Pending, Sent, Superseded};
    assert_eq!(
        counts,
        [
            count(Pending, 1),
            count(Sent, 1),
            count(Failed, 1),
            count(Superseded, 1)
        ]
    );

    // Written and sent within one transaction, and an update of a message that never was.
    let quick = message("C3", None);
    fixture
        .commit(vec![
            Write::Outbox(Box::new(quick.clone())),
            update(quick.id, OutboxState::Sent, 1),
        ])
        .await;
    fixture
        .commit(vec![update(Id::new(), OutboxState::Sent, 1)])
        .await;
    assert_eq!(store.outbox_counts().await.unwrap()[1], count(Sent, 2));
    fixture.assert_sound().await;
}

#[tokio::test]
async fn claims_are_found_refused_and_forgotten() {
    let fixture = Fixture::new().await;
    let store = &fixture.store;
    let claim = |key: &str, seconds| InboxClaim {
        key: key.to_owned(),
        received: at(seconds),
        place: place("C1"),
        execution: Some(Id::new()),
    };
    let first = claim("slack:1", 0);
    fixture.commit(vec![Write::Claim(first.clone())]).await;
    fixture.commit(vec![Write::Claim(claim("slack:2", 10))]).await;
    let refused = store
        .commit(vec![Write::Claim(claim("slack:1", 5))])
        .await
        .unwrap_err();
    assert!(matches!(refused, CommitError::Duplicate(found) if *found == first));
    assert_eq!(store.claim("slack:1".to_owned()).await.unwrap(), Some(first));
    assert_eq!(store.claim("slack:3".to_owned()).await.unwrap(), None);
    assert_eq!(store.forget_claims(at(10)).await.unwrap(), 1);
    assert_eq!(store.claim("slack:1".to_owned()).await.unwrap(), None);
    fixture.commit(vec![Write::Claim(claim("slack:1", 11))]).await;
}

#[tokio::test]
async fn what_is_nested_too_deep_to_be_read_is_refused() {
    let fixture = Fixture::new().await;
    let nested = |levels: usize| (0..levels).fold(json!("[[[[\\\"]]]"), |inner, _| json!([inner]));
    let deepest = with_result(completed("core.noop", "ana", Status::Succeeded), nested(127));
    fixture.commit(vec![insert(&deepest)]).await;
    assert_eq!(
        fixture.store.execution(deepest.id).await.unwrap(),
        Some(deepest.clone())
    );
    let deeper = with_result(stepped(&deepest, Status::Succeeded), nested(128));
    let refused = fixture.store.commit(vec![transition(&deeper)]).await.unwrap_err();
    assert!(
        refused.to_string().contains("nested 128 levels deep, only 127"),
        "{refused}"
    );
    let entry = crate::model::AuditDraft {
        detail: nested(127),
        ..draft("k", "ana", 0)
    };
    assert!(fixture.store.commit(vec![Write::Audit(entry)]).await.is_err());
}

#[tokio::test]
async fn many_claims_are_forgotten_in_parts() {
    let fixture = Fixture::new().await;
    for some in 0..5 {
        let claims = (0..1000).map(|number| {
            let key = format!("{some}.{number}");
            Write::Claim(InboxClaim {
                key,
                received: at(some),
                place: place("C"),
                execution: None,
            })
        });
        fixture.commit(claims.collect()).await;
    }
    assert_eq!(fixture.store.forget_claims(at(4)).await.unwrap(), 4000);
    assert_eq!(fixture.store.forget_claims(at(4)).await.unwrap(), 0);
    assert!(fixture.store.claim("4.7".to_owned()).await.unwrap().is_some());
}
