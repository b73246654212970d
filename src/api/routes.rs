//! The table of all routes: the router and the `OpenAPI` document are made from it, so that neither can have a
//! route that the other has not.

mod events;
mod rights;

use axum::Router;
use axum::handler::Handler;
use axum::routing::{MethodRouter, delete, get, post, put};
use http::Method;

use super::http::error::ApiError;
use super::http::front::Front;
use super::resources::{
    actions, alias_execution, aliases, approvals, audit, executions, gc, inquiries, keys, packs, people,
    runners, server, user, workflows,
};
use super::{ApiState, openapi, stream};

/// Where the routes of the reference's API service are served: as behind its proxy, and as itself.
const PREFIXES: [&str; 2] = ["/api/v1", "/v1"];

/// One route with what the document says about it.
pub(super) struct Route {
    pub(super) method: Method,
    /// Path below `/api/v1`, or from the root when `from_root`.
    pub(super) path: &'static str,
    pub(super) from_root: bool,
    pub(super) summary: &'static str,
    /// Query parameters: name, type, meaning.
    pub(super) query: Vec<(&'static str, Kind, &'static str)>,
    /// Fields of the body: name, type, required, meaning.
    pub(super) body: Vec<(&'static str, Kind, bool, &'static str)>,
    /// Status of success.
    pub(super) status: u16,
    /// Content type of success.
    pub(super) content: &'static str,
    /// Whether it answers without a token.
    pub(super) public: bool,
    router: MethodRouter<ApiState>,
}

/// Types of parameters and fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    Integer,
    Flag,
    Object,
    List,
}

use Kind::{Flag, Integer, List, Object, Text};

const SECRETS: (&str, Kind, &str) = (
    "show_secrets",
    Flag,
    "Show secrets in clear (administrators only)",
);
const INCLUDE: (&str, Kind, &str) = (
    "include_attributes",
    Text,
    "Answer only these attributes (comma list, `action.ref` goes into objects)",
);
const EXCLUDE: (&str, Kind, &str) = (
    "exclude_attributes",
    Text,
    "Leave these attributes out (comma list)",
);
const PAGING: [(&str, Kind, &str); 3] = [
    (
        "limit",
        Integer,
        "At most so many items; -1 for all (administrators only)",
    ),
    ("offset", Integer, "Items to skip"),
    (
        "sort",
        Text,
        "Attributes to sort by (comma list), `-name` downwards",
    ),
];

impl Route {
    fn new(
        method: Method,
        path: &'static str,
        summary: &'static str,
        router: MethodRouter<ApiState>,
    ) -> Self {
        Self {
            method,
            path,
            from_root: false,
            summary,
            query: Vec::new(),
            body: Vec::new(),
            status: 200,
            content: "application/json",
            public: false,
            router,
        }
    }

    fn get<H: Handler<T, ApiState>, T: 'static>(
        path: &'static str,
        summary: &'static str,
        handler: H,
    ) -> Self {
        Self::new(Method::GET, path, summary, get(handler))
    }

    fn post<H: Handler<T, ApiState>, T: 'static>(
        path: &'static str,
        summary: &'static str,
        handler: H,
    ) -> Self {
        Self::new(Method::POST, path, summary, post(handler))
    }

    fn put<H: Handler<T, ApiState>, T: 'static>(
        path: &'static str,
        summary: &'static str,
        handler: H,
    ) -> Self {
        Self::new(Method::PUT, path, summary, put(handler))
    }

    fn delete<H: Handler<T, ApiState>, T: 'static>(
        path: &'static str,
        summary: &'static str,
        handler: H,
    ) -> Self {
        Self::new(Method::DELETE, path, summary, delete(handler))
    }

    fn at_root(mut self) -> Self {
        self.from_root = true;
        self
    }

    fn public(mut self) -> Self {
        self.public = true;
        self
    }

    fn query(mut self, parameters: &[(&'static str, Kind, &'static str)]) -> Self {
        self.query.extend_from_slice(parameters);
        self
    }

    /// A list: with paging and projection.
    fn list(self) -> Self {
        self.query(&PAGING).query(&[INCLUDE, EXCLUDE])
    }

    fn body(mut self, fields: &[(&'static str, Kind, bool, &'static str)]) -> Self {
        self.body.extend_from_slice(fields);
        self
    }

    fn created(mut self) -> Self {
        self.status = 201;
        self
    }

    fn answers(mut self, content: &'static str) -> Self {
        self.content = content;
        self
    }

    /// All paths under which the route is served.
    pub(super) fn paths(&self) -> Vec<String> {
        if self.from_root {
            vec![self.path.to_owned()]
        } else if self.path == "/" {
            ["/", "/api/v1", "/api/v1/", "/v1", "/v1/"]
                .map(str::to_owned)
                .to_vec()
        } else {
            PREFIXES
                .iter()
                .map(|prefix| format!("{prefix}{}", self.path))
                .collect()
        }
    }
}

