//! Whatever comes in does not panic, whatever goes out is within Discord's limits.
