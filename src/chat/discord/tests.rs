//! Whatever comes in does not panic, whatever goes out is within Discord's limits.

use std::collections::{BTreeMap, HashSet};

use proptest::prelude::*;
use serde_json::{Value, json};

use super::commands::Table;
use super::embeds::{self, Custom, Read};
use super::events::{self, Asked};
use super::limits;
use super::tickets::Ticket;
use crate::chat::asking::{MenuCommand, MenuParameter};
use crate::chat::card::{Block, Card, Span, Tone, escape};
use crate::chat::forms::{Field, FieldKind, Form};

fn units(value: &Value) -> usize {
    value.as_str().map_or(0, |text| text.encode_utf16().count())
}

fn fits(card: &Card) -> Result<(), String> {
    let shown = embeds::show(card);
    let mut total = 0;
    for embed in &shown.embeds {
        let (title, description) = (units(&embed["title"]), units(&embed["description"]));
        total += title + description;
        if title > limits::EMBED_TITLE || description > limits::EMBED_DESCRIPTION || title + description == 0
        {
            return Err(format!("title {title}, description {description}"));
        }
    }
    let ids: Vec<&str> = shown
        .components
        .iter()
        .flat_map(|row| row["components"].as_array().into_iter().flatten())
        .filter_map(|button| button["custom_id"].as_str())
        .collect();
    let unique: HashSet<&&str> = ids.iter().collect();
    let fits = total <= limits::EMBED_TOTAL
        && shown.components.len() <= limits::ROWS
        && unique.len() == ids.len()
        && ids
            .iter()
            .all(|id| (1..=limits::CUSTOM_ID).contains(&id.encode_utf16().count()));
    if fits { Ok(()) } else { Err(format!("{shown:?}")) }
}

#[test]
fn what_can_be_said_becomes_buttons_and_leaves_the_small_print() {
    let card = Card::parse(
        Tone::Good,
        "# `core.local` succeeded\n```\nhello\n```\n-# `6b03` · [Show](say:show 6b03) · [Run again](say:rerun 6b03)",
    );
    let shown = embeds::show(&card);
    assert_eq!(shown.embeds[0]["title"], "`core.local` succeeded");
    let text = shown.embeds[0]["description"].as_str().unwrap();
    assert!(text.contains("hello") && text.ends_with("-# `6b03`"), "{text}");
    let buttons = &shown.components[0]["components"];
    assert_eq!(
        (&buttons[0]["custom_id"], &buttons[1]["label"]),
        (&json!("say:show 6b03"), &json!("Run again"))
    );
}

#[test]
fn a_long_command_is_kept_beside_its_button() {
    let long = "x".repeat(500);
    let (id, stored) = Custom::Say(long.clone()).id();
    let (hash, text) = stored.unwrap();
    assert_eq!(text, long);
    assert_eq!(
        Custom::read(&id),
        Some(Read::Stored(Custom::Say(String::new()), hash))
    );
    let (id, stored) = Custom::Ask("deny:1".to_owned()).id();
    assert_eq!(stored, None);
    assert_eq!(
        Custom::read(&id),
        Some(Read::Whole(Custom::Ask("deny:1".to_owned())))
    );
    assert_eq!(Custom::read("whatever"), None);
}

fn field(name: &str, takes: FieldKind, required: bool) -> Field {
    Field {
        name: name.to_owned(),
        label: name.repeat(30),
        hint: Some("h".repeat(300)),
        takes,
        required,
        secret: false,
        initial: Some(json!("i".repeat(5000))),
    }
}

