//! The forms that buttons open.

use std::collections::BTreeMap;

use serde_json::Value;

use super::fields::field;
use crate::answers::{approvals, inquiries};
use crate::chat::forms::{Field, FieldKind, Form, Somebody};
use crate::chat::hub::Hub;
use crate::model::{Execution, Id, Timestamp};

/// Names of the forms: what stands before the colon.
pub(super) const APPROVE: &str = "approve";
/// See [`APPROVE`].
pub(super) const DENY: &str = "deny";
/// See [`APPROVE`].
pub(super) const ANSWER: &str = "answer";
/// See [`APPROVE`].
pub(super) const RUN: &str = "run";

/// The id of the form for the parameters of a command, with what is known of them. Secrets do not belong in it.
#[must_use]
pub(crate) fn run_form<'a>(alias: &str, known: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    let mut pairs = url::form_urlencoded::Serializer::new(String::new());
    pairs.extend_pairs(known);
    format!("{RUN}:{alias}?{}", pairs.finish())
}

/// The alias and the known values in the id of such a form.
pub(super) fn read_run_form(rest: &str) -> (&str, BTreeMap<String, String>) {
    let (alias, query) = rest.split_once('?').unwrap_or((rest, ""));
    let known = url::form_urlencoded::parse(query.as_bytes())
        .into_owned()
        .collect();
    (alias, known)
}

impl Hub {
    /// The form that a button opens, for somebody who pressed it.
    ///
    /// # Errors
    /// A sentence for them alone: there is nothing to fill in any more, or not for them.
    pub async fn form(&self, by: &Somebody, form: &str) -> Result<Form, String> {
        let identity = self.identity_of(by).await?;
        let (kind, rest) = form.split_once(':').unwrap_or((form, ""));
        match kind {
            APPROVE | DENY => {
                let execution = self.waiting(rest).await?;
                let engine = &self.desk().engine;
                let view = approvals::view(engine, &execution, &identity, Timestamp::now());
                if view["state"] != "waiting" {
                    return Err(format!(
                        "it is over: {}",
                        view["state"].as_str().unwrap_or("ended")
                    ));
                }
                if view["may_vote"] != true {
                    let asked = view["asked"].as_str().unwrap_or("others");
                    return Err(format!("it is not yours to decide; asked: {asked}"));
                }
                Ok(decision(kind, form, &execution, &view))
            }
            ANSWER => {
                let execution = self.waiting(rest).await?;
                inquiries::check(&execution).map_err(|error| error.to_string())?;
                if !inquiries::may_answer(&self.desk().engine, &execution, &identity) {
                    let named = inquiries::asked(&execution);
                    return Err(if named.is_empty() {
                        format!("somebody else is asked: {}", execution.request.user)
                    } else {
                        format!("somebody else is asked: {}", named.join(", "))
                    });
                }
                let schema = inquiries::schema(&execution).map_err(|error| error.to_string())?;
                let fields: Vec<Field> = schema
                    .fields()
                    .map(|(name, schema)| field(name, schema, None))
                    .collect();
                Ok(Form {
                    id: form.to_owned(),
                    title: "You are asked".to_owned(),
                    intro: Some(format!("for {}", execution.request.user)),
                    submit: "Answer".to_owned(),
                    fields,
                })
            }
            RUN => self.parameters(form, rest),
            _ => Err(format!("there is no form `{form}` any more")),
        }
    }

    async fn waiting(&self, id: &str) -> Result<std::sync::Arc<Execution>, String> {
        let gone = || format!("nothing waits under the id {id} any more");
        let id: Id = id.parse().map_err(|_| gone())?;
        self.desk()
            .engine
            .execution(id)
            .await
            .map_err(|error| {
                tracing::error!("a form cannot be made: {error}");
                "the store could not be read; try again".to_owned()
            })?
            .ok_or_else(gone)
    }

    /// The form with the parameters of a command.
    fn parameters(&self, form: &str, rest: &str) -> Result<Form, String> {
        let (alias, known) = read_run_form(rest);
        let book = self.desk().shelf.current();
        let gone = || format!("there is no command `{alias}` any more");
        let alias = book.alias(alias).ok_or_else(gone)?;
        let action = book.action(&alias.action).ok_or_else(gone)?;
        let asked = action.parameters.iter().filter(|(name, schema)| {
            schema["immutable"] != true && !alias.immutable.contains_key(name.as_str())
        });
        let mut fields: Vec<(i64, Field)> = asked
            .map(|(name, schema)| {
                let given = known.get(name).map(|text| Value::String(text.clone()));
                let order = schema["position"].as_i64().unwrap_or(i64::MAX);
                (order, field(name, schema, given))
            })
            .collect();
        fields.sort_by_key(|(order, field)| (!field.required, *order));
        let what = Some(alias.description.clone()).filter(|text| !text.is_empty());
        Ok(Form {
            id: form.to_owned(),
            title: alias.reference.clone(),
            intro: what.or_else(|| Some(action.description.clone()).filter(|text| !text.is_empty())),
            submit: "Run".to_owned(),
            fields: fields.into_iter().map(|(_, field)| field).collect(),
        })
    }
}

fn decision(kind: &str, form: &str, execution: &Execution, view: &Value) -> Form {
    let title = view["title"].as_str().unwrap_or(&execution.request.action);
    let deny = kind == DENY;
    Form {
        id: form.to_owned(),
        title: if deny { "Deny" } else { "Approve" }.to_owned(),
        intro: Some(format!("{title}, for {}", execution.request.user)),
        submit: if deny { "Deny" } else { "Approve" }.to_owned(),
        fields: vec![Field {
            name: "reason".to_owned(),
            label: "reason".to_owned(),
            hint: Some("It is shown to whoever asked, and kept in the audit log.".to_owned()),
            takes: FieldKind::Paragraph,
            required: deny,
            secret: false,
            initial: None,
        }],
    }
}
