//! New lines of files become events, each together with how far the file was read: none is lost and none comes twice.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use notify::{RecommendedWatcher, RecursiveMode, Watcher as _};
use regex::Regex;
use serde_json::{Map, Value as Json, json};
use tokio::sync::Notify;
use tokio::time::Instant;

use super::follow::{Begin, Followed, Follower};
use super::{LOG_LINE, Over, Watch};

/// Lines of one look.
const LINES: usize = 200;
/// How often a file is looked at where the system does not tell of changes.
const POLL: Duration = Duration::from_secs(1);
/// How often the state is kept when lines come that lead to no event.
const KEEP: Duration = Duration::from_secs(5);
/// Bytes of memory that a pattern may take.
const PATTERN: usize = 1 << 20;

/// What lines are looked for.
struct Wanted {
    path: String,
    name: String,
    /// `None`: every line.
    pattern: Option<Regex>,
}

pub(super) async fn watch(watch: &Watch) {
    let Some((wanted, begin)) = wanted(watch) else {
        return;
    };
    let stored = watch
        .state()
        .await
        .and_then(|state| serde_json::from_value(state).ok());
    let path = PathBuf::from(&wanted.path);
    let mut follower = Follower::new(path.clone(), begin, stored);
    let news = Arc::new(Notify::new());
    let mut watcher = None;
    let mut kept = Instant::now();
    loop {
        if watcher.is_none() {
            watcher = watched(&path, &news);
        }
        let read = tokio::task::spawn_blocking(move || {
            let look = follower.look(LINES);
            (follower, look)
        });
        let Ok((back, look)) = read.await else {
            return watch.note(Some("reading the file panicked".to_owned()));
        };
        follower = back;
        let more = match look {
            Ok(look) => {
                watch.note(None);
                let more = look.more;
                if tell(watch, &wanted, look.lines, &mut kept).await.is_err() {
                    return;
                }
                more
            }
            Err(error) => {
                watch.note(Some(format!("{} cannot be read: {error}", wanted.path)));
                false
            }
        };
        if more && !watch.stop.is_cancelled() {
            continue;
        }
        tokio::select! {
            () = watch.stop.cancelled() => break,
            () = news.notified() => {}
            () = tokio::time::sleep(POLL) => {}
        }
    }
    if let Some(position) = follower.position() {
        watch.keep(json!(position)).await;
    }
}

/// Reads the trigger's parameters.
fn wanted(watch: &Watch) -> Option<(Wanted, Begin)> {
    let is_log = watch.trigger.type_ref == LOG_LINE;
    let path = watch
        .text(if is_log { "file" } else { "file_path" })
        .unwrap_or_default();
    if !path.starts_with('/') {
        watch.note(Some(format!("`{path}` is no path that begins with /")));
        return None;
    }
    let pattern = match watch.text("pattern").filter(|_| is_log) {
        None => None,
        Some(pattern) => match regex::RegexBuilder::new(pattern).size_limit(PATTERN).build() {
            Ok(pattern) => Some(pattern),
            Err(error) => {
                watch.note(Some(format!("its pattern cannot be used: {error}")));
                return None;
            }
        },
    };
    let begin = match watch.text("from") {
        Some("start") => Begin::Start,
        _ => Begin::End,
    };
    let name = Path::new(path)
        .file_name()
        .map(|name| name.to_string_lossy().into_owned());
    let wanted = Wanted {
        path: path.to_owned(),
        name: name.unwrap_or_default(),
        pattern,
    };
    Some((wanted, begin))
}

/// Has the folder of a file watched, so that news come at once.
fn watched(path: &Path, news: &Arc<Notify>) -> Option<RecommendedWatcher> {
    let folder = path.parent()?;
    let news = Arc::clone(news);
    let mut watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
        // Our own reading is no news.
        if !event.is_ok_and(|event| event.kind.is_access()) {
            news.notify_one();
        }
    })
    .ok()?;
    watcher.watch(folder, RecursiveMode::NonRecursive).ok()?;
    Some(watcher)
}

async fn tell(watch: &Watch, wanted: &Wanted, lines: Vec<Followed>, kept: &mut Instant) -> Result<(), Over> {
    let mut quiet = None;
    for line in lines {
        let state = json!(line.after);
        match payload(wanted, &line.text) {
            Some(payload) => {
                watch.emit(payload, state).await?;
                *kept = Instant::now();
                quiet = None;
            }
            None => quiet = Some(state),
        }
        if watch.stop.is_cancelled() {
            return Err(Over);
        }
    }
    if let Some(state) = quiet
        && kept.elapsed() >= KEEP
    {
        watch.keep(state).await;
        *kept = Instant::now();
    }
    Ok(())
}

/// What is told of a line; `None` when it does not fit the pattern.
fn payload(wanted: &Wanted, line: &str) -> Option<Json> {
    let mut payload = json!({"file_path": wanted.path, "file_name": wanted.name, "line": line});
    if let Some(pattern) = &wanted.pattern {
        let found = pattern.captures(line)?;
        let named = pattern.capture_names().flatten();
        let named: Map<String, Json> = named
            .map(|name| {
                (
                    name.to_owned(),
                    json!(found.name(name).map(|group| group.as_str())),
                )
            })
            .collect();
        let all: Vec<Json> = found
            .iter()
            .skip(1)
            .map(|group| json!(group.map(|group| group.as_str())))
            .collect();
        payload["match"] = json!(found.get(0).map(|whole| whole.as_str()));
        payload["groups"] = Json::Array(all);
        payload["named"] = Json::Object(named);
    }
    Some(payload)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn payloads_have_the_groups_of_the_pattern() {
        let mut wanted = Wanted {
            path: "/var/log/app.log".to_owned(),
            name: "app.log".to_owned(),
            pattern: None,
        };
        assert_eq!(
            payload(&wanted, "hello"),
            Some(json!({"file_path": "/var/log/app.log", "file_name": "app.log", "line": "hello"}))
        );
        wanted.pattern = Some(Regex::new(r"(?P<level>ERROR|WARN) (\w+)( now)?").unwrap());
        assert_eq!(payload(&wanted, "INFO fine"), None);
        let found = payload(&wanted, "12:00 ERROR disk").unwrap();
        assert_eq!(found["match"], "ERROR disk");
        assert_eq!(found["named"], json!({"level": "ERROR"}));
        assert_eq!(found["groups"], json!(["ERROR", "disk", null]));
    }
}
