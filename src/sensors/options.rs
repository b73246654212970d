//! Section `[sensors]` of the settings.

use serde::{Deserialize, Serialize};

/// Section `[sensors]`: what watches the world.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SensorOptions {
    /// Whether sensors of packs run.
    pub enabled: bool,
    /// Bytes of data that the process of a sensor may have; 0: as many as there are.
    pub memory_limit: u64,
    /// Seconds between asking a sensor to stop and killing it.
    pub grace_seconds: u64,
    /// Events of one sensor that may be on their way into the store.
    pub unacknowledged: usize,
    /// Address for syslog over UDP.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub syslog_udp: Option<String>,
    /// Address for syslog over TCP.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub syslog_tcp: Option<String>,
    /// Chat messages per second that become events; more are left out.
    pub chat_messages: u32,
}

impl Default for SensorOptions {
    fn default() -> Self {
        Self {
            enabled: true,
            memory_limit: 2 << 30,
            grace_seconds: 5,
            unacknowledged: 32,
            syslog_udp: None,
            syslog_tcp: None,
            chat_messages: 20,
        }
    }
}
