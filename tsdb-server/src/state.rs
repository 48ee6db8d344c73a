//! What all handlers share.

use std::sync::{Arc, OnceLock};
use std::time::SystemTime;

use tokio::sync::{Semaphore, watch};
use tsdb_core::Db;
use tsdb_query::Engine;

use crate::bridge::Pool;
use crate::config::Config;
use crate::error::ApiError;
use crate::ingest::Buffers;
use crate::queries::Queries;
use crate::telemetry::Metrics;

/// Imports and exports that are under way at once; one more is told to come again.
const MAX_STREAMS: usize = 8;

/// The shared state; clones share it.
#[derive(Clone, Debug)]
pub struct AppState {
    pub(crate) shared: Arc<Shared>,
}

#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) config: Config,
    pub(crate) engine: Engine,
    /// Which queries are under way, and how those that ended did.
    pub(crate) running: Arc<Queries>,
    /// Evaluations of queries.
    pub(crate) queries: Pool,
    /// Decoding and applying of writes.
    pub(crate) writes: Pool,
    /// Imports and exports: a thread each, for as long as the client takes.
    pub(crate) streams: Pool,
    /// KiB that bodies of writes under way may hold; what is more is told to come again.
    pub(crate) body_kib: Arc<Semaphore>,
    /// Memory for decompressed bodies.
    pub(crate) buffers: Buffers,
    pub(crate) metrics: Metrics,
    pub(crate) started: SystemTime,
    /// Set once, when recovery is done.
    store: OnceLock<Db>,
    /// Becomes true when the server goes down and will not wait for queries any longer.
    cancel: watch::Sender<bool>,
}

impl AppState {
    /// State without a store; [`open_store`](Self::open_store) brings it.
    #[must_use]
    pub fn new(config: Config) -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let body_kib = (8 * config.max_body_bytes / 1024).clamp(1024, 1 << 20);
        Self {
            shared: Arc::new(Shared {
                engine: Engine::new(config.engine_options()),
                running: Arc::default(),
                // Queries wait for their turn within their timeout; ten times as many as may run is a queue in distress.
                queries: Pool::new(
                    config.query_max_concurrency,
                    10 * config.query_max_concurrency,
                ),
                writes: Pool::new(2 * cores, 64 * cores),
                streams: Pool::new(MAX_STREAMS, 0),
                body_kib: Arc::new(Semaphore::new(body_kib)),
                buffers: Buffers::default(),
                metrics: Metrics::default(),
                started: SystemTime::now(),
                store: OnceLock::new(),
                cancel: watch::Sender::new(false),
                config,
            }),
        }
    }

    /// State around a store that is open already.
    #[must_use]
    pub fn with_store(config: Config, store: Db) -> Self {
        let state = Self::new(config);
        let _ = state.shared.store.set(store); // it was empty
        state
    }

    /// Opens the store of the configuration, recovering what a crash left. Blocks.
    ///
    /// # Errors
    /// As [`Db::open`].
    pub fn open_store(&self) -> tsdb_core::Result<()> {
        let begun = std::time::Instant::now();
        let db = Db::open(
            &self.shared.config.data_dir,
            self.shared.config.store_options(),
        )?;
        let stats = db.stats();
        tracing::info!(
            path = %self.shared.config.data_dir.display(),
            seconds = begun.elapsed().as_secs_f64(),
            replayed_frames = stats.replayed_frames,
            runs = stats.runs,
            "store is open"
        );
        let _ = self.shared.store.set(db); // only called once
        Ok(())
    }

    /// The store.
    ///
    /// # Errors
    /// 503 while it is being recovered.
    pub(crate) fn store(&self) -> Result<Db, ApiError> {
        self.shared
            .store
            .get()
            .cloned()
            .ok_or_else(ApiError::not_ready)
    }

    /// Ends every query under way.
    pub(crate) fn cancel_queries(&self) {
        self.shared.cancel.send_replace(true);
    }

    /// Returns once [`cancel_queries`](Self::cancel_queries) was called.
    pub(crate) async fn queries_canceled(&self) {
        let _ = self
            .shared
            .cancel
            .subscribe()
            .wait_for(|cancel| *cancel)
            .await; // the sender lives in `self`
    }
}
