//! What gateways ask besides handing on messages: forms, suggestions while somebody types, the start page, and the
//! commands that a platform's own menus show.

mod fields;
mod fill;
mod form;
mod home;
mod menu;
mod suggest;

pub(super) use form::run_form;
pub use menu::{MenuCommand, MenuParameter};
pub use suggest::Suggestion;

use super::forms::Somebody;
use super::gateway::{Dialect, Inbound};
use super::hub::Hub;
use crate::model::{Identity, Timestamp};

/// Whoever is at a form, as if they had said something.
///
/// A form can be opened in any channel, so it never counts as a direct conversation: else that channel would be
/// remembered as the place where its user is told things in private.
fn inbound(by: &Somebody, key: String, text: String, received: Timestamp) -> Inbound {
    Inbound {
        key,
        place: by.place.clone(),
        dialect: Dialect::Console,
        account: by.account.clone(),
        display_name: by.display_name.clone(),
        identity: by.identity.clone(),
        text,
        is_direct: false,
        mentions_bot: true,
        bot: None,
        edited: false,
        reply_to: None,
        picked: None,
        private: true,
        email: None,
        reply: None,
        received,
    }
}

impl Hub {
    /// Who somebody is; else a sentence that tells them why they are nobody yet.
    pub(crate) async fn identity_of(&self, by: &Somebody) -> Result<Identity, String> {
        let asker = inbound(by, String::new(), String::new(), Timestamp::now());
        self.desk().identities.of(&asker).await
    }
}
