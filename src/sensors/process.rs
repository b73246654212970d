//! One life of a sensor's process: what it says becomes events, what becomes of them is told to it.

use std::pin::pin;
use std::process::ExitStatus;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesOrdered;
use nix::errno::Errno;
use serde_json::Value as Json;
use tokio::io::AsyncWriteExt as _;
use tokio::process::{Child, ChildStdin};
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use super::Shared;
use super::group::Group;
use super::keys;
use super::launch::{self, Plan, Program};
use super::lines::{Line, Lines};
use super::protocol::{self, Dispatched, LONGEST_LINE, Said, Told, Wanted, changes};
use super::status::{State, Status};
use crate::events::{Emission, EmitError, Emitted};
use crate::model::Timestamp;

/// Longest line of standard error that is read.
const LONGEST_ERROR: usize = 4096;
/// Answers that wait because the sensor does not read them; more are dropped.
const UNREAD: usize = 256 * 1024;
/// How long a sensor that was told to stop may take before it gets SIGTERM.
const HINT: Duration = Duration::from_millis(300);
/// How long what a process has said is still read after its end, when another process holds the pipe.
const DRAIN: Duration = Duration::from_secs(5);
/// The same while it goes on saying something.
const LONGEST_DRAIN: Duration = Duration::from_secs(60);
/// How long a killed process may take to vanish.
const UNKILLABLE: Duration = Duration::from_secs(5);
/// Lines of one sensor that go to the log within [`LOG_WINDOW`].
const LOG_LINES: u32 = 100;
const LOG_WINDOW: Duration = Duration::from_secs(10);
/// An event that found the queue full is offered again after this, so many times.
const AGAIN: Duration = Duration::from_millis(500);
const TIMES: u32 = 120;

/// How a life ended.
pub(super) enum Ended {
    /// It never began.
    Unstarted(String),
    /// Its exit code, negative for a signal.
    Exited(i32),
    /// A killed process did not vanish.
    Stuck,
}

/// What becomes of what a sensor said, in the order in which it was said.
enum Fate {
    /// An event, by the sensor's id of it.
    Event(Option<String>, Result<Emitted, EmitError>),
    /// A request to the datastore, by the sensor's id of it.
    Keys(Json, Result<Json, String>),
}
type InFlight = FuturesOrdered<BoxFuture<'static, Fate>>;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    Running,
    Asked,
    Terminated,
    Killed,
}

/// What one life needs.
pub(super) struct Life<'l> {
    pub(super) shared: &'l Arc<Shared>,
    pub(super) plan: &'l Plan,
    pub(super) stop: &'l CancellationToken,
    /// Lines that went to the log in this window.
    log: (Instant, u32),
    /// Triggers that the sensor knows.
    told: Arc<Vec<Wanted>>,
    /// Answers were dropped because nobody reads them.
    deaf: bool,
    /// Events and requests that were taken in, and those that are settled.
    heard: u64,
    settled: watch::Sender<u64>,
}

impl<'l> Life<'l> {
    pub(super) fn new(shared: &'l Arc<Shared>, plan: &'l Plan, stop: &'l CancellationToken) -> Self {
        Self {
            shared,
            plan,
            stop,
            log: (Instant::now(), 0),
            told: Arc::default(),
            deaf: false,
            heard: 0,
            settled: watch::Sender::new(0),
        }
    }

    fn status(&self, change: impl FnOnce(&mut Status)) {
        self.shared.status(&self.plan.sensor.reference, change);
    }

    fn fail(&self, why: &str) {
        tracing::warn!(sensor = %self.plan.sensor.reference, "{why}");
        self.status(|status| status.fail(why));
    }

    /// Lives once.
    pub(super) async fn live(mut self, wanted: watch::Receiver<Arc<Vec<Wanted>>>) -> Ended {
        let child = match self.spawn().await {
            Ok(child) => child,
            Err(error) => return Ended::Unstarted(format!("it cannot be started: {error}")),
        };
        let pid = child.id();
        self.status(|status| {
            status.state = State::Running;
            status.reason.clear();
            status.pid = pid;
            status.started = Some(Timestamp::now());
            status.next_start = None;
        });
        let reference = self.plan.sensor.reference.as_str();
        if let Some(pid) = pid {
            self.shared.notes.write(reference, pid);
        }
        self.shared.tell_spawn(self.plan, pid);
        let ended = self.talk(child, wanted).await;
        self.shared.notes.remove(reference);
        self.status(|status| status.pid = None);
        if let Ended::Exited(code) = ended {
            self.shared.tell_exit(self.plan, code);
        }
        ended
    }

