//! Files of packs, for people who look into them.

use super::source::Source;
use crate::model::Pack;

/// The text of a file of a pack; `None` when the pack has no such file.
///
/// # Errors
/// One sentence when the file cannot be read as text: too large, no UTF-8, outside of the pack's folder.
pub fn pack_text(pack: &Pack, file: &str) -> Result<Option<String>, String> {
    if pack
        .files
        .binary_search_by(|known| known.as_str().cmp(file))
        .is_err()
    {
        return Ok(None);
    }
    let source = match &pack.path {
        Some(path) => Source::Disk(path.clone()),
        None => Source::Builtin(pack.reference.clone()),
    };
    source.text(file).map(Some).map_err(|error| error.message)
}
