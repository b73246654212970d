//! Requests to servers on this machine.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use pretty_assertions::assert_eq;
use serde_json::{Value, json};
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, Request, ResponseTemplate};

use super::*;
use crate::runners::tests::{PATIENCE, job};

async fn request(parameters: Value) -> Outcome {
    HttpRunner::new(HttpOptions::default()).run(job(parameters)).await
}

fn error(outcome: &Outcome) -> &str {
    outcome.result["error"]
        .as_str()
        .unwrap_or_else(|| panic!("no error: {}", outcome.result))
}

async fn server(answer: ResponseTemplate) -> MockServer {
    let server = MockServer::start().await;
    Mock::given(any()).respond_with(answer).mount(&server).await;
    server
}

/// Sends the parameters to a server that says yes to everything; gives what the server got.
async fn received(mut parameters: Value) -> Request {
    let server = server(ResponseTemplate::new(200)).await;
    parameters["url"] = json!(format!("{}/path?a=1", server.uri()));
    let outcome = request(parameters).await;
    assert_eq!(outcome.status, Status::Succeeded, "{}", outcome.result);
    server.received_requests().await.unwrap().remove(0)
}

fn header<'r>(request: &'r Request, name: &str) -> Option<&'r str> {
    request.headers.get(name).map(|value| value.to_str().unwrap())
}

fn body(request: &Request) -> &str {
    std::str::from_utf8(&request.body).unwrap()
}

