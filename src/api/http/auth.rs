//! Who calls: tokens in headers, query or cookie.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use sha2::{Digest as _, Sha512};

use super::error::{ApiError, ApiResult};
use super::query::Query;
use crate::api::ApiState;
use crate::api::client::ACT_AS;
use crate::model::Identity;

/// Characters that the name of a user may have.
const NAME_LIMIT: usize = 128;

/// The authenticated caller of a request.
#[derive(Clone, Debug)]
pub struct Caller {
    /// On whose behalf the request is made.
    pub identity: Arc<Identity>,
    /// `authentication token` or `API key`, as the reference calls them.
    pub method: &'static str,
    /// Where it was: `header`, `query` or `cookie`.
    pub location: &'static str,
}

impl Caller {
    /// Whether the caller has the role `admin`.
    #[must_use]
    pub fn is_admin(&self) -> bool {
        self.identity.is_admin()
    }

    /// Refuses callers who are no administrators.
    ///
    /// # Errors
    /// 403 naming what was asked for.
    pub fn require_admin(&self, what: &str) -> Result<(), ApiError> {
        if self.is_admin() {
            return Ok(());
        }
        Err(ApiError::forbidden(format!(
            "User \"{}\" doesn't have the role \"admin\", which is required to {what}",
            self.identity.user
        )))
    }
}

impl FromRequestParts<ApiState> for Caller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &ApiState) -> ApiResult<Self> {
        state.authenticate(&parts.method, &parts.uri, &parts.headers)
    }
}

struct Credential<'a> {
    secret: std::borrow::Cow<'a, str>,
    is_key: bool,
    location: &'static str,
}

impl ApiState {
    /// Finds out who calls.
    ///
    /// # Errors
    /// 401 without a valid token, 403 for a token that may not act on behalf of somebody else.
    pub fn authenticate(&self, method: &Method, uri: &Uri, headers: &HeaderMap) -> Result<Caller, ApiError> {
        let unauthorized =
            |detail: &str| ApiError::new(StatusCode::UNAUTHORIZED, format!("Unauthorized{detail}"));
        let credential =
            find(uri, headers).ok_or_else(|| unauthorized(" - One of Token or API key required."))?;
        let Some(principal) = self.tokens().principal(&credential.secret) else {
            if credential.is_key {
                let hash = hex::encode(Sha512::digest(credential.secret.as_bytes()));
                return Err(unauthorized(&format!(
                    " - ApiKey with key_hash={hash} not found."
                )));
            }
            return Err(unauthorized(""));
        };
        if credential.location == "cookie" {
            self.refuse_foreign_pages(method, headers)?;
        }
        // Roles may have changed since the token was read.
        let own = &principal.identity;
        let mut identity = Arc::new(self.policy().identity(&own.user, &own.via));
        if let Some(name) = headers.get(ACT_AS) {
            if !principal.may_act_as_others {
                return Err(ApiError::forbidden("This token may not act on behalf of others."));
            }
            let name = user_name(name)?;
            if name != identity.user {
                identity = Arc::new(
                    self.policy()
                        .identity(name, &format!("token of {}", identity.user)),
                );
            }
        }
        if let Some(why) = self.policy().inactive(&identity.user) {
            return Err(ApiError::forbidden(format!("Not allowed: {why}")));
        }
        let method = if credential.is_key {
            "API key"
        } else {
            "authentication token"
        };
        Ok(Caller {
            identity,
            method,
            location: credential.location,
        })
    }

    /// Browsers send cookies along with what pages of other sites ask for; those may not change anything.
    fn refuse_foreign_pages(&self, method: &Method, headers: &HeaderMap) -> ApiResult<()> {
        if method.is_safe() {
            return Ok(());
        }
        let Some(origin) = headers.get(header::ORIGIN).and_then(|value| value.to_str().ok()) else {
            return Ok(());
        };
        let host = headers
            .get(header::HOST)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default();
        let own = origin.split_once("://").is_some_and(|(_, rest)| rest == host);
        if own
            || self
                .options()
                .allow_origin
                .iter()
                .any(|allowed| allowed == origin)
        {
            return Ok(());
        }
        Err(ApiError::forbidden(
            "Pages of other sites may not use the session (setting api.allow_origin).",
        ))
    }
}

fn user_name(value: &HeaderValue) -> ApiResult<&str> {
    let name = std::str::from_utf8(value.as_bytes())
        .map(str::trim)
        .unwrap_or_default();
    if name.is_empty() || name.chars().count() > NAME_LIMIT || name.chars().any(char::is_control) {
        return Err(ApiError::bad_request(format!(
            "The header {ACT_AS} holds no user name."
        )));
    }
    Ok(name)
}

fn find<'a>(uri: &Uri, headers: &'a HeaderMap) -> Option<Credential<'a>> {
    let header = |name: &str| headers.get(name)?.to_str().ok();
    let credential = |secret: std::borrow::Cow<'a, str>, is_key, location| Credential {
        secret,
        is_key,
        location,
    };
    if let Some(token) = header("x-auth-token") {
        return Some(credential(token.trim().into(), false, "header"));
    }
    if let Some(text) = header("authorization")
        && let Some((scheme, token)) = text.split_once(' ')
        && scheme.eq_ignore_ascii_case("bearer")
    {
        return Some(credential(token.trim().into(), false, "header"));
    }
    if let Some(key) = header("st2-api-key") {
        return Some(credential(key.trim().into(), true, "header"));
    }
    if let Some(text) = uri.query()
        && (text.contains("x-auth-token") || text.contains("st2-api-key"))
    {
        let query = Query::parse(Some(text));
        for (name, is_key) in [("x-auth-token", false), ("st2-api-key", true)] {
            if let Some(secret) = query.text(name) {
                return Some(credential(secret.to_owned().into(), is_key, "query"));
            }
        }
    }
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|text| text.split(';'))
        .find_map(|pair| pair.trim().strip_prefix("auth-token="))
        .map(|token| credential(token.trim_matches('"').into(), false, "cookie"))
}
