//! Precedence, every kind of mistake with its text, and that file, documentation and structs agree.

use std::path::{Path, PathBuf};

use pretty_assertions::assert_eq;

use super::keys::{KEYS, SECTIONS};
use super::load::leaves;
use super::*;

struct Site {
    folder: tempfile::TempDir,
    sources: Sources,
}

/// A current folder of its own, `HOME` inside it, no system-wide file.
fn site(file: &str) -> Site {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().canonicalize().unwrap();
    if !file.is_empty() {
        std::fs::write(root.join("sayso.toml"), file).unwrap();
    }
    let sources = Sources {
        variables: [("HOME".to_owned(), root.join("home").display().to_string())].into(),
        directory: root,
        ..Sources::default()
    };
    Site { folder, sources }
}

impl Site {
    fn variable(mut self, name: &str, value: &str) -> Self {
        self.sources.variables.insert(name.to_owned(), value.to_owned());
        self
    }

    fn flag(mut self, name: &str, key: &str, value: &str) -> Self {
        self.sources.flags.push(Flag {
            name: name.to_owned(),
            key: key.to_owned(),
            value: value.to_owned(),
        });
        self
    }

    fn path(&self) -> PathBuf {
        self.folder.path().canonicalize().unwrap()
    }

    fn load(&self) -> Loaded {
        load(&self.sources).unwrap()
    }

    /// The errors with the temporary folder's name taken out.
    fn errors(&self) -> String {
        load(&self.sources)
            .unwrap_err()
            .to_string()
            .replace(&format!("{}/", self.path().display()), "")
    }
}

#[test]
fn without_anything_the_defaults_hold() {
    let site = site("");
    let loaded = site.load();
    assert_eq!(loaded.settings.api.listen, "127.0.0.1:9101");
    assert_eq!(loaded.settings.engine, crate::engine::EngineOptions::default());
    assert_eq!(
        loaded.settings.data_dir,
        site.path().join("home/.local/share/sayso")
    );
    assert_eq!(loaded.source("api.listen"), &Source::Default);
    assert_eq!(loaded.config_file, None);
    assert_eq!(
        loaded.searched,
        [
            site.path().join("sayso.toml"),
            site.path().join("home/.local/share/sayso/sayso.toml")
        ]
    );
    let mut root = site.sources;
    root.root = true;
    assert_eq!(root.default_data_dir(), Path::new("/var/lib/sayso"));
    root.root = false;
    root.variables
        .insert("XDG_DATA_HOME".to_owned(), "/data".to_owned());
    assert_eq!(root.default_data_dir(), Path::new("/data/sayso"));
}

#[test]
fn flags_win_over_variables_and_variables_over_the_file() {
    let file = "[engine]\nconcurrency = 2\nqueue_limit = 3\n\n[log]\nlevel = \"warn\"\nformat = \"json\"\n";
    let site = site(file)
        .variable("SAYSO_ENGINE_CONCURRENCY", "8")
        .variable("SAYSO_LOG", "debug")
        .flag("--set", "engine.concurrency", "16");
    let loaded = site.load();
    assert_eq!(loaded.settings.engine.concurrency, 16);
    assert_eq!(loaded.settings.engine.queue_limit, 3);
    assert_eq!(loaded.settings.log.level, "debug");
    assert_eq!(loaded.settings.log.format, LogFormat::Json);
    let shown = |key: &str| {
        loaded
            .source(key)
            .to_string()
            .replace(&format!("{}/", site.path().display()), "")
    };
    assert_eq!(shown("engine.concurrency"), "flag --set");
    assert_eq!(shown("engine.queue_limit"), "sayso.toml:3");
    assert_eq!(shown("log.level"), "variable SAYSO_LOG");
    assert_eq!(shown("log.format"), "sayso.toml:7");
    assert_eq!(shown("engine.drain_seconds"), "default");
}

