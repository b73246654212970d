//! What sensors keep in the datastore.

use serde_json::{Value as Json, json};

use std::sync::Arc;

use crate::datastore::{Datastore, Owner};
use crate::engine::SecretKey;
use crate::sensors::keys::answer;
use crate::store::Store;
use crate::store::sqlite::{SqliteOptions, SqliteStore};

#[tokio::test]
async fn a_sensor_keeps_values_of_its_own_and_of_everybody() {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(SqliteOptions::new(folder.path().join("sayso.db")))
        .await
        .unwrap();
    let store: Arc<dyn Store> = Arc::new(store);
    let datastore = Datastore::load(store, SecretKey::new([7; 32]), Vec::new(), true)
        .await
        .unwrap();
    for (what, fields, expected) in [
        ("get_value", json!({"name": "last"}), Ok(json!(null))),
        ("set_value", json!({"name": "last", "value": 7}), Ok(json!(true))),
        ("get_value", json!({"name": "last"}), Ok(json!("7"))),
        (
            "get_value",
            json!({"name": "last", "local": false}),
            Ok(json!(null)),
        ),
        (
            "get_value",
            json!({"name": "p.S:last", "local": false}),
            Ok(json!("7")),
        ),
        (
            "set_value",
            json!({"name": "token", "value": "hush", "encrypt": true, "ttl": 60}),
            Ok(json!(true)),
        ),
        (
            "get_value",
            json!({"name": "token", "decrypt": true}),
            Ok(json!("hush")),
        ),
        (
            "set_value",
            json!({"name": "site", "value": "x", "local": false}),
            Ok(json!(true)),
        ),
        (
            "list_values",
            json!({"prefix": "l"}),
            Ok(json!([{"name": "last", "value": "7", "secret": false}])),
        ),
        ("delete_value", json!({"name": "last"}), Ok(json!(true))),
        ("delete_value", json!({"name": "last"}), Ok(json!(false))),
        ("get_value", json!({}), Err("get_value needs a `name`")),
        (
            "set_value",
            json!({"name": "a"}),
            Err("set_value needs a `value`"),
        ),
        (
            "set_value",
            json!({"name": "a", "value": "b", "ttl": -1}),
            Err("`ttl` is a number of seconds"),
        ),
    ] {
        let Json::Object(map) = fields.clone() else {
            panic!()
        };
        let fields = map.into_iter().collect();
        let answered = answer(&datastore, "p.S", what, &fields).await;
        assert_eq!(answered, expected.map_err(str::to_owned), "{what} {fields:?}");
    }
    let listed = datastore.list(&Owner::System, "");
    let names: Vec<&str> = listed.iter().map(|pair| pair.name.as_str()).collect();
    assert_eq!(names, ["p.S:token", "site"]);
    let sealed = &listed[0].value;
    assert!(!sealed.contains("hush"), "{sealed}");
}
