//! Users with passwords.
//!
//! bcrypt is slow on purpose: it runs off the async threads, a few at a time, and what was verified is remembered by a
//! keyed hash. What was not is never remembered, and costs the same for names that exist and names that do not.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use bcrypt::HashParts;
use parking_lot::Mutex;

use super::access::Scopes;
use super::keyed::{Hash, Keyed};
use crate::bridge::{Pool, PoolError};

/// The cheapest hash that bcrypt has, and the dearest that is accepted: it takes some seconds.
const COSTS: std::ops::RangeInclusive<u32> = 4..=16;

/// Verified credentials that are remembered.
const REMEMBERED: usize = 4096;

/// Verifications that wait for their turn.
const WAITING: usize = 32;

#[derive(Clone, Debug)]
struct User {
    hash: Arc<str>,
    cost: u32,
    scopes: Scopes,
}

/// The users there are.
#[derive(Debug)]
pub(crate) struct Users {
    users: HashMap<String, User>,
    /// Of the dearest hash.
    most: u32,
    keyed: Keyed,
    // Held for a look or an insertion.
    verified: Arc<Mutex<HashSet<Hash>>>,
    verifications: Pool,
}

impl Users {
    /// # Errors
    /// When the system gives no random bytes.
    pub(crate) fn new() -> Result<Self, String> {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Ok(Self {
            users: HashMap::new(),
            most: *COSTS.start(),
            keyed: Keyed::new()?,
            verified: Arc::default(),
            verifications: Pool::new(cores.div_ceil(2), WAITING, "passwords to verify"),
        })
    }

    /// Adds a user with the bcrypt hash of the password.
    ///
    /// # Errors
    /// When it is not such a hash, or so dear that verifying it would take minutes.
    pub(crate) fn add(&mut self, name: &str, hash: &str, scopes: Scopes) -> Result<(), String> {
        let parts: HashParts = hash
            .parse()
            .map_err(|_| "not a bcrypt hash, as `htpasswd -B` makes it".to_owned())?;
        let cost = parts.get_cost();
        if !COSTS.contains(&cost) {
            return Err(format!(
                "a bcrypt hash of cost {cost}; it must be from {} to {}",
                COSTS.start(),
                COSTS.end()
            ));
        }
        self.most = self.most.max(cost);
        let user = User {
            hash: hash.into(),
            cost,
            scopes,
        };
        self.users.insert(name.to_owned(), user);
        Ok(())
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.users.is_empty()
    }

    /// What who has this name and this password may do.
    ///
    /// # Errors
    /// When too many passwords are being verified.
    pub(super) async fn verify(
        &self,
        name: &str,
        password: &str,
    ) -> Result<Option<Scopes>, PoolError> {
        let user = self.users.get(name);
        // Without users nothing is to be hidden.
        if self.users.is_empty() {
            return Ok(None);
        }
        let stored = user.map_or("", |user| &*user.hash);
        let fields = [name.as_bytes(), password.as_bytes(), stored.as_bytes()];
        let key = self.keyed.hash(&fields);
        if let Some(user) = user
            && self.verified.lock().contains(&key)
        {
            return Ok(Some(user.scopes));
        }
        let (hash, cost) = match user {
            Some(user) => (Arc::clone(&user.hash), user.cost),
            None => (nobody(self.most).into(), self.most),
        };
        let password = password.to_owned();
        let most = self.most;
        let verified = Arc::clone(&self.verified);
        let run = move || {
            // Connections of a client come together: the verification of the first is that of all.
            let is_known = verified.lock().contains(&key);
            let is_right = is_known || is_right(&password, &hash, cost, most);
            if is_right && !is_known {
                remember(&mut verified.lock(), key);
            }
            is_right
        };
        let is_right = self.verifications.run(run).await?;
        Ok(user.filter(|_| is_right).map(|user| user.scopes))
    }
}

fn remember(verified: &mut HashSet<Hash>, key: Hash) {
    if verified.len() >= REMEMBERED {
        verified.clear(); // whoever comes again is verified again
    }
    verified.insert(key);
}

/// A hash that no password has.
fn nobody(cost: u32) -> String {
    format!("$2b${cost:02}${}", ".".repeat(53))
}

/// Takes the time of the dearest hash, whatever this one costs: the time doubles with each step, so that one of each cost
/// in between makes up for the difference.
fn is_right(password: &str, hash: &str, cost: u32, most: u32) -> bool {
    let is_right = bcrypt::verify(password, hash).unwrap_or(false);
    for cost in cost..most {
        std::hint::black_box(bcrypt::verify(password, &nobody(cost)).unwrap_or(false));
    }
    is_right
}

#[cfg(test)]
mod tests {
    use super::super::access::Scope;
    use super::*;

    fn users() -> Users {
        let mut users = Users::new().unwrap();
        let scopes = Scopes::from_iter([Scope::Read]);
        for (name, password, cost) in [("ab", "c", 4), ("dear", "secret", 6)] {
            let hash = bcrypt::hash(password, cost).unwrap();
            users.add(name, &hash, scopes).unwrap();
        }
        users
    }

    #[tokio::test]
    async fn only_the_right_password_is_right_and_remembered() {
        let users = users();
        for _ in 0..2 {
            for (name, password, is_right) in [
                ("ab", "c", true),
                ("dear", "secret", true),
                ("ab", "secret", false),
                ("a", "bc", false),
                ("abc", "", false),
                ("ab", "", false),
                ("nobody", "c", false),
            ] {
                let verified = users.verify(name, password).await.unwrap();
                assert_eq!(verified.is_some(), is_right, "{name} {password}");
            }
        }
        assert_eq!(users.verified.lock().len(), 2);
    }

    #[test]
    fn every_verification_does_the_work_of_the_dearest_hash() {
        // The work is 2 to the power of the cost.
        let work =
            |cost: u32, most: u32| (1_u64 << cost) + (cost..most).map(|c| 1 << c).sum::<u64>();
        for cost in COSTS {
            assert_eq!(work(cost, 16), 1 << 16);
            assert_eq!(bcrypt::verify("", &nobody(4)).ok(), Some(false));
        }
    }

    #[test]
    fn hashes_are_checked() {
        let mut users = users();
        for hash in ["", "secret", "$2y$04$short", &nobody(17), &nobody(31)] {
            assert!(users.add("x", hash, Scopes::ALL).is_err(), "{hash}");
        }
    }
}
