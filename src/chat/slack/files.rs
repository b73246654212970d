//! Files on their way out, in Slack's three steps.

use serde_json::json;

use super::sending::{Sender, failed, remember};
use super::web::Failure;
use crate::chat::gateway::{Attachment, Rendered, SendError};

impl Sender {
    /// Uploads a file in Slack's three steps; what was uploaded is not uploaded again.
    pub(super) async fn file(
        &self,
        message: &Rendered,
        file: &Attachment,
        channel: &str,
        thread: Option<&str>,
    ) -> Result<(), SendError> {
        let name = file_name(&file.name);
        let known = message.id.and_then(|id| self.files.lock().get(&id).cloned());
        let id = match known {
            Some(id) => id,
            None => {
                let length = file.text.len().to_string();
                let fields = [("filename", name.as_str()), ("length", length.as_str())];
                let answer = self
                    .web
                    .read("files.getUploadURLExternal", &fields)
                    .await
                    .map_err(|failure| failed(&failure, message.form))?;
                let url = answer["upload_url"].as_str().unwrap_or_default();
                self.web
                    .upload(url, file.text.clone().into_bytes())
                    .await
                    .map_err(|failure| failed(&failure, message.form))?;
                let id = answer["file_id"].as_str().unwrap_or_default().to_owned();
                if let Some(message) = message.id {
                    remember(&self.files, message, id.clone());
                }
                id
            }
        };
        let mut body = json!({"files": [{"id": id, "title": name}], "channel_id": channel});
        if let Some(thread) = thread {
            body["thread_ts"] = json!(thread);
        }
        match self.web.call("files.completeUploadExternal", &body).await {
            Ok(_) => {}
            Err(failure) => {
                // A file that Slack does not know any more has to be uploaded again.
                if matches!(failure, Failure::Refused { .. })
                    && let Some(id) = message.id
                {
                    self.files.lock().remove(&id);
                }
                return Err(failed(&failure, message.form));
            }
        }
        if let Some(id) = message.id {
            self.files.lock().remove(&id);
        }
        Ok(())
    }
}

/// A name that Slack keeps as it is.
fn file_name(name: &str) -> String {
    let name: String = name
        .chars()
        .map(|char| {
            if char.is_ascii_alphanumeric() || "._-".contains(char) {
                char
            } else {
                '_'
            }
        })
        .take(100)
        .collect();
    if name.trim_matches(['.', '_']).is_empty() {
        "answer.txt".to_owned()
    } else {
        name
    }
}
