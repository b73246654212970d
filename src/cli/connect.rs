//! From a client command to an API: a server that was named, the one on the data folder, or an embedded one.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use secrecy::ExposeSecret as _;

use super::datadir::{DataDir, DataDirError, Lock};
use super::host::{Host, Purpose, Running, Start};
use super::{CliError, Context};
use crate::access::token::admin_token;
use crate::api::client::Client;
use crate::settings::Loaded;

/// How long to wait for a server that holds the folder but does not listen yet, or for another command that
/// works on the folder.
const PATIENCE: Duration = Duration::from_secs(15);
const PAUSE: Duration = Duration::from_millis(50);

/// A connection to an API. Call [`Connection::close`] at the end.
pub struct Connection {
    /// The API.
    pub client: Client,
    embedded: Option<(Box<dyn Running>, Lock)>,
}

impl Connection {
    /// Whether the API runs in this process only, and ends with it.
    #[must_use]
    pub const fn is_embedded(&self) -> bool {
        self.embedded.is_some()
    }

    /// Ends an embedded application in an orderly way.
    pub async fn close(self) {
        if let Some((running, lock)) = self.embedded {
            running.stop().await;
            drop(lock);
        }
    }
}

/// Connects. Whether a server runs on the data folder is decided by the lock that it holds, so that neither
/// a stale address nor a race with a starting server can lead to a wrong place.
///
/// # Errors
/// When no API can be reached or started.
pub async fn connect(context: &Context<'_>) -> Result<Connection, CliError> {
    let loaded = &context.loaded;
    let settings = &loaded.settings;
    if let Some(server) = &settings.client.server {
        let token = token_for(loaded, server);
        return Ok(Connection {
            client: Client::remote(server, &token)?,
            embedded: None,
        });
    }
    let dir = DataDir::open(&settings.data_dir)?;
    let started = Instant::now();
    loop {
        match dir.lock() {
            Ok(lock) => return embed(context.host, Arc::clone(loaded), dir, lock).await,
            Err(DataDirError::Busy { path, pid }) => {
                if let Some(address) = dir.listen_address() {
                    let server = base_url(&address);
                    let client = Client::remote(&server, &token_for(loaded, &server))?;
                    // It wrote its address when it was ready: an answer, whatever it is, comes at once.
                    return Ok(Connection {
                        client,
                        embedded: None,
                    });
                }
                if started.elapsed() > PATIENCE {
                    return Err(DataDirError::Busy { path, pid }.into());
                }
            }
            Err(error) => return Err(error.into()),
        }
        tokio::time::sleep(PAUSE).await;
    }
}

async fn embed(
    host: &dyn Host,
    loaded: Arc<Loaded>,
    dir: DataDir,
    lock: Lock,
) -> Result<Connection, CliError> {
    // What a crashed server left behind.
    dir.clear_listen_address();
    let running = host
        .start(start(loaded, dir, Purpose::Embedded)?)
        .await
        .map_err(|error| not_started(&error))?;
    Ok(Connection {
        client: running.client()?,
        embedded: Some((running, lock)),
    })
}

/// What the application is started with; makes key and token at the first start.
pub(super) fn start(loaded: Arc<Loaded>, data_dir: DataDir, purpose: Purpose) -> Result<Start, CliError> {
    let key = data_dir.secret_key()?;
    if let Some(mode) = data_dir.open_token_mode() {
        tracing::warn!(
            "admin.token may be read by others (mode {mode:04o}): run chmod 600 {}",
            data_dir.path().join(super::datadir::TOKEN_FILE).display()
        );
    }
    let token = admin_token(data_dir.path()).map_err(|error| {
        CliError::new(format!("the administrator's token cannot be used: {error}"))
            .hint(format!("look at admin.token in {}", data_dir.path().display()))
    })?;
    Ok(Start {
        loaded,
        data_dir,
        key,
        token,
        purpose,
    })
}

pub(super) fn not_started(error: &anyhow::Error) -> CliError {
    CliError::new(format!("cannot start: {error:#}")).hint("`sayso doctor` checks the installation")
}

/// The token to present to a server: the one that was given, else the administrator's from the data folder,
/// but only to the very server that runs on that folder. Another one has no business knowing it.
fn token_for(loaded: &Loaded, server: &str) -> String {
    let settings = &loaded.settings;
    if let Some(token) = &settings.client.token {
        return token.expose_secret().to_owned();
    }
    let own = local_address(&settings.data_dir).map(|address| base_url(&address));
    if own.is_none_or(|own| {
        own != server
            .trim_end_matches('/')
            .replace("//localhost:", "//127.0.0.1:")
    }) {
        return String::new();
    }
    let dir = DataDir::open(&settings.data_dir).ok();
    dir.and_then(|dir| dir.token().ok().flatten())
        .map_or_else(String::new, |token| token.to_string())
}

fn local_address(data_dir: &Path) -> Option<String> {
    if !data_dir.is_dir() {
        return None;
    }
    let dir = DataDir::open(data_dir).ok()?;
    // Without a server that holds the folder the address is a leftover, and anybody may listen there now.
    matches!(dir.lock(), Err(DataDirError::Busy { .. }))
        .then(|| dir.listen_address())
        .flatten()
}

/// The URL of a server on this machine that listens at `address`.
pub(super) fn base_url(address: &str) -> String {
    let reachable = address.parse::<SocketAddr>().map(|mut socket| {
        match socket.ip() {
            IpAddr::V4(ip) if ip.is_unspecified() => socket.set_ip(Ipv4Addr::LOCALHOST.into()),
            IpAddr::V6(ip) if ip.is_unspecified() => socket.set_ip(Ipv6Addr::LOCALHOST.into()),
            _ => {}
        }
        socket.to_string()
    });
    format!("http://{}", reachable.unwrap_or_else(|_| address.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_on_all_addresses_is_reached_on_this_machine() {
        assert_eq!(base_url("0.0.0.0:9101"), "http://127.0.0.1:9101");
        assert_eq!(base_url("[::]:9101"), "http://[::1]:9101");
        assert_eq!(base_url("10.0.0.1:1"), "http://10.0.0.1:1");
    }
}
