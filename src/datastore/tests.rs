//! Keys as people and expressions meet them, over a real store.

use parking_lot::Mutex;
use pretty_assertions::assert_eq;
use serde_json::{Value, json};

use super::*;
use crate::engine::KeySource as _;
use crate::expr::jinja::{Context, Jinja, KeyScope, Undefined};
use crate::model::{Identity, Timestamp};
use crate::store::AuditFilter;
use crate::store::sqlite::{SqliteOptions, SqliteStore};

/// Remembers what it was told, and adds a row to each commit.
#[derive(Default)]
struct Witness(Mutex<Vec<Value>>);

impl KeyObserver for Witness {
    fn rows(&self, before: Option<&JsonMap>, after: Option<&JsonMap>) -> Vec<Write> {
        let mut seen = self.0.lock();
        seen.push(json!([
            before.map(|map| &map["value"]),
            after.map(|map| &map["value"])
        ]));
        vec![Write::Setting {
            key: format!("witness.{}", seen.len()),
            value: Some(json!(true)),
        }]
    }
}

struct Fixture {
    _dir: tempfile::TempDir,
    store: Arc<dyn Store>,
    witness: Arc<Witness>,
    keys: Arc<Datastore>,
}

async fn fixture() -> Fixture {
    let dir = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(SqliteOptions::new(dir.path().join("t.db")))
        .await
        .unwrap();
    let store: Arc<dyn Store> = Arc::new(store);
    let witness = Arc::new(Witness::default());
    let keys = load(&store, &witness).await;
    Fixture {
        _dir: dir,
        store,
        witness,
        keys,
    }
}

async fn load(store: &Arc<dyn Store>, witness: &Arc<Witness>) -> Arc<Datastore> {
    let observers: Vec<Arc<dyn KeyObserver>> = vec![Arc::clone(witness) as _];
    Datastore::load(Arc::clone(store), SecretKey::new([9; 32]), observers, false)
        .await
        .unwrap()
}

fn put(name: &str, value: &str) -> Put {
    Put {
        name: name.to_owned(),
        value: value.to_owned(),
        ..Put::default()
    }
}

fn secret(name: &str, value: &str) -> Put {
    Put {
        secret: true,
        ..put(name, value)
    }
}

fn user(name: &str) -> Owner {
    Owner::User(name.to_owned())
}

/// KVS-1, KVS-2: items and scopes, and what is left of them after a restart.
#[tokio::test]
async fn keys_survive_and_belong_to_their_owner() {
    let these = fixture().await;
    let keys = &these.keys;
    for (owner, value) in [(Owner::System, "all"), (user("a"), "a's"), (user("a:b"), "a:b's")] {
        keys.put(owner, put("b:color", value), "ana").await.unwrap();
    }
    // Colons in names and users do not mix keys up.
    keys.put(user("a"), put("c", "1"), "ana").await.unwrap();
    keys.put(user("a:b"), put("color", "2"), "ana").await.unwrap();
    let described = Put {
        description: Some("what colour".to_owned()),
        ..put("b:color", "all, again")
    };
    let first = keys.get(&Owner::System, "b:color").unwrap().id;
    keys.put(Owner::System, described, "ana").await.unwrap();
    let again = load(&these.store, &these.witness).await;
    for keys in [keys, &again] {
        let value = |owner: &Owner, name: &str| keys.get(owner, name).map(|pair| pair.value.clone());
        assert_eq!(value(&Owner::System, "b:color").as_deref(), Some("all, again"));
        assert_eq!(value(&user("a"), "b:color").as_deref(), Some("a's"));
        assert_eq!(value(&user("a:b"), "b:color").as_deref(), Some("a:b's"));
        assert_eq!(value(&user("a:b"), "color").as_deref(), Some("2"));
        assert_eq!(value(&user("b"), "color"), None);
        let pair = keys.get(&Owner::System, "b:color").unwrap();
        assert_eq!(pair.id, first, "the id stays");
        assert_eq!(pair.description.as_deref(), Some("what colour"));
        let names: Vec<String> = keys
            .list(&user("a"), "")
            .iter()
            .map(|pair| pair.name.clone())
            .collect();
        assert_eq!(names, ["b:color", "c"]);
        assert_eq!(keys.list(&user("a"), "b:").len(), 1);
    }
    assert_eq!(
        Value::Object(again.get(&user("a"), "c").unwrap().shown(None)),
        json!({"uid": "key_value_pair:st2kv.user:a:c", "scope": "st2kv.user", "name": "c", "value": "1",
            "secret": false, "id": again.get(&user("a"), "c").unwrap().id, "user": "a", "encrypted": false})
    );
}

