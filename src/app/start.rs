//! The order in which the parts start.

use std::sync::{Arc, OnceLock};

use anyhow::Context as _;
use tokio_util::sync::CancellationToken;

use super::access::Access;
use super::catalogue::ContentCatalogue;
use super::checks;
use super::heard::Ears;
use super::running::App;
use super::surroundings::evaluator;
use crate::access::{Mode, People, Policy, Principal, Tokens};
use crate::api::metrics::ExecutionCounter;
use crate::api::{self, ApiParts, ApiState};
use crate::chat::Asks;
use crate::chat::cards::{Cards, Owners};
use crate::chat::conversations::Conversations;
use crate::chat::identities::LinkedIdentities;
use crate::chat::notices::Notices;
use crate::chat::prefix::PrefixOptions;
use crate::chat::templates::TemplateOptions;
use crate::chat::{BuiltinRunner, ChatOptions, ContentShelf, Hub, HubParts, OutboxOptions};
use crate::cli::{Purpose, Running, Start};
use crate::content::Content;
use crate::datastore::{Datastore, KeyObserver, Keys};
use crate::engine::{Engine, EngineParts, KeySource};
use crate::events::{EventParts, Events, Notifications, OwnEvents, RuleBook};
use crate::expr::jinja::Jinja;
use crate::retention::Retention;
use crate::runners::{self, RunnerSpec};
use crate::sensors::{Overheard, Pace, SensorParts, Sensors};
use crate::settings::Settings;
use crate::store::Store;
use crate::store::sqlite::{SqliteOptions, SqliteStore};

