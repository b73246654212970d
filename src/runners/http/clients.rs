//! HTTP clients, one for each kind of connection, shared by all executions.

use std::sync::{Arc, Once};
use std::time::Duration;

use parking_lot::Mutex;
use reqwest::{Client, NoProxy, Proxy, redirect};

use super::hosts::HostRules;

/// Redirects that are followed when the action allows any.
const REDIRECTS: usize = 30;
/// How long a connection that nobody uses is kept.
const IDLE: Duration = Duration::from_secs(30);

/// Makes ring the process's provider of cryptography for TLS, unless one was chosen before.
///
/// May be called any number of times from any thread; must be called before the first TLS client or server
/// is made.
pub fn install_crypto() {
    static INSTALLED: Once = Once::new();
    INSTALLED.call_once(|| {
        // An error means that somebody else installed a provider, which serves as well.
        let _ = rustls::crypto::ring::default_provider().install_default();
    });
}

/// What must be equal for two requests to share a client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Connection {
    pub(super) http_proxy: Option<String>,
    pub(super) https_proxy: Option<String>,
    pub(super) verify: bool,
    /// Rules for every hop when redirects are followed.
    pub(super) redirects: Option<HostRules>,
}

/// The clients most recently used, newest last.
#[derive(Debug)]
pub(super) struct Clients {
    room: usize,
    known: Mutex<Vec<(Connection, Arc<Client>)>>,
}

impl Clients {
    pub(super) fn new(room: usize) -> Self {
        Self {
            room: room.max(1),
            known: Mutex::new(Vec::new()),
        }
    }

    /// The client for such connections, made when there is none.
    pub(super) fn get(&self, connection: &Connection) -> Result<Arc<Client>, String> {
        let mut known = self.known.lock();
        let client = match known.iter().position(|(other, _)| other == connection) {
            Some(index) => known.remove(index).1,
            None => Arc::new(build(connection)?),
        };
        if known.len() >= self.room {
            known.remove(0);
        }
        known.push((connection.clone(), Arc::clone(&client)));
        Ok(client)
    }

    #[cfg(test)]
    pub(super) fn count(&self) -> usize {
        self.known.lock().len()
    }
}

fn build(connection: &Connection) -> Result<Client, String> {
    install_crypto();
    let policy = match connection.redirects.clone() {
        None => redirect::Policy::none(),
        Some(rules) => redirect::Policy::custom(move |attempt| {
            if attempt.previous().len() > REDIRECTS {
                return attempt.error(format!("more than {REDIRECTS} redirects"));
            }
            match rules.check(attempt.url()) {
                Ok(()) => attempt.follow(),
                Err(error) => attempt.error(error),
            }
        }),
    };
    let mut builder = Client::builder()
        .redirect(policy)
        .referer(false)
        .pool_idle_timeout(IDLE)
        .tls_danger_accept_invalid_certs(!connection.verify);
    if let Some(url) = &connection.http_proxy {
        builder = builder.proxy(proxy("http_proxy", Proxy::http(url))?);
    }
    if let Some(url) = &connection.https_proxy {
        builder = builder.proxy(proxy("https_proxy", Proxy::https(url))?);
    }
    builder.build().map_err(|error| {
        format!(
            "Cannot prepare HTTP requests on this machine: {}",
            error.without_url()
        )
    })
}

fn proxy(parameter: &str, made: reqwest::Result<Proxy>) -> Result<Proxy, String> {
    // The URL is not repeated: it may hold a password.
    made.map(|proxy| proxy.no_proxy(NoProxy::from_env())).map_err(|_| {
        format!("Parameter \"{parameter}\" is not the URL of a proxy; it should look like http://10.10.1.10:3128")
    })
}