/// KVS-2: names of scopes.
#[test]
fn scopes_have_short_names() {
    for (scope, owner) in [
        ("system", Some(Owner::System)),
        ("st2kv.system", Some(Owner::System)),
        ("user", Some(user("ana"))),
        ("st2kv.user", Some(user("ana"))),
        ("bogus", None),
        ("all", None),
        ("", None),
    ] {
        assert_eq!(Owner::of(scope, "ana").ok(), owner, "{scope}");
    }
    let error = Owner::of("bogus", "ana").unwrap_err().to_string();
    assert_eq!(
        error,
        "Scope st2kv.bogus is not in allowed scopes list: ['system', 'user', 'st2kv.system', 'st2kv.user']."
    );
}

/// KVS-3: what has expired is not there, and leaves the store in batches.
#[tokio::test]
async fn what_has_expired_is_gone() {
    let these = fixture().await;
    let keys = &these.keys;
    let living = |ttl| Put {
        ttl: Some(ttl),
        ..put("k", "v")
    };
    let pair = keys.put(Owner::System, living(600), "ana").await.unwrap();
    let left = pair.expires.unwrap().seconds_since(Timestamp::now());
    assert!((599.0..=600.0).contains(&left), "{left}");
    assert!(keys.get(&Owner::System, "k").is_some());
    // Without a ttl it lives for ever again.
    let pair = keys.put(Owner::System, put("k", "v"), "ana").await.unwrap();
    assert_eq!(pair.expires, None);
    keys.put(Owner::System, living(-1), "ana").await.unwrap();
    assert_eq!(keys.get(&Owner::System, "k"), None);
    assert!(keys.list(&Owner::System, "").is_empty());
    assert!(matches!(
        keys.delete(&Owner::System, "k", "ana").await,
        Err(KeyError::Unknown(_))
    ));
    for at in 0..120 {
        let mut gone = living(-1);
        gone.name = format!("gone{at}");
        keys.put(user("ana"), gone, "ana").await.unwrap();
    }
    assert_eq!(keys.forget_expired().await.unwrap(), 100);
    assert_eq!(keys.forget_expired().await.unwrap(), 21);
    assert_eq!(keys.forget_expired().await.unwrap(), 0);
    let left = these.store.settings(pair::STORED.to_owned()).await.unwrap();
    assert_eq!(left, []);
    assert_eq!(these.keys.shelf.read().count(), 0);
    assert_eq!(these.keys.shelf.read().bytes(), 0);
}

/// KVS-4, KVS-5: secrets are sealed at rest, for their owner.
#[tokio::test]
async fn secrets_are_sealed_for_their_owner() {
    let these = fixture().await;
    let keys = &these.keys;
    let pair = keys
        .put(Owner::System, secret("pw", "hunter2"), "ana")
        .await
        .unwrap();
    assert!(
        pair.value
            .bytes()
            .all(|byte| byte.is_ascii_hexdigit() && !byte.is_ascii_lowercase())
    );
    let stored = format!("{:?}", these.store.settings(String::new()).await.unwrap());
    assert!(!stored.contains("hunter2"));
    assert!(!format!("{pair:?}").contains(&pair.value));
    assert_eq!(keys.plain(&pair).as_deref(), Some("hunter2"));
    // The same text again is the same seal, another text another one.
    let again = keys
        .put(Owner::System, secret("pw", "hunter2"), "ana")
        .await
        .unwrap();
    assert_eq!(again.value, pair.value);
    let other = keys
        .put(Owner::System, secret("pw", "hunter3"), "ana")
        .await
        .unwrap();
    assert_ne!(other.value, pair.value);

    let sealed = |name: &str| Put {
        encrypted: true,
        ..put(name, &pair.value.to_lowercase())
    };
    let copy = keys.put(Owner::System, sealed("copy"), "ana").await.unwrap();
    assert!(copy.secret);
    assert_eq!(keys.plain(&copy).as_deref(), Some("hunter2"));
    for (owner, value) in [
        (user("ana"), pair.value.as_str()),
        (Owner::System, "hunter2"),
        (Owner::System, "00"),
    ] {
        let stolen = Put {
            value: value.to_owned(),
            ..sealed("stolen")
        };
        let error = keys.put(owner, stolen, "ana").await.unwrap_err().to_string();
        assert!(
            error.contains("Failed to verify the integrity of the provided value for key \"stolen\""),
            "{error}"
        );
    }
    assert_eq!(keys.get(&user("ana"), "stolen"), None);
}

