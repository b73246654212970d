//! Query strings: typed values with the reference's complaints.

use std::convert::Infallible;

use axum::extract::FromRequestParts;
use http::request::Parts;

use super::error::{ApiError, ApiResult};
use crate::model::Timestamp;

/// Parameters that a query string may have; no sensible request comes near.
const MOST: usize = 100;

/// The parameters of a query string, decoded. Of a repeated one the first counts, except in lists.
#[derive(Clone, Debug, Default)]
pub(crate) struct Query {
    pairs: Vec<(String, String)>,
    too_many: bool,
}

impl Query {
    pub(crate) fn parse(text: Option<&str>) -> Self {
        let Some(text) = text.filter(|text| !text.is_empty()) else { return Self::default() };
        let mut pairs: Vec<(String, String)> =
            url::form_urlencoded::parse(text.as_bytes()).take(MOST + 1).map(|(k, v)| (k.into(), v.into())).collect();
        let too_many = pairs.len() > MOST;
        pairs.truncate(MOST);
        Self { pairs, too_many }
    }

    /// Refuses query strings that nobody writes.
    pub(crate) fn check(&self) -> ApiResult<()> {
        if self.too_many {
            return Err(ApiError::bad_request(format!("More than {MOST} query parameters.")));
        }
        Ok(())
    }

    /// A text; an empty one counts as not given.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.pairs.iter().find(|(key, value)| key == name && !value.is_empty()).map(|(_, value)| value.as_str())
    }

    /// The elements of a comma-separated list; repeating the parameter adds to it.
    pub(crate) fn list(&self, name: &str) -> Vec<&str> {
        self.pairs
            .iter()
            .filter(|(key, _)| key == name)
            .flat_map(|(_, value)| value.split(','))
            .map(str::trim)
            .filter(|item| !item.is_empty())
            .collect()
    }

    /// A boolean, false when not given.
    pub(crate) fn flag(&self, name: &str) -> ApiResult<bool> {
        match self.text(name).map(str::to_ascii_lowercase).as_deref() {
            None | Some("false" | "0" | "no" | "off") => Ok(false),
            Some("true" | "1" | "yes" | "on") => Ok(true),
            Some(_) => Err(ApiError::bad_request(format!("Parameter \"{name}\" is not of type boolean"))),
        }
    }

    /// A whole number.
    pub(crate) fn integer(&self, name: &str) -> ApiResult<Option<i64>> {
        self.text(name)
            .map(|text| {
                text.trim()
                    .parse()
                    .map_err(|_| ApiError::bad_request(format!("Parameter \"{name}\" is not of type integer")))
            })
            .transpose()
    }

    /// A point in time.
    pub(crate) fn time(&self, name: &str) -> ApiResult<Option<Timestamp>> {
        self.text(name)
            .map(|text| {
                // In a query an unescaped `+` of an offset arrives as a blank.
                text.trim()
                    .replace(' ', "+")
                    .parse()
                    .or_else(|_| text.parse())
                    .map_err(|_| ApiError::bad_request("Datetime value does not match expected format."))
            })
            .transpose()
    }
}

impl<S: Sync> FromRequestParts<S> for Query {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self::parse(parts.uri.query()))
    }
}
