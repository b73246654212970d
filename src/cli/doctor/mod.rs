//! `sayso doctor`: checks of an installation, in plain words, each with what to do.

mod chat;
mod data;
mod machine;

use std::io;
use std::time::Duration;

use serde::Serialize;

use super::alias::as_value;
use super::connect::base_url;
use super::datadir::{DataDir, DataDirError};
use super::output::Format;
use super::table::visible;
use super::{CliResult, Context};
use crate::api::client::Client;
use crate::content::Content;
use crate::model::Severity;
use crate::settings::Settings;

/// Exit status when something fails.
const FAILED: u8 = 1;
/// Problems of packs that are listed.
const LISTED: usize = 20;
/// How long the running server may take to answer.
const ANSWER: Duration = Duration::from_secs(5);

/// How a check came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Outcome {
    /// As it should be.
    Ok,
    /// Works, but look at it.
    Warn,
    /// Does not work.
    Fail,
}

/// One thing that was found.
#[derive(Clone, Debug, Serialize)]
struct Finding {
    check: String,
    result: Outcome,
    message: String,
    /// What to do; empty when nothing is to be done.
    hint: String,
}

/// What was found so far.
#[derive(Default)]
struct Findings(Vec<Finding>);

impl Findings {
    fn add(
        &mut self,
        check: impl Into<String>,
        result: Outcome,
        message: impl Into<String>,
        hint: impl Into<String>,
    ) {
        self.0.push(Finding {
            check: check.into(),
            result,
            message: message.into(),
            hint: hint.into(),
        });
    }

    fn ok(&mut self, check: impl Into<String>, message: impl Into<String>) {
        self.add(check, Outcome::Ok, message, "");
    }
}

/// Checks everything. Exit status 1 when something fails.
pub(super) async fn doctor(context: &mut Context<'_>) -> CliResult {
    let mut found = Findings::default();
    configuration(context, &mut found);
    let settings = context.loaded.settings.clone();
    data::folder(&settings, &mut found);
    data::files(&settings, &mut found);
    data::database(&settings, &mut found).await;
    machine::clock(&mut found);
    server(&settings, &mut found).await;
    machine::programs(&context.variables, &mut found);
    machine::system_user(&settings, &context.variables, &mut found).await;
    machine::limits(&settings, &mut found);
    packs(context, &settings, &mut found);
    chat::platforms(&settings, &mut found).await;
    told(context, &found.0)
}

fn told(context: &mut Context<'_>, found: &[Finding]) -> CliResult {
    let count = |outcome| found.iter().filter(|finding| finding.result == outcome).count();
    let (warnings, failures) = (count(Outcome::Warn), count(Outcome::Fail));
    if context.format == Format::Table {
        for finding in found {
            let (word, colour) = match finding.result {
                Outcome::Ok => ("ok  ", "32"),
                Outcome::Warn => ("warn", "33"),
                Outcome::Fail => ("fail", "31"),
            };
            let word = if context.out.colour {
                format!("\u{1b}[{colour}m{word}\u{1b}[0m")
            } else {
                word.to_owned()
            };
            let message = visible(&finding.message).replace('\n', "\n      ");
            context
                .out
                .line(&format!("{word}  {}: {message}", finding.check))?;
            if !finding.hint.is_empty() {
                context
                    .out
                    .line(&format!("      do: {}", visible(&finding.hint)))?;
            }
        }
        context.out.line(&match (failures, warnings) {
            (0, 0) => "all is well".to_owned(),
            (0, _) => format!("works; {warnings} to look at"),
            _ => format!("{failures} to put right, {warnings} to look at"),
        })?;
    } else {
        context.out.value(&as_value(&found)?, context.format)?;
    }
    Ok(if failures > 0 { FAILED } else { 0 })
}

fn configuration(context: &Context<'_>, found: &mut Findings) {
    let loaded = &context.loaded;
    match &loaded.config_file {
        Some(file) => found.ok("settings", format!("read from {}", file.display())),
        None => found.ok("settings", "no settings file, the defaults hold"),
    }
    for warning in &loaded.warnings {
        found.add(
            "settings",
            Outcome::Warn,
            warning.clone(),
            "`sayso config default` lists all settings",
        );
    }
    if loaded.settings.access.mode == crate::access::Mode::Open {
        found.add(
            "access",
            Outcome::Warn,
            "access.mode is open: everybody who can talk to the bot may run everything",
            "set access.mode to closed and write rules, unless this is a trial",
        );
    }
}

/// Either our server works on the folder and answers, or its address is free.
async fn server(settings: &Settings, found: &mut Findings) {
    const CHECK: &str = "server";
    let dir = settings
        .data_dir
        .is_dir()
        .then(|| DataDir::open(&settings.data_dir).ok())
        .flatten();
    let busy = dir.as_ref().and_then(|dir| match dir.lock() {
        Err(DataDirError::Busy { pid, .. }) => Some((dir.listen_address(), pid)),
        _ => None,
    });
    match busy {
        Some((Some(address), _)) => {
            let url = base_url(&address);
            let answer = match Client::remote(&url, "") {
                Ok(client) => tokio::time::timeout(ANSWER, client.get("/readyz")).await.ok(),
                Err(_) => None,
            };
            match answer {
                Some(Ok(_)) => found.ok(CHECK, format!("runs at {url} and takes requests")),
                Some(Err(error)) => found.add(
                    CHECK,
                    Outcome::Fail,
                    format!("holds the data folder but does not take requests at {url}: {error}"),
                    "look at its log; it may be starting or stopping",
                ),
                None => found.add(
                    CHECK,
                    Outcome::Fail,
                    format!("holds the data folder but does not answer at {url}"),
                    "look at its log and restart it",
                ),
            }
        }
        Some((None, pid)) => {
            let who = pid.map_or_else(String::new, |pid| format!(" (process {pid})"));
            found.ok(
                CHECK,
                format!("another sayso{who} works on the data folder and does not listen (yet)"),
            );
        }
        None => {
            let address = &settings.api.listen;
            match std::net::TcpListener::bind(address) {
                Ok(_) => found.ok(CHECK, format!("does not run; its address {address} is free")),
                Err(error) if error.kind() == io::ErrorKind::AddrInUse => found.add(
                    CHECK,
                    Outcome::Fail,
                    format!("does not run, and another program listens at {address}"),
                    "stop that program, or set api.listen to another port",
                ),
                Err(error) => found.add(
                    CHECK,
                    Outcome::Fail,
                    format!("cannot listen at {address}: {error}"),
                    "set api.listen to an address of this machine",
                ),
            }
        }
    }
}