/// KVS-6, KVS-7: who may what.
#[test]
fn rights() {
    let person = |name: &str, roles: &[&str]| Identity {
        user: name.to_owned(),
        roles: roles.iter().map(|role| (*role).to_owned()).collect(),
        ..Identity::default()
    };
    let (ana, admin) = (person("ana", &["dev"]), person("root", &["admin"]));
    let every = [
        Wish::View,
        Wish::Set,
        Wish::Delete,
        Wish::Decrypt,
        Wish::SetEncrypted,
    ];
    let may = |identity: &Identity, open: bool, owner: &Owner| -> Vec<bool> {
        let reach = Reach { identity, open };
        every.iter().map(|wish| reach.may(*wish, owner)).collect()
    };
    for (identity, open, owner, allowed) in [
        (&admin, false, Owner::System, [true; 5]),
        (&admin, false, user("ana"), [true; 5]),
        (&ana, false, user("ana"), [true, true, true, true, false]),
        (&ana, true, user("ana"), [true, true, true, true, false]),
        (&ana, false, user("Ana"), [false; 5]),
        (&ana, true, user("bo"), [false; 5]),
        (&ana, false, Owner::System, [false; 5]),
        (&ana, true, Owner::System, [true, true, true, false, false]),
    ] {
        assert_eq!(
            may(identity, open, &owner),
            allowed,
            "{} {open} {owner:?}",
            identity.user
        );
    }
    let reach = Reach {
        identity: &ana,
        open: false,
    };
    assert_eq!(
        reach
            .check(Wish::Set, &Owner::System, "k")
            .unwrap_err()
            .to_string(),
        "User \"ana\" doesn't have required permission \"key_value_pair_set\" on resource \"key_value_pair:st2kv.system:k\""
    );
}

/// KVS-10: what is told of changes, in the same commit; and the audit log, which never holds a value.
#[tokio::test]
async fn changes_are_told_and_recorded() {
    let these = fixture().await;
    let keys = &these.keys;
    let mut changes = keys.subscribe();
    keys.put(Owner::System, put("k", "one"), "ana").await.unwrap();
    keys.put(Owner::System, put("k", "two"), "bo").await.unwrap();
    keys.delete(&Owner::System, "k", "ana").await.unwrap();
    let told = std::mem::take(&mut *these.witness.0.lock());
    assert_eq!(
        told,
        [json!([null, "one"]), json!(["one", "two"]), json!(["two", null])]
    );
    for wanted in [
        (None, Some("one")),
        (Some("one"), Some("two")),
        (Some("two"), None),
    ] {
        let change = changes.try_recv().unwrap();
        let value = |pair: &Option<Arc<Pair>>| pair.as_ref().map(|pair| pair.value.clone());
        assert_eq!(
            (value(&change.before), value(&change.after)),
            (wanted.0.map(str::to_owned), wanted.1.map(str::to_owned))
        );
    }
    let rows = these.store.settings("witness.".to_owned()).await.unwrap();
    assert_eq!(rows.len(), 3);
    let secret = keys
        .put(user("bo"), secret("pw", "hunter2"), "ana")
        .await
        .unwrap();
    keys.note_decrypted(&[secret], "root").await.unwrap();
    let entries = these
        .store
        .audit(AuditFilter {
            limit: 100,
            ..AuditFilter::default()
        })
        .await
        .unwrap();
    let entries: Vec<String> = entries
        .iter()
        .map(|entry| {
            format!(
                "{} {} {}",
                entry.draft.kind, entry.draft.actor, entry.draft.detail
            )
        })
        .collect();
    assert_eq!(
        entries,
        [
            r#"key.created ana {"key":"key_value_pair:st2kv.system:k","secret":false}"#,
            r#"key.updated bo {"key":"key_value_pair:st2kv.system:k","secret":false}"#,
            r#"key.deleted ana {"key":"key_value_pair:st2kv.system:k","secret":false}"#,
            r#"key.created ana {"key":"key_value_pair:st2kv.user:bo:pw","secret":true}"#,
            r#"key.decrypted root {"keys":["key_value_pair:st2kv.user:bo:pw"],"count":1}"#,
        ]
    );
}

