//! Slash commands from the aliases, and how they are registered: only what differs.

use std::collections::{BTreeMap, HashSet};

use serde_json::{Value, json};
use serenity::builder::{CreateCommand, CreateCommandOption};
use serenity::model::application::{CommandOptionType, CommandType};

use super::limits::{self, cut};
use super::rest::{Call, Failure, Rest};
use crate::chat::asking::MenuCommand;
use crate::chat::gateway::Picked;

/// The command for everything that has no command of its own.
pub(super) const SAY: &str = "sayso";
/// The option of [`SAY`].
pub(super) const SAY_OPTION: &str = "say";
/// The command of a message's menu.
pub(super) const ON_MESSAGE: &str = "Run as command";
/// The command of a person's menu.
pub(super) const ON_USER: &str = "What did they run";
/// Kinds of commands (Interactions / Application Commands / Application Command Types).
const OF_USER: u8 = 2;
const OF_MESSAGE: u8 = 3;

/// Slash commands and what they stand for.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Table {
    commands: BTreeMap<String, Entry>,
    /// As Discord gets them.
    pub(super) bodies: Vec<Value>,
}

#[derive(Clone, Debug, PartialEq)]
struct Entry {
    alias: String,
    /// Parameters by the names of options.
    options: BTreeMap<String, String>,
    /// A secret that must be given: it is asked for in a form.
    needs_form: bool,
}

/// A slash command that was picked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Chosen {
    pub(super) picked: Picked,
    pub(super) needs_form: bool,
}

/// A name as Discord takes it: small letters, digits, `-` and `_`.
fn named(text: &str) -> String {
    let name: String = text
        .to_lowercase()
        .chars()
        .map(|char| {
            let fits = char.is_ascii_lowercase() || char.is_ascii_digit() || "-_".contains(char);
            if fits { char } else { '-' }
        })
        .take(limits::COMMAND_NAME)
        .collect();
    name.trim_matches('-').to_owned()
}

fn described(text: &str, otherwise: &str) -> String {
    let line = text
        .lines()
        .find(|line| !line.trim().is_empty())
        .unwrap_or(otherwise);
    let line = cut(line.trim(), limits::COMMAND_DESCRIPTION);
    if line.is_empty() { "…".to_owned() } else { line }
}

impl Table {
    /// The commands of a menu: the first ones when there are more than Discord takes.
    pub(super) fn of(menu: &[MenuCommand]) -> Self {
        let say = CreateCommandOption::new(
            CommandOptionType::String,
            SAY_OPTION,
            "What you would write to the bot, for example: help",
        )
        .required(true)
        .max_length(2000);
        let mut table = Self {
            commands: BTreeMap::new(),
            bodies: vec![
                body(
                    CreateCommand::new(SAY)
                        .description("Say a command to Sayso")
                        .add_option(say),
                ),
                menu_entry(ON_MESSAGE, OF_MESSAGE),
                menu_entry(ON_USER, OF_USER),
            ],
        };
        let short = |alias: &str| named(alias.rsplit('.').next().unwrap_or(alias));
        for command in menu {
            // One place is that of `/sayso`; those of the menus have limits of their own.
            if table.commands.len() + 1 >= limits::COMMANDS {
                break;
            }
            let unique = menu
                .iter()
                .filter(|other| short(&other.alias) == short(&command.alias))
                .count()
                == 1;
            let name = if unique {
                short(&command.alias)
            } else {
                named(&command.alias)
            };
            if name.is_empty() || name == SAY || table.commands.contains_key(&name) {
                continue;
            }
            let (entry, body) = made(&name, command);
            table.commands.insert(name, entry);
            table.bodies.push(body);
        }
        table
    }

