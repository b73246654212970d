//! Forms that were filled in become commands.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::fields::text;
use super::form::{ANSWER, APPROVE, DENY, RUN, read_run_form};
use super::inbound;
use crate::answers::inquiries;
use crate::chat::forms::{Filled, FormReceipt};
use crate::chat::gateway::{Inbound, Picked};
use crate::chat::hub::Hub;
use crate::chat::phrasebook::cast;
use crate::chat::router::ReceiveError;
use crate::model::Id;
use crate::params::ResponseSchema;

type Corrections = BTreeMap<String, String>;

impl Hub {
    /// Takes a form that was filled in. As with [`Hub::receive`], what follows is committed when it returns.
    ///
    /// # Errors
    /// When nothing could be stored: the platform should deliver it again.
    pub async fn fill(&self, filled: Filled) -> Result<FormReceipt, ReceiveError> {
        let (kind, rest) = filled.form.split_once(':').unwrap_or((&filled.form, ""));
        let picked = match kind {
            APPROVE | DENY => {
                let reason = filled.values.get("reason").map(text).unwrap_or_default();
                if kind == DENY && reason.trim().is_empty() {
                    let why = "a no needs a reason".to_owned();
                    return Ok(FormReceipt::Corrections([("reason".to_owned(), why)].into()));
                }
                let mut values = BTreeMap::from([("id".to_owned(), rest.to_owned())]);
                if !reason.trim().is_empty() {
                    values.insert("reason".to_owned(), reason);
                }
                Ok(Picked {
                    alias: format!("chatops.{kind}"),
                    values,
                })
            }
            ANSWER => self.answer(rest, &filled).await?,
            RUN => self.run(rest, &filled),
            // Told by the router: there is no such command.
            other => Ok(Picked {
                alias: other.to_owned(),
                values: BTreeMap::new(),
            }),
        };
        let picked = match picked {
            Ok(picked) => picked,
            Err(corrections) => return Ok(FormReceipt::Corrections(corrections)),
        };
        let said = match kind {
            RUN => format!("{} (form)", picked.alias),
            _ => format!("{kind} {rest}"),
        };
        let message = Inbound {
            picked: Some(picked),
            reply: filled.reply.clone(),
            ..inbound(&filled.by, filled.key.clone(), said, filled.received)
        };
        Ok(FormReceipt::Taken(self.receive(message).await?))
    }

    /// The answer to an inquiry: values in the types that its schema wants.
    async fn answer(&self, id: &str, filled: &Filled) -> Result<Result<Picked, Corrections>, ReceiveError> {
        let mut response = Map::new();
        let mut corrections = Corrections::new();
        let execution = match id.parse::<Id>() {
            Ok(id) => self.desk().engine.execution(id).await?,
            Err(_) => None,
        };
        // Without it, and when it is over, the command itself says so.
        if let Some(schema) = execution.and_then(|execution| inquiries::schema(&execution).ok()) {
            for (name, field) in schema.fields() {
                let Some(given) = filled.values.get(name) else {
                    continue;
                };
                match cast(name, &text(given), Some(field)) {
                    Ok(value) => {
                        response.insert(name.to_owned(), value);
                    }
                    Err(why) => {
                        corrections.insert(name.to_owned(), why);
                    }
                }
            }
            let whole = schema.with_defaults(Value::Object(response.clone()));
            if corrections.is_empty()
                && let Some(problem) = schema.problem(&whole)
            {
                let line = problem.lines().next().unwrap_or_default().to_owned();
                // The field that the complaint names, else the first.
                let named = schema
                    .fields()
                    .find(|(name, _)| line.contains(&format!("'{name}'")));
                if let Some((name, _)) = named.or_else(|| schema.fields().next()) {
                    corrections.insert(name.to_owned(), line);
                }
            }
        }
        if !corrections.is_empty() {
            return Ok(Err(corrections));
        }
        Ok(Ok(Picked {
            alias: "chatops.answer".to_owned(),
            values: BTreeMap::from([
                ("id".to_owned(), id.to_owned()),
                ("response".to_owned(), json!(response).to_string()),
            ]),
        }))
    }

    /// The parameters of a command.
    fn run(&self, rest: &str, filled: &Filled) -> Result<Picked, Corrections> {
        let (alias, mut values) = read_run_form(rest);
        let book = self.desk().shelf.current();
        let action = book.alias(alias).and_then(|alias| book.action(&alias.action));
        let mut corrections = Corrections::new();
        for (name, schema) in action.iter().flat_map(|action| &action.parameters) {
            match filled.values.get(name) {
                Some(given) => {
                    let given = text(given);
                    if let Some(why) = misfit(name, &given, schema) {
                        corrections.insert(name.clone(), why);
                    }
                    values.insert(name.clone(), given);
                }
                None => {
                    // It was emptied.
                    values.remove(name);
                    if schema["required"] == true && schema.get("default").is_none_or(Value::is_null) {
                        corrections.insert(name.clone(), "it is needed".to_owned());
                    }
                }
            }
        }
        if !corrections.is_empty() {
            return Err(corrections);
        }
        Ok(Picked {
            alias: alias.to_owned(),
            values,
        })
    }
}

/// Why a parameter cannot have what was filled in for it.
fn misfit(name: &str, given: &str, schema: &Value) -> Option<String> {
    let value = match cast(name, given, Some(schema)) {
        Ok(value) => value,
        Err(why) => return Some(why),
    };
    // A schema that cannot be used is complained about when the command runs.
    let schema = ResponseSchema::new(schema).ok()?;
    schema.first_problem(&value).map(|(_, why)| why)
}