/// All routes except those of the chat gateways.
pub(super) fn all() -> Vec<Route> {
    let mut routes = about_the_server();
    routes.extend(about_content());
    routes.extend(about_aliases());
    routes.extend(about_executions());
    routes.extend(events::about_events());
    routes.extend(events::about_policies());
    routes.extend(about_answers());
    routes.extend(about_people());
    routes.extend(rights::about_rights());
    routes.extend(about_keys());
    routes.extend(about_streams());
    routes
}

fn about_the_server() -> Vec<Route> {
    vec![
        Route::get("/", "Version and documentation", user::root).public(),
        Route::get("/healthz", "Whether the process answers", server::healthz)
            .at_root()
            .public(),
        Route::get("/readyz", "Whether requests are accepted", server::readyz)
            .at_root()
            .public(),
        Route::get("/metrics", "Metrics in Prometheus' text format", server::metrics)
            .at_root()
            .public()
            .answers("text/plain"),
        Route::get("/openapi.json", "This document", openapi::document).public(),
        Route::get("/user", "Who the caller is", user::user),
        Route::get(
            "/status",
            "Numbers of engine, store, content and outbox",
            server::status,
        ),
        Route::post("/reload", "Read packs and aliases again", server::reload),
        Route::get(
            "/content/problems",
            "What is wrong in packs and aliases",
            server::problems,
        )
        .query(&[("severity", Text, "`error` or `warning`")]),
        Route::get("/audit", "Entries of the audit log, newest first", audit::list)
            .query(&PAGING[..1])
            .query(&[
                ("after", Integer, "Numbers above this"),
                ("before", Integer, "Numbers below this"),
                ("since", Text, "Not older than this time"),
                ("until", Text, "Older than this time"),
                ("actor", Text, "Who did it"),
                ("kind", Text, "Kind, or its beginning up to a dot"),
                ("action", Text, "Reference of the action"),
                ("execution", Text, "Id of the execution"),
                ("q", Text, "Words that must all occur"),
                ("sort", Text, "`asc` for oldest first"),
            ]),
        Route::get("/audit/verify", "Whether the audit log is intact", audit::verify),
        Route::post("/gc/run", "Delete what is old enough", gc::run).body(&[(
            "dry_run",
            Flag,
            false,
            "Only count it",
        )]),
        Route::get(
            "/gc/status",
            "What is kept how long, and what the last run deleted",
            gc::status,
        ),
        Route::get("/db/stats", "Sizes and counts of the database", server::db_stats),
        Route::get("/db/check", "The database's integrity check", server::db_check),
        Route::post(
            "/db/backup",
            "Write a consistent copy of the database",
            server::db_backup,
        )
        .created()
        .body(&[(
            "target",
            Text,
            true,
            "Absolute path on the server; nothing is replaced",
        )]),
    ]
}

