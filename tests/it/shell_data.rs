//! What people say is data: shell metacharacters in arguments never reach a shell as code.

use serde_json::json;

use crate::support::Site;

/// Values that do harm when a shell reads them.
fn hostile(site: &Site) -> Vec<String> {
    let trap = site.path("trap").display().to_string();
    vec![
        format!("$(touch {trap})"),
        format!("`touch {trap}`"),
        format!("; touch {trap} #"),
        format!("| touch {trap}"),
        format!("&& touch {trap} &"),
        format!("' ; touch {trap} ; '"),
        format!("\" ; touch {trap} ; \""),
        format!("a\ntouch {trap}\n"),
        format!("<(touch {trap})"),
        "${HOME} $HOME ~ * ? [a-z] {a,b} !! \\ \\n %s".to_owned(),
        "-rf".to_owned(),
        "--".to_owned(),
        "'".to_owned(),
        "\\'".to_owned(),
        "  spaces  and\ttabs ".to_owned(),
        "ünï ☃ 漢字 🎉".to_owned(),
        String::new(),
    ]
}

#[tokio::test]
async fn arguments_over_http_arrive_as_they_were() {
    let site = Site::open();
    let server = site.serve().await;
    for value in hostile(&site) {
        let parameters = json!({"one": value, "two": "end"});
        let execution = server.api().outcome("trial.told", parameters).await;
        assert_eq!(execution["status"], "succeeded", "{value:?}: {execution:#}");
        assert_eq!(
            execution["result"]["stdout"],
            format!("[{value}][end]"),
            "{execution:#}"
        );
        // Named arguments, too.
        let parameters = json!({"one": "x", "two": "y", "three": value});
        let execution = server.api().outcome("trial.told", parameters).await;
        let told = execution["result"]["stdout"].as_str().unwrap_or_default();
        if !value.is_empty() {
            assert!(
                told.contains(&format!("three={value}]")),
                "{told:?} {execution:#}"
            );
        }
    }
    assert!(!site.path("trap").exists(), "something was executed");
}

#[tokio::test]
async fn arguments_in_chat_arrive_as_they_were() {
    let site = Site::open();
    let server = site.serve().await;
    let chat = server.chat("hostile").await;
    for value in hostile(&site) {
        // Chat has its own reading of quotes and line ends; what is left of it is still data.
        if value.trim() != value || value.is_empty() || value.contains(['\n', '"', '\'']) {
            continue;
        }
        let receipt = chat.say(&format!("tell {value} and end")).await;
        let id = receipt["executions"][0]
            .as_str()
            .unwrap_or_else(|| panic!("{value:?}: {receipt:#}"));
        let execution = server.api().over(id).await;
        assert_eq!(execution["parameters"]["one"], value.as_str());
        assert_eq!(
            execution["result"]["stdout"],
            format!("[{value}][end]"),
            "{execution:#}"
        );
    }
    let trap = site.path("trap");
    for text in [
        format!("tell \"; touch {0} #\" and '; touch {0} #'", trap.display()),
        format!("tell x\ntouch {0}\n and y", trap.display()),
        format!("tell $(touch {0}) and `touch {0}`", trap.display()),
    ] {
        let receipt = chat.say(&text).await;
        chat.answer_to(&receipt).await;
    }
    assert!(!trap.exists(), "something was executed");
}

/// A value that looks like a template stays what it is once it is a parameter's value.
#[tokio::test]
async fn output_and_values_are_not_rendered_again() {
    let site = Site::open();
    let server = site.serve().await;
    let first = server
        .api()
        .outcome(
            "trial.told",
            json!({"one": "{{ '{{' }} 1 + 1 {{ '}}' }}", "two": ""}),
        )
        .await;
    assert_eq!(first["result"]["stdout"], "[{{ 1 + 1 }}][]", "{first:#}");
    let id = first["id"].as_str().expect("an id");
    let body = json!({"parameters": {"two": "again"}});
    let path = format!("/api/v1/executions/{id}/re_run");
    let again = server.api().post(&path, &body).await.with(201);
    let again = server.api().over(again["id"].as_str().expect("an id")).await;
    assert_eq!(again["result"]["stdout"], "[{{ 1 + 1 }}][again]", "{again:#}");
}
