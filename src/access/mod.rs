//! Who asks, and whether they may: identities, tokens, permission decisions with reasons.

mod authority;

pub use authority::{Ask, Authority};