    async fn spawn(&self) -> std::io::Result<Child> {
        let Program::Words(words, folder) = &self.plan.program else {
            return Err(std::io::Error::other("there is no program"));
        };
        let mut busy = 0;
        loop {
            match launch::spawn(
                &self.plan.sensor,
                words,
                folder,
                self.shared.parts.options.memory_limit,
            ) {
                // Somebody is still writing it.
                Err(error) if error.raw_os_error() == Some(Errno::ETXTBSY as i32) && busy < 50 => {
                    busy += 1;
                    tokio::time::sleep(Duration::from_millis(2)).await;
                }
                other => return other,
            }
        }
    }

    async fn talk(&mut self, mut child: Child, mut wanted: watch::Receiver<Arc<Vec<Wanted>>>) -> Ended {
        let mut group = Group::of(&child);
        let window = self.shared.parts.options.unacknowledged;
        let grace = Duration::from_secs(self.shared.parts.options.grace_seconds);
        let (Some(stdout), Some(stderr)) = (child.stdout.take(), child.stderr.take()) else {
            return Ended::Unstarted("it has no pipes".to_owned());
        };
        let mut stdin = child.stdin.take();
        let mut said = Lines::new(stdout, LONGEST_LINE);
        let mut errors = Lines::new(stderr, LONGEST_ERROR);
        let (mut reading, mut reading_errors, mut watching) = (true, true, true);
        let mut in_flight = InFlight::new();
        self.told = Arc::clone(&wanted.borrow_and_update());
        let mut outgoing = self.start();
        let mut stage = Stage::Running;
        let mut exited: Option<std::io::Result<ExitStatus>> = None;
        let mut due = Instant::now();
        let mut drained = due;
        loop {
            if stage != Stage::Running && outgoing.is_empty() {
                stdin = None;
            }
            if exited.is_some() && !reading && !reading_errors && in_flight.is_empty() {
                break;
            }
            let has_answers = stdin.is_some() && !outgoing.is_empty();
            let has_due = stage != Stage::Running || exited.is_some();
            tokio::select! {
                line = said.next(), if reading && in_flight.len() < window => match line {
                    Ok(Some(line)) => self.heard(line, &mut in_flight, &mut outgoing),
                    Ok(None) | Err(_) => reading = false,
                },
                Some(fate) = in_flight.next(), if !in_flight.is_empty() => {
                    match fate {
                        Fate::Event(id, fate) => self.settled(id.as_deref(), fate, &mut outgoing),
                        Fate::Keys(id, answer) => {
                            let (value, error) = match answer {
                                Ok(value) => (value, None),
                                Err(error) => (Json::Null, Some(error)),
                            };
                            self.send(&mut outgoing, Told::Value { id, value, error }.line());
                        }
                    }
                    self.settled.send_modify(|settled| *settled += 1);
                    if exited.is_some() {
                        due = drained.min(Instant::now() + DRAIN);
                    }
                }
                line = errors.next(), if reading_errors => match line {
                    Ok(Some(Line::Whole(line) | Line::Cut(line))) => self.complained(&line),
                    Ok(None) | Err(_) => reading_errors = false,
                },
                changed = wanted.changed(), if watching && stage == Stage::Running => match changed {
                    Ok(()) => {
                        let now = Arc::clone(&wanted.borrow_and_update());
                        let lines = changes(&self.told, &now);
                        self.told = now;
                        self.send(&mut outgoing, lines);
                    }
                    Err(_) => watching = false,
                },
                written = write(&mut stdin, &outgoing), if has_answers => match written {
                    Ok(written) => drop(outgoing.drain(..written)),
                    // It closed its standard input: it wants no answers.
                    Err(_) => {
                        stdin = None;
                        outgoing.clear();
                    }
                },
                status = child.wait(), if exited.is_none() => {
                    exited = Some(status);
                    group.sweep();
                    stdin = None;
                    outgoing.clear();
                    due = Instant::now() + DRAIN;
                    drained = Instant::now() + LONGEST_DRAIN;
                }
                () = self.stop.cancelled(), if stage == Stage::Running => {
                    stage = Stage::Asked;
                    self.status(|status| status.state = State::Stopping);
                    if stdin.is_some() {
                        outgoing.extend(Told::Stop.line());
                    }
                    if exited.is_none() {
                        due = Instant::now() + HINT;
                    }
                }
                () = sleep_until(due), if has_due => {
                    if exited.is_some() {
                        break;
                    }
                    match stage {
                        Stage::Running => {}
                        Stage::Asked => {
                            group.terminate();
                            stage = Stage::Terminated;
                            due = Instant::now() + grace;
                        }
                        Stage::Terminated => {
                            group.kill();
                            stage = Stage::Killed;
                            due = Instant::now() + UNKILLABLE;
                        }
                        Stage::Killed => break,
                    }
                }
            }
        }
        match exited {
            Some(Ok(status)) => Ended::Exited(code(status)),
            Some(Err(error)) => Ended::Unstarted(format!("its end cannot be learnt: {error}")),
            None => Ended::Stuck,
        }
    }

