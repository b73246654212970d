//! The request that the parameters ask for.

use reqwest::header::{
    AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, COOKIE, HeaderMap, HeaderName, HeaderValue, USER_AGENT,
};
use reqwest::multipart::{Form, Part};
use reqwest::{Client, Method, RequestBuilder};
use serde_json::Value;
use url::Url;

use super::clients::Connection;
use super::hosts::HostRules;
use crate::expr::{pyliteral, pyvalue};
use crate::model::JsonMap;
use crate::runners::Job;

const DEFAULT_TIMEOUT: f64 = 60.0;
/// Longest timeout that can be asked for, in seconds: a year.
const LONGEST_TIMEOUT: f64 = 31_536_000.0;
/// Starts like the reference's, which receivers may look for.
const AGENT: &str = concat!("st2/v3.9.0 (sayso/", env!("CARGO_PKG_VERSION"), ")");
const JSON: &str = "application/json";

/// A request before it is built.
#[derive(Debug)]
pub(super) struct Wanted {
    /// What kind of client sends it.
    pub(super) connection: Connection,
    /// Seconds for the whole exchange.
    pub(super) timeout: f64,
    url: Url,
    method: Method,
    headers: HeaderMap,
    query: Vec<(String, String)>,
    content: Content,
    login: Option<(String, String)>,
}

#[derive(Debug)]
enum Content {
    Nothing,
    Text(String),
    File {
        name: String,
        content: String,
        kind: Option<String>,
    },
}

impl Wanted {
    pub(super) fn of(job: &Job) -> Result<Self, String> {
        let parameters = &job.parameters;
        let url = checked_url(parameters)?;
        let rules = HostRules::of(
            &hosts(parameters, "url_hosts_blacklist")?,
            &hosts(parameters, "url_hosts_whitelist")?,
        )?;
        rules.check(&url)?;
        let mut headers = given_headers(parameters, &job.action.name)?;
        let content = content(parameters, &mut headers)?;
        let default = if matches!(content, Content::Nothing) {
            Method::GET
        } else {
            Method::POST
        };
        let method = match text(parameters, "method")? {
            None => default,
            Some(name) => Method::from_bytes(name.to_ascii_uppercase().as_bytes())
                .map_err(|_| format!("Parameter \"method\": {name:?} is not an HTTP method"))?,
        };
        let (username, password) = (text(parameters, "username")?, text(parameters, "password")?);
        let login = (username.is_some() || password.is_some()).then(|| {
            (
                username.unwrap_or_default().to_owned(),
                password.unwrap_or_default().to_owned(),
            )
        });
        if login.is_none()
            && let Some(auth) = text(parameters, "auth")?
        {
            authorise(auth, &mut headers)?;
        }
        Ok(Self {
            connection: Connection {
                http_proxy: text(parameters, "http_proxy")?.map(str::to_owned),
                https_proxy: text(parameters, "https_proxy")?.map(str::to_owned),
                verify: flag(parameters, "verify_ssl_cert", true)?,
                redirects: flag(parameters, "allow_redirects", false)?.then_some(rules),
            },
            timeout: timeout(parameters)?,
            url,
            method,
            headers,
            query: query(parameters)?,
            content,
            login,
        })
    }

    /// `host:port`, for messages.
    pub(super) fn place(&self) -> String {
        let host = self.url.host_str().unwrap_or_default();
        match self.url.port_or_known_default() {
            Some(port) => format!("{host}:{port}"),
            None => host.to_owned(),
        }
    }

    /// The request, ready to be sent.
    pub(super) fn into_request(self, client: &Client) -> Result<RequestBuilder, String> {
        let mut request = client.request(self.method, self.url).headers(self.headers);
        if !self.query.is_empty() {
            request = request.query(&self.query);
        }
        if let Some((username, password)) = &self.login {
            request = request.basic_auth(username, Some(password));
        }
        Ok(match self.content {
            Content::Nothing => request,
            Content::Text(body) => request.body(body),
            Content::File { name, content, kind } => {
                let mut part = Part::text(content).file_name(name.clone());
                if let Some(kind) = kind {
                    part = part.mime_str(&kind).map_err(|_| {
                        format!("Parameter \"file_content_type\": {kind:?} is not a content type")
                    })?;
                }
                request.multipart(Form::new().part(name, part))
            }
        })
    }
}