fn about_content() -> Vec<Route> {
    vec![
        Route::get("/actions", "List actions", actions::list)
            .query(&[
                ("pack", Text, "Only of these packs (comma list)"),
                ("name", Text, "Only with these names (comma list)"),
                (
                    "tags",
                    Text,
                    "Only with all of these tags (comma list of `name` or `name:value`)",
                ),
            ])
            .list(),
        Route::get("/actions/{ref_or_id}", "One action", actions::get).query(&[INCLUDE, EXCLUDE]),
        Route::get(
            "/actions/views/parameters/{ref_or_id}",
            "Parameters of an action with those of its runner",
            actions::view_parameters,
        ),
        Route::get(
            "/actions/views/overview",
            "List actions with all their parameters",
            actions::views_overview,
        )
        .query(&[("pack", Text, "Only of these packs (comma list)")])
        .list(),
        Route::get(
            "/actions/views/overview/{ref_or_id}",
            "One action with all its parameters",
            actions::view_overview,
        ),
        Route::get(
            "/actions/views/entry_point/{ref_or_id}",
            "Source text of an action's entry point",
            actions::view_entry_point,
        )
        .answers("text/plain"),
        Route::get("/runnertypes", "List runners", runners::list)
            .query(&[("name", Text, "Only these (comma list)")])
            .list(),
        Route::get("/runnertypes/{name_or_id}", "One runner", runners::get),
        Route::get("/packs", "List packs", packs::list)
            .query(&[("ref", Text, "Only these (comma list)")])
            .list(),
        Route::get("/packs/{ref_or_id}", "One pack", packs::get).query(&[INCLUDE, EXCLUDE]),
        Route::get(
            "/packs/views/files/{ref_or_id}",
            "All text files of a pack",
            packs::view_files,
        ),
        Route::get(
            "/packs/views/file/{ref_or_id}/{*file_path}",
            "One file of a pack",
            packs::view_file,
        )
        .answers("application/octet-stream"),
        Route::get(
            "/config_schemas",
            "List the schemas of pack configurations",
            packs::schemas,
        )
        .list(),
        Route::get(
            "/config_schemas/{pack_ref}",
            "Schema of a pack's configuration",
            packs::schema_of,
        ),
    ]
}

fn about_aliases() -> Vec<Route> {
    let said = [
        ("command", Text, true, "What was said"),
        ("source_channel", Text, true, "Where it was said"),
        ("user", Text, false, "Who said it"),
        ("notification_route", Text, false, "Route of the answer"),
        ("notification_channel", Text, false, "Old name of the route"),
    ];
    vec![
        Route::get("/actionalias", "List aliases", aliases::list)
            .query(&[
                ("pack", Text, "Only of these packs (comma list)"),
                ("name", Text, "Only with these names (comma list)"),
            ])
            .list(),
        Route::get("/actionalias/{ref_or_id}", "One alias", aliases::get).query(&[INCLUDE, EXCLUDE]),
        Route::post(
            "/actionalias/match",
            "The alias that a command means",
            aliases::match_command,
        )
        .body(&[("command", Text, true, "What was said")]),
        Route::get("/actionalias/help", "The commands there are", aliases::help)
            .query(&[
                ("filter", Text, "Regular expression for the command"),
                ("pack", Text, "Only of these packs (comma list)"),
            ])
            .query(&PAGING[..2]),
        Route::post(
            "/aliasexecution",
            "Run the alias of a command",
            alias_execution::execute,
        )
        .created()
        .query(&[SECRETS])
        .body(&[
            ("name", Text, true, "Name of the alias, with or without its pack"),
            (
                "format",
                Text,
                true,
                "The alias's format that the command follows",
            ),
            ("source_context", Object, false, "Handed on with the answer"),
        ])
        .body(&said),
        Route::post(
            "/aliasexecution/match_and_execute",
            "Find the alias of a command and run it",
            alias_execution::match_and_execute,
        )
        .created()
        .query(&[SECRETS])
        .body(&said),
    ]
}

