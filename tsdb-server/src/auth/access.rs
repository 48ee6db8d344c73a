//! The classes of routes.

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
