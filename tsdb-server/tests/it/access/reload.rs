//! The web configuration is read again.

use axum::http::Method;

use super::{basic, guarded, hash, usual};

#[tokio::test]
async fn new_users_hold_from_the_next_request_and_old_ones_no_more() {
    let server = guarded(&usual(), &[]);
    let status = async |header: &str| {
        server
            .send(Method::GET, "/metrics", header)
            .await
            .status
            .as_u16()
    };
    let (old, new) = (basic("all", "all-password"), basic("all", "new-password"));
    assert_eq!(status(&old).await, 200);
    assert_eq!(status(&new).await, 401);
    let text = format!("basic_auth_users:\n  all: {}\n", hash("new-password"));
    std::fs::write(server.file("web.yml"), text).unwrap();
    server.state.reload().unwrap();
    assert_eq!(status(&old).await, 401, "it was remembered");
    assert_eq!(status(&new).await, 200);
}

#[tokio::test]
async fn what_is_wrong_or_would_open_the_server_changes_nothing() {
    let server = guarded(&usual(), &[]);
    let metrics = async || {
        let answer = server
            .send(Method::GET, "/metrics", &basic("all", "all-password"))
            .await;
        answer.text().to_owned()
    };
    assert!(
        metrics()
            .await
            .contains("\ntsdb_web_config_last_reload_successful 1\n")
    );
    for (text, reason) in [
        (
            "",
            "authentication cannot be switched off without a restart",
        ),
        (
            "basic_auth_users: {}\n",
            "authentication cannot be switched off",
        ),
        (
            "basic_auth_users:\n  all: secret\n",
            ":2:8: basic_auth_users: \"all\": not a bcrypt hash",
        ),
        ("nonsense: 1\n", "unknown key \"nonsense\""),
        (
            "bearer_tokens:\n  - token_file: nowhere\n    scopes: [read]\n",
            "nowhere",
        ),
    ] {
        std::fs::write(server.file("web.yml"), text).unwrap();
        let refused = server.state.reload().unwrap_err().to_string();
        assert!(refused.contains(reason), "{text:?}: {refused}");
        assert!(
            metrics()
                .await
                .contains("\ntsdb_web_config_last_reload_successful 0\n")
        );
    }
    std::fs::write(server.file("web.yml"), usual()).unwrap();
    server.state.reload().unwrap();
    assert!(
        metrics()
            .await
            .contains("\ntsdb_web_config_last_reload_successful 1\n")
    );
}
