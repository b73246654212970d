//! Routes about events: triggers, rules, what came of them, timers, webhooks, sensors, schedules, traces, policies.

use super::Kind::{self, Flag, List, Object, Text};
use super::{EXCLUDE, INCLUDE, Route};
use crate::api::resources::{policies, rules, schedules, sensors, traces, triggers, webhooks};

pub(super) fn about_events() -> Vec<Route> {
    const RULE: [(&str, Kind, bool, &str); 8] = [
        ("name", Text, true, "Name within its pack"),
        ("pack", Text, false, "Pack; `default` when none is said"),
        ("description", Text, false, "For people"),
        (
            "enabled",
            Flag,
            false,
            "Whether it is judged; no when nothing is said",
        ),
        ("trigger", Object, true, "`{type, parameters}`"),
        ("criteria", Object, false, "What must be true of an event"),
        ("action", Object, true, "`{ref, parameters}`"),
        ("type", Object, false, "`{ref: standard}` or `{ref: backstop}`"),
    ];
    const LISTED: [(&str, Kind, &str); 5] = [
        ("pack", Text, "Only of these packs (comma list)"),
        ("name", Text, "Only with these names (comma list)"),
        ("action", Text, "Only with these actions (comma list)"),
        ("trigger", Text, "Only with these trigger types (comma list)"),
        ("enabled", Flag, "Only enabled or only disabled ones"),
    ];
    const KIND: [(&str, Kind, bool, &str); 6] = [
        ("name", Text, true, "Name within its pack"),
        ("pack", Text, false, "Pack; `default` when none is said"),
        ("description", Text, false, "For people"),
        ("payload_schema", Object, false, "JSON schema of payloads"),
        (
            "parameters_schema",
            Object,
            false,
            "JSON schema of the parameters of triggers",
        ),
        ("tags", List, false, "`{name, value}`"),
    ];
    const TRIGGER: [(&str, Kind, bool, &str); 5] = [
        ("name", Text, true, "Name within its pack"),
        ("pack", Text, false, "Pack; `default` when none is said"),
        ("type", Text, true, "Reference of its type"),
        ("parameters", Object, false, "Parameters"),
        ("description", Text, false, "For people"),
    ];
    const ENFORCED: [(&str, Kind, &str); 7] = [
        ("rule_ref", Text, "Of this rule"),
        ("rule_id", Text, "Of the rule with this id"),
        ("trigger_instance", Text, "For this trigger instance"),
        ("execution", Text, "That led to this execution"),
        ("enforced_at_gt", Text, "After this time"),
        ("enforced_at_lt", Text, "Before this time"),
        ("sort_asc", Flag, "Oldest first"),
    ];
    let removed = |mut route: Route| {
        route.status = 204;
        route
    };
    let mut posted = Route::post("/webhooks/{*url}", "Send an event", webhooks::post).public();
    posted.status = 202;
    vec![
        Route::get("/rules", "List rules", rules::list)
            .query(&LISTED)
            .list(),
        Route::post("/rules", "Make a rule", rules::create)
            .created()
            .body(&RULE),
        Route::post("/rules/test", "Why a rule matches an event or not", rules::test).body(&[
            ("rule", Text, true, "Reference of a rule, or a whole rule"),
            ("payload", Object, false, "What would come with the event"),
            ("trigger_instance", Text, false, "Id of a stored event instead"),
        ]),
        Route::get(
            "/rules/views",
            "The same with what triggers and actions are for",
            rules::views,
        )
        .query(&LISTED)
        .list(),
        Route::get("/rules/views/{ref_or_id}", "One of them", rules::view_get).query(&[INCLUDE, EXCLUDE]),
        Route::get("/rules/{ref_or_id}", "One rule", rules::get).query(&[INCLUDE, EXCLUDE]),
        Route::put("/rules/{ref_or_id}", "Replace a rule", rules::update).body(&RULE),
        removed(Route::delete(
            "/rules/{ref_or_id}",
            "Remove a rule",
            rules::delete,
        )),
        Route::get("/ruletypes", "List kinds of rules", rules::kinds),
        Route::get("/ruletypes/{name_or_id}", "One kind of rules", rules::kind),
        Route::get(
            "/ruleenforcements",
            "What rules made of events",
            rules::enforcement_list,
        )
        .query(&ENFORCED)
        .list(),
        Route::get(
            "/ruleenforcements/views",
            "The same with events and executions",
            rules::enforcement_views,
        )
        .query(&ENFORCED)
        .list(),
        Route::get(
            "/ruleenforcements/{id}",
            "One enforcement",
            rules::enforcement_get,
        ),
        Route::get(
            "/ruleenforcements/views/{id}",
            "One enforcement with its event and execution",
            rules::enforcement_view,
        ),
        Route::get("/triggertypes", "List trigger types", triggers::kinds)
            .query(&[("pack", Text, "Only of these packs (comma list)")])
            .list(),
        Route::get(
            "/triggertypes/{ref_or_id}",
            "One trigger type",
            triggers::kind_get,
        ),
        Route::post("/triggertypes", "Make a trigger type", triggers::kind_create)
            .created()
            .body(&KIND),
        Route::put(
            "/triggertypes/{ref_or_id}",
            "Replace a trigger type that was made here",
            triggers::kind_update,
        )
        .body(&KIND),
        removed(Route::delete(
            "/triggertypes/{ref_or_id}",
            "Remove a trigger type that was made here",
            triggers::kind_delete,
        )),
        Route::post("/triggers", "Make a trigger", triggers::create)
            .created()
            .body(&TRIGGER),
        Route::put(
            "/triggers/{ref_or_id}",
            "Replace a trigger that was made here",
            triggers::update,
        )
        .body(&TRIGGER),
        removed(Route::delete(
            "/triggers/{ref_or_id}",
            "Remove a trigger that was made here",
            triggers::delete,
        )),
        Route::get(
            "/timers/{ref_or_id}",
            "One timer, also by a rule that it is for",
            triggers::timer_get,
        ),
        Route::get("/triggers", "List triggers", triggers::list)
            .query(&[("type", Text, "Only of these types (comma list)")])
            .list(),
        Route::get("/triggers/{ref_or_id}", "One trigger", triggers::get),
        Route::get(
            "/timers",
            "Timers of rules and when they fire next",
            triggers::timers,
        )
        .query(&[("timer_type", Text, "Only of this type")]),
        Route::get(
            "/triggerinstances",
            "List events, newest first",
            triggers::instances,
        )
        .query(&[
            ("trigger", Text, "Only of this trigger"),
            ("trigger_type", Text, "Only of this trigger type"),
            ("status", Text, "Statuses (comma list)"),
            ("timestamp_gt", Text, "After this time"),
            ("timestamp_lt", Text, "Before this time"),
            ("sort_asc", Flag, "Oldest first"),
        ])
        .list(),
        Route::get("/triggerinstances/{id}", "One event", triggers::instance_get),
        Route::post(
            "/triggerinstances/{id}/re_emit",
            "Send an event again",
            triggers::re_emit,
        ),
        Route::get("/sensortypes", "List sensors", sensors::list)
            .query(&[
                ("pack", Text, "Only of these packs (comma list)"),
                ("name", Text, "Only with these names (comma list)"),
                ("enabled", Flag, "Only enabled or only disabled ones"),
                ("trigger", Text, "Only with these trigger types (comma list)"),
            ])
            .list(),
        Route::get("/sensortypes/{ref_or_id}", "One sensor", sensors::get).query(&[INCLUDE, EXCLUDE]),
        Route::put(
            "/sensortypes/{ref_or_id}",
            "Switch a sensor on or off (administrators only)",
            sensors::update,
        )
        .body(&[("enabled", Flag, true, "Whether it is to run")]),
        Route::get(
            "/schedules",
            "The caller's schedules (administrators: all)",
            schedules::list,
        ),
        Route::post(
            "/schedules",
            "Run something at a time, or again and again",
            schedules::create,
        )
        .created()
        .body(&[
            ("when", Text, true, "When, in words: `every weekday 07:00`"),
            ("command", Text, false, "What would be said in chat"),
            ("action", Text, false, "Reference of an action instead"),
            ("parameters", Object, false, "Its parameters"),
            ("timezone", Text, false, "Zone of the times"),
            (
                "misfire",
                Text,
                false,
                "What becomes of missed runs: `skip`, `once`, `all`",
            ),
            ("grace", Text, false, "How late a run may be, `10m`"),
        ]),
        Route::get("/schedules/{number}", "One schedule", schedules::get),
        Route::post(
            "/schedules/{number}/pause",
            "Let it stand still",
            schedules::pause,
        ),
        Route::post("/schedules/{number}/resume", "Let it go on", schedules::resume),
        removed(Route::delete(
            "/schedules/{number}",
            "Remove it",
            schedules::delete,
        )),
        Route::get(
            "/traces",
            "What followed from events and requests, newest first",
            traces::list,
        )
        .query(&[
            ("trace_tag", Text, "With this tag"),
            ("execution", Text, "That this execution is part of"),
            ("rule", Text, "That this rule had a part in"),
            ("trigger_instance", Text, "That this event is part of"),
            ("sort_asc", Flag, "Oldest first"),
        ])
        .list(),
        Route::get(
            "/traces/{id}",
            "One of them, by its id or that of anything in it",
            traces::get,
        ),
        Route::get("/webhooks", "URLs that rules listen on", webhooks::list),
        Route::get("/webhooks/{*url}", "One of them", webhooks::get),
        posted,
    ]
}

