//! Ids: 24 hexadecimal digits, ordered by time, unique across nodes.

use std::fmt;
use std::str::FromStr;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::Timestamp;

/// The identity of a stored thing: 12 bytes, shown as 24 hexadecimal digits.
///
/// The layout is that of the ids which the reference's clients know (seconds first), so that they sort by
/// time: 4 bytes of seconds, 3 bytes of the second's fraction, 5 random bytes of the node. Ids made by one
/// process strictly increase, even when the clock is set back.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Id([u8; 12]);

/// Seconds and fraction of the newest id, as a 56-bit number.
static NEWEST: AtomicU64 = AtomicU64::new(0);
static NODE: LazyLock<[u8; 5]> = LazyLock::new(rand::random);

impl Id {
    /// A new id, greater than every id that this process made before.
    #[must_use]
    #[allow(clippy::new_without_default)] // a default would hide that each call gives another value
    pub fn new() -> Self {
        let micros = u64::try_from(Timestamp::now().micros()).unwrap_or(0);
        let clock = ((micros / 1_000_000) << 24) | (((micros % 1_000_000) << 24) / 1_000_000);
        let before = NEWEST
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |newest| {
                Some(clock.max(newest + 1))
            })
            .unwrap_or_else(|unchanged| unchanged);
        let ticks = clock.max(before + 1);
        let mut bytes = [0; 12];
        bytes[..7].copy_from_slice(&ticks.to_be_bytes()[1..]);
        bytes[7..].copy_from_slice(&*NODE);
        Self(bytes)
    }

    /// An id that always comes out the same for the same name, for things that have no moment of creation
    /// (actions and aliases from files).
    #[must_use]
    pub fn of_name(uid: &str) -> Self {
        use sha2::Digest;
        let digest = sha2::Sha256::digest(uid.as_bytes());
        let mut bytes = [0; 12];
        bytes.copy_from_slice(&digest[..12]);
        Self(bytes)
    }

    /// Makes later ids of this process greater than `id`. Called with the newest stored id at start, so that
    /// ids keep their order even when the clock was set back while the server was down.
    pub fn continue_after(id: Self) {
        let mut ticks = [0; 8];
        ticks[1..].copy_from_slice(&id.0[..7]);
        NEWEST.fetch_max(u64::from_be_bytes(ticks), Ordering::Relaxed);
    }

    /// The 12 bytes, in the order that sorts like the id.
    #[must_use]
    pub const fn bytes(&self) -> &[u8; 12] {
        &self.0
    }

    /// When it was made, to the second.
    #[must_use]
    pub fn made(&self) -> Timestamp {
        let seconds = u32::from_be_bytes([self.0[0], self.0[1], self.0[2], self.0[3]]);
        Timestamp::default().plus_millis(i64::from(seconds) * 1000)
    }

    /// From stored bytes; `None` unless there are exactly twelve.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = [0; 24];
        hex::encode_to_slice(self.0, &mut text).map_err(|_| fmt::Error)?;
        f.write_str(std::str::from_utf8(&text).map_err(|_| fmt::Error)?)
    }
}

impl fmt::Debug for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Id {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut bytes = [0; 12];
        hex::decode_to_slice(text, &mut bytes)
            .map_err(|_| format!("`{text}` is no id: an id has 24 hexadecimal digits"))?;
        Ok(Self(bytes))
    }
}

impl Serialize for Id {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Id {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_increase_across_threads_and_read_back() {
        let ids: Vec<Vec<Id>> = std::thread::scope(|scope| {
            let workers: Vec<_> = (0..4)
                .map(|_| scope.spawn(|| (0..5000).map(|_| Id::new()).collect()))
                .collect();
            workers.into_iter().map(|worker| worker.join().unwrap()).collect()
        });
        for one in &ids {
            assert!(one.windows(2).all(|pair| pair[0] < pair[1]));
        }
        let mut all: Vec<Id> = ids.concat();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), 20_000);
        assert_eq!(all[7].to_string().parse::<Id>().unwrap(), all[7]);
        assert_eq!(all[7].to_string().len(), 24);
        assert!("last".parse::<Id>().is_err());
    }

    #[test]
    fn ids_follow_the_newest_stored_one() {
        let mut future = *Id::new().bytes();
        future[2] = future[2].wrapping_add(1); // 256 seconds ahead
        let future = Id::from_bytes(&future).unwrap();
        Id::continue_after(future);
        assert!(Id::new() > future);
    }
}
