//! Tokens: how they are made, kept and recognised.

use std::collections::HashMap;
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

use crate::model::Identity;

/// Name of the administrator's token file in the data folder.
pub const ADMIN_TOKEN_FILE: &str = "admin.token";

/// Characters that a usable token has at least.
const SHORTEST: usize = 16;

/// Reads the administrator's token from the data folder, or makes it (32 random bytes, mode 0600) when there
/// is none. Of several processes that do so at once, one makes it and all read the same.
///
/// # Errors
/// When the file cannot be read or written, or holds something too short to be a token.
pub fn admin_token(data_dir: &Path) -> io::Result<Zeroizing<String>> {
    let path = data_dir.join(ADMIN_TOKEN_FILE);
    if let Some(token) = read(&path)? {
        return Ok(token);
    }
    let mut bytes = Zeroizing::new([0u8; 32]);
    rand::fill(&mut bytes[..]);
    let mut token = Zeroizing::new(URL_SAFE_NO_PAD.encode(&bytes[..]));
    token.push('\n');
    // A name of our own first, then a link: the file never exists with half a token in it, and a link does
    // not replace what somebody else has put there in between.
    let draft = data_dir.join(format!(
        "{ADMIN_TOKEN_FILE}.{}.{:016x}",
        std::process::id(),
        rand::random::<u64>()
    ));
    let mut file = std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&draft)?;
    let written = file.write_all(token.as_bytes()).and_then(|()| file.sync_all());
    let linked = written.and_then(|()| std::fs::hard_link(&draft, &path));
    std::fs::remove_file(&draft)?;
    match linked {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    std::fs::File::open(data_dir)?.sync_all()?;
    read(&path)?.ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, "the token file vanished again"))
}

fn read(path: &Path) -> io::Result<Option<Zeroizing<String>>> {
    let text = match std::fs::read_to_string(path) {
        Ok(text) => Zeroizing::new(text),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let token = text.trim();
    if token.len() < SHORTEST || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(io::Error::new(
            io::ErrorKind::InvalidData,
            format!(
                "{} holds no token: remove it and a new one is made at the next start",
                path.display()
            ),
        ));
    }
    Ok(Some(Zeroizing::new(token.to_owned())))
}

/// Who presents a token.
#[derive(Clone, Debug)]
pub struct Principal {
    /// The identity that requests with this token have.
    pub identity: Arc<Identity>,
    /// Whether such requests may act on behalf of somebody else (`X-Sayso-User`).
    pub may_act_as_others: bool,
}

/// The known tokens. Only their SHA-256 is kept.
#[derive(Clone, Debug, Default)]
pub struct Tokens {
    by_hash: HashMap<[u8; 32], Principal>,
}

impl Tokens {
    /// Makes a token known.
    pub fn add(&mut self, token: &str, principal: Principal) {
        self.by_hash
            .insert(Sha256::digest(token.as_bytes()).into(), principal);
    }

    /// Who presents this token. Takes the same time whatever characters of a wrong token are right: tokens
    /// are found by their hash, which tells nothing of the token, and compared in constant time.
    #[must_use]
    pub fn principal(&self, token: &str) -> Option<&Principal> {
        let hash: [u8; 32] = Sha256::digest(token.as_bytes()).into();
        let (known, principal) = self.by_hash.get_key_value(&hash)?;
        bool::from(known.ct_eq(&hash)).then_some(principal)
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn the_token_is_made_once_whoever_asks_first() {
        let dir = tempfile::tempdir().unwrap();
        let tokens: Vec<String> = std::thread::scope(|scope| {
            let workers: Vec<_> = (0..8)
                .map(|_| scope.spawn(|| admin_token(dir.path()).unwrap().to_string()))
                .collect();
            workers.into_iter().map(|worker| worker.join().unwrap()).collect()
        });
        assert!(
            tokens
                .iter()
                .all(|token| *token == tokens[0] && token.len() == 43),
            "{tokens:?}"
        );
        let file = dir.path().join(ADMIN_TOKEN_FILE);
        assert_eq!(
            std::fs::metadata(&file).unwrap().permissions().mode() & 0o777,
            0o600
        );
        assert_eq!(
            std::fs::read_dir(dir.path()).unwrap().count(),
            1,
            "drafts are left behind"
        );
        assert_eq!(std::fs::read_to_string(file).unwrap().trim(), tokens[0]);
    }

    #[test]
    fn a_file_without_a_token_is_an_error_and_stays() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join(ADMIN_TOKEN_FILE);
        std::fs::write(&file, "\n").unwrap();
        assert!(
            admin_token(dir.path())
                .unwrap_err()
                .to_string()
                .contains("remove it")
        );
        assert_eq!(std::fs::read_to_string(file).unwrap(), "\n");
    }

    #[test]
    fn only_the_very_token_is_recognised() {
        let mut tokens = Tokens::default();
        let identity = Arc::new(Identity {
            user: "admin".into(),
            ..Identity::default()
        });
        tokens.add(
            "correct horse battery",
            Principal {
                identity,
                may_act_as_others: true,
            },
        );
        assert!(tokens.principal("correct horse battery").is_some());
        for wrong in [
            "",
            "correct horse batter",
            "correct horse battery ",
            "Correct horse battery",
        ] {
            assert!(tokens.principal(wrong).is_none(), "{wrong}");
        }
        assert!(!format!("{tokens:?}").contains("horse"));
    }
}
