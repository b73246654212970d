//! Tests of the gateway against small servers.