fn checked_url(parameters: &JsonMap) -> Result<Url, String> {
    let Some(given) = text(parameters, "url")? else {
        return Err("URL must be specified: the parameter \"url\" is missing".to_owned());
    };
    // The text is not repeated: it may hold a password.
    let url = Url::parse(given.trim()).map_err(|error| {
        format!("Parameter \"url\" is not a URL: {error}; it should look like https://host/path")
    })?;
    match url.scheme() {
        "http" | "https" => Ok(url),
        other => Err(format!(
            "Parameter \"url\": only http and https are possible, not {other}"
        )),
    }
}

fn given_headers(parameters: &JsonMap, action: &str) -> Result<HeaderMap, String> {
    let mut headers = HeaderMap::new();
    headers.insert(USER_AGENT, HeaderValue::from_static(AGENT));
    if let Ok(action) = HeaderValue::from_str(action) {
        headers.insert(HeaderName::from_static("x-stanley-action"), action);
    }
    for (name, value) in fields(parameters, "headers")? {
        let header = HeaderName::from_bytes(name.trim().as_bytes())
            .map_err(|_| format!("Parameter \"headers\": {name:?} cannot be the name of a header"))?;
        // Values may be secret and are not repeated.
        let value = HeaderValue::from_bytes(value.trim().as_bytes()).map_err(|_| {
            format!("Parameter \"headers\": the value of {name} holds a line end or control character")
        })?;
        // The length is ours to say: a wrong one would cut the body or hang the server.
        if header != CONTENT_LENGTH {
            headers.insert(header, value);
        }
    }
    let cookies: Vec<_> = fields(parameters, "cookies")?
        .into_iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    if !cookies.is_empty() {
        let value = HeaderValue::from_str(&cookies.join("; ")).map_err(|_| {
            "Parameter \"cookies\": a cookie holds a character that cannot be sent".to_owned()
        })?;
        headers.insert(COOKIE, value);
    }
    Ok(headers)
}

/// `name=value` is a header of its own; a text with a scheme (`Bearer …`) is the Authorization header.
fn authorise(auth: &str, headers: &mut HeaderMap) -> Result<(), String> {
    let wrong = || "Parameter \"auth\" should look like x-auth-token=XYZ or Bearer XYZ".to_owned();
    let (name, value) = match auth.split_once(' ') {
        Some((scheme, _)) if !scheme.contains('=') => (AUTHORIZATION, auth),
        _ => {
            let (name, value) = auth.split_once('=').ok_or_else(wrong)?;
            (
                HeaderName::from_bytes(name.trim().as_bytes()).map_err(|_| wrong())?,
                value,
            )
        }
    };
    let mut value = HeaderValue::from_str(value.trim()).map_err(|_| wrong())?;
    value.set_sensitive(true);
    headers.insert(name, value);
    Ok(())
}

/// Body or file, and the header that goes with it.
fn content(parameters: &JsonMap, headers: &mut HeaderMap) -> Result<Content, String> {
    let file = (text(parameters, "file_name")?, text(parameters, "file_content")?);
    let body = parameters
        .get("body")
        .filter(|body| !matches!(body, Value::Null) && body.as_str() != Some(""));
    if let (Some(name), Some(content)) = file {
        if body.is_some() {
            return Err(
                "A body and a file cannot be sent in one request: give \"body\" or \"file_content\""
                    .to_owned(),
            );
        }
        // It says where the parts begin, which only the builder knows.
        headers.remove(CONTENT_TYPE);
        let kind = text(parameters, "file_content_type")?.map(str::to_owned);
        return Ok(Content::File {
            name: name.to_owned(),
            content: content.to_owned(),
            kind,
        });
    }
    if file.1.is_none() && text(parameters, "file_path")?.is_some() {
        return Err("Parameter \"file_path\" names a file on the machine of the one who asks, whose command line sends \
                    it as \"file_name\" and \"file_content\"; the server reads no file"
            .to_owned());
    }
    let Some(body) = body else {
        return Ok(Content::Nothing);
    };
    let is_json = headers
        .get(CONTENT_TYPE)
        .is_some_and(|kind| kind.as_bytes() == JSON.as_bytes());
    Ok(Content::Text(match body {
        Value::String(text) if is_json => match serde_json::from_str::<Value>(text) {
            Ok(_) => text.clone(),
            // A template that renders an object gives Python's spelling of it.
            Err(error) => pyliteral::parse(text)
                .map(|value| value.to_string())
                .map_err(|_| {
                    format!(
                        "The content type is {JSON}, but the request body cannot be parsed as JSON: {error}"
                    )
                })?,
        },
        Value::String(text) => text.clone(),
        other => {
            headers
                .entry(CONTENT_TYPE)
                .or_insert(HeaderValue::from_static(JSON));
            other.to_string()
        }
    }))
}

