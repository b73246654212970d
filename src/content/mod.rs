//! Packs on disk become one immutable, validated snapshot.

pub mod yaml;
