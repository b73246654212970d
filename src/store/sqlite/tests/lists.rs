//! Lists: every filter against a look at all executions, paging, counts, and how the database walks.

use pretty_assertions::assert_eq;
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};

use super::*;
use crate::store::SortOrder;

type Dice = rand::rngs::StdRng;

const ACTIONS: [&str; 4] = ["core.noop", "core.local", "ops.deploy", "chatops.help"];
const USERS: [&str; 3] = ["ana", "bo", "cy"];

/// Executions with everything a filter can ask for, in id order.
async fn filled(fixture: &Fixture, count: usize) -> Vec<Execution> {
    let mut dice = Dice::seed_from_u64(7);
    let mut all: Vec<Execution> = Vec::new();
    let instances = [Id::new(), Id::new()];
    for number in 0..count {
        let mut asked = request(
            ACTIONS.choose(&mut dice).unwrap(),
            USERS.choose(&mut dice).unwrap(),
        );
        asked.runner = ["noop", "shell"].choose(&mut dice).unwrap().to_string();
        if dice.random_bool(0.3) && !all.is_empty() {
            asked.parent = Some(all[dice.random_range(0..all.len().min(3))].id);
        }
        if dice.random_bool(0.2) {
            asked.rule = Some(["ops.r1", "ops.r2"].choose(&mut dice).unwrap().to_string());
            asked.trigger_instance = instances.choose(&mut dice).copied();
        }
        if dice.random_bool(0.4) {
            asked.origin.place = Some(place(["C1", "C2"].choose(&mut dice).unwrap()));
            asked.origin.builtin = dice.random_bool(0.3);
        }
        let mut one = execution(asked);
        one.status = if dice.random_bool(0.5) {
            Status::Succeeded
        } else {
            *Status::ALL.choose(&mut dice).unwrap()
        };
        one.end = one.status.is_completed().then(|| at(0));
        // Ids are made a little before or after the time of request, and now and then the clock jumps.
        let jump = if number % 50 == 49 { 3_600_000 } else { 0 };
        one.start = one.start.plus_millis(dice.random_range(-200..200) - jump);
        all.push(one);
    }
    for some in all.chunks(64) {
        fixture.commit(some.iter().map(insert).collect()).await;
    }
    all
}

fn matches(filter: &ExecutionFilter, one: &Execution) -> bool {
    let request = &one.request;
    let any =
        |wanted: &[String], value: &str| wanted.is_empty() || wanted.iter().any(|wanted| wanted == value);
    (filter.status.is_empty() || filter.status.contains(&one.status))
        && any(&filter.action, &request.action)
        && any(&filter.runner, &request.runner)
        && any(&filter.user, &request.user)
        && (filter.rule.is_empty()
            || request
                .rule
                .as_ref()
                .is_some_and(|rule| filter.rule.contains(rule)))
        && (filter.trigger_instance.is_none() || filter.trigger_instance == request.trigger_instance)
        && (filter.parent.is_none() || filter.parent == request.parent)
        && (!filter.top_level || request.parent.is_none())
        && filter.after.is_none_or(|after| one.start > after)
        && filter.before.is_none_or(|before| one.start < before)
        && filter.at.is_none_or(|at| one.start == at)
        && !(filter.without_builtin && request.origin.builtin)
        && filter.place.as_ref().is_none_or(|(gateway, conversation)| {
            request
                .origin
                .place
                .as_ref()
                .is_some_and(|place| place.gateway == *gateway && place.conversation == *conversation)
        })
}

/// A filter with a few conditions that some executions meet.
fn random_filter(dice: &mut Dice, all: &[Execution]) -> ExecutionFilter {
    let mut filter = ExecutionFilter::default();
    let example = all.choose(dice).unwrap();
    for _ in 0..dice.random_range(0..4) {
        match dice.random_range(0..12) {
            0 => {
                filter.status = (0..dice.random_range(1..5))
                    .map(|_| *Status::ALL.choose(dice).unwrap())
                    .collect()
            }
            1 => filter.action = vec![example.request.action.clone()],
            2 => {
                filter.action = ["core.local", "no.such", "ops.deploy", "core.local"]
                    .map(str::to_owned)
                    .to_vec()
            }
            3 => filter.user = vec![example.request.user.clone(), "nobody".to_owned()],
            4 => filter.rule = vec!["ops.r1".to_owned(), "ops.r2".to_owned()],
            5 => filter.trigger_instance = all.iter().find_map(|one| one.request.trigger_instance),
            6 => filter.parent = all.iter().find_map(|one| one.request.parent),
            7 => filter.top_level = true,
            8 => filter.without_builtin = true,
            9 => filter.place = Some(("slack:default".to_owned(), "C1".to_owned())),
            10 => filter.after = Some(example.start),
            11 => filter.before = Some(example.start),
            _ => filter.runner = vec!["shell".to_owned()],
        }
    }
    if dice.random_bool(0.05) {
        filter.at = Some(example.start);
    }
    if dice.random_bool(0.1) {
        filter.status = vec![Status::Failed, Status::Timeout, Status::Abandoned];
    }
    filter
}

