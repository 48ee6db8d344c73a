//! The flags as the status page shows them.

use std::path::PathBuf;

use tsdb_core::Durability;

use super::Config;
use super::retention::DEFAULT_TIME;
use crate::{bytes, duration};

impl Config {
    /// Flags and their values, as `/api/v1/status/flags` shows them, sorted by name.
    pub(crate) fn flags(&self) -> Vec<(&'static str, String)> {
        let durability = match self.durability {
            Durability::Interval(d) => format!("interval:{}", duration::format(d)),
            Durability::Never => "never".to_owned(),
            _ => "always".to_owned(),
        };
        let name = |v: &dyn std::fmt::Debug| format!("{v:?}").to_lowercase();
        let path = |path: &Option<PathBuf>| {
            path.as_ref()
                .map_or_else(String::new, |p| p.display().to_string())
        };
        let mut flags = vec![
            ("config.file", path(&self.config_file)),
            ("enable-feature", self.enable_feature.join(",")),
            ("ha.cluster-label", self.ha_cluster_label.clone()),
            (
                "ha.failover-timeout",
                duration::format(self.ha_failover_timeout),
            ),
            ("ha.replica-label", self.ha_replica_label.clone()),
            (
                "influx.create-databases",
                self.influx_create_databases.to_string(),
            ),
            ("influx.udp-database", self.influx_udp_database.clone()),
            (
                "influx.udp-listen-address",
                self.influx_udp_listen.clone().unwrap_or_default(),
            ),
            ("influx.udp-precision", self.influx_udp_precision.clone()),
            ("log.format", name(&self.log_format)),
            ("log.level", name(&self.log_level)),
            (
                "memory.limit",
                self.memory_limit
                    .map_or_else(String::new, |bytes| bytes.to_string()),
            ),
            (
                "query.log-slower-than",
                duration::format(self.query_log_slower_than),
            ),
            (
                "query.lookback-delta",
                duration::format(self.lookback_delta),
            ),
            (
                "query.max-concurrency",
                self.query_max_concurrency.to_string(),
            ),
            (
                "query.max-expression-bytes",
                self.query_max_expression_bytes.to_string(),
            ),
            (
                "query.max-expression-depth",
                self.query_max_depth.to_string(),
            ),
            (
                "query.max-expression-operands",
                self.query_max_operands.to_string(),
            ),
            (
                "query.max-memory-bytes",
                self.query_max_memory_bytes.to_string(),
            ),
            (
                "query.max-points-per-series",
                self.query_max_points.to_string(),
            ),
            ("query.max-samples", self.query_max_samples.to_string()),
            (
                "query.no-experimental",
                self.query_no_experimental.to_string(),
            ),
            ("query.timeout", duration::format(self.query_timeout)),
            (
                "statsd.flush-interval",
                duration::format(self.statsd_flush_interval),
            ),
            (
                "statsd.listen-address",
                self.statsd_listen.clone().unwrap_or_default(),
            ),
            (
                "storage.exemplars.max-exemplars",
                self.max_exemplars.to_string(),
            ),
            ("storage.max-partitions", self.max_partitions.to_string()),
            (
                "storage.metadata.max-families",
                self.max_metadata_families.to_string(),
            ),
            (
                "storage.remote.read-concurrent-limit",
                self.remote_read_concurrent_limit.to_string(),
            ),
            (
                "storage.remote.read-max-bytes-in-frame",
                self.remote_read_max_frame_bytes.to_string(),
            ),
            (
                "storage.remote.read-sample-limit",
                self.remote_read_sample_limit.to_string(),
            ),
            (
                "storage.tsdb.future-limit",
                duration::format(self.future_limit),
            ),
            (
                "storage.tsdb.max-block-duration",
                duration::format(self.max_block_duration),
            ),
            (
                "storage.tsdb.min-block-duration",
                duration::format(self.min_block_duration),
            ),
            ("storage.tsdb.path", self.data_dir.display().to_string()),
            (
                "storage.tsdb.retention.size",
                bytes::format(self.retention_size.unwrap_or(0)),
            ),
            (
                "storage.tsdb.retention.time",
                duration::format(self.retention_time.unwrap_or(DEFAULT_TIME)),
            ),
            (
                "storage.tsdb.scrub-interval",
                duration::format(self.scrub_interval),
            ),
            ("storage.wal.durability", durability),
            ("web.config.file", path(&self.web_config_file)),
            ("web.cors.origin", self.cors_origin.clone()),
            ("web.enable-admin-api", self.enable_admin_api.to_string()),
            ("web.enable-lifecycle", self.enable_lifecycle.to_string()),
            ("web.listen-address", self.listen.clone()),
            ("web.max-body-bytes", self.max_body_bytes.to_string()),
            ("web.max-decoded-bytes", self.max_decoded_bytes.to_string()),
        ];
        flags.extend(self.load.flags());
        flags.extend(self.connections.flags());
        flags.sort_unstable_by_key(|(name, _)| *name);
        flags
    }
}
