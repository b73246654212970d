//! Texts that st2 has encrypted, opened with the key file of its installation (KVS-4).
//!
//! The layout is that of Keyczar: five bytes that mean nothing, an initialization vector, what AES in CBC mode made of
//! the padded text, and the HMAC-SHA1 of all that; written as hexadecimal digits. `st2-generate-symmetric-crypto-key`
//! makes the key file.

use std::path::Path;

use aes_gcm::aes::{Aes128, Aes192, Aes256};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use cbc::Decryptor;
use cbc::cipher::block_padding::Pkcs7;
use cbc::cipher::{BlockModeDecrypt as _, KeyIvInit as _};
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde::Deserialize;
use sha1::Sha1;
use zeroize::Zeroizing;

use super::CliError;
use super::keys::read_file;

/// Bytes at the beginning that say nothing.
const HEADER: usize = 5;
/// Bytes of the initialization vector.
const VECTOR: usize = 16;
/// Bytes of the HMAC at the end.
const SIGNATURE: usize = 20;

/// The key of an st2 installation.
pub(super) struct St2Key {
    aes: Zeroizing<Vec<u8>>,
    hmac: Zeroizing<Vec<u8>>,
}

/// The key file, as far as it matters.
#[derive(Deserialize)]
struct KeyFile {
    #[serde(rename = "aesKeyString")]
    aes: String,
    #[serde(rename = "hmacKey")]
    hmac: HmacKey,
    mode: String,
}

#[derive(Deserialize)]
struct HmacKey {
    #[serde(rename = "hmacKeyString")]
    key: String,
}

impl St2Key {
    /// Reads a key file. No error shows what is in it.
    pub(super) fn read(file: &Path) -> Result<Self, CliError> {
        let text = Zeroizing::new(read_file(file)?);
        Self::parse(&text).ok_or_else(|| {
            CliError::new(format!("{} is no key file of StackStorm", file.display())).hint(
                "it is JSON with `aesKeyString`, `hmacKey` and `mode: CBC`; `encryption_key_path` in the section \
                 [keyvalue] of st2.conf names it",
            )
        })
    }

    fn parse(text: &str) -> Option<Self> {
        let file: KeyFile = serde_json::from_str(text).ok()?;
        let bytes = |text: &str| {
            let text: String = text.chars().filter(|c| !c.is_whitespace()).collect();
            let bytes = URL_SAFE_NO_PAD.decode(text.trim_end_matches('='));
            bytes.ok().map(Zeroizing::new)
        };
        let (aes, hmac) = (bytes(&file.aes)?, bytes(&file.hmac.key)?);
        let fits = file.mode.eq_ignore_ascii_case("cbc") && matches!(aes.len(), 16 | 24 | 32);
        fits.then_some(Self { aes, hmac })
    }

    /// What was encrypted; `None` when it was with another key, or has been changed.
    pub(super) fn open(&self, text: &str) -> Option<String> {
        let bytes = hex::decode(text.trim()).ok()?;
        let (message, signature) = bytes.split_at_checked(bytes.len().checked_sub(SIGNATURE)?)?;
        let mut mac = Hmac::<Sha1>::new_from_slice(&self.hmac).ok()?;
        mac.update(message);
        mac.verify_slice(signature).ok()?;
        let (vector, sealed) = message.get(HEADER..)?.split_at_checked(VECTOR)?;
        let plain = match self.aes.len() {
            16 => Decryptor::<Aes128>::new_from_slices(&self.aes, vector)
                .ok()?
                .decrypt_padded_vec::<Pkcs7>(sealed),
            24 => Decryptor::<Aes192>::new_from_slices(&self.aes, vector)
                .ok()?
                .decrypt_padded_vec::<Pkcs7>(sealed),
            _ => Decryptor::<Aes256>::new_from_slices(&self.aes, vector)
                .ok()?
                .decrypt_padded_vec::<Pkcs7>(sealed),
        };
        String::from_utf8(plain.ok()?).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Key and texts were made with Python's `cryptography`, in the layout that st2 documents.
    const KEY: &str = r#"{"hmacKey": {"hmacKeyString": "ZGVmZ2hpamtsbW5vcHFyc3R1dnd4eXp7fH1-f4CBgoM", "size": 256},
        "aesKeyString": "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8", "mode": "CBC", "size": 256}"#;
    const SEALED: [(&str, &str); 4] = [
        (
            "s3cret",
            "3030303030000102030405060708090A0B0C0D0E0F7886FDA5F5344D473B62D093627B29FBA74FDFD6418FED47CB48B4835A49AAFFFEA656F7",
        ),
        (
            "grüße an alle",
            "30303030300708090A0B0C0D0E0F10111213141516F69A9EA51B3D567953C54DF464262851751417D4994740C3C2AF0384EFB5192F6B0A9B8E",
        ),
        (
            "xxxxxxxxxxxxxxxx",
            "30303030300E0F101112131415161718191A1B1C1D3C3E89380C5F74CCE133B2E1BB4921E8960326EA472B1E9F7685A5AFB805639B16B21486C14305415685D9FD125A13D6BFFD9FA0",
        ),
        (
            "",
            "303030303015161718191A1B1C1D1E1F20212223245005F6674EB44F18A201C60B2BCD01204A2D729A65DE9B5461CE7DDD9B56F48F413D7CA1",
        ),
    ];

    #[test]
    fn what_stackstorm_encrypted_is_opened_and_nothing_else() {
        let key = St2Key::parse(KEY).unwrap();
        for (plain, sealed) in SEALED {
            assert_eq!(key.open(sealed).as_deref(), Some(plain));
            assert_eq!(key.open(&sealed.to_lowercase()).as_deref(), Some(plain));
            // One digit more, less, or another one.
            assert_eq!(key.open(&format!("{sealed}00")), None);
            assert_eq!(key.open(&sealed[2..]), None);
            assert_eq!(key.open(&sealed.replacen('0', "1", 1)), None);
        }
        assert_eq!(key.open(""), None);
        assert_eq!(key.open("no digits"), None);
        let other = St2Key::parse(&KEY.replace("AAEC", "BBEC").replace("ZGVm", "AGVm")).unwrap();
        assert_eq!(other.open(SEALED[0].1), None);
    }

    #[test]
    fn key_files_are_those_of_stackstorm() {
        for text in [
            "",
            "{}",
            "[]",
            &KEY.replace("CBC", "ECB"),
            &KEY.replace("AAEC", ""),
        ] {
            assert!(St2Key::parse(text).is_none(), "{text}");
        }
    }
}
