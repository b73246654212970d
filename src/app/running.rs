//! A running Sayso: what the command line does with it, and how it stops.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use futures_util::future::BoxFuture;
use serde_json::json;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use zeroize::Zeroizing;

use super::access::Access;
use crate::api::client::{Client, ClientError};
use crate::api::{self, Reload};
use crate::chat::Hub;
use crate::chat::slack::Doors;
use crate::cli::Running;
use crate::content::{Content, ReloadReport};
use crate::engine::Engine;
use crate::model::{AuditDraft, Timestamp};
use crate::sensors::Sensors;
use crate::settings::Settings;
use crate::store::Write;

/// How often handled chat events that are old enough are forgotten.
const FORGET_PERIOD: Duration = Duration::from_secs(3600);

/// Everything that runs.
pub(super) struct App {
    pub(super) engine: Engine,
    content: Arc<Content>,
    hub: Hub,
    token: Zeroizing<String>,
    access: Access,
    sensors: Sensors,
    router: Router,
    max_connections: usize,
    /// Ends the HTTP server, event streams and background work.
    shutdown: CancellationToken,
    /// Ends listening to chat platforms: before everything else, while answers can still go out.
    deaf: CancellationToken,
    /// Where requests of Slack come in.
    doors: Doors,
}

impl App {
    pub(super) fn new(
        engine: Engine,
        content: Arc<Content>,
        hub: Hub,
        token: Zeroizing<String>,
        shutdown: CancellationToken,
        access: Access,
        sensors: Sensors,
    ) -> Self {
        Self {
            access,
            sensors,
            engine,
            content,
            hub,
            token,
            router: Router::new(),
            max_connections: 0,
            shutdown,
            deaf: CancellationToken::new(),
            doors: Doors::default(),
        }
    }

    /// Ends background work.
    pub(super) const fn shutdown(&self) -> &CancellationToken {
        &self.shutdown
    }

    pub(super) fn with_api(mut self, router: Router, max_connections: usize) -> Self {
        self.router = router.merge(self.doors.routes());
        self.max_connections = max_connections;
        self
    }

    /// The API's way to reload.
    pub(super) fn reload_for_api(&self) -> Reload {
        let reloader = self.reloader();
        Arc::new(move |identity| {
            let reloader = reloader.clone();
            Box::pin(async move {
                let report = reloader.reload(&identity.user).await?;
                serde_json::to_value(report).map_err(|error| error.to_string())
            })
        })
    }

    /// Watches files and forgets old chat events, until the server stops.
    pub(super) fn work_in_background(&self, settings: &Settings) {
        if settings.content.watch {
            let reloader = self.reloader();
            let watch = Arc::clone(&self.content).watch(
                self.shutdown.clone(),
                || {},
                move |report| {
                    let reloader = reloader.clone();
                    tokio::spawn(async move { reloader.took_effect("files", &report).await });
                },
            );
            tokio::spawn(watch);
        }
        if settings.content.watch {
            let store = Arc::clone(self.engine.store());
            tokio::spawn(self.access.clone().watch(store, self.shutdown.clone()));
        }
        let store = Arc::clone(self.engine.store());
        let keep = i64::from(settings.store.claim_days) * 24 * 3600 * 1000;
        let shutdown = self.shutdown.clone();
        tokio::spawn(async move {
            let mut hours = tokio::time::interval(FORGET_PERIOD);
            loop {
                tokio::select! {
                    () = shutdown.cancelled() => return,
                    _ = hours.tick() => {}
                }
                if let Err(error) = store.forget_claims(Timestamp::now().plus_millis(-keep)).await {
                    tracing::warn!(%error, "cannot forget old chat events");
                }
            }
        });
    }

    /// Connects to the chat platforms that the settings name.
    pub(super) fn listen_to_platforms(&self, settings: &Settings) {
        let store = self.engine.store();
        super::discord::start(settings, &self.hub, store, &self.deaf);
        super::slack::start(settings, &self.hub, store, &self.doors, &self.deaf);
        self.hub.post_digests();
    }

    fn reloader(&self) -> Reloader {
        Reloader {
            engine: self.engine.clone(),
            content: Arc::clone(&self.content),
            hub: self.hub.clone(),
            access: self.access.clone(),
        }
    }
}

/// Reads content again and tells everybody.
#[derive(Clone)]
struct Reloader {
    engine: Engine,
    content: Arc<Content>,
    hub: Hub,
    access: Access,
}

impl Reloader {
    async fn reload(&self, by: &str) -> Result<ReloadReport, String> {
        self.access.reload(&**self.engine.store(), by).await;
        let content = Arc::clone(&self.content);
        let report = tokio::task::spawn_blocking(move || content.reload())
            .await
            .map_err(|_| "reading the content panicked; what was loaded before stays in force".to_owned())?;
        self.took_effect(by, &report).await;
        Ok(report)
    }

    /// Templates follow, the log and the audit say what changed.
    async fn took_effect(&self, by: &str, report: &ReloadReport) {
        self.hub.reload_templates();
        if let Err(error) = self.engine.policies_changed().await {
            tracing::error!(%error, "cannot take over the policies of the new content");
        }
        for problem in &report.problems {
            tracing::warn!("{problem}");
        }
        if report.is_empty() {
            return;
        }
        tracing::info!(by, "{}", told(report));
        let draft = AuditDraft {
            timestamp: Timestamp::now(),
            kind: "content.reloaded".to_owned(),
            actor: by.to_owned(),
            detail: json!({
                "generation": report.generation,
                "added": report.added,
                "changed": report.changed,
                "removed": report.removed,
                "kept": report.kept,
                "problems": report.problems.len(),
            }),
            ..AuditDraft::default()
        };
        if let Err(error) = self.engine.store().commit(vec![Write::Audit(draft)]).await {
            tracing::error!(%error, "cannot write the reload into the audit log");
        }
    }
}

/// A reload in one sentence.
fn told(report: &ReloadReport) -> String {
    format!(
        "content reloaded: {} added, {} changed, {} removed, {} kept as before because broken, {} problems",
        report.added.len(),
        report.changed.len(),
        report.removed.len(),
        report.kept.len(),
        report.problems.len()
    )
}

impl Running for App {
    fn client(&self) -> Result<Client, ClientError> {
        Client::in_process(self.router.clone(), &self.token)
    }

    fn serve(&self, listener: TcpListener) -> BoxFuture<'static, io::Result<()>> {
        Box::pin(api::serve(
            listener,
            self.router.clone(),
            self.max_connections,
            self.shutdown.clone(),
        ))
    }

    fn reload(&self) -> BoxFuture<'_, Result<String, String>> {
        Box::pin(async { self.reloader().reload("signal").await.map(|report| told(&report)) })
    }

    fn stop(&self) -> BoxFuture<'_, ()> {
        Box::pin(async {
            self.deaf.cancel();
            self.sensors.stop().await;
            // First no new work, while answers can still go out; then chat, then the store.
            self.engine.drain().await;
            self.hub.shutdown().await;
            self.shutdown.cancel();
            self.engine.store().close().await;
        })
    }
}
