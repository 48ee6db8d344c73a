//! What all handlers share.

use std::io;
use std::path::Path;
use std::sync::{Arc, OnceLock};
use std::time::SystemTime;

use parking_lot::RwLock;
use tokio::sync::watch;
use tsdb_core::{Db, LabelRegex, MemoryBudget, RecoveryProgress};
use tsdb_influx::Influx;
use tsdb_query::Engine;

use crate::bridge::Pool;
use crate::config::{Config, RequestLimits, Settings, SettingsError};
use crate::error::ApiError;
use crate::http::Counts;
use crate::ingest::{Buffers, Elections};
use crate::queries::Queries;
use crate::telemetry::Metrics;
use crate::web::{Web, WebConfig};

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
    /// Memory for everything: the store, queries, bodies of writes.
    pub(crate) budget: MemoryBudget,
    /// How far the opening of the store is.
    pub(crate) progress: RecoveryProgress,
    /// The configuration file as it was read last without an error. Held for a look, or for a reload.
    settings: RwLock<Reloaded>,
    /// Imports and exports: a thread each, for as long as the client takes.
    pub(crate) streams: Pool,
    /// Remote reads.
    pub(crate) reads: Pool,
    /// Memory for decompressed bodies.
    pub(crate) buffers: Buffers,
    pub(crate) metrics: Metrics,
    /// Of connections.
    pub(crate) connections: Arc<Counts>,
    /// TLS, users and tokens.
    pub(crate) web: WebConfig,
    /// Elected replicas of pairs, if they are told apart.
    pub(crate) elections: Option<Elections>,
    /// Origins whose pages may read answers.
    pub(crate) cors_origin: Option<LabelRegex>,
    pub(crate) started: SystemTime,
    /// Set once, when recovery is done.
    store: OnceLock<Opened>,
    /// Becomes true when the server goes down and will not wait for queries any longer.
    cancel: watch::Sender<bool>,
    /// Becomes true when the server is asked to end.
    quit: watch::Sender<bool>,
}

/// What the last reloads brought.
#[derive(Clone, Debug)]
pub(crate) struct Reloaded {
    pub(crate) settings: Arc<Settings>,
    /// Whether the last one did.
    pub(crate) successful: bool,
    /// When the last one did.
    pub(crate) at: SystemTime,
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

    fn apply(&self, settings: &Settings) -> tsdb_core::Result<()> {
        self.db.set_series_limits(settings.limits.of_series());
        self.db.set_retention(settings.retention.of_store())
    }
}

impl Shared {
    /// What one request to write may hold.
    pub(crate) fn request_limits(&self) -> RequestLimits {
        self.settings.read().settings.limits.request
    }
}

impl AppState {
    /// State without a store; [`open_store`](Self::open_store) brings it.
    #[must_use]
    pub fn new(config: Config) -> Self {
        let budget = config.memory_budget();
        Self::with_budget(config, budget)
    }

    fn with_budget(config: Config, budget: MemoryBudget) -> Self {
        let load = &config.load;
        let started = SystemTime::now();
        Self {
            shared: Arc::new(Shared {
                engine: Engine::new(config.engine_options()),
                running: Arc::default(),
                queries: Pool::new(
                    config.query_max_concurrency,
                    load.query_max_queued,
                    "--query.max-queued",
                ),
                writes: Pool::new(load.writes(), load.queued_writes(), "--write.max-queued"),
                buffers: Buffers::new(budget.clone()),
                budget,
                progress: RecoveryProgress::default(),
                settings: RwLock::new(Reloaded {
                    settings: Arc::new(config.settings_without_file()),
                    successful: true,
                    at: started,
                }),
                streams: Pool::new(load.web_max_streams, 0, "--web.max-streams"),
                reads: Pool::new(
                    config.remote_read_concurrent_limit,
                    10 * config.remote_read_concurrent_limit,
                    "--storage.remote.read-concurrent-limit",
                ),
                metrics: Metrics::default(),
                connections: Arc::default(),
                web: WebConfig::new(config.web_config_file.clone()),
                cors_origin: config.cors_origin(),
                elections: config.ha_options().map(Elections::new),
                started,
                store: OnceLock::new(),
                cancel: watch::Sender::new(false),
                quit: watch::Sender::new(false),
                config,
            }),
        }
    }

    /// State around a store that is open already. The catalogue of its InfluxDB databases is in memory.
    #[must_use]
    pub fn with_store(config: Config, store: Db) -> Self {
        let state = Self::with_budget(config, store.memory().clone());
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
            self.shared
                .config
                .store_options(self.reloaded().settings.retention.of_store())
                .memory_budget(self.shared.budget.clone())
                .recovery_progress(self.shared.progress.clone()),
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
        if let Some(elections) = &self.shared.elections {
            elections.keep_in(self.shared.config.data_dir.join("ha"));
        }
        let reloaded = self.shared.settings.write(); // no reload in between
        opened.apply(&reloaded.settings).map_err(io::Error::other)?;
        let _ = self.shared.store.set(opened); // only called once
        drop(reloaded);
        Ok(())
    }

    /// Reads the configuration file and the web configuration again and applies them; what is in effect of the one that
    /// is wrong stays.
    ///
    /// # Errors
    /// What is wrong with a file, and where.
    pub fn reload(&self) -> Result<(), SettingsError> {
        let web = self.shared.web.reload();
        self.reload_settings()?;
        web
    }

    fn reload_settings(&self) -> Result<(), SettingsError> {
        let read = self.shared.config.read_settings();
        let mut reloaded = self.shared.settings.write();
        reloaded.successful = read.is_ok();
        let settings = read?;
        if let Some(opened) = self.shared.store.get()
            && let Err(error) = opened.apply(&settings)
        {
            // The settings were checked: the store is closed.
            tracing::warn!(%error, "the retention that was read again is not in effect");
        }
        reloaded.settings = Arc::new(settings);
        reloaded.at = SystemTime::now();
        Ok(())
    }

    /// The web configuration in effect.
    pub(crate) fn web(&self) -> Arc<Web> {
        self.shared.web.current()
    }

    /// The configuration in effect.
    pub(crate) fn reloaded(&self) -> Reloaded {
        self.shared.settings.read().clone()
    }

    /// Asks the server to end as SIGTERM does.
    pub(crate) fn quit(&self) {
        self.shared.quit.send_replace(true);
    }

    /// Returns once [`quit`](Self::quit) was called.
    pub(crate) async fn asked_to_quit(&self) {
        let _ = self.shared.quit.subscribe().wait_for(|quit| *quit).await; // the sender lives in `self`
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
        self.shared.running.cancel_all();
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
