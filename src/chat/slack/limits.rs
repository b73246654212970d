//! Slack's limits in one table, each with the page of its documentation (or the report) that states it.

use std::time::Duration;

use crate::chat::gateway::Rate;

/// Characters of a message's text that are always taken, also by an update (chat.postMessage asks for at most 4,000;
/// chat.update was seen to refuse from about there).
pub const TEXT: usize = 3500;
/// Blocks of a message (Block Kit / Blocks).
pub const BLOCKS: usize = 50;
/// Blocks of a modal or a start page (Surfaces / Modals, App Home).
pub const VIEW_BLOCKS: usize = 100;
/// Characters of all blocks of a message together: undocumented, `msg_blocks_too_long` was seen at 13,200.
pub const BLOCKS_TOTAL: usize = 12_000;
/// Characters of a section's text (Block Kit / Section).
pub const SECTION: usize = 3000;
/// Characters of an element of a context (Block Kit / Text object).
pub const CONTEXT: usize = 2000;
/// Elements of an actions block (Block Kit / Actions).
pub const ACTIONS: usize = 25;
/// Characters of a button's text (Block Kit / Button).
pub const BUTTON: usize = 75;
/// Characters of a button's value (Block Kit / Button).
pub const BUTTON_VALUE: usize = 2000;
/// Characters of an `action_id` and of a `block_id` (Block Kit).
pub const ID: usize = 255;
/// Options of a select (Block Kit / Select menu).
pub const OPTIONS: usize = 100;
/// Characters of an option's text and value (Block Kit / Option).
pub const OPTION: usize = 75;
/// Characters of the title of a confirmation (Block Kit / Confirmation dialog).
pub const CONFIRM_TITLE: usize = 100;
/// Characters of the text of a confirmation (Block Kit / Confirmation dialog).
pub const CONFIRM_TEXT: usize = 300;
/// Characters of the buttons of a confirmation (Block Kit / Confirmation dialog).
pub const CONFIRM_BUTTON: usize = 30;
/// Characters of a modal's title and buttons (Surfaces / Modals / View object).
pub const VIEW_TITLE: usize = 24;
/// Characters of a view's `private_metadata` (Surfaces / Modals / View object).
pub const VIEW_DATA: usize = 3000;
/// Characters of an input's label and hint (Block Kit / Input).
pub const LABEL: usize = 2000;
/// Characters of an input's placeholder (Block Kit / Plain-text input).
pub const PLACEHOLDER: usize = 150;
/// Characters of an input's value (Block Kit / Plain-text input).
pub const INPUT: usize = 3000;
/// Characters of the title of a task or a plan: 256 were seen to be taken.
pub const TASK_TITLE: usize = 250;
/// Chunks of one call for a stream, of our own choice.
pub const CHUNKS: usize = 40;
/// Within this time whatever comes in must be acknowledged (Events API, Interactivity).
pub const ACK: Duration = Duration::from_secs(3);
/// Between two messages of one conversation (Rate limits / Posting messages).
pub const POST_INTERVAL: Duration = Duration::from_secs(1);
/// Between two changes of one message.
pub const EDIT_INTERVAL: Duration = Duration::from_secs(3);
/// Changes of messages in the whole workspace: chat.update is Tier 3, 50 a minute and a few more in bursts.
pub const EDITS: Rate = Rate {
    count: 48,
    per: Duration::from_secs(60),
};
/// For so long a `response_url` can be used (Interactivity / Handling user interaction).
pub const RESPONSE_LIFE: Duration = Duration::from_secs(29 * 60);
/// How often it can be used.
pub const RESPONSES: u32 = 5;
/// Seconds by which the time of a signed request may be away (Verifying requests from Slack).
pub const SIGNATURE_AGE: i64 = 300;
/// Bytes of a request that are read; Slack's are far smaller.
pub const REQUEST: usize = 1 << 20;
/// Sockets of one app at once (Using Socket Mode); we open [`SOCKETS`], so that replicas and restarts fit.
pub const MOST_SOCKETS: usize = 10;
/// Sockets that are kept open, so that one is there while the other is renewed.
pub const SOCKETS: usize = 2;
/// Bytes of a file that are uploaded; Slack takes 1 GB, the outbox far less.
pub const FILE: usize = 64 << 20;
/// Messages of one page of a history (conversations.history recommends at most 200).
pub const PAGE: usize = 200;
/// Slash commands of an app in our manifest (App manifests / Features).
pub const COMMANDS: usize = 50;

/// The first `most` characters of a text, with a mark when something is left out, however characters are counted.
#[must_use]
pub fn cut(text: &str, most: usize) -> String {
    if text.encode_utf16().count() <= most {
        return text.to_owned();
    }
    let mut units = 0;
    let mut short: String = text
        .chars()
        .take_while(|char| {
            units += char.len_utf16();
            units < most
        })
        .collect();
    short.push('…');
    short
}
