//! The configuration from its files.

use std::path::{Path, PathBuf};

use axum::http::{HeaderName, HeaderValue};
use serde_saphyr::Spanned;

use super::Web;
use super::file::{BearerToken, File, TlsServer};
use super::sources::Sources;
use super::tls::{Pem, Tls};
use crate::auth::{Guard, Known, Scopes, Tokens, Users};
use crate::config::SettingsError;

/// Headers of answers that may be set: Prometheus's, and two of their kind.
const HEADERS: [&str; 7] = [
    "cache-control",
    "content-security-policy",
    "referrer-policy",
    "strict-transport-security",
    "x-content-type-options",
    "x-frame-options",
    "x-xss-protection",
];

/// The least length of a token, in bytes: what is shorter can be guessed.
const MIN_TOKEN_BYTES: usize = 8;

/// Reads the files; what was read stands in `sources`, whatever becomes of it.
///
/// # Errors
/// What is wrong, and where. No secret is told.
pub(super) fn load(path: &Path, sources: &mut Sources) -> Result<Web, SettingsError> {
    Loader { path, sources }.load()
}

struct Loader<'a> {
    path: &'a Path,
    sources: &'a mut Sources,
}

impl Loader<'_> {
    fn load(&mut self) -> Result<Web, SettingsError> {
        let text = self
            .sources
            .read(self.path)
            .map_err(|e| self.error(None, e.to_string()))?;
        let text = String::from_utf8(text).map_err(|_| self.error(None, "not UTF-8".to_owned()))?;
        let file = SettingsError::parse::<File>(self.path, &text)?;
        let http2 = file.http_server_config.http2;
        let tls = match &file.tls_server_config {
            Some(tls) => {
                let at = line_of(&text, "tls_server_config");
                let pem = self.pem(&tls.value, at)?;
                let tls = Tls::new(&tls.value, &pem, http2);
                Some(tls.map_err(|reason| self.error(at, format!("tls_server_config: {reason}")))?)
            }
            None => None,
        };
        let mut headers = Vec::new();
        for (name, value) in &file.http_server_config.headers {
            headers.push(self.header(name, value)?);
        }
        Ok(Web {
            tls,
            http2,
            headers,
            guard: self.guard(&file)?,
        })
    }

    fn error(&self, at: Option<(u64, u64)>, reason: String) -> SettingsError {
        SettingsError::new(self.path, at, reason)
    }

    /// A file that is named relative to the configuration.
    fn beside(&self, path: &Path) -> PathBuf {
        self.path.parent().unwrap_or(Path::new("")).join(path)
    }

    fn pem(&mut self, tls: &TlsServer, at: Option<(u64, u64)>) -> Result<Pem, SettingsError> {
        let mut read = |name: &str, inline: &str, file: &Path| match (
            inline.is_empty(),
            file.as_os_str().is_empty(),
        ) {
            (true, true) => Ok(None),
            (false, true) => Ok(Some(inline.as_bytes().to_vec())),
            (false, false) => Err(format!("both {name} and {name}_file")),
            (true, false) => {
                let file = self.beside(file);
                let read = self.sources.read(&file);
                read.map(Some)
                    .map_err(|e| format!("{name}_file: {}: {e}", file.display()))
            }
        };
        let pem = (|| {
            Ok(Pem {
                certificate: read("cert", &tls.cert, &tls.cert_file)?
                    .ok_or("neither cert nor cert_file")?,
                key: read("key", tls.key.expose(), &tls.key_file)?
                    .ok_or("neither key nor key_file")?,
                client_ca: read("client_ca", &tls.client_ca, &tls.client_ca_file)?,
            })
        })();
        pem.map_err(|reason: String| self.error(at, format!("tls_server_config: {reason}")))
    }

    fn header(
        &self,
        name: &str,
        value: &Spanned<String>,
    ) -> Result<(HeaderName, HeaderValue), SettingsError> {
        let at = place(value);
        if !HEADERS.contains(&name.to_ascii_lowercase().as_str()) {
            let known = HEADERS.join(", ");
            return Err(self.error(at, format!("headers: {name:?} cannot be set, only {known}")));
        }
        let parsed = name.parse().ok().zip(value.value.parse().ok());
        parsed.ok_or_else(|| self.error(at, format!("headers: the value of {name:?} is not one")))
    }

    /// Who is let in: everybody, if there are neither users nor tokens.
    fn guard(&mut self, file: &File) -> Result<Guard, SettingsError> {
        let random = |this: &Self, reason| this.error(None, reason);
        let mut users = Users::new().map_err(|e| random(self, e))?;
        for (name, hash) in &file.basic_auth_users {
            let error = |reason: &str| {
                self.error(place(hash), format!("basic_auth_users: {name:?}: {reason}"))
            };
            if name.is_empty() || name.contains(':') {
                return Err(error("a name must not be empty and must not have a colon"));
            }
            let scopes = file.basic_auth_scopes.get(name);
            let scopes =
                scopes.map_or(Scopes::ALL, |scopes| scopes.value.iter().copied().collect());
            users
                .add(name, hash.value.expose(), scopes)
                .map_err(|e| error(&e))?;
        }
        for (name, scopes) in &file.basic_auth_scopes {
            if !file.basic_auth_users.contains_key(name) {
                let reason = format!("basic_auth_scopes: there is no user {name:?}");
                return Err(self.error(place(scopes), reason));
            }
        }
        let mut tokens = Tokens::new().map_err(|e| random(self, e))?;
        for token in &file.bearer_tokens {
            self.token(&token.value, &mut tokens)
                .map_err(|reason| self.error(place(token), format!("bearer_tokens: {reason}")))?;
        }
        Ok(match users.is_empty() && tokens.is_empty() {
            true => Guard::Everybody,
            false => Guard::Known(Box::new(Known { users, tokens })),
        })
    }

    fn token(&mut self, token: &BearerToken, tokens: &mut Tokens) -> Result<(), String> {
        if token.scopes.is_empty() {
            return Err("a token without scopes is of no use".to_owned());
        }
        let file = self.beside(&token.token_file);
        let shown = file.display();
        let text = self
            .sources
            .read(&file)
            .map_err(|e| format!("{shown}: {e}"))?;
        let text = String::from_utf8(text).unwrap_or_default();
        let text = text.trim();
        let is_plain = text.bytes().all(|b| b.is_ascii_graphic());
        if !is_plain || text.len() < MIN_TOKEN_BYTES {
            return Err(format!(
                "{shown}: a token is one word of printable ASCII, {MIN_TOKEN_BYTES} bytes at least"
            ));
        }
        if text.contains(':') {
            return Err(format!("{shown}: a token must not have a colon"));
        }
        let scopes = token.scopes.iter().copied().collect();
        match tokens.add(text, scopes) {
            true => Ok(()),
            false => Err(format!("{shown}: the same token stands in another file")),
        }
    }
}

/// Line and column.
fn place<T>(value: &Spanned<T>) -> Option<(u64, u64)> {
    Some((value.referenced.line(), value.referenced.column()))
}

/// Where a key of the outermost level stands.
fn line_of(text: &str, key: &str) -> Option<(u64, u64)> {
    let line = text.lines().position(|line| line.starts_with(key));
    line.map(|line| (line as u64 + 1, 1))
}
