//! `kill -9` at any moment: what was acknowledged is there, nothing runs twice that may not, every answer comes
//! once.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::future::join_all;
use parking_lot::Mutex;
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use serde_json::{Value, json};
use tokio::sync::Notify;

use crate::support::server::Api;
use crate::support::{Chat, Server, Site, assert_one_of, assert_says, eventually};

/// Who loads the server: so many clients over HTTP and so many in chat.
const HTTP_CLIENTS: usize = 16;
const CHAT_CLIENTS: usize = 8;
/// How often the server is killed.
const KILLS: usize = 5;
/// Requests that the server acknowledges before it is killed, at least and at most.
const BEFORE_KILL: std::ops::Range<usize> = 20..220;

/// What a client asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asked {
    Mark,
    MarkAgain,
    Noop,
    Delayed,
}

/// An acknowledged chat message: conversation, key, mark, executions.
type Said = (usize, String, String, Vec<String>);

/// What the clients know.
#[derive(Default)]
struct Books {
    /// Acknowledged executions: id, what, its mark, the round.
    acknowledged: Mutex<Vec<(String, Asked, String, usize)>>,
    /// Marks of requests that were not acknowledged: they may have run or not.
    unknown: Mutex<BTreeSet<String>>,
    /// Chat messages that were acknowledged: conversation, key, mark, executions.
    said: Mutex<Vec<Said>>,
    /// Chat messages without an answer: conversation, key, text.
    unanswered: Mutex<Vec<(usize, String, String)>>,
    counted: AtomicUsize,
    enough: Notify,
    over: AtomicBool,
}

impl Books {
    fn count(&self, goal: usize) {
        if self.counted.fetch_add(1, Ordering::Relaxed) + 1 == goal {
            self.enough.notify_one();
        }
    }
}

/// One client over HTTP, until the server dies.
async fn request(api: Api, books: Arc<Books>, seed: u64, round: usize, goal: usize, file: String) {
    let mut random = StdRng::seed_from_u64(seed);
    for number in 0.. {
        if books.over.load(Ordering::Relaxed) {
            return;
        }
        let mark = format!("h{round}-{seed}-{number}");
        let hold = if random.random_bool(0.5) { "0.1" } else { "0" };
        let parameters = json!({"file": file, "id": mark, "hold": hold});
        let (asked, body) = match random.random_range(0..10) {
            0..5 => (
                Asked::Mark,
                json!({"action": "trial.mark", "parameters": parameters}),
            ),
            5..7 => (
                Asked::MarkAgain,
                json!({"action": "trial.mark_again", "parameters": parameters}),
            ),
            7..9 => (Asked::Noop, json!({"action": "core.noop"})),
            _ => {
                let delay = random.random_range(1..700);
                (
                    Asked::Delayed,
                    json!({"action": "trial.mark", "parameters": parameters, "delay": delay}),
                )
            }
        };
        let answer = api
            .try_send(
                api.request(reqwest::Method::POST, "/api/v1/executions")
                    .json(&body),
            )
            .await;
        match answer {
            Some(answer) => {
                let id = answer.with(201)["id"].as_str().expect("an id").to_owned();
                books.acknowledged.lock().push((id, asked, mark, round));
                books.count(goal);
            }
            None => {
                books.unknown.lock().insert(mark);
                return;
            }
        }
    }
}

/// One client in chat, until the server dies.
async fn talk(chat: &Chat, books: &Books, client: usize, round: usize, goal: usize, file: &str) {
    for number in 0.. {
        if books.over.load(Ordering::Relaxed) {
            return;
        }
        let key = format!("c{round}-{client}-{number}");
        let verb = if number % 3 == 2 { "repeat" } else { "mark" };
        let text = format!("{verb} {key} in {file} for 0.05s");
        match chat.try_say(&key, &text).await {
            Some(answer) => {
                take(books, client, key, &answer.with(202));
                books.count(goal);
            }
            None => {
                books.unanswered.lock().push((client, key, text));
                return;
            }
        }
    }
}

