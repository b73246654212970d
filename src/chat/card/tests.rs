//! Cards: parsing, inertness of user text, sizes.

use proptest::prelude::*;
use rstest::rstest;

use super::*;

fn sample() -> Card {
    Card::parse(
        Tone::Good,
        "# ✔ `core.local` **succeeded** in 1.2 s\nfirst line\nsecond [docs](https://x.io/a) line\n\n```\n$ ls \\*\n\\`\\`\\`\n```\n```table\nid\tstate\nabc\trunning\n```\n-# more: [log](say:log abc)",
    )
}

#[test]
fn markup_becomes_blocks() {
    let card = sample();
    assert_eq!(card.blocks.len(), 5);
    assert_eq!(
        card.blocks[2],
        Block::Code {
            text: "$ ls *\n```".into()
        }
    );
    insta::assert_snapshot!(card.text(Style::Plain), @r"
    ✔ core.local succeeded in 1.2 s
    first line
    second docs (https://x.io/a) line
    $ ls *
    ```
    id   state
    abc  running
    more: log: log abc
    ");
    insta::assert_snapshot!(card.text(Style::Slack).replace('\u{200b}', "·"), @"
    *✔* `core.local` *succeeded* *in 1.2 s*
    first line
    second <https://x.io/a|docs> line
    ```
    $ ls *
    `·`·`
    ```
    ```
    id   state
    abc  running
    ```
    more: log: `log abc`
    ");
    assert!(card.text(Style::Terminal).starts_with("\u{1b}[1;32m✔ core.local"));
}

#[rstest]
#[case("# not a heading")]
#[case("**bold** `code` [x](https://evil.io) [y](say:rm)")]
#[case("```\nfence\n```")]
#[case("-# note\\")]
#[case("<!channel> <@U1> @everyone & co")]
fn user_text_is_inert(#[case] hostile: &str) {
    let card = Card::parse(
        Tone::Neutral,
        &format!("said {}\n```\n{}\n```", escape(hostile), escape(hostile)),
    );
    assert_eq!(card.blocks.len(), 2, "{card:?}");
    assert_eq!(card.text(Style::Plain), format!("said {hostile}\n{hostile}"));
    let slack = card.text(Style::Slack);
    assert!(
        !slack.contains("<!channel>") && !slack.contains("<@U1>"),
        "{slack}"
    );
    assert_eq!(slack.matches("```").count(), 2, "{slack}");
    let markdown = card.text(Style::Markdown);
    // In code blocks mentions do not ring.
    assert!(
        !markdown.split("```").next().unwrap().contains("@everyone"),
        "mentions ring: {markdown}"
    );
}

#[test]
fn terminal_sequences_do_not_pass() {
    let card = Card::parse(
        Tone::Neutral,
        &escape("a\u{1b}[31mred\u{1b}]0;title\u{7}\u{202e}b"),
    );
    assert_eq!(card.text(Style::Plain), "ared]0;titleb");
}

#[test]
fn long_cards_fit_and_keep_head_and_tail() {
    let output: Vec<String> = (1..=500).map(|n| format!("line {n}")).collect();
    let mut card = Card::parse(
        Tone::Bad,
        &format!("# failed\n```\n{}\n```\n-# more", output.join("\n")),
    );
    assert!(card.fit(Style::Plain, 400));
    let text = card.text(Style::Plain);
    assert!(text.chars().count() <= 400, "{text}");
    assert!(
        text.starts_with("failed\nline 1\n") && text.contains("left out") && text.contains("line 500"),
        "{text}"
    );
    let mut one = Card::parse(Tone::Bad, &format!("# {}", "x".repeat(9000)));
    assert!(one.fit(Style::Markdown, 2000));
    assert!(one.text(Style::Markdown).chars().count() <= 2000);
}

#[test]
fn an_excerpt_counts_what_it_leaves_out() {
    let text = (1..=10).map(|n| n.to_string()).collect::<Vec<_>>().join("\n");
    let excerpt = Excerpt::of(&text, 6);
    assert_eq!(
        (excerpt.head.as_str(), excerpt.tail.as_str(), excerpt.omitted),
        ("1\n2", "7\n8\n9\n10", 4)
    );
    assert_eq!(
        Excerpt::of("a\nb\n\n", 6),
        Excerpt {
            head: "a\nb".into(),
            tail: String::new(),
            omitted: 0,
            lines: 2
        }
    );
}

proptest! {
    #![proptest_config(crate::testing::cases(256))]

    #[test]
    fn escaped_text_reads_back(text in "[ -~äé✓]{0,60}") {
        let card = Card::parse(Tone::Neutral, &format!("x{}", escape(&text)));
        prop_assert_eq!(card.text(Style::Plain), format!("x{}", text));
    }

    #[test]
    fn any_markup_parses_and_fits(text in "[`*#\\[\\]()\\\\a-c \\n\\t-]{0,200}", limit in 1_usize..300) {
        let mut card = Card::parse(Tone::Neutral, &text);
        card.fit(Style::Slack, limit);
        prop_assert!(card.text(Style::Slack).chars().count() <= limit.max(2) || card.blocks.is_empty());
    }
}

#[test]
fn small_print_without_its_buttons_has_no_loose_separators() {
    let say = |label: &str| Span::Say {
        s: label.to_owned(),
        say: label.to_owned(),
    };
    let text = |s: &str| Span::Text { s: s.to_owned() };
    let code = Span::Code { s: "6b03".to_owned() };
    for (mut line, expected) in [
        (
            vec![
                code.clone(),
                text(" · for ana · "),
                say("Log"),
                text(" · "),
                say("Cancel"),
            ],
            vec![code.clone(), text(" · for ana")],
        ),
        (
            vec![
                say("Log"),
                text(" · "),
                code.clone(),
                text(" · "),
                say("More"),
                text(" · done"),
            ],
            vec![code, text(" · done")],
        ),
        (vec![say("Log"), text(" · "), say("More")], vec![]),
        (vec![text("a · b"), text(" · ")], vec![text("a · b"), text(" · ")]),
    ] {
        without_buttons(&mut line);
        assert_eq!(line, expected);
    }
}
