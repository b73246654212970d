//! `/sensortypes`, in the reference's shape with the sensor's status behind it (SEN-1, SEN-9).

use axum::extract::{Path, State};
use http::StatusCode;
use serde_json::{Value, json};

use crate::api::ApiState;
use crate::api::http::auth::Caller;
use crate::api::http::body::Payload;
use crate::api::http::error::{ApiError, ApiResult};
use crate::api::http::json as answer;
use crate::api::http::paging::{Paging, Projection, answer_page};
use crate::api::http::query::Query;
use crate::model::{Id, Pack};
use crate::sensors::{SensorView, Sensors, SwitchError};

const ATTRIBUTES: [&str; 13] = [
    "description",
    "uid",
    "metadata_file",
    "name",
    "ref",
    "pack",
    "artifact_uri",
    "entry_point",
    "trigger_types",
    "enabled",
    "id",
    "poll_interval",
    "status",
];

impl From<SwitchError> for ApiError {
    fn from(error: SwitchError) -> Self {
        match error {
            SwitchError::Unknown(_) => Self::not_found(error.to_string()),
            SwitchError::Store(error) => error.into(),
        }
    }
}

fn id_of(view: &SensorView) -> Id {
    Id::of_name(&uid(view))
}

fn uid(view: &SensorView) -> String {
    format!("sensor_type:{}:{}", view.sensor.pack, view.sensor.class_name)
}

/// A sensor as the API shows it. What it writes to its standard error may hold anything: only administrators see it.
fn shown(view: &SensorView, pack: Option<&Pack>, is_admin: bool) -> Value {
    let sensor = &view.sensor;
    let folder = pack.and_then(|pack| pack.path.as_ref()).map_or_else(
        || format!("builtin:///{}", sensor.pack),
        |path| format!("file://{}", path.display()),
    );
    let types: Vec<&str> = sensor
        .trigger_types
        .iter()
        .map(|kind| kind.reference.as_str())
        .collect();
    let mut status = json!(view.status);
    if !is_admin && let Some(status) = status.as_object_mut() {
        status.shift_remove("stderr");
    }
    let mut value = json!({
        "description": sensor.description,
        "uid": uid(view),
        "metadata_file": sensor.metadata_file,
        "name": sensor.class_name,
        "ref": sensor.reference,
        "pack": sensor.pack,
        "artifact_uri": format!("{folder}/sensors/{}", sensor.entry_point),
        "entry_point": entry_point(&sensor.entry_point, &sensor.class_name),
        "trigger_types": types,
        "enabled": view.enabled,
        "id": id_of(view),
    });
    if let Some(seconds) = sensor.poll_interval {
        value["poll_interval"] = seconds.into();
    }
    value["status"] = status;
    value
}

/// Python classes are named as modules, as the reference does; programs by their file.
fn entry_point(file: &str, class_name: &str) -> String {
    file.strip_suffix(".py").map_or_else(
        || format!("sensors/{file}"),
        |module| format!("sensors.{}.{class_name}", module.replace('/', ".")),
    )
}

fn show(state: &ApiState, caller: &Caller, view: &SensorView) -> Value {
    let snapshot = state.content().snapshot();
    let pack = snapshot.packs.get(&view.sensor.pack);
    shown(view, pack.map(|pack| &**pack), caller.is_admin())
}

/// What `/status` says about sensors.
pub(super) fn summary(sensors: &Sensors) -> Value {
    let all = sensors.all();
    let failing: Vec<Value> = all
        .iter()
        .filter(|view| view.status.state.is_failing())
        .map(|view| {
            json!({
                "ref": view.sensor.reference,
                "state": view.status.state,
                "last_error": view.status.last_error,
                "next_start": view.status.next_start,
            })
        })
        .collect();
    json!({
        "all": all.len(),
        "enabled": all.iter().filter(|view| view.enabled).count(),
        "running": all.iter().filter(|view| view.status.pid.is_some()).count(),
        "failing": failing,
        "watches": sensors.watches(),
    })
}

/// `GET /sensortypes`.
pub(crate) async fn list(State(state): State<ApiState>, caller: Caller, query: Query) -> ApiResult {
    query.check()?;
    let projection = Projection::of(&query, &ATTRIBUTES)?;
    let paging = Paging::of(&query, &caller, &state)?;
    let wanted = |name: &str, fits: &dyn Fn(&str) -> bool| {
        let list = query.list(name);
        list.is_empty() || list.into_iter().any(fits)
    };
    let enabled = match query.text("enabled") {
        None => None,
        Some(_) => Some(query.flag("enabled")?),
    };
    let all = state.sensors().all();
    let matching: Vec<_> = all
        .iter()
        .filter(|view| {
            let sensor = &view.sensor;
            let types = &sensor.trigger_types;
            wanted("pack", &|pack| pack == sensor.pack)
                && wanted("name", &|name| name == sensor.class_name)
                && wanted("trigger", &|kind| types.iter().any(|own| own.reference == kind))
                && enabled.is_none_or(|enabled| enabled == view.enabled)
        })
        .collect();
    answer_page(&matching, &paging, |view| {
        projection.apply(show(&state, &caller, view))
    })
}

/// The sensor with this ref or id.
fn find(sensors: &Sensors, wanted: &str) -> ApiResult<SensorView> {
    if let Some(view) = sensors.get(wanted) {
        return Ok(view);
    }
    let all = sensors.all();
    if let Ok(id) = wanted.parse::<Id>()
        && let Some(view) = all.iter().find(|view| id_of(view) == id)
    {
        return Ok(view.clone());
    }
    let names = all.iter().map(|view| view.sensor.reference.as_str());
    Err(super::unknown_reference(
        wanted,
        crate::model::nearest(wanted, names),
    ))
}

/// `GET /sensortypes/{ref_or_id}`.
pub(crate) async fn get(
    State(state): State<ApiState>,
    caller: Caller,
    Path(wanted): Path<String>,
    query: Query,
) -> ApiResult {
    query.check()?;
    let projection = Projection::of(&query, &ATTRIBUTES)?;
    let view = find(state.sensors(), &wanted)?;
    answer(StatusCode::OK, &projection.apply(show(&state, &caller, &view)))
}

/// `PUT /sensortypes/{ref_or_id}`: switches the sensor on or off. Clients send back the whole sensor; nothing but
/// `enabled` is looked at.
pub(crate) async fn update(
    State(state): State<ApiState>,
    caller: Caller,
    Path(wanted): Path<String>,
    Payload(body): Payload,
) -> ApiResult {
    caller.require_admin("switch sensors on and off")?;
    let view = find(state.sensors(), &wanted)?;
    let enabled = match body.get("enabled") {
        Some(Value::Bool(enabled)) => *enabled,
        Some(other) => {
            return Err(ApiError::bad_request(format!("{other} is not of type 'boolean'")));
        }
        None => return Err(ApiError::bad_request("'enabled' is a required property")),
    };
    let reference = &view.sensor.reference;
    state
        .sensors()
        .switch(reference, enabled, &caller.identity.user)
        .await?;
    let view = find(state.sensors(), reference)?;
    answer(StatusCode::OK, &show(&state, &caller, &view))
}