#[tokio::test]
async fn a_result_has_the_keys_of_the_reference() {
    let answer = ResponseTemplate::new(200)
        .set_body_json(json!({ "b": 1, "a": [true] }))
        .append_header("etag", "x");
    let answer = answer.append_header("X-Two", "1").append_header("X-Two", "2");
    let server = server(answer).await;
    let outcome = request(json!({ "url": server.uri() })).await;
    assert_eq!(outcome.status, Status::Succeeded);
    let keys: Vec<_> = outcome.result.as_object().unwrap().keys().collect();
    assert_eq!(keys, ["status_code", "body", "parsed", "headers"]);
    assert_eq!(outcome.result["status_code"], json!(200));
    assert_eq!(outcome.result["body"].to_string(), r#"{"b":1,"a":[true]}"#);
    assert_eq!(outcome.result["parsed"], json!(true));
    assert_eq!(
        outcome.result["headers"]["Content-Type"],
        json!("application/json")
    );
    assert_eq!(outcome.result["headers"]["X-Two"], json!("1, 2"));
    assert_eq!(outcome.result["headers"]["ETag"], json!("x"));
}

#[tokio::test]
async fn bodies_are_parsed_by_their_type() {
    for (kind, text, expected, parsed) in [
        ("application/json", "[1]", json!([1]), true),
        ("application/json; charset=utf-8", "[1]", json!([1]), true),
        ("Application/JSON", "3", json!(3), true),
        ("application/json", "{broken", json!("{broken"), false),
        ("application/json", "", json!(""), false),
        ("application/problem+json", "[1]", json!("[1]"), false),
        ("text/plain", "[1]", json!("[1]"), false),
    ] {
        let server = server(ResponseTemplate::new(200).set_body_raw(text, kind)).await;
        let outcome = request(json!({ "url": server.uri() })).await;
        assert_eq!(
            (&outcome.result["body"], &outcome.result["parsed"]),
            (&expected, &json!(parsed)),
            "{kind} {text}"
        );
    }
    let server =
        server(ResponseTemplate::new(200).set_body_raw(b"caf\xe9".as_slice(), "text/plain; charset=latin1"))
            .await;
    assert_eq!(
        request(json!({ "url": server.uri() })).await.result["body"],
        json!("café")
    );
}

#[tokio::test]
async fn statuses_from_200_to_206_succeed() {
    for (code, status) in [
        (200, Status::Succeeded),
        (201, Status::Succeeded),
        (204, Status::Succeeded),
        (206, Status::Succeeded),
        (207, Status::Failed),
        (302, Status::Failed),
        (404, Status::Failed),
        (500, Status::Failed),
    ] {
        let server = server(ResponseTemplate::new(code).insert_header("location", "/elsewhere")).await;
        let outcome = request(json!({ "url": server.uri() })).await;
        assert_eq!(
            (outcome.status, &outcome.result["status_code"]),
            (status, &json!(code))
        );
        assert_eq!(outcome.result.get("error"), None);
    }
}

#[tokio::test]
async fn the_method_depends_on_the_body_unless_given() {
    for (parameters, expected) in [
        (json!({}), "GET"),
        (json!({ "body": "x" }), "POST"),
        (json!({ "body": "" }), "GET"),
        (json!({ "file_name": "f", "file_content": "c" }), "POST"),
        (json!({ "body": "x", "method": "PUT" }), "PUT"),
        (json!({ "method": "delete" }), "DELETE"),
        (json!({ "method": "HEAD" }), "HEAD"),
    ] {
        assert_eq!(
            received(parameters.clone()).await.method.as_str(),
            expected,
            "{parameters}"
        );
    }
}

#[tokio::test]
async fn headers_cookies_and_query_are_sent() {
    let got = received(json!({
        "headers": { "X-Number": 5, "X-Text": "a b", "X-None": null, "content-length": "999" },
        "cookies": { "session": "abc", "n": 1 },
        "params": { "q": "a&b =c", "list": [1, "x"], "none": null, "flag": true },
        "body": "four",
    }))
    .await;
    assert_eq!(header(&got, "x-number"), Some("5"));
    assert_eq!(header(&got, "x-text"), Some("a b"));
    assert_eq!(header(&got, "x-none"), None);
    assert_eq!(header(&got, "content-length"), Some("4"));
    assert_eq!(header(&got, "cookie"), Some("session=abc; n=1"));
    assert_eq!(got.url.query(), Some("a=1&q=a%26b+%3Dc&list=1&list=x&flag=True"));
    assert_eq!(header(&got, "x-stanley-action"), Some("test"));
    assert!(
        header(&got, "user-agent").unwrap().starts_with("st2/v3"),
        "{got:?}"
    );
    let got = received(json!({ "headers": { "user-agent": "mine" } })).await;
    assert_eq!(header(&got, "user-agent"), Some("mine"));
}

#[tokio::test]
async fn bodies_are_sent_as_their_type_asks() {
    let json_type = json!({ "Content-Type": "application/json" });
    for (parameters, expected, kind) in [
        (json!({ "body": "{'a': 1}" }), "{'a': 1}", None),
        (
            json!({ "body": "{\"a\": 1}", "headers": json_type }),
            "{\"a\": 1}",
            Some("application/json"),
        ),
        (
            json!({ "body": "{'a': True, 'b': None}", "headers": json_type }),
            "{\"a\":true,\"b\":null}",
            Some("application/json"),
        ),
        (
            json!({ "body": { "a": [1] } }),
            "{\"a\":[1]}",
            Some("application/json"),
        ),
        (
            json!({ "body": "a=1", "headers": { "content-type": "application/x-www-form-urlencoded" } }),
            "a=1",
            Some("application/x-www-form-urlencoded"),
        ),
        (json!({ "headers": json_type }), "", Some("application/json")),
    ] {
        let got = received(parameters.clone()).await;
        assert_eq!(
            (body(&got), header(&got, "content-type")),
            (expected, kind),
            "{parameters}"
        );
    }
}

#[tokio::test]
async fn credentials_are_sent() {
    for (parameters, name, expected) in [
        (
            json!({ "username": "ana", "password": "geheim" }),
            "authorization",
            "Basic YW5hOmdlaGVpbQ==",
        ),
        (
            json!({ "username": "ana", "auth": "x-auth-token=1" }),
            "authorization",
            "Basic YW5hOg==",
        ),
        (json!({ "auth": "x-auth-token=a=b" }), "x-auth-token", "a=b"),
        (json!({ "auth": "Bearer abc=" }), "authorization", "Bearer abc="),
    ] {
        assert_eq!(
            header(&received(parameters.clone()).await, name),
            Some(expected),
            "{parameters}"
        );
    }
}

#[tokio::test]
async fn a_file_is_uploaded() {
    let got = received(json!({
        "file_name": "report.csv", "file_content": "a,b\n1,2\n", "file_content_type": "text/csv",
        "headers": { "Content-Type": "application/json" },
    }))
    .await;
    assert!(
        header(&got, "content-type")
            .unwrap()
            .starts_with("multipart/form-data; boundary=")
    );
    let text = body(&got).to_ascii_lowercase();
    assert!(
        text.contains("content-disposition: form-data; name=\"report.csv\"; filename=\"report.csv\""),
        "{text}"
    );
    assert!(text.contains("content-type: text/csv"), "{text}");
    assert!(text.contains("\r\n\r\na,b\n1,2\n\r\n"), "{text}");
}

#[tokio::test]
async fn wrong_parameters_are_explained_without_secrets() {
    let json_type = json!({ "Content-Type": "application/json" });
    for (parameters, expected) in [
        (json!({}), "URL must be specified"),
        (json!({ "url": "geheim" }), "is not a URL"),
        (json!({ "url": "ftp://ana:geheim@host/" }), "only http and https"),
        (json!({ "url": "file:///etc/passwd" }), "only http and https"),
        (
            json!({ "url": "http://h/", "method": "GET IT" }),
            "not an HTTP method",
        ),
        (json!({ "url": "http://h/", "timeout": 0 }), "\"timeout\""),
        (
            json!({ "url": "http://h/", "headers": ["a"] }),
            "\"headers\" must be an object",
        ),
        (
            json!({ "url": "http://h/", "headers": { "a b": "geheim" } }),
            "cannot be the name of a header",
        ),
        (
            json!({ "url": "http://h/", "headers": { "a": "geheim\r\nb: c" } }),
            "line end",
        ),
        (
            json!({ "url": "http://h/", "cookies": { "a": "geheim\n" } }),
            "\"cookies\"",
        ),
        (
            json!({ "url": "http://h/", "auth": "geheim" }),
            "\"auth\" should look like",
        ),
        (
            json!({ "url": "http://h/", "body": "geheim", "headers": json_type }),
            "cannot be parsed as JSON",
        ),
        (
            json!({ "url": "http://h/", "body": "b", "file_name": "f", "file_content": "c" }),
            "cannot be sent in one request",
        ),
        (
            json!({ "url": "http://h/", "file_path": "/etc/passwd" }),
            "the server reads no file",
        ),
        (
            json!({ "url": "http://h/", "http_proxy": "http://geheim:geheim@:x" }),
            "\"http_proxy\" is not the URL of a proxy",
        ),
        (
            json!({ "url": "http://h/", "url_hosts_blacklist": ["a"], "url_hosts_whitelist": ["b"] }),
            "\"url_hosts_blacklist\" and \"url_hosts_whitelist\" parameters are mutually exclusive. Only one should be provided.",
        ),
        (
            json!({ "url": "http://h/x", "url_hosts_blacklist": ["h"] }),
            "URL \"http://h/x\" is blacklisted",
        ),
        (
            json!({ "url": "http://h/x", "url_hosts_whitelist": ["i"] }),
            "URL \"http://h/x\" is not whitelisted",
        ),
        (
            json!({ "url": "http://h/", "file_name": "f", "file_content": "c", "file_content_type": "nonsense" }),
            "not a content type",
        ),
    ] {
        let outcome = request(parameters.clone()).await;
        assert_eq!(outcome.status, Status::Failed);
        assert!(
            error(&outcome).contains(expected),
            "{expected} is not in {}",
            error(&outcome)
        );
        assert!(!error(&outcome).contains("geheim"), "{}", error(&outcome));
    }
}

#[tokio::test]
async fn redirects_are_followed_only_when_allowed_and_to_permitted_hosts() {
    let target = server(ResponseTemplate::new(200).set_body_string("arrived")).await;
    let start = server(ResponseTemplate::new(302).insert_header("location", target.uri().as_str())).await;
    let by_name = start.uri().replace("127.0.0.1", "localhost");
    let outcome = request(json!({ "url": start.uri(), "allow_redirects": true })).await;
    assert_eq!(outcome.result["body"], json!("arrived"));
    let outcome = request(json!({ "url": start.uri() })).await;
    assert_eq!(outcome.result["status_code"], json!(302));
    let outcome =
        request(json!({ "url": by_name, "allow_redirects": true, "url_hosts_blacklist": ["127.0.0.1"] }))
            .await;
    assert_eq!(outcome.status, Status::Failed);
    assert!(error(&outcome).contains("is blacklisted"), "{}", error(&outcome));

    let circle = MockServer::start().await;
    let answer = ResponseTemplate::new(302).insert_header("location", circle.uri().as_str());
    Mock::given(any()).respond_with(answer).mount(&circle).await;
    let outcome = request(json!({ "url": circle.uri(), "allow_redirects": true })).await;
    assert!(
        error(&outcome).contains("more than 30 redirects"),
        "{}",
        error(&outcome)
    );
}

#[tokio::test]
async fn a_proxy_is_used_for_its_scheme() {
    let proxy = server(ResponseTemplate::new(200).set_body_string("from the proxy")).await;
    let outcome = request(json!({ "url": "http://no-such-host.invalid/x", "http_proxy": proxy.uri() })).await;
    assert_eq!(outcome.result["body"], json!("from the proxy"));
}

#[tokio::test]
async fn a_response_over_the_limit_is_cut_and_fails() {
    let server = server(ResponseTemplate::new(200).set_body_raw("x".repeat(5000), "application/json")).await;
    let runner = HttpRunner::new(HttpOptions {
        response_limit: 1000,
        ..HttpOptions::default()
    });
    let outcome = runner.run(job(json!({ "url": server.uri() }))).await;
    assert_eq!(outcome.status, Status::Failed);
    assert_eq!(outcome.result["body"], json!("x".repeat(1000)));
    assert!(
        error(&outcome).contains("longer than 1000 bytes"),
        "{}",
        error(&outcome)
    );
    let runner = HttpRunner::new(HttpOptions {
        response_limit: 5000,
        ..HttpOptions::default()
    });
    assert_eq!(
        runner.run(job(json!({ "url": server.uri() }))).await.status,
        Status::Succeeded
    );
}

/// A server that takes one connection and hands it to the closure.
fn raw_server(serve: impl FnOnce(std::net::TcpStream) + Send + 'static) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        if let Ok((connection, _)) = listener.accept() {
            serve(connection);
        }
    });
    port
}

