//! The words of `sayso sensor`.

use clap::Subcommand;

use super::Show;

/// `sayso sensor …`.
#[derive(Debug, Subcommand)]
pub enum SensorCommand {
    /// List sensors and how they are
    List {
        /// Only this pack's
        #[arg(short, long)]
        pack: Option<String>,
        /// Which columns.
        #[command(flatten)]
        show: Show,
    },
    /// Show a sensor, with what it wrote last to its standard error
    Get {
        /// The sensor, pack.name
        #[arg(value_name = "SENSOR")]
        reference: String,
        /// Which attributes.
        #[command(flatten)]
        show: Show,
    },
    /// Let sensors run
    Enable {
        /// Sensors, pack.name
        #[arg(required = true, value_name = "SENSOR")]
        references: Vec<String>,
    },
    /// Stop sensors
    Disable {
        /// Sensors, pack.name
        #[arg(required = true, value_name = "SENSOR")]
        references: Vec<String>,
    },
}
