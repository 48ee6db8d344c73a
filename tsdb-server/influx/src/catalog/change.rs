//! A step of the catalogue, and its bytes.

use super::state::{Field, Policy};
use crate::value::FieldType;

/// A step from one state of the catalogue to the next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    CreateDatabase(String),
    DropDatabase(String),
    /// Makes or replaces a policy.
    PutPolicy {
        database: String,
        policy: Policy,
    },
    DropPolicy {
        database: String,
        policy: String,
    },
    DefaultPolicy {
        database: String,
        policy: String,
    },
    AddField {
        database: String,
        measurement: String,
        field: String,
        kind: Field,
    },
    DropMeasurement {
        database: String,
        measurement: String,
    },
    /// Makes or replaces a user.
    PutUser {
        name: String,
        admin: bool,
    },
    DropUser(String),
}

impl Change {
    pub(super) fn adds_field(&self) -> bool {
        matches!(self, Self::AddField { .. })
    }

    /// Appends the change in the form of the journal.
    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::CreateDatabase(name) => put(out, 1, &[name]),
            Self::DropDatabase(name) => put(out, 2, &[name]),
            Self::PutPolicy { database, policy } => {
                put(out, 3, &[database, &policy.name]);
                out.extend_from_slice(&policy.duration_ns.to_le_bytes());
                out.extend_from_slice(&policy.shard_ns.to_le_bytes());
                out.extend_from_slice(&policy.replication.to_le_bytes());
            }
            Self::DropPolicy { database, policy } => put(out, 4, &[database, policy]),
            Self::DefaultPolicy { database, policy } => put(out, 5, &[database, policy]),
            Self::AddField {
                database,
                measurement,
                field,
                kind,
            } => {
                put(out, 6, &[database, measurement, field]);
                out.push(match kind.field_type {
                    FieldType::Float => 1,
                    FieldType::Integer => 2,
                    FieldType::Boolean => 3,
                    FieldType::String => 4,
                });
                out.push(u8::from(kind.labelled));
            }
            Self::DropMeasurement {
                database,
                measurement,
            } => put(out, 7, &[database, measurement]),
            Self::PutUser { name, admin } => {
                put(out, 8, &[name]);
                out.push(u8::from(*admin));
            }
            Self::DropUser(name) => put(out, 9, &[name]),
        }
    }

    /// Reads a change that takes all of `bytes`; `None` when they are none.
    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        let (&tag, mut rest) = bytes.split_first()?;
        let mut text = || take_text(&mut rest);
        let change = match tag {
            1 => Self::CreateDatabase(text()?),
            2 => Self::DropDatabase(text()?),
            3 => {
                let (database, name) = (text()?, text()?);
                Self::PutPolicy {
                    database,
                    policy: Policy {
                        name,
                        duration_ns: i64::from_le_bytes(take(&mut rest)?),
                        shard_ns: i64::from_le_bytes(take(&mut rest)?),
                        replication: u32::from_le_bytes(take(&mut rest)?),
                    },
                }
            }
            4 => Self::DropPolicy {
                database: text()?,
                policy: text()?,
            },
            5 => Self::DefaultPolicy {
                database: text()?,
                policy: text()?,
            },
            6 => Self::AddField {
                database: text()?,
                measurement: text()?,
                field: text()?,
                kind: Field {
                    field_type: match take::<1>(&mut rest)? {
                        [1] => FieldType::Float,
                        [2] => FieldType::Integer,
                        [3] => FieldType::Boolean,
                        [4] => FieldType::String,
                        _ => return None,
                    },
                    labelled: take_bool(&mut rest)?,
                },
            },
            7 => Self::DropMeasurement {
                database: text()?,
                measurement: text()?,
            },
            8 => Self::PutUser {
                name: text()?,
                admin: take_bool(&mut rest)?,
            },
            9 => Self::DropUser(text()?),
            _ => return None,
        };
        rest.is_empty().then_some(change)
    }
}

/// A tag and texts, each with its length before it. A text is a part of a request, far below 4 GiB.
fn put(out: &mut Vec<u8>, tag: u8, texts: &[&str]) {
    out.push(tag);
    for text in texts {
        let length = u32::try_from(text.len()).unwrap_or(u32::MAX);
        out.extend_from_slice(&length.to_le_bytes());
        out.extend_from_slice(text.as_bytes());
    }
}

fn take<const N: usize>(rest: &mut &[u8]) -> Option<[u8; N]> {
    let (bytes, tail) = rest.split_first_chunk::<N>()?;
    *rest = tail;
    Some(*bytes)
}

fn take_bool(rest: &mut &[u8]) -> Option<bool> {
    match take::<1>(rest)? {
        [0] => Some(false),
        [1] => Some(true),
        _ => None,
    }
}

fn take_text(rest: &mut &[u8]) -> Option<String> {
    let length = usize::try_from(u32::from_le_bytes(take(rest)?)).ok()?;
    let (bytes, tail) = rest.split_at_checked(length)?;
    *rest = tail;
    String::from_utf8(bytes.to_vec()).ok()
}