/// Reads the head of a request.
fn read_head(connection: &mut impl std::io::Read) {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") && connection.read(&mut byte).is_ok_and(|count| count == 1) {
        head.push(byte[0]);
    }
}

#[tokio::test]
async fn silence_is_a_timeout() {
    let port = raw_server(|mut connection| {
        read_head(&mut connection);
        let _ = connection.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nab");
        // Until the client goes away.
        let _ = connection.read(&mut [0]);
    });
    let outcome = request(json!({ "url": format!("http://127.0.0.1:{port}/"), "timeout": 0.2 })).await;
    assert_eq!(outcome.status, Status::Timeout);
    assert_eq!(
        error(&outcome),
        format!("127.0.0.1:{port} did not answer in 0.2 seconds")
    );
}

#[tokio::test]
async fn a_cancel_aborts_the_request() {
    let (asked, was_asked) = tokio::sync::oneshot::channel();
    let (left, has_left) = tokio::sync::oneshot::channel();
    let port = raw_server(move |mut connection| {
        read_head(&mut connection);
        asked.send(()).unwrap();
        let end = connection.read(&mut [0]).unwrap_or(0);
        left.send(end).unwrap();
    });
    let job = job(json!({ "url": format!("http://127.0.0.1:{port}/") }));
    let cancel = job.cancel.clone();
    let runner = HttpRunner::new(HttpOptions::default());
    let task = tokio::spawn(async move { runner.run(job).await });
    was_asked.await.unwrap();
    cancel.cancel();
    assert_eq!(task.await.unwrap().status, Status::Canceled);
    assert_eq!(
        tokio::time::timeout(PATIENCE, has_left).await.unwrap().unwrap(),
        0,
        "the connection is closed"
    );
}

