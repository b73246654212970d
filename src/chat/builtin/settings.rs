//! `settings` and `set …`: how the bot behaves in this conversation.

use serde_json::{Value, json};

use super::{Answer, Call, Refusal};
use crate::chat::conversations::{ChangeError, Manner, NAMES};
use crate::chat::misses::place_text;
use crate::model::{Place, Timestamp};
use crate::timers::Schedule;

fn here<'a>(call: &'a Call<'_>) -> Result<&'a Place, Refusal> {
    call.place.as_ref().ok_or_else(|| {
        Refusal::new("there is no conversation here").hint("`sayso conversation set` does it from outside.")
    })
}

pub(super) fn show(call: &Call<'_>) -> Answer {
    let place = here(call)?;
    let manner = call.desk.manners.of(place);
    Ok(view(call, place, &manner))
}

fn view(call: &Call<'_>, place: &Place, manner: &Manner) -> Value {
    let rows: Vec<Value> = NAMES
        .iter()
        .map(|(name, how)| {
            let value = manner.shown(name);
            json!({"name": name, "value": value.as_deref().unwrap_or("as everywhere"), "how": how})
        })
        .collect();
    let now = Timestamp::now();
    let next = manner
        .digest
        .as_deref()
        .and_then(|text| Schedule::parse(text, &call.desk.zone, now).ok())
        .and_then(|schedule| schedule.next(now, 1).into_iter().next());
    json!({"place": place_text(place), "settings": rows, "next": next})
}

pub(super) async fn set(call: &Call<'_>) -> Answer {
    let place = call.desk.manners.seat(here(call)?);
    let name = call.text("name").unwrap_or_default().to_lowercase();
    let value = call.text("value").unwrap_or_default().to_owned();
    let act = |manner: &mut Manner| manner.set(&name, &value, &call.desk.zone, Timestamp::now());
    call.desk
        .manners
        .conversations
        .change(&place, &name, act, &call.identity.user)
        .await
        .map_err(|error| match error {
            ChangeError::Refused(why) => Refusal::new(why).hint("`settings` shows what there is."),
            ChangeError::Store(error) => error.into(),
        })?;
    Ok(view(call, &place, &call.desk.manners.of(&place)))
}
