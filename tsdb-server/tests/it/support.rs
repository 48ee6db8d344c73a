//! A server without a port.

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Method, Request, StatusCode};
use axum::response::Response;
use clap::Parser;
use serde_json::Value;
use tower::ServiceExt;
use tsdb_core::{Db, Options};
use tsdb_server::{AppState, Config, app};

use crate::common::compress;
use crate::common::remote_read::HEADERS;
use crate::common::wire::{Series, encode};

/// An answer, read to its end.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|e| panic!("{e}: {self:?}"))
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |v| v.to_str().unwrap())
    }
}

/// The router with a store in memory, or without any.
#[derive(Clone)]
pub(crate) struct Server(Router);

impl Server {
    /// A store in memory that takes samples of any time.
    pub(crate) fn new(flags: &[&str]) -> Self {
        let options = Options::new().retention(None).future_limit(None);
        let db = Db::in_memory(options).unwrap();
        Self(app(AppState::with_store(config(flags), db)))
    }

    /// With a configuration file of this text.
    pub(crate) fn configured(text: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("tsdb.yml");
        std::fs::write(&file, text).unwrap();
        let options = Options::new().retention(None).future_limit(None);
        let config = config(&["--config.file", file.to_str().unwrap()]);
        let state = AppState::with_store(config, Db::in_memory(options).unwrap());
        state.reload().unwrap();
        Self(app(state))
    }

    /// The same, with so much memory, for bodies up to 100 MB.
    pub(crate) fn with_memory(bytes: u64) -> Self {
        let db = Db::in_memory(Options::new().memory_limit(bytes)).unwrap();
        let flags = ["--web.max-body-bytes=100000000"];
        Self(app(AppState::with_store(config(&flags), db)))
    }

    /// A store in a directory, of samples of any time.
    pub(crate) fn on(dir: &std::path::Path) -> Self {
        let options = Options::new().retention(None).future_limit(None);
        let db = Db::open(dir, options).unwrap();
        Self(app(AppState::with_store(
            config(&["--web.enable-admin-api"]),
            db,
        )))
    }

    /// With this web configuration.
    pub(crate) fn guarded(web_config: &std::path::Path, flags: &[&str]) -> (Self, AppState) {
        let options = Options::new().retention(None).future_limit(None);
        let flag = format!("--web.config.file={}", web_config.display());
        let flags: Vec<&str> = flags.iter().copied().chain([flag.as_str()]).collect();
        let state = AppState::with_store(config(&flags), Db::in_memory(options).unwrap());
        state.reload().unwrap();
        (Self(app(state.clone())), state)
    }

    /// As during recovery.
    pub(crate) fn without_store() -> Self {
        Self(app(AppState::new(config(&[]))))
    }

    /// An answer whose body is not read.
    pub(crate) async fn response(&self, target: &str) -> Response {
        let request = Request::get(target).body(Body::empty()).unwrap();
        self.0.clone().oneshot(request).await.unwrap()
    }

    pub(crate) async fn send(&self, request: Request<Body>) -> Answer {
        let response = self.0.clone().oneshot(request).await.unwrap();
        Answer {
            status: response.status(),
            headers: response.headers().clone(),
            body: to_bytes(response.into_body(), usize::MAX)
                .await
                .unwrap()
                .into(),
        }
    }

    pub(crate) async fn request(&self, method: Method, target: &str) -> Answer {
        let request = Request::builder().method(method).uri(target);
        self.send(request.body(Body::empty()).unwrap()).await
    }

    pub(crate) async fn get(&self, target: &str) -> Answer {
        self.request(Method::GET, target).await
    }

    /// A form in the body.
    pub(crate) async fn form(&self, target: &str, form: &str) -> Answer {
        let request = Request::post(target)
            .header("content-type", "application/x-www-form-urlencoded")
            .body(Body::from(form.to_owned()));
        self.send(request.unwrap()).await
    }

    /// A remote-write body that is compressed already.
    pub(crate) async fn write_raw(&self, body: Vec<u8>) -> Answer {
        let request = Request::post("/api/v1/write")
            .header("content-type", "application/x-protobuf")
            .header("content-encoding", "snappy")
            .body(Body::from(body));
        self.send(request.unwrap()).await
    }

    /// A remote read; the request is not compressed yet.
    pub(crate) async fn read(&self, request: &[u8]) -> Answer {
        let mut post = Request::post("/api/v1/read").header("accept-encoding", "snappy");
        for (name, value) in HEADERS {
            post = post.header(name, value);
        }
        self.send(post.body(Body::from(compress(request))).unwrap())
            .await
    }

    pub(crate) async fn write(&self, series: &[Series]) -> Answer {
        self.write_raw(compress(&encode(series, &[]))).await
    }
}

fn config(flags: &[&str]) -> Config {
    Config::try_parse_from(std::iter::once(&"tsdb-server").chain(flags)).unwrap()
}
