//! The line that people type on: completion, hints, history.

use std::borrow::Cow;
use std::path::PathBuf;

use reedline::{
    ColumnarMenu, Completer, CompletionResult, DefaultHinter, Emacs, FileBackedHistory, KeyCode,
    KeyModifiers, MenuBuilder as _, Prompt, PromptEditMode, PromptHistorySearch, Reedline, ReedlineEvent,
    ReedlineMenu, Span, Suggestion, default_emacs_keybindings,
};

/// Lines of history that are kept.
const HISTORY: usize = 10_000;
/// Suggestions that are shown.
const SUGGESTIONS: usize = 40;
const MENU: &str = "commands";

/// `› `, and nothing else.
pub(super) struct Plain;

impl Prompt for Plain {
    fn render_prompt_left(&self) -> Cow<'_, str> {
        Cow::Borrowed("")
    }
    fn render_prompt_right(&self) -> Cow<'_, str> {
        Cow::Borrowed("")
    }
    fn render_prompt_indicator(&self, _: PromptEditMode) -> Cow<'_, str> {
        Cow::Borrowed("› ")
    }
    fn render_prompt_multiline_indicator(&self) -> Cow<'_, str> {
        Cow::Borrowed("… ")
    }
    fn render_prompt_history_search_indicator(&self, search: PromptHistorySearch) -> Cow<'_, str> {
        Cow::Owned(format!("search “{}” › ", search.term))
    }
}

/// Completes the fixed words of commands.
pub(super) struct Commands {
    /// Fixed beginning, whole display, description.
    all: Vec<(String, String, String)>,
}

impl Commands {
    pub(super) fn new(commands: Vec<(String, String)>) -> Self {
        let all = commands
            .into_iter()
            .map(|(display, description)| (beginning(&display), display, description));
        Self {
            all: all.filter(|(fixed, ..)| !fixed.is_empty()).collect(),
        }
    }
}

/// The words of a command before its first variable part.
fn beginning(display: &str) -> String {
    let end = display.find(['{', '<', '[', '(']).unwrap_or(display.len());
    display[..end].trim_end().to_owned()
}

impl Completer for Commands {
    fn complete(&mut self, line: &str, pos: usize) -> CompletionResult {
        let typed = line.get(..pos).unwrap_or(line).to_lowercase();
        let mut suggestions: Vec<Suggestion> = Vec::new();
        for (fixed, display, description) in &self.all {
            let fits = fixed.to_lowercase().starts_with(typed.trim_start());
            if !fits
                || suggestions.len() >= SUGGESTIONS
                || suggestions.iter().any(|known| known.value == *fixed)
            {
                continue;
            }
            suggestions.push(Suggestion {
                value: fixed.clone(),
                display_override: Some(display.clone()),
                description: Some(description.clone()).filter(|text| !text.is_empty()),
                style: None,
                extra: None,
                span: Span { start: 0, end: pos },
                append_whitespace: fixed != display,
                match_indices: None,
            });
        }
        CompletionResult::fresh(suggestions)
    }
}

/// The editor. A history that cannot be opened is done without.
pub(in crate::cli) fn editor(
    completer: Box<dyn Completer + Send>,
    history: Option<PathBuf>,
    colour: bool,
) -> Reedline {
    let menu = ColumnarMenu::default().with_name(MENU).with_columns(1);
    let mut keys = default_emacs_keybindings();
    keys.add_binding(
        KeyModifiers::NONE,
        KeyCode::Tab,
        ReedlineEvent::UntilFound(vec![
            ReedlineEvent::Menu(MENU.to_owned()),
            ReedlineEvent::MenuNext,
        ]),
    );
    let mut editor = Reedline::create()
        .with_completer(completer)
        .with_menu(ReedlineMenu::EngineCompleter(Box::new(menu)))
        .with_edit_mode(Box::new(Emacs::new(keys)))
        .with_hinter(Box::new(DefaultHinter::default()))
        // As in shells: what begins with a blank, perhaps because it holds a secret, is in no file.
        .with_history_exclusion_prefix(Some(" ".to_owned()))
        .with_ansi_colors(colour);
    if let Some(path) = history {
        match FileBackedHistory::with_file(HISTORY, path) {
            Ok(history) => editor = editor.with_history(Box::new(history)),
            Err(error) => tracing::warn!("the history of the prompt cannot be kept: {error}"),
        }
    }
    editor
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fixed_words_are_completed() {
        let command = |display: &str| (display.to_owned(), String::new());
        let mut commands = Commands::new(vec![
            command("deploy {{app}} to {{env=staging}}"),
            command("log <id> tail [lines]"),
            command("log <id>"),
            command("audit tail [lines]"),
            command("{{anything}}"),
        ]);
        let mut complete = |typed: &str| -> Vec<(String, bool)> {
            let found = commands.complete(typed, typed.len());
            found
                .suggestions()
                .iter()
                .map(|one| (one.value.clone(), one.append_whitespace))
                .collect()
        };
        assert_eq!(complete("dep"), [("deploy".to_owned(), true)]);
        assert_eq!(complete("l"), [("log".to_owned(), true)]);
        assert_eq!(complete("AUDIT t"), [("audit tail".to_owned(), true)]);
        assert!(complete("nothing").is_empty());
    }
}
