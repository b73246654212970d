//! Captured output: batches, limits, characters.

use std::io;
use std::time::Duration;

use proptest::prelude::*;
use tokio_util::sync::CancellationToken;

use super::capture::Capture;
use super::*;

/// Reads chunks through a capture; gives what was handed on and what was kept.
fn read(chunks: &[&[u8]], limit: usize) -> (Vec<String>, Captured) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let parts: Vec<io::Result<bytes::Bytes>> = chunks
            .iter()
            .map(|chunk| Ok(bytes::Bytes::copy_from_slice(chunk)))
            .collect();
        let pipe = tokio_util::io::StreamReader::new(tokio_stream::iter(parts));
        let (sink, mut receiver) = OutputSink::channel(10_000);
        let mut capture = Capture::new(OutputStream::Stdout, limit);
        capture.read(Some(pipe), &sink, &CancellationToken::new()).await;
        drop(sink);
        let mut handed = Vec::new();
        while let Some(piece) = receiver.recv().await {
            handed.push(piece.text);
        }
        (handed, capture.into_captured())
    })
}

#[test]
fn large_output_is_handed_on_in_whole_lines() {
    let line = format!("{}\n", "x".repeat(99));
    let text = line.repeat(1000);
    let chunks: Vec<_> = text.as_bytes().chunks(777).collect();
    let (handed, captured) = read(&chunks, usize::MAX);
    assert!(
        handed.len() <= 1000 * 100 / (8 * 1024) + 2,
        "batches: {}",
        handed.len()
    );
    assert!(handed.iter().all(|piece| piece.ends_with('\n')));
    assert_eq!(handed.concat(), text);
    assert_eq!(captured.text, text);
    assert!(!captured.is_cut());
}

#[test]
fn a_line_without_end_is_handed_on_in_parts() {
    let text = "é".repeat(50_000);
    let chunks: Vec<_> = text.as_bytes().chunks(1001).collect();
    let (handed, _) = read(&chunks, usize::MAX);
    assert!(handed.len() > 5);
    assert_eq!(handed.concat(), text, "no character is cut in two");
}

#[test]
fn what_is_over_the_limit_is_counted_and_handed_on_only() {
    let (handed, captured) = read(&[b"12345", b"67890", b"abcde"], 8);
    assert_eq!(captured.text, "12345678");
    assert_eq!((captured.kept, captured.total), (8, 15));
    assert!(captured.is_cut());
    assert_eq!(handed.concat(), "1234567890abcde", "all of it is handed on");

    let (_, exact) = read(&[b"12345678"], 8);
    assert!(!exact.is_cut());
}

#[tokio::test(start_paused = true)]
async fn whole_lines_wait_shortly_and_parts_of_lines_longer() {
    let (mut writer, reader) = tokio::io::duplex(1000);
    let (sink, mut receiver) = OutputSink::channel(10);
    let task = tokio::spawn(async move {
        let mut capture = Capture::new(OutputStream::Stdout, 1000);
        capture.read(Some(reader), &sink, &CancellationToken::new()).await;
    });
    for (written, expected, wait) in [("a\nb\nc", "a\nb\n", 20), ("d", "cd", 200), ("\n", "\n", 20)] {
        let start = tokio::time::Instant::now();
        writer.write_all(written.as_bytes()).await.unwrap();
        assert_eq!(receiver.recv().await.unwrap().text, expected);
        let waited = start.elapsed();
        assert!(
            waited <= Duration::from_millis(wait + 2),
            "{written:?} waited {waited:?}"
        );
    }
    drop(writer);
    task.await.unwrap();
}

proptest! {
    #![proptest_config(crate::testing::cases(256))]

    #[test]
    fn handed_on_and_kept_are_the_same_text(
        bytes in proptest::collection::vec(any::<u8>(), 0..400),
        size in 1_usize..50,
    ) {
        let chunks: Vec<_> = bytes.chunks(size).collect();
        let (handed, captured) = read(&chunks, usize::MAX);
        prop_assert_eq!(&captured.text, &String::from_utf8_lossy(&bytes));
        prop_assert_eq!(handed.concat(), captured.text);
    }

    #[test]
    fn text_is_never_damaged(text in "\\PC{0,200}", repeats in 1_usize..200, size in 1_usize..5000) {
        let text = text.repeat(repeats);
        let chunks: Vec<_> = text.as_bytes().chunks(size).collect();
        let (handed, captured) = read(&chunks, usize::MAX);
        prop_assert_eq!(handed.concat(), text.as_str());
        prop_assert_eq!(captured.text, text);
    }
}
