//! Watching the folders: a change on disk becomes a reload shortly after the last write.

use std::collections::BTreeSet;
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
/// How often it is looked whether folders have come, gone or been replaced. Their parents are not watched for it: the
/// database is in one of them, and every write of it would be told.
const LOOK: Duration = Duration::from_secs(1);

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
        let mut look = tokio::time::interval(LOOK);
        look.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = cancel.cancelled() => return,
                change = changes.recv() => if change.is_none() { return },
                _ = look.tick() => if !folders.replaced() { continue },
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
    /// Which folders these are: device and number of each that exists.
    known: Vec<Option<(u64, u64)>>,
    /// Watched paths, with everything below them.
    watched: BTreeSet<PathBuf>,
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
            known: wanted.iter().map(|path| which(path)).collect(),
            wanted,
            watched: BTreeSet::new(),
            native: native.ok(),
            poll: None,
            sender: sender.clone(),
        }
    }

    /// Whether a folder has come, gone or been replaced since the last look; its watch is then forgotten.
    fn replaced(&mut self) -> bool {
        let now: Vec<_> = self.wanted.iter().map(|path| which(path)).collect();
        if now == self.known {
            return false;
        }
        for (at, path) in self.wanted.iter().enumerate() {
            if now[at] != self.known[at] {
                let real = path.canonicalize().unwrap_or_else(|_| path.clone());
                self.watched.remove(&real);
                if let Some(native) = &mut self.native {
                    // It fails when the system dropped the watch by itself, which is as well.
                    let _ = native.unwatch(&real);
                }
            }
        }
        self.known = now;
        true
    }

    /// Watches every folder that exists.
    fn watch(&mut self) {
        for wanted in self.wanted.clone() {
            let real = wanted.canonicalize().unwrap_or(wanted);
            if real.is_dir() && !self.watched.contains(&real) {
                let mode = RecursiveMode::Recursive;
                let native = self.native.as_mut();
                if native.is_some_and(|watcher| watcher.watch(&real, mode).is_ok()) || self.poll(&real) {
                    self.watched.insert(real);
                }
            }
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

/// Which folder a path leads to.
fn which(path: &Path) -> Option<(u64, u64)> {
    use std::os::unix::fs::MetadataExt as _;
    let about = std::fs::metadata(path).ok().filter(std::fs::Metadata::is_dir)?;
    Some((about.dev(), about.ino()))
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
