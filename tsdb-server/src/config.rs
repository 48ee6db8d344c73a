//! Flags and their environment variables, with Prometheus's names where the meaning is the same.
//!
//! The variable of a flag is its name in capitals with `TSDB_` before it and `_` for every other character:
//! `--storage.tsdb.path` is `TSDB_STORAGE_TSDB_PATH`.

mod connections;
mod file;
mod flags;
mod limits;
mod load;
mod otlp;
mod retention;

use std::path::PathBuf;
use std::time::Duration;

use clap::builder::FalseyValueParser;
use clap::{Parser, ValueEnum};
use tsdb_core::{Durability, LabelRegex, METRIC_NAME, MemoryBudget, Options, Retention};
use tsdb_query::EngineOptions;
use tsdb_query::parse::ParseOptions;

use crate::ingest::HaOptions;
use crate::web::WebConfig;
use crate::{bytes, duration, features};

pub use connections::ConnectionFlags;
pub use file::{Settings, SettingsError};
pub(crate) use limits::RequestLimits;
pub use load::LoadFlags;
pub(crate) use otlp::{Otlp, TranslationStrategy};

/// The deepest expression for which a thread's usual stack is enough.
const MAX_DEPTH: usize = 512;

/// The least that the store takes, in bytes.
const MIN_MEMORY_BYTES: u64 = 32 << 20;

/// What is logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "lower")]
pub enum LogLevel {
    /// Everything.
    Debug,
    /// What an operator wants to know.
    Info,
    /// What an operator should look at.
    Warn,
    /// What went wrong.
    Error,
}

/// How it is logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "lower")]
pub enum LogFormat {
    /// `ts=… level=… msg="…"`
    Logfmt,
    /// One JSON object a line.
    Json,
}

/// A time-series database that speaks Prometheus: remote write in, PromQL out.
#[derive(Clone, Debug, Parser)]
#[command(name = "tsdb-server", version, about, max_term_width = 110)]
#[command(
    after_help = "Durations: 15d, 1h30m, 250ms. Every flag can be given by the environment variable shown."
)]
pub struct Config {
    /// YAML file of what may change while the server runs: limits, retention and external labels.
    #[arg(long = "config.file", value_name = "FILE", env = "TSDB_CONFIG_FILE")]
    pub config_file: Option<PathBuf>,

    /// Memory for everything together, such as 512MB; by default 60 % of what the control group or the machine has.
    #[arg(long = "memory.limit", value_name = "SIZE", env = "TSDB_MEMORY_LIMIT", value_parser = bytes::parse)]
    pub memory_limit: Option<u64>,

