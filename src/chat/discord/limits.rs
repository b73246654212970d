//! Discord's limits in one table, each with the page of the developer documentation that states it.

use std::time::Duration;

/// Characters of a message's content (Resources / Message / Create Message).
pub const CONTENT: usize = 2000;
/// Embeds of a message (Resources / Message / Create Message).
pub const EMBEDS: usize = 10;
/// Characters of all embeds of a message together (Resources / Message / Embed Limits).
pub const EMBED_TOTAL: usize = 6000;
/// Characters of an embed's title (Resources / Message / Embed Limits).
pub const EMBED_TITLE: usize = 256;
/// Characters of an embed's description (Resources / Message / Embed Limits).
pub const EMBED_DESCRIPTION: usize = 4096;
/// Characters of an embed's footer (Resources / Message / Embed Limits).
pub const EMBED_FOOTER: usize = 2048;
/// Action rows of a message (Components / Component Reference / Legacy Message Component Behavior).
pub const ROWS: usize = 5;
/// Buttons of an action row (Components / Component Reference / Action Row).
pub const BUTTONS: usize = 5;
/// Characters of a button's label (Components / Component Reference / Button).
pub const BUTTON_LABEL: usize = 80;
/// Characters of a component's own id (Components / Component Reference / Custom ID).
pub const CUSTOM_ID: usize = 100;
/// Options of a select (Components / Component Reference / String Select).
pub const SELECT_OPTIONS: usize = 25;
/// Characters of a modal's title (Interactions / Receiving and Responding / Modal).
pub const MODAL_TITLE: usize = 45;
/// Components of a modal (Interactions / Receiving and Responding / Modal).
pub const MODAL_INPUTS: usize = 5;
/// Characters of a text input's label (Components / Component Reference / Text Input).
pub const INPUT_LABEL: usize = 45;
/// Characters of a text input's value (Components / Component Reference / Text Input).
pub const INPUT_VALUE: usize = 4000;
/// Characters of a text input's placeholder (Components / Component Reference / Text Input).
pub const INPUT_PLACEHOLDER: usize = 100;
/// Slash commands of an application, per scope (Interactions / Application Commands / Registering a Command).
pub const COMMANDS: usize = 100;
/// Characters of a command's or option's name (Interactions / Application Commands / Naming).
pub const COMMAND_NAME: usize = 32;
/// Characters of a command's or option's description (Interactions / Application Commands / Structure).
pub const COMMAND_DESCRIPTION: usize = 100;
/// Options of a command (Interactions / Application Commands / Structure).
pub const COMMAND_OPTIONS: usize = 25;
/// Characters of names, descriptions and values of a command together (Interactions / Application Commands).
pub const COMMAND_TOTAL: usize = 8000;
/// Choices of an option or of an autocompletion (Interactions / Application Commands / Option Choice).
pub const CHOICES: usize = 25;
/// Characters of a choice's name and of its text value (Interactions / Application Commands / Option Choice).
pub const CHOICE: usize = 100;
/// Characters of a thread's name (Resources / Channel / Start Thread from Message).
pub const THREAD_NAME: usize = 100;
/// Characters of a message's nonce (Resources / Message / Create Message).
pub const NONCE: usize = 25;
/// Bytes of a file that every server takes (Reference / Uploading Files).
pub const FILE: usize = 10 << 20;
/// Within this time an interaction must have its first answer (Interactions / Receiving and Responding).
pub const FIRST_ANSWER: Duration = Duration::from_secs(3);
/// For so long an interaction can be answered (Interactions / Receiving and Responding).
pub const TOKEN_LIFE: Duration = Duration::from_secs(15 * 60);
/// Requests per second of a bot (Topics / Rate Limits / Global Rate Limit).
pub const GLOBAL_RATE: usize = 50;
/// Answers 401, 403 and 429 within [`INVALID_WINDOW`] for which an address is banned (Topics / Rate Limits).
pub const INVALID_REQUESTS: usize = 10_000;
/// See [`INVALID_REQUESTS`].
pub const INVALID_WINDOW: Duration = Duration::from_secs(600);
/// Payloads per minute that a gateway connection may send (Topics / Gateway / Rate Limiting).
pub const GATEWAY_SENDS: usize = 120;
/// Between two identifications of one bot (Topics / Gateway / Session Start Limit, `max_concurrency` of 1).
pub const IDENTIFY_PAUSE: Duration = Duration::from_secs(5);

/// The first `most` characters of a text, with a mark when something is left out.
#[must_use]
pub fn cut(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    let mut cut: String = text.chars().take(most.saturating_sub(1)).collect();
    cut.push('…');
    cut
}