fn about_executions() -> Vec<Route> {
    vec![
        Route::get("/executions", "List executions, newest first", executions::list)
            .query(&[
                ("status", Text, "Statuses (comma list)"),
                ("action", Text, "Action references (comma list)"),
                ("runner", Text, "Runners (comma list)"),
                ("user", Text, "Users (comma list)"),
                ("rule", Text, "Rules (comma list)"),
                (
                    "parent",
                    Text,
                    "Children of this execution; `null` for those without a parent",
                ),
                ("trigger_instance", Text, "Started by this trigger instance"),
                ("timestamp", Text, "Requested at this time"),
                ("timestamp_gt", Text, "Requested after this time; oldest first"),
                ("timestamp_lt", Text, "Requested before this time"),
                ("sort_asc", Flag, "Oldest first"),
                ("sort_desc", Flag, "Newest first"),
                ("top_level", Flag, "Only those without a parent"),
                ("without_builtin", Flag, "Without the chat's own commands"),
                (
                    "after",
                    Text,
                    "Only what comes after this id; then they are counted only with `count`",
                ),
                ("count", Flag, "Count all that match"),
                SECRETS,
            ])
            .list(),
        Route::post("/executions", "Request an execution", executions::create)
            .created()
            .query(&[SECRETS])
            .body(&[
                ("action", Text, true, "Reference of the action"),
                (
                    "parameters",
                    Object,
                    false,
                    "Parameters; texts may be Jinja templates",
                ),
                ("context", Object, false, "Context to keep with the execution"),
                ("delay", Integer, false, "Milliseconds to wait before it runs"),
                ("notify", Object, false, "Notify section"),
                ("user", Text, false, "On whose behalf (administrators only)"),
            ]),
        Route::get(
            "/executions/{id}",
            "One execution; `last` is the newest",
            executions::get,
        )
        .query(&[
            INCLUDE,
            EXCLUDE,
            ("max_result_size", Integer, "Leave out a result of more bytes"),
            SECRETS,
        ]),
        Route::put(
            "/executions/{id}",
            "Ask for another status: pause or resume a workflow, cancel",
            executions::put,
        )
        .query(&[SECRETS])
        .body(&[("status", Text, true, "`pausing`, `resuming` or `canceling`")]),
        Route::delete("/executions/{id}", "Cancel an execution", executions::cancel).query(&[
            (
                "now",
                Flag,
                "Of a workflow: also stop the actions that are at work",
            ),
            SECRETS,
        ]),
        Route::post(
            "/executions/{id}/re_run",
            "Run an execution again",
            executions::rerun,
        )
        .created()
        .query(&[("no_merge", Flag, "Use only the given parameters"), SECRETS])
        .body(&[
            (
                "parameters",
                Object,
                false,
                "Parameters that replace the original ones",
            ),
            ("tasks", List, false, "Tasks of a workflow to run again"),
            ("reset", List, false, "Tasks whose items all run again"),
            ("delay", Integer, false, "Milliseconds to wait before it runs"),
            ("user", Text, false, "On whose behalf (administrators only)"),
        ]),
        Route::get(
            "/executions/{id}/output",
            "Stored output; with `follow` as events",
            executions::output,
        )
        .query(&[
            OUTPUT_TYPE,
            (
                "follow",
                Flag,
                "Go on as an event stream until the execution ends",
            ),
        ])
        .answers("text/plain"),
        Route::get(
            "/executions/{id}/attribute/{attribute}",
            "`result`, `status` or `trigger_instance` of an execution",
            executions::attribute,
        )
        .query(&[SECRETS]),
        Route::get(
            "/executions/{id}/children",
            "Descendants of an execution",
            executions::children,
        )
        .query(&[("depth", Integer, "Levels to go down; -1 for all"), SECRETS]),
        Route::get(
            "/executions/{id}/workflow",
            "A workflow's execution: definition, input, output, errors and tasks",
            workflows::workflow,
        ),
        Route::get(
            "/executions/{id}/tasks",
            "Tasks of a workflow that were started",
            workflows::list_tasks,
        ),
        Route::post(
            "/workflows/inspect",
            "What is wrong with a workflow's definition (YAML in the body)",
            workflows::inspect,
        )
        .query(&[("warnings", Flag, "Answer an object with errors and warnings")]),
        Route::get(
            "/executions/{id}/result",
            "Result of an execution as a file",
            executions::result,
        )
        .query(&[
            ("download", Flag, "As an attachment"),
            ("compress", Flag, "Compressed with gzip"),
            ("pretty_format", Flag, "Indented"),
            SECRETS,
        ])
        .answers("text/json"),
        Route::get(
            "/executions/views/filters",
            "Values that lists can be filtered by",
            executions::filters,
        )
        .query(&[("types", Text, "Only these filters (comma list)")]),
    ]
}