    /// Directory of the store; made if it is not there.
    #[arg(
        long = "storage.tsdb.path",
        visible_alias = "data-dir",
        value_name = "DIR",
        env = "TSDB_STORAGE_TSDB_PATH",
        default_value = "./data"
    )]
    pub data_dir: PathBuf,

    /// How long samples are kept, back from the newest sample; 0 keeps them for ever. By default 15d; may stand in the
    /// configuration file instead.
    #[arg(long = "storage.tsdb.retention.time", value_name = "DURATION", env = "TSDB_STORAGE_TSDB_RETENTION_TIME", value_parser = duration::parse)]
    pub retention_time: Option<Duration>,

    /// The most bytes of files and write-ahead log, such as 512MB or 10GB: beyond it the oldest files go; 0 is no limit, the
    /// default. May stand in the configuration file instead.
    #[arg(long = "storage.tsdb.retention.size", value_name = "SIZE", env = "TSDB_STORAGE_TSDB_RETENTION_SIZE", value_parser = bytes::parse)]
    pub retention_size: Option<u64>,

    /// Samples in memory are flushed to files at least once per this much data time.
    #[arg(long = "storage.tsdb.min-block-duration", value_name = "DURATION", env = "TSDB_STORAGE_TSDB_MIN_BLOCK_DURATION", default_value = "2h", value_parser = duration::parse)]
    pub min_block_duration: Duration,

    /// The most data time that one file spans.
    #[arg(long = "storage.tsdb.max-block-duration", value_name = "DURATION", env = "TSDB_STORAGE_TSDB_MAX_BLOCK_DURATION", default_value = "1d", value_parser = duration::parse)]
    pub max_block_duration: Duration,

    /// Label that tells the replicas of a highly available Prometheus apart, such as `__replica__`: it is taken out, and of each
    /// cluster one replica's samples are kept. None by default.
    #[arg(
        long = "ha.replica-label",
        value_name = "LABEL",
        env = "TSDB_HA_REPLICA_LABEL",
        default_value = ""
    )]
    pub ha_replica_label: String,

    /// Label that tells which replicas belong together.
    #[arg(
        long = "ha.cluster-label",
        value_name = "LABEL",
        env = "TSDB_HA_CLUSTER_LABEL",
        default_value = "cluster"
    )]
    pub ha_cluster_label: String,

    /// After this silence of the replica whose samples are kept another one takes over.
    #[arg(long = "ha.failover-timeout", value_name = "DURATION", env = "TSDB_HA_FAILOVER_TIMEOUT", default_value = "30s", value_parser = duration::parse)]
    pub ha_failover_timeout: Duration,

    /// Remote reads answered at once.
    #[arg(
        long = "storage.remote.read-concurrent-limit",
        value_name = "N",
        env = "TSDB_STORAGE_REMOTE_READ_CONCURRENT_LIMIT",
        default_value_t = 10
    )]
    pub remote_read_concurrent_limit: usize,

    /// Bytes after which a message of a streamed remote read ends; a chunk is never divided.
    #[arg(
        long = "storage.remote.read-max-bytes-in-frame",
        value_name = "BYTES",
        env = "TSDB_STORAGE_REMOTE_READ_MAX_BYTES_IN_FRAME",
        default_value_t = 1 << 20
    )]
    pub remote_read_max_frame_bytes: usize,

    /// Samples that a remote read may answer in one message; streams have no such limit.
    #[arg(
        long = "storage.remote.read-sample-limit",
        value_name = "N",
        env = "TSDB_STORAGE_REMOTE_READ_SAMPLE_LIMIT",
        default_value_t = 50_000_000
    )]
    pub remote_read_sample_limit: u64,

    /// When a write is acknowledged: `always` after fdatasync (nothing acknowledged is ever lost), `interval[:100ms]`
    /// before an fdatasync that follows within the interval, `never` before whatever the system does.
    #[arg(long = "storage.wal.durability", value_name = "MODE", env = "TSDB_STORAGE_WAL_DURABILITY", default_value = "always", value_parser = parse_durability)]
    pub durability: Durability,

    /// Samples further ahead of the clock than this are refused; 0 accepts any.
    #[arg(long = "storage.tsdb.future-limit", value_name = "DURATION", env = "TSDB_STORAGE_TSDB_FUTURE_LIMIT", default_value = "1h", value_parser = duration::parse)]
    pub future_limit: Duration,

    /// In how much time all files are read once in the background to look for damage, within 256 KiB/s and 8 MiB/s; 0
    /// switches it off.
    #[arg(long = "storage.tsdb.scrub-interval", value_name = "DURATION", env = "TSDB_STORAGE_TSDB_SCRUB_INTERVAL", default_value = "1d", value_parser = duration::parse)]
    pub scrub_interval: Duration,

    /// Address to listen on.
    #[arg(
        long = "web.listen-address",
        visible_alias = "listen",
        value_name = "HOST:PORT",
        env = "TSDB_WEB_LISTEN_ADDRESS",
        default_value = "127.0.0.1:8490"
    )]
    pub listen: String,

    /// YAML file of TLS, users and tokens, in the form of Prometheus's; read again when it changes.
    #[arg(
        long = "web.config.file",
        value_name = "FILE",
        env = "TSDB_WEB_CONFIG_FILE"
    )]
    pub web_config_file: Option<PathBuf>,

    /// Bounds of connections.
    #[command(flatten)]
    pub connections: ConnectionFlags,

    /// Regular expression of the origins whose pages may read answers (CORS), such as `https?://grafana\..*`; none by default.
    #[arg(
        long = "web.cors.origin",
        value_name = "REGEX",
        env = "TSDB_WEB_CORS_ORIGIN",
        default_value = ""
    )]
    pub cors_origin: String,

    /// Enables /api/v1/admin.
    #[arg(long = "web.enable-admin-api", env = "TSDB_WEB_ENABLE_ADMIN_API", value_parser = FalseyValueParser::new())]
    pub enable_admin_api: bool,

    /// Enables /-/reload and /-/quit.
    #[arg(long = "web.enable-lifecycle", env = "TSDB_WEB_ENABLE_LIFECYCLE", value_parser = FalseyValueParser::new())]
    pub enable_lifecycle: bool,

    /// The largest compressed body of a write, in bytes.
    #[arg(long = "web.max-body-bytes", value_name = "BYTES", env = "TSDB_WEB_MAX_BODY_BYTES", default_value_t = 32 << 20)]
    pub max_body_bytes: usize,

    /// The largest body of a write after decompression, in bytes.
    #[arg(long = "web.max-decoded-bytes", value_name = "BYTES", env = "TSDB_WEB_MAX_DECODED_BYTES", default_value_t = 64 << 20)]
    pub max_decoded_bytes: usize,

    /// How far an instant selector looks back for a sample.
    #[arg(long = "query.lookback-delta", value_name = "DURATION", env = "TSDB_QUERY_LOOKBACK_DELTA", default_value = "5m", value_parser = duration::parse)]
    pub lookback_delta: Duration,

    /// The longest a query may take, waiting for its turn included.
    #[arg(long = "query.timeout", value_name = "DURATION", env = "TSDB_QUERY_TIMEOUT", default_value = "2m", value_parser = duration::parse)]
    pub query_timeout: Duration,

    /// Queries evaluated at once.
    #[arg(
        long = "query.max-concurrency",
        value_name = "N",
        env = "TSDB_QUERY_MAX_CONCURRENCY",
        default_value_t = 20
    )]
    pub query_max_concurrency: usize,

    /// Samples one query may hold in memory.
    #[arg(
        long = "query.max-samples",
        value_name = "N",
        env = "TSDB_QUERY_MAX_SAMPLES",
        default_value_t = 50_000_000
    )]
    pub query_max_samples: u64,

    /// Bytes of memory one query may hold, by an estimate: its samples and the labels of its series.
    #[arg(
        long = "query.max-memory-bytes",
        value_name = "BYTES",
        env = "TSDB_QUERY_MAX_MEMORY_BYTES",
        default_value_t = 2 << 30
    )]
    pub query_max_memory_bytes: u64,

    /// Points that a range query may give of each series.
    #[arg(
        long = "query.max-points-per-series",
        value_name = "N",
        env = "TSDB_QUERY_MAX_POINTS_PER_SERIES",
        default_value_t = 11_000
    )]
    pub query_max_points: u64,

    /// The longest query, in bytes.
    #[arg(
        long = "query.max-expression-bytes",
        value_name = "BYTES",
        env = "TSDB_QUERY_MAX_EXPRESSION_BYTES",
        default_value_t = 1 << 20
    )]
    pub query_max_expression_bytes: usize,

    /// How deep an expression may nest; a chain of operators counts once. At most 512.
    #[arg(
        long = "query.max-expression-depth",
        value_name = "N",
        env = "TSDB_QUERY_MAX_EXPRESSION_DEPTH",
        default_value_t = MAX_DEPTH
    )]
    pub query_max_depth: usize,

    /// Operands and arguments that an expression may have.
    #[arg(
        long = "query.max-expression-operands",
        value_name = "N",
        env = "TSDB_QUERY_MAX_EXPRESSION_OPERANDS",
        default_value_t = 100_000
    )]
    pub query_max_operands: usize,

    /// Queries that take at least as long are logged, waiting for their turn included; 0 logs none.
    #[arg(long = "query.log-slower-than", value_name = "DURATION", env = "TSDB_QUERY_LOG_SLOWER_THAN", default_value = "10s", value_parser = duration::parse)]
    pub query_log_slower_than: Duration,

    /// Refuses the functions, aggregations and modifiers of PromQL that Prometheus calls experimental.
    #[arg(long = "query.no-experimental", env = "TSDB_QUERY_NO_EXPERIMENTAL", value_parser = FalseyValueParser::new())]
    pub query_no_experimental: bool,

    /// A write to an InfluxDB database that is not there makes it; without this it is refused with 404. For cAdvisor,
    /// which never makes one.
    #[arg(long = "influx.create-databases", env = "TSDB_INFLUX_CREATE_DATABASES", value_parser = FalseyValueParser::new())]
    pub influx_create_databases: bool,

    /// Address to listen on for line protocol by UDP, 8089 by custom; without one there is none.
    #[arg(
        long = "influx.udp-listen-address",
        value_name = "HOST:PORT",
        env = "TSDB_INFLUX_UDP_LISTEN_ADDRESS"
    )]
    pub influx_udp_listen: Option<String>,

    /// The InfluxDB database of what comes by UDP; made if it is not there.
    #[arg(
        long = "influx.udp-database",
        value_name = "NAME",
        env = "TSDB_INFLUX_UDP_DATABASE",
        default_value = "udp"
    )]
    pub influx_udp_database: String,

    /// Unit of the times of lines that come by UDP: n, u, ms, s, m or h. collectd needs ms.
    #[arg(
        long = "influx.udp-precision",
        value_name = "UNIT",
        env = "TSDB_INFLUX_UDP_PRECISION",
        default_value = "n",
        value_parser = ["n", "u", "ms", "s", "m", "h"]
    )]
    pub influx_udp_precision: String,

    /// Address to listen on for StatsD by UDP, 8125 by custom; without one there is none.
    #[arg(
        long = "statsd.listen-address",
        value_name = "HOST:PORT",
        env = "TSDB_STATSD_LISTEN_ADDRESS"
    )]
    pub statsd_listen: Option<String>,

    /// How often what came by StatsD is written: a sample of every metric.
    #[arg(
        long = "statsd.flush-interval",
        value_name = "DURATION",
        env = "TSDB_STATSD_FLUSH_INTERVAL",
        default_value = "10s",
        value_parser = duration::parse
    )]
    pub statsd_flush_interval: Duration,

    /// Exemplars of all series together that are kept; a new one takes the place of the oldest. 0 keeps none.
    #[arg(
        long = "storage.exemplars.max-exemplars",
        value_name = "N",
        env = "TSDB_STORAGE_EXEMPLARS_MAX_EXEMPLARS",
        default_value_t = 100_000
    )]
    pub max_exemplars: usize,

    /// Metric families whose type, help and unit are kept; a new one takes the place of those that were told the longest time
    /// ago. 0 keeps none.
    #[arg(
        long = "storage.metadata.max-families",
        value_name = "N",
        env = "TSDB_STORAGE_METADATA_MAX_FAMILIES",
        default_value_t = 100_000
    )]
    pub max_metadata_families: usize,

    /// Partitions of time (days) of which samples are kept; those of another one are refused. Each is a file at least.
    #[arg(
        long = "storage.max-partitions",
        value_name = "N",
        env = "TSDB_STORAGE_MAX_PARTITIONS",
        default_value_t = 16_384
    )]
    pub max_partitions: usize,

    /// How much is done at once, how much waits, and how much a request may ask for.
    #[command(flatten)]
    pub load: LoadFlags,

    /// Features to switch on, separated by commas, under Prometheus's names; those that are not known are logged and ignored.
    #[arg(
        long = "enable-feature",
        value_name = "NAME",
        env = "TSDB_ENABLE_FEATURE",
        value_delimiter = ','
    )]
    pub enable_feature: Vec<String>,

    /// Least severe level that is logged.
    #[arg(
        long = "log.level",
        value_name = "LEVEL",
        env = "TSDB_LOG_LEVEL",
        default_value = "info"
    )]
    pub log_level: LogLevel,

    /// Form of the log lines on stderr.
    #[arg(
        long = "log.format",
        value_name = "FORMAT",
        env = "TSDB_LOG_FORMAT",
        default_value = "logfmt"
    )]
    pub log_format: LogFormat,
}

