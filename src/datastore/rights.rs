//! Who may do what with whose keys.

use super::{KeyError, Owner};
use crate::model::Identity;

/// What somebody wants to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wish {
    /// See names and values; of secrets the sealed text.
    View,
    /// Create and change.
    Set,
    /// Delete.
    Delete,
    /// See secrets in clear.
    Decrypt,
    /// Store a value that is sealed already.
    SetEncrypted,
}

impl Wish {
    /// The reference's name of the permission.
    const fn permission(self) -> &'static str {
        match self {
            Self::View => "key_value_pair_view",
            Self::Set => "key_value_pair_set",
            Self::Delete => "key_value_pair_delete",
            Self::Decrypt => "key_value_pair_decrypt",
            Self::SetEncrypted => "key_value_pair_set_encrypted",
        }
    }
}

/// Whose wishes are judged.
#[derive(Clone, Copy, Debug)]
pub struct Reach<'a> {
    /// Who asks.
    pub identity: &'a Identity,
    /// Access control is off: keys of everybody are everybody's, their secrets excepted.
    pub open: bool,
}

impl Reach<'_> {
    /// Whether it is allowed: administrators may everything, everybody everything with their own keys.
    #[must_use]
    pub fn may(&self, wish: Wish, owner: &Owner) -> bool {
        if self.identity.is_admin() {
            return true;
        }
        match owner {
            Owner::User(user) => *user == self.identity.user && wish != Wish::SetEncrypted,
            Owner::System => self.open && matches!(wish, Wish::View | Wish::Set | Wish::Delete),
        }
    }

    /// The same as a refusal in the reference's words.
    ///
    /// # Errors
    /// [`KeyError::Forbidden`].
    pub fn check(&self, wish: Wish, owner: &Owner, name: &str) -> Result<(), KeyError> {
        if self.may(wish, owner) {
            return Ok(());
        }
        Err(KeyError::Forbidden(format!(
            "User \"{}\" doesn't have required permission \"{}\" on resource \"{}\"",
            self.identity.user,
            wish.permission(),
            owner.uid(name)
        )))
    }
}