#[tokio::test]
async fn failures_to_connect_are_explained() {
    let free = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let outcome =
        request(json!({ "url": format!("http://ana:geheim@127.0.0.1:{free}/?token=geheim") })).await;
    assert_eq!(
        error(&outcome),
        format!("127.0.0.1:{free} refused the connection: is the service running, and is this its port?")
    );
    let hangs_up = raw_server(drop);
    let outcome = request(json!({ "url": format!("http://127.0.0.1:{hangs_up}/") })).await;
    assert!(
        error(&outcome).starts_with(&format!("127.0.0.1:{hangs_up} closed the connection")),
        "{}",
        error(&outcome)
    );
    let stops = raw_server(|mut connection| {
        read_head(&mut connection);
        let _ = connection.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nab");
    });
    let outcome = request(json!({ "url": format!("http://127.0.0.1:{stops}/") })).await;
    assert!(
        error(&outcome).starts_with("The response was not read to its end."),
        "{}",
        error(&outcome)
    );
    let babbles = raw_server(|mut connection| {
        read_head(&mut connection);
        let _ = connection.write_all(b"SSH-2.0-x\r\n\r\n");
    });
    let outcome = request(json!({ "url": format!("http://127.0.0.1:{babbles}/") })).await;
    assert!(
        error(&outcome).starts_with(&format!("The request to 127.0.0.1:{babbles} failed:")),
        "{}",
        error(&outcome)
    );
}

