//! Bodies of requests that have to come in time, and bodies of answers that tell whether they are taken.

use std::error::Error;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use axum::body::{Body, Bytes};
use hyper::body::{Body as HttpBody, Frame, Incoming, SizeHint};
use tokio::time::Sleep;

use super::bounds::MIN_RATE;
use super::watch::InFlight;

/// The body of a request, given up when the client does not send. Only the time counts in which it is waited for; what
/// comes gives some back, so that one that drips is given up as well.
#[derive(Debug)]
pub(super) struct TimedBody {
    body: Incoming,
    timeout: Duration,
    /// How long may be waited yet.
    patience: Duration,
    /// Since when it is waited for, and the alarm.
    waiting: Option<(Instant, Pin<Box<Sleep>>)>,
}

impl TimedBody {
    pub(super) fn wrap(body: Incoming, timeout: Duration) -> Body {
        if body.is_end_stream() {
            return Body::empty();
        }
        Body::new(Self {
            body,
            timeout,
            patience: timeout,
            waiting: None,
        })
    }
}

impl HttpBody for TimedBody {
    type Data = Bytes;
    type Error = Box<dyn Error + Send + Sync>;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let this = self.get_mut();
        if let Poll::Ready(frame) = Pin::new(&mut this.body).poll_frame(cx) {
            let bytes = match &frame {
                Some(Ok(frame)) => frame.data_ref().map_or(0, Bytes::len),
                _ => 0,
            };
            let waited = this.waiting.take().map(|(since, _)| since.elapsed());
            let given = Duration::from_secs_f64(bytes as f64 / MIN_RATE);
            let left = this.patience.saturating_sub(waited.unwrap_or_default());
            this.patience = left.saturating_add(given).min(this.timeout);
            return Poll::Ready(frame.map(|frame| frame.map_err(Into::into)));
        }
        let patience = this.patience;
        let (_, alarm) = this
            .waiting
            .get_or_insert_with(|| (Instant::now(), Box::pin(tokio::time::sleep(patience))));
        ready!(alarm.as_mut().poll(cx));
        let reason = format!(
            "it came too slowly, see --web.body-timeout ({:?})",
            this.timeout
        );
        let error = io::Error::new(io::ErrorKind::TimedOut, reason);
        Poll::Ready(Some(Err(error.into())))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// The client's delay, if that is what ended a body.
pub(crate) fn timed_out<'e>(error: &'e (dyn Error + 'static)) -> Option<&'e io::Error> {
    let mut cause = Some(error);
    while let Some(error) = cause {
        match error.downcast_ref::<io::Error>() {
            Some(error) if error.kind() == io::ErrorKind::TimedOut => return Some(error),
            _ => cause = error.source(),
        }
    }
    None
}

/// The body of an answer. Asked for more, it is we who are waited for; else the client is.
#[derive(Debug)]
pub(super) struct AnswerBody {
    body: Body,
    in_flight: InFlight,
}

impl AnswerBody {
    pub(super) fn new(body: Body, mut in_flight: InFlight) -> Self {
        in_flight.waits_for_client(true);
        Self { body, in_flight }
    }
}

impl HttpBody for AnswerBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let this = self.get_mut();
        let polled = Pin::new(&mut this.body).poll_frame(cx);
        this.in_flight.waits_for_client(polled.is_ready());
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
