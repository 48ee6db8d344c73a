//! Answers that wait for their clients take memory too, however slowly they are read.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use hyper::body::{Body as HttpBody, Frame, SizeHint};
use tsdb_core::Reservation;

use crate::error::ApiError;
use crate::state::AppState;

/// Answers of fewer bytes are not counted: all connections together have few of them.
const SMALL: u64 = 64 << 10;

/// What an answer that is made while it is sent counts for, in bytes: what waits in its channel.
const STREAM: u64 = 2 << 20;

/// Takes the memory of an answer until it is sent; 503 when there is none.
pub(crate) async fn hold_answer(
    State(state): State<AppState>,
    request: Request,
    next: Next,
) -> Response {
    let response = next.run(request).await;
    let bytes = response.body().size_hint().exact().unwrap_or(STREAM);
    if bytes < SMALL {
        return response;
    }
    match state.shared.budget.reserve(bytes) {
        Ok(share) => response.map(|body| {
            let share = Arc::new(share);
            Body::new(HeldBody { body, share })
        }),
        Err(e) => ApiError::from(e).into_response(),
    }
}

/// A body with its share of the memory, which goes along with its bytes: they wait in the connection when the body is gone.
#[derive(Debug)]
struct HeldBody {
    body: Body,
    share: Arc<Reservation>,
}

#[derive(Debug)]
struct Held {
    bytes: Bytes,
    _share: Arc<Reservation>,
}

impl AsRef<[u8]> for Held {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl HttpBody for HeldBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let this = self.get_mut();
        let frame = ready!(Pin::new(&mut this.body).poll_frame(cx));
        let held = |bytes| {
            Bytes::from_owner(Held {
                bytes,
                _share: Arc::clone(&this.share),
            })
        };
        Poll::Ready(frame.map(|frame| frame.map(|frame| frame.map_data(held))))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// A body of several parts.
#[derive(Debug)]
pub(crate) struct Parts(VecDeque<Bytes>);

impl Parts {
    pub(crate) fn new(parts: Vec<Box<[u8]>>) -> Self {
        Self(parts.into_iter().map(Bytes::from).collect())
    }
}

impl HttpBody for Parts {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let part = self.get_mut().0.pop_front();
        Poll::Ready(part.map(|part| Ok(Frame::data(part))))
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.0.iter().map(|part| part.len() as u64).sum())
    }
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::http::StatusCode;
    use axum::middleware::from_fn_with_state;
    use axum::routing::get;
    use clap::Parser;
    use http_body_util::BodyExt;
    use tower::ServiceExt;

    use super::*;
    use crate::Config;

    #[tokio::test]
    async fn answers_that_nobody_reads_take_memory_until_they_are_gone() {
        let config = Config::try_parse_from(["tsdb-server", "--memory.limit=32MB"]).unwrap();
        let state = AppState::new(config);
        let parts = || {
            let parts = Parts::new(vec![vec![b'x'; 10 << 20].into(), vec![b'y'; 10].into()]);
            Body::new(parts).into_response()
        };
        let app = Router::new()
            .route("/large", get(|| async { vec![b'x'; 10 << 20] }))
            .route("/parts", get(move || async move { parts() }))
            .route("/small", get(|| async { "x" }))
            .layer(from_fn_with_state(state.clone(), hold_answer));
        let ask = async |path: &str| {
            let request = Request::get(path).body(Body::empty()).unwrap();
            app.clone().oneshot(request).await.unwrap()
        };
        let taken = || state.shared.budget.usage().reserved;
        let first = ask("/large").await;
        let second = ask("/parts").await;
        let mut third = ask("/large").await.into_body();
        assert_eq!(taken(), 30 << 20 | 10);
        let refused = ask("/large").await;
        assert_eq!(refused.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert!(refused.headers().contains_key("retry-after"));
        assert_eq!(ask("/small").await.status(), StatusCode::OK);

        // The connection has the bytes when the body is gone.
        let bytes = third.frame().await.unwrap().unwrap().into_data().unwrap();
        drop(third);
        assert_eq!(taken(), 30 << 20 | 10);
        drop(bytes);
        assert_eq!(taken(), 20 << 20 | 10);
        let whole = second.into_body().collect().await.unwrap().to_bytes();
        assert_eq!(whole.len(), 10 << 20 | 10);
        drop((first, whole));
        assert_eq!(taken(), 0);
        assert_eq!(ask("/large").await.status(), StatusCode::OK);
    }
}
