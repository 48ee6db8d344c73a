//! Flags of how much is done at once, how much waits, and how much a request may ask for.

use clap::Args;

/// Flags that bound load.
#[derive(Clone, Debug, Args)]
pub struct LoadFlags {
    /// Queries that wait for their turn; one more is answered 503 with `Retry-After`.
    #[arg(
        long = "query.max-queued",
        value_name = "N",
        env = "TSDB_QUERY_MAX_QUEUED",
        default_value_t = 200
    )]
    pub query_max_queued: usize,

    /// Matchers of all `match[]` of a request together.
    #[arg(
        long = "query.max-matchers",
        value_name = "N",
        env = "TSDB_QUERY_MAX_MATCHERS",
        default_value_t = 1_000
    )]
    pub query_max_matchers: usize,

    /// Series, label names or label values that a look-up may find.
    #[arg(
        long = "query.max-lookup-results",
        value_name = "N",
        env = "TSDB_QUERY_MAX_LOOKUP_RESULTS",
        default_value_t = 500_000
    )]
    pub query_max_lookup_results: usize,

    /// Writes decoded and applied at once; by default twice the number of CPUs.
    #[arg(
        long = "write.max-concurrency",
        value_name = "N",
        env = "TSDB_WRITE_MAX_CONCURRENCY"
    )]
    pub write_max_concurrency: Option<usize>,

    /// Writes that wait for their turn; one more is answered 503 with `Retry-After`. By default 64 times the number of CPUs.
    #[arg(
        long = "write.max-queued",
        value_name = "N",
        env = "TSDB_WRITE_MAX_QUEUED"
    )]
    pub write_max_queued: Option<usize>,

    /// Queries of a remote read; Prometheus sends one.
    #[arg(
        long = "storage.remote.read-max-queries",
        value_name = "N",
        env = "TSDB_STORAGE_REMOTE_READ_MAX_QUERIES",
        default_value_t = 100
    )]
    pub read_max_queries: usize,

    /// Imports and exports under way at once; one more is answered 503 with `Retry-After`.
    #[arg(
        long = "web.max-streams",
        value_name = "N",
        env = "TSDB_WEB_MAX_STREAMS",
        default_value_t = 8
    )]
    pub web_max_streams: usize,

    /// The largest form of parameters, in bytes.
    #[arg(long = "web.max-form-bytes", value_name = "BYTES", env = "TSDB_WEB_MAX_FORM_BYTES", default_value_t = 10 << 20)]
    pub web_max_form_bytes: usize,

    /// Parameters of a request.
    #[arg(
        long = "web.max-parameters",
        value_name = "N",
        env = "TSDB_WEB_MAX_PARAMETERS",
        default_value_t = 10_000
    )]
    pub web_max_parameters: usize,
}

impl LoadFlags {
    /// Checks what the flags say.
    ///
    /// # Errors
    /// What is wrong, naming the flag.
    pub(super) fn check(&self) -> Result<(), String> {
        let positive = [
            ("query.max-matchers", self.query_max_matchers),
            ("query.max-lookup-results", self.query_max_lookup_results),
            ("storage.remote.read-max-queries", self.read_max_queries),
            ("write.max-concurrency", self.writes()),
            ("web.max-streams", self.web_max_streams),
            ("web.max-form-bytes", self.web_max_form_bytes),
            ("web.max-parameters", self.web_max_parameters),
        ];
        match positive.iter().find(|(_, n)| *n == 0) {
            Some((flag, _)) => Err(format!("--{flag} must be positive")),
            None => Ok(()),
        }
    }

    /// Writes decoded and applied at once.
    pub(crate) fn writes(&self) -> usize {
        self.write_max_concurrency.unwrap_or_else(|| 2 * cpus())
    }

    /// Writes that wait for their turn.
    pub(crate) fn queued_writes(&self) -> usize {
        self.write_max_queued.unwrap_or_else(|| 64 * cpus())
    }

    /// Flags and their values.
    pub(super) fn flags(&self) -> [(&'static str, String); 9] {
        [
            ("query.max-lookup-results", self.query_max_lookup_results),
            ("query.max-matchers", self.query_max_matchers),
            ("query.max-queued", self.query_max_queued),
            ("storage.remote.read-max-queries", self.read_max_queries),
            ("web.max-form-bytes", self.web_max_form_bytes),
            ("web.max-parameters", self.web_max_parameters),
            ("web.max-streams", self.web_max_streams),
            ("write.max-concurrency", self.writes()),
            ("write.max-queued", self.queued_writes()),
        ]
        .map(|(flag, n)| (flag, n.to_string()))
    }
}

/// CPUs that the process may use: its affinity and the quota of its control group count.
fn cpus() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}