fn about_answers() -> Vec<Route> {
    vec![
        Route::get(
            "/inquiries",
            "List the inquiries that wait for an answer",
            inquiries::list,
        )
        .query(&PAGING[..2])
        .query(&[INCLUDE, EXCLUDE]),
        Route::get(
            "/inquiries/{id}",
            "One inquiry that waits for an answer",
            inquiries::get,
        ),
        Route::put("/inquiries/{id}", "Answer an inquiry", inquiries::put).body(&[(
            "response",
            Object,
            true,
            "The answer; must fit the inquiry's schema",
        )]),
        Route::get("/approvals", "List the approvals that wait", approvals::list)
            .query(&PAGING[..2])
            .query(&[
                ("all", Flag, "Those that are over, too"),
                ("mine", Flag, "Only those that the caller may vote on"),
            ]),
        Route::get("/approvals/{id}", "One approval", approvals::get),
        Route::put(
            "/approvals/{id}",
            "Change what is to be approved; voids the votes",
            approvals::put,
        )
        .body(&[("parameters", Object, true, "The new parameters")]),
        Route::post("/approvals/{id}/vote", "Vote", approvals::vote).body(&[
            ("vote", Text, true, "`approve` or `deny`"),
            ("reason", Text, false, "Why; a no needs one"),
            (
                "fingerprint",
                Text,
                false,
                "Fingerprint of what was looked at; a vote about something else is refused",
            ),
        ]),
        Route::post(
            "/approvals/{id}/delegate",
            "Let somebody else vote",
            approvals::delegate,
        )
        .body(&[("to", Text, true, "Who; oneself takes it back")]),
    ]
}

/// What is asked about rights.
const RIGHTS: [(&str, Kind, bool, &str); 6] = [
    ("command", Text, false, "The command as one says it"),
    (
        "action",
        Text,
        false,
        "Without a command: the action, `pack.name`",
    ),
    ("alias", Text, false, "The alias that is said, `pack.name`"),
    ("parameters", Object, false, "Parameters of the action"),
    (
        "place",
        Text,
        false,
        "Where, `slack:default/#ops`; nothing: over the API",
    ),
    ("at", Text, false, "When; nothing: now"),
];

fn about_people() -> Vec<Route> {
    vec![
        Route::get(
            "/people",
            "Everybody who is known (administrators only)",
            people::list,
        ),
        Route::get("/people/{name}", "A person with roles and accounts", people::get),
        Route::post(
            "/people/{name}/accounts",
            "Link an account with a person (administrators only)",
            people::link,
        )
        .body(&[("account", Text, true, "The account, `slack:T1:U1`")]),
        Route::post(
            "/people/{name}/deactivate",
            "Refuse everything that a person asks for (administrators only)",
            people::deactivate,
        ),
        Route::post(
            "/people/{name}/activate",
            "Let a person work again (administrators only)",
            people::activate,
        ),
        Route::post(
            "/accounts/link",
            "Link the account that a code was given to with the caller",
            people::redeem,
        )
        .body(&[("code", Text, true, "The code")]),
        Route::post(
            "/accounts/unlink",
            "Take an account away from its person",
            people::unlink,
        )
        .body(&[("account", Text, true, "The account, `slack:T1:U1`")]),
        Route::get(
            "/access",
            "The rules of the access file, and what is wrong with it (administrators only)",
            people::access,
        ),
        Route::post(
            "/access/check",
            "Whether somebody may run something, and why",
            people::check,
        )
        .body(&RIGHTS)
        .body(&[(
            "user",
            Text,
            false,
            "Who (administrators only); nothing: the caller",
        )]),
        Route::post(
            "/access/who-can",
            "Everybody who may run something (administrators only)",
            people::who_can,
        )
        .body(&RIGHTS),
        Route::get(
            "/reviews",
            "Runs without approval that nobody has looked at yet",
            people::reviews,
        ),
        Route::post("/reviews/{id}", "Sign off a run without approval", people::review).body(&[(
            "note",
            Text,
            true,
            "What was found",
        )]),
    ]
}

