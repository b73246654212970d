//! Who asks, and whether they may: identities, tokens, permission decisions with reasons.

mod authority;
pub mod file;
pub mod options;
pub mod people;
pub mod policy;
pub mod reviews;
pub mod rulebook;
mod times;
pub mod token;
mod when;

pub use authority::{Ask, Authority};
pub use file::AccessFile;
pub use options::{AccessOptions, AllowRule, Condition, Mode};
pub use people::{People, PeopleError};
pub use policy::Policy;
pub use reviews::Review;
pub use rulebook::RuleError;
pub use times::Window;
pub use token::{Principal, Tokens};
pub use when::{Truth, When, WhenError};

pub use crate::expr::glob;
pub(crate) use file::terms_of;
