//! Packs of the tests, written in code.

use std::path::Path;

/// Writes a file, with the folders above it.
pub(crate) fn write(path: &Path, text: &str) {
    let folder = path.parent().expect("a file has a folder");
    std::fs::create_dir_all(folder).expect("the file's folder");
    std::fs::write(path, text).expect("the file");
}

/// Copies a folder with what lies in it.
pub(crate) fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("the folder");
    for entry in std::fs::read_dir(from).expect("a folder").flatten() {
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).expect("a file is copied");
        }
    }
}

/// A script action of the pack `trial`: its metadata and its script.
fn script(packs: &Path, name: &str, fields: &str, text: &str) {
    let metadata = format!(
        "---\nname: {name}\npack: trial\nrunner_type: local-shell-script\nentry_point: {name}.sh\nenabled: true\n{fields}"
    );
    write(&packs.join(format!("trial/actions/{name}.yaml")), &metadata);
    write(
        &packs.join(format!("trial/actions/{name}.sh")),
        &format!("#!/usr/bin/env bash\n{text}"),
    );
}

/// An alias of the pack `trial` without a first answer.
fn alias(packs: &Path, name: &str, action: &str, format: &str) {
    let text = format!(
        "---\nname: {name}\npack: trial\naction_ref: {action}\ndescription: Of the trial.\nformats:\n  - {format:?}\nack:\n  enabled: false\n"
    );
    write(&packs.join(format!("trial/aliases/{name}.yaml")), &text);
}

/// The pack `trial`: actions that leave marks, that wait, that tell their arguments.
pub(super) fn trial(packs: &Path) {
    write(
        &packs.join("trial/pack.yaml"),
        "---\nname: trial\ndescription: Actions that show what was done to them.\nversion: 1.0.0\nauthor: ana\nemail: ana@example.org\n",
    );
    // One line for each run, appended at once, so that a file tells how often what ran.
    let mark = "set -eu\nprintf '%s\\n' \"$2\" >> \"$1\"\n[ \"${3:-0}\" = 0 ] || sleep \"$3\"\n";
    let mark_fields = "parameters:\n  file: {type: string, required: true, position: 0}\n  id: {type: string, required: true, position: 1}\n  hold: {type: string, default: '0', position: 2}\n";
    script(packs, "mark", mark_fields, mark);
    script(
        packs,
        "mark_again",
        &format!("idempotent: true\n{mark_fields}"),
        mark,
    );
    alias(
        packs,
        "mark",
        "trial.mark",
        "mark {{id}} in {{file}} for {{hold}}s",
    );
    alias(
        packs,
        "mark_again",
        "trial.mark_again",
        "repeat {{id}} in {{file}} for {{hold}}s",
    );

    // Says that it is at work, then waits until it is let go; ends, too, once whoever started it is no more (or
    // after two minutes), so that a server killed in a test leaves nothing behind.
    let gate_fields = "parameters:\n  started: {type: string, required: true, position: 0}\n  go: {type: string, required: true, position: 1}\n  timeout: {default: 60}\n";
    let gate = "set -eu\necho waiting\ntouch \"$1\"\nwhile [ ! -e \"$2\" ]; do\n  kill -0 \"$PPID\" 2>/dev/null && [ \"$SECONDS\" -lt 120 ] || exit 1\n  sleep 0.02\ndone\necho gone\n";
    script(packs, "gate", gate_fields, gate);
    alias(packs, "gate", "trial.gate", "gate {{started}} until {{go}}");

    // Tells its arguments, each in brackets.
    let told_fields = "parameters:\n  one: {type: string, position: 0}\n  two: {type: string, position: 1}\n  three: {type: string}\n";
    script(
        packs,
        "told",
        told_fields,
        "for word in \"$@\"; do printf '[%s]' \"$word\"; done\n",
    );
    alias(packs, "told", "trial.told", "tell {{one}} and {{two}}");

    // The types that parameters can have.
    write(
        &packs.join("trial/actions/typed.yaml"),
        "---\nname: typed\npack: trial\nrunner_type: noop\nenabled: true\nparameters:\n  count: {type: integer}\n  share: {type: number}\n  sure: {type: boolean}\n  hosts: {type: array}\n  tags: {type: object}\n  word: {type: string, required: true, enum: [red, green]}\n",
    );
    alias(packs, "paint", "trial.typed", "paint {{word}}");
}
