//! All policies in force: those of packs, with what was switched on or off, and those made over the API.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use parking_lot::Mutex;
use serde_json::{Value as Json, json};
use thiserror::Error;

use crate::content::Content;
use crate::model::{AuditDraft, Finding, Severity, Timestamp};
use crate::policies::Policy;
use crate::store::{CommitError, Store, StoreError, Write};

/// Named values with policies made over the API: `policy.<ref>`.
const OWN: &str = "policy.";
/// Named values that switch policies of packs on or off: `policy-enabled.<ref>`.
const ENABLED: &str = "policy-enabled.";

/// Why a policy was not changed.
#[derive(Debug, Error)]
pub enum PolicyError {
    /// There is no such policy.
    #[error("Resource with a reference or id \"{0}\" not found")]
    Unknown(String),
    /// There is one already.
    #[error("there is a policy \"{0}\" already")]
    Exists(String),
    /// The policy comes with a pack.
    #[error("the policy \"{0}\" comes with a file of its pack ({1}): change it there")]
    OfPack(String, String),
    /// The policy cannot work.
    #[error("{}", .0.first().map_or_else(String::new, |finding| finding.message.clone()))]
    Flawed(Vec<Finding>),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<CommitError> for PolicyError {
    fn from(error: CommitError) -> Self {
        match error {
            CommitError::Store(error) => Self::Store(error),
            other => Self::Store(StoreError::Database(other.to_string())),
        }
    }
}

/// The policies of each action, in order of ref.
type ByAction = HashMap<String, Arc<[Arc<Policy>]>>;

#[derive(Default)]
struct Own {
    policies: BTreeMap<String, Arc<Policy>>,
    enabled: BTreeMap<String, bool>,
    /// Goes up with every change.
    version: u64,
}

/// The policies. Cheap to ask: they are put in order once per change.
pub struct PolicyBook {
    content: Arc<Content>,
    store: Arc<dyn Store>,
    own: Mutex<Own>,
    /// Of which content and which changes it was made.
    made: Mutex<((u64, u64), Arc<ByAction>)>,
}

impl PolicyBook {
    /// Reads what the store holds.
    ///
    /// # Errors
    /// When it cannot be read.
    pub async fn load(content: Arc<Content>, store: Arc<dyn Store>) -> Result<Self, StoreError> {
        let mut own = Own::default();
        for (key, value) in store.settings(OWN.to_owned()).await? {
            match Policy::from_value(&value, None) {
                (Some(policy), _) => {
                    own.policies.insert(policy.reference.clone(), Arc::new(policy));
                }
                (None, findings) => {
                    let why = findings.first().map_or("", |finding| finding.message.as_str());
                    tracing::error!(policy = %key, why, "a stored policy cannot be read and is left out");
                }
            }
        }
        for (key, value) in store.settings(ENABLED.to_owned()).await? {
            if let (Some(reference), Some(enabled)) = (key.strip_prefix(ENABLED), value.as_bool()) {
                own.enabled.insert(reference.to_owned(), enabled);
            }
        }
        // Generations of content begin with 1.
        let made = Mutex::new(((0, 0), Arc::default()));
        Ok(Self {
            content,
            store,
            own: Mutex::new(own),
            made,
        })
    }

    /// All policies by ref, disabled ones too.
    #[must_use]
    pub fn all(&self) -> Vec<Arc<Policy>> {
        let snapshot = self.content.snapshot();
        let own = self.own.lock();
        let mut all: BTreeMap<&str, Arc<Policy>> = BTreeMap::new();
        for (reference, policy) in &snapshot.policies {
            all.insert(reference, switched(policy, own.enabled.get(reference)));
        }
        for (reference, policy) in &own.policies {
            all.insert(reference, Arc::clone(policy));
        }
        all.into_values().collect()
    }

    /// The policy with this ref.
    #[must_use]
    pub fn policy(&self, reference: &str) -> Option<Arc<Policy>> {
        let own = self.own.lock();
        if let Some(policy) = own.policies.get(reference) {
            return Some(Arc::clone(policy));
        }
        let snapshot = self.content.snapshot();
        let policy = snapshot.policies.get(reference)?;
        Some(switched(policy, own.enabled.get(reference)))
    }

    /// The enabled policies by action.
    #[must_use]
    pub fn by_action(&self) -> Arc<ByAction> {
        let state = (self.content.snapshot().generation, self.own.lock().version);
        let mut made = self.made.lock();
        if made.0 == state {
            return Arc::clone(&made.1);
        }
        let mut lists: BTreeMap<String, Vec<Arc<Policy>>> = BTreeMap::new();
        for policy in self.all().into_iter().filter(|policy| policy.enabled) {
            lists.entry(policy.resource_ref.clone()).or_default().push(policy);
        }
        // Lists that are the same stay the same value: nothing is counted anew then.
        let before = Arc::clone(&made.1);
        let list = |(action, list): (String, Vec<Arc<Policy>>)| {
            let same = before.get(&action).filter(|known| ***known == *list);
            let list = same.map_or_else(|| list.into(), Arc::clone);
            (action, list)
        };
        let now: Arc<ByAction> = Arc::new(lists.into_iter().map(list).collect());
        *made = (state, Arc::clone(&now));
        now
    }

