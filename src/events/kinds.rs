//! Trigger types and triggers: those of the system, of packs and of rules, and those made over the API.

use std::sync::Arc;

use serde_json::{Value as Json, json};

use super::book::{Own, RuleBook, RuleError};
use crate::model::{AuditDraft, Finding, JsonMap, Severity, Timestamp};
use crate::store::{Store, StoreError, Write};
use crate::triggers::{Trigger, TriggerKey, TriggerType};

/// Named values with trigger types made over the API: `triggertype.<ref>`.
const KIND: &str = "triggertype.";
/// Named values with triggers made over the API: `trigger.<ref>`.
const TRIGGER: &str = "trigger.";

/// A trigger that was made over the API, with a name of its own.
#[derive(Clone, Debug, PartialEq)]
pub struct NamedTrigger {
    /// The trigger; its name is the one that was given.
    pub trigger: Trigger,
    /// For people; may be empty.
    pub description: String,
}

impl NamedTrigger {
    fn stored(&self) -> Json {
        json!({
            "name": self.trigger.name,
            "pack": self.trigger.pack,
            "type": self.trigger.type_ref,
            "parameters": self.trigger.parameters,
            "description": self.description,
        })
    }

    fn read(value: &Json) -> Option<Self> {
        let text = |name: &str| value.get(name).and_then(Json::as_str).map(str::to_owned);
        let parameters = value.get("parameters").and_then(Json::as_object).cloned();
        let (type_ref, parameters) = (text("type")?, parameters.unwrap_or_default());
        Some(Self {
            trigger: Trigger {
                name: text("name")?,
                pack: text("pack")?,
                key: TriggerKey::new(&type_ref, &parameters),
                type_ref,
                parameters,
            },
            description: text("description").unwrap_or_default(),
        })
    }
}

/// Reads what the store holds of both.
pub(super) async fn load(own: &mut Own, store: &dyn Store) -> Result<(), StoreError> {
    for (key, value) in store.settings(KIND.to_owned()).await? {
        match TriggerType::from_value(&value, None).0 {
            Some(kind) => {
                own.kinds.insert(kind.reference.clone(), Arc::new(kind));
            }
            None => {
                tracing::error!(kind = %key, "a stored trigger type cannot be read and is left out");
            }
        }
    }
    for (key, value) in store.settings(TRIGGER.to_owned()).await? {
        match NamedTrigger::read(&value) {
            Some(named) => {
                own.triggers.insert(named.trigger.reference(), Arc::new(named));
            }
            None => tracing::error!(trigger = %key, "a stored trigger cannot be read and is left out"),
        }
    }
    Ok(())
}

impl RuleBook {
    /// The trigger type with this ref. Those of packs come before those made over the API.
    #[must_use]
    pub fn kind(&self, reference: &str) -> Option<Arc<TriggerType>> {
        if let Some(kind) = self.content.snapshot().trigger_types.get(reference) {
            return Some(Arc::clone(kind));
        }
        self.own.lock().kinds.get(reference).cloned()
    }

    /// All trigger types by ref.
    #[must_use]
    pub fn kinds(&self) -> Vec<Arc<TriggerType>> {
        let snapshot = self.content.snapshot();
        let mut kinds: Vec<Arc<TriggerType>> = snapshot.trigger_types.values().cloned().collect();
        let own = self.own.lock();
        let added = own
            .kinds
            .iter()
            .filter(|(reference, _)| !snapshot.trigger_types.contains_key(reference.as_str()));
        kinds.extend(added.map(|(_, kind)| Arc::clone(kind)));
        kinds.sort_by(|one, other| one.reference.cmp(&other.reference));
        kinds
    }

    /// Adds a trigger type, or replaces one that was made over the API (`replaced`).
    ///
    /// # Errors
    /// [`RuleError::Flawed`], [`RuleError::Taken`], [`RuleError::Fixed`], [`RuleError::Store`].
    pub async fn put_kind(
        &self,
        value: &Json,
        replaced: Option<&str>,
        by: &str,
    ) -> Result<Arc<TriggerType>, RuleError> {
        let (kind, mut findings) = TriggerType::from_value(value, None);
        let Some(kind) = kind else {
            findings.retain(|finding| finding.severity == Severity::Error);
            return Err(RuleError::Flawed(findings));
        };
        let reference = kind.reference.clone();
        match replaced {
            None => {
                if let Some(known) = self.kind(&reference) {
                    return Err(RuleError::Taken(reference, known.uid()));
                }
            }
            Some(replaced) => {
                self.own_kind(replaced)?;
                if replaced != reference {
                    return Err(RuleError::Flawed(vec![Finding::error(
                        "/name",
                        format!("{replaced} cannot become {reference}: name and pack stay"),
                        "make a new trigger type and remove this one",
                    )]));
                }
            }
        }
        let event = if replaced.is_some() {
            "trigger_type.updated"
        } else {
            "trigger_type.created"
        };
        let kind = Arc::new(kind);
        let value = json!({
            "name": kind.name,
            "pack": kind.pack,
            "description": kind.description,
            "payload_schema": kind.payload_schema,
            "parameters_schema": kind.parameters_schema,
            "tags": kind.tags,
        });
        self.set(format!("{KIND}{reference}"), Some(value), event, by)
            .await?;
        self.own.lock().kinds.insert(reference, Arc::clone(&kind));
        Ok(kind)
    }

