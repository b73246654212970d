//! Parts of lists (`limit`, `offset`, `sort`) and parts of items (`include_attributes`, `exclude_attributes`).

use std::cmp::Ordering;

use axum::response::Response;
use http::HeaderValue;
use serde_json::Value;

use super::auth::Caller;
use super::error::{ApiError, ApiResult};
use super::query::Query;
use crate::api::ApiState;
use crate::model::JsonMap;
use crate::store::{Page, SortOrder};

/// Items of a list when nobody says how many.
const DEFAULT_LIMIT: u32 = 100;

/// Which part of a list.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Paging {
    /// At most so many; `None`: all of them.
    pub(crate) limit: Option<u32>,
    /// Items to skip.
    pub(crate) offset: u64,
}

impl Paging {
    pub(crate) fn of(query: &Query, caller: &Caller, state: &ApiState) -> ApiResult<Self> {
        let most = state.options().max_page_size;
        let limit = match query.integer("limit")? {
            None => Some(DEFAULT_LIMIT.min(most)),
            Some(-1) if caller.is_admin() => None,
            Some(-1) => {
                return Err(ApiError::forbidden(
                    "Administrator access required to be able to specify limit=-1 and retrieve all the records",
                ));
            }
            Some(limit) if limit < 1 => {
                return Err(ApiError::bad_request(format!(
                    "Limit, \"{limit}\" specified, must be a positive number."
                )));
            }
            Some(limit) if limit > i64::from(most) && !caller.is_admin() => {
                return Err(ApiError::forbidden(format!(
                    "Limit \"{limit}\" specified, maximum value is \"{most}\""
                )));
            }
            Some(limit) => Some(u32::try_from(limit).unwrap_or(u32::MAX)),
        };
        let offset = query.integer("offset")?.unwrap_or(0);
        let offset = u64::try_from(offset).map_err(|_| {
            ApiError::bad_request(format!("Offset, \"{offset}\" specified, must not be negative."))
        })?;
        Ok(Self { limit, offset })
    }

    /// The page of a list that the store has in order of time: newest first, or as `sort_asc` says.
    pub(crate) fn page(&self, query: &Query) -> ApiResult<Page> {
        let order = if query.flag("sort_asc")? {
            SortOrder::Ascending
        } else {
            SortOrder::Descending
        };
        Ok(Page {
            order,
            offset: self.offset,
            limit: self.limit,
            count: true,
            after: None,
        })
    }

    /// Tells the client how many there are and how many it asked for.
    pub(crate) fn headers(&self, response: &mut Response, total: Option<u64>) {
        let headers = response.headers_mut();
        if let Some(total) = total {
            headers.insert("x-total-count", HeaderValue::from(total));
        }
        if let Some(limit) = self.limit {
            headers.insert("x-limit", HeaderValue::from(limit));
        }
    }
}

/// Which attributes of an item are answered. Paths may go into objects, `action.ref`.
#[derive(Clone, Debug)]
pub(crate) enum Projection {
    /// All.
    All,
    /// These and `id`.
    Include(Vec<String>),
    /// All but these.
    Exclude(Vec<String>),
}

impl Projection {
    /// As the query asks for it; only `known` attributes may be named.
    pub(crate) fn of(query: &Query, known: &[&str]) -> ApiResult<Self> {
        let include = query.list("include_attributes");
        let exclude = query.list("exclude_attributes");
        let checked = |kind: &str, attributes: &[&str]| -> ApiResult<Vec<String>> {
            for attribute in attributes {
                let first = attribute.split('.').next().unwrap_or_default();
                if !known.contains(&first) {
                    return Err(ApiError::bad_request(format!(
                        "Invalid or unsupported {kind} attribute specified: {attribute}"
                    )));
                }
            }
            Ok(attributes.iter().map(|&attribute| attribute.to_owned()).collect())
        };
        match (include.is_empty(), exclude.is_empty()) {
            (true, true) => Ok(Self::All),
            (false, true) => Ok(Self::Include(checked("include", &include)?)),
            (true, false) => Ok(Self::Exclude(checked("exclude", &exclude)?)),
            (false, false) => Err(ApiError::bad_request(
                "exclude_attributes and include_attributes arguments are mutually exclusive. \
                 You need to provide either one or another, but not both.",
            )),
        }
    }

