//! Who asks, and whether they may: identities, tokens, permission decisions with reasons.

mod authority;
pub mod glob;
pub mod options;
pub mod policy;
pub mod token;

pub use authority::{Ask, Authority};
pub use options::{AccessOptions, AllowRule, Condition, Mode};
pub use policy::Policy;
pub use token::{Principal, Tokens};