impl Config {
    /// Checks what the flags mean together.
    ///
    /// # Errors
    /// What is wrong, naming the flag.
    pub fn check(&self) -> Result<(), String> {
        if self.min_block_duration < Duration::from_secs(60) {
            return Err("--storage.tsdb.min-block-duration must be at least 1m".into());
        }
        if self.max_block_duration < self.min_block_duration {
            return Err(
                "--storage.tsdb.max-block-duration must not be shorter than --storage.tsdb.min-block-duration"
                    .into(),
            );
        }
        if self
            .memory_limit
            .is_some_and(|bytes| bytes < MIN_MEMORY_BYTES)
        {
            return Err("--memory.limit must be at least 32MB".into());
        }
        if self.lookback_delta.is_zero() {
            return Err("--query.lookback-delta must be positive".into());
        }
        self.load.check()?;
        if self.statsd_flush_interval.is_zero() {
            return Err("--statsd.flush-interval must be positive".into());
        }
        if self.query_timeout.is_zero() {
            return Err("--query.timeout must be positive".into());
        }
        if self.query_max_concurrency == 0 {
            return Err("--query.max-concurrency must be positive".into());
        }
        if self.remote_read_concurrent_limit == 0
            || self.remote_read_max_frame_bytes == 0
            || self.remote_read_sample_limit == 0
        {
            return Err(
                "--storage.remote.read-concurrent-limit, --storage.remote.read-max-bytes-in-frame and --storage.remote.read-sample-limit must be positive"
                    .into(),
            );
        }
        if !self.ha_replica_label.is_empty()
            && (self.ha_replica_label == self.ha_cluster_label
                || self.ha_replica_label == METRIC_NAME)
        {
            return Err(
                "--ha.replica-label must be neither --ha.cluster-label nor __name__".into(),
            );
        }
        if let Err(e) = LabelRegex::new(&self.cors_origin) {
            return Err(format!("--web.cors.origin: {e}"));
        }
        if self.query_max_samples == 0
            || self.query_max_memory_bytes == 0
            || self.query_max_points == 0
            || self.query_max_expression_bytes == 0
            || self.query_max_operands == 0
        {
            return Err(
                "--query.max-samples, --query.max-memory-bytes, --query.max-points-per-series, --query.max-expression-bytes and --query.max-expression-operands must be positive"
                    .into(),
            );
        }
        if !(1..=MAX_DEPTH).contains(&self.query_max_depth) {
            return Err(format!(
                "--query.max-expression-depth must be from 1 to {MAX_DEPTH}"
            ));
        }
        self.connections.check()?;
        if self.max_body_bytes == 0 || self.max_decoded_bytes == 0 {
            return Err("--web.max-body-bytes and --web.max-decoded-bytes must be positive".into());
        }
        match self.listen.rsplit_once(':') {
            Some((_, port)) if port.parse::<u16>().is_ok() => Ok(()),
            _ => Err(format!(
                "--web.listen-address {:?} is not HOST:PORT",
                self.listen
            )),
        }
    }

