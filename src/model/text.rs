//! Text for people's eyes.

/// The text without characters that steer a terminal: what comes from actions must not write elsewhere on
/// the screen. Line ends and tabs stay.
#[must_use]
pub fn visible(text: &str) -> String {
    text.chars()
        .flat_map(|c| {
            let (shown, hidden) = match c {
                '\n' => (Some(c), None),
                '\t' => (Some(' '), None),
                '\r' => (None, None),
                c if c.is_control() => (None, Some(c.escape_default())),
                c => (Some(c), None),
            };
            shown.into_iter().chain(hidden.into_iter().flatten())
        })
        .collect()
}
