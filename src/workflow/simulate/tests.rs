//! Simulated workflows, and the answers of the reference.