/// Starts everything. Content is read while the database is opened.
pub(super) async fn start(start: Start) -> anyhow::Result<Box<dyn Running>> {
    runners::install_crypto();
    let settings = start.loaded.settings.clone();

    let builtin = Arc::new(BuiltinRunner::new());
    let mut runners = runners::builtin(settings.runners.to_runners());
    runners.add(Arc::clone(&builtin) as Arc<dyn runners::Runner>);
    let checks = checks::checks(runners.specs().map(RunnerSpec::clone));

    let options = settings.content_options();
    let content = tokio::task::spawn_blocking(move || Content::load(options, checks));
    let store = SqliteStore::open(SqliteOptions {
        readers: usize::try_from(settings.store.read_connections)
            .unwrap_or(1)
            .max(1),
        ..SqliteOptions::new(settings.database())
    })
    .await
    .with_context(|| format!("cannot open the database {}", settings.database().display()))?;
    let store: Arc<dyn Store> = Arc::new(store);
    let content = Arc::new(content.await.context("reading the packs panicked")?);
    for problem in &content.snapshot().problems {
        tracing::warn!("{problem}");
    }

    let policy = Policy::new(settings.access.clone())
        .map_err(|problems| anyhow::anyhow!("section [access] of the settings: {}", problems.join("; ")))?;
    let policy = Arc::new(policy);
    let access = Access::new(Arc::clone(&policy), &settings);
    access.start()?;
    let people = People::load(Arc::clone(&policy), Arc::clone(&store))
        .await
        .context("cannot read who is linked with which account")?;
    let conversations = Conversations::load(Arc::clone(&store))
        .await
        .context("cannot read the settings of conversations")?;
    let jinja = Arc::new(Jinja::new(settings.expressions.limits().jinja));
    let book = RuleBook::load(Arc::clone(&content), Arc::clone(&store), Arc::clone(&jinja))
        .await
        .context("cannot read the rules")?;
    let book = Arc::new(book);
    let own = Arc::new(OwnEvents(Arc::clone(&book)));
    let watchers: Vec<Arc<dyn KeyObserver>> = vec![Arc::clone(&own) as _];
    let open = settings.access.mode == Mode::Open;
    let datastore = Datastore::load(Arc::clone(&store), start.key.clone(), watchers, open)
        .await
        .context("cannot read the datastore")?;
    let keys: Arc<dyn KeySource> = Arc::new(Keys(Arc::clone(&datastore)));
    let notices = Notices::load(settings.chat.notices_per_minute, &*store)
        .await
        .context("cannot read which notifications were counted")?;
    let engine = Engine::start(EngineParts {
        options: settings.engine.clone(),
        store,
        catalogue: Arc::new(ContentCatalogue(
            Arc::clone(&content),
            Arc::clone(book.policies()),
        )),
        runners,
        authority: Arc::clone(&policy) as Arc<dyn crate::access::Authority>,
        observers: vec![
            Arc::new(Cards),
            Arc::new(Asks),
            Arc::new(ExecutionCounter),
            Arc::new(Owners(Arc::clone(&people))),
            own,
            Arc::new(Notifications {
                book: Arc::clone(&book),
                jinja: Arc::clone(&jinja),
                keys: Some(keys.of(&settings.engine.system_user, true)),
                conversations: Arc::clone(&notices) as Arc<dyn crate::events::Conversations>,
            }),
        ],
        key: start.key.clone(),
        keys: Some(Arc::clone(&keys)),
        jinja: Arc::clone(&jinja),
        evaluator: Arc::new(evaluator(settings.expressions.limits())),
        api_url: format!("{}/api/v1", settings.api.web_base()),
        scratch: settings.data_dir.join("scratch"),
    })
    .await
    .context("cannot go on with the executions of the last run")?;

    let who = Arc::clone(&policy);
    let events = Events::new(EventParts {
        engine: engine.clone(),
        book,
        identities: Arc::new(move |user: &str| who.identity(user, "rule")),
        system_user: settings.engine.system_user.clone(),
        keys: Some(keys.of(&settings.engine.system_user, true)),
        jinja,
        conversations: Some(Arc::clone(&notices) as Arc<dyn crate::events::Conversations>),
        zone: settings.timers.zone.clone(),
        options: settings.events.clone(),
    });
    events
        .load_windows()
        .await
        .context("cannot read how often rules ran")?;

    let (configured, user) = (engine.clone(), settings.engine.system_user.clone());
    let sensors = Sensors::load(SensorParts {
        configuration: Some(Arc::new(move |pack: &str| configured.config(pack, &user))),
        options: settings.sensors.clone(),
        content: Arc::clone(&content),
        events: events.clone(),
        store: Arc::clone(engine.store()),
        datastore: Some(Arc::clone(&datastore)),
        scratch: settings.data_dir.join("scratch"),
        pace: Pace::default(),
    })
    .await
    .context("cannot read which sensors are switched on")?;

    builtin.give_events(events.clone());
    let hub = Hub::start(HubParts {
        engine: engine.clone(),
        shelf: Arc::new(ContentShelf::new(Arc::clone(&content))),
        authority: Arc::clone(&policy) as Arc<dyn crate::access::Authority>,
        people: Some(Arc::clone(&people)),
        conversations: Arc::clone(&conversations),
        keys: Some(Arc::clone(&datastore)),
        identities: Arc::new(LinkedIdentities::new(Arc::clone(&people))),
        builtin,
        options: chat_options(&settings),
        clock: None,
    });

    let retention = Retention::new(settings.retention.clone(), Arc::clone(engine.store()));
    tokio::spawn(notices.run(engine.clone(), hub.clone()));
    hub.listen(Arc::new(Ears {
        overheard: Overheard::new(events.clone(), settings.sensors.chat_messages),
        sensors: sensors.clone(),
    }));

    let shutdown = CancellationToken::new();
    let identity = Arc::new(policy.identity(&settings.access.token_user, "token"));
    let mut tokens = Tokens::default();
    tokens.add(
        &start.token,
        Principal {
            identity,
            may_act_as_others: true,
        },
    );
    let app = App::new(
        engine,
        Arc::clone(&content),
        hub.clone(),
        start.token,
        shutdown.clone(),
        access,
        sensors.clone(),
    );
    // The chat routes need the API's authentication, and the API needs the chat routes.
    let known = Arc::new(OnceLock::new());
    let asked = hub.clone();
    let state = ApiState::new(ApiParts {
        options: settings.api.clone(),
        engine: app.engine.clone(),
        events: events.clone(),
        keys: Arc::clone(&datastore),
        retention: retention.clone(),
        sensors: sensors.clone(),
        content,
        policy,
        people,
        tokens,
        reload: app.reload_for_api(),
        condition: Some(Arc::new(move || {
            let hub = asked.clone();
            Box::pin(async move { hub.condition().await })
        })),
        chat: Some(api::chat::protected(hub, Arc::clone(&known))),
        shutdown: shutdown.clone(),
    });
    state.set_ready();
    let _ = known.set(state.clone());
    let app = app.with_api(api::router(&state), settings.api.max_connections);
    if start.purpose == Purpose::Serve {
        app.work_in_background(&settings);
        tokio::spawn(Arc::clone(&datastore).sweep(app.shutdown().clone()));
        tokio::spawn(look_for_key_events(&datastore, events.clone()));
        tokio::spawn(retention.work(shutdown));
        tokio::spawn(events.clone().work());
        tokio::spawn(events.clone().sweep());
        tokio::spawn(events.tick());
        sensors.start();
        app.listen_to_platforms(&settings);
    }
    Ok(Box::new(app))
}

/// Carries out what rules want to hear of changed keys. The events are in the commits of the changes.
fn look_for_key_events(datastore: &Datastore, events: Events) -> impl Future<Output = ()> + use<> {
    let mut changes = datastore.subscribe();
    async move {
        while !matches!(
            changes.recv().await,
            Err(tokio::sync::broadcast::error::RecvError::Closed)
        ) {
            events.look();
        }
    }
}

fn chat_options(settings: &Settings) -> ChatOptions {
    ChatOptions {
        templates: TemplateOptions {
            site: Some(settings.templates_dir()),
        },
        prefixes: PrefixOptions {
            prefixes: vec![settings.chat.prefix.clone()],
        },
        outbox: OutboxOptions::default(),
        formats: settings.expressions.limits().jinja,
        zone: settings.timers.zone.clone(),
        web_url: (!settings.api.webui_base_url.is_empty()).then(|| settings.api.webui_base_url.clone()),
    }
}