#[test]
fn bounds_of_expressions_reach_both_languages() {
    let loaded =
        site("[expressions]\nsteps = 2000\nmemory = \"1MiB\"\noutput = \"2KiB\"\ndepth = 20\n").load();
    let limits = loaded.settings.expressions.limits();
    assert_eq!((limits.jinja.fuel, limits.yaql.steps), (2000, 5000));
    assert_eq!((limits.jinja.memory, limits.yaql.bytes), (1 << 20, 1 << 20));
    assert_eq!((limits.jinja.output, limits.output), (2048, 2048));
    assert_eq!(
        (limits.jinja.recursion, limits.yaql.depth, limits.depth),
        (20, 30, 20)
    );
    let (default, set) = (
        crate::expr::template::Limits::default(),
        crate::settings::ExpressionOptions::default().limits(),
    );
    assert_eq!(format!("{set:?}"), format!("{default:?}"));
}

#[test]
fn a_file_is_looked_for_in_order() {
    let site = site("");
    let data = site.path().join("data");
    std::fs::create_dir(&data).unwrap();
    std::fs::write(data.join("sayso.toml"), "log.level = \"error\"").unwrap();
    let system = site.path().join("system.toml");
    std::fs::write(&system, "log.level = \"trace\"").unwrap();
    let named = site.path().join("named.toml");
    std::fs::write(&named, "log.level = \"warn\"").unwrap();

    let mut sources = site.sources.clone();
    let level = |sources: &Sources| load(sources).unwrap().settings.log.level;
    sources.system_file = Some(system);
    assert_eq!(level(&sources), "trace");
    sources
        .variables
        .insert("SAYSO_DATA_DIR".to_owned(), "data".to_owned());
    assert_eq!(level(&sources), "error");
    std::fs::write(site.path().join("sayso.toml"), "log.level = \"info,sqlx=off\"").unwrap();
    assert_eq!(level(&sources), "info,sqlx=off");
    sources
        .variables
        .insert("SAYSO_CONFIG".to_owned(), "named.toml".to_owned());
    assert_eq!(level(&sources), "warn");
    sources.config = Some(data.join("sayso.toml"));
    assert_eq!(level(&sources), "error");
}

#[test]
fn paths_count_from_where_they_are_written() {
    let site = site("").flag("--packs-dir", "content.packs_dirs", "more").flag(
        "--packs-dir",
        "content.packs_dirs",
        "./even/more",
    );
    let conf = site.path().join("conf");
    std::fs::create_dir(&conf).unwrap();
    std::fs::write(
        conf.join("s.toml"),
        "data_dir = \"../d\"\n[content]\nconfigs_dir = \"c\"\n",
    )
    .unwrap();
    let mut sources = site.sources.clone();
    sources.config = Some(PathBuf::from("conf/s.toml"));
    let settings = load(&sources).unwrap().settings;
    assert_eq!(settings.data_dir, conf.join("../d"));
    assert_eq!(settings.configs_dir(), conf.join("c"));
    assert_eq!(settings.aliases_dir(), conf.join("../d/aliases"));
    assert_eq!(
        settings.packs_dirs(),
        [
            site.path().join("more"),
            site.path().join("even/more"),
            conf.join("../d/packs")
        ]
    );
    let by_variable = site.variable("SAYSO_PACKS_DIR", "/a:b::/c");
    let mut sources = by_variable.sources.clone();
    sources.flags.clear();
    let dirs = load(&sources).unwrap().settings.content.packs_dirs;
    assert_eq!(
        dirs,
        [
            PathBuf::from("/a"),
            by_variable.path().join("b"),
            PathBuf::from("/c")
        ]
    );
}

