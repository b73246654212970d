//! Trigger types: what can happen, what goes with it, and what it can be asked for (TRG-1, TRG-5, TRG-6).

use std::sync::Arc;

use serde_json::Value as Json;

use super::webhook;
use crate::model::{Finding, JsonMap, Timestamp};
use crate::params::ResponseSchema;
use crate::timers::Timer;
use crate::yaml::reader::Reader;
use crate::yaml::step;

/// The type of webhooks.
pub const WEBHOOK: &str = "core.st2.webhook";
/// The types whose triggers are timers.
pub const TIMERS: [&str; 4] = [
    "core.st2.IntervalTimer",
    "core.st2.DateTimer",
    "core.st2.CronTimer",
    "core.sayso.schedule",
];

const KEYS: [&str; 10] = [
    "name",
    "pack",
    "ref",
    "uid",
    "id",
    "description",
    "payload_schema",
    "parameters_schema",
    "tags",
    "metadata_file",
];

/// A kind of events.
#[derive(Clone, Debug)]
pub struct TriggerType {
    /// `pack.name`
    pub reference: String,
    /// Name within its pack; may have dots.
    pub name: String,
    /// Pack.
    pub pack: String,
    /// For people; may be empty.
    pub description: String,
    /// JSON schema of payloads; empty: anything goes.
    pub payload_schema: JsonMap,
    /// JSON schema of the parameters of triggers; empty: none are declared.
    pub parameters_schema: JsonMap,
    /// `{name, value}` as written.
    pub tags: Vec<Json>,
    /// File below the pack; empty for those of the system, of sensors and of the API.
    pub metadata_file: String,
    payload: Option<Arc<ResponseSchema>>,
    parameters: Option<Arc<ResponseSchema>>,
}

impl PartialEq for TriggerType {
    fn eq(&self, other: &Self) -> bool {
        self.reference == other.reference
            && self.description == other.description
            && self.payload_schema == other.payload_schema
            && self.parameters_schema == other.parameters_schema
            && self.tags == other.tags
            && self.metadata_file == other.metadata_file
    }
}

impl TriggerType {
    /// Reads a type from the value of its file, of an entry of a sensor's `trigger_types`, or of a request.
    ///
    /// `None` when it cannot be used; every finding is reported either way.
    #[must_use]
    pub fn from_value(value: &Json, pack: Option<&str>) -> (Option<Self>, Vec<Finding>) {
        let mut reader = Reader::new();
        let kind = Self::read(value, "", pack, &mut reader);
        let broken = reader.is_broken();
        (kind.filter(|_| !broken), reader.findings)
    }

    pub(super) fn read(value: &Json, at: &str, pack: Option<&str>, reader: &mut Reader) -> Option<Self> {
        let map = reader.object(value, at, "a trigger type", "start with `name: …`")?;
        reader.known_keys(map, at, &KEYS);
        let name = reader.required_text(map, at, "name");
        if name.contains(char::is_whitespace) || name.contains('/') {
            let hint = format!("write `{}`", name.replace([' ', '/'], "_"));
            reader.error(&format!("{at}/name"), "a name has no blanks or slashes", hint);
        }
        let own = reader.text(map, at, "pack");
        if let (Some(own), Some(outer)) = (own.as_deref(), pack)
            && own != outer
        {
            let message = format!("the trigger type says pack `{own}`, but lies in pack `{outer}`");
            reader.error(
                &format!("{at}/pack"),
                message,
                "remove `pack`, it comes from the folder",
            );
        }
        let pack = own.or_else(|| pack.map(str::to_owned)).unwrap_or_default();
        if pack.is_empty() {
            reader.error(at, "`pack` is missing", "add `pack: …`");
        }
        let payload_schema = reader.map(map, at, "payload_schema");
        let parameters_schema = reader.map(map, at, "parameters_schema");
        let mut compile = |key: &str, schema: &JsonMap| {
            if schema.is_empty() {
                return None;
            }
            match ResponseSchema::new(&Json::Object(schema.clone())) {
                Ok(schema) => Some(Arc::new(schema)),
                Err(why) => {
                    let why = why.replacen("the parameters are", &format!("`{key}` is"), 1);
                    reader.error(&format!("{at}{}", step(key)), why, "");
                    None
                }
            }
        };
        Some(Self {
            reference: format!("{pack}.{name}"),
            payload: compile("payload_schema", &payload_schema),
            parameters: compile("parameters_schema", &parameters_schema),
            name,
            pack,
            description: reader.text(map, at, "description").unwrap_or_default(),
            payload_schema,
            parameters_schema,
            tags: reader.list(map, at, "tags").to_vec(),
            metadata_file: String::new(),
        })
    }

