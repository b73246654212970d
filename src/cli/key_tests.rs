//! `sayso key` against the real application, started for each command as without a server.

use std::collections::BTreeMap;
use std::ffi::OsString;

use pretty_assertions::assert_eq;
use serde_json::Value;

use super::{Output, Sources, run_with};

struct Told {
    status: u8,
    stdout: String,
    stderr: String,
}

async fn sayso(folder: &std::path::Path, arguments: &[&str]) -> Told {
    let (out, stdout, stderr) = Output::captured(None);
    let home = folder.canonicalize().unwrap();
    let variables = BTreeMap::from([("HOME".to_owned(), home.display().to_string())]);
    let sources = Sources {
        variables,
        directory: home,
        ..Sources::default()
    };
    let arguments = ["sayso", "key"]
        .iter()
        .chain(arguments)
        .map(OsString::from)
        .collect::<Vec<_>>();
    let status = Box::pin(run_with(arguments, sources, out, &crate::app::Sayso)).await;
    Told {
        status,
        stdout: stdout.text(),
        stderr: stderr.text(),
    }
}

/// KVS-8, KVS-9: what can be typed, and what comes of it.
#[tokio::test(flavor = "multi_thread")]
async fn keys_are_set_listed_loaded_and_deleted() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path();
    std::fs::write(folder.join("value"), "from a file\n").unwrap();
    std::fs::write(
        folder.join("keys.yaml"),
        "- {name: load.a, value: '1'}\n- {name: load.b, value: {c: 2}}\n- {name: load.pw, value: s3cret, secret: true}\n\
         - {name: load.own, value: x, scope: user}\n",
    )
    .unwrap();
    let file = |name: &str| folder.join(name).display().to_string();
    let (value, keys) = (file("value"), file("keys.yaml"));
    let rows: &[(&[&str], u8, &str, &str)] = &[
        (&["list"], 0, "", ""),
        (&["set", "region", "eu-1"], 0, "", "the key region is set"),
        (&["get", "region", "--raw"], 0, "eu-1\n", ""),
        (&["set", "offset", "-5"], 0, "", "the key offset is set"),
        (&["get", "offset", "-a", "value"], 0, "-5", ""),
        (&["set", "text", "--file", &value], 0, "", "the key text is set"),
        (&["get", "text", "--raw"], 0, "from a file\n", ""),
        (&["set", "pw", "hunter2", "--encrypt"], 0, "", "the key pw is set"),
        (&["get", "pw", "--raw", "-d"], 0, "hunter2\n", ""),
        (
            &["set", "editor", "vi", "-s", "user"],
            0,
            "",
            "your key editor is set",
        ),
        (
            &["set", "editor", "ed", "-s", "user", "--as", "ana"],
            0,
            "",
            "your key editor is set",
        ),
        (
            &["get", "editor", "-s", "user", "-u", "ana", "--raw"],
            0,
            "ed\n",
            "",
        ),
        (&["get", "editor", "-s", "user", "--raw"], 0, "vi\n", ""),
        (&["get", "editor"], 2, "", "there is no key \"editor\""),
        (
            &["get", "region", "--as", "ana"],
            2,
            "",
            "doesn't have required permission",
        ),
        (&["set", "short", "x", "-l", "-1"], 0, "", "the key short is set"),
        (&["get", "short"], 2, "", "there is no key \"short\""),
        (&["load", &keys], 2, "", "its value is no text"),
        (&["load", &keys, "-c"], 0, "load.pw", ""),
        (&["get", "load.b", "--raw"], 0, "{\"c\":2}\n", ""),
        (&["get", "load.pw", "--raw", "-d"], 0, "s3cret\n", ""),
        (&["get", "load.own", "-s", "user", "--raw"], 0, "x\n", ""),
        (&["delete_by_prefix", "-p", "load."], 0, "", "3 keys are deleted"),
        (
            &["delete_by_prefix", "-p", "load."],
            0,
            "",
            "no key's name begins with",
        ),
        (
            &["delete_by_prefix", "-p", ""],
            2,
            "",
            "an empty prefix would delete everything",
        ),
        (&["delete", "offset"], 0, "", "the key offset is deleted"),
        (&["delete", "offset"], 2, "", "there is no key \"offset\""),
        (&["list", "-s", "bogus"], 2, "", "invalid value 'bogus'"),
    ];
    for (arguments, status, stdout, stderr) in rows {
        let told = sayso(folder, arguments).await;
        let context = format!("{arguments:?}: {}{}", told.stdout, told.stderr);
        assert_eq!(told.status, *status, "{context}");
        assert!(told.stdout.contains(stdout), "{context}");
        assert!(told.stderr.contains(stderr), "{context}");
        let clear = arguments.contains(&"-d") || arguments.contains(&"hunter2");
        assert!(clear || !context.contains("hunter2"), "{context}");
    }
    let names = |told: &Told| -> Vec<String> {
        let list: Value = serde_json::from_str(&told.stdout).unwrap();
        let list = list.as_array().unwrap().iter();
        list.map(|pair| pair["name"].as_str().unwrap().to_owned())
            .collect()
    };
    for (arguments, wanted) in [
        (
            vec!["list", "-j"],
            vec!["pw", "region", "text", "editor", "load.own"],
        ),
        (
            vec!["list", "-j", "-s", "system", "-n", "2"],
            vec!["pw", "region"],
        ),
        (vec!["list", "-j", "--prefix", "re"], vec!["region"]),
        (vec!["list", "-j", "-s", "user", "-u", "ana"], vec!["editor"]),
    ] {
        assert_eq!(names(&sayso(folder, &arguments).await), wanted, "{arguments:?}");
    }
    // What was listed can be loaded again, sealed as it is.
    let listed = sayso(folder, &["list", "-j", "-s", "system"]).await;
    std::fs::write(folder.join("saved.json"), &listed.stdout).unwrap();
    assert_eq!(sayso(folder, &["delete", "pw"]).await.status, 0);
    let loaded = sayso(folder, &["load", &file("saved.json")]).await;
    assert_eq!(loaded.status, 0, "{}", loaded.stderr);
    assert_eq!(
        sayso(folder, &["get", "pw", "-d", "--raw"]).await.stdout,
        "hunter2\n"
    );
}
