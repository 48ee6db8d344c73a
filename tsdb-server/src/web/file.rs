//! The web configuration file: Prometheus's keys, and ours beside them.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Deserialize;
use serde_saphyr::Spanned;

use super::secret::Secret;
use crate::auth::Scope;

/// The file.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct File {
    pub(super) tls_server_config: Option<Spanned<TlsServer>>,
    pub(super) http_server_config: HttpServer,
    /// bcrypt hashes by name.
    pub(super) basic_auth_users: BTreeMap<String, Spanned<Secret>>,
    /// What users may do; who is not named may do everything, as in Prometheus.
    pub(super) basic_auth_scopes: BTreeMap<String, Spanned<Vec<Scope>>>,
    pub(super) bearer_tokens: Vec<Spanned<BearerToken>>,
}

/// Prometheus's keys. Files are relative to the directory of this one.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct TlsServer {
    pub(super) cert: String,
    pub(super) key: Secret,
    pub(super) client_ca: String,
    pub(super) cert_file: PathBuf,
    pub(super) key_file: PathBuf,
    pub(super) client_ca_file: PathBuf,
    pub(super) client_auth_type: String,
    pub(super) client_allowed_sans: Vec<String>,
    pub(super) min_version: Option<TlsVersion>,
    pub(super) max_version: Option<TlsVersion>,
    pub(super) cipher_suites: Vec<String>,
    pub(super) curve_preferences: Vec<String>,
    pub(super) prefer_server_cipher_suites: Option<bool>,
}

/// Those that Prometheus knows; the first two are too old for us.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub(super) enum TlsVersion {
    Tls10,
    Tls11,
    Tls12,
    Tls13,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct HttpServer {
    pub(super) http2: bool,
    pub(super) headers: BTreeMap<String, Spanned<String>>,
}

impl Default for HttpServer {
    fn default() -> Self {
        Self {
            http2: true,
            headers: BTreeMap::new(),
        }
    }
}

/// A token, which stands in a file of its own, and what it is for.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct BearerToken {
    pub(super) token_file: PathBuf,
    pub(super) scopes: Vec<Scope>,
}
