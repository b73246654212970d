//! Who is to be told of what waits for people, and where they are.

use serde_json::Value;

use super::Spreader;
use crate::answers::{approvals, inquiries};
use crate::approval::{Approval, Approver, same_person};
use crate::chat::console;
use crate::engine::CONSENT;
use crate::model::{Execution, Place};
use crate::store::StoreError;

/// People who are told in private; where more may answer, the conversations have to do.
const MOST_PEOPLE: usize = 25;
/// Workflows inside each other that are looked through for the conversation where it was asked.
const DEEPEST: usize = 32;

/// A conversation that is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Listener {
    pub(super) place: Place,
    /// The person, when it is their own conversation with the bot.
    pub(super) person: Option<String>,
    /// It was asked there.
    pub(super) is_origin: bool,
}

impl Spreader {
    /// Everywhere where it is to be told now. Each conversation is there once.
    pub(super) async fn audience(&self, execution: &Execution) -> Result<Vec<Listener>, StoreError> {
        let mut found: Vec<Listener> = Vec::new();
        let mut add = |listener: Listener| {
            let same = |other: &Listener| {
                let (one, two) = (&other.place, &listener.place);
                (&one.gateway, &one.conversation, &one.thread)
                    == (&two.gateway, &two.conversation, &two.thread)
            };
            if !found.iter().any(same) {
                found.push(listener);
            }
        };
        let origin = self.origin(execution).await?;
        if let Some(place) = origin.clone() {
            add(Listener {
                place,
                person: None,
                is_origin: true,
            });
        }
        let approval = approvals::of_any(execution);
        let named = approval.iter().flat_map(|approval| &approval.notify);
        for place in named.filter_map(|name| self.gateways.place(name)) {
            add(Listener {
                place,
                person: None,
                is_origin: false,
            });
        }
        let mut people = match &approval {
            Some(approval) => self.approvers(approval),
            None => self.answerers(execution),
        };
        if people.is_empty() && approval.is_none() && origin.is_none() {
            people.push(execution.request.user.clone());
        }
        for person in people.into_iter().take(MOST_PEOPLE) {
            for place in self.homes(&person) {
                // Where it was asked directly, whoever asked is told already.
                add(Listener {
                    place,
                    person: Some(person.clone()),
                    is_origin: false,
                });
            }
        }
        Ok(found)
    }

    /// The conversation where the request was made that this is part of.
    async fn origin(&self, execution: &Execution) -> Result<Option<Place>, StoreError> {
        let mut parent = execution.request.parent;
        let mut place = asked_at(execution);
        for _ in 0..DEEPEST {
            let (None, Some(id)) = (&place, parent) else { break };
            let Some(above) = self.engine.execution(id).await? else {
                break;
            };
            place = asked_at(&above);
            parent = above.request.parent;
        }
        Ok(place)
    }

    /// Persons who may approve, without those who asked and those who said something already.
    fn approvers(&self, approval: &Approval) -> Vec<String> {
        let authority = self.engine.authority();
        let mut names: Vec<String> = Vec::new();
        for approver in approval.asked_of() {
            match approver {
                Approver::Person(name) => names.push(name.clone()),
                Approver::Group(name) | Approver::Role(name) => names.extend(authority.members(name)),
            }
        }
        for group in approval.per_group.keys() {
            names.extend(authority.members(group));
        }
        let delegates = approval
            .delegations
            .iter()
            .map(|delegation| delegation.to.clone());
        names.extend(delegates);
        once(names, |name| {
            approval.self_approval || !approval.is_requester(name)
        })
    }

    /// Persons who are asked by name or by role.
    fn answerers(&self, execution: &Execution) -> Vec<String> {
        let view = inquiries::view(execution);
        let list = |name: &str| -> Vec<String> {
            let items = view[name].as_array().into_iter().flatten();
            items.filter_map(Value::as_str).map(str::to_owned).collect()
        };
        let mut names = list("users");
        if names.is_empty() {
            let authority = self.engine.authority();
            names.extend(list("roles").iter().flat_map(|role| authority.members(role)));
        }
        once(names, |_| true)
    }

    /// Where a person can be told something in private: where they talked to the bot, else by their linked accounts.
    fn homes(&self, person: &str) -> Vec<Place> {
        let Some(people) = &self.people else {
            return Vec::new();
        };
        let mut places: Vec<Place> = people
            .homes_of(person)
            .into_iter()
            .filter(|place| place.gateway != console::GATEWAY)
            .collect();
        // Where accounts that belong to nobody act as themselves, the person is the account.
        let accounts = people.accounts_of(person).into_keys();
        for account in accounts.chain([person.to_owned()]) {
            let known = |place: &Place| account.starts_with(platform(&place.gateway));
            if !places.iter().any(known) {
                places.extend(
                    self.gateways
                        .all()
                        .iter()
                        .find_map(|gateway| gateway.home(&account)),
                );
            }
        }
        places
    }

    /// Whether the place is somebody's own conversation with the bot.
    pub(super) fn is_home_of(&self, place: &Place, person: &str) -> bool {
        let homes = self
            .people
            .as_ref()
            .map(|people| people.homes_of(person))
            .unwrap_or_default();
        homes
            .iter()
            .any(|home| home.gateway == place.gateway && home.conversation == place.conversation)
    }
}

fn platform(gateway: &str) -> &str {
    gateway.split(':').next().unwrap_or(gateway)
}

fn asked_at(execution: &Execution) -> Option<Place> {
    let origin = &execution.request.origin;
    let told = ["chat", CONSENT].contains(&origin.kind.as_str());
    origin.place.clone().filter(|_| told)
}

/// Each name once, of those that count.
fn once(names: Vec<String>, counts: impl Fn(&str) -> bool) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for name in names {
        if counts(&name) && !found.iter().any(|known| same_person(known, &name)) {
            found.push(name);
        }
    }
    found
}
