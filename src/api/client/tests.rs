//! The client against small routers, in this process and over a socket.

use axum::http::HeaderMap as Headers;
use axum::response::IntoResponse;
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::json;
use tokio::sync::mpsc;
use tokio_stream::wrappers::UnboundedReceiverStream;

use super::*;

fn router() -> Router {
    Router::new()
        .route(
            "/who",
            get(|headers: Headers| async move {
                let text = |name: &str| headers.get(name).map(|value| value.to_str().unwrap().to_owned());
                Json(json!({"token": text("authorization"), "as": text(ACT_AS)}))
            }),
        )
        .route("/echo", post(|body: Json<Value>| async move { body }))
        .route(
            "/no",
            get(|| async { (StatusCode::FORBIDDEN, Json(json!({"faultstring": "not you"}))) }),
        )
        .route("/html", get(|| async { "<html>" }))
        .route("/gone", get(|| async { StatusCode::NO_CONTENT }))
}

async fn over_a_socket(router: Router) -> Client {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await });
    Client::remote(&format!("http://{address}/"), "T").unwrap()
}

#[tokio::test]
async fn both_transports_give_the_same_answers() {
    for client in [
        Client::in_process(router(), "T").unwrap(),
        over_a_socket(router()).await,
    ] {
        assert_eq!(
            client.get("/who").await.unwrap(),
            json!({"token": "Bearer T", "as": null})
        );
        let other = client.acting_as("ana").unwrap();
        assert_eq!(
            other.get("/who").await.unwrap(),
            json!({"token": "Bearer T", "as": "ana"})
        );
        assert_eq!(
            client.post("/echo", Some(&json!({"a": [1]}))).await.unwrap(),
            json!({"a": [1]})
        );
        assert_eq!(client.get("/gone").await.unwrap(), Value::Null);
        assert_eq!(
            client.get("/no").await.unwrap_err(),
            ClientError::Refused {
                status: 403,
                message: "not you".into()
            }
        );
        assert!(matches!(
            client.get("/html").await.unwrap_err(),
            ClientError::Malformed(_)
        ));
        assert_eq!(client.get("/nowhere").await.unwrap_err().status(), Some(404));
        assert!(matches!(
            client.events("/no").await,
            Err(ClientError::Refused { status: 403, .. })
        ));
    }
}

#[tokio::test]
async fn events_arrive_while_the_answer_goes_on() {
    let (sender, receiver) = mpsc::unbounded_channel::<Result<&'static str, std::io::Error>>();
    let receiver = Arc::new(parking_lot::Mutex::new(Some(receiver)));
    let router = Router::new().route(
        "/stream",
        get(move || async move {
            let receiver = receiver.lock().take().unwrap();
            Body::from_stream(UnboundedReceiverStream::new(receiver)).into_response()
        }),
    );
    let client = Client::in_process(router, "T").unwrap();
    let mut events = client.events("/stream").await.unwrap();
    sender.send(Ok("event: one\ndata: 1\n\neve")).unwrap();
    assert_eq!(events.next().await.unwrap().unwrap().json::<u8>().unwrap(), 1);
    sender.send(Ok("nt: two\ndata: x\n\n")).unwrap();
    assert_eq!(events.next().await.unwrap().unwrap().event, "two");
    drop(sender);
    assert!(events.next().await.is_none());
}

#[tokio::test]
async fn a_server_that_is_not_there_is_told_from_one_that_refuses() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let error = Client::remote(&format!("http://{address}"), "T")
        .unwrap()
        .get("/x")
        .await
        .unwrap_err();
    assert!(matches!(error, ClientError::Unreachable { .. }), "{error}");
    assert!(error.to_string().contains(&address.to_string()), "{error}");
    assert!(error.hint().unwrap().contains("sayso serve"));
    assert!(Client::remote("127.0.0.1:9101", "T").is_err());
    assert!(Client::remote("http://h", "a\nb").is_err());
}
