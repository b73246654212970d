//! What the command line needs of the assembled application; the binary wires it.

use std::io;
use std::sync::Arc;

use futures_util::future::BoxFuture;
use tokio::net::TcpListener;
use zeroize::Zeroizing;

use super::datadir::DataDir;
use crate::api::client::{Client, ClientError};
use crate::content::Checks;
use crate::engine::SecretKey;
use crate::settings::Loaded;

/// What the application is started for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// `sayso serve`: everything, chat gateways and schedules included.
    Serve,
    /// A client command without a server: engine and API inside this process, for this command only. No
    /// gateways, no schedules, no watching of files.
    Embedded,
}

/// Everything that starting needs. The lock on the data folder is held by the caller for as long as the
/// application runs.
#[derive(Clone)]
pub struct Start {
    /// Settings in force.
    pub loaded: Arc<Loaded>,
    /// The data folder.
    pub data_dir: DataDir,
    /// Seals secrets at rest.
    pub key: SecretKey,
    /// The administrator's token.
    pub token: Zeroizing<String>,
    /// What for.
    pub purpose: Purpose,
}

/// Starts the application.
pub trait Host: Send + Sync {
    /// What packs are checked against besides their own files: the runners there are, rules for actions.
    fn checks(&self) -> Checks;

    /// Starts it; when this returns it takes requests.
    fn start(&self, start: Start) -> BoxFuture<'_, anyhow::Result<Box<dyn Running>>>;
}

/// The running application.
pub trait Running: Send + Sync {
    /// A client of its API inside this process, with the administrator's token.
    ///
    /// # Errors
    /// When the token cannot be used.
    fn client(&self) -> Result<Client, ClientError>;

    /// Answers HTTP on the listener until the application is stopped.
    fn serve(&self, listener: TcpListener) -> BoxFuture<'static, io::Result<()>>;

    /// Reads packs, aliases and templates again; the answer is a sentence for the log, an error the problem
    /// that kept everything as it was.
    fn reload(&self) -> BoxFuture<'_, Result<String, String>>;

    /// Takes nothing new, waits for what runs (at most `engine.drain_seconds`), closes the database.
    fn stop(&self) -> BoxFuture<'_, ()>;
}
