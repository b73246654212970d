//! Every key that can be set: its kind, its meaning, the variable that sets it.

use super::kind::Kind;

/// A key of the settings. A `*` in the path stands for a name that the user chooses.
#[derive(Clone, Copy, Debug)]
pub struct Key {
    /// Dotted path, `engine.concurrency`.
    pub path: &'static str,
    /// What values it takes.
    pub kind: Kind,
    /// One or two sentences for people.
    pub doc: &'static str,
    /// What the default is, in words, for keys whose default is not a fixed value.
    pub default: &'static str,
    /// A value for the commented line of keys without a fixed default, as TOML.
    pub example: &'static str,
    /// The variable that sets it, when it is not the one that follows from the path.
    variable: Option<&'static str>,
    /// Never shown.
    pub secret: bool,
}

const fn key(path: &'static str, kind: Kind, doc: &'static str) -> Key {
    Key {
        path,
        kind,
        doc,
        default: "",
        example: "",
        variable: None,
        secret: false,
    }
}

impl Key {
    const fn unset(mut self, default: &'static str, example: &'static str) -> Self {
        self.default = default;
        self.example = example;
        self
    }

    const fn variable_is(mut self, variable: &'static str) -> Self {
        self.variable = Some(variable);
        self
    }

    const fn secret(mut self) -> Self {
        self.secret = true;
        self
    }

    /// The variable that sets the key. For keys with a chosen name, `*` is that name in capitals.
    #[must_use]
    pub fn variable(&self) -> String {
        self.variable.map_or_else(
            || format!("SAYSO_{}", self.path.replace('.', "_").to_uppercase()),
            str::to_owned,
        )
    }

    /// Whether the key stands for `path`.
    #[must_use]
    pub fn matches(&self, path: &str) -> bool {
        let mut own = self.path.split('.');
        let mut theirs = path.split('.');
        loop {
            match (own.next(), theirs.next()) {
                (None, None) => return true,
                (Some(own), Some(theirs)) if own == theirs || own == "*" => {}
                _ => return false,
            }
        }
    }

    /// The path with `<name>` for a chosen name, as people read it.
    #[must_use]
    pub fn shown(&self) -> String {
        self.path.replace('*', "<name>")
    }
}

/// The sections, in the order of the documentation, each with a sentence.
pub const SECTIONS: &[(&str, &str)] = &[
    ("", "Set above all sections."),
    ("api", "The HTTP server: API, event stream, webhooks."),
    ("engine", "The engine: how many actions run, what it refuses."),
    ("store", "The database, `sayso.db` in the data folder."),
    (
        "content",
        "Where packs, their configurations, aliases and templates are.",
    ),
    ("runners", "How actions are run."),
    (
        "expressions",
        "What one YAQL expression or Jinja template may take, wherever it stands. More is an error of the expression.",
    ),
    ("timers", "When things happen by themselves."),
    (
        "events",
        "Webhooks: how much may come in at once. Senders that are too fast get 429 with Retry-After.",
    ),
    (
        "retention",
        "How many days things are kept. Nothing is deleted unless a number is set; the audit log never is.",
    ),
    (
        "sensors",
        "What watches the world and tells of it. See docs/sensors.md.",
    ),
    ("access", "Who may do what."),
    (
        "access.groups",
        "Groups of people, for approvals and inquiries: a name of your own and the users in it.",
    ),
    ("chat", "The bot in chat."),
    (
        "chat.slack.*",
        "A Slack workspace. The variables `SAYSO_SLACK_…` set the one named `default`.",
    ),
    (
        "chat.discord.*",
        "A Discord bot. The variables `SAYSO_DISCORD_…` set the one named `default`.",
    ),
    ("log", "Logs, always on standard error."),
    ("client", "What the client commands use; the server ignores it."),
];