fn packs(context: &Context<'_>, settings: &Settings, found: &mut Findings) {
    const CHECK: &str = "packs";
    for dir in &settings.content.packs_dirs {
        if !dir.is_dir() {
            let message = format!("the folder {} is not there", dir.display());
            found.add(
                CHECK,
                Outcome::Fail,
                message,
                "make it, or take it out of content.packs_dirs",
            );
        }
    }
    let snapshot = Content::load(settings.content_options(), context.host.checks()).snapshot();
    found.ok(
        CHECK,
        format!(
            "{} packs, {} actions, {} aliases",
            snapshot.packs.len(),
            snapshot.actions.len(),
            snapshot.aliases.len()
        ),
    );
    for problem in snapshot.problems.iter().take(LISTED) {
        let outcome = match problem.severity {
            Severity::Error => Outcome::Fail,
            Severity::Warning => Outcome::Warn,
        };
        let hint = problem.hint.clone();
        let mut problem = problem.clone();
        problem.hint.clear();
        found.add(CHECK, outcome, problem.to_string(), hint);
    }
    let more = snapshot.problems.len().saturating_sub(LISTED);
    if more > 0 {
        found.add(
            CHECK,
            Outcome::Warn,
            format!("and {more} more problems"),
            "`sayso pack lint` shows those of one pack",
        );
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::shell;

    fn line<'a>(text: &'a str, check: &str) -> Vec<&'a str> {
        text.lines()
            .filter(|line| line.get(6..).is_some_and(|rest| rest.starts_with(check)))
            .collect()
    }

    #[tokio::test]
    async fn a_fresh_machine_is_well() {
        let shell = shell("succeeded");
        let told = shell.run(&["doctor", "--set", "api.listen=127.0.0.1:0"]).await;
        assert_eq!(told.status, 0, "{}", told.stdout);
        assert!(
            line(&told.stdout, "data folder")[0].contains("is not there yet"),
            "{}",
            told.stdout
        );
        assert!(
            !shell.folder.path().join(".local").exists(),
            "looking changes nothing"
        );
    }

    #[tokio::test]
    async fn what_is_wrong_is_told_with_what_to_do() {
        use std::os::unix::fs::PermissionsExt as _;
        let shell = shell("succeeded");
        let data = shell.folder.path().join("data");
        let dir = super::DataDir::open(&data).unwrap();
        dir.secret_key().unwrap();
        std::fs::set_permissions(data.join("secret.key"), std::fs::Permissions::from_mode(0o640)).unwrap();
        std::fs::set_permissions(&data, std::fs::Permissions::from_mode(0o755)).unwrap();
        std::fs::write(
            data.join("sayso.db"),
            "this is no database, it only looks like a file that might be one",
        )
        .unwrap();
        let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let listen = format!("api.listen={}", taken.local_addr().unwrap());
        let flags = [
            "doctor",
            "--data-dir",
            "data",
            "--set",
            &listen,
            "--set",
            "runners.system_user=nobody-here",
        ];
        let told = shell.run(&flags).await;
        assert_eq!(told.status, 1);
        let text = &told.stdout;
        assert!(
            line(text, "data folder")
                .iter()
                .any(|line| line.starts_with("warn")),
            "{text}"
        );
        assert!(
            text.contains("chmod 700 ") && text.contains("chmod 600 "),
            "{text}"
        );
        for check in ["secret.key", "database", "server", "system user"] {
            assert!(
                line(text, check).iter().any(|line| line.starts_with("fail")),
                "{check}: {text}"
            );
        }
        let json = shell.run(&[&flags[..], &["-o", "json"]].concat()).await;
        let all: Vec<serde_json::Value> = serde_json::from_str(&json.stdout).unwrap();
        assert!(
            all.iter()
                .any(|one| one["check"] == "secret.key" && one["result"] == "fail")
        );
    }

    #[tokio::test]
    async fn a_server_on_the_folder_is_asked() {
        let mut shell = shell("succeeded");
        let url = shell.listening().await;
        shell.variables.clear();
        let dir = super::DataDir::open(&shell.folder.path().join("data")).unwrap();
        let _lock = dir.lock().unwrap();
        dir.set_listen_address(url.trim_start_matches("http://")).unwrap();
        let told = shell.run(&["doctor", "--data-dir", "data"]).await;
        assert!(
            line(&told.stdout, "server")[0].starts_with("ok"),
            "{}",
            told.stdout
        );
        dir.set_listen_address("127.0.0.1:1").unwrap();
        let told = shell.run(&["doctor", "--data-dir", "data"]).await;
        assert!(
            line(&told.stdout, "server")[0].starts_with("fail"),
            "{}",
            told.stdout
        );
    }
}