fn take(books: &Books, client: usize, key: String, receipt: &Value) {
    let executions = receipt["executions"].as_array().expect("a list");
    let ids = executions.iter().map(|id| id.as_str().expect("an id").to_owned());
    books.said.lock().push((client, key.clone(), key, ids.collect()));
}

/// Loads the server until it has acknowledged `goal` requests, kills it, and ends when all clients noticed.
async fn round(
    server: Server,
    chats: &[Chat],
    books: &Arc<Books>,
    seed: u64,
    round: usize,
    site: &Site,
) -> Api {
    let mut random = StdRng::seed_from_u64(seed);
    let goal = random.random_range(BEFORE_KILL);
    books.counted.store(0, Ordering::Relaxed);
    books.over.store(false, Ordering::Relaxed);
    let file = site.path("marks").display().to_string();
    let clients = (0..HTTP_CLIENTS).map(|client| {
        let seed = seed * 1000 + client as u64;
        tokio::spawn(request(
            server.api().clone(),
            Arc::clone(books),
            seed,
            round,
            goal,
            file.clone(),
        ))
    });
    let clients: Vec<_> = clients.collect();
    let talks = chats
        .iter()
        .enumerate()
        .map(|(client, chat)| talk(chat, books, client, round, goal, &file));
    let killer = async {
        books.enough.notified().await;
        let api = server.kill().await;
        books.over.store(true, Ordering::Relaxed);
        api
    };
    let (api, _) = tokio::join!(killer, join_all(talks));
    for client in clients {
        client.await.expect("a client");
    }
    api
}

/// Clients in chat repeat what was not answered, with the same key, and some of what was.
async fn repeat(chats: &[Chat], books: &Books) {
    let unanswered = std::mem::take(&mut *books.unanswered.lock());
    for (client, key, text) in unanswered {
        let answer = chats[client].try_say(&key, &text).await.expect("an answer");
        let receipt = answer.with(202);
        if receipt["duplicate"] == false {
            take(books, client, key, &receipt);
        } else {
            // It was taken, the answer got lost. Its execution is found through its mark.
            books.said.lock().push((client, key.clone(), key, Vec::new()));
        }
    }
    let latest: Vec<_> = books
        .said
        .lock()
        .iter()
        .rev()
        .take(CHAT_CLIENTS)
        .cloned()
        .collect();
    for (client, key, ..) in latest {
        let text = "mark twice in /dev/null for 0s";
        let receipt = chats[client]
            .try_say(&key, text)
            .await
            .expect("an answer")
            .with(202);
        assert_eq!(receipt["duplicate"], true, "{key}: {receipt}");
        assert_eq!(receipt["executions"], json!([]), "{key}");
    }
}

#[tokio::test]
async fn nothing_acknowledged_is_lost_and_nothing_runs_twice() {
    let site = Site::open();
    let books = Arc::new(Books::default());
    let mut server = site.serve().await;
    let mut chats = Vec::new();
    for client in 0..CHAT_CLIENTS {
        chats.push(server.chat(&format!("crash-{client}")).await);
    }
    let seed: u64 = 20_260_131;
    for number in 0..KILLS {
        let api = round(server, &chats, &books, seed + number as u64, number, &site).await;
        server = Server::again(&site, api).await;
        repeat(&chats, &books).await;
    }

    eventually("all work is over", async || {
        let status = server.api().get("/api/v1/status").await.with(200);
        (status["store"]["unfinished"] == 0).then_some(())
    })
    .await;
    let executions = all_executions(server.api()).await;
    let marks = marks(&site);
    check_executions(&executions, &books, &marks);
    check_chat(&chats, &executions, &books).await;

    // The log of all this is unbroken, and whoever starts next agrees.
    assert!(server.stop().await.success());
    let verified = site.sayso(&["audit", "verify"]).await.ended(0);
    assert_says(&verified.out, &["the chain is intact"]);
    site.sayso(&["db", "check"]).await.ended(0);
}

/// How often each mark stands in the file.
fn marks(site: &Site) -> HashMap<String, usize> {
    let mut marks = HashMap::new();
    for line in std::fs::read_to_string(site.path("marks"))
        .unwrap_or_default()
        .lines()
    {
        *marks.entry(line.to_owned()).or_insert(0) += 1;
    }
    marks
}

