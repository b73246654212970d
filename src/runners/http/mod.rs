//! `http-request`: one HTTP request (RUN-17, RUN-18).
//!
//! Differences from the reference, on purpose: `timeout` is for the whole exchange, not for each silence in it; a
//! `User-Agent` that the action gives wins; lists of hosts hold for redirects too and are compared as parsed hosts
//! (letter case, user names in the URL and spellings of an address do not get around them); a body without
//! content does not become the text `null`; names of response headers are written `Content-Type`, however the
//! server wrote them. A response longer than [`HttpOptions::response_limit`] is cut and the execution fails,
//! because half an answer that looks like success does harm further on.

mod clients;
mod failure;
mod hosts;
mod request;
mod response;

use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use serde_json::{Value, json};

use super::{Job, Outcome, Runner, RunnerSpec, schema};
use crate::model::Status;
use clients::Clients;
use request::Wanted;

pub use clients::install_crypto;

/// How HTTP actions work.
#[derive(Clone, Debug)]
pub struct HttpOptions {
    /// Bytes of a response body, after decompression, that are read.
    pub response_limit: usize,
    /// How many clients with different settings (proxy, certificates, redirects) are kept for reuse.
    pub clients: usize,
}

impl Default for HttpOptions {
    fn default() -> Self {
        Self {
            response_limit: 10 * 1024 * 1024,
            clients: 16,
        }
    }
}

/// Sends a request and gives back status, headers and body.
#[derive(Debug)]
pub struct HttpRunner {
    spec: RunnerSpec,
    options: HttpOptions,
    clients: Clients,
}

impl HttpRunner {
    /// A runner with its own connections.
    #[must_use]
    pub fn new(options: HttpOptions) -> Self {
        let spec = RunnerSpec {
            name: "http-request",
            description: "Sends an HTTP request and gives back the answer.",
            package: "http_runner",
            module: "http_runner",
            parameters: parameters(),
            output_key: Some("body"),
            pure: false,
        };
        Self {
            spec,
            clients: Clients::new(options.clients),
            options,
        }
    }

    async fn carry_out(&self, job: Job) -> Outcome {
        let wanted = match Wanted::of(&job) {
            Ok(wanted) => wanted,
            Err(error) => return failed(&error),
        };
        let client = match self.clients.get(&wanted.connection) {
            Ok(client) => client,
            Err(error) => return failed(&error),
        };
        let (place, seconds) = (wanted.place(), wanted.timeout);
        let exchange = async {
            let answer = wanted
                .into_request(&client)?
                .send()
                .await
                .map_err(|error| failure::explain(&error, &place))?;
            response::read(answer, self.options.response_limit, &place).await
        };
        tokio::select! {
            biased;
            () = job.cancel.cancelled() => {
                Outcome::new(Status::Canceled, json!({ "error": format!("The request to {place} was canceled") }))
            }
            answer = tokio::time::timeout(Duration::from_secs_f64(seconds), exchange) => match answer {
                Ok(Ok(outcome)) => outcome,
                Ok(Err(error)) => failed(&error),
                Err(_) => {
                    let error = format!("{place} did not answer in {seconds} seconds");
                    Outcome::new(Status::Timeout, json!({ "error": error }))
                }
            },
        }
    }
}

fn failed(error: &str) -> Outcome {
    Outcome::new(Status::Failed, json!({ "error": error }))
}

impl Runner for HttpRunner {
    fn spec(&self) -> &RunnerSpec {
        &self.spec
    }

    fn run(&self, job: Job) -> BoxFuture<'_, Outcome> {
        self.carry_out(job).boxed()
    }
}

fn parameters() -> crate::model::JsonMap {
    let hosts = |description: &str| -> Value {
        json!({ "description": description, "required": false, "type": "array", "items": { "type": "string" } })
    };
    schema(json!({
        "allow_redirects": {
            "default": false,
            "description": "Follow redirects.",
            "type": "boolean",
        },
        "cookies": {
            "description": "Cookies to send, as an object of name and value.",
            "type": "object",
        },
        "headers": {
            "description": "Headers to send, as an object of name and value.",
            "type": "object",
        },
        "http_proxy": {
            "description": "Proxy for http URLs, such as http://10.10.1.10:3128.",
            "type": "string",
        },
        "https_proxy": {
            "description": "Proxy for https URLs, such as http://10.10.1.10:3128.",
            "type": "string",
        },
        "password": {
            "description": "Password for basic authentication.",
            "type": "string",
            "secret": true,
        },
        "url": {
            "description": "Where the request goes.",
            "required": true,
            "type": "string",
        },
        "username": {
            "description": "User name for basic authentication.",
            "type": "string",
        },
        "verify_ssl_cert": {
            "default": true,
            "description": "Check the server's certificate against the authorities this machine trusts.",
            "type": "boolean",
        },
        "url_hosts_blacklist": hosts("Hosts that must not be asked, such as example.com, 127.0.0.1 or ::1."),
        "url_hosts_whitelist": hosts("The only hosts that may be asked, such as example.com, 127.0.0.1 or ::1."),
    }))
}

#[cfg(test)]
mod tests;