#[test]
fn a_form_is_a_modal_with_the_required_fields() {
    let mut fields: Vec<Field> = (0..6)
        .map(|number| field(&format!("optional{number}"), FieldKind::Line, false))
        .collect();
    fields.push(field("sure", FieldKind::Toggle, true));
    let form = Form {
        id: format!("run:core.local?{}", "x".repeat(200)),
        title: "t".repeat(100),
        intro: None,
        submit: "Run".to_owned(),
        fields,
    };
    let (body, stored) = embeds::modal(&form);
    assert_eq!(body["type"], 9);
    assert_eq!(stored.unwrap().1, form.id);
    let data = &body["data"];
    assert!(units(&data["title"]) <= limits::MODAL_TITLE && units(&data["custom_id"]) <= limits::CUSTOM_ID);
    let rows = data["components"].as_array().unwrap();
    assert_eq!(rows.len(), limits::MODAL_INPUTS);
    assert_eq!(rows[0]["components"][0]["custom_id"], "b:sure");
    for row in rows {
        let input = &row["components"][0];
        assert!(
            units(&input["label"]) <= limits::INPUT_LABEL && units(&input["placeholder"]) <= 100,
            "{input}"
        );
    }
    let given = json!({"b:sure": "Yes", "m:hosts": "a, b", "s:empty": " ", "s:word": "red"});
    let values = embeds::values(given.as_object().unwrap());
    assert_eq!(
        Value::Object(values),
        json!({"sure": true, "hosts": ["a", "b"], "word": "red"})
    );
}

fn parameter(name: &str, kind: &str, required: bool, secret: bool) -> MenuParameter {
    MenuParameter {
        name: name.to_owned(),
        description: String::new(),
        r#type: kind.to_owned(),
        choices: if name == "word" {
            vec![json!("red"), json!("green")]
        } else {
            Vec::new()
        },
        required,
        secret,
    }
}

#[test]
fn aliases_become_commands_within_the_limits() {
    let mut menu: Vec<MenuCommand> = (0..150)
        .map(|number| MenuCommand {
            alias: format!("many.alias_{number}"),
            display: "do it".to_owned(),
            description: "d".repeat(300),
            parameters: (0..40)
                .map(|at| parameter(&format!("p{at}"), "string", at > 20, false))
                .collect(),
        })
        .collect();
    menu.insert(
        0,
        MenuCommand {
            alias: "trial.Paint".to_owned(),
            display: "paint {{word}}".to_owned(),
            description: String::new(),
            parameters: vec![
                parameter("Count", "integer", false, false),
                parameter("word", "string", true, false),
                parameter("password", "string", true, true),
            ],
        },
    );
    let table = Table::of(&menu);
    assert_eq!(table.bodies.len(), limits::COMMANDS + 2, "and those of the menus");
    assert_eq!(table.bodies[0]["name"], "sayso");
    let paint = &table.bodies[3];
    assert_eq!(paint["name"], "paint");
    assert_eq!(paint["options"][0]["name"], "word");
    assert_eq!(paint["options"][0]["choices"][1]["value"], "green");
    assert_eq!(
        paint["options"].as_array().unwrap().len(),
        2,
        "a secret is no option: {paint}"
    );
    let many = &table.bodies[4]["options"];
    assert_eq!(many.as_array().unwrap().len(), limits::COMMAND_OPTIONS);
    assert!(
        many[0]["required"] == true && many[0]["autocomplete"] == true,
        "{many}"
    );
    let options = BTreeMap::from([
        ("word".to_owned(), "red".to_owned()),
        ("count".to_owned(), "3".to_owned()),
    ]);
    let chosen = table.chosen("paint", &options).unwrap();
    assert_eq!(chosen.picked.alias, "trial.Paint");
    assert_eq!(chosen.picked.values["Count"], "3");
    assert!(chosen.needs_form);
    assert_eq!(
        table.parameter("paint", "count"),
        Some(("trial.Paint".to_owned(), "Count".to_owned()))
    );
    assert_eq!(table.chosen("gone", &options), None);
}

#[test]
fn a_message_is_read_as_people_mean_it() {
    let roles = HashSet::from(["77".to_owned()]);
    let said = |data: &Value, update| events::message(data, "7", &roles, update);
    let mut data = json!({"id": "10", "channel_id": "3", "guild_id": "2", "type": 0, "content": "<@&77> help",
        "author": {"id": "4", "username": "ana"}, "mentions": [], "mention_roles": ["77"]});
    let read = said(&data, false).unwrap();
    assert_eq!(
        (read.text.as_str(), read.mentions_bot, read.machine),
        ("<@7> help", true, false)
    );
    assert_eq!(
        said(&data, true),
        None,
        "an update without a time of editing is a preview"
    );
    data["edited_timestamp"] = json!("2026-01-01T00:00:00+00:00");
    assert!(said(&data, true).unwrap().edited);
    data["webhook_id"] = json!("9");
    let read = said(&data, false).unwrap();
    assert_eq!((read.author.as_str(), read.machine), ("9", true));
    data["type"] = json!(7);
    assert_eq!(said(&data, false), None, "somebody joined");
}

