//! Who asks, where, and the answer to "may they?".

use serde::{Deserialize, Serialize};

use super::JsonMap;

/// The person or service behind a request, after authentication.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Identity {
    /// Internal name of the person; approvals, rights and audit go by this.
    pub user: String,
    /// Roles from configuration; `admin` may do everything.
    pub roles: Vec<String>,
    /// How the identity was established: `token`, `console`, `slack`, `rule`…
    pub via: String,
    /// Account on a chat platform, `slack:T1:U123`, when there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
}

impl Identity {
    /// True when the identity has the role `admin`.
    #[must_use]
    pub fn is_admin(&self) -> bool {
        self.roles.iter().any(|role| role == "admin")
    }
}

/// A place where people talk: a conversation on a gateway.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Place {
    /// Instance name of the gateway, `console`, `slack:default`, `discord:default`.
    pub gateway: String,
    /// The gateway's own id of the channel, direct message or terminal session.
    pub conversation: String,
    /// The gateway's id of the thread inside it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thread: Option<String>,
    /// The name that people know it by, `#ops`; for texts only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

/// The answer to "may this identity do this here and now?", with its reason.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Decision {
    /// Whether it may.
    pub allowed: bool,
    /// One sentence: the rule that decided.
    pub reason: String,
    /// Where that rule stands, `access.yaml:14`, when it stands in a file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<String>,
    /// Approvals that are needed before it runs; all of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub needs: Vec<Need>,
}

/// An approval that is needed before something runs.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Need {
    /// Its terms, as `core.approve` takes them: `{by, count, within, …}`.
    pub terms: JsonMap,
    /// Who asks for it: ``grant `deploys` (access.yaml:14)``.
    pub source: String,
}
