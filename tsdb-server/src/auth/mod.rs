//! Who may do what.
//!
//! * Each route has a class ([`Access`]), in the table of routes; it is checked after the route is found, so that both are of
//!   one path.
//! * Users and tokens are those of the web configuration. Without any, everybody may do everything.
//! * Credentials are never kept, logged or shown; what is remembered of them are hashes under a random key.

mod access;
mod credentials;
mod keyed;
mod refusal;
mod tokens;
mod users;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;

pub(crate) use access::{Access, Scope, Scopes};
use credentials::Credentials;
pub(crate) use tokens::Tokens;
pub(crate) use users::Users;

use crate::bridge::PoolError;
use crate::state::AppState;

/// Where credentials stand in a request, and how a refusal is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Protocol {
    Prometheus,
    Influx1,
    Influx2,
    Datadog,
}

/// Who is let in.
#[derive(Debug)]
pub(crate) enum Guard {
    /// Nobody is asked.
    Everybody,
    /// The configuration is not read yet.
    Nobody,
    Known(Box<Known>),
}

/// Users and tokens.
#[derive(Debug)]
pub(crate) struct Known {
    pub(crate) users: Users,
    pub(crate) tokens: Tokens,
}

impl Known {
    /// What who has these credentials may do; none if that is nobody.
    async fn verify(&self, credentials: Credentials) -> Result<Option<Scopes>, PoolError> {
        match credentials {
            Credentials::Token(token) => Ok(self.tokens.verify(&token)),
            Credentials::Password { name, password } => self.users.verify(&name, &password).await,
        }
    }
}

/// What a route asks, and in which protocol.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) state: AppState,
    pub(crate) access: Access,
    pub(crate) protocol: Protocol,
}

/// Lets a request pass, with its [`Scopes`] as an extension, or answers 401, 403 or, when too many passwords are being
/// verified, 503.
pub(crate) async fn authorize(
    State(asked): State<Asked>,
    mut request: Request,
    next: Next,
) -> Response {
    let web = asked.state.web();
    let scopes = match &web.guard {
        Guard::Everybody => Scopes::ALL,
        _ if asked.access == Access::Public => Scopes::NONE,
        Guard::Nobody => return refusal::unauthorized(asked.protocol),
        Guard::Known(known) => {
            let Some(credentials) = credentials::of(&request, asked.protocol) else {
                return refusal::unauthorized(asked.protocol);
            };
            match known.verify(credentials).await {
                Ok(Some(scopes)) if scopes.admits(asked.access) => scopes,
                Ok(Some(_)) => return refusal::forbidden(asked.protocol),
                Ok(None) => return refusal::unauthorized(asked.protocol),
                Err(_) => return refusal::busy(asked.protocol),
            }
        }
    };
    request.extensions_mut().insert(scopes);
    next.run(request).await
}
