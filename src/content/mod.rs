//! Packs on disk become one immutable, validated snapshot.