    /// The alias and parameters behind a command and its options.
    pub(super) fn chosen(&self, name: &str, options: &BTreeMap<String, String>) -> Option<Chosen> {
        let entry = self.commands.get(name)?;
        let values = options
            .iter()
            .filter_map(|(option, value)| Some((entry.options.get(option)?.clone(), value.clone())))
            .collect();
        Some(Chosen {
            picked: Picked {
                alias: entry.alias.clone(),
                values,
            },
            needs_form: entry.needs_form,
        })
    }

    /// The alias and the parameter behind an option.
    pub(super) fn parameter(&self, name: &str, option: &str) -> Option<(String, String)> {
        let entry = self.commands.get(name)?;
        Some((entry.alias.clone(), entry.options.get(option)?.clone()))
    }
}

fn made(name: &str, command: &MenuCommand) -> (Entry, Value) {
    let mut parameters: Vec<_> = command
        .parameters
        .iter()
        .filter(|parameter| !parameter.secret)
        .collect();
    // Discord wants the required ones first; the order is kept besides.
    parameters.sort_by_key(|parameter| !parameter.required);
    let mut entry = Entry {
        alias: command.alias.clone(),
        options: BTreeMap::new(),
        needs_form: command
            .parameters
            .iter()
            .any(|parameter| parameter.secret && parameter.required),
    };
    let description = described(&command.description, &command.display);
    let mut total = name.len() + description.chars().count();
    let mut options = Vec::new();
    for parameter in parameters {
        let option = named(&parameter.name);
        if options.len() == limits::COMMAND_OPTIONS {
            break;
        }
        if option.is_empty() || entry.options.contains_key(&option) {
            continue;
        }
        let told = described(&parameter.description, &parameter.name);
        let choices: Vec<String> = parameter
            .choices
            .iter()
            .map(|choice| choice.as_str().map_or_else(|| choice.to_string(), str::to_owned))
            .collect();
        let listed = !choices.is_empty()
            && choices.len() <= limits::CHOICES
            && choices
                .iter()
                .all(|choice| !choice.is_empty() && choice.encode_utf16().count() <= limits::CHOICE);
        let kind = match &*parameter.r#type {
            "boolean" => CommandOptionType::Boolean,
            // Whole numbers with choices are picked by their texts.
            "integer" if choices.is_empty() => CommandOptionType::Integer,
            "number" if choices.is_empty() => CommandOptionType::Number,
            _ => CommandOptionType::String,
        };
        let mut made =
            CreateCommandOption::new(kind, option.clone(), told.clone()).required(parameter.required);
        total += option.len() + told.chars().count();
        if kind == CommandOptionType::String {
            if listed {
                total += choices
                    .iter()
                    .map(|choice| 2 * choice.chars().count())
                    .sum::<usize>();
                for choice in choices {
                    made = made.add_string_choice(choice.clone(), choice);
                }
            } else {
                made = made.set_autocomplete(true);
            }
        }
        if total > limits::COMMAND_TOTAL {
            break;
        }
        entry.options.insert(option, parameter.name.clone());
        options.push(made);
    }
    let command = CreateCommand::new(name)
        .description(description)
        .set_options(options);
    (entry, body(command))
}

fn body(command: CreateCommand) -> Value {
    let body = serde_json::to_value(command.kind(CommandType::ChatInput)).unwrap_or_default();
    everywhere(body)
}

/// A command of the menu of messages or people.
fn menu_entry(name: &str, kind: u8) -> Value {
    everywhere(json!({"name": name, "type": kind}))
}

/// For everybody, in servers and between a person and the bot: who may do what is decided by our own rules.
fn everywhere(mut body: Value) -> Value {
    body["contexts"] = json!([0, 1]);
    body["integration_types"] = json!([0]);
    body["default_member_permissions"] = Value::Null;
    body
}