#[test]
fn an_interaction_is_read() {
    let mut data = json!({"id": "10", "application_id": "1", "token": "abc", "channel_id": "3", "type": 4,
        "member": {"user": {"id": "4", "username": "ana"}},
        "data": {"name": "deploy", "type": 1, "options": [{"name": "app", "type": 3, "value": "a", "focused": true}]}});
    let read = events::interaction(&data).unwrap();
    assert_eq!(
        read.asked,
        Asked::Complete {
            name: "deploy".to_owned(),
            option: "app".to_owned(),
            typed: "a".to_owned()
        }
    );
    let ticket = Ticket::of(&read, true);
    assert_eq!(Ticket::read(&ticket.text()), Some(ticket.clone()));
    let alone = Ticket::private(&read);
    assert_eq!(Ticket::read(&alone.text()), Some(alone));
    assert!(ticket.is_live() && ticket.text().starts_with("1:abc:"));
    data["token"] = json!("../../users");
    assert_eq!(events::interaction(&data), None, "a token is part of an address");
    data["token"] = json!("abc");
    data["type"] = json!(5);
    data["data"] = json!({"custom_id": "form:deny:1", "components": [
        {"type": 1, "components": [{"type": 4, "custom_id": "s:reason", "value": "no"}]},
        {"type": 18, "component": {"type": 3, "custom_id": "m:hosts", "values": ["a"]}},
    ]});
    let Asked::Form { values, .. } = events::interaction(&data).unwrap().asked else {
        panic!()
    };
    assert_eq!(Value::Object(values), json!({"s:reason": "no", "m:hosts": ["a"]}));
}

/// Any JSON with the words that Discord uses.
fn payload() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        "[0-9]{0,22}".prop_map(Value::from),
        "\\PC{0,12}".prop_map(Value::from),
    ];
    let name = prop_oneof![
        Just("id".to_owned()),
        Just("type".to_owned()),
        Just("data".to_owned()),
        Just("author".to_owned()),
        Just("member".to_owned()),
        Just("user".to_owned()),
        Just("token".to_owned()),
        Just("content".to_owned()),
        Just("channel_id".to_owned()),
        Just("application_id".to_owned()),
        Just("options".to_owned()),
        Just("components".to_owned()),
        Just("component".to_owned()),
        Just("custom_id".to_owned()),
        Just("value".to_owned()),
        Just("channels".to_owned()),
        Just("roles".to_owned()),
        Just("name".to_owned()),
    ];
    leaf.prop_recursive(5, 60, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::vec((name.clone(), inner), 0..8)
                .prop_map(|pairs| Value::Object(pairs.into_iter().collect())),
        ]
    })
}

proptest! {
    #![proptest_config(crate::testing::cases(256))]

    #[test]
    fn no_payload_panics(data in payload(), kind in 0_u64..7) {
        let _ = events::message(&data, "7", &HashSet::new(), false);
        let _ = events::written(&data);
        let mut data = data;
        let _ = super::world::World::default().guild(&data);
        if let Some(map) = data.as_object_mut() {
            map.insert("type".to_owned(), json!(kind));
        }
        let _ = events::interaction(&data);
    }

    #[test]
    fn every_card_is_within_the_limits(
        heading in "\\PC{0,300}",
        text in "\\PC{0,3000}",
        says in prop::collection::vec(("\\PC{0,120}", "\\PC{1,200}"), 0..40),
        repeat in 1_usize..4,
    ) {
        let mut card = Card::parse(Tone::Busy, &format!("# {}\n{}", escape(&heading), escape(&text)));
        for _ in 0..repeat {
            card.blocks.push(Block::Code { text: text.clone() });
        }
        let line = says.into_iter().map(|(s, say)| Span::Say { s, say }).collect();
        card.blocks.push(Block::Note { line });
        prop_assert_eq!(fits(&card), Ok(()));
    }

    #[test]
    fn every_text_is_within_the_limit(text in "\\PC{0,3000}") {
        let content = embeds::content(&text);
        prop_assert!(units(&json!(content)) <= limits::CONTENT && !content.trim().is_empty());
    }
}
