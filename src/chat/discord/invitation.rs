//! The address at which an administrator of a server invites the bot, with just the permissions that it needs.

use super::doctor;
use super::rest::{Call, Rest};
use crate::settings::DiscordOptions;

/// Whom to invite, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invitation {
    /// Name of the application.
    pub application: String,
    /// Opened in a browser by somebody who may manage the server.
    pub url: String,
    /// What it lets the bot do, as Discord names it.
    pub permissions: Vec<&'static str>,
}

/// Asks Discord which application the token belongs to.
///
/// # Errors
/// A sentence, when there is no token, Discord does not take it or cannot be reached.
pub async fn invitation(options: &DiscordOptions) -> Result<Invitation, String> {
    let rest = Rest::new(options.api_url.as_deref(), super::token(options)?)?;
    let application = rest
        .call(Call::get("/applications/@me"))
        .await
        .map_err(|error| error.to_string())?;
    let id = application["id"]
        .as_str()
        .filter(|id| !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_digit()))
        .ok_or("Discord did not say which application the token belongs to")?;
    let (bits, permissions) = doctor::asked_for(options);
    // Reference: Topics / OAuth2 / Bot Authorization Flow; an integer as text.
    let url = format!(
        "https://discord.com/oauth2/authorize?client_id={id}&scope=bot%20applications.commands&permissions={bits}"
    );
    Ok(Invitation {
        application: application["name"].as_str().unwrap_or_default().to_owned(),
        url,
        permissions,
    })
}