/// What matters of a command, in one form whoever wrote it.
fn essence(command: &Value) -> Value {
    fn option(option: &Value) -> Value {
        let list = |name: &str| option[name].as_array().cloned().unwrap_or_default();
        json!({
            "type": option["type"],
            "name": option["name"],
            "description": option["description"],
            "required": option["required"].as_bool().unwrap_or(false),
            "autocomplete": option["autocomplete"].as_bool().unwrap_or(false),
            "max_length": option["max_length"],
            "choices": list("choices").iter().map(|choice| json!([choice["name"], choice["value"]])).collect::<Vec<_>>(),
            "options": list("options").iter().map(self::essence_option).collect::<Vec<_>>(),
        })
    }
    let numbers = |name: &str| {
        let list = command[name].as_array().map_or(&[][..], Vec::as_slice);
        let mut numbers: Vec<u64> = list.iter().filter_map(Value::as_u64).collect();
        numbers.sort_unstable();
        numbers
    };
    json!({
        "type": kind(command),
        "name": command["name"],
        "description": command["description"].as_str().unwrap_or_default(),
        "options": command["options"].as_array().map(|list| list.iter().map(option).collect::<Vec<_>>()).unwrap_or_default(),
        "contexts": numbers("contexts"),
        "integration_types": numbers("integration_types"),
        "default_member_permissions": command["default_member_permissions"],
    })
}

fn kind(command: &Value) -> u64 {
    command["type"].as_u64().unwrap_or(1)
}

/// Options of sub-commands are none of ours; their names tell enough to see that they differ.
fn essence_option(option: &Value) -> Value {
    json!([option["type"], option["name"]])
}

/// Registers what differs in one scope; gives how many commands were changed.
pub(super) async fn register(
    rest: &Rest,
    application: &str,
    guild: Option<&str>,
    wanted: &[Value],
) -> Result<usize, Failure> {
    let base = guild.map_or_else(
        || format!("/applications/{application}/commands"),
        |guild| format!("/applications/{application}/guilds/{guild}/commands"),
    );
    let there = rest.call(Call::get(base.clone())).await?;
    let there: Vec<Value> = there.as_array().cloned().unwrap_or_default();
    // What Discord makes itself, as the entry point of an activity, is not touched.
    let is_ours = |command: &&Value| kind(command) <= u64::from(OF_MESSAGE);
    let mut changes = 0;
    let names: HashSet<(u64, &str)> = wanted
        .iter()
        .filter_map(|command| Some((kind(command), command["name"].as_str()?)))
        .collect();
    // First what is gone, to make room within the limit.
    for command in there.iter().filter(is_ours) {
        let (Some(name), Some(id)) = (command["name"].as_str(), command["id"].as_str()) else {
            continue;
        };
        if !names.contains(&(kind(command), name)) {
            rest.call(Call::delete(format!("{base}/{id}"))).await?;
            changes += 1;
        }
    }
    for command in wanted {
        let mut command = command.clone();
        if guild.is_some()
            && let Some(command) = command.as_object_mut()
        {
            // Where a command of one server is shown is settled by that.
            command.remove("contexts");
            command.remove("integration_types");
        }
        let command = &command;
        let known = there
            .iter()
            .filter(is_ours)
            .find(|known| kind(known) == kind(command) && known["name"] == command["name"]);
        let same = |known: &Value| {
            let mut known = known.clone();
            if guild.is_some()
                && let Some(known) = known.as_object_mut()
            {
                known.remove("contexts");
                known.remove("integration_types");
            }
            essence(&known) == essence(command)
        };
        match known {
            Some(known) if same(known) => {}
            // Changing one does not count against the number that may be created a day.
            Some(known) => {
                let id = known["id"].as_str().unwrap_or_default();
                let mut change = command.clone();
                if let Some(change) = change.as_object_mut() {
                    change.remove("type");
                }
                rest.call(Call::patch(format!("{base}/{id}"), change)).await?;
                changes += 1;
            }
            None => {
                // Creating one of the same name again only replaces it.
                rest.call(Call::post(base.clone(), command.clone()).repeatable())
                    .await?;
                changes += 1;
            }
        }
    }
    Ok(changes)
}