pub(super) fn about_policies() -> Vec<Route> {
    const POLICY: [(&str, Kind, bool, &str); 7] = [
        ("name", Text, true, "Name within its pack"),
        ("pack", Text, false, "Pack; `default` when none is said"),
        ("description", Text, false, "For people"),
        (
            "enabled",
            Flag,
            false,
            "Whether it counts; yes when nothing is said",
        ),
        ("resource_ref", Text, true, "Reference of the action"),
        ("policy_type", Text, true, "One of `/policytypes`"),
        ("parameters", Object, false, "What the type takes"),
    ];
    let mut delete = Route::delete("/policies/{ref_or_id}", "Remove a policy", policies::delete);
    delete.status = 204;
    vec![
        Route::get("/policies", "List policies", policies::list)
            .query(&[
                ("pack", Text, "Only of these packs (comma list)"),
                ("name", Text, "Only with these names (comma list)"),
                ("resource_ref", Text, "Only of these actions (comma list)"),
                ("policy_type", Text, "Only of these types (comma list)"),
            ])
            .list(),
        Route::post("/policies", "Make a policy", policies::create)
            .created()
            .body(&POLICY),
        Route::get("/policies/{ref_or_id}", "One policy", policies::get).query(&[INCLUDE, EXCLUDE]),
        Route::put("/policies/{ref_or_id}", "Replace a policy", policies::update).body(&POLICY),
        delete,
        Route::get("/policytypes", "List types of policies", policies::kinds).list(),
        Route::get("/policytypes/{ref_or_id}", "One type of policies", policies::kind),
    ]
}