    /// Reads the configuration file; what neither it nor a flag says are the defaults.
    ///
    /// # Errors
    /// What is wrong with the file, and where.
    pub fn read_settings(&self) -> Result<Settings, SettingsError> {
        match &self.config_file {
            Some(path) => Settings::read(path, self.retention_time, self.retention_size),
            None => Ok(self.settings_without_file()),
        }
    }

    /// Reads the web configuration file and what it names, to say early what is wrong with them.
    ///
    /// # Errors
    /// What is wrong, and where.
    pub fn check_web_config(&self) -> Result<(), SettingsError> {
        WebConfig::new(self.web_config_file.clone()).reload()
    }

    /// What is in effect without a configuration file.
    pub(crate) fn settings_without_file(&self) -> Settings {
        let mut settings = Settings::default();
        // Nothing stands in both, and no time or size alone is refused.
        let _ = settings
            .retention
            .complete(self.retention_time, self.retention_size);
        settings
    }

    /// How replicas are told apart, if they are.
    pub(crate) fn ha_options(&self) -> Option<HaOptions> {
        (!self.ha_replica_label.is_empty()).then(|| HaOptions {
            replica_label: self.ha_replica_label.clone(),
            cluster_label: self.ha_cluster_label.clone(),
            failover_timeout: self.ha_failover_timeout,
        })
    }