    /// The enabled policies of an action, in order of ref; `None` when it has none.
    #[must_use]
    pub fn of(&self, action: &str) -> Option<Arc<[Arc<Policy>]>> {
        self.by_action().get(action).cloned()
    }

    /// Reads a policy as the API takes it, and checks its action.
    ///
    /// # Errors
    /// [`PolicyError::Flawed`].
    pub fn read(&self, value: &Json) -> Result<Arc<Policy>, PolicyError> {
        let (policy, mut findings) = Policy::from_value(value, None);
        let Some(policy) = policy else {
            findings.retain(|finding| finding.severity == Severity::Error);
            return Err(PolicyError::Flawed(findings));
        };
        let snapshot = self.content.snapshot();
        let reference = &policy.resource_ref;
        if snapshot.action(reference).is_none() {
            let near = snapshot.nearest_action(reference);
            let hint = near.map_or_else(String::new, |near| format!("did you mean `{near}`?"));
            let message = format!("there is no action `{reference}`");
            return Err(PolicyError::Flawed(vec![Finding::error(
                "/resource_ref",
                message,
                hint,
            )]));
        }
        Ok(Arc::new(policy))
    }

    /// Adds a policy.
    ///
    /// # Errors
    /// [`PolicyError::Exists`], [`PolicyError::Store`].
    pub async fn create(&self, policy: Arc<Policy>, by: &str) -> Result<(), PolicyError> {
        if self.policy(&policy.reference).is_some() {
            return Err(PolicyError::Exists(policy.reference.clone()));
        }
        self.put(policy, "policy.created", by).await
    }

    /// Replaces a policy that was made over the API. Of one that comes with a pack only `enabled` can change.
    ///
    /// # Errors
    /// [`PolicyError::Unknown`], [`PolicyError::OfPack`], [`PolicyError::Store`].
    pub async fn update(&self, reference: &str, policy: Arc<Policy>, by: &str) -> Result<(), PolicyError> {
        let Some(before) = self.policy(reference) else {
            return Err(PolicyError::Unknown(reference.to_owned()));
        };
        if self.is_own(reference) && policy.reference == reference {
            return self.put(policy, "policy.updated", by).await;
        }
        if policy.reference != reference
            || (&before.resource_ref, &before.kind) != (&policy.resource_ref, &policy.kind)
        {
            return Err(PolicyError::OfPack(
                reference.to_owned(),
                before.metadata_file.clone(),
            ));
        }
        let kind = if policy.enabled {
            "policy.enabled"
        } else {
            "policy.disabled"
        };
        let rows = vec![
            Write::Setting {
                key: format!("{ENABLED}{reference}"),
                value: Some(policy.enabled.into()),
            },
            audit(kind, reference, by),
        ];
        self.store.commit(rows).await?;
        let mut own = self.own.lock();
        own.enabled.insert(reference.to_owned(), policy.enabled);
        own.version += 1;
        Ok(())
    }

    /// Removes a policy that was made over the API.
    ///
    /// # Errors
    /// [`PolicyError::Unknown`], [`PolicyError::OfPack`], [`PolicyError::Store`].
    pub async fn delete(&self, reference: &str, by: &str) -> Result<(), PolicyError> {
        let Some(policy) = self.policy(reference) else {
            return Err(PolicyError::Unknown(reference.to_owned()));
        };
        if !self.is_own(reference) {
            return Err(PolicyError::OfPack(
                reference.to_owned(),
                policy.metadata_file.clone(),
            ));
        }
        let rows = vec![
            Write::Setting {
                key: format!("{OWN}{reference}"),
                value: None,
            },
            audit("policy.deleted", reference, by),
        ];
        self.store.commit(rows).await?;
        let mut own = self.own.lock();
        own.policies.remove(reference);
        own.version += 1;
        Ok(())
    }

    fn is_own(&self, reference: &str) -> bool {
        self.own.lock().policies.contains_key(reference)
    }

    async fn put(&self, policy: Arc<Policy>, kind: &str, by: &str) -> Result<(), PolicyError> {
        let rows = vec![
            Write::Setting {
                key: format!("{OWN}{}", policy.reference),
                value: Some((*policy.source).clone()),
            },
            audit(kind, &policy.reference, by),
        ];
        self.store.commit(rows).await?;
        let mut own = self.own.lock();
        own.policies.insert(policy.reference.clone(), policy);
        own.version += 1;
        Ok(())
    }
}

/// The policy, switched on or off where somebody said so.
fn switched(policy: &Arc<Policy>, enabled: Option<&bool>) -> Arc<Policy> {
    match enabled {
        Some(enabled) if *enabled != policy.enabled => Arc::new(Policy {
            enabled: *enabled,
            ..(**policy).clone()
        }),
        _ => Arc::clone(policy),
    }
}

fn audit(kind: &str, policy: &str, by: &str) -> Write {
    Write::Audit(AuditDraft {
        timestamp: Timestamp::now(),
        kind: kind.to_owned(),
        actor: by.to_owned(),
        detail: json!({ "policy": policy }),
        ..AuditDraft::default()
    })
}
