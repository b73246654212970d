//! `sayso simulate`: the same conversations on Slack and on Discord, as a content author would rehearse them.

use crate::support::{Site, assert_says};

/// What differs from platform to platform is the place of the bot's accounts only.
const CONVERSATION: &str = r##"
name: Somebody else has to agree
turns:
  - say: "!launch rocket"
    in: "#ops"
  - expect: [launch rocket, 0 of 1, ana]
    buttons: [Approve, Deny]
  - click: Approve
  - expect: you asked for this yourself
    only: ana
  - click: Approve
    as: bo
  - expect: [launch rocket, approved, 1 of 1]
  - expect: [trial.told, succeeded, "[rocket]", approved by bo]

  - say: "!launch shuttle"
  - expect: [launch shuttle, 0 of 1]
    buttons: [Deny]
  - restart: true
  - click: Deny
    as: bo
  - fill: {reason: not on a Friday}
    as: bo
  - expect: [launch shuttle, denied, not on a Friday]

  - fault: {copies: 2}
  - say: "!launch probe"
  - expect: [launch probe, 0 of 1]
  - reply: approve
    as: bo
  - expect: [succeeded, "[probe]"]
  - fault: {copies: 0, rate_limited: 1}
  - say: "!paint blue"
  - expect: [word]
  - edit: "!paint red"
  - expect: [trial.typed, succeeded]
  - say: "!run 'seq 1 3000' on localhost"
  - expect: [core.local, succeeded]
    file: ["\n1500\n", "\n2999\n"]
  - fault: {drop_sockets: true, malformed: true}
  - say: "!run 'echo @everyone' on localhost"
  - expect: [succeeded, everyone]
  - say: "chatter"
  - expect: nothing
"##;

/// The folder with conversations that are the same on all platforms, and the pack that they are about.
const CONVERSATIONS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/conversations");

/// Plays a conversation of the folder on both platforms.
async fn played(site: &Site, name: &str) {
    site.copy_pack(&format!("{CONVERSATIONS}/stage"));
    let file = format!("{CONVERSATIONS}/{name}.yaml");
    for platform in ["slack", "discord"] {
        let done = site.sayso(&["simulate", platform, &file]).await;
        assert_eq!(done.status, Some(0), "{platform}:\n{}\n{}", done.out, done.err);
    }
}

#[tokio::test]
async fn cards_buttons_and_forms_are_the_same_on_both_platforms() {
    played(&Site::closed(), "buttons").await;
}

#[tokio::test]
async fn long_output_is_read_on_both_platforms() {
    played(&Site::closed(), "reader").await;
}

#[tokio::test]
async fn conversations_have_their_manners_on_both_platforms() {
    played(&Site::closed(), "places").await;
}

#[tokio::test]
async fn who_may_what_is_told_on_both_platforms() {
    let site = Site::closed();
    std::fs::create_dir_all(site.data()).expect("the data folder");
    std::fs::write(
        site.data().join("access.yaml"),
        "people:\n  ana: {roles: [admin]}\n  bo: {}\ngrants:\n  - to: bo\n    run: stage.deploy\n    when: 'target != \"prod\"'\n",
    )
    .expect("the rules");
    played(&site, "questions").await;
}

fn site() -> Site {
    let site = Site::closed();
    site.write_pack_file(
        "trial/aliases/launch.yaml",
        "---\nname: launch\npack: trial\naction_ref: trial.told\ndescription: Launches.\nformats:\n  - 'launch {{one}}'\nack:\n  enabled: false\napproval: {by: [bo], within: 30m}\n",
    );
    site
}

#[tokio::test]
async fn a_conversation_goes_as_expected_on_both_platforms() {
    let site = site();
    let file = site.path("conversation.yaml");
    std::fs::write(&file, CONVERSATION).expect("a file");
    for platform in ["slack", "discord"] {
        let done = site
            .sayso(&["simulate", platform, &file.display().to_string()])
            .await;
        assert_eq!(done.status, Some(0), "{platform}:\n{}\n{}", done.out, done.err);
        assert_says(&done.out, &["bo presses [Approve]", "(the bot is started again)"]);
    }
}

#[tokio::test]
async fn what_is_not_as_expected_is_told_with_its_line() {
    let site = site();
    let file = site.path("wrong.yaml");
    std::fs::write(
        &file,
        "turns:\n  - say: \"!run 'echo one' on localhost\"\n  - expect: two\n    within: 2\n",
    )
    .expect("a file");
    let done = site
        .sayso(&["simulate", "slack", "--quiet", &file.display().to_string()])
        .await;
    assert_eq!(done.status, Some(1), "{}", done.out);
    assert_says(
        &done.err,
        &[
            "wrong.yaml:3:5: the bot did not say `two` in #ops within 2 s",
            "| one",
        ],
    );
    std::fs::write(&file, "turns:\n  - sey: hello\n").expect("a file");
    let done = site
        .sayso(&["simulate", "slack", &file.display().to_string()])
        .await;
    assert_ne!(done.status, Some(0));
    assert_says(&done.err, &["wrong.yaml:2:", "say"]);
}