/// All executions by id.
async fn all_executions(api: &Api) -> BTreeMap<String, Value> {
    let list = api.get("/api/v1/executions?limit=-1").await.with(200);
    let list = list.as_array().expect("a list");
    list.iter()
        .map(|execution| {
            (
                execution["id"].as_str().expect("an id").to_owned(),
                execution.clone(),
            )
        })
        .collect()
}

fn check_executions(executions: &BTreeMap<String, Value>, books: &Books, marks: &HashMap<String, usize>) {
    let acknowledged = books.acknowledged.lock();
    assert!(
        acknowledged.len() > KILLS * 10,
        "there was too little to lose: {}",
        acknowledged.len()
    );
    let mut newest = vec![String::new(); KILLS + 1];
    let mut ended = BTreeMap::new();
    for (id, asked, mark, round) in &*acknowledged {
        let execution = executions
            .get(id)
            .unwrap_or_else(|| panic!("{id} ({mark}) was lost"));
        let status = execution["status"].as_str().unwrap_or_default();
        *ended.entry(status).or_insert(0) += 1;
        let times = marks.get(mark).copied().unwrap_or(0);
        match asked {
            Asked::Noop => assert_eq!(status, "succeeded", "{id}"),
            Asked::MarkAgain => {
                assert_eq!(status, "succeeded", "{id} {mark}: {execution:#}");
                assert!(times >= 1, "{id} {mark} succeeded but did not run");
            }
            Asked::Mark | Asked::Delayed => check_once(execution, times),
        }
        // Ids grow over restarts: those of a round are above those of all rounds before it.
        assert!(
            *id > newest[*round],
            "{id} of round {round} is not above {}",
            newest[*round]
        );
        for later in &mut newest[round + 1..] {
            if *later < *id {
                later.clone_from(id);
            }
        }
    }
    // The test would prove nothing if every kill had missed.
    assert!(
        ended.get("abandoned").is_some_and(|count| *count > 0),
        "nothing was at work: {ended:?}"
    );
    for (mark, times) in marks {
        let repeated = executions.values().any(|execution| {
            execution["parameters"]["id"] == json!(mark) && execution["action"]["ref"] == "trial.mark_again"
        });
        assert!(*times == 1 || repeated, "{mark} ran {times} times");
    }
    // What was not acknowledged either ran as an execution that is on record, or not at all.
    for mark in &*books.unknown.lock() {
        let recorded = executions
            .values()
            .any(|one| one["parameters"]["id"] == json!(mark));
        assert!(recorded || !marks.contains_key(mark), "{mark} ran off the record");
    }
}

/// An execution of the action that is not idempotent.
fn check_once(execution: &Value, times: usize) {
    let status = execution["status"].as_str().unwrap_or_default();
    assert_one_of(&status, &["succeeded", "abandoned"]);
    if status == "succeeded" {
        assert_eq!(times, 1, "{execution:#}");
    } else {
        assert!(times <= 1, "ran {times} times: {execution:#}");
        let why = execution["result"]["error"].as_str().unwrap_or_default();
        assert_says(
            why,
            &["the server died while the action ran", "not declared idempotent"],
        );
    }
}

async fn check_chat(chats: &[Chat], executions: &BTreeMap<String, Value>, books: &Books) {
    let said = books.said.lock().clone();
    assert!(said.len() > KILLS * 5, "too little was said: {}", said.len());
    for (client, key, mark, ids) in said {
        let of_mark: Vec<&String> = executions
            .iter()
            .filter(|(_, execution)| execution["parameters"]["id"] == json!(mark))
            .map(|(id, _)| id)
            .collect();
        assert_eq!(of_mark.len(), 1, "{key} has one execution");
        assert!(
            ids.is_empty() || ids == [of_mark[0].clone()],
            "{key}: {ids:?} {of_mark:?}"
        );
        let id = of_mark[0].as_str();
        let is_answer = |event: &Value| event["final"] == true && event["execution"] == id;
        chats[client]
            .hears(&format!("the answer to {key}, {id}"), is_answer)
            .await;
        let answers: Vec<Value> = chats[client].events().into_iter().filter(is_answer).collect();
        assert_eq!(
            answers.len(),
            1,
            "{key} was answered more than once: {answers:#?}"
        );
        assert_eq!(answers[0]["status"], executions[id]["status"], "{key}");
        if executions[id]["action"]["ref"] == "trial.mark" {
            assert_one_of(&answers[0]["status"], &[json!("succeeded"), json!("abandoned")]);
        }
    }
}

