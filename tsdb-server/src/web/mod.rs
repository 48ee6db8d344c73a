//! The web configuration, `--web.config.file`: TLS, users, tokens and headers, in the form that Prometheus's has.
//!
//! It is read again when one of its files changes, without a restart. What is in effect stays when the new one is wrong,
//! and when it would open what was closed: an empty file must not be taken for the wish to let everybody in.

mod file;
mod load;
mod secret;
mod sources;
mod tls;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use axum::http::{HeaderName, HeaderValue};
use parking_lot::{Mutex, RwLock};

use crate::auth::Guard;
use crate::config::SettingsError;
use crate::state::AppState;
use sources::Sources;
pub(crate) use tls::Tls;

/// How often the files are looked at.
const LOOK: Duration = Duration::from_secs(2);

/// What is in effect.
#[derive(Debug)]
pub(crate) struct Web {
    /// None: plain text.
    pub(crate) tls: Option<Tls>,
    pub(crate) http2: bool,
    /// Headers of every answer.
    pub(crate) headers: Vec<(HeaderName, HeaderValue)>,
    pub(crate) guard: Guard,
}

impl Web {
    fn without_file(guard: Guard) -> Self {
        Self {
            tls: None,
            http2: true,
            headers: Vec::new(),
            guard,
        }
    }
}

/// Reads the configuration, and reads it again.
#[derive(Debug)]
pub(crate) struct WebConfig {
    file: Option<PathBuf>,
    // Held for a look, or to put a new one in.
    current: RwLock<Arc<Web>>,
    // Held while the files are read.
    last: Mutex<Last>,
}

/// The last that was read.
#[derive(Debug)]
struct Last {
    sources: Sources,
    successful: bool,
    at: SystemTime,
}

impl WebConfig {
    pub(crate) fn new(file: Option<PathBuf>) -> Self {
        let guard = match file {
            Some(_) => Guard::Nobody,
            None => Guard::Everybody,
        };
        Self {
            file,
            current: RwLock::new(Arc::new(Web::without_file(guard))),
            last: Mutex::new(Last {
                sources: Sources::default(),
                successful: true,
                at: SystemTime::now(),
            }),
        }
    }

    /// What is in effect. Before the file was read, nobody is let in.
    pub(crate) fn current(&self) -> Arc<Web> {
        Arc::clone(&self.current.read())
    }

    /// Reads the files again.
    ///
    /// # Errors
    /// What is wrong with them; what was in effect stays.
    pub(crate) fn reload(&self) -> Result<(), SettingsError> {
        self.reload_if(|_| true)
    }

    fn reload_if(&self, is_due: impl FnOnce(&Sources) -> bool) -> Result<(), SettingsError> {
        let Some(path) = &self.file else {
            return Ok(());
        };
        let mut last = self.last.lock();
        if !is_due(&last.sources) {
            return Ok(());
        }
        let mut sources = Sources::default();
        let loaded = load::load(path, &mut sources).and_then(|web| match self.opens(&web) {
            Some(reason) => Err(SettingsError::new(path, None, reason.to_owned())),
            None => Ok(web),
        });
        last.sources = sources;
        last.successful = loaded.is_ok();
        *self.current.write() = Arc::new(loaded?);
        last.at = SystemTime::now();
        Ok(())
    }

    /// Why the new configuration is not taken, if it takes a protection away.
    fn opens(&self, new: &Web) -> Option<&'static str> {
        let before = self.current();
        if before.tls.is_some() && new.tls.is_none() {
            Some("TLS cannot be switched off without a restart")
        } else if matches!(
            (&before.guard, &new.guard),
            (Guard::Known(_), Guard::Everybody)
        ) {
            Some("authentication cannot be switched off without a restart")
        } else {
            None
        }
    }

    /// Whether the last reading was successful, and when the last successful one was; none without a file.
    pub(crate) fn outcome(&self) -> Option<(bool, SystemTime)> {
        self.file.as_ref()?;
        let last = self.last.lock();
        Some((last.successful, last.at))
    }
}

/// Reads the files again when they change.
pub(crate) fn watch(state: AppState) {
    if state.shared.web.file.is_none() {
        return;
    }
    tokio::spawn(async move {
        loop {
            tokio::time::sleep(LOOK).await;
            let state = state.clone();
            let look = move || {
                let mut changed = false;
                let read = state.shared.web.reload_if(|sources| {
                    changed = sources.changed();
                    changed
                });
                match read {
                    Ok(()) if changed => tracing::info!("web configuration reloaded"),
                    Ok(()) => {}
                    Err(e) => tracing::error!(
                        error = %e,
                        "the web configuration is not reloaded, the one before stays"
                    ),
                }
            };
            if tokio::task::spawn_blocking(look).await.is_err() {
                return; // the runtime ends
            }
        }
    });
}