    /// Removes a trigger type that was made over the API.
    ///
    /// # Errors
    /// [`RuleError::Unknown`], [`RuleError::Fixed`], [`RuleError::InUse`], [`RuleError::Store`].
    pub async fn delete_kind(&self, reference: &str, by: &str) -> Result<(), RuleError> {
        self.own_kind(reference)?;
        let users: Vec<String> = self
            .all()
            .iter()
            .filter(|rule| rule.trigger.type_ref == reference)
            .map(|rule| rule.reference.clone())
            .collect();
        if !users.is_empty() {
            return Err(RuleError::InUse(reference.to_owned(), users.join(", ")));
        }
        self.set(format!("{KIND}{reference}"), None, "trigger_type.deleted", by)
            .await?;
        self.own.lock().kinds.remove(reference);
        Ok(())
    }

    fn own_kind(&self, reference: &str) -> Result<(), RuleError> {
        if self.content.snapshot().trigger_types.contains_key(reference) {
            return Err(RuleError::Fixed(
                reference.to_owned(),
                "it comes with the system, a pack or a sensor",
            ));
        }
        if self.own.lock().kinds.contains_key(reference) {
            return Ok(());
        }
        Err(RuleError::Unknown(reference.to_owned()))
    }

    /// Triggers that there are: one for each type without parameters, those of rules, those made over the API.
    #[must_use]
    pub fn triggers(&self) -> Vec<NamedTrigger> {
        let unnamed = |trigger: Trigger| NamedTrigger {
            trigger,
            description: String::new(),
        };
        let mut all: Vec<NamedTrigger> = self
            .kinds()
            .iter()
            .filter(|kind| kind.parameters_schema.is_empty())
            .map(|kind| unnamed(Trigger::new(kind, JsonMap::new())))
            .collect();
        all.extend(self.own.lock().triggers.values().map(|named| (**named).clone()));
        let mut known: std::collections::HashSet<TriggerKey> =
            all.iter().map(|named| named.trigger.key.clone()).collect();
        for rule in self.all() {
            if let Some(kind) = self.kind(&rule.trigger.type_ref) {
                let trigger = Trigger::new(&kind, rule.trigger.parameters.clone());
                if known.insert(trigger.key.clone()) {
                    all.push(unnamed(trigger));
                }
            }
        }
        all
    }

    /// Adds a trigger with a name of its own, or replaces one (`replaced`).
    ///
    /// # Errors
    /// [`RuleError::Flawed`], [`RuleError::Taken`], [`RuleError::Fixed`], [`RuleError::Unknown`], [`RuleError::Store`].
    pub async fn put_trigger(
        &self,
        value: &Json,
        replaced: Option<&str>,
        (zone, by): (&str, &str),
    ) -> Result<NamedTrigger, RuleError> {
        let Some(named) = NamedTrigger::read(value) else {
            return Err(RuleError::Flawed(vec![Finding::error(
                "",
                "a trigger has the texts `name`, `pack` and `type`, and an object `parameters`",
                "",
            )]));
        };
        let type_ref = &named.trigger.type_ref;
        let Some(kind) = self.kind(type_ref) else {
            return Err(RuleError::Flawed(vec![Finding::error(
                "/type",
                format!("Trigger type with reference \"{type_ref}\" doesn't exist in the database"),
                "",
            )]));
        };
        let (_, found) = kind.check_parameters(&named.trigger.parameters, zone, Timestamp::now());
        let errors: Vec<Finding> = found
            .into_iter()
            .filter(|finding| finding.severity == Severity::Error)
            .collect();
        if !errors.is_empty() {
            return Err(RuleError::Flawed(errors));
        }
        let reference = named.trigger.reference();
        if let Some(replaced) = replaced {
            self.own_trigger(replaced)?;
        }
        if replaced != Some(reference.as_str()) {
            let all = self.triggers();
            if let Some(known) = all.iter().find(|known| known.trigger.reference() == reference) {
                return Err(RuleError::Taken(reference, known.trigger.uid()));
            }
        }
        let event = if replaced.is_some() {
            "trigger.updated"
        } else {
            "trigger.created"
        };
        if let Some(replaced) = replaced.filter(|replaced| *replaced != reference) {
            self.delete_trigger(replaced, by).await?;
        }
        self.set(format!("{TRIGGER}{reference}"), Some(named.stored()), event, by)
            .await?;
        self.own
            .lock()
            .triggers
            .insert(reference, Arc::new(named.clone()));
        Ok(named)
    }

    /// Removes a trigger that was made over the API. Rules on the same type and parameters do not need it.
    ///
    /// # Errors
    /// [`RuleError::Unknown`], [`RuleError::Fixed`], [`RuleError::Store`].
    pub async fn delete_trigger(&self, reference: &str, by: &str) -> Result<(), RuleError> {
        self.own_trigger(reference)?;
        self.set(format!("{TRIGGER}{reference}"), None, "trigger.deleted", by)
            .await?;
        self.own.lock().triggers.remove(reference);
        Ok(())
    }

    fn own_trigger(&self, reference: &str) -> Result<(), RuleError> {
        if self.own.lock().triggers.contains_key(reference) {
            return Ok(());
        }
        let all = self.triggers();
        if all.iter().any(|known| known.trigger.reference() == reference) {
            return Err(RuleError::Fixed(
                reference.to_owned(),
                "it follows from its type or from a rule",
            ));
        }
        Err(RuleError::Unknown(reference.to_owned()))
    }

    async fn set(&self, key: String, value: Option<Json>, event: &str, by: &str) -> Result<(), RuleError> {
        let name = key.split_once('.').map_or("", |(_, name)| name);
        let draft = AuditDraft {
            timestamp: Timestamp::now(),
            kind: event.to_owned(),
            actor: by.to_owned(),
            detail: json!({ "ref": name }),
            ..AuditDraft::default()
        };
        let rows = vec![Write::Setting { key, value }, Write::Audit(draft)];
        Ok(self.store.commit(rows).await?)
    }
}
