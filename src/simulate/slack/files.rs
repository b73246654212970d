//! Files in Slack's three steps.

use std::sync::Arc;

use axum::body::Bytes;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use serde_json::{Value, json};

use super::api::{Answer, Arguments, no};
use super::messages;
use super::world::{Upload, World};
use super::{BOT, Inner};

pub(super) fn begin(world: &mut World, arguments: &Arguments) -> Answer {
    let name = arguments.needed("filename", "invalid_arguments")?;
    let length = arguments.needed("length", "invalid_arguments")?;
    let length: usize = length.parse().map_err(|_| no("invalid_arguments"))?;
    if length == 0 {
        return Err(no("invalid_arguments"));
    }
    let id = world.id("F");
    let url = format!("{}/upload/{id}", world.base);
    world.uploads.push(Upload {
        id: id.clone(),
        name,
        length,
        content: None,
        complete: false,
    });
    Ok(json!({"upload_url": url, "file_id": id}))
}

pub(super) fn upload(inner: &Arc<Inner>, id: &str, body: &Bytes) -> Response {
    let mut world = inner.world.lock();
    let Some(upload) = world.uploads.iter_mut().find(|upload| upload.id == id) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    if upload.length != body.len() {
        let text = format!(
            "a file of {} bytes was announced with {}",
            body.len(),
            upload.length
        );
        world.violations.push(text);
        return StatusCode::BAD_REQUEST.into_response();
    }
    upload.content = Some(String::from_utf8_lossy(body).into_owned());
    format!("OK - {}", body.len()).into_response()
}

pub(super) fn complete(inner: &Arc<Inner>, world: &mut World, arguments: &Arguments) -> Answer {
    let files = arguments
        .value("files", "invalid_arguments")?
        .ok_or_else(|| no("invalid_arguments"))?;
    let files = files.as_array().cloned().unwrap_or_default();
    if files.is_empty() {
        return Err(no("invalid_arguments"));
    }
    let channel = arguments.text("channel_id");
    if let Some(channel) = &channel {
        messages::writable(world, channel)?;
    }
    let thread = arguments.text("thread_ts");
    let mut told = Vec::new();
    let mut contents = Vec::new();
    for file in &files {
        let id = file["id"].as_str().unwrap_or_default();
        let upload = world
            .uploads
            .iter_mut()
            .find(|upload| upload.id == id && !upload.complete)
            .ok_or_else(|| no("file_not_found"))?;
        let content = upload.content.clone().ok_or_else(|| no("file_not_found"))?;
        upload.complete = true;
        contents.push(content);
        let title = file["title"].as_str().unwrap_or(&upload.name);
        told.push(
            json!({"id": id, "name": upload.name, "title": title, "size": upload.length, "mode": "snippet"}),
        );
    }
    if let Some(channel) = channel {
        let text = arguments.text("initial_comment").unwrap_or_default();
        let message =
            json!({"type": "message", "subtype": "file_share", "text": text, "files": told, "user": BOT});
        let ts = messages::add_of_bot(inner, world, &channel, message, thread);
        if let Some(number) = world.find(&channel, &ts) {
            world.messages[number].file = Some(contents.join("\n"));
        }
    }
    let told: Vec<Value> = told
        .iter()
        .map(|file| json!({"id": file["id"], "title": file["title"]}))
        .collect();
    Ok(json!({"files": told}))
}
