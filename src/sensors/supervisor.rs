//! Which sensors are at work: follows the packs, the rules and what people switch.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::Shared;
use super::keeper::keep;
use super::launch::{Plan, Program};
use super::protocol::Wanted;
use super::status::State;
use super::syslog;
use super::watches::Watches;
use crate::content::Snapshot;
use crate::rules::Index;
use crate::triggers::{Sensor, Trigger};

/// How often is looked for changes of packs and rules; what is switched is noticed at once.
const LOOK: Duration = Duration::from_millis(500);

/// A sensor at work, or on its way to its end.
struct AtWork {
    plan: Arc<Plan>,
    wanted: watch::Sender<Arc<Vec<Wanted>>>,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

struct Supervisor {
    shared: Arc<Shared>,
    /// Plans of the sensors of one generation of content.
    plans: BTreeMap<String, Arc<Plan>>,
    generation: u64,
    /// What rules want of each of them, and of which rules that is.
    wanted: BTreeMap<String, Arc<Vec<Wanted>>>,
    index: Option<Arc<Index>>,
    at_work: BTreeMap<String, AtWork>,
    /// Sensors that are ending.
    leaving: BTreeMap<String, JoinHandle<()>>,
}

/// Runs everything until it is to stop.
pub(super) async fn supervise(shared: Arc<Shared>) {
    let notes = shared.notes.clone();
    if tokio::task::spawn_blocking(move || notes.end_all())
        .await
        .is_err()
    {
        tracing::error!("looking for sensors of an earlier run panicked");
    }
    let mut listeners = syslog::start(&shared);
    let mut watches = Watches::new(Arc::clone(&shared));
    let mut supervisor = Supervisor {
        shared: Arc::clone(&shared),
        plans: BTreeMap::new(),
        generation: 0,
        wanted: BTreeMap::new(),
        index: None,
        at_work: BTreeMap::new(),
        leaving: BTreeMap::new(),
    };
    let mut known: Option<Arc<Index>> = None;
    while !shared.stop.is_cancelled() {
        let index = shared.parts.events.book().index();
        let is_same = known.as_ref().is_some_and(|known| Arc::ptr_eq(known, &index));
        supervisor.follow(&index).await;
        if !is_same {
            watches.follow(&index).await;
            known = Some(index);
        }
        tokio::select! {
            () = shared.stop.cancelled() => break,
            () = shared.wake.notified() => {}
            () = tokio::time::sleep(LOOK) => {}
        }
    }
    watches.stop().await;
    supervisor.stop().await;
    while listeners.join_next().await.is_some() {}
}

impl Supervisor {
    /// Starts, restarts and stops sensors so that those run that should.
    async fn follow(&mut self, index: &Arc<Index>) {
        let snapshot = self.shared.parts.content.snapshot();
        let is_new = snapshot.generation != self.generation;
        if is_new {
            self.plans = self.plan(&snapshot).await;
            self.generation = snapshot.generation;
        }
        if is_new || !self.index.as_ref().is_some_and(|known| Arc::ptr_eq(known, index)) {
            let wanted = self.plans.iter().map(|(reference, plan)| {
                let wanted = self.wanted_of(&plan.sensor, index);
                (reference.clone(), Arc::new(wanted))
            });
            self.wanted = wanted.collect();
            self.index = Some(Arc::clone(index));
        }
        self.leaving.retain(|_, task| !task.is_finished());
        let gone: Vec<String> = self
            .at_work
            .keys()
            .filter(|reference| {
                let plan = self.plans.get(*reference);
                plan.is_none_or(|plan| !self.shared.is_enabled(&plan.sensor))
            })
            .cloned()
            .collect();
        for reference in gone {
            self.leave(&reference);
        }
        let plans: Vec<Arc<Plan>> = self.plans.values().cloned().collect();
        for plan in plans {
            if self.shared.is_enabled(&plan.sensor) {
                self.serve(plan);
            }
        }
    }