    /// Whether the attribute itself is (at least in part) in the answer.
    pub(crate) fn wants(&self, attribute: &str) -> bool {
        match self {
            Self::All => true,
            Self::Include(paths) => paths.iter().any(|path| path.split('.').next() == Some(attribute)),
            Self::Exclude(paths) => !paths.iter().any(|path| path == attribute),
        }
    }

    /// The part of an item.
    pub(crate) fn apply(&self, value: Value) -> Value {
        let Value::Object(map) = value else { return value };
        Value::Object(match self {
            Self::All => map,
            Self::Include(paths) => {
                let mut paths: Vec<&str> = paths.iter().map(String::as_str).collect();
                paths.push("id");
                include(map, &paths)
            }
            Self::Exclude(paths) => {
                let mut map = map;
                for path in paths {
                    exclude(&mut map, path);
                }
                map
            }
        })
    }
}

fn include(map: JsonMap, paths: &[&str]) -> JsonMap {
    let mut kept = JsonMap::new();
    for (key, value) in map {
        let inner: Vec<&str> = paths
            .iter()
            .filter_map(|path| path.strip_prefix(key.as_str())?.strip_prefix('.'))
            .collect();
        if paths.contains(&key.as_str()) {
            kept.insert(key, value);
        } else if !inner.is_empty()
            && let Value::Object(value) = value
        {
            kept.insert(key, Value::Object(include(value, &inner)));
        }
    }
    kept
}

fn exclude(map: &mut JsonMap, path: &str) {
    match path.split_once('.') {
        None => {
            map.shift_remove(path);
        }
        Some((first, rest)) => {
            if let Some(Value::Object(inner)) = map.get_mut(first) {
                exclude(inner, rest);
            }
        }
    }
}

/// Answers the part of a list in memory that was asked for, in the list's own order; only this part is made to be shown.
pub(crate) fn answer_page<T>(items: &[T], paging: &Paging, show: impl Fn(&T) -> Value) -> ApiResult {
    let offset = usize::try_from(paging.offset).unwrap_or(usize::MAX);
    let limit = paging.limit.map_or(usize::MAX, |limit| limit as usize);
    let page: Vec<Value> = items.iter().skip(offset).take(limit).map(show).collect();
    let mut response = super::json(http::StatusCode::OK, &page)?;
    paging.headers(&mut response, u64::try_from(items.len()).ok());
    Ok(response)
}

/// Answers a list that is in memory: sorted, cut, projected, with its headers.
pub(crate) fn answer_list(
    mut items: Vec<Value>,
    query: &Query,
    caller: &Caller,
    state: &ApiState,
    known: &[&str],
) -> ApiResult {
    query.check()?;
    let projection = Projection::of(query, known)?;
    let paging = Paging::of(query, caller, state)?;
    sort(&mut items, query);
    let total = items.len() as u64;
    let offset = usize::try_from(paging.offset).unwrap_or(usize::MAX);
    let limit = paging.limit.map_or(usize::MAX, |limit| limit as usize);
    let page: Vec<Value> = items
        .into_iter()
        .skip(offset)
        .take(limit)
        .map(|item| projection.apply(item))
        .collect();
    let mut response = super::json(http::StatusCode::OK, &page)?;
    paging.headers(&mut response, Some(total));
    Ok(response)
}

/// Sorts by the attributes in `sort` (`-name` downwards); unknown ones make no difference.
fn sort(items: &mut [Value], query: &Query) {
    let keys: Vec<(&str, bool)> = query
        .list("sort")
        .into_iter()
        .map(|key| match key.strip_prefix('-') {
            Some(key) => (key, true),
            None => (key.trim_start_matches('+'), false),
        })
        .collect();
    if keys.is_empty() {
        return;
    }
    items.sort_by(|a, b| {
        keys.iter().fold(Ordering::Equal, |order, (key, down)| {
            order.then_with(|| {
                let order = compare(a.get(key), b.get(key));
                if *down { order.reverse() } else { order }
            })
        })
    });
}

fn compare(a: Option<&Value>, b: Option<&Value>) -> Ordering {
    match (a, b) {
        (Some(Value::String(a)), Some(Value::String(b))) => a.cmp(b),
        (Some(Value::Bool(a)), Some(Value::Bool(b))) => a.cmp(b),
        (Some(Value::Number(a)), Some(Value::Number(b))) => {
            a.as_f64().partial_cmp(&b.as_f64()).unwrap_or(Ordering::Equal)
        }
        (a, b) => a.is_some().cmp(&b.is_some()),
    }
}
