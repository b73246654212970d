//! What somebody who is no administrator may change of the rules: nothing that gives themselves more than they have.

use crate::access::file::{AccessFile, Rule, Target};
use crate::access::policy::ADMIN;

/// Whether a rule is about somebody, whatever they run.
fn reaches(rule: &Rule, user: &str, roles: &[String]) -> bool {
    let named = rule.to.iter().any(|subject| subject.names(user, roles, true));
    named
        && !rule
            .except
            .iter()
            .any(|subject| subject.names(user, roles, false))
}

/// Whether everything that `narrow` matches is matched by `wide`; a no may be wrong, a yes is not.
fn pattern_within(narrow: &str, wide: &str) -> bool {
    if narrow == wide || wide == "*" {
        return true;
    }
    let Some(prefix) = wide.strip_suffix('*') else {
        return false;
    };
    let plain = !prefix.contains(['*', '?', '[']);
    let literal: &str = narrow.split(['*', '?', '[']).next().unwrap_or_default();
    plain && literal.starts_with(prefix)
}

fn target_within(narrow: &Target, wide: &Target) -> bool {
    match (narrow, wide) {
        (Target::Action(narrow), Target::Action(wide))
        | (Target::Alias(narrow), Target::Alias(wide))
        | (Target::Pack(narrow), Target::Pack(wide)) => pattern_within(narrow, wide),
        (Target::Action(action), Target::Pack(pack)) => {
            !pack.contains(['*', '?', '[']) && action.starts_with(&format!("{pack}."))
        }
        _ => false,
    }
}

/// Whether the new rule gives nothing to whoever has the old one.
fn within(new: &Rule, old: &Rule) -> bool {
    let covered = |target: &Target| old.run.iter().any(|wide| target_within(target, wide));
    new.run.iter().all(covered)
        && (old.places.is_empty()
            || (!new.places.is_empty() && new.places.iter().all(|place| old.places.contains(place))))
        && (old.times.is_empty()
            || (!new.times.is_empty() && new.times.iter().all(|window| old.times.contains(window))))
        && (old.when.is_none() || old.when == new.when)
        && (old.approval.is_none() || old.approval == new.approval)
}

/// Why a change is not for this person, who is no administrator. `removed` and `added` are what it changes of grants.
pub(super) fn refuses(
    user: &str,
    settings_roles: &[String],
    before: &AccessFile,
    after: &AccessFile,
    removed: Option<&Rule>,
    added: Option<&Rule>,
) -> Option<String> {
    let mut roles = before.roles_of(user, settings_roles);
    let mut then = after.roles_of(user, settings_roles);
    if before.with_role(ADMIN) != after.with_role(ADMIN) {
        return Some("only administrators decide who is an administrator".to_owned());
    }
    roles.sort_unstable();
    then.sort_unstable();
    if roles != then {
        return Some("you cannot change which roles you have yourself: ask an administrator".to_owned());
    }
    if let Some(rule) = removed.filter(|rule| reaches(rule, user, &roles)) {
        if rule.denies {
            return Some("this denial is about you: an administrator can take it away".to_owned());
        }
        let kept = added.is_some_and(|added| added.approval == rule.approval);
        if rule.approval.is_some() && !kept {
            return Some("what you run needs this approval: an administrator can take it away".to_owned());
        }
    }
    let rule = added.filter(|rule| !rule.denies && reaches(rule, user, &roles))?;
    let held = before
        .rules
        .iter()
        .filter(|old| !old.denies && reaches(old, user, &roles))
        .any(|old| within(rule, old));
    (!held).then(|| {
        "it would give you more than you have: leave yourself out (`except`), or ask an administrator"
            .to_owned()
    })
}
