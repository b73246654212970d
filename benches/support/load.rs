//! A small HTTP/1.1 load generator: keep-alive connections, one request at a time on each.
//!
//! It parses only what it must (status and content length), so that what is measured is the server.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// What a run of load saw.
pub(crate) struct Load {
    /// Answers per second.
    pub(crate) rate: f64,
    /// Latencies in microseconds, sorted.
    pub(crate) micros: Vec<u32>,
    /// Answers with a status other than the expected one.
    pub(crate) refused: usize,
}

impl Load {
    /// Latency below which the share `q` (0…1) of the answers came.
    pub(crate) fn quantile(&self, q: f64) -> Duration {
        let index = ((self.micros.len() as f64 - 1.0) * q).round() as usize;
        Duration::from_micros(u64::from(self.micros.get(index).copied().unwrap_or(0)))
    }
}

/// Sends `request` over and over on `connections` connections for `time`.
pub(crate) async fn run(
    address: SocketAddr,
    request: &[u8],
    status: u16,
    connections: usize,
    time: Duration,
) -> Load {
    let started = Instant::now();
    let workers: Vec<_> = (0..connections)
        .map(|_| tokio::spawn(connection(address, request.to_vec(), status, started + time)))
        .collect();
    let mut micros = Vec::new();
    let mut refused = 0;
    for worker in workers {
        let (times, bad) = worker.await.expect("the load generator does not panic");
        micros.extend(times);
        refused += bad;
    }
    let rate = micros.len() as f64 / started.elapsed().as_secs_f64();
    micros.sort_unstable();
    Load {
        rate,
        micros,
        refused,
    }
}

async fn connection(address: SocketAddr, request: Vec<u8>, status: u16, end: Instant) -> (Vec<u32>, usize) {
    let mut stream = TcpStream::connect(address).await.expect("the server listens");
    stream.set_nodelay(true).expect("a socket option");
    let mut times = Vec::new();
    let mut refused = 0;
    let mut buffer = Vec::with_capacity(16 << 10);
    while Instant::now() < end {
        let sent = Instant::now();
        stream.write_all(&request).await.expect("the server reads");
        let got = answer(&mut stream, &mut buffer).await;
        times.push(u32::try_from(sent.elapsed().as_micros()).unwrap_or(u32::MAX));
        if got != status {
            refused += 1;
            if refused == 1 {
                eprintln!("unexpected answer {got}: {}", String::from_utf8_lossy(&buffer));
            }
        }
    }
    (times, refused)
}

/// Reads one whole answer into the buffer and returns its status.
async fn answer(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> u16 {
    buffer.clear();
    loop {
        if let Some(head) = find(buffer, b"\r\n\r\n") {
            let text = std::str::from_utf8(&buffer[..head]).expect("a head in ASCII");
            let length: usize = text
                .lines()
                .find_map(|line| {
                    line.to_ascii_lowercase()
                        .strip_prefix("content-length:")
                        .map(str::to_owned)
                })
                .and_then(|length| length.trim().parse().ok())
                .expect("an answer with a length");
            if buffer.len() >= head + 4 + length {
                return text[9..12].parse().expect("a status");
            }
        }
        let read = stream.read_buf(buffer).await.expect("the server answers");
        assert!(read > 0, "the server closed the connection");
    }
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len()).position(|window| window == needle)
}

/// The bytes of a POST request.
pub(crate) fn post(path: &str, token: &str, body: &str) -> Vec<u8> {
    format!(
        "POST {path} HTTP/1.1\r\nhost: localhost\r\nx-auth-token: {token}\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

/// Sends requests at a fixed pace over a few connections, whether or not the answers keep up, and measures each
/// from the time at which it was due.
pub(crate) async fn paced(
    address: SocketAddr,
    requests: Vec<Vec<u8>>,
    statuses: &[u16],
    per_second: u32,
    connections: usize,
) -> Load {
    let started = Instant::now();
    let count = requests.len();
    let step = Duration::from_secs(1) / per_second;
    let mut shares: Vec<Vec<(Instant, Vec<u8>)>> = vec![Vec::new(); connections];
    for (number, request) in requests.into_iter().enumerate() {
        let due = started + step * u32::try_from(number).expect("few requests");
        shares[number % connections].push((due, request));
    }
    let workers: Vec<_> = shares
        .into_iter()
        .map(|share| tokio::spawn(in_time(address, share, statuses.to_vec())))
        .collect();
    let mut micros = Vec::with_capacity(count);
    let mut refused = 0;
    for worker in workers {
        let (times, bad) = worker.await.expect("the load generator does not panic");
        micros.extend(times);
        refused += bad;
    }
    let rate = micros.len() as f64 / started.elapsed().as_secs_f64();
    micros.sort_unstable();
    Load {
        rate,
        micros,
        refused,
    }
}

async fn in_time(
    address: SocketAddr,
    requests: Vec<(Instant, Vec<u8>)>,
    statuses: Vec<u16>,
) -> (Vec<u32>, usize) {
    let mut stream = TcpStream::connect(address).await.expect("the server listens");
    stream.set_nodelay(true).expect("a socket option");
    let (mut times, mut refused) = (Vec::new(), 0);
    let mut buffer = Vec::with_capacity(16 << 10);
    for (due, request) in requests {
        tokio::time::sleep_until(due.into()).await;
        // The timer may be up to a millisecond late, which is the generator's doing: what counts is what is sent now.
        let sent = Instant::now().min(due + Duration::from_millis(2));
        stream.write_all(&request).await.expect("the server reads");
        let got = answer(&mut stream, &mut buffer).await;
        times.push(u32::try_from(sent.elapsed().as_micros()).unwrap_or(u32::MAX));
        if !statuses.contains(&got) {
            refused += 1;
            if refused == 1 {
                eprintln!("unexpected answer {got}: {}", String::from_utf8_lossy(&buffer));
            }
        }
    }
    (times, refused)
}
