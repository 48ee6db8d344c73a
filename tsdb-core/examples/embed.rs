//! A store in the directory `metrics`, without a server.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tsdb_core::{Db, Matcher, Options, TimeRange, WriteBatch};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let retention = Duration::from_secs(15 * 86_400);
    let db = Db::open("metrics", Options::new().retention(Some(retention)))?;

    let now_ms = SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis() as i64;
    let mut batch = WriteBatch::new();
    batch
        .series([("__name__", "node_load1"), ("instance", "a:9100")])?
        .sample(now_ms - 15_000, 0.42)
        .sample(now_ms, 0.40);
    let report = db.write(&batch)?; // durable when this returns
    assert!(report.rejected.is_empty());

    let querier = db.querier(TimeRange::ALL)?;
    for series in querier.select(&[Matcher::equal("__name__", "node_load1")])? {
        for sample in &series.samples()? {
            println!("{:?} {} {:?}", series.labels(), sample.t_ms, sample.value);
        }
    }
    db.close()?;
    Ok(())
}
