//! Why a request got no answer, in words that help.

use std::error::Error;
use std::io;

/// What went wrong with a request to `place` (`host:port`).
pub(super) fn explain(error: &reqwest::Error, place: &str) -> String {
    let cause = root(error);
    let io = chain(error)
        .find_map(|cause| cause.downcast_ref::<io::Error>())
        .map(io::Error::kind);
    let tls = chain(error).find_map(rustls_error);
    if error.is_redirect() {
        return format!("The request to {place} was redirected, and not followed: {cause}");
    }
    if let Some(tls) = tls {
        return format!(
            "No trusted TLS connection with {place}: {tls}. If its certificate is signed by an authority of your own, \
             let this machine trust that; `verify_ssl_cert: false` skips the check"
        );
    }
    if error.is_dns() || chain(error).any(|cause| cause.to_string().starts_with("dns error")) {
        return format!("The name of {place} is not known (DNS): {cause}. Is it spelled right?");
    }
    if error.is_timeout() || io == Some(io::ErrorKind::TimedOut) {
        return format!("{place} did not answer in time");
    }
    let half = chain(error)
        .filter_map(|cause| cause.downcast_ref::<hyper::Error>())
        .any(|cause| cause.is_incomplete_message() || cause.is_closed());
    if half {
        return format!("{place} closed the connection before it answered");
    }
    match io {
        Some(io::ErrorKind::ConnectionRefused) => {
            format!("{place} refused the connection: is the service running, and is this its port?")
        }
        Some(
            io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionAborted | io::ErrorKind::BrokenPipe,
        ) => {
            format!("{place} closed the connection before it answered")
        }
        Some(io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable) => {
            format!("There is no way to {place} from this machine: {cause}")
        }
        _ if error.is_connect() => format!("Could not connect to {place}: {cause}"),
        _ if error.is_builder() => format!("The request to {place} cannot be built: {cause}"),
        _ => format!("The request to {place} failed: {cause}"),
    }
}

fn chain<'e>(error: &'e (dyn Error + 'static)) -> impl Iterator<Item = &'e (dyn Error + 'static)> {
    std::iter::successors(Some(error), |error: &&'e (dyn Error + 'static)| (*error).source())
}

/// The innermost cause: the outer ones repeat the URL, which may hold secrets.
fn root(error: &reqwest::Error) -> String {
    chain(error)
        .last()
        .filter(|cause| !cause.is::<reqwest::Error>())
        .map_or_else(
            || {
                if error.is_builder() {
                    "something in it is not valid".to_owned()
                } else {
                    "no reason was given".to_owned()
                }
            },
            ToString::to_string,
        )
}

fn rustls_error(error: &(dyn Error + 'static)) -> Option<String> {
    if let Some(error) = error.downcast_ref::<rustls::Error>() {
        return Some(error.to_string());
    }
    // Errors from the handshake travel inside of io::Errors, which do not name them as their source.
    rustls_error(error.downcast_ref::<io::Error>()?.get_ref()?)
}
