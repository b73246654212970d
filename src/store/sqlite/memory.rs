//! What the writer remembers between groups: the end of the audit chain and the counts. All of it is also in
//! the table `meta`, changed in the same commit.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use sqlx::Row as _;
use sqlx::sqlite::{SqliteConnection, SqliteRow};

use crate::model::{Id, OutboxState, Status};
use crate::store::{StoreError, chain};

use super::encode::{state_code, state_from_code};
use super::error::{corrupt, store_error};

/// Key of the newest audit entry.
pub(super) const AUDIT: &str = "audit";
/// Key of the distance between ids and start times.
pub(super) const SKEW: &str = "skew";

/// One count of executions: all with this status, top-level or not, built-in or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Cell {
    pub(super) status: Status,
    pub(super) top: bool,
    pub(super) builtin: bool,
}

impl Cell {
    pub(super) fn key(self) -> String {
        format!(
            "executions.{}.{}.{}",
            self.status.code(),
            u8::from(self.top),
            u8::from(self.builtin)
        )
    }

    fn parse(key: &str) -> Option<Self> {
        let mut parts = key.strip_prefix("executions.")?.split('.');
        let status = Status::from_code(parts.next()?.parse().ok()?)?;
        let (top, builtin) = (parts.next()? == "1", parts.next()? == "1");
        Some(Self { status, top, builtin })
    }
}

/// One count of outbound messages.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct OutboxCell {
    pub(super) gateway: Arc<str>,
    pub(super) state: u8,
}

impl OutboxCell {
    pub(super) fn new(gateway: &Arc<str>, state: OutboxState) -> Self {
        Self {
            gateway: Arc::clone(gateway),
            state: state_code(state),
        }
    }

    pub(super) fn state(&self) -> Option<OutboxState> {
        state_from_code(i64::from(self.state))
    }

    pub(super) fn key(&self) -> String {
        format!("outbox.{}.{}", self.state, self.gateway)
    }

    fn parse(key: &str) -> Option<Self> {
        let (state, gateway) = key.strip_prefix("outbox.")?.split_once('.')?;
        Some(Self {
            gateway: gateway.into(),
            state: state.parse().ok()?,
        })
    }
}

/// The end of the audit log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Tail {
    /// Number of the newest entry, 0 before the first.
    pub(super) number: u64,
    /// Its hash.
    pub(super) hash: [u8; 32],
    /// The latest time of any entry.
    pub(super) latest: i64,
    /// The most that an entry was older than one before it. Entries are numbered as they are committed,
    /// which is nearly but not quite the order of their times; this tells how far a search has to look.
    pub(super) disorder: i64,
}

impl Default for Tail {
    fn default() -> Self {
        Self {
            number: 0,
            hash: chain::GENESIS,
            latest: i64::MIN,
            disorder: 0,
        }
    }
}

impl Tail {
    /// The tail after one more entry.
    pub(super) fn next(&self, at: i64, text: &str) -> Self {
        let number = self.number + 1;
        let behind = if self.latest > at {
            self.latest.saturating_sub(at)
        } else {
            0
        };
        Self {
            number,
            hash: chain::hash(&self.hash, number, text),
            latest: self.latest.max(at),
            disorder: self.disorder.max(behind),
        }
    }

    pub(super) fn to_bytes(self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(56);
        bytes.extend(self.number.to_be_bytes());
        bytes.extend(self.hash);
        bytes.extend(self.latest.to_be_bytes());
        bytes.extend(self.disorder.to_be_bytes());
        bytes
    }

    pub(super) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (number, rest) = bytes.split_first_chunk::<8>()?;
        let (hash, rest) = rest.split_first_chunk::<32>()?;
        let (latest, rest) = rest.split_first_chunk::<8>()?;
        let disorder: &[u8; 8] = rest.try_into().ok()?;
        Some(Self {
            number: u64::from_be_bytes(*number),
            hash: *hash,
            latest: i64::from_be_bytes(*latest),
            disorder: i64::from_be_bytes(*disorder),
        })
    }
}

/// Everything in `meta`.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Memory {
    pub(super) tail: Tail,
    pub(super) cells: BTreeMap<Cell, i64>,
    pub(super) outbox: HashMap<OutboxCell, i64>,
    /// The most that an id's time differs from its execution's start, in microseconds.
    pub(super) skew: i64,
}

