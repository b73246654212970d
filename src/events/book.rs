//! All rules in force: those of packs, with what was switched on or off, and those made over the API.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;
use serde_json::{Value as Json, json};
use thiserror::Error;

use crate::content::Content;
use crate::expr::jinja::Jinja;
use crate::model::{AuditDraft, Finding, JsonMap, Severity, Timestamp};
use crate::rules::{Index, Rule};
use crate::store::{CommitError, Store, StoreError, Write};
use crate::triggers::TriggerType;

use super::kinds::NamedTrigger;
use super::policies::PolicyBook;

/// Named values with rules made over the API: `rule.<ref>`.
const OWN: &str = "rule.";
/// Named values that switch rules of packs on or off: `rule-enabled.<ref>`.
const ENABLED: &str = "rule-enabled.";

/// Why a rule was not changed.
#[derive(Debug, Error)]
pub enum RuleError {
    /// There is no such rule.
    #[error("Resource with a reference or id \"{0}\" not found")]
    Unknown(String),
    /// There is one already.
    #[error("there is a rule \"{0}\" already")]
    Exists(String),
    /// There is a trigger type or trigger of that name already.
    #[error("there is \"{0}\" already, with the uid {1}")]
    Taken(String, String),
    /// It comes with the system, a pack or a sensor, or follows from rules.
    #[error("\"{0}\" was not made over the API: {1}")]
    Fixed(String, &'static str),
    /// Rules need it.
    #[error("\"{0}\" is the trigger of rules: {1}; change or remove these first")]
    InUse(String, String),
    /// The rule comes with a pack.
    #[error("the rule \"{0}\" comes with a file of its pack ({1}): change it there")]
    OfPack(String, String),
    /// The rule cannot work.
    #[error("{}", .0.first().map_or_else(String::new, |finding| finding.message.clone()))]
    Flawed(Vec<Finding>),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<CommitError> for RuleError {
    fn from(error: CommitError) -> Self {
        match error {
            CommitError::Store(error) => Self::Store(error),
            other => Self::Store(StoreError::Database(other.to_string())),
        }
    }
}

/// An index, and of which content and which rules of the API's it was made.
type Made = ((u64, u64), Arc<Index>);

#[derive(Default)]
pub(super) struct Own {
    rules: BTreeMap<String, Arc<Rule>>,
    enabled: BTreeMap<String, bool>,
    pub(super) kinds: BTreeMap<String, Arc<TriggerType>>,
    pub(super) triggers: BTreeMap<String, Arc<NamedTrigger>>,
    /// Goes up with every change.
    version: u64,
}

/// The rules. Cheap to ask: the index is made once per change.
pub struct RuleBook {
    pub(super) content: Arc<Content>,
    pub(super) store: Arc<dyn Store>,
    jinja: Arc<Jinja>,
    pub(super) own: Mutex<Own>,
    index: Mutex<Option<Made>>,
    /// The policies of actions, which come from the same places.
    policies: Arc<PolicyBook>,
    /// There may be instances that nobody has carried out.
    pending: AtomicBool,
}

impl RuleBook {
    /// Reads what the store holds.
    ///
    /// # Errors
    /// When it cannot be read.
    pub async fn load(
        content: Arc<Content>,
        store: Arc<dyn Store>,
        jinja: Arc<Jinja>,
    ) -> Result<Self, StoreError> {
        let mut own = Own::default();
        for (key, value) in store.settings(OWN.to_owned()).await? {
            match Rule::from_value(&value, None, &jinja) {
                (Some(rule), _) => {
                    own.rules.insert(rule.reference.clone(), Arc::new(rule));
                }
                (None, findings) => {
                    let why = findings.first().map_or("", |finding| finding.message.as_str());
                    tracing::error!(rule = %key, why, "a stored rule cannot be read and is left out");
                }
            }
        }
        for (key, value) in store.settings(ENABLED.to_owned()).await? {
            if let (Some(reference), Some(enabled)) = (key.strip_prefix(ENABLED), value.as_bool()) {
                own.enabled.insert(reference.to_owned(), enabled);
            }
        }
        super::kinds::load(&mut own, store.as_ref()).await?;
        let policies = PolicyBook::load(Arc::clone(&content), Arc::clone(&store)).await?;
        Ok(Self {
            policies: Arc::new(policies),
            content,
            store,
            jinja,
            own: Mutex::new(own),
            index: Mutex::default(),
            // What a crash left.
            pending: AtomicBool::new(true),
        })
    }

    /// Says that there may be instances that nobody has carried out.
    pub(super) fn hint(&self) {
        self.pending.store(true, Ordering::Release);
    }

    /// Whether somebody said so since the last time.
    pub(super) fn take_hint(&self) -> bool {
        self.pending.swap(false, Ordering::AcqRel)
    }

    /// The policies of actions.
    #[must_use]
    pub const fn policies(&self) -> &Arc<PolicyBook> {
        &self.policies
    }

    /// The notify section of an action, when it has one.
    pub(super) fn notify_of(&self, action: &str) -> Option<JsonMap> {
        let snapshot = self.content.snapshot();
        let notify = snapshot.action(action)?.notify.as_object()?;
        (!notify.is_empty()).then(|| notify.clone())
    }

    /// All rules by ref, disabled ones too.
    #[must_use]
    pub fn all(&self) -> Vec<Arc<Rule>> {
        let snapshot = self.content.snapshot();
        let own = self.own.lock();
        let mut all: BTreeMap<&str, Arc<Rule>> = BTreeMap::new();
        for (reference, rule) in &snapshot.rules {
            all.insert(reference, switched(rule, own.enabled.get(reference)));
        }
        for (reference, rule) in &own.rules {
            all.insert(reference, Arc::clone(rule));
        }
        all.into_values().collect()
    }

    /// The rule with this ref.
    #[must_use]
    pub fn rule(&self, reference: &str) -> Option<Arc<Rule>> {
        let own = self.own.lock();
        if let Some(rule) = own.rules.get(reference) {
            return Some(Arc::clone(rule));
        }
        let snapshot = self.content.snapshot();
        let rule = snapshot.rules.get(reference)?;
        Some(switched(rule, own.enabled.get(reference)))
    }

    /// Whether the rule was made over the API.
    #[must_use]
    pub fn is_own(&self, reference: &str) -> bool {
        self.own.lock().rules.contains_key(reference)
    }

    /// The enabled rules, ready for events.
    #[must_use]
    pub fn index(&self) -> Arc<Index> {
        let state = (self.content.snapshot().generation, self.own.lock().version);
        let mut index = self.index.lock();
        if let Some((made, index)) = &*index
            && *made == state
        {
            return Arc::clone(index);
        }
        let made = Arc::new(Index::new(self.all()));
        *index = Some((state, Arc::clone(&made)));
        made
    }

    /// Reads a rule as the API takes it, and checks its trigger.
    ///
    /// # Errors
    /// [`RuleError::Flawed`].
    pub fn read(&self, value: &Json, zone: &str) -> Result<Arc<Rule>, RuleError> {
        let (rule, mut findings) = Rule::from_value(value, None, &self.jinja);
        let Some(rule) = rule else {
            findings.retain(|finding| finding.severity == Severity::Error);
            return Err(RuleError::Flawed(findings));
        };
        let type_ref = &rule.trigger.type_ref;
        let Some(kind) = self.kind(type_ref) else {
            let known = self.kinds();
            let near = crate::model::nearest(type_ref, known.iter().map(|kind| kind.reference.as_str()));
            let hint = near.map_or_else(String::new, |near| format!("did you mean `{near}`?"));
            let message = format!("Trigger type with reference \"{type_ref}\" doesn't exist in the database");
            return Err(RuleError::Flawed(vec![Finding::error(
                "/trigger/type",
                message,
                hint,
            )]));
        };
        let (_, found) = kind.check_parameters(&rule.trigger.parameters, zone, Timestamp::now());
        let errors: Vec<Finding> = found
            .into_iter()
            .filter(|finding| finding.severity == Severity::Error)
            .collect();
        if errors.is_empty() {
            Ok(Arc::new(rule))
        } else {
            Err(RuleError::Flawed(errors))
        }
    }

    /// Adds a rule.
    ///
    /// # Errors
    /// [`RuleError::Exists`], [`RuleError::Store`].
    pub async fn create(&self, rule: Arc<Rule>, by: &str) -> Result<(), RuleError> {
        if self.rule(&rule.reference).is_some() {
            return Err(RuleError::Exists(rule.reference.clone()));
        }
        self.put(rule, "rule.created", by).await
    }

    /// Replaces a rule that was made over the API. Of one that comes with a pack only `enabled` can change.
    ///
    /// # Errors
    /// [`RuleError::Unknown`], [`RuleError::OfPack`], [`RuleError::Store`].
    pub async fn update(&self, reference: &str, rule: Arc<Rule>, by: &str) -> Result<(), RuleError> {
        let Some(before) = self.rule(reference) else {
            return Err(RuleError::Unknown(reference.to_owned()));
        };
        if self.is_own(reference) && rule.reference == reference {
            return self.put(rule, "rule.updated", by).await;
        }
        if rule.reference != reference || !does_the_same(&before, &rule) {
            return Err(RuleError::OfPack(
                reference.to_owned(),
                before.metadata_file.clone(),
            ));
        }
        self.switch(reference, rule.enabled, by).await
    }

    /// Switches a rule on or off.
    ///
    /// # Errors
    /// [`RuleError::Unknown`], [`RuleError::Store`].
    pub async fn switch(&self, reference: &str, enabled: bool, by: &str) -> Result<(), RuleError> {
        let Some(rule) = self.rule(reference) else {
            return Err(RuleError::Unknown(reference.to_owned()));
        };
        let kind = if enabled { "rule.enabled" } else { "rule.disabled" };
        if self.is_own(reference) {
            return self.put(switched(&rule, Some(&enabled)), kind, by).await;
        }
        let rows = vec![
            Write::Setting {
                key: format!("{ENABLED}{reference}"),
                value: Some(enabled.into()),
            },
            audit(kind, reference, by),
        ];
        self.store.commit(rows).await?;
        let mut own = self.own.lock();
        own.enabled.insert(reference.to_owned(), enabled);
        own.version += 1;
        Ok(())
    }

    /// Removes a rule that was made over the API.
    ///
    /// # Errors
    /// [`RuleError::Unknown`], [`RuleError::OfPack`], [`RuleError::Store`].
    pub async fn delete(&self, reference: &str, by: &str) -> Result<(), RuleError> {
        let Some(rule) = self.rule(reference) else {
            return Err(RuleError::Unknown(reference.to_owned()));
        };
        if !self.is_own(reference) {
            return Err(RuleError::OfPack(
                reference.to_owned(),
                rule.metadata_file.clone(),
            ));
        }
        let rows = vec![
            Write::Setting {
                key: format!("{OWN}{reference}"),
                value: None,
            },
            audit("rule.deleted", reference, by),
        ];
        self.store.commit(rows).await?;
        let mut own = self.own.lock();
        own.rules.remove(reference);
        own.version += 1;
        Ok(())
    }

    async fn put(&self, rule: Arc<Rule>, kind: &str, by: &str) -> Result<(), RuleError> {
        let mut source = (*rule.source).clone();
        source["enabled"] = rule.enabled.into();
        let rows = vec![
            Write::Setting {
                key: format!("{OWN}{}", rule.reference),
                value: Some(source),
            },
            audit(kind, &rule.reference, by),
        ];
        self.store.commit(rows).await?;
        let mut own = self.own.lock();
        own.rules.insert(rule.reference.clone(), rule);
        own.version += 1;
        Ok(())
    }
}

/// The rule, switched on or off where somebody said so.
fn switched(rule: &Arc<Rule>, enabled: Option<&bool>) -> Arc<Rule> {
    match enabled {
        Some(enabled) if *enabled != rule.enabled => Arc::new(Rule {
            enabled: *enabled,
            ..(**rule).clone()
        }),
        _ => Arc::clone(rule),
    }
}

/// Whether two rules differ in nothing that matters to events: clients send back what they were shown, which says more
/// than a file has to.
fn does_the_same(one: &Rule, other: &Rule) -> bool {
    let criteria = |rule: &Rule| match rule.source.get("criteria") {
        None | Some(Json::Null) => json!({}),
        Some(criteria) => criteria.clone(),
    };
    one.trigger == other.trigger && one.action == other.action && criteria(one) == criteria(other)
}

fn audit(kind: &str, rule: &str, by: &str) -> Write {
    Write::Audit(AuditDraft {
        timestamp: Timestamp::now(),
        kind: kind.to_owned(),
        actor: by.to_owned(),
        detail: json!({ "rule": rule }),
        ..AuditDraft::default()
    })
}