#[tokio::test]
async fn every_filter_page_and_count_agrees_with_a_look_at_all() {
    let fixture = Fixture::new().await;
    let all = filled(&fixture, 400).await;
    let mut dice = Dice::seed_from_u64(11);
    for _ in 0..400 {
        let filter = random_filter(&mut dice, &all);
        let mut expected: Vec<&Execution> = all.iter().filter(|one| matches(&filter, one)).collect();
        let order = *[SortOrder::Ascending, SortOrder::Descending]
            .choose(&mut dice)
            .unwrap();
        if order == SortOrder::Descending {
            expected.reverse();
        }
        let total = expected.len() as u64;
        let after = dice.random_bool(0.5).then(|| all.choose(&mut dice).unwrap().id);
        if let Some(after) = after {
            expected.retain(|one| {
                if order == SortOrder::Descending {
                    one.id < after
                } else {
                    one.id > after
                }
            });
        }
        let (offset, limit) = (
            dice.random_range(0..30),
            dice.random_bool(0.8).then(|| dice.random_range(0..40)),
        );
        let page = Page {
            order,
            after,
            offset,
            limit,
            count: true,
        };
        let found = fixture.list(filter.clone(), page.clone()).await;
        let most = limit.map_or(usize::MAX, |limit| limit as usize);
        let expected: Vec<&Execution> = expected.into_iter().skip(offset as usize).take(most).collect();
        assert_eq!(
            found.items.iter().collect::<Vec<_>>(),
            expected,
            "{filter:?} {page:?}"
        );
        assert_eq!(found.total, Some(total), "{filter:?}");
    }
    fixture.assert_sound().await;
}

#[tokio::test]
async fn paging_to_the_end_sees_each_execution_once() {
    let fixture = Fixture::new().await;
    let all = filled(&fixture, 300).await;
    for order in [SortOrder::Ascending, SortOrder::Descending] {
        let filter = ExecutionFilter {
            user: vec!["ana".to_owned(), "bo".to_owned()],
            ..Default::default()
        };
        let mut expected: Vec<Id> = all
            .iter()
            .filter(|one| matches(&filter, one))
            .map(|one| one.id)
            .collect();
        if order == SortOrder::Descending {
            expected.reverse();
        }
        let (mut seen, mut after) = (Vec::new(), None);
        loop {
            let page = Page {
                order,
                after,
                limit: Some(7),
                ..Page::default()
            };
            let found = fixture.list(filter.clone(), page).await;
            assert_eq!(found.total, None);
            let Some(last) = found.items.last() else { break };
            after = Some(last.id);
            seen.extend(found.items.iter().map(|one| one.id));
        }
        assert_eq!(seen, expected);
    }
}

#[tokio::test]
async fn the_first_and_last_possible_ids_page_as_well() {
    let fixture = Fixture::new().await;
    let ids = [[0; 12], [0xff; 12]].map(|bytes| Id::from_bytes(&bytes).unwrap());
    for id in ids {
        fixture
            .commit(vec![insert(&Execution {
                id,
                ..execution(request("core.noop", "ana"))
            })])
            .await;
    }
    for (order, [first, second]) in [
        (SortOrder::Ascending, ids),
        (SortOrder::Descending, [ids[1], ids[0]]),
    ] {
        for (after, expected) in [
            (None, vec![first, second]),
            (Some(first), vec![second]),
            (Some(second), vec![]),
        ] {
            let found = fixture
                .list(
                    ExecutionFilter::default(),
                    Page {
                        order,
                        after,
                        ..Page::default()
                    },
                )
                .await;
            assert_eq!(found.items.iter().map(|one| one.id).collect::<Vec<_>>(), expected);
        }
    }
}

