//! From a reading of a sentence to the parameters of a request.

use std::sync::Arc;

use serde_json::Value;

use super::phrasebook::{Phrase, Source, cast};
use super::say::jinja;
use crate::expr::jinja::Jinja;
use crate::model::{Action, Identity, JsonMap};
use crate::runners::Runners;

/// Parameters of a request.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Values {
    /// From whoever wrote the alias: may contain Jinja, which the engine renders.
    pub(crate) parameters: JsonMap,
    /// From the sentence: data, never rendered.
    pub(crate) data: JsonMap,
}

/// The schema of a parameter, the action's own before its runner's.
fn schema<'a>(name: &str, action: Option<&'a Action>, runners: &'a Runners) -> Option<&'a Value> {
    let action = action?;
    action
        .parameters
        .get(name)
        .filter(|schema| schema.get("type").is_some())
        .or_else(|| {
            runners
                .get(&action.runner_type)
                .and_then(|runner| runner.spec().parameters.get(name))
        })
}

/// Casts what the sentence gives to the declared types and adds the alias's immutable parameters.
///
/// # Errors
/// One sentence for the person who typed it.
pub(crate) fn values(
    formats: &Jinja,
    phrase: &Phrase,
    action: Option<&Action>,
    runners: &Runners,
    context: &JsonMap,
    identity: &Identity,
) -> Result<Values, String> {
    let mut out = Values::default();
    let forced: Vec<&str> = phrase
        .given
        .iter()
        .filter(|given| given.source != Source::Default && given.text.is_some())
        .map(|given| given.name.as_str())
        .filter(|name| phrase.alias.immutable.contains_key(*name))
        .collect();
    if !forced.is_empty() {
        return Err(format!(
            "`{}` cannot be set here: the command fixes it",
            forced.join("`, `")
        ));
    }
    for given in &phrase.given {
        let Some(text) = &given.text else { continue };
        let schema = schema(&given.name, action, runners);
        if given.source == Source::Default && (text.contains("{{") || text.contains("{%")) {
            out.parameters.insert(given.name.clone(), text.clone().into());
        } else {
            out.data
                .insert(given.name.clone(), cast(&given.name, text, schema)?);
        }
    }
    if !phrase.alias.immutable.is_empty() {
        let mut variables = context.clone();
        variables.insert("user".to_owned(), identity.user.clone().into());
        let variables = Arc::new(Value::Object(variables));
        for (name, value) in &phrase.alias.immutable {
            out.data.remove(name);
            // Values from the datastore are looked up by the engine, which knows whose they are.
            match value {
                Value::String(format) if format.contains("{{") && !format.contains("st2kv") => {
                    let text = jinja(formats, format, &variables, false).map_err(|error| {
                        format!("the alias's fixed parameter `{name}` cannot be rendered: {error}")
                    })?;
                    out.data
                        .insert(name.clone(), cast(name, &text, schema(name, action, runners))?);
                }
                other => {
                    out.parameters.insert(name.clone(), other.clone());
                }
            }
        }
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::chat::phrasebook::{Alias, Given};

    fn phrase(given: &[(&str, &str, Source)], immutable: Value) -> Phrase {
        let Value::Object(immutable) = immutable else {
            panic!("no object")
        };
        Phrase {
            alias: Arc::new(Alias {
                immutable,
                ..Alias::default()
            }),
            format: String::new(),
            display: String::new(),
            given: given
                .iter()
                .map(|(name, text, source)| Given {
                    name: (*name).into(),
                    text: Some((*text).into()),
                    source: *source,
                })
                .collect(),
            notes: Vec::new(),
        }
    }

    fn run(phrase: &Phrase) -> Result<Values, String> {
        let Value::Object(context) = json!({"api_user": "Ana"}) else {
            panic!("no object")
        };
        values(
            &Jinja::default(),
            phrase,
            None,
            &Runners::default(),
            &context,
            &Identity {
                user: "ana".into(),
                ..Identity::default()
            },
        )
    }

    #[test]
    fn text_of_users_is_data_and_defaults_may_be_templates() {
        let got = run(&phrase(
            &[
                ("a", "{{ st2kv.system.secret }}", Source::Sentence),
                ("b", "{{ colors.default }}", Source::Default),
            ],
            json!({}),
        ))
        .unwrap();
        assert_eq!(got.data["a"], "{{ st2kv.system.secret }}");
        assert_eq!(got.parameters["b"], "{{ colors.default }}");
    }

    #[test]
    fn fixed_parameters_win_and_cannot_be_set() {
        let fixed = json!({"who": "{{ api_user }} as {{ user }}", "key": "{{ st2kv.system.k }}", "n": 3});
        let got = run(&phrase(&[("who", "x", Source::Default)], fixed.clone())).unwrap();
        assert_eq!(got.data["who"], "Ana as ana");
        assert_eq!(
            (&got.parameters["key"], &got.parameters["n"]),
            (&json!("{{ st2kv.system.k }}"), &json!(3))
        );
        let error = run(&phrase(&[("who", "eve", Source::Pair)], fixed)).unwrap_err();
        assert_eq!(error, "`who` cannot be set here: the command fixes it");
    }
}
