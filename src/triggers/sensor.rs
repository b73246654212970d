//! Sensors: the metadata of programs that watch something and tell of it (SEN-1).

use serde_json::Value as Json;

use super::kind::TriggerType;
use crate::model::{Finding, JsonMap};
use crate::yaml::reader::Reader;

const KEYS: [&str; 13] = [
    "class_name",
    "entry_point",
    "name",
    "pack",
    "ref",
    "uid",
    "id",
    "description",
    "enabled",
    "poll_interval",
    "trigger_types",
    "artifact_uri",
    "metadata_file",
];

/// A sensor.
#[derive(Clone, Debug, PartialEq)]
pub struct Sensor {
    /// `pack.class_name`
    pub reference: String,
    /// Pack.
    pub pack: String,
    /// Class within the file.
    pub class_name: String,
    /// File below `sensors/`.
    pub entry_point: String,
    /// For people; may be empty.
    pub description: String,
    /// Whether it runs.
    pub enabled: bool,
    /// Seconds between two polls; `None` for sensors that have a loop of their own.
    pub poll_interval: Option<u32>,
    /// What it tells of.
    pub trigger_types: Vec<TriggerType>,
    /// File below the pack.
    pub metadata_file: String,
}

impl Sensor {
    /// Reads a sensor from the value of its file.
    ///
    /// `None` when it cannot be used; every finding is reported either way.
    #[must_use]
    pub fn from_value(value: &Json, pack: &str) -> (Option<Self>, Vec<Finding>) {
        let mut reader = Reader::new();
        let sensor = Self::read(value, pack, &mut reader);
        let broken = reader.is_broken();
        (sensor.filter(|_| !broken), reader.findings)
    }

    fn read(value: &Json, pack: &str, reader: &mut Reader) -> Option<Self> {
        let map = reader.object(value, "", "a sensor", "start with `class_name: …`")?;
        reader.known_keys(map, "", &KEYS);
        let class_name = reader.required_text(map, "", "class_name");
        let entry_point = reader.required_text(map, "", "entry_point");
        let away = entry_point.starts_with('/') || entry_point.split('/').any(|part| part == "..");
        if away {
            let hint = "write the name of a file in sensors/";
            reader.error(
                "/entry_point",
                "the file lies outside of the pack's sensors",
                hint,
            );
        }
        Some(Self {
            reference: format!("{pack}.{class_name}"),
            pack: pack.to_owned(),
            class_name,
            entry_point,
            description: reader.text(map, "", "description").unwrap_or_default(),
            enabled: reader.flag(map, "", "enabled").unwrap_or(true),
            poll_interval: interval(map, reader),
            trigger_types: types(map, pack, reader),
            metadata_file: String::new(),
        })
    }
}

fn interval(map: &JsonMap, reader: &mut Reader) -> Option<u32> {
    let seconds = reader.integer(map, "", "poll_interval")?;
    match u32::try_from(seconds) {
        Ok(seconds) if seconds > 0 => Some(seconds),
        _ => {
            let message = format!("{seconds} seconds are no interval");
            reader.error("/poll_interval", message, "write 1 or more");
            None
        }
    }
}

fn types(map: &JsonMap, pack: &str, reader: &mut Reader) -> Vec<TriggerType> {
    let mut types: Vec<TriggerType> = Vec::new();
    for (index, value) in reader.list(map, "", "trigger_types").iter().enumerate() {
        let at = format!("/trigger_types/{index}");
        let Some(kind) = TriggerType::read(value, &at, Some(pack), reader) else {
            continue;
        };
        if types.iter().any(|other| other.name == kind.name) {
            let message = format!("the sensor has a trigger type `{}` already", kind.name);
            reader.error(&format!("{at}/name"), message, "rename one of them");
        }
        types.push(kind);
    }
    types
}
