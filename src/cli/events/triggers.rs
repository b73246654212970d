//! `sayso trigger …`, `trigger-instance …`, `timer …` and `webhook …`.

use serde_json::Value;

use super::{delete, list, one, period, print, read_value, shown, unknown, when};
use crate::cli::args::{InstanceCommand, Show, TimerCommand, TriggerCommand, WebhookCommand};
use crate::cli::connect::Connection;
use crate::cli::execution::rows;
use crate::cli::output::Format;
use crate::cli::table::cell;
use crate::cli::{CliError, CliResult, Context, query, segment};

const KINDS: &str = "/api/v1/triggertypes";
const UNKNOWN: (&str, &str) = ("trigger type", "`sayso trigger list` lists all trigger types");
const SHOWN: [&str; 8] = [
    "id",
    "ref",
    "pack",
    "name",
    "description",
    "parameters_schema",
    "payload_schema",
    "tags",
];

pub(super) async fn trigger(
    context: &mut Context<'_>,
    connection: &Connection,
    command: &TriggerCommand,
) -> CliResult {
    match command {
        TriggerCommand::List { pack, show } => {
            let mut parts = vec![("limit", "-1".to_owned())];
            parts.extend(pack.as_ref().map(|pack| ("pack", pack.clone())));
            let own = ["ref", "pack", "description"];
            list(
                context,
                connection,
                (KINDS, &parts),
                (&own, show),
                "no trigger types",
            )
            .await
        }
        TriggerCommand::Get(named) => {
            let found = one(connection, KINDS, &named.reference, UNKNOWN).await?;
            print(context, &found, &SHOWN, &named.show)
        }
        TriggerCommand::Create { file } => {
            let kind = read_value(file)?;
            let made = connection.client.post(KINDS, Some(&kind)).await?;
            print(context, &made, &SHOWN, &Show::default())
        }
        TriggerCommand::Update { reference, file } => {
            let kind = read_value(file)?;
            let path = format!("{KINDS}/{}", segment(reference));
            let made = connection.client.put(&path, Some(&kind)).await;
            let made = made.map_err(|error| unknown(error, reference, UNKNOWN))?;
            print(context, &made, &SHOWN, &Show::default())
        }
        TriggerCommand::Delete { references } => {
            delete(context, connection, KINDS, references, UNKNOWN).await
        }
        TriggerCommand::Getspecs(named) => {
            let kind = one(connection, KINDS, &named.reference, UNKNOWN).await?;
            let parts = [("limit", "-1".to_owned()), ("type", cell(&kind["ref"]))];
            let own = ["ref", "type", "parameters", "description"];
            let none = "nothing asks for events of this type";
            let path = ("/api/v1/triggers", parts.as_slice());
            list(context, connection, path, (&own, &named.show), none).await
        }
    }
}

pub(super) async fn instance(
    context: &mut Context<'_>,
    connection: &Connection,
    command: &InstanceCommand,
) -> CliResult {
    const PATH: &str = "/api/v1/triggerinstances";
    const WHAT: (&str, &str) = ("event", "`sayso trigger-instance list` lists the newest");
    match command {
        InstanceCommand::List {
            trigger,
            status,
            period: which,
        } => {
            let more = [("trigger", trigger), ("status", status)];
            let parts = period(which, ("timestamp_gt", "timestamp_lt"), &more);
            let own = ["id", "trigger", "occurrence_time", "status"];
            let path = (PATH, parts.as_slice());
            list(context, connection, path, (&own, &which.show), "no events").await
        }
        InstanceCommand::Get(named) => {
            let found = one(connection, PATH, &named.reference, WHAT).await?;
            let own = ["id", "trigger", "occurrence_time", "status", "payload"];
            print(context, &found, &own, &named.show)
        }
        InstanceCommand::ReEmit { id } => {
            let path = format!("{PATH}/{}/re_emit", segment(id));
            let told = connection.client.post(&path, None).await;
            let told = told.map_err(|error| unknown(error, id, WHAT))?;
            if context.format == Format::Table {
                context.out.note(&cell(&told["message"]));
                context.out.line(&cell(&told["trigger_instance"]))?;
            } else {
                context.out.value(&told, context.format)?;
            }
            Ok(0)
        }
    }
}

pub(super) async fn timer(
    context: &mut Context<'_>,
    connection: &Connection,
    command: &TimerCommand,
) -> CliResult {
    const PATH: &str = "/api/v1/timers";
    match command {
        TimerCommand::List { timer_type, show } => {
            let parts: Vec<_> = timer_type
                .iter()
                .map(|kind| ("timer_type", kind.clone()))
                .collect();
            let found = connection
                .client
                .get(&format!("{PATH}?{}", query(&parts)))
                .await?;
            let mut timers = rows(found)?;
            if context.format == Format::Table && show.attr.is_empty() {
                for timer in &mut timers {
                    timer["next"] = match timer["next"].get(0) {
                        Some(next) => when(next).into(),
                        None => "never any more".into(),
                    };
                }
            }
            let own = ["rules", "type", "parameters", "next"];
            shown(context, &timers, (&own, show), "no enabled rule has a timer")
        }
        TimerCommand::Get(named) => {
            let what = ("timer", "`sayso timer list` lists all timers of rules");
            let mut found = one(connection, PATH, &named.reference, what).await?;
            if context.format == Format::Table
                && let Some(next) = found["next"].as_array()
            {
                found["next"] = next.iter().map(when).map(Value::from).collect();
            }
            let own = [
                "id",
                "ref",
                "type",
                "parameters",
                "timezone",
                "misfire",
                "rules",
                "next",
            ];
            print(context, &found, &own, &named.show)
        }
    }
}

pub(super) async fn webhook(
    context: &mut Context<'_>,
    connection: &Connection,
    command: &WebhookCommand,
) -> CliResult {
    const PATH: &str = "/api/v1/webhooks";
    match command {
        WebhookCommand::List { show } => {
            let mut hooks = rows(connection.client.get(PATH).await?)?;
            if context.format == Format::Table && show.attr.is_empty() {
                for hook in &mut hooks {
                    let of = |name: &str| -> Vec<Value> {
                        let mut all: Vec<Value> = hook["rules"]
                            .as_array()
                            .into_iter()
                            .flatten()
                            .map(|rule| rule[name].clone())
                            .collect();
                        all.dedup();
                        all
                    };
                    let (rules, senders) = (of("ref"), of("senders"));
                    hook["senders"] = senders.into();
                    hook["rules"] = rules.into();
                }
            }
            let own = ["url", "rules", "senders"];
            let none = "no enabled rule listens on a webhook";
            shown(context, &hooks, (&own, show), none)
        }
        WebhookCommand::Get { url, show } => {
            // Slashes are part of it.
            let clean = url.trim_matches('/').split('/').map(segment);
            let path = format!("{PATH}/{}", clean.collect::<Vec<_>>().join("/"));
            let found = connection.client.get(&path).await.map_err(|error| {
                if error.status() == Some(404) {
                    return CliError::new(format!("no enabled rule listens on `{url}`"))
                        .hint("`sayso webhook list` lists all URLs");
                }
                error.into()
            })?;
            let own = ["id", "ref", "url", "rules"];
            print(context, &found, &own, show)
        }
    }
}