#[test]
fn short_variables_reach_their_keys() {
    let site = site("")
        .variable("SAYSO_SLACK_BOT_TOKEN", "xoxb-1")
        .variable("SAYSO_DISCORD_API_URL", "http://127.0.0.1:9")
        .variable("SAYSO_ACCESS_MODE", "open")
        .variable("SAYSO_SERVER", "http://127.0.0.1:8")
        .variable("SAYSO_TOKEN", "")
        .variable("SAYSO_ENGINE_RESULT_LIMIT", "2 MiB")
        .variable("SAYSO_CONTENT_WATCH", "off")
        .variable("SAYSO_API_ALLOW_ORIGIN", "https://a.example, https://b.example")
        .variable("SAYSO_LISTN", "127.0.0.1:1");
    let loaded = site.load();
    let settings = &loaded.settings;
    assert!(settings.chat.slack["default"].bot_token.is_some());
    assert_eq!(
        settings.chat.discord["default"].api_url.as_deref(),
        Some("http://127.0.0.1:9")
    );
    assert_eq!(settings.access.mode, crate::access::Mode::Open);
    assert_eq!(settings.client.server.as_deref(), Some("http://127.0.0.1:8"));
    assert!(
        settings.client.token.is_none(),
        "an empty variable counts as not set"
    );
    assert_eq!(settings.engine.result_limit, 2 << 20);
    assert!(!settings.content.watch);
    assert_eq!(
        settings.api.allow_origin,
        ["https://a.example", "https://b.example"]
    );
    assert_eq!(
        loaded.warnings,
        ["the variable SAYSO_LISTN sets nothing: did you mean SAYSO_LISTEN?"]
    );
}

#[test]
fn mistakes_in_the_file_are_told_with_place_and_remedy() {
    // (file, text of the error)
    let rows = [
        (
            "[engine]\nconcurency = 4\n",
            "sayso.toml:2:1: there is no setting `engine.concurency`\n    concurency = 4\n    ^\n    \
             hint: did you mean `engine.concurrency`?",
        ),
        (
            "concurrency = 4",
            "sayso.toml:1:1: there is no setting `concurrency`\n    concurrency = 4\n    ^\n    \
             hint: did you mean `engine.concurrency`?",
        ),
        (
            "[engin]\nconcurrency = 4",
            "sayso.toml:1:2: there is no setting `engin`\n    [engin]\n     ^\n    hint: did you mean `engine`?",
        ),
        (
            "[chat.slack.work]\nbottoken = \"x\"",
            "sayso.toml:2:1: there is no setting `chat.slack.work.bottoken`\n    bottoken = …\n    ^\n    \
             hint: did you mean `chat.slack.work.bot_token`?",
        ),
        (
            "zzz = 1",
            "sayso.toml:1:1: there is no setting `zzz`\n    zzz = 1\n    ^\n    \
             hint: `sayso config default` lists all settings",
        ),
        (
            "[engine]\nconcurrency = \"many\"",
            "sayso.toml:2:15: `engine.concurrency` is text, it must be a whole number from 1 to 100000\n    \
             concurrency = \"many\"\n                  ^",
        ),
        (
            "engine.concurrency = 0",
            "sayso.toml:1:22: `engine.concurrency` is 0, it must be a whole number from 1 to 100000\n    \
             engine.concurrency = 0\n                         ^",
        ),
        (
            "[log]\nformat = \"jsno\"",
            "sayso.toml:2:10: `log.format` is `jsno`, it must be one of `text`, `json`\n    format = \"jsno\"\n    \
             \x20        ^\n    hint: did you mean `json`?",
        ),
        (
            "api = 4",
            "sayso.toml:1:1: `api` is a section, write it as [api]\n    api = 4\n    ^\n    \
             hint: `sayso config default` lists all settings",
        ),
        (
            "[api]\nlisten = \"9101\"\nbody_limit = \"12XB\"\n",
            "sayso.toml:2:10: `api.listen` is `9101`, it must be an address with a port, such as 127.0.0.1:9101\n    \
             listen = \"9101\"\n             ^\n\
             sayso.toml:3:14: `api.body_limit` is `12XB`, it must be a number of bytes from 1KiB to 1GiB, such as \
             65536 or \"64MiB\"\n    body_limit = \"12XB\"\n                 ^",
        ),
        (
            "[content]\npacks_dirs = [\"a\", 4]",
            "sayso.toml:2:14: `content.packs_dirs` is a list with a whole number in it, it must be a list of paths\n    \
             packs_dirs = [\"a\", 4]\n                 ^",
        ),
        (
            "[client]\ntoken = [\"geheim\"]",
            "sayso.toml:2:9: `client.token` is something else, it must be text\n    token = …\n            ^",
        ),
        (
            "[content]\nwatch = \"yes\"",
            "sayso.toml:2:9: `content.watch` is text, it must be true or false\n    watch = \"yes\"\n            ^",
        ),
        (
            "[client]\nserver = \"localhost:9101\"",
            "sayso.toml:2:10: `client.server` is `localhost:9101`, it must be an address that starts with http:// or \
             https://\n    server = \"localhost:9101\"\n             ^",
        ),
        (
            "[log]\nlevel = \"\"",
            "sayso.toml:2:9: `log.level` is empty, it must be text\n    level = \"\"\n            ^",
        ),
    ];
    for (file, text) in rows {
        assert_eq!(site(file).errors(), text, "for {file:?}");
    }
}

