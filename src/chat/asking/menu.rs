//! Commands for a platform's own menus.

use std::collections::HashSet;

use serde_json::Value;

use crate::chat::hub::Hub;

/// A command as a platform's own menus show it.
#[derive(Clone, Debug, PartialEq)]
pub struct MenuCommand {
    /// The alias, `pack.name`.
    pub alias: String,
    /// How it is said, with the parameters' names.
    pub display: String,
    /// What it does.
    pub description: String,
    /// Its parameters: those that its formats take first, in the order of the action, then the others that the action
    /// has.
    pub parameters: Vec<MenuParameter>,
}

/// A parameter of such a command.
#[derive(Clone, Debug, PartialEq)]
pub struct MenuParameter {
    /// Its name.
    pub name: String,
    /// What it means; may be empty.
    pub description: String,
    /// Its type in the action's schema: `string`, `integer`, `number`, `boolean`, `array`, `object`.
    pub r#type: String,
    /// Values to choose from; empty when it is free.
    pub choices: Vec<Value>,
    /// It must be given.
    pub required: bool,
    /// It is a secret: it is never asked for where others can read it.
    pub secret: bool,
}

impl Hub {
    /// The commands of the content in force, for menus. Which of them somebody may say is decided when they say it.
    #[must_use]
    pub fn menu(&self) -> Vec<MenuCommand> {
        let book = self.desk().shelf.current();
        let mut seen = HashSet::new();
        let commands = book.commands().into_iter();
        commands
            .filter(|command| seen.insert(command.alias.clone()))
            .filter_map(|command| {
                let alias = book.alias(&command.alias)?;
                let action = book.action(&alias.action).filter(|action| action.enabled)?;
                let mut parameters: Vec<(bool, i64, MenuParameter)> = action
                    .parameters
                    .iter()
                    .filter(|(name, schema)| {
                        schema["immutable"] != true && !alias.immutable.contains_key(name.as_str())
                    })
                    .map(|(name, schema)| {
                        let taken = alias.formats.iter().any(|format| mentions(format, name));
                        let order = schema["position"].as_i64().unwrap_or(i64::MAX);
                        (!taken, order, parameter(name, schema))
                    })
                    .collect();
                parameters.sort_by_key(|(untaken, order, _)| (*untaken, *order));
                Some(MenuCommand {
                    alias: command.alias,
                    display: command.display,
                    description: command.description,
                    parameters: parameters
                        .into_iter()
                        .map(|(_, _, parameter)| parameter)
                        .collect(),
                })
            })
            .collect()
    }
}

fn parameter(name: &str, schema: &Value) -> MenuParameter {
    MenuParameter {
        name: name.to_owned(),
        description: schema["description"].as_str().unwrap_or_default().to_owned(),
        r#type: schema["type"].as_str().unwrap_or("string").to_owned(),
        choices: schema["enum"].as_array().cloned().unwrap_or_default(),
        required: schema["required"] == true && schema.get("default").is_none_or(Value::is_null),
        secret: schema["secret"] == true,
    }
}

/// Whether a format captures a parameter: `{{name`, `{{ name`, `(?P<name>`.
fn mentions(format: &str, name: &str) -> bool {
    format.match_indices(name).any(|(at, _)| {
        let before = format[..at].trim_end_matches(' ');
        let after = format[at + name.len()..].chars().next();
        (before.ends_with("{{") || before.ends_with("(?P<") || before.ends_with("(?<"))
            && !after.is_some_and(|next| next.is_alphanumeric() || next == '_')
    })
}

#[cfg(test)]
mod tests {
    use super::mentions;

    #[test]
    fn formats_mention_what_they_capture() {
        for (format, name, expected) in [
            ("deploy {{ app }} to {{env=prod}}", "app", true),
            ("deploy {{ app }} to {{env=prod}}", "env", true),
            ("deploy {{ app }} to prod", "to", false),
            ("deploy {{ apps }}", "app", false),
            (r"cancel (?P<id>\S+)", "id", true),
        ] {
            assert_eq!(mentions(format, name), expected, "{format} {name}");
        }
    }
}