    /// Origins whose pages may read answers.
    pub(crate) fn cors_origin(&self) -> Option<LabelRegex> {
        let named = (!self.cors_origin.is_empty()).then_some(&self.cors_origin);
        named.and_then(|regex| LabelRegex::new(regex).ok()) // `check` told of an error
    }

    /// The budget that everything in the process shares.
    pub(crate) fn memory_budget(&self) -> MemoryBudget {
        self.memory_limit
            .map_or_else(MemoryBudget::default, MemoryBudget::new)
    }

    /// The address in the form that the operating system takes; `:8490` is every address of the machine, as in Prometheus.
    pub(crate) fn socket_address(&self) -> String {
        if self.listen.starts_with(':') {
            format!("0.0.0.0{}", self.listen)
        } else {
            self.listen.clone()
        }
    }

    /// Options of the store with this retention, which is a setting.
    #[must_use]
    pub fn store_options(&self, retention: Retention) -> Options {
        let unless_zero = |d: Duration| (!d.is_zero()).then_some(d);
        let options = Options::new()
            .retention(retention.age)
            .retention_size(retention.size_bytes)
            .keep_nanoseconds(retention.keep_nanoseconds)
            .min_block_duration(self.min_block_duration)
            .max_block_duration(self.max_block_duration)
            .durability(self.durability)
            .future_limit(unless_zero(self.future_limit))
            .max_exemplars(self.max_exemplars)
            .max_metadata_families(self.max_metadata_families)
            .max_partitions(self.max_partitions)
            .scrub(unless_zero(self.scrub_interval));
        let classes = retention.classes.into_iter();
        classes.fold(options, |options, class| {
            options.retention_class(class.matchers, class.age)
        })
    }

