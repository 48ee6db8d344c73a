//! One connection: the handshake of TLS, then requests of HTTP/1.1 or HTTP/2 until somebody ends it.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::{Request, Response, Version};
use hyper::body::Incoming;
use hyper::service::{Service as _, service_fn};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;

use super::body::{AnswerBody, TimedBody};
use super::bounds::Bounds;
use super::counts::Counts;
use super::serve::Place;
use super::stream::Watched;
use super::watch::Watch;
use crate::state::AppState;

/// Bytes that a client of HTTP/2 may send ahead of whoever reads its bodies, and of one body.
const HTTP2_WINDOW: u32 = 256 << 10;

/// Bytes of an answer that wait for a client of HTTP/2.
const HTTP2_SEND_BUFFER: usize = 64 << 10;

/// Streams of HTTP/2 that were reset because of what the client sent, before the connection is given up.
const HTTP2_FAULTS: usize = 128;

/// What the connections share.
#[derive(Clone, Debug)]
pub(super) struct Server {
    app: Router,
    state: AppState,
    bounds: Bounds,
    builder: Builder<TokioExecutor>,
    stop: watch::Receiver<bool>,
}

impl Server {
    pub(super) fn new(
        app: Router,
        state: AppState,
        bounds: Bounds,
        stop: watch::Receiver<bool>,
    ) -> Self {
        Self {
            app,
            state,
            bounds,
            builder: builder(&bounds),
            stop,
        }
    }

    pub(super) fn counts(&self) -> Arc<Counts> {
        Arc::clone(&self.state.shared.connections)
    }

    pub(super) fn is_tls(&self) -> bool {
        self.state.web().tls.is_some()
    }

    /// Serves a connection to its end.
    pub(super) async fn run(self, stream: TcpStream, client: SocketAddr, place: Place) {
        let counts = self.counts();
        let _open = counts.open();
        let _ = stream.set_nodelay(true); // without it answers are slower, no more
        let watch = Arc::clone(&place.watch);
        let web = self.state.web();
        let Some(tls) = &web.tls else {
            return self.serve(stream, client, &watch, web.http2).await;
        };
        watch.receiving();
        let shaken = tokio::select! {
            shaken = TlsAcceptor::from(Arc::clone(&tls.config)).accept(stream) => shaken,
            why = watch.closed() => return counts.closed(why),
        };
        watch.shaken();
        match shaken {
            Ok(stream) if tls.admits(stream.get_ref().1) => {
                self.serve(stream, client, &watch, web.http2).await;
            }
            Ok(_) => {
                counts.handshake_failed();
                tracing::debug!(%client, "the names of the client certificate are not allowed");
            }
            Err(error) => {
                counts.handshake_failed();
                tracing::debug!(%client, %error, "TLS handshake failed");
            }
        }
    }

    async fn serve<S>(mut self, stream: S, client: SocketAddr, watch: &Arc<Watch>, http2: bool)
    where
        S: AsyncRead + AsyncWrite + Unpin + 'static,
    {
        let stream = TokioIo::new(Watched::new(stream, Arc::clone(watch)));
        let app = TowerToHyperService::new(self.app);
        let timeout = self.bounds.body_timeout;
        let service = service_fn(|request: Request<Incoming>| {
            let in_flight = watch.request(request.version() == Version::HTTP_2);
            let mut request = request.map(|body| TimedBody::wrap(body, timeout));
            request.extensions_mut().insert(ConnectInfo(client));
            let answer = app.call(request);
            async move {
                let answer: Response<Body> = answer.await?;
                Ok::<_, Infallible>(answer.map(|body| AnswerBody::new(body, in_flight)))
            }
        });
        let builder = match http2 {
            true => self.builder,
            false => self.builder.http1_only(),
        };
        let mut connection = pin!(builder.serve_connection(stream, service));
        tokio::select! {
            ended = connection.as_mut() => return debug(client, ended),
            why = watch.closed() => return self.state.shared.connections.closed(why),
            _ = self.stop.wait_for(|stop| *stop) => connection.as_mut().graceful_shutdown(),
        }
        tokio::select! {
            ended = connection.as_mut() => debug(client, ended),
            why = watch.closed() => self.state.shared.connections.closed(why),
        }
    }
}

fn debug(client: SocketAddr, ended: Result<(), Box<dyn std::error::Error + Send + Sync>>) {
    if let Err(error) = ended {
        tracing::debug!(%client, error, "connection ended");
    }
}

/// The limits that the parsers know. Those of the head are a little wider than the flags, so that most of what is beyond
/// a flag gets an answer that names it.
fn builder(bounds: &Bounds) -> Builder<TokioExecutor> {
    const LEAST_BUFFER: usize = 64 << 10; // of bodies as well
    let head = 2 * (bounds.uri_bytes + bounds.header_bytes);
    let mut builder = Builder::new(TokioExecutor::new());
    builder
        .http1()
        .header_read_timeout(None) // the watch has it
        .max_buf_size(head.max(LEAST_BUFFER))
        .max_headers(2 * bounds.headers);
    builder
        .http2()
        .max_concurrent_streams(bounds.http2_streams)
        .max_header_list_size(u32::try_from(head).unwrap_or(u32::MAX))
        .max_pending_accept_reset_streams(bounds.http2_resets)
        .max_local_error_reset_streams(HTTP2_FAULTS)
        .initial_stream_window_size(HTTP2_WINDOW)
        .initial_connection_window_size(HTTP2_WINDOW)
        .max_send_buf_size(HTTP2_SEND_BUFFER);
    builder
}
