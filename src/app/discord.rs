//! Starts the bots on Discord that the settings name.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use crate::chat::Hub;
use crate::chat::discord::{DiscordGateway, DiscordParts};
use crate::settings::Settings;
use crate::store::Store;

/// Starts all of them; one that cannot start does not keep the others from it.
pub(super) fn start(settings: &Settings, hub: &Hub, store: &Arc<dyn Store>, stop: &CancellationToken) {
    for (instance, options) in &settings.chat.discord {
        let started = DiscordGateway::start(DiscordParts {
            instance: instance.clone(),
            options: options.clone(),
            hub: hub.clone(),
            store: Arc::clone(store),
            stop: stop.clone(),
        });
        if let Err(reason) = started {
            tracing::error!(
                chat.gateway = format!("discord:{instance}"),
                "not started: {reason}"
            );
        }
    }
}