    /// What the parser of queries accepts.
    pub(crate) fn parse_options(&self) -> ParseOptions {
        let mut options = ParseOptions::default();
        options.max_len = self.query_max_expression_bytes;
        options.max_depth = self.query_max_depth;
        options.max_operands = self.query_max_operands;
        options.experimental = !self.query_no_experimental;
        options
    }

    /// Options of the query engine.
    #[must_use]
    pub fn engine_options(&self) -> EngineOptions {
        let mut options = EngineOptions::default();
        options.lookback_ms = i64::try_from(self.lookback_delta.as_millis()).unwrap_or(i64::MAX);
        options.max_samples = self.query_max_samples;
        options.max_bytes = self.query_max_memory_bytes;
        options.parse = self.parse_options();
        features::apply(&self.enable_feature, &mut options);
        options
    }
}

fn parse_durability(text: &str) -> Result<Durability, String> {
    match text.split_once(':') {
        None => match text {
            "always" => Ok(Durability::Always),
            "interval" => Ok(Durability::Interval(Duration::from_millis(100))),
            "never" => Ok(Durability::Never),
            _ => Err("expected always, interval, interval:<duration> or never".to_owned()),
        },
        Some(("interval", every)) => match duration::parse(every)? {
            Duration::ZERO => Err("the interval must be positive".to_owned()),
            every => Ok(Durability::Interval(every)),
        },
        Some(_) => Err("only interval takes a duration".to_owned()),
    }
}

#[cfg(test)]
mod tests;
