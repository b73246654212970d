//! The `sayso` binary.

fn main() {}
