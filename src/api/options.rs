//! Settings of the HTTP API.

use serde::{Deserialize, Serialize};

/// Settings of the HTTP API, section `[api]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ApiOptions {
    /// Address and port to listen on; port 0 picks a free one.
    pub listen: String,
    /// Bytes that a request's body may have.
    pub body_limit: usize,
    /// Seconds that a request may take until its answer begins (event streams begin at once and go on).
    pub request_timeout: u64,
    /// Origins whose web pages may call the API, `https://chat.example.org`.
    pub allow_origin: Vec<String>,
    /// Items of a list that others than administrators may ask for at once.
    pub max_page_size: u32,
    /// Whether secrets are masked in answers; off, they are shown to everybody who may call the API.
    pub mask_secrets: bool,
    /// Where people's browsers reach the web pages, for links to executions; empty: the listening address.
    pub webui_base_url: String,
    /// Connections that are open at the same time; more wait.
    pub max_connections: usize,
    /// Event streams that are followed at the same time; more are refused.
    pub max_streams: usize,
}

impl Default for ApiOptions {
    fn default() -> Self {
        Self {
            listen: "127.0.0.1:9101".to_owned(),
            body_limit: 16 << 20,
            request_timeout: 60,
            allow_origin: Vec::new(),
            max_page_size: 100,
            mask_secrets: true,
            webui_base_url: String::new(),
            max_connections: 10_000,
            max_streams: 1_000,
        }
    }
}

impl ApiOptions {
    /// Base of the links to executions, without a slash at its end.
    #[must_use]
    pub fn web_base(&self) -> String {
        if self.webui_base_url.is_empty() {
            format!("http://{}", self.listen)
        } else {
            self.webui_base_url.trim_end_matches('/').to_owned()
        }
    }
}
