//! The classes of routes, and what a caller may do.

use serde::Deserialize;

/// What a route asks of who calls it, if anybody is asked at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    /// Nothing: probes of health.
    Public,
    /// The scope `read`.
    Read,
    /// The scope `write`.
    Write,
    /// The scope `admin`; off unless `--web.enable-admin-api`.
    Admin,
    /// The scope `admin`; off unless `--web.enable-lifecycle`.
    Lifecycle,
}

/// What a caller may do. None includes another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Scope {
    Read,
    Write,
    Admin,
}

/// A set of scopes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Scopes(u8);

impl Scopes {
    pub(crate) const NONE: Self = Self(0);

    /// Every scope.
    pub(crate) const ALL: Self = Self(0b111);

    pub(crate) fn has(self, scope: Scope) -> bool {
        self.0 & 1 << scope as u8 != 0
    }

    pub(crate) fn admits(self, access: Access) -> bool {
        match access {
            Access::Public => true,
            Access::Read => self.has(Scope::Read),
            Access::Write => self.has(Scope::Write),
            Access::Admin | Access::Lifecycle => self.has(Scope::Admin),
        }
    }
}

impl FromIterator<Scope> for Scopes {
    fn from_iter<I: IntoIterator<Item = Scope>>(scopes: I) -> Self {
        let bits = scopes.into_iter().map(|scope| 1 << scope as u8);
        Self(bits.fold(0, |all, bit| all | bit))
    }
}