#[tokio::test]
async fn an_unknown_name_is_explained() {
    // An empty label cannot exist, so no name server is asked.
    let outcome = request(json!({ "url": "http://no..such.invalid/", "timeout": 10 })).await;
    assert!(
        error(&outcome).contains("no..such.invalid:80 is not known (DNS)"),
        "{}",
        error(&outcome)
    );
}

/// A TLS server with a certificate that nobody trusts.
fn tls_server() -> u16 {
    use rustls::pki_types::pem::PemObject as _;
    use rustls::pki_types::{CertificateDer, PrivateKeyDer};
    install_crypto();
    let certificate = include_bytes!("../../../tests/data/runners/localhost.crt");
    let key = include_bytes!("../../../tests/data/runners/localhost.key");
    let config = rustls::ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(
            vec![CertificateDer::from_pem_slice(certificate).unwrap()],
            PrivateKeyDer::from_pem_slice(key).unwrap(),
        )
        .unwrap();
    let config = Arc::new(config);
    raw_server(move |connection| {
        let session = rustls::ServerConnection::new(config).unwrap();
        let mut stream = rustls::StreamOwned::new(session, connection);
        read_head(&mut stream);
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nsecure");
        let _ = stream.flush();
        let _ = stream.read(&mut [0]);
    })
}

#[tokio::test]
async fn certificates_are_checked_unless_told_otherwise() {
    let url = |port: u16| format!("https://127.0.0.1:{port}/");
    let port = tls_server();
    let outcome = request(json!({ "url": url(port) })).await;
    assert_eq!(outcome.status, Status::Failed);
    assert!(
        error(&outcome).starts_with(&format!("No trusted TLS connection with 127.0.0.1:{port}:")),
        "{}",
        error(&outcome)
    );
    let outcome = request(json!({ "url": url(tls_server()), "verify_ssl_cert": false })).await;
    assert_eq!(outcome.result["body"], json!("secure"), "{}", outcome.result);
}

#[tokio::test]
async fn clients_are_shared_and_few() {
    let server = server(ResponseTemplate::new(200)).await;
    let runner = HttpRunner::new(HttpOptions {
        clients: 3,
        ..HttpOptions::default()
    });
    for _ in 0..3 {
        runner.run(job(json!({ "url": server.uri() }))).await;
    }
    assert_eq!(runner.clients.count(), 1);
    for number in 0..10 {
        let proxy = format!("http://127.0.0.1:{}", 20_000 + number);
        runner
            .run(job(json!({ "url": server.uri(), "https_proxy": proxy })))
            .await;
    }
    assert_eq!(runner.clients.count(), 3);
}

#[test]
fn crypto_may_be_installed_often() {
    let threads: Vec<_> = (0..8).map(|_| std::thread::spawn(install_crypto)).collect();
    for thread in threads {
        thread.join().unwrap();
    }
    install_crypto();
    assert!(rustls::crypto::CryptoProvider::get_default().is_some());
}

#[test]
fn the_default_timeout_is_that_of_the_reference() {
    let wanted = Wanted::of(&job(json!({ "url": "http://h/", "timeout": null }))).unwrap();
    assert_eq!(Duration::from_secs_f64(wanted.timeout), Duration::from_secs(60));
}
