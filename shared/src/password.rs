//! Operators' passwords: Argon2id (RFC 9106) with the library's usual costs, 19 MiB and two passes, which are those of
//! OWASP's password storage sheet.
//!
//! Costly by intent: tens of milliseconds of a processor each. Callers bound how many run at once.

use std::sync::LazyLock;

use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher as _, PasswordVerifier as _};
use secrecy::{ExposeSecret as _, SecretString};

/// Shorter ones are guessed (NIST SP 800-63B-4 §3.1.1.2 asks for 15 where nothing else is asked for).
const LEAST_CHARACTERS: usize = 15;
/// Longer ones only cost time.
const MOST_BYTES: usize = 256;

/// A password that is not taken.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("a password has 15 characters or more, and at most 256 bytes; a few words make a good one")]
pub struct WeakPassword;

/// The hash of a new password, as a PHC string with a salt of its own.
///
/// # Errors
/// [`WeakPassword`] if it is too short or too long.
pub fn hash(password: &SecretString) -> Result<String, WeakPassword> {
    let text = password.expose_secret();
    if text.chars().count() < LEAST_CHARACTERS || text.len() > MOST_BYTES {
        return Err(WeakPassword);
    }
    Ok(hashed(text))
}

/// Whether `password` is the one of `hash`. Without a hash the answer is no, after as long a time: how long it takes
/// does not tell whether there is such an operator.
pub fn verify(password: &SecretString, hash: Option<&str>) -> bool {
    static NOBODYS: LazyLock<String> = LazyLock::new(|| hashed("nobody's"));
    let known = hash.and_then(|hash| PasswordHash::new(hash).ok());
    let is_known = known.is_some();
    let Some(hash) = known.or_else(|| PasswordHash::new(&NOBODYS).ok()) else { return false };
    let text = password.expose_secret();
    text.len() <= MOST_BYTES && Argon2::default().verify_password(text.as_bytes(), &hash).is_ok() && is_known
}

fn hashed(text: &str) -> String {
    let hash = Argon2::default().hash_password(text.as_bytes());
    hash.expect("the usual costs are valid and the system gives random bytes").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_opens_its_own_hash_and_no_other() {
        let [one, other] = ["correct horse battery", "correct horse batterz"].map(SecretString::from);
        let stored = hash(&one).unwrap();
        assert!(stored.starts_with("$argon2id$"), "{stored}");
        assert_ne!(stored, hash(&one).unwrap(), "each has a salt of its own");
        assert!(verify(&one, Some(&stored)));
        assert!(!verify(&other, Some(&stored)));
        assert!(!verify(&one, None));
        assert!(!verify(&SecretString::from("nobody's"), None));
        assert!(!verify(&one, Some("no hash")));
    }

    #[test]
    fn a_short_password_is_refused() {
        assert_eq!(hash(&SecretString::from("fourteen chars")), Err(WeakPassword));
        assert_eq!(hash(&SecretString::from("x".repeat(257))), Err(WeakPassword));
        assert!(hash(&SecretString::from("fünfzehn Zeiche")).is_ok());
    }
}
