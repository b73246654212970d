//! The action that an unknown name was meant to be.

pub use crate::model::nearest;

/// The action that `wanted` was probably meant to be; a bare name means the action of any pack, `local` for `core.local`.
pub(super) fn nearest_action<'a>(
    wanted: &str,
    references: impl Iterator<Item = &'a str> + Clone,
) -> Option<&'a str> {
    nearest(wanted, references.clone()).or_else(|| {
        let bare = wanted.rsplit('.').next().unwrap_or(wanted);
        let mut references = references;
        references.find(|known| known.split_once('.').is_some_and(|(_, name)| name == bare))
    })
}