#[test]
fn text_that_is_no_toml_is_told_with_its_place() {
    for (file, place) in [
        ("a = ", "sayso.toml:1:5: "),
        ("[log]\nlevel = 'x'\nlevel = 'y'", "sayso.toml:3:1: duplicate key"),
    ] {
        let text = site(file).errors();
        assert!(text.starts_with(place), "{text}");
    }
}

#[test]
fn mistakes_elsewhere_name_the_variable_or_flag() {
    let site = site("")
        .variable("SAYSO_ENGINE_CONCURRENCY", "lots")
        .variable("SAYSO_ACCESS_MODE", "opne")
        .variable("SAYSO_CONFIG", "nowhere.toml")
        .flag("--set", "engine.concurency", "1")
        .flag("--listen", "api.listen", "here");
    assert_eq!(
        site.errors(),
        "variable SAYSO_ENGINE_CONCURRENCY: `engine.concurrency` is `lots`, it must be a whole number from 1 to 100000\n\
         variable SAYSO_ACCESS_MODE: `access.mode` is `opne`, it must be one of `closed`, `open`\n    \
         hint: did you mean `open`?\n\
         flag --set: there is no setting `engine.concurency`\n    hint: did you mean `engine.concurrency`?\n\
         flag --listen: `api.listen` is `here`, it must be an address with a port, such as 127.0.0.1:9101\n\
         variable SAYSO_CONFIG: cannot read nowhere.toml: no such file or directory\n    \
         hint: `sayso config default > sayso.toml` writes one to start from"
    );
}

#[test]
fn rights_are_typed_and_their_mistakes_are_placed() {
    let good = site("[access]\nadmins = [\"ana\"]\n[[access.allow]]\nwho = \"bo\"\nactions = [\"core.*\"]\n")
        .variable("SAYSO_ACCESS_MODE", "open");
    let access = good.load().settings.access;
    assert_eq!(access.mode, crate::access::Mode::Open);
    assert_eq!(access.admins, ["ana"]);
    assert_eq!(access.allow[0].who, ["bo"]);

    let bad = site("[access]\n[[access.allow]]\nwho = \"bo\"\naction = \"core.*\"");
    assert_eq!(
        bad.errors(),
        "sayso.toml:4:1: there is no setting `action` here\n    action = \"core.*\"\n    ^\n    \
         hint: did you mean `actions`?"
    );
    let by_variable = site("")
        .variable("SAYSO_ACCESS_ALLOW", "[{ whom = \"bo\" }]")
        .errors();
    assert!(by_variable.contains("unknown field `whom`"), "{by_variable}");
}

