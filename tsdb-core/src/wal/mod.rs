//! (being written)
use crate::error::{Error, Result};
#[derive(Debug)]
pub(crate) struct Wal;
impl Wal {
    pub(crate) fn wait(&self, _seq: u64) -> Result<()> {
        Err(Error::Closed)
    }
    pub(crate) fn on_durable(&self, _seq: u64, done: impl FnOnce(Result<()>) + Send + 'static) {
        done(Err(Error::Closed))
    }
}
