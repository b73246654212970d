//! Small parts of sentences: names that are near, lists of names, long texts made short.

/// Longest quotation of a value in a message, in characters.
const LONGEST: usize = 2000;
/// Names that a hint lists at most.
const MOST_NAMES: usize = 12;

/// A text, cut when it is very long.
pub(crate) fn shortened(text: &str) -> String {
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// The name nearest to a wrong one, if one is near enough to have been meant.
pub(crate) fn suggestion<'n>(wanted: &str, names: impl IntoIterator<Item = &'n str>) -> Option<&'n str> {
    if wanted.len() > 100 {
        return None;
    }
    let folded = wanted.to_lowercase().replace('-', "_");
    names
        .into_iter()
        .take(10_000)
        .filter(|name| !name.is_empty() && name.len() <= 100)
        .map(|name| {
            let distance = strsim::osa_distance(&folded, &name.to_lowercase().replace('-', "_"));
            (distance, name)
        })
        .filter(|(distance, name)| *distance <= (wanted.chars().count().min(name.chars().count()) / 3).max(1))
        .filter(|(distance, name)| *distance < name.chars().count())
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}

/// `a, b, c`, not more than a dozen.
pub(crate) fn list_of_names<'n>(names: impl IntoIterator<Item = &'n str>) -> String {
    let mut names = names.into_iter();
    let mut shown: Vec<_> = names.by_ref().take(MOST_NAMES).collect();
    if names.next().is_some() {
        shown.push("…");
    }
    shown.join(", ")
}
