//! The whole application in the benchmark's process, listening on a port of its own.

use std::net::SocketAddr;
use std::sync::Arc;

use sayso::app::Sayso;
use sayso::cli::datadir::DataDir;
use sayso::cli::{Host, Purpose, Running, Start};
use sayso::settings::{Flag, Sources, load};
use tokio::net::TcpListener;

/// An application on a folder, and the address where it listens.
pub(crate) struct Server {
    pub(crate) running: Box<dyn Running>,
    pub(crate) address: SocketAddr,
    pub(crate) token: String,
}

/// Starts it with settings beside the defaults, `key`, `value`.
pub(crate) async fn start_with(folder: &std::path::Path, settings: &[(&str, String)]) -> Server {
    let flag = |key: &str, value: String| Flag {
        name: "bench".to_owned(),
        key: key.to_owned(),
        value,
    };
    let mut flags = vec![
        flag("data_dir", folder.display().to_string()),
        flag("log.level", "error".to_owned()),
        flag("access.mode", "open".to_owned()),
    ];
    flags.extend(settings.iter().map(|(key, value)| flag(key, value.clone())));
    let sources = Sources::of_process(None, flags);
    let loaded = Arc::new(load(&sources).expect("settings"));
    let data_dir = DataDir::open(folder).expect("a data folder");
    let key = data_dir.secret_key().expect("a key");
    let token = sayso::access::token::admin_token(folder).expect("a token");
    let start = Start {
        loaded,
        data_dir,
        key,
        token: token.clone(),
        purpose: Purpose::Serve,
    };
    let running = Sayso.start(start).await.expect("a server");
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(running.serve(listener));
    Server {
        running,
        address,
        token: token.to_string(),
    }
}

/// Starts it with the defaults.
pub(crate) async fn start(folder: &std::path::Path) -> Server {
    start_with(folder, &[]).await
}