#[test]
fn keys_and_structs_agree() {
    let mut all = Vec::new();
    leaves(
        "",
        &toml::Value::Table(toml::Table::try_from(Settings::default()).unwrap()),
        &mut all,
    );
    for (path, value) in &all {
        let key = keys::find(path).unwrap_or_else(|| panic!("`{path}` is not in KEYS"));
        assert!(
            key.kind.check(value.clone(), Path::new("/")).is_ok() || path == "data_dir",
            "{path}"
        );
    }
    for key in KEYS.iter() {
        let fixed =
            all.iter().any(|(path, _)| key.matches(path)) && !matches!(key.path, "data_dir" | "access.allow");
        assert_eq!(
            fixed,
            key.example.is_empty(),
            "{}: a fixed default or an example",
            key.path
        );
        assert!(
            SECTIONS
                .iter()
                .any(|(name, _)| key.path.rsplit_once('.').map_or("", |(s, _)| s) == *name)
        );
        assert!(key.doc.ends_with('.'), "{}", key.path);
        assert!(keys::is_section(key.path.split('.').next().unwrap()) == key.path.contains('.'));
    }
}

#[test]
fn the_default_file_is_the_defaults() {
    let text = default_toml();
    let site = site(&text);
    let from_file = site.load();
    let plain = load(&Sources {
        directory: PathBuf::from("/nowhere"),
        ..site.sources
    })
    .unwrap();
    assert_eq!(
        toml::Table::try_from(&from_file.settings).unwrap(),
        toml::Table::try_from(&plain.settings).unwrap()
    );
    for key in KEYS.iter() {
        let name = key.path.rsplit('.').next().unwrap().replace('*', "oncall");
        assert!(
            text.contains(&format!("\n{name} = ")) || text.contains(&format!("\n#{name} = ")),
            "{}",
            key.path
        );
    }
    // With every commented line switched on it is a valid file as well.
    let switched_on: String = text
        .lines()
        .map(|line| {
            line.strip_prefix('#')
                .filter(|rest| !rest.starts_with(' '))
                .unwrap_or(line)
        })
        .flat_map(|line| [line, "\n"])
        .collect();
    let all_on = self::site(&switched_on).load();
    assert!(all_on.settings.chat.discord["default"].token.is_some());
    assert_eq!(all_on.settings.runners.system_user.as_deref(), Some("stanley"));
}

#[test]
fn secrets_are_described_but_not_shown() {
    let site = site("").variable("SAYSO_SLACK_BOT_TOKEN", "geheim");
    let loaded = site.load();
    let all = describe(Some(&loaded));
    assert!(!format!("{all:?}").contains("geheim"));
    assert!(!format!("{:?}", loaded.settings.chat).contains("geheim"));
    let token = all
        .iter()
        .find(|one| one.key == "chat.slack.default.bot_token")
        .unwrap();
    assert_eq!(
        (token.value.as_str(), token.source.as_str()),
        ("\"********\"", "variable SAYSO_SLACK_BOT_TOKEN")
    );
    let listen = all.iter().find(|one| one.key == "api.listen").unwrap();
    assert_eq!(
        (listen.value.as_str(), listen.default.as_str()),
        ("\"127.0.0.1:9101\"", "\"127.0.0.1:9101\"")
    );
}

#[test]
fn the_documentation_is_current() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/configuration.md");
    let text = std::fs::read_to_string(&path).unwrap();
    let (begin, end) = ("<!-- keys: begin -->\n", "<!-- keys: end -->");
    let from = text.find(begin).expect("the marker of the beginning") + begin.len();
    let to = text.find(end).expect("the marker of the end");
    let wanted = format!("\n{}\n", markdown_table());
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&path, format!("{}{wanted}{}", &text[..from], &text[to..])).unwrap();
        return;
    }
    assert_eq!(
        &text[from..to],
        wanted,
        "run the test with UPDATE_DOCS=1 to write the table anew"
    );
}