#[tokio::test]
async fn an_answer_waits_for_a_client_that_is_away() {
    let site = Site::open();
    let server = site.serve().await;
    let go = site.path("go");
    let chat = server.chat("away").await;
    let text = format!("gate {} until {}", site.path("started").display(), go.display());
    let id = chat.say(&text).await["executions"][0]
        .as_str()
        .expect("an id")
        .to_owned();
    drop(chat);
    std::fs::write(&go, "").expect("the gate opens");
    server.api().over(&id).await;
    let api = server.kill().await;
    let server = Server::again(&site, api).await;
    let chat = server.chat("away").await;
    let answer = chat
        .hears("the answer", |event| {
            event["execution"] == json!(id) && event["final"] == true
        })
        .await;
    assert_eq!(answer["status"], "succeeded");
    assert_says(answer["text"].as_str().unwrap_or_default(), &["gone"]);
}

/// Who waits in a terminal notices nothing of a crash but the delay.
#[tokio::test]
async fn a_terminal_finds_the_server_again() {
    let site = Site::open().at_one_port();
    let server = site.serve().await;
    let (started, go) = (site.path("started"), site.path("go"));
    let text = format!("repeat once in {} for 0.5s", site.path("marks").display());
    let gate = format!("gate {} until {}", started.display(), go.display());
    let words = ["chat", "--json", "--say", &text, "--say", &gate];
    let crash = async {
        eventually("the first is at work", async || {
            site.path("marks").exists().then_some(())
        })
        .await;
        let server = Server::again(&site, server.kill().await).await;
        eventually("the second is at work", async || started.exists().then_some(())).await;
        // This one cannot be done again, and the terminal is told so.
        let server = Server::again(&site, server.kill().await).await;
        std::fs::write(&go, "").expect("the gate opens");
        server
    };
    let (said, _server) = tokio::join!(site.sayso(&words), crash);
    let lines = said.ended(1).json_lines();
    assert_eq!(lines[0]["executions"][0]["status"], "succeeded", "{lines:#?}");
    assert_eq!(lines[1]["executions"][0]["status"], "abandoned", "{lines:#?}");
    assert_says(
        lines[1]["answer"].as_str().unwrap_or_default(),
        &["not declared idempotent"],
    );
}

/// A restart on a folder where a process was killed takes over at once.
#[tokio::test]
async fn delayed_work_is_done_at_its_time_after_a_crash() {
    let site = Site::open();
    let server = site.serve().await;
    let file = site.path("late");
    let body = json!({
        "action": "trial.mark",
        "parameters": {"file": file, "id": "late"},
        "delay": 400,
    });
    let accepted = server.api().post("/api/v1/executions", &body).await.with(201);
    assert_eq!(accepted["status"], "delayed");
    let id = accepted["id"].as_str().expect("an id").to_owned();
    let api = server.kill().await;
    let server = Server::again(&site, api).await;
    let done = server.api().over(&id).await;
    assert_eq!(done["status"], "succeeded", "{done:#}");
    assert_eq!(std::fs::read_to_string(file).expect("the mark"), "late\n");
    let (begin, log) = (&done["start_timestamp"], done["log"].as_array().expect("a log"));
    let ran = log
        .iter()
        .find(|entry| entry["status"] == "running")
        .expect("it ran");
    let instant =
        |value: &Value| -> jiff::Timestamp { value.as_str().expect("a time").parse().expect("a time") };
    let waited = instant(&ran["timestamp"]).duration_since(instant(begin));
    assert!(
        waited.unsigned_abs() >= Duration::from_millis(400),
        "it waited only {waited:?}"
    );
}
