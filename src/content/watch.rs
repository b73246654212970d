//! Watching the folders: a change on disk becomes a reload shortly after the last write.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use notify::{Config, Event, EventKind, PollWatcher, RecommendedWatcher, RecursiveMode, Watcher};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use super::{Content, ReloadReport};

/// How long it must be quiet before a reload. Editors and git write in several steps.
const QUIET: Duration = Duration::from_millis(150);
/// A reload comes after this long even when writing does not stop.
const LONGEST_WAIT: Duration = Duration::from_secs(2);
/// How often folders are looked through where the system cannot tell of changes.
const POLL: Duration = Duration::from_secs(2);

impl Content {
    /// Reloads whenever something below the content folders changes, until `cancel` fires.
    ///
    /// `ready` runs once when the folders are being watched; `tell` gets the report of each reload that
    /// changed something or has other problems than the one before. Folders that do not exist yet are
    /// noticed when they appear.
    pub async fn watch(
        self: Arc<Self>,
        cancel: CancellationToken,
        ready: impl FnOnce() + Send,
        mut tell: impl FnMut(ReloadReport) + Send,
    ) {
        let (sender, mut changes) = mpsc::channel(1);
        let mut folders = Folders::new(&self, &sender);
        folders.watch();
        ready();
        loop {
            tokio::select! {
                () = cancel.cancelled() => return,
                change = changes.recv() => if change.is_none() { return },
            }
            if !settle(&mut changes, &cancel).await {
                return;
            }
            // New folders first: what is written from here on must be seen.
            folders.watch();
            let content = Arc::clone(&self);
            let earlier = self.snapshot();
            let Ok(report) = tokio::task::spawn_blocking(move || content.reload()).await else {
                tracing::error!("reading the content panicked; what was loaded before stays in force");
                continue;
            };
            if !report.is_empty() || report.problems != earlier.problems {
                tell(report);
            }
        }
    }
}

/// Waits until nothing changed for [`QUIET`]; false when cancelled.
async fn settle(changes: &mut mpsc::Receiver<()>, cancel: &CancellationToken) -> bool {
    let latest = Instant::now() + LONGEST_WAIT;
    let mut until = Instant::now() + QUIET;
    loop {
        tokio::select! {
            () = cancel.cancelled() => return false,
            () = sleep_until(until.min(latest)) => return true,
            change = changes.recv() => match change {
                Some(()) => until = Instant::now() + QUIET,
                None => return true,
            },
        }
    }
}

/// The watched folders.
struct Folders {
    wanted: Vec<PathBuf>,
    /// Watched path → whether everything below it is watched.
    watched: BTreeMap<PathBuf, bool>,
    native: Option<RecommendedWatcher>,
    poll: Option<PollWatcher>,
    sender: mpsc::Sender<()>,
}

impl Folders {
    fn new(content: &Content, sender: &mpsc::Sender<()>) -> Self {
        let wanted: Vec<PathBuf> = content.options.dirs().map(absolute).collect();
        let native = notify::recommended_watcher(on_event(wanted.clone(), sender.clone()));
        if let Err(error) = &native {
            tracing::warn!(%error, "the system cannot tell of changed files; folders are looked through instead");
        }
        Self {
            wanted,
            watched: BTreeMap::new(),
            native: native.ok(),
            poll: None,
            sender: sender.clone(),
        }
    }

    /// Watches every folder that exists, and the nearest existing parent of those that do not.
    fn watch(&mut self) {
        // A folder that was removed and made again needs a new watch.
        let gone: Vec<PathBuf> = self
            .watched
            .keys()
            .filter(|path| !path.exists())
            .cloned()
            .collect();
        for path in gone {
            self.watched.remove(&path);
            if let Some(native) = &mut self.native {
                // It fails when the system dropped the watch by itself, which is as well.
                let _ = native.unwatch(&path);
            }
        }
        for wanted in self.wanted.clone() {
            let real = wanted.canonicalize().unwrap_or_else(|_| wanted.clone());
            if real.is_dir() {
                self.add(&real, true);
            }
            // The parent tells when the folder itself is made or replaced.
            if let Some(parent) = wanted.ancestors().skip(1).find(|parent| parent.is_dir()) {
                self.add(parent, false);
            }
        }
    }

    fn add(&mut self, path: &Path, below: bool) {
        if self.watched.get(path).is_some_and(|all| *all || !below) {
            return;
        }
        let mode = if below {
            RecursiveMode::Recursive
        } else {
            RecursiveMode::NonRecursive
        };
        let native = self
            .native
            .as_mut()
            .is_some_and(|watcher| watcher.watch(path, mode).is_ok());
        // A parent that cannot be watched only delays noticing a new folder.
        if native || !below || self.poll(path) {
            self.watched.insert(path.to_owned(), below);
        }
    }

    fn poll(&mut self, path: &Path) -> bool {
        if self.poll.is_none() {
            let config = Config::default().with_poll_interval(POLL);
            let handler = on_event(self.wanted.clone(), self.sender.clone());
            self.poll = PollWatcher::new(handler, config).ok();
        }
        match self
            .poll
            .as_mut()
            .map(|watcher| watcher.watch(path, RecursiveMode::Recursive))
        {
            Some(Ok(())) => true,
            Some(Err(error)) => {
                tracing::warn!(%error, path = %path.display(), "the folder cannot be watched; reload by hand");
                false
            }
            None => false,
        }
    }
}

fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

fn on_event(
    wanted: Vec<PathBuf>,
    sender: mpsc::Sender<()>,
) -> impl FnMut(notify::Result<Event>) + Send + 'static {
    let real: Vec<PathBuf> = wanted
        .iter()
        .filter_map(|path| path.canonicalize().ok())
        .collect();
    move |event| {
        let matters = match &event {
            // Reading is no change; without this a reload would cause the next one.
            Ok(event) if matches!(event.kind, EventKind::Access(_)) => false,
            // Parents are watched for the wanted folders only.
            Ok(event) if !event.paths.is_empty() && !event.need_rescan() => event.paths.iter().any(|path| {
                let mut folders = wanted.iter().chain(&real);
                folders.any(|folder| path.starts_with(folder) || folder.starts_with(path))
            }),
            Ok(_) => true,
            Err(_) => true,
        };
        if matters {
            // A full channel means that a reload is due anyway.
            let _ = sender.try_send(());
        }
    }
}