#[tokio::test]
async fn counts_follow_executions_through_their_states() {
    let fixture = Fixture::new().await;
    let count = async |filter: ExecutionFilter| {
        fixture
            .list(
                filter,
                Page {
                    limit: Some(0),
                    count: true,
                    ..Page::default()
                },
            )
            .await
            .total
            .unwrap()
    };
    let status = |status| ExecutionFilter {
        status: vec![status],
        ..ExecutionFilter::default()
    };
    assert_eq!(count(ExecutionFilter::default()).await, 0);
    let mut one = execution(request("core.noop", "ana"));
    fixture.commit(vec![insert(&one)]).await;
    for next in [
        Status::Scheduled,
        Status::Running,
        Status::Canceling,
        Status::Canceled,
    ] {
        assert_eq!(
            (count(status(one.status)).await, count(status(next)).await),
            (1, 0)
        );
        one = stepped(&one, next);
        fixture.commit(vec![transition(&one)]).await;
    }
    let fixture = fixture.reopen().await;
    let page = Page {
        limit: Some(0),
        count: true,
        ..Page::default()
    };
    assert_eq!(fixture.list(status(Status::Canceled), page).await.total, Some(1));
}

/// What must stay true for lists to be fast at any size: each filter walks its index in order, without
/// sorting and without reading the table for rows that are skipped.
#[tokio::test]
async fn lists_walk_an_index_in_order() {
    let fixture = Fixture::new().await;
    let text = |value: &str| vec![value.to_owned()];
    let cases = [
        ("executions_id", ExecutionFilter::default()),
        (
            "executions_action",
            ExecutionFilter {
                action: text("a"),
                ..Default::default()
            },
        ),
        (
            "executions_user",
            ExecutionFilter {
                user: text("a"),
                ..Default::default()
            },
        ),
        (
            "executions_rule",
            ExecutionFilter {
                rule: text("a"),
                ..Default::default()
            },
        ),
        (
            "executions_parent",
            ExecutionFilter {
                parent: Some(Id::new()),
                ..Default::default()
            },
        ),
        (
            "executions_parent",
            ExecutionFilter {
                top_level: true,
                ..Default::default()
            },
        ),
        (
            "executions_trigger_instance",
            ExecutionFilter {
                trigger_instance: Some(Id::new()),
                ..Default::default()
            },
        ),
        (
            "executions_place",
            ExecutionFilter {
                place: Some((String::new(), String::new())),
                ..Default::default()
            },
        ),
        (
            "executions_status",
            ExecutionFilter {
                status: vec![Status::Failed],
                ..Default::default()
            },
        ),
        (
            "executions_id",
            ExecutionFilter {
                status: vec![Status::Succeeded],
                ..Default::default()
            },
        ),
    ];
    for (index, filter) in cases {
        for after in [None, Some(Id::new())] {
            let filter = ExecutionFilter {
                before: after.map(|_| at(0)),
                ..filter.clone()
            };
            let page = Page {
                after,
                limit: Some(50),
                ..Page::default()
            };
            let search = super::super::list::Search::new(&filter, 0);
            let (text, values) = search.page(&page).unwrap();
            let rows = fixture
                .store
                .pool
                .composed(format!("EXPLAIN QUERY PLAN {text}"), values)
                .await
                .unwrap();
            let plan: Vec<String> = rows.iter().map(|row| sqlx::Row::get(row, "detail")).collect();
            let plan = plan.join("; ");
            assert!(plan.contains(&format!("INDEX {index}")), "{filter:?}: {plan}");
            assert!(
                plan.contains("SEARCH e USING INTEGER PRIMARY KEY"),
                "{filter:?}: {plan}"
            );
            if after.is_some() {
                assert!(plan.contains("id<?)"), "{filter:?}: {plan}");
            }
            if index != "executions_id" || after.is_some() {
                assert!(!plan.contains("SCAN executions"), "{filter:?}: {plan}");
            }
            assert!(!plan.contains("TEMP B-TREE"), "{filter:?}: {plan}");
        }
    }
}

/// The update of many rows looks each of them up, whatever `SQLite` believes about sizes.
#[tokio::test]
async fn updates_look_rows_up() {
    let fixture = Fixture::new().await;
    for (text, by) in [
        (
            "UPDATE executions SET revision = v.column2 FROM (VALUES (1, 2), (3, 4)) AS v WHERE number = v.column1",
            "SEARCH executions USING INTEGER PRIMARY KEY",
        ),
        (
            "UPDATE outbox SET state = v.column2 FROM (VALUES (1, 2), (3, 4)) AS v WHERE id = v.column1",
            "SEARCH outbox USING COVERING INDEX outbox_id",
        ),
    ] {
        let values = crate::store::sqlite::statement::Values::default();
        let rows = fixture
            .store
            .pool
            .composed(format!("EXPLAIN QUERY PLAN {text}"), values)
            .await
            .unwrap();
        let plan: Vec<String> = rows.iter().map(|row| sqlx::Row::get(row, "detail")).collect();
        assert!(plan.iter().any(|line| line.contains(by)), "{plan:?}");
    }
}