#[tokio::test]
async fn limits_are_told() {
    let these = fixture().await;
    let long = "n".repeat(LONGEST_NAME + 1);
    let large = "v".repeat(LARGEST + 1);
    for (put, why) in [
        (put("", "v"), "the name of a key"),
        (put("a\nb", "v"), "the name of a key"),
        (put(&long, "v"), "at most 255 characters"),
        (put("k", &large), "has 1048577 bytes, at most 1048576"),
        (
            Put {
                ttl: Some(i64::MAX),
                ..put("k", "v")
            },
            "the ttl of a key",
        ),
    ] {
        let error = these.keys.put(Owner::System, put, "ana").await.unwrap_err();
        assert!(matches!(error, KeyError::Refused(_)));
        assert!(error.to_string().contains(why), "{error}");
    }
    assert!(these.witness.0.lock().is_empty());
}

/// KVS-12, KVS-13: what templates see on behalf of somebody.
#[tokio::test]
async fn templates_read_and_decrypt() {
    let these = fixture().await;
    let keys = &these.keys;
    for (owner, put) in [
        (Owner::System, put("port", "80")),
        (Owner::System, put("hosts.web", "w1")),
        (Owner::System, secret("pw", "sys")),
        (user("ana"), put("color", "blue")),
        (user("ana"), secret("pin", "1234")),
        (user("bo"), secret("pin", "9999")),
    ] {
        keys.put(owner, put, "ana").await.unwrap();
    }
    let jinja = Jinja::default();
    let bos = keys.get(&user("bo"), "pin").unwrap().value.clone();
    let foreign = format!("{{{{ '{bos}' | decrypt_kv }}}}");
    let rows = [
        ("{{ st2kv.system.port }}", Ok("80"), Ok("80")),
        ("{{ st2kv.system.hosts.web }}", Ok("w1"), Ok("w1")),
        ("[{{ st2kv.system.none }}]", Ok("[]"), Ok("[]")),
        ("{{ st2kv.user.color }}", Ok("blue"), Ok("blue")),
        ("{{ st2kv.user.pin | decrypt_kv }}", Ok("1234"), Ok("1234")),
        (
            "{{ st2kv.system.pw | decrypt_kv }}",
            Ok("sys"),
            Err("administrators"),
        ),
        (&*foreign, Err("somebody else"), Err("somebody else")),
        (
            "{{ st2kv.system.port | decrypt_kv }}",
            Err("no secret"),
            Err("no secret"),
        ),
    ];
    for (template, everything, less) in rows {
        for (may, wanted) in [(true, everything), (false, less)] {
            let mut context = Context::new();
            context.set_datastore(Keys(Arc::clone(keys)).of("ana", may));
            let found = jinja.render(template, &context, Undefined::Strict);
            match wanted {
                Ok(text) => assert_eq!(found.unwrap(), text, "{template}"),
                Err(why) => {
                    let error = found.unwrap_err().to_string();
                    assert!(error.contains(why), "{template}: {error}");
                }
            }
        }
    }
    let lookup = Keys(Arc::clone(keys)).of("ana", true);
    let sealed = lookup.get(KeyScope::System, "pw").unwrap();
    assert_ne!(sealed, "sys", "a secret stays sealed until somebody decrypts it");
    // A change is seen at once.
    keys.put(Owner::System, put("port", "443"), "ana").await.unwrap();
    assert_eq!(lookup.get(KeyScope::System, "port").as_deref(), Some("443"));
    keys.delete(&Owner::System, "port", "ana").await.unwrap();
    assert_eq!(lookup.get(KeyScope::System, "port"), None);
    let mut secrets = Keys(Arc::clone(keys)).secrets("ana");
    secrets.sort();
    assert_eq!(secrets, ["1234", "sys"]);
}

/// KVS-11: changes of one key come one after another, however many ask at once.
#[tokio::test]
async fn changes_of_a_key_come_one_after_another() {
    let these = fixture().await;
    let tasks: Vec<_> = (0..40)
        .map(|at| {
            let keys = Arc::clone(&these.keys);
            tokio::spawn(async move {
                let value = at.to_string();
                keys.put(Owner::System, put("k", &value), "ana").await.unwrap();
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    let told = std::mem::take(&mut *these.witness.0.lock());
    assert_eq!(told.len(), 40);
    assert_eq!(told[0][0], Value::Null);
    for pair in told.windows(2) {
        assert_eq!(
            pair[0][1], pair[1][0],
            "each change begins where the last one ended"
        );
    }
    assert_eq!(
        told[39][1],
        json!(these.keys.get(&Owner::System, "k").unwrap().value)
    );
    let again = load(&these.store, &these.witness).await;
    assert_eq!(
        again.get(&Owner::System, "k"),
        these.keys.get(&Owner::System, "k")
    );
}