    /// The first line.
    fn start(&self) -> Vec<u8> {
        let sensor = &self.plan.sensor;
        // With the values that keys have now: a sensor that wants to know of changes asks for keys itself.
        let resolved = self.shared.parts.configuration.as_ref();
        let config = resolved.map_or_else(|| (*self.plan.config).clone(), |config| config(&sensor.pack));
        Told::Start {
            protocol: protocol::VERSION,
            sensor: &sensor.reference,
            pack: &sensor.pack,
            config: &config,
            poll_interval: sensor.poll_interval,
            trigger_types: sensor
                .trigger_types
                .iter()
                .map(|kind| kind.reference.as_str())
                .collect(),
            triggers: &self.told,
        }
        .line()
    }

    /// Queues an answer, unless the sensor does not read answers.
    fn send(&mut self, outgoing: &mut Vec<u8>, line: Vec<u8>) {
        if outgoing.len() + line.len() <= UNREAD || outgoing.is_empty() {
            outgoing.extend(line);
        } else if !self.deaf {
            self.deaf = true;
            self.fail("it does not read its standard input: answers to it are dropped");
        }
    }

    fn heard(&mut self, line: Line, in_flight: &mut InFlight, outgoing: &mut Vec<u8>) {
        let line = match line {
            Line::Whole(line) if line.iter().all(u8::is_ascii_whitespace) => return,
            Line::Whole(line) => line,
            Line::Cut(line) => {
                return self.bad(&line, &format!("it is longer than {LONGEST_LINE} bytes"));
            }
        };
        match protocol::read(&line) {
            Ok(Said::Event(event)) => match self.emission(&event) {
                Ok(emission) => {
                    let (shared, id) = (Arc::clone(self.shared), event.id);
                    in_flight.push_back(Box::pin(async move {
                        Fate::Event(id, Box::pin(emit(&shared, emission)).await)
                    }));
                    self.heard += 1;
                }
                Err(reason) => self.refuse(event.id.as_deref(), &reason, false, outgoing),
            },
            Ok(Said::Log { level, message }) => self.log(level, &message),
            Ok(Said::Keys { id, what, fields }) => {
                let (shared, sensor) = (Arc::clone(self.shared), self.plan.sensor.reference.clone());
                // Not before its turn: what a sensor keeps may say how far its events have come.
                let (mut settled, before) = (self.settled.subscribe(), self.heard);
                in_flight.push_back(Box::pin(async move {
                    let _ = settled.wait_for(|settled| *settled >= before).await;
                    let answer = match &shared.parts.datastore {
                        Some(datastore) => keys::answer(datastore, &sensor, &what, &fields).await,
                        None => Err("this Sayso has no datastore".to_owned()),
                    };
                    Fate::Keys(id, answer)
                }));
                self.heard += 1;
            }
            Err(why) => self.bad(&line, &why),
        }
    }

    /// A line that cannot be used.
    fn bad(&self, line: &[u8], why: &str) {
        const SHOWN: usize = 80;
        let text = String::from_utf8_lossy(&line[..line.len().min(SHOWN)]).into_owned();
        let more = if line.len() > SHOWN { "…" } else { "" };
        let told = format!("a line of it cannot be used: {why}");
        let mut count = 0;
        self.status(|status| {
            status.bad_lines += 1;
            count = status.bad_lines;
            status.fail(told.as_str());
            // What it says may be meant for few: the line itself goes where only administrators look.
            status.keep_line(format!("(standard output) {text}{more}").as_bytes());
        });
        // Whoever writes garbage writes a lot of it.
        if count.is_power_of_two() {
            tracing::warn!(sensor = %self.plan.sensor.reference, count, "{told}");
        }
    }

    fn refuse(&mut self, id: Option<&str>, reason: &str, retry: bool, outgoing: &mut Vec<u8>) {
        let mut count = 0;
        self.status(|status| {
            status.refused += 1;
            count = status.refused;
            status.fail(format!("an event of it was refused: {reason}"));
        });
        if count.is_power_of_two() {
            tracing::warn!(sensor = %self.plan.sensor.reference, count, "an event of a sensor was refused: {reason}");
        }
        if let Some(id) = id {
            self.send(outgoing, Told::Refused { id, reason, retry }.line());
        }
    }

