//! What time does: reminders, escalation, the end.

use serde_json::json;

use super::Remark;
use super::span::minutes;
use super::state::{Approval, State};
use crate::model::Timestamp;

impl Approval {
    /// Everything that is due by `now`, done. `None` when there is nothing.
    #[must_use]
    pub fn due(&self, now: Timestamp) -> Option<(Self, Vec<Remark>)> {
        if self.wake().is_none_or(|wake| wake > now) {
            return None;
        }
        let mut next = self.clone();
        let mut remarks = Vec::new();
        if let Some(deadline) = self.deadline.filter(|deadline| *deadline <= now) {
            let tally = self.tally();
            #[allow(clippy::cast_possible_truncation)] // whole seconds are enough to tell
            let allowed = minutes(deadline.seconds_since(self.asked).round() as i64);
            next.state = State::Expired;
            next.error = Some(format!(
                "not approved within {allowed}: {} of {} approvals were given",
                tally.filled, tally.needed
            ));
            remarks.push(Remark::new(
                "approval.expired",
                json!({"given": tally.filled, "needed": tally.needed, "reason": next.error}),
            ));
            return Some((next, remarks));
        }
        for step in next
            .escalation
            .iter_mut()
            .filter(|step| !step.done && step.at <= now)
        {
            step.done = true;
            remarks.push(Remark::new("approval.escalated", json!({"to": step.to})));
        }
        if next.remind.is_some_and(|remind| remind <= now) {
            next.remind = None;
            next.reminded = Some(now);
            remarks.push(Remark::new(
                "approval.reminded",
                json!({"asked": next.who_may(), "deadline": next.deadline}),
            ));
        }
        Some((next, remarks))
    }
}
