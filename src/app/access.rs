//! Reads `access.yaml` at the start and whenever it changes.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use serde_json::json;
use tokio_util::sync::CancellationToken;

use crate::access::{AccessFile, Mode, Policy};
use crate::model::{AuditDraft, Problem, Severity, Timestamp};
use crate::settings::Settings;
use crate::store::{Store, Write};
use crate::yaml::MAX_BYTES;

/// How often the file is looked at.
const LOOK: Duration = Duration::from_secs(1);

/// The file, and the policy that it goes into.
#[derive(Clone)]
pub(super) struct Access {
    policy: Arc<Policy>,
    path: PathBuf,
    name: String,
}

/// What tells one version of a file from another.
type Seen = Option<(SystemTime, u64)>;

impl Access {
    pub(super) fn new(policy: Arc<Policy>, settings: &Settings) -> Self {
        let path = settings.access_file();
        let name = path
            .file_name()
            .map_or_else(|| "access.yaml".into(), |name| name.to_string_lossy());
        Self {
            name: name.into_owned(),
            policy,
            path,
        }
    }

    /// Reads the file when the server starts.
    ///
    /// # Errors
    /// When it is broken: what nobody could mean must not be in force.
    pub(super) fn start(&self) -> anyhow::Result<()> {
        match self.read() {
            Ok(file) => {
                let options = self.policy.options();
                if options.mode == Mode::Open {
                    tracing::warn!(
                        "access.mode is open: everybody who can talk to the bot may run everything"
                    );
                } else if file.is_none() && options.allow.is_empty() {
                    tracing::info!(
                        file = %self.path.display(),
                        "there is no access file: only administrators may run what is not marked read-only"
                    );
                }
                self.policy.set_file(file);
                Ok(())
            }
            Err(problems) => {
                let told: Vec<String> = problems.iter().map(ToString::to_string).collect();
                anyhow::bail!("{} cannot be used:\n{}", self.path.display(), told.join("\n"))
            }
        }
    }

    fn read(&self) -> Result<Option<AccessFile>, Vec<Problem>> {
        let whole = |message: String| {
            vec![Problem {
                severity: Severity::Error,
                file: self.name.clone(),
                line: 0,
                column: 0,
                message,
                hint: String::new(),
                text: String::new(),
            }]
        };
        let size = match std::fs::metadata(&self.path) {
            Ok(found) => found.len(),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound && self.policy.on_disk().is_none() => {
                return Ok(None);
            }
            Err(error) => return Err(whole(format!("it cannot be read: {error}"))),
        };
        if size > MAX_BYTES as u64 {
            return Err(whole(format!(
                "it is larger than {} MiB",
                MAX_BYTES / 1024 / 1024
            )));
        }
        let text = std::fs::read_to_string(&self.path)
            .map_err(|error| whole(format!("it cannot be read: {error}")))?;
        AccessFile::read(&self.name, &text, &self.policy.known()).map(Some)
    }

    fn seen(&self) -> Seen {
        let found = std::fs::metadata(&self.path).ok()?;
        Some((found.modified().ok()?, found.len()))
    }

    /// Reads the file again; what is broken leaves what was in force. True when something changed.
    fn again(&self) -> bool {
        match self.read() {
            Ok(file) => {
                let changed =
                    self.policy.on_disk().as_deref() != file.as_ref() || !self.policy.problems().is_empty();
                if changed {
                    self.policy.set_file(file);
                }
                changed
            }
            Err(problems) => {
                let changed = *self.policy.problems() != problems;
                if changed {
                    for problem in &problems {
                        tracing::warn!("{problem}");
                    }
                    self.policy.set_problems(problems);
                }
                changed
            }
        }
    }

    /// Reads the file again, and says so in the log and the audit when something changed.
    pub(super) async fn reload(&self, store: &dyn Store, by: &str) {
        let this = self.clone();
        let Ok(true) = tokio::task::spawn_blocking(move || this.again()).await else {
            return;
        };
        let problems = self.policy.problems().len();
        if problems == 0 {
            tracing::info!(by, "{} was read again", self.name);
        }
        let draft = AuditDraft {
            timestamp: Timestamp::now(),
            kind: "access.reloaded".to_owned(),
            actor: by.to_owned(),
            detail: json!({"file": self.name, "problems": problems}),
            ..AuditDraft::default()
        };
        if let Err(error) = store.commit(vec![Write::Audit(draft)]).await {
            tracing::error!(%error, "cannot write into the audit log that the access file was read again");
        }
    }

    /// Follows the file until `shutdown`.
    pub(super) async fn watch(self, store: Arc<dyn Store>, shutdown: CancellationToken) {
        let mut before = self.seen();
        let mut looks = tokio::time::interval(LOOK);
        loop {
            tokio::select! {
                () = shutdown.cancelled() => return,
                _ = looks.tick() => {}
            }
            let now = self.seen();
            if now != before {
                before = now;
                self.reload(&*store, "files").await;
            }
        }
    }
}