    /// Whether its triggers are timers.
    #[must_use]
    pub fn is_timer(&self) -> bool {
        TIMERS.contains(&self.reference.as_str())
    }

    /// Checks a payload (TRG-5); a type without schema takes any.
    ///
    /// # Errors
    /// The first thing that does not fit, with its place.
    pub fn check_payload(&self, payload: &Json) -> Result<(), String> {
        let Some((place, message)) = self
            .payload
            .as_ref()
            .and_then(|schema| schema.first_problem(payload))
        else {
            return Ok(());
        };
        Err(if place.is_empty() {
            format!("the payload does not fit {}: {message}", self.reference)
        } else {
            format!(
                "the payload does not fit {} at {place}: {message}",
                self.reference
            )
        })
    }

    /// Checks the parameters of a trigger (TRG-6) and adds defaults. `now` and `zone` (the name of the time zone of timers
    /// that name none) are for timers: a date that is over is worth a warning.
    ///
    /// The paths of findings are below `/trigger/parameters`, where rules have them.
    #[must_use]
    pub fn check_parameters(
        &self,
        parameters: &JsonMap,
        zone: &str,
        now: Timestamp,
    ) -> (JsonMap, Vec<Finding>) {
        const AT: &str = "/trigger/parameters";
        let mut findings = Vec::new();
        let given = Json::Object(parameters.clone());
        let Some(schema) = &self.parameters else {
            if let Some(name) = parameters.keys().next() {
                let message = format!("{} has no parameters, `{name}` is not used", self.reference);
                findings.push(Finding::warning(
                    format!("{AT}{}", step(name)),
                    message,
                    "remove it",
                ));
            }
            return (parameters.clone(), findings);
        };
        let filled = schema.with_defaults(given);
        if let Some((place, message)) = schema.first_problem(&filled) {
            let names: Vec<&str> = schema.fields().map(|(name, _)| name).collect();
            let hint = parameters
                .keys()
                .find(|key| !names.contains(&key.as_str()))
                .and_then(|key| crate::model::nearest(key, names.iter().copied()))
                .map_or_else(
                    || format!("parameters: {}", names.join(", ")),
                    |near| format!("did you mean `{near}`?"),
                );
            findings.push(Finding::error(format!("{AT}{place}"), message, hint));
        }
        let filled = match filled {
            Json::Object(filled) => filled,
            _ => JsonMap::new(),
        };
        if findings.is_empty() {
            findings.extend(
                self.particular(&filled, zone, now)
                    .into_iter()
                    .map(|mut finding| {
                        finding.path = format!("{AT}{}", finding.path);
                        finding
                    }),
            );
        }
        (filled, findings)
    }

    /// What no schema can say.
    fn particular(&self, parameters: &JsonMap, zone: &str, now: Timestamp) -> Vec<Finding> {
        if self.reference == WEBHOOK {
            let url = parameters.get("url").and_then(Json::as_str).unwrap_or_default();
            return webhook::check_url(url)
                .err()
                .map(|(message, hint)| Finding::error("/url", message, hint))
                .into_iter()
                .collect();
        }
        if !self.is_timer() {
            return Vec::new();
        }
        match Timer::from_parameters(&self.reference, parameters, zone, now) {
            Ok(timer) if timer.next_fire(now).is_none() => {
                let message = "this timer never fires any more: its time is over or cannot come";
                let key = if parameters.contains_key("date") {
                    "/date"
                } else {
                    ""
                };
                vec![Finding::warning(
                    key,
                    message,
                    "write a time that is still to come",
                )]
            }
            Ok(_) => Vec::new(),
            Err(finding) => vec![finding],
        }
    }

    /// The id that the API shows beside the ref.
    #[must_use]
    pub fn uid(&self) -> String {
        format!("trigger_type:{}:{}", self.pack, self.name)
    }
}

/// The trigger types that exist without any pack (TRG-9).
#[must_use]
pub fn system_types() -> Vec<TriggerType> {
    let all: Json = serde_json::from_str(include_str!("system.json")).unwrap_or_default();
    let all = all.as_array().cloned().unwrap_or_default();
    all.iter()
        .filter_map(|value| TriggerType::from_value(value, None).0)
        .collect()
}
