//! Payloads as Discord sends them, then changed at random: fields that are gone, renamed, of another type, deep, huge.

use std::collections::HashSet;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::events;
use super::world::World;
use crate::chat::tests::mutated::{changed, changes};

/// One of each that is read, with everything in it that is looked at.
fn recorded() -> Vec<Value> {
    let user = json!({"id": "1100000000000000004", "username": "ana", "global_name": "Ana", "bot": false});
    let base = json!({"id": "1200000000000000009", "application_id": "1100000000000000001", "token": "aW50ZXJhY3Rpb24",
        "version": 1, "channel_id": "1100000000000000003", "guild_id": "1100000000000000002", "context": 0,
        "member": {"nick": null, "user": user, "roles": [], "permissions": "0"}});
    let interaction = |kind: u64, data: Value| {
        let mut made = base.clone();
        made["type"] = json!(kind);
        made["data"] = data;
        made
    };
    let message = json!({"id": "1200000000000000001", "channel_id": "1100000000000000003",
        "guild_id": "1100000000000000002", "type": 19, "content": "<@&1100000000000000005> help",
        "timestamp": "2026-11-23T14:00:00.000000+00:00", "edited_timestamp": "2026-11-23T14:00:01.000000+00:00",
        "author": user, "member": {"nick": "Ana"}, "mentions": [{"id": "1100000000000000001", "bot": true}],
        "mention_roles": ["1100000000000000005"],
        "message_reference": {"message_id": "1200000000000000000", "channel_id": "1100000000000000003"}});
    vec![
        message.clone(),
        interaction(
            2,
            json!({"id": "1", "name": "deploy", "type": 1, "options": [
            {"name": "app", "type": 3, "value": "api"}, {"name": "count", "type": 4, "value": 3}]}),
        ),
        interaction(
            2,
            json!({"id": "2", "name": "What did they run", "type": 2, "target_id": "1100000000000000004",
            "resolved": {"users": {"1100000000000000004": user}, "members": {"1100000000000000004": {"nick": "A"}}}}),
        ),
        interaction(
            2,
            json!({"id": "3", "name": "Run as command", "type": 3, "target_id": "1200000000000000001",
            "resolved": {"messages": {"1200000000000000001": message}}}),
        ),
        interaction(
            3,
            json!({"custom_id": "pick:1", "component_type": 3, "values": ["help"]}),
        ),
        interaction(
            4,
            json!({"id": "1", "name": "deploy", "type": 1, "options": [
            {"name": "app", "type": 3, "value": "a", "focused": true}]}),
        ),
        interaction(
            5,
            json!({"custom_id": "form:deny:1", "components": [
            {"type": 1, "components": [{"type": 4, "custom_id": "s:reason", "value": "no"}]},
            {"type": 18, "component": {"type": 3, "custom_id": "m:hosts", "values": ["a"]}}]}),
        ),
        json!({"id": "1100000000000000002", "name": "shop",
            "roles": [{"id": "1100000000000000005", "tags": {"bot_id": "1100000000000000001"}}],
            "channels": [{"id": "1100000000000000003", "type": 0, "name": "ops", "last_message_id": "1200000000000000001"}],
            "threads": [{"id": "1200000000000000003", "type": 11, "parent_id": "1100000000000000003"}]}),
    ]
}

fn read_as_everything(data: &Value) {
    let roles = HashSet::from(["1100000000000000005".to_owned()]);
    for update in [false, true] {
        if let Some(said) = events::message(data, "1100000000000000001", &roles, update) {
            assert!(!said.id.is_empty() && !said.channel.is_empty() && !said.author.is_empty());
        }
    }
    if let Some(read) = events::interaction(data) {
        // These become parts of addresses.
        assert!(read.id.bytes().all(|byte| byte.is_ascii_digit()), "{}", read.id);
        assert!(!read.token.contains(['/', '?', '#', '%', ' ']), "{}", read.token);
    }
    let _ = events::written(data);
    let mut world = World {
        bot: Some("1100000000000000001".to_owned()),
        ..World::default()
    };
    for id in world.guild(data) {
        let _ = (world.told(&id), world.parent_of(&id));
    }
    world.role(data);
    let _ = world.channel(data, None);
}

#[test]
fn what_is_recorded_is_read() {
    let all = recorded();
    let roles = HashSet::new();
    assert!(events::message(&all[0], "1100000000000000001", &roles, true).is_some());
    for data in &all[1..7] {
        assert!(events::interaction(data).is_some(), "{data}");
    }
    assert_eq!(World::default().guild(&all[7]).len(), 2);
}

proptest! {
    #![proptest_config(crate::testing::cases(400))]

    #[test]
    fn what_has_changed_is_refused_or_read_without_a_panic(which in 0_usize..8, changes in changes()) {
        let data = changed(&recorded()[which], &changes);
        read_as_everything(&data);
        // The same on its way through the gateway: text that is parsed, cut off anywhere.
        let text = json!({"op": 0, "t": "MESSAGE_CREATE", "s": 3, "d": data}).to_string();
        let cut: String = text.chars().take(changes[0].0).collect();
        if let Ok(frame) = serde_json::from_str::<Value>(&cut) {
            read_as_everything(&frame["d"]);
        }
    }
}
