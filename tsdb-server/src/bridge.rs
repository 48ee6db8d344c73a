//! From async to the synchronous engine: bounded, so that overload is an answer and not a longer queue.

use std::fmt;
use std::sync::Arc;

use tokio::sync::{Semaphore, oneshot};

/// So many jobs run at once on the blocking threads, so many more wait for their turn.
#[derive(Debug)]
pub(crate) struct Pool {
    /// Permits to run. FIFO, so that nobody starves.
    running: Arc<Semaphore>,
    /// Permits to be here at all, running or waiting.
    admitted: Arc<Semaphore>,
    /// What bounds how many may wait: a flag, if there is one.
    bound: &'static str,
}

/// Why a job has no result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PoolError {
    /// The queue is full: come again.
    Full {
        /// What bounds it.
        bound: &'static str,
    },
    /// The job ended without a result: it panicked.
    Panicked,
}

impl fmt::Display for PoolError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Full { bound } => write!(
                f,
                "too many requests are waiting ({bound}), try again later"
            ),
            Self::Panicked => f.write_str("internal error: the request's job panicked"),
        }
    }
}

impl Pool {
    /// `run` jobs at once and `wait` more in the queue, which `bound` bounds.
    pub(crate) fn new(run: usize, wait: usize, bound: &'static str) -> Self {
        let limit = |n: usize| Arc::new(Semaphore::new(n.clamp(1, Semaphore::MAX_PERMITS)));
        Self {
            running: limit(run),
            admitted: limit(run.saturating_add(wait)),
            bound,
        }
    }

    /// Whether a job would be refused now, so that who brings one need not make it first.
    ///
    /// # Errors
    /// [`PoolError::Full`] then.
    pub(crate) fn check(&self) -> Result<(), PoolError> {
        match self.admitted.available_permits() {
            0 => Err(PoolError::Full { bound: self.bound }),
            _ => Ok(()),
        }
    }

    /// Runs `job` on a blocking thread. Dropping the future before the job began takes it out of the queue; a job
    /// that runs goes on and keeps its place until it ends.
    ///
    /// # Errors
    /// [`PoolError::Full`] at once when the queue is full, [`PoolError::Panicked`].
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        job: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, PoolError> {
        let answer = |result, sender: oneshot::Sender<T>| drop(sender.send(result));
        self.run_then(job, answer).await
    }

    /// As [`run`](Self::run), for a result that comes later and from elsewhere: `then` gets what the job made, after that
    /// has given its place back, and the sender of the result. So the waiting task is woken once.
    ///
    /// # Errors
    /// Those of [`run`](Self::run).
    pub(crate) async fn run_then<M, T: Send + 'static>(
        &self,
        job: impl FnOnce() -> M + Send + 'static,
        then: impl FnOnce(M, oneshot::Sender<T>) + Send + 'static,
    ) -> Result<T, PoolError> {
        let full = |_| PoolError::Full { bound: self.bound };
        let admitted = Arc::clone(&self.admitted)
            .try_acquire_owned()
            .map_err(full)?;
        // Closed only if someone closed the semaphore, which nobody does.
        let running = Arc::clone(&self.running)
            .acquire_owned()
            .await
            .map_err(|_| PoolError::Full { bound: self.bound })?;
        let (sender, receiver) = oneshot::channel();
        tokio::task::spawn_blocking(move || {
            // In this order: also after a panic the place is given back before anyone hears of it.
            let sender = sender;
            let place = (running, admitted);
            let made = job();
            drop(place);
            then(made, sender);
        });
        receiver.await.map_err(|_| PoolError::Panicked)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[tokio::test]
    async fn a_full_queue_is_an_answer() {
        let pool = Arc::new(Pool::new(1, 1, "bound"));
        let (release, gate) = mpsc::channel::<()>();
        let (begun_tx, begun) = tokio::sync::oneshot::channel();
        let first = tokio::spawn({
            let pool = Arc::clone(&pool);
            async move {
                pool.run(move || {
                    let _ = begun_tx.send(());
                    gate.recv().unwrap();
                    1
                })
                .await
            }
        });
        begun.await.unwrap();
        let mut second = Box::pin(pool.run(|| 2));
        assert!(futures_poll(&mut second).await.is_none(), "it waits");
        let full = PoolError::Full { bound: "bound" };
        assert_eq!(pool.check(), Err(full));
        assert_eq!(pool.run(|| 3).await, Err(full));
        release.send(()).unwrap();
        assert_eq!(first.await.unwrap(), Ok(1));
        assert_eq!(second.await, Ok(2));
        assert_eq!(pool.check(), Ok(()));
        assert_eq!(pool.run(|| 4).await, Ok(4));
    }

    /// Polls once.
    async fn futures_poll<F: Future + Unpin>(future: &mut F) -> Option<F::Output> {
        tokio::select! {
            biased;
            output = future => Some(output),
            () = std::future::ready(()) => None,
        }
    }

    #[tokio::test]
    async fn a_panic_gives_the_place_back() {
        let pool = Pool::new(1, 1, "bound");
        assert_eq!(
            pool.run(|| -> u8 { panic!("as the test wants") }).await,
            Err(PoolError::Panicked)
        );
        assert_eq!(pool.run(|| 1).await, Ok(1));
    }
}
