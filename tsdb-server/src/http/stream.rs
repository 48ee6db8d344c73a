//! The bytes of a connection, on their way past the watch and the framing.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::framing::{Framing, Violation};
use super::watch::Watch;

/// What the parser of requests gets instead of a violation and what follows it: a NUL stands nowhere in a head, and an
/// empty line lets the parser look at it. It answers 400 in its turn and closes the connection.
const NO_REQUEST: &[u8] = b"\0\n\n";

#[derive(Debug)]
enum Input {
    Framed(Framing),
    /// After a violation: nothing is read but so much of [`NO_REQUEST`], then the end.
    Ended(&'static [u8]),
}

/// A stream that is watched.
#[derive(Debug)]
pub(super) struct Watched<S> {
    stream: S,
    watch: Arc<Watch>,
    input: Input,
}

impl<S> Watched<S> {
    pub(super) fn new(stream: S, watch: Arc<Watch>) -> Self {
        Self {
            stream,
            watch,
            input: Input::Framed(Framing::new()),
        }
    }

    /// Tells the watch whether the network takes bytes, and how many.
    fn took<T>(&self, polled: &Poll<io::Result<T>>, bytes: impl FnOnce(&T) -> usize) {
        match polled {
            Poll::Ready(Ok(taken)) => self.watch.written(bytes(taken)),
            Poll::Ready(Err(_)) => {}
            Poll::Pending => self.watch.blocked(),
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Watched<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if let Input::Framed(framing) = &mut this.input {
            let before = buffer.filled().len();
            ready!(Pin::new(&mut this.stream).poll_read(cx, buffer))?;
            let read = buffer.filled().get(before..).unwrap_or_default();
            if !read.is_empty() {
                this.watch.receiving();
            }
            let Err(Violation { at }) = framing.feed(read) else {
                return Poll::Ready(Ok(()));
            };
            buffer.set_filled(before + at);
            this.input = Input::Ended(NO_REQUEST);
        }
        if let Input::Ended(rest) = &mut this.input {
            let (now, later) = rest.split_at(rest.len().min(buffer.remaining()));
            buffer.put_slice(now);
            *rest = later;
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Watched<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let polled = Pin::new(&mut this.stream).poll_write(cx, bytes);
        this.took(&polled, |n| *n);
        polled
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let polled = Pin::new(&mut this.stream).poll_write_vectored(cx, slices);
        this.took(&polled, |n| *n);
        polled
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let polled = Pin::new(&mut this.stream).poll_flush(cx);
        this.took(&polled, |()| 0);
        polled
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let polled = Pin::new(&mut this.stream).poll_shutdown(cx);
        this.took(&polled, |()| 0);
        polled
    }
}
