//! Which hosts an action may ask.

use url::{Host, Url};

/// A list of hosts that are forbidden, or the only ones permitted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct HostRules {
    forbidden: Vec<String>,
    permitted: Vec<String>,
}

impl HostRules {
    /// From the two parameters, of which at most one may be given.
    pub(super) fn of(forbidden: &[String], permitted: &[String]) -> Result<Self, String> {
        if !forbidden.is_empty() && !permitted.is_empty() {
            return Err(
                "\"url_hosts_blacklist\" and \"url_hosts_whitelist\" parameters are mutually exclusive. \
                        Only one should be provided."
                    .to_owned(),
            );
        }
        let normal = |hosts: &[String]| hosts.iter().map(|host| normal(host)).collect();
        Ok(Self {
            forbidden: normal(forbidden),
            permitted: normal(permitted),
        })
    }

    /// Whether the URL may be asked; the error says which list stands against it.
    pub(super) fn check(&self, url: &Url) -> Result<(), String> {
        let host = normal(url.host_str().unwrap_or_default());
        if self.forbidden.contains(&host) {
            return Err(format!("URL \"{}\" is blacklisted", public(url)));
        }
        if !self.permitted.is_empty() && !self.permitted.contains(&host) {
            return Err(format!("URL \"{}\" is not whitelisted", public(url)));
        }
        Ok(())
    }
}

/// The host in the one spelling that is compared: parsed like a URL's, without brackets and last dot.
fn normal(host: &str) -> String {
    let bare = host
        .trim()
        .trim_start_matches('[')
        .trim_end_matches(']')
        .trim_end_matches('.');
    let bracketed = format!("[{bare}]");
    let parsed = Host::parse(if bare.contains(':') { &bracketed } else { bare });
    match parsed {
        // The same machine, whichever way the address is written.
        Ok(Host::Ipv6(address)) => address
            .to_ipv4_mapped()
            .map_or_else(|| address.to_string(), |v4| v4.to_string()),
        Ok(host) => host.to_string(),
        Err(_) => bare.to_lowercase(),
    }
}

/// The URL without what may be secret in it: user name, password, query, fragment.
pub(super) fn public(url: &Url) -> String {
    let mut shown = url.clone();
    // Both fail only for URLs that cannot have a user name, and then there is none.
    let _ = shown.set_username("");
    let _ = shown.set_password(None);
    shown.set_query(None);
    shown.set_fragment(None);
    shown.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn forbids(host: &str, url: &str) -> bool {
        let rules = HostRules::of(&[host.to_owned()], &[]).unwrap();
        rules.check(&Url::parse(url).unwrap()).is_err()
    }

    #[test]
    fn spellings_do_not_get_around_a_list() {
        for (host, url) in [
            ("example.com", "http://example.com/"),
            ("example.com", "http://EXAMPLE.com:8080/x"),
            ("Example.com", "http://example.com./"),
            ("example.com", "http://ana:secret@example.com/"),
            ("127.0.0.1", "http://127.1/"),
            ("127.0.0.1", "http://2130706433/"),
            ("127.0.0.1", "http://[::ffff:127.0.0.1]/"),
            ("::1", "http://[::1]:80/"),
            ("[::1]", "http://[0:0:0:0:0:0:0:1]/"),
            ("bücher.example", "http://xn--bcher-kva.example/"),
        ] {
            assert!(forbids(host, url), "{host} against {url}");
        }
        assert!(!forbids("example.com", "http://www.example.com/"));
        assert!(!forbids("example.com", "http://other/?example.com"));
    }

    #[test]
    fn errors_hold_no_secrets() {
        let rules = HostRules::of(&[], &["a.example".to_owned()]).unwrap();
        let error = rules.check(&Url::parse("http://ana:secret@b.example/x?token=secret#secret").unwrap());
        assert_eq!(
            error.unwrap_err(),
            "URL \"http://b.example/x\" is not whitelisted"
        );
        assert!(rules.check(&Url::parse("http://a.example/").unwrap()).is_ok());
    }
}