/// All keys, in the order of the documentation.
pub const KEYS: &[Key] = &[
    key("data_dir", Kind::Path, "Folder that holds everything durable: database, keys, tokens, installed packs.")
        .unset("/var/lib/sayso for root, else ~/.local/share/sayso", "\"/var/lib/sayso\""),
    // api
    key("api.listen", Kind::Address, "Address and port of the HTTP server. Port 0 picks a free port, which is written to `listen.addr` in the data folder.")
        .variable_is("SAYSO_LISTEN"),
    key("api.body_limit", Kind::Bytes { min: 1 << 10, max: 1 << 30 }, "How large the body of a request may be."),
    key("api.request_timeout", Kind::Integer { min: 1, max: 3600 }, "Seconds that a request may take until its answer begins. Streams begin at once and go on."),
    key("api.allow_origin", Kind::Texts, "Origins whose web pages may call the API from a browser."),
    key("api.max_page_size", Kind::Integer { min: 1, max: 100_000 }, "Items of a list that others than administrators may ask for at once."),
    key("api.mask_secrets", Kind::Bool, "Whether secrets are masked in answers. Switched off, everybody who may call the API sees them."),
    key("api.webui_base_url", Kind::OptionalUrl, "Where people's browsers reach the web pages, for links to executions. Empty: the listening address."),
    key("api.max_connections", Kind::Integer { min: 1, max: 1_000_000 }, "Connections that are open at the same time; more wait."),
    key("api.max_streams", Kind::Integer { min: 1, max: 1_000_000 }, "Event streams that are followed at the same time; more are refused."),
    // engine
    key("engine.concurrency", Kind::Integer { min: 1, max: 100_000 }, "How many actions run at the same time; the others wait in a queue that is fair among users."),
    key("engine.queue_limit", Kind::Integer { min: 1, max: 100_000_000 }, "How many executions may wait before requests are refused."),
    key("engine.drain_seconds", Kind::Integer { min: 0, max: 86_400 }, "Seconds that running actions are given to end when the server stops."),
    key("engine.result_limit", Kind::Bytes { min: 1 << 10, max: 1 << 31 }, "How large a result may be as JSON; a larger one fails its execution."),
    key("engine.output_limit", Kind::Bytes { min: 1 << 10, max: 1 << 40 }, "How much output is kept per execution; what comes after is counted but not kept."),
    key("engine.validate_output", Kind::Bool, "Whether results are checked against the action's `output_schema`."),
    key("engine.system_user", Kind::Text, "The user of requests that have nobody behind them: rules, schedules."),
    // store
    key("store.read_connections", Kind::Integer { min: 1, max: 256 }, "Connections for reads; writes share one."),
    key("store.claim_days", Kind::Integer { min: 1, max: 365 }, "Days for which handled chat events are remembered, so that a repeated delivery does nothing."),
    // content
    key("content.packs_dirs", Kind::Paths, "Folders with packs, the most important first, besides `packs/` in the data folder.")
        .variable_is("SAYSO_PACKS_DIR"),
    key("content.configs_dir", Kind::Path, "Folder with one configuration file per pack, `<pack>.yaml`.")
        .unset("`configs/` in the data folder", "\"/opt/stackstorm/configs\""),
    key("content.aliases_dir", Kind::Path, "Folder with aliases of your own that belong to no pack.")
        .unset("`aliases/` in the data folder", "\"/etc/sayso/aliases\""),
    key("content.overrides_dir", Kind::Path, "Folder with files that switch content of packs on and off: `_global.yaml`, `<pack>.yaml`.")
        .unset("`overrides/` in the data folder", "\"/opt/stackstorm/overrides\""),
    key("content.templates_dir", Kind::Path, "Folder with templates that replace the built-in ones: how messages look.")
        .unset("`templates/` in the data folder", "\"/etc/sayso/templates\""),
    key("content.watch", Kind::Bool, "Whether changed files are read again by themselves. Without it: `sayso reload` or SIGHUP."),
    // runners
    key("runners.system_user", Kind::Text, "Unix account that local actions run as, by way of `sudo -n -u`.")
        .unset("the server's own account", "\"stanley\""),
    key("runners.keep_output", Kind::Bytes { min: 1 << 10, max: 1 << 30 }, "How much of an action's standard output, and as much of its standard error, its result keeps."),
    key("runners.grace_seconds", Kind::Integer { min: 0, max: 3600 }, "Seconds between asking the processes of an action to stop and killing them."),
    key("runners.shell", Kind::Path, "Shell for shell actions.").unset("bash, else sh, from PATH", "\"/bin/bash\""),
    key("runners.http_response_limit", Kind::Bytes { min: 1 << 10, max: 1 << 30 }, "How much of an answer HTTP actions read."),
    // expressions
    key("expressions.steps", Kind::Integer { min: 1000, max: 1_000_000_000 }, "Steps: parts evaluated, items visited, pieces of text handled. A million takes well below a second."),
    key("expressions.memory", Kind::Bytes { min: 1 << 20, max: 1 << 36 }, "How much it may make, including what it drops again."),
    key("expressions.output", Kind::Bytes { min: 1 << 10, max: 1 << 30 }, "How long the text may be that it becomes."),
    key("expressions.depth", Kind::Integer { min: 10, max: 100 }, "How deep its calls and macros, and the values it walks, may nest."),
    key("timers.zone", Kind::Text, "Time zone of timers and schedules that name none, such as Europe/Vilnius."),
    key("events.max_in_flight", Kind::Integer { min: 1, max: 1_000_000 }, "Events from outside that are being stored at the same time; further ones are asked to come again."),
    key("events.max_latency_ms", Kind::Integer { min: 10, max: 600_000 }, "Milliseconds that storing an event may take on average; when it takes longer only eight are taken at the same time."),
    key("events.max_waiting", Kind::Integer { min: 1, max: 100_000_000 }, "Executions that may wait before events are asked to come again. Chat and API have more room: engine.queue_limit."),
    key("retention.executions_days", Kind::Integer { min: 0, max: 36_500 }, "Executions that have ended, with their output: days that they are kept; 0 is for ever."),
    key("retention.inquiries_days", Kind::Integer { min: 0, max: 36_500 }, "Questions and approvals that have ended: days that they are kept; 0 is for ever."),
    key("retention.output_days", Kind::Integer { min: 0, max: 36_500 }, "Output of executions that have ended: days that they are kept; 0 is for ever."),
    key("retention.journals_days", Kind::Integer { min: 0, max: 36_500 }, "Journals of workflows that have ended; without one, single tasks cannot be run again: days that they are kept; 0 is for ever."),
    key("retention.instances_days", Kind::Integer { min: 0, max: 36_500 }, "Trigger instances that are done with: days that they are kept; 0 is for ever."),
    key("retention.enforcements_days", Kind::Integer { min: 0, max: 36_500 }, "What rules made of events: days that they are kept; 0 is for ever."),
    key("retention.outbox_days", Kind::Integer { min: 0, max: 36_500 }, "Chat messages that were sent or given up: days that they are kept; 0 is for ever."),
    key("retention.archive", Kind::Path, "Folder to which executions, output, trigger instances and enforcements are written as JSON lines, compressed with zstd, before they are deleted.").unset("nothing is archived", "\"/var/lib/sayso/archive\""),
    key("retention.every_minutes", Kind::Integer { min: 1, max: 10_080 }, "Minutes between two runs."),
    key("retention.batch", Kind::Integer { min: 1, max: 1000 }, "How many are deleted at once; everything else waits that long."),
    key("retention.pause_ms", Kind::Integer { min: 0, max: 60_000 }, "Milliseconds between two batches."),
    // sensors
    key("sensors.enabled", Kind::Bool, "Whether the sensors of packs run. What Sayso watches itself is not meant."),
    key("sensors.memory_limit", Kind::Bytes { min: 0, max: 1 << 40 }, "Data that the process of a sensor may have; 0: as much as there is."),
    key("sensors.grace_seconds", Kind::Integer { min: 0, max: 3600 }, "Seconds between asking a sensor to stop and killing it."),
    key("sensors.unacknowledged", Kind::Integer { min: 1, max: 10_000 }, "Events of one sensor that may be on their way into the store; then its output is not read for a while."),
    key("sensors.syslog_udp", Kind::Address, "Address and port for syslog over UDP. Anybody who reaches it can send.")
        .unset("none", "\"0.0.0.0:5514\""),
    key("sensors.syslog_tcp", Kind::Address, "Address and port for syslog over TCP. Anybody who reaches it can send.")
        .unset("none", "\"0.0.0.0:5514\""),
    key("sensors.chat_messages", Kind::Integer { min: 1, max: 10_000 }, "Chat messages per second that become events for rules; more are left out."),
    // access
    key("access.mode", Kind::Choice(&["closed", "open"]), "`closed`: who may run what is decided by rules, and without a rule the answer is no. `open`: everybody who can talk to the bot may run everything."),
    key("access.admins", Kind::Texts, "Users who may do everything."),
    key("access.token_user", Kind::Text, "The user as whom requests with the administrator's token act."),
    key("access.file", Kind::Path, "File with people, roles and grants. Without one only administrators may run what is not marked read-only. See docs/access.md.")
        .unset("`access.yaml` in the data folder", "\"/etc/sayso/access.yaml\""),
    key("access.link_by_email", Kind::Bool, "Whether a chat account is linked by itself with the person whose mail address the platform has verified for it."),
    key("access.allow", Kind::Tables, "What others may do, rule by rule; what no rule allows is refused. See docs/access.md.")
        .unset("no rules", "[{ who = \"ana\", actions = \"core.*\" }]"),
    key("access.groups.*", Kind::Texts, "Users in the group of this name.")
        .unset("no groups", "[\"ana\", \"bo\"]"),
    // chat
    key("chat.name", Kind::Text, "Name that the bot answers to."),
    key("chat.prefix", Kind::Text, "Mark before commands in shared channels, besides the bot's name."),
    key("chat.notices_per_minute", Kind::Integer { min: 1, max: 10_000 }, "Notifications (`notify: routes: ['slack:#ops']`) that a conversation is told one by one in a minute; what comes beyond is summed up in one message."),
    key("chat.slack.*.api_url", Kind::Url, "Base of Slack's Web API.")
        .unset("Slack's own", "\"https://slack.com/api\"").variable_is("SAYSO_SLACK_API_URL"),
    key("chat.slack.*.bot_token", Kind::Text, "Token of the bot.")
        .unset("", "\"xoxb-…\"").variable_is("SAYSO_SLACK_BOT_TOKEN").secret(),
    key("chat.slack.*.bot_token_file", Kind::Path, "File with the token of the bot, instead of `bot_token`.")
        .unset("", "\"/run/secrets/slack-bot\"").variable_is("SAYSO_SLACK_BOT_TOKEN_FILE"),
    key("chat.slack.*.app_token", Kind::Text, "Token for Socket Mode; without it events come over HTTP.")
        .unset("", "\"xapp-…\"").variable_is("SAYSO_SLACK_APP_TOKEN").secret(),
    key("chat.slack.*.app_token_file", Kind::Path, "File with the token for Socket Mode, instead of `app_token`.")
        .unset("", "\"/run/secrets/slack-app\"").variable_is("SAYSO_SLACK_APP_TOKEN_FILE"),
    key("chat.slack.*.mode", Kind::Choice(&["socket", "http"]), "How events come: over sockets that Sayso opens, or as requests to its HTTP server.")
        .unset("socket when there is an app token", "\"socket\"").variable_is("SAYSO_SLACK_MODE"),
    key("chat.slack.*.signing_secret", Kind::Text, "Secret that signs what Slack sends over HTTP.")
        .unset("", "\"…\"").variable_is("SAYSO_SLACK_SIGNING_SECRET").secret(),
    key("chat.slack.*.signing_secret_file", Kind::Path, "File with that secret, instead of `signing_secret`.")
        .unset("", "\"/run/secrets/slack-signing\"").variable_is("SAYSO_SLACK_SIGNING_SECRET_FILE"),
    key("chat.slack.*.allowed_bots", Kind::Texts, "Ids of other bots (`B…`) that are listened to.")
        .unset("none", "[\"B024BE7LH\"]").variable_is("SAYSO_SLACK_ALLOWED_BOTS"),
    key("chat.slack.*.threads", Kind::Bool, "Whether a command in a channel is answered in a thread below it.")
        .unset("true", "false").variable_is("SAYSO_SLACK_THREADS"),
    key("chat.slack.*.command", Kind::Text, "The slash command, as the manifest has it.")
        .unset("/sayso", "\"/sayso\"").variable_is("SAYSO_SLACK_COMMAND"),
    key("chat.slack.*.commands", Kind::Bool, "Whether the manifest has a slash command for every first word of the aliases besides.")
        .unset("false", "true").variable_is("SAYSO_SLACK_COMMANDS"),
    key("chat.slack.*.task_stream", Kind::Bool, "Whether the cards of workflows in threads show their tasks in Slack's own list, which moves by itself; where Slack grants none they are messages that are edited.")
        .unset("true", "false").variable_is("SAYSO_SLACK_TASK_STREAM"),
    key("chat.slack.*.catch_up", Kind::Integer { min: 0, max: 86_400 }, "Seconds: commands that were given while the bot was away run when they are not older than this; older ones are offered with buttons. 0 only offers.")
        .unset("300", "60").variable_is("SAYSO_SLACK_CATCH_UP"),
    key("chat.slack.*.channels", Kind::Tables, "Channels that are treated otherwise: `id`, and `prefix`, `threads`, `verbosity`, `packs`.")
        .unset("none", "[{ id = \"C024BE91L\", threads = false }]").variable_is("SAYSO_SLACK_CHANNELS"),
    key("chat.discord.*.api_url", Kind::Url, "Base of Discord's API, without `/api/v10`.")
        .unset("Discord's own", "\"https://discord.com\"").variable_is("SAYSO_DISCORD_API_URL"),
    key("chat.discord.*.token", Kind::Text, "Token of the bot.")
        .unset("", "\"…\"").variable_is("SAYSO_DISCORD_TOKEN").secret(),
    key("chat.discord.*.token_file", Kind::Path, "File with the token of the bot, instead of `token`.")
        .unset("", "\"/run/secrets/discord\"").variable_is("SAYSO_DISCORD_TOKEN_FILE"),
    key("chat.discord.*.gateway_url", Kind::Text, "Address of the gateway, `wss://…`, when it is not the one that the API names.")
        .unset("what the API names", "\"wss://gateway.discord.gg\"").variable_is("SAYSO_DISCORD_GATEWAY_URL"),
    key("chat.discord.*.application_id", Kind::Text, "Id of the application, when it is not the one that Discord names for the token.")
        .unset("what Discord names", "\"1100000000000000001\"").variable_is("SAYSO_DISCORD_APPLICATION_ID"),
    key("chat.discord.*.message_content", Kind::Bool, "Whether the text of all messages is asked for, a privileged intent that commands with a prefix need. Mentions, direct messages and slash commands work without it.")
        .unset("true", "false").variable_is("SAYSO_DISCORD_MESSAGE_CONTENT"),
    key("chat.discord.*.guilds", Kind::Texts, "Ids of the servers in which slash commands are registered.")
        .unset("everywhere", "[\"1100000000000000002\"]").variable_is("SAYSO_DISCORD_GUILDS"),
    key("chat.discord.*.channels", Kind::Texts, "Ids of the channels in which messages are listened to. Slash commands and direct messages work besides.")
        .unset("all that the bot can see", "[\"1100000000000000003\"]").variable_is("SAYSO_DISCORD_CHANNELS"),
    key("chat.discord.*.allowed_bots", Kind::Texts, "Ids of other bots and of webhooks that are listened to.")
        .unset("none", "[\"1100000000000000004\"]").variable_is("SAYSO_DISCORD_ALLOWED_BOTS"),
    key("chat.discord.*.threads", Kind::Bool, "Whether a command in a channel of a server is answered in a thread of its own.")
        .unset("false", "true").variable_is("SAYSO_DISCORD_THREADS"),
    key("chat.discord.*.commands", Kind::Bool, "Whether slash commands are registered for the aliases.")
        .unset("true", "false").variable_is("SAYSO_DISCORD_COMMANDS"),
    key("chat.discord.*.catch_up", Kind::Integer { min: 0, max: 86_400 }, "Seconds: commands that were given while the bot was away run when they are not older than this; older ones are offered with buttons. 0 only offers.")
        .unset("300", "60").variable_is("SAYSO_DISCORD_CATCH_UP"),
    // log
    key("log.level", Kind::Text, "Level, or a filter by module: `warn`, `sayso=debug,sqlx=warn`.")
        .variable_is("SAYSO_LOG"),
    key("log.format", Kind::Choice(&["text", "json"]), "Lines for people, or one JSON object a line."),
    // client
    key("client.server", Kind::Url, "Server that the client commands talk to.")
        .unset("the one that runs on the data folder, else an embedded one", "\"http://127.0.0.1:9101\"")
        .variable_is("SAYSO_SERVER"),
    key("client.token", Kind::Text, "Token for that server.")
        .unset("the administrator's, from `admin.token` in the data folder", "\"…\"")
        .variable_is("SAYSO_TOKEN").secret(),
];

