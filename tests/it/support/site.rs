//! A site: a temporary folder with a data folder, a packs folder and what processes wrote on standard error.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use tempfile::TempDir;
use tokio::process::Command;

use super::Server;
use super::commands::Finished;

/// The binary under test.
pub(crate) const BINARY: &str = env!("CARGO_BIN_EXE_sayso");

/// A place for one Sayso. It goes away with everything in it at the end of the test.
pub(crate) struct Site {
    root: TempDir,
    data: PathBuf,
    /// Variables that every process of the site gets.
    variables: Vec<(String, String)>,
    /// Flags that every server of the site gets.
    flags: Vec<String>,
    listen: String,
}

impl Site {
    /// A site where everybody may do everything, with the packs of [`super::packs`].
    pub(crate) fn open() -> Self {
        Self::closed().variable("SAYSO_ACCESS_MODE", "open")
    }

    /// A site where only administrators may do something.
    pub(crate) fn closed() -> Self {
        let root = tempfile::Builder::new()
            .prefix("sayso-it-")
            .tempdir()
            .expect("a temporary folder");
        let site = Self {
            data: root.path().join("data"),
            root,
            variables: Vec::new(),
            flags: Vec::new(),
            listen: "127.0.0.1:0".to_owned(),
        };
        std::fs::create_dir(site.packs()).expect("the packs folder");
        super::packs::trial(&site.packs());
        site
    }

    /// The same with its data folder somewhere else.
    pub(crate) fn with_data(mut self, data: PathBuf) -> Self {
        self.data = data;
        self
    }

    /// The same with a variable for all its processes.
    pub(crate) fn variable(mut self, name: &str, value: &str) -> Self {
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The same with a key of the settings set for its servers.
    pub(crate) fn set(mut self, key: &str, value: &str) -> Self {
        self.flags.extend(["--set".to_owned(), format!("{key}={value}")]);
        self
    }

    /// The same with servers at one port that was free a moment ago, so that clients find the next one.
    pub(crate) fn at_one_port(mut self) -> Self {
        let free = std::net::TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
        self.listen = free.expect("a free port").to_string();
        self
    }

    /// The data folder.
    pub(crate) fn data(&self) -> &Path {
        &self.data
    }

    /// The folder with the site's packs.
    pub(crate) fn packs(&self) -> PathBuf {
        self.root.path().join("packs")
    }

    /// A path for whatever a test needs besides.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    /// Writes a file of a pack, `trial/actions/new.yaml`.
    pub(crate) fn write_pack_file(&self, path: &str, text: &str) {
        super::packs::write(&self.packs().join(path), text);
    }

    /// Takes a pack over from a folder.
    pub(crate) fn copy_pack(&self, from: &str) {
        let from = Path::new(from);
        let name = from.file_name().expect("a pack has a name");
        super::packs::copy(from, &self.packs().join(name));
    }

    /// What processes of the site wrote on standard error so far.
    pub(crate) fn log(&self) -> String {
        let bytes = std::fs::read(self.log_path()).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    fn log_path(&self) -> PathBuf {
        self.path("stderr.log")
    }

    /// The file that collects standard error, for a new process.
    pub(super) fn log_file(&self) -> Stdio {
        std::fs::OpenOptions::new()
            .append(true)
            .create(true)
            .open(self.log_path())
            .expect("the log file")
            .into()
    }

    /// A process of the site that knows nothing of the one who runs the tests.
    pub(super) fn process(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.root.path())
            .env("LANG", "C.UTF-8")
            // A line for each message would bury what matters when a test fails.
            .env("SAYSO_LOG", "info,sayso::chat::router=warn")
            .envs(self.variables.iter().map(|(name, value)| (name, value)))
            .current_dir(self.root.path())
            .stdin(Stdio::null())
            .kill_on_drop(true);
        command
    }

    /// The words that start a server of the site.
    pub(super) fn serve_words(&self) -> Vec<String> {
        let mut words = vec!["serve".to_owned()];
        words.extend(self.folders());
        words.extend(["--listen".to_owned(), self.listen.clone()]);
        words.extend(self.flags.iter().cloned());
        words
    }

    fn folders(&self) -> [String; 4] {
        [
            "--data-dir".to_owned(),
            self.data.display().to_string(),
            "--packs-dir".to_owned(),
            self.packs().display().to_string(),
        ]
    }

    /// Starts a server and waits until it is ready.
    pub(crate) async fn serve(&self) -> Server {
        Server::start(self).await
    }

    /// Runs the command line on the site to its end.
    pub(crate) async fn sayso(&self, words: &[&str]) -> Finished {
        self.sayso_with(words, "").await
    }

    /// The same with a text on standard input.
    pub(crate) async fn sayso_with(&self, words: &[&str], input: &str) -> Finished {
        let mut command = self.process(BINARY);
        // Before the words, behind which there may be a `--`.
        command.args(self.folders()).args(words);
        Finished::of(command, input).await
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let log = self.log();
            let from = log.char_indices().rev().nth(12_000).map_or(0, |(at, _)| at);
            eprintln!("--- standard error of the site's processes\n{}---", &log[from..]);
        }
    }
}
