//! What all handlers share.

use std::io;
use std::path::Path;
use std::sync::{Arc, OnceLock};
use std::time::SystemTime;

use tokio::sync::{Semaphore, watch};
use tsdb_core::Db;
use tsdb_influx::Influx;
use tsdb_query::Engine;

use crate::bridge::Pool;
use crate::config::Config;
use crate::error::ApiError;
use crate::ingest::Buffers;
use crate::queries::Queries;
use crate::telemetry::Metrics;

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
    /// KiB that bodies of writes under way may hold; what is more is told to come again.
    pub(crate) body_kib: Arc<Semaphore>,
    /// Memory for decompressed bodies.
    pub(crate) buffers: Buffers,
    pub(crate) metrics: Metrics,
    pub(crate) started: SystemTime,
    /// Set once, when recovery is done.
    store: OnceLock<Opened>,
    /// Becomes true when the server goes down and will not wait for queries any longer.
    cancel: watch::Sender<bool>,
}

/// The store, and InfluxDB's data in it.
#[derive(Debug)]
struct Opened {
    db: Db,
    influx: Arc<Influx>,
}

impl Opened {
    fn new(db: Db, dir: Option<&Path>) -> io::Result<Self> {
        let influx = Influx::open(db.clone(), dir).map_err(io::Error::other)?;
        Ok(Self {
            db,
            influx: Arc::new(influx),
        })
    }
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

    /// State around a store that is open already. The catalogue of its InfluxDB databases is in memory.
    #[must_use]
    pub fn with_store(config: Config, store: Db) -> Self {
        let state = Self::new(config);
        if let Ok(opened) = Opened::new(store, None) {
            let _ = state.shared.store.set(opened); // it was empty
        }
        state
    }

    /// Opens the store of the configuration, recovering what a crash left. Blocks.
    ///
    /// # Errors
    /// As [`Db::open`], and when the catalogue of InfluxDB's databases cannot be read.
    pub fn open_store(&self) -> io::Result<()> {
        let begun = std::time::Instant::now();
        let db = Db::open(
            &self.shared.config.data_dir,
            self.shared.config.store_options(),
        )
        .map_err(io::Error::other)?;
        let stats = db.stats();
        tracing::info!(
            path = %self.shared.config.data_dir.display(),
            seconds = begun.elapsed().as_secs_f64(),
            replayed_frames = stats.replayed_frames,
            runs = stats.runs,
            "store is open"
        );
        let opened = Opened::new(db, Some(&self.shared.config.data_dir))?;
        let _ = self.shared.store.set(opened); // only called once
        Ok(())
    }

    /// The store.
    ///
    /// # Errors
    /// 503 while it is being recovered.
    pub(crate) fn store(&self) -> Result<Db, ApiError> {
        let opened = self.shared.store.get();
        let opened = opened.ok_or_else(ApiError::not_ready)?;
        Ok(opened.db.clone())
    }

    /// InfluxDB's data in the store.
    ///
    /// # Errors
    /// 503 while the store is being recovered.
    pub(crate) fn influx(&self) -> Result<Arc<Influx>, ApiError> {
        let opened = self.shared.store.get();
        let opened = opened.ok_or_else(ApiError::not_ready)?;
        Ok(Arc::clone(&opened.influx))
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
