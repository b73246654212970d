//! Files on their way out, in Slack's three steps.

use serde_json::json;

use super::sending::{Sender, Uploaded, failed, remember};
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
        let name = crate::chat::gateway::file_name(&file.name);
        let known = message.id.and_then(|id| self.files.lock().get(&id).cloned());
        let uploaded = match known {
            Some(uploaded) => uploaded,
            None => {
                let uploaded = self.upload(message, file, &name).await?;
                if let Some(message) = message.id {
                    remember(&self.files, message, uploaded.clone());
                }
                uploaded
            }
        };
        let id = &uploaded.file;
        let mut body = json!({"files": [{"id": id, "title": name}], "channel_id": channel});
        if let Some(thread) = thread {
            body["thread_ts"] = json!(thread);
        }
        match self.web.call("files.completeUploadExternal", &body).await {
            Ok(_) => {}
            // It was shared by the try whose answer got lost.
            Err(failure) if uploaded.doubtful && failure.code() == "file_not_found" => {}
            Err(failure) => {
                if let Some(id) = message.id {
                    if failure.is_doubtful() {
                        let doubtful = Uploaded {
                            doubtful: true,
                            ..uploaded
                        };
                        remember(&self.files, id, doubtful);
                    } else if matches!(failure, Failure::Refused { .. }) {
                        // A file that Slack does not know any more has to be uploaded again.
                        self.files.lock().remove(&id);
                    }
                }
                return Err(failed(&failure, message.form));
            }
        }
        if let Some(id) = message.id {
            self.files.lock().remove(&id);
        }
        Ok(())
    }

    /// The first two steps: an address for the bytes, and the bytes.
    async fn upload(&self, message: &Rendered, file: &Attachment, name: &str) -> Result<Uploaded, SendError> {
        let length = file.text.len().to_string();
        let fields = [("filename", name), ("length", length.as_str())];
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
        Ok(Uploaded {
            file: answer["file_id"].as_str().unwrap_or_default().to_owned(),
            doubtful: false,
        })
    }
}
