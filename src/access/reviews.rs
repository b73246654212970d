//! Runs without approval that somebody else still has to look at.

use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::approval::same_person;
use crate::model::{AuditDraft, Id, Identity, Timestamp};
use crate::store::{CommitError, Store, StoreError, Write};

/// Beginning of the names under which they are stored.
const PREFIX: &str = "access.review.";

/// One of them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Review {
    /// The execution.
    pub id: Id,
    /// Who ran it.
    pub user: String,
    /// What.
    pub action: String,
    /// Why, in their words.
    pub reason: String,
    /// When.
    pub at: Timestamp,
    /// Who asked for the approvals that it went without.
    pub needs: Vec<String>,
}

/// Why a review was not signed off.
#[derive(Debug, thiserror::Error)]
pub enum ReviewError {
    /// There is none with this id.
    #[error("execution {0} waits for no review; `reviews` lists those that do")]
    Unknown(Id),
    /// This person may not.
    #[error("{0}")]
    Forbidden(String),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Review {
    fn key(id: Id) -> String {
        format!("{PREFIX}{id}")
    }

    /// The row that opens it.
    #[must_use]
    pub fn open(&self) -> Write {
        Write::Setting {
            key: Self::key(self.id),
            value: Some(json!(self)),
        }
    }
}

/// Those that are open, oldest first.
///
/// # Errors
/// When the store cannot be read.
pub async fn open(store: &dyn Store) -> Result<Vec<Review>, StoreError> {
    let rows = store.settings(PREFIX.to_owned()).await?;
    let mut found: Vec<Review> = rows
        .into_iter()
        .filter_map(|(_, value)| serde_json::from_value(value).ok())
        .collect();
    found.sort_by_key(|review| review.at);
    Ok(found)
}

/// Signs one off. `may` tells whether the identity is among those who review, `behind` who is behind an account that
/// was nobody's when the glass was broken.
///
/// # Errors
/// See [`ReviewError`].
pub async fn sign(
    store: &dyn Store,
    id: Id,
    note: &str,
    by: &Identity,
    may: bool,
    behind: impl Fn(&str) -> Option<String> + Send,
    now: Timestamp,
) -> Result<Review, ReviewError> {
    let value = store.setting(Review::key(id)).await?;
    let review: Review = value
        .and_then(|value| serde_json::from_value(value).ok())
        .ok_or(ReviewError::Unknown(id))?;
    let person = behind(&review.user).unwrap_or_else(|| review.user.clone());
    if same_person(&person, &by.user) {
        return Err(ReviewError::Forbidden(
            "somebody else has to look at what you ran yourself".to_owned(),
        ));
    }
    if !may {
        return Err(ReviewError::Forbidden(
            "only owners (`owners` in the access file) and administrators review".to_owned(),
        ));
    }
    let draft = AuditDraft {
        timestamp: now,
        kind: "access.reviewed".to_owned(),
        actor: by.user.clone(),
        execution: Some(id),
        action: Some(review.action.clone()),
        detail: json!({"note": note, "user": review.user, "reason": review.reason}),
        ..AuditDraft::default()
    };
    let rows = vec![
        Write::Setting {
            key: Review::key(id),
            value: None,
        },
        Write::Audit(draft),
    ];
    store.commit(rows).await.map_err(|error| match error {
        CommitError::Store(error) => error,
        other => StoreError::Database(other.to_string()),
    })?;
    Ok(review)
}