const SCOPE: (&str, Kind, &str) = ("scope", Text, "Whose: `system` (of everybody), `user`");
const KEY_USER: (&str, Kind, &str) = (
    "user",
    Text,
    "Whose keys (administrators only); nothing: the caller's",
);
const DECRYPT: (&str, Kind, &str) = (
    "decrypt",
    Flag,
    "Show secrets in clear (their owner and administrators only)",
);

fn about_keys() -> Vec<Route> {
    let mut delete = Route::delete("/keys/{name}", "Delete a key", keys::delete).query(&[SCOPE, KEY_USER]);
    delete.status = 204;
    vec![
        Route::get("/keys", "List keys of the datastore", keys::list)
            .query(&[
                (
                    "scope",
                    Text,
                    "Whose: `system` (of everybody), `user`, `all` (both; the default)",
                ),
                KEY_USER,
                ("prefix", Text, "Only those whose names begin so"),
                DECRYPT,
            ])
            .list(),
        Route::get("/keys/{name}", "One key", keys::get).query(&[SCOPE, KEY_USER, DECRYPT]),
        Route::put("/keys/{name}", "Set a key", keys::put)
            .query(&[SCOPE, KEY_USER])
            .body(&[
                ("value", Text, true, "The text"),
                ("scope", Text, false, "`system` (the default) or `user`"),
                (
                    "user",
                    Text,
                    false,
                    "Whose (administrators only); nothing: the caller's",
                ),
                ("secret", Flag, false, "Store it encrypted"),
                (
                    "encrypted",
                    Flag,
                    false,
                    "The value is encrypted already, by this installation",
                ),
                ("ttl", Integer, false, "Seconds that it lives; nothing: for ever"),
                ("description", Text, false, "What it is for"),
            ]),
        delete,
    ]
}

const OUTPUT_TYPE: (&str, Kind, &str) = ("output_type", Text, "`stdout`, `stderr`, `output` or `all`");

fn about_streams() -> Vec<Route> {
    let events = [
        ("events", Text, "Patterns of event names (comma list)"),
        ("action_refs", Text, "Only of these actions (comma list)"),
        ("execution_ids", Text, "Only of these executions (comma list)"),
        ("end_event", Text, "End after this event"),
        ("end_execution_id", Text, "End when this execution has ended"),
        SECRETS,
    ];
    let stream = "text/event-stream";
    vec![
        Route::get("/stream", "Events as they happen", stream::events)
            .query(&events)
            .answers(stream),
        Route::get("/stream/v1/stream", "Events as they happen", stream::events)
            .at_root()
            .query(&events)
            .answers(stream),
        Route::get(
            "/stream/v1/executions/{id}/output",
            "Output of an execution until it ends",
            stream::output,
        )
        .at_root()
        .query(&[OUTPUT_TYPE])
        .answers(stream),
    ]
}

/// The router of the whole API.
pub fn router(state: &ApiState) -> Router {
    let mut router = Router::new();
    for route in all() {
        for path in route.paths() {
            router = router.route(&path, route.router.clone());
        }
    }
    let no_route = || async { ApiError::no_route() };
    let mut router = router.with_state(state.clone());
    if let Some(chat) = state.chat() {
        router = router.nest("/api/v1/chat", chat);
    }
    router
        .fallback(no_route)
        .method_not_allowed_fallback(no_route)
        .layer(Front::new(state.clone()))
}