/// Names and values for the query; a list gives its name several times, null is left out.
fn query(parameters: &JsonMap) -> Result<Vec<(String, String)>, String> {
    let mut pairs = Vec::new();
    match parameters.get("params") {
        None | Some(Value::Null) => {}
        Some(Value::Object(given)) => {
            for (name, value) in given {
                let values = match value {
                    Value::Array(values) => values.as_slice(),
                    single => std::slice::from_ref(single),
                };
                let values = values.iter().filter(|value| !value.is_null());
                pairs.extend(values.map(|value| (name.clone(), pyvalue::str(value))));
            }
        }
        Some(_) => return Err("Parameter \"params\" must be an object of names and values".to_owned()),
    }
    Ok(pairs)
}

fn timeout(parameters: &JsonMap) -> Result<f64, String> {
    match parameters.get("timeout") {
        None | Some(Value::Null) => Ok(DEFAULT_TIMEOUT),
        Some(value) => value
            .as_f64()
            .filter(|seconds| *seconds > 0.0)
            .map(|seconds| seconds.min(LONGEST_TIMEOUT))
            .ok_or_else(|| format!("Parameter \"timeout\" must be a number of seconds above 0. Got {value}")),
    }
}

/// A parameter that is a text; an empty one counts as absent.
fn text<'p>(parameters: &'p JsonMap, name: &str) -> Result<Option<&'p str>, String> {
    match parameters.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.as_str()).filter(|text| !text.is_empty())),
        Some(_) => Err(format!("Parameter \"{name}\" must be a text")),
    }
}

fn flag(parameters: &JsonMap, name: &str, default: bool) -> Result<bool, String> {
    match parameters.get(name) {
        None | Some(Value::Null) => Ok(default),
        Some(Value::Bool(flag)) => Ok(*flag),
        Some(_) => Err(format!("Parameter \"{name}\" must be true or false")),
    }
}

fn hosts(parameters: &JsonMap, name: &str) -> Result<Vec<String>, String> {
    let wrong = || format!("Parameter \"{name}\" must be a list of host names");
    match parameters.get(name) {
        None | Some(Value::Null) => Ok(Vec::new()),
        Some(Value::Array(hosts)) => hosts
            .iter()
            .map(|host| host.as_str().map(str::to_owned).ok_or_else(wrong))
            .collect(),
        Some(_) => Err(wrong()),
    }
}

/// An object of names and plain values; null values are left out.
fn fields(parameters: &JsonMap, name: &str) -> Result<Vec<(String, String)>, String> {
    let given = match parameters.get(name) {
        None | Some(Value::Null) => return Ok(Vec::new()),
        Some(Value::Object(given)) => given,
        Some(_) => {
            return Err(format!(
                "Parameter \"{name}\" must be an object of names and values"
            ));
        }
    };
    let plain = given.iter().filter(|(_, value)| !value.is_null());
    plain
        .map(|(key, value)| match value {
            Value::Array(_) | Value::Object(_) => {
                Err(format!("Parameter \"{name}\": the value of {key} must be a text"))
            }
            Value::String(text) => Ok((key.clone(), text.clone())),
            other => Ok((key.clone(), other.to_string())),
        })
        .collect()
}
