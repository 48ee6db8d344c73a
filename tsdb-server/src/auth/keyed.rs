//! Hashes of credentials that nobody outside the process can compute.

use ring::hmac;
use ring::rand::SystemRandom;

/// A hash; two are equal if what was hashed is.
pub(super) type Hash = [u8; 32];

/// HMAC-SHA-256 under a random key. What is compared by such hashes is not told by the time a comparison takes, and
/// nobody can look for two credentials with one hash.
#[derive(Debug)]
pub(super) struct Keyed(hmac::Key);

impl Keyed {
    /// # Errors
    /// When the system gives no random bytes.
    pub(super) fn new() -> Result<Self, String> {
        let key = hmac::Key::generate(hmac::HMAC_SHA256, &SystemRandom::new());
        key.map(Self)
            .map_err(|_| "the system gives no random bytes".to_owned())
    }

    /// The hash of all parts, each with its length.
    pub(super) fn hash(&self, parts: &[&[u8]]) -> Hash {
        let mut context = hmac::Context::with_key(&self.0);
        for part in parts {
            context.update(&(part.len() as u64).to_le_bytes());
            context.update(part);
        }
        let mut hash = Hash::default();
        let tag = context.sign();
        for (to, from) in hash.iter_mut().zip(tag.as_ref()) {
            *to = *from;
        }
        hash
    }
}
