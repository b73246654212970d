//! Keeps one sensor alive: its process is started again whenever it fails, until the sensor is to stop.

use std::sync::Arc;

use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::Shared;
use super::backoff::Backoff;
use super::launch::Plan;
use super::process::{Ended, Life};
use super::protocol::Wanted;
use super::status::State;
use crate::model::Timestamp;

/// Keeps a sensor alive until `stop`; begins when `before`, the sensor as it was, is gone.
pub(super) async fn keep(
    shared: Arc<Shared>,
    plan: Arc<Plan>,
    wanted: watch::Receiver<Arc<Vec<Wanted>>>,
    stop: CancellationToken,
    before: Option<JoinHandle<()>>,
) {
    if let Some(before) = before {
        let _ = before.await;
    }
    let reference = plan.sensor.reference.as_str();
    let mut backoff = Backoff::new(shared.parts.pace);
    let mut failures = 0_u64;
    while !stop.is_cancelled() {
        shared.status(reference, |status| {
            status.state = State::Starting;
            status.next_start = None;
            status.restarts += u64::from(failures > 0);
        });
        let born = Instant::now();
        let ended = Life::new(&shared, &plan, &stop).live(wanted.clone()).await;
        if stop.is_cancelled() {
            break;
        }
        let why = match ended {
            Ended::Exited(0) => {
                shared.status(reference, |status| {
                    status.state = State::Ended;
                    status.reason = "it ended by itself with exit code 0 and is not started again".to_owned();
                });
                stop.cancelled().await;
                break;
            }
            Ended::Exited(code) if code < 0 => format!("its process was ended by signal {}", -code),
            Ended::Exited(code) => format!("its process ended with exit code {code}"),
            Ended::Stuck => "its process was killed and does not go away".to_owned(),
            Ended::Unstarted(why) => why,
        };
        let wait = backoff.wait(born.elapsed(), rand::random());
        failures += 1;
        let next = Timestamp::now().plus_millis(i64::try_from(wait.as_millis()).unwrap_or(i64::MAX));
        tracing::warn!(
            sensor = reference,
            seconds = wait.as_secs_f64(),
            "a sensor failed and is started again: {why}"
        );
        shared.status(reference, |status| {
            status.state = State::Waiting;
            status.reason.clone_from(&why);
            status.fail(why);
            status.next_start = Some(next);
        });
        tokio::select! {
            () = stop.cancelled() => {}
            () = tokio::time::sleep(wait) => {}
        }
    }
    shared.status(reference, |status| {
        status.state = State::NotRun;
        status.reason.clear();
        status.pid = None;
        status.next_start = None;
    });
}