    /// Makes sure that a sensor is at work as it is now.
    fn serve(&mut self, plan: Arc<Plan>) {
        let reference = plan.sensor.reference.clone();
        let wanted = self.wanted.get(&reference).cloned().unwrap_or_default();
        if let Some(running) = self.at_work.get(&reference) {
            if running.plan.fingerprint == plan.fingerprint {
                running.wanted.send_if_modified(|known| {
                    let changed = *known != wanted;
                    if changed {
                        *known = wanted;
                    }
                    changed
                });
                return;
            }
            tracing::info!(sensor = %reference, "a sensor has changed and is started anew");
            self.leave(&reference);
        }
        let (state, reason) = match &plan.program {
            _ if !self.shared.parts.options.enabled => {
                (State::NotRun, "sensors are switched off (setting sensors.enabled)".to_owned())
            }
            Program::Words(..) => {
                let (sender, receiver) = watch::channel(wanted);
                let stop = CancellationToken::new();
                let before = self.leaving.remove(&reference);
                let shared = Arc::clone(&self.shared);
                let task = tokio::spawn(keep(shared, Arc::clone(&plan), receiver, stop.clone(), before));
                let running = AtWork {
                    plan,
                    wanted: sender,
                    stop,
                    task,
                };
                self.at_work.insert(reference, running);
                return;
            }
            Program::Class => (
                State::NeedsPythonRunner,
                "it is a Python class, and there is no runner for those yet; a program that begins with `#!` and is \
                 executable runs in any language"
                    .to_owned(),
            ),
            Program::BuiltIn(how) => (State::BuiltIn, (*how).to_owned()),
            Program::Broken(why) => (State::Broken, why.clone()),
        };
        if self.leaving.contains_key(&reference) {
            return;
        }
        self.shared.status(&reference, |status| {
            if state == State::Broken && status.reason != reason {
                status.fail(reason.as_str());
            }
            status.state = state;
            status.reason = reason;
        });
    }

    /// Lets a sensor end.
    fn leave(&mut self, reference: &str) {
        if let Some(running) = self.at_work.remove(reference) {
            running.stop.cancel();
            self.leaving.insert(reference.to_owned(), running.task);
        }
    }

    /// Looks at the files of all sensors.
    async fn plan(&self, snapshot: &Arc<Snapshot>) -> BTreeMap<String, Arc<Plan>> {
        let snapshot = Arc::clone(snapshot);
        let scratch = self.shared.parts.scratch.clone();
        let looked = tokio::task::spawn_blocking(move || {
            let sensors = snapshot.sensors.values().filter_map(|sensor| {
                let pack = snapshot.packs.get(&sensor.pack)?;
                let plan = Plan::of(Arc::clone(sensor), pack, &scratch);
                Some((sensor.reference.clone(), Arc::new(plan)))
            });
            sensors.collect()
        });
        looked.await.unwrap_or_default()
    }

    /// The triggers of a sensor's types that rules listen on.
    fn wanted_of(&self, sensor: &Sensor, index: &Index) -> Vec<Wanted> {
        let mut wanted = Vec::new();
        for key in index.triggers() {
            let is_own = sensor
                .trigger_types
                .iter()
                .any(|kind| kind.reference == key.type_ref());
            if !is_own {
                continue;
            }
            let rules = index.rules(key);
            if let (Some(kind), Some(first)) = (self.shared.kind(key.type_ref()), rules.first()) {
                let trigger = Trigger::new(&kind, first.trigger.parameters.clone());
                wanted.push(Wanted {
                    reference: trigger.reference(),
                    type_ref: trigger.type_ref,
                    parameters: trigger.parameters,
                    rules: rules.iter().map(|rule| rule.reference.clone()).collect(),
                });
            }
        }
        wanted.sort_by(|one, other| one.reference.cmp(&other.reference));
        wanted
    }

    /// Stops all at once and waits until they are gone.
    async fn stop(&mut self) {
        let all: Vec<String> = self.at_work.keys().cloned().collect();
        for reference in all {
            self.leave(&reference);
        }
        for (_, task) in std::mem::take(&mut self.leaving) {
            let _ = task.await;
        }
    }
}
