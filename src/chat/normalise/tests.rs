//! The vectors of the normaliser: what platforms deliver and what it means.

use proptest::prelude::*;
use rstest::rstest;

use super::*;
use crate::chat::gateway::Dialect::{Console, Discord, Slack};

#[rstest]
#[case::smart_quotes(Slack, "!deploy “api server” to prod", r#"!deploy "api server" to prod"#)]
#[case::german_quotes(Console, "deploy „api server“ to prod", r#"deploy "api server" to prod"#)]
#[case::apostrophe(Slack, "!say it’s fine", "!say it's fine")]
#[case::nbsp(Slack, "!run uptime\u{a0}on\u{a0}web01", "!run uptime on web01")]
#[case::narrow_spaces(Console, "run\u{202f}uptime\u{3000}on web01", "run uptime on web01")]
#[case::linked_host(Slack, "!check <http://example.com|example.com>", "!check example.com")]
#[case::linked_url(Slack, "!check <https://x.io/a?b=1&amp;c=2>", "!check https://x.io/a?b=1&c=2")]
#[case::labelled_url(Slack, "!check <https://x.io/|our site>", "!check https://x.io/")]
#[case::mail(Slack, "!mail <mailto:a@b.co|a@b.co>", "!mail a@b.co")]
#[case::entities(Slack, "!run a &lt; b &amp;&amp; c", "!run a < b && c")]
#[case::entities_once(Slack, "!say &amp;lt;", "!say &lt;")]
#[case::mentions(Slack, "!grant <@U123> in <#C9|ops>", "!grant U123 in C9")]
#[case::discord_mentions(Discord, "!grant <@!123> in <#9> as <@&7>", "!grant 123 in 9 as 7")]
#[case::discord_entities_stay(Discord, "!say &amp; <b>", "!say &amp; <b>")]
#[case::base64(Slack, "!licence 111==", "!licence 111==")]
#[case::em_dash_flag(Slack, "!x —force", "!x --force")]
#[case::em_dash_prose(Slack, "!say now — or never", "!say now — or never")]
#[case::en_dash_range(Slack, "!show 3–5", "!show 3–5")]
#[case::fence(Slack, "!run\n```\nset -e\nmake\n```", "!run \"set -e\nmake\"")]
#[case::fence_with_quotes(Slack, "!run ```echo \"a b\"\nls```", "!run 'echo \"a b\"\nls'")]
#[case::fence_with_language(Discord, "!run ```sh\nset -e\nmake\n```", "!run \"set -e\nmake\"")]
#[case::fence_keeps_typography(Console, "run ```\necho “a”\nls\n```", "run \"echo “a”\nls\"")]
#[case::code_span(Slack, "!run `ls -la` on web1", r#"!run "ls -la" on web1"#)]
#[case::backticks_in_a_terminal(Console, "run echo `date` now", "run echo `date` now")]
#[case::zero_width(Slack, "!dep\u{200b}loy\u{feff} api", "!deploy api")]
#[case::bidi_override(Slack, "!deploy \u{202e}api", "!deploy api")]
#[case::emoji_joiner_stays(Console, "say 👩\u{200d}💻", "say 👩\u{200d}💻")]
#[case::controls(Console, "run\u{7} \u{1b}[31mls\u{1b}[0m\r\nnow", "run ls\nnow")]
#[case::bullet(Slack, "• deploy api", "deploy api")]
#[case::quote_then_command(Slack, "&gt; what ana said\n!deploy api", "!deploy api")]
#[case::inch_mark(Console, "order a 5\" disk", "order a 5\" disk")]
#[case::json(Console, r#"set x {"a": "b c"}"#, r#"set x {"a": "b c"}"#)]
#[case::here(Slack, "!tell <!here> <!date^1^{date}|today>", "!tell @here today")]
fn becomes(#[case] dialect: Dialect, #[case] raw: &str, #[case] meant: &str) {
    assert_eq!(normalise(raw, dialect, None).unwrap().text, meant);
}

#[rstest]
#[case(Slack, "> !deploy prod")]
#[case(Slack, "&gt; !deploy prod")]
#[case(Slack, "&gt;&gt;&gt; one\n!deploy prod")]
#[case(Discord, "`!deploy prod`")]
#[case(Slack, "```\n!deploy prod\n```")]
#[case(Console, "> deploy prod\n> deploy staging")]
fn quotations_are_no_commands(#[case] dialect: Dialect, #[case] raw: &str) {
    assert_eq!(normalise(raw, dialect, None), Err(Unusable::Quotation));
}

#[test]
fn smart_quoted_words_stay_together() {
    let text = normalise("deploy “api server” to prod", Slack, None)
        .unwrap()
        .text;
    let words: Vec<String> = words(&text).unwrap().into_iter().map(|word| word.text).collect();
    assert_eq!(words, ["deploy", "api server", "to", "prod"]);
}

#[test]
fn an_unclosed_quote_is_shown_with_a_caret() {
    let error = normalise("!deploy “api", Slack, None).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the quote is not closed\n!deploy \"api\n        ^"
    );
    assert!(
        normalise("run ```echo \"a\nls```", Console, None).is_ok(),
        "quotes in code mean nothing"
    );
}

#[test]
fn mentions_are_typed_and_the_bot_is_an_address() {
    let said = normalise("<@UBOT>: grant <@U123> in <#C9|ops>", Slack, Some("UBOT")).unwrap();
    assert_eq!(said.text, "grant U123 in C9");
    assert!(said.addressed);
    assert_eq!(
        said.mentions,
        [
            Mention {
                kind: MentionKind::User,
                id: "U123".into()
            },
            Mention {
                kind: MentionKind::Channel,
                id: "C9".into()
            },
        ]
    );
    assert!(
        !normalise("tell <@UBOT> hi", Slack, Some("UBOT"))
            .unwrap()
            .addressed
    );
}

#[test]
fn a_changed_dash_is_noted() {
    assert_eq!(
        normalise("x —force", Slack, None).unwrap().notes,
        ["`—` before a word was read as `--`"]
    );
}

#[test]
fn huge_and_empty_messages_are_refused_politely() {
    let huge = "x".repeat(10 << 20);
    let error = normalise(&huge, Console, None).unwrap_err();
    assert!(error.to_string().contains("too long (10485760 bytes"), "{error}");
    for empty in ["", " \n\t", "\u{200b}", "\u{0}"] {
        assert_eq!(normalise(empty, Slack, None), Err(Unusable::Empty), "{empty:?}");
    }
}

proptest! {
    #![proptest_config(crate::testing::cases(256))]

    #[test]
    fn any_text_gives_an_answer(raw in "\\PC{0,200}|[<>&`\"'>\\n@#!|— a-c]{0,80}") {
        for dialect in [Console, Slack, Discord] {
            if let Ok(said) = normalise(&raw, dialect, Some("B1")) {
                prop_assert_eq!(said.text.trim(), said.text.as_str());
                prop_assert!(!said.text.chars().any(|c| c.is_control() && c != '\n' && c != '\t'));
            }
        }
    }
}
