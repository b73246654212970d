//! Notify sections: what ends is told to conversations and to rules.

use serde_json::json;

use super::support::{Server, USER};
use crate::model::OutboxState;

#[tokio::test]
async fn what_ends_is_told_to_conversations_and_rules() {
    let server = Server::new().await;
    let client = &server.client;
    let rule = json!({
        "name": "pager", "pack": "trial", "enabled": true,
        "trigger": {"type": "core.st2.generic.notifytrigger", "parameters": {}},
        "criteria": {"trigger.route": {"type": "equals", "pattern": "pager"}},
        "action": {"ref": "core.echo", "parameters": {"message": "{{ trigger.message }} {{ trigger.data.code }} {{ trigger.status }}"}},
    });
    client.post("/api/v1/rules", Some(&rule)).await.unwrap();
    let told = json!({
        "message": "{{ action_parameters.cmd }} failed for {{ action_context.user }}",
        "data": {"code": "{{ action_results.return_code }}"},
        "routes": ["slack:#ops", "pager"],
    });
    let body = json!({
        "action": "core.local",
        "parameters": {"cmd": "false"},
        "notify": {"on-failure": told, "on-success": {"routes": ["slack:#ops"]}},
    });
    let mut events = server.state.engine().subscribe();
    let asked = client.post("/api/v1/executions", Some(&body)).await.unwrap();
    let ended = server.ended(asked["id"].as_str().unwrap()).await;
    assert_eq!(ended["status"], "failed");
    let store = server.state.store();
    let (gateway, conversation) = ("slack:default".to_owned(), "#ops".to_owned());
    let rows = store
        .outbox_conversation(gateway, conversation, None, 10)
        .await
        .unwrap();
    assert_eq!(rows.len(), 1);
    assert_eq!(rows[0].state, OutboxState::Pending);
    let message = format!("false failed for {USER}");
    assert_eq!(rows[0].body["data"]["message"], message);
    let paged = loop {
        let found = client.get("/api/v1/executions?rule=trial.pager").await.unwrap();
        if let Some(id) = found[0]["id"].as_str() {
            break server.ended(id).await;
        }
        let _ = tokio::time::timeout(std::time::Duration::from_millis(200), events.recv()).await;
    };
    assert_eq!(paged["parameters"]["message"], format!("{message} 1 failed"));
}
