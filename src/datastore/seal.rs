//! Secrets as upper-case hexadecimal text, sealed for their owner.

use super::Owner;
use crate::engine::SecretKey;
use crate::model::Id;

/// What is bound into the seals of an owner: what was sealed for one does not open for another.
fn bound(owner: &Owner) -> Id {
    Id::of_name(&match owner {
        Owner::System => "datastore of everybody".to_owned(),
        Owner::User(user) => format!("datastore of the user {user}"),
    })
}

/// Seals a text.
pub(super) fn seal(key: &SecretKey, owner: &Owner, plain: &str) -> String {
    hex::encode_upper(key.seal_bytes(plain.as_bytes(), bound(owner)))
}

/// Opens what [`seal`] made; `None` when it was made for another owner or with another key, or is no seal.
pub(super) fn open(key: &SecretKey, owner: &Owner, sealed: &str) -> Option<String> {
    let bytes = hex::decode(sealed.trim()).ok()?;
    let plain = key.open_bytes(&bytes, bound(owner))?;
    String::from_utf8(plain.to_vec()).ok()
}