/// The key that stands for `path`.
#[must_use]
pub fn find(path: &str) -> Option<&'static Key> {
    KEYS.iter().find(|key| key.matches(path))
}

/// Whether `path` is a section, that is, the beginning of some key's path.
#[must_use]
pub fn is_section(path: &str) -> bool {
    KEYS.iter().any(|key| {
        let mut own = key.path.split('.');
        path.split('.')
            .all(|theirs| own.next().is_some_and(|own| own == "*" || own == theirs))
            && own.next().is_some()
    })
}

/// What the writer of the unknown `path` may have meant: a path as it would have to be written.
#[must_use]
pub fn nearest(path: &str) -> Option<String> {
    let name = path.rsplit('.').next().unwrap_or(path);
    let depth = path.split('.').count();
    // A slip of the pen beside the right neighbours, then the right word in the wrong section, then anything.
    let neighbours = KEYS
        .iter()
        .map(|key| key.path)
        .chain(SECTIONS.iter().map(|(name, _)| *name))
        .filter_map(|known| {
            let mut parts: Vec<&str> = known.split('.').take(depth).collect();
            if known.is_empty() || parts.len() < depth {
                return None;
            }
            let theirs: Vec<&str> = path.split('.').collect();
            for at in 0..depth - 1 {
                if parts[at] == "*" {
                    parts[at] = theirs[at];
                } else if parts[at] != theirs[at] {
                    return None;
                }
            }
            (parts[depth - 1] != "*").then(|| parts.join("."))
        });
    let close = |a: &str, b: &str| strsim::normalized_damerau_levenshtein(a, b);
    let best = neighbours
        .map(|known| {
            (
                close(&known[known.rfind('.').map_or(0, |at| at + 1)..], name),
                known,
            )
        })
        .filter(|(score, _)| *score >= 0.5)
        .max_by(|a, b| a.0.total_cmp(&b.0));
    if let Some((_, known)) = best {
        return Some(known);
    }
    if let Some(same) = KEYS.iter().find(|key| key.path.rsplit('.').next() == Some(name)) {
        return Some(same.shown());
    }
    KEYS.iter()
        .map(|key| (close(key.path, path), key))
        .filter(|(score, _)| *score >= 0.6)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, key)| key.shown())
}
