//! Sensors as people see them.

use std::sync::Arc;

use serde::Serialize;

use super::status::{State, Status};
use super::{Sensors, Shared};
use crate::model::{JsonMap, Timestamp};
use crate::triggers::Sensor;

/// A sensor of the content in force.
#[derive(Clone, Debug)]
pub struct SensorView {
    /// What its file says.
    pub sensor: Arc<Sensor>,
    /// Whether it is to run: its file, unless somebody switched it.
    pub enabled: bool,
    /// What is known of it.
    pub status: Status,
}

/// A trigger that Sayso watches itself, as rules ask for it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct WatchView {
    /// Ref of the trigger.
    pub trigger: String,
    /// Ref of its type.
    #[serde(rename = "type")]
    pub type_ref: String,
    /// Its parameters.
    pub parameters: JsonMap,
    /// Its events that were stored, since Sayso runs.
    pub events: u64,
    /// When the last one was stored.
    pub last_event: Option<Timestamp>,
    /// What is wrong now.
    pub error: Option<String>,
}

impl Shared {
    /// Whether a sensor is to run.
    pub(super) fn is_enabled(&self, sensor: &Sensor) -> bool {
        let switched = self.switches.lock().get(&sensor.reference).copied();
        switched.unwrap_or(sensor.enabled)
    }

    fn view(&self, sensor: &Arc<Sensor>) -> SensorView {
        let enabled = self.is_enabled(sensor);
        let mut status = self
            .statuses
            .lock()
            .get(&sensor.reference)
            .cloned()
            .unwrap_or_default();
        if !enabled && status.pid.is_none() {
            status.state = State::Disabled;
            status.next_start = None;
            status.reason.clear();
        }
        SensorView {
            sensor: Arc::clone(sensor),
            enabled,
            status,
        }
    }
}

impl Sensors {
    /// All sensors by ref.
    #[must_use]
    pub fn all(&self) -> Vec<SensorView> {
        let snapshot = self.shared.parts.content.snapshot();
        snapshot
            .sensors
            .values()
            .map(|sensor| self.shared.view(sensor))
            .collect()
    }

    /// The sensor with this ref.
    #[must_use]
    pub fn get(&self, reference: &str) -> Option<SensorView> {
        let snapshot = self.shared.parts.content.snapshot();
        let sensor = snapshot.sensors.get(reference)?;
        Some(self.shared.view(sensor))
    }

    /// What Sayso watches itself, by ref of the trigger.
    #[must_use]
    pub fn watches(&self) -> Vec<WatchView> {
        self.shared.watches.lock().values().cloned().collect()
    }
}