impl Memory {
    /// Reads `meta`: a few dozen rows, whatever the size of the database.
    pub(super) async fn load(connection: &mut SqliteConnection) -> Result<Self, StoreError> {
        let rows = sqlx::query("SELECT key, value FROM meta")
            .fetch_all(connection)
            .await
            .map_err(|error| store_error(&error))?;
        let mut memory = Self::default();
        for row in rows {
            let key: String = row.try_get(0).map_err(|error| store_error(&error))?;
            memory
                .take(&key, &row)
                .ok_or_else(|| corrupt(format_args!("`{key}` in table meta")))?;
        }
        Ok(memory)
    }

    /// Reads `meta` for the writer. The log of audit entries goes on behind whatever is further: the newest
    /// entry there is, or the newest there was. So a cut end stays a gap that verification finds, and an entry
    /// that somebody put in does not stop the server.
    pub(super) async fn for_writer(connection: &mut SqliteConnection) -> Result<Self, StoreError> {
        let mut memory = Self::load(&mut *connection).await?;
        let newest = sqlx::query("SELECT number, hash FROM audit ORDER BY number DESC LIMIT 1")
            .fetch_optional(connection)
            .await
            .map_err(|error| store_error(&error))?;
        let Some(newest) = newest else { return Ok(memory) };
        let number: i64 = newest.try_get(0).map_err(|error| store_error(&error))?;
        let number = u64::try_from(number).map_err(|_| corrupt("the number of an audit entry"))?;
        if number > memory.tail.number {
            tracing::error!(
                found = number,
                expected = memory.tail.number,
                "the audit log has entries that this server did not write: `sayso audit verify` tells more"
            );
            let hash: Vec<u8> = newest.try_get(1).map_err(|error| store_error(&error))?;
            memory.tail.number = number;
            memory.tail.hash = hash.try_into().unwrap_or(chain::GENESIS);
            // Nothing is known about the times of such entries: searches look at all of them.
            memory.tail.disorder = i64::MAX;
        }
        Ok(memory)
    }

    fn take(&mut self, key: &str, row: &SqliteRow) -> Option<()> {
        if key == AUDIT {
            self.tail = Tail::from_bytes(&row.try_get::<Vec<u8>, _>(1).ok()?)?;
        } else if key == SKEW {
            self.skew = row.try_get(1).ok()?;
        } else if let Some(cell) = Cell::parse(key) {
            self.cells.insert(cell, row.try_get(1).ok()?);
        } else {
            self.outbox.insert(OutboxCell::parse(key)?, row.try_get(1).ok()?);
        }
        Some(())
    }

    /// How many executions the filter on cells lets through.
    pub(super) fn count(&self, wanted: impl Fn(&Cell) -> bool) -> u64 {
        let sum: i64 = self
            .cells
            .iter()
            .filter(|(cell, _)| wanted(cell))
            .map(|(_, count)| count)
            .sum();
        u64::try_from(sum).unwrap_or(0)
    }

    /// Outbound messages by gateway and state.
    pub(super) fn outbox_counts(&self) -> Vec<(String, OutboxState, u64)> {
        let mut counts: Vec<_> = self.outbox.iter().filter(|(_, count)| **count > 0).collect();
        counts.sort_by(|(a, _), (b, _)| (&a.gateway, a.state).cmp(&(&b.gateway, b.state)));
        let named = |(cell, count): (&OutboxCell, &i64)| {
            let state = state_from_code(i64::from(cell.state))?;
            Some((cell.gateway.to_string(), state, u64::try_from(*count).ok()?))
        };
        counts.into_iter().filter_map(named).collect()
    }
}

/// The time in an id, in microseconds since 1970.
pub(super) fn id_micros(id: Id) -> i64 {
    let bytes = id.bytes();
    let seconds = u32::from_be_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
    let fraction = u32::from_be_bytes([0, bytes[4], bytes[5], bytes[6]]);
    i64::from(seconds) * 1_000_000 + ((i64::from(fraction) * 1_000_000) >> 24)
}

/// The smallest id of that time; ids that are not of this age are all above or all below.
pub(super) fn first_id(micros: i64) -> [u8; 12] {
    let mut bytes = [0; 12];
    if micros > i64::from(u32::MAX) * 1_000_000 {
        return [0xff; 12];
    }
    if let Ok(micros) = u64::try_from(micros) {
        let ticks = ((micros / 1_000_000) << 24) | (((micros % 1_000_000) << 24) / 1_000_000);
        bytes[..7].copy_from_slice(&ticks.to_be_bytes()[1..]);
    }
    bytes
}
