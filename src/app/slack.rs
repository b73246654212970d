//! Connects to the Slack workspaces that the settings name.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use crate::chat::Hub;
use crate::chat::slack::{Doors, SlackGateway, SlackParts};
use crate::settings::Settings;
use crate::store::Store;

/// Starts all of them; one that cannot start does not keep the others from it.
pub(super) fn start(
    settings: &Settings,
    hub: &Hub,
    store: &Arc<dyn Store>,
    doors: &Doors,
    stop: &CancellationToken,
) {
    for (instance, options) in &settings.chat.slack {
        let started = SlackGateway::start(SlackParts {
            instance: instance.clone(),
            options: options.clone(),
            hub: hub.clone(),
            store: Arc::clone(store),
            doors: doors.clone(),
            stop: stop.clone(),
        });
        if let Err(reason) = started {
            tracing::error!(
                chat.gateway = format!("slack:{instance}"),
                "not started: {reason}"
            );
        }
    }
}
