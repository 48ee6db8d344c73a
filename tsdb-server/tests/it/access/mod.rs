//! Users, tokens and what they may do.

mod flood;
mod forms;
mod reload;
mod secrets;
mod start;

use std::path::PathBuf;

use axum::body::Body;
use axum::http::{Method, Request};
use tsdb_server::AppState;

use crate::support::{Answer, Server};

/// A server with a web configuration in a directory.
struct Guarded {
    server: Server,
    state: AppState,
    dir: tempfile::TempDir,
}

/// A bcrypt hash, cheap to verify.
fn hash(password: &str) -> String {
    bcrypt::hash(password, 4).unwrap()
}

/// Users `all` and `reader`, tokens `writer-token` and `admin-token`.
fn usual() -> String {
    format!(
        "basic_auth_users:\n  all: {}\n  reader: {}\nbasic_auth_scopes:\n  reader: [read]\n\
         bearer_tokens:\n  - token_file: writer\n    scopes: [write]\n  - token_file: admin\n    scopes: [admin]\n",
        hash("all-password"),
        hash("reader-password"),
    )
}

fn guarded(text: &str, flags: &[&str]) -> Guarded {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("writer"), "writer-token\n").unwrap();
    std::fs::write(dir.path().join("admin"), "admin-token").unwrap();
    std::fs::write(dir.path().join("web.yml"), text).unwrap();
    let (server, state) = Server::guarded(&dir.path().join("web.yml"), flags);
    Guarded { server, state, dir }
}

impl Guarded {
    fn file(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Sends a request with this header, `name: value`, or none.
    async fn send(&self, method: Method, target: &str, header: &str) -> Answer {
        let mut request = Request::builder().method(method).uri(target);
        if let Some((name, value)) = header.split_once(": ") {
            request = request.header(name, value);
        }
        self.server.send(request.body(Body::empty()).unwrap()).await
    }
}

/// `Authorization: Basic`
fn basic(name: &str, password: &str) -> String {
    use base64::Engine as _;
    let text = base64::engine::general_purpose::STANDARD.encode(format!("{name}:{password}"));
    format!("authorization: Basic {text}")
}