    /// What became of an event.
    fn settled(&mut self, id: Option<&str>, fate: Result<Emitted, EmitError>, outgoing: &mut Vec<u8>) {
        let (instance, duplicate) = match fate {
            Ok(emitted) => (Some(emitted.instance.to_string()), false),
            Err(EmitError::Duplicate(_)) => (None, true),
            Err(error) => {
                let retry = matches!(error, EmitError::Busy(_) | EmitError::Store(_));
                return self.refuse(id, &error.to_string(), retry, outgoing);
            }
        };
        if !duplicate {
            self.status(|status| {
                status.events += 1;
                status.last_event = Some(Timestamp::now());
            });
        }
        if let Some(id) = id {
            let ack = Told::Ack {
                id,
                trigger_instance: instance,
                duplicate,
            };
            self.send(outgoing, ack.line());
        }
    }

    /// The event that a sensor means.
    fn emission(&self, event: &Dispatched) -> Result<Emission, String> {
        let sensor = &self.plan.sensor;
        let known = self.told.iter().find(|wanted| wanted.reference == event.trigger);
        let (type_ref, parameters) = match known {
            Some(wanted) => (wanted.type_ref.clone(), wanted.parameters.clone()),
            None => {
                let full = if event.trigger.contains('.') && self.shared.kind(&event.trigger).is_some() {
                    event.trigger.clone()
                } else {
                    format!("{}.{}", sensor.pack, event.trigger)
                };
                (full, event.parameters.clone())
            }
        };
        let Some(kind) = self.shared.kind(&type_ref) else {
            let own = sensor.trigger_types.iter().map(|kind| kind.reference.as_str());
            let hint = crate::model::nearest(&event.trigger, own)
                .map_or_else(String::new, |near| format!(": did you mean `{near}`?"));
            return Err(format!("there is no trigger type `{}`{hint}", event.trigger));
        };
        let is_own = kind.pack == sensor.pack
            || sensor
                .trigger_types
                .iter()
                .any(|own| own.reference == kind.reference);
        if !is_own {
            return Err(format!(
                "{type_ref} belongs to another pack, and the sensor's trigger_types do not have it"
            ));
        }
        let payload = match &event.payload {
            Json::Null => Json::Object(serde_json::Map::new()),
            payload => payload.clone(),
        };
        let claim = event.id.as_deref().map(|id| super::claim(&sensor.reference, id));
        Ok(Emission {
            type_ref,
            parameters,
            payload: Arc::new(payload),
            trace_tag: event.trace_tag.clone(),
            with: claim.into_iter().collect(),
            ..Emission::default()
        })
    }

    /// A line on standard error.
    fn complained(&mut self, line: &[u8]) {
        self.status(|status| status.keep_line(line));
        let text = String::from_utf8_lossy(line).into_owned();
        self.log(tracing::Level::INFO, &text);
    }

    /// Puts something into the log, but not more than the log can bear.
    fn log(&mut self, level: tracing::Level, message: &str) {
        let now = Instant::now();
        if now.duration_since(self.log.0) >= LOG_WINDOW {
            self.log = (now, 0);
        }
        self.log.1 = self.log.1.saturating_add(1);
        let sensor = self.plan.sensor.reference.as_str();
        if self.log.1 > LOG_LINES {
            if self.log.1 == LOG_LINES + 1 {
                tracing::warn!(
                    sensor,
                    "a sensor says more than goes into the log; the rest is left out"
                );
            }
            return;
        }
        let message: String = message.chars().take(LONGEST_ERROR).collect();
        match level {
            tracing::Level::ERROR => tracing::error!(sensor, "{message}"),
            tracing::Level::WARN => tracing::warn!(sensor, "{message}"),
            tracing::Level::INFO => tracing::info!(sensor, "{message}"),
            _ => tracing::debug!(sensor, "{message}"),
        }
    }
}

async fn write(stdin: &mut Option<ChildStdin>, bytes: &[u8]) -> std::io::Result<usize> {
    match stdin {
        Some(stdin) => stdin.write(bytes).await,
        None => std::future::pending().await,
    }
}

/// Has an event stored, also when there is no room at once.
async fn emit(shared: &Shared, event: Emission) -> Result<Emitted, EmitError> {
    for _ in 0..TIMES {
        let attempt = pin!(shared.parts.events.emit(event.clone()));
        match attempt.await {
            Err(EmitError::Busy(_)) => tokio::time::sleep(AGAIN).await,
            other => return other,
        }
    }
    shared.parts.events.emit(event).await
}

/// The exit code as Python's `subprocess` tells it: negative for a signal.
fn code(status: ExitStatus) -> i32 {
    use std::os::unix::process::ExitStatusExt as _;
    status.code().unwrap_or_else(|| -status.signal().unwrap_or(0))
}
