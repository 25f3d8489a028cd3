//! The cookie that keeps an operator signed in.

use axum::http::header::COOKIE;
use axum::http::{HeaderMap, HeaderValue};
use secrecy::{ExposeSecret as _, SecretString};
use shared::seal::SECRET_CHARACTERS;
use shared::store::operator_sessions::LONGEST;

/// The prefix binds it to this host and to https (RFC 6265bis §4.1.3.2); browsers count this machine itself as safe.
const NAME: &str = "__Host-smsgw";

/// The secret in a request's cookie, if it has the form of one.
pub(super) fn read(headers: &HeaderMap) -> Option<&str> {
    let lists = headers.get_all(COOKIE).iter().filter_map(|list| list.to_str().ok());
    let mut pairs = lists.flat_map(|list| list.split(';')).filter_map(|pair| pair.trim().split_once('='));
    let (_, value) = pairs.find(|(name, _)| *name == NAME)?;
    let is_secret = value.len() == SECRET_CHARACTERS
        && value.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'));
    is_secret.then_some(value)
}

/// `Set-Cookie` that signs in.
pub(super) fn set(secret: &SecretString) -> HeaderValue {
    header(secret.expose_secret(), LONGEST.as_secs())
}

/// `Set-Cookie` that signs out.
pub(super) fn clear() -> HeaderValue {
    header("", 0)
}

fn header(value: &str, seconds: u64) -> HeaderValue {
    let text = format!("{NAME}={value}; Path=/; Max-Age={seconds}; Secure; HttpOnly; SameSite=Strict");
    HeaderValue::try_from(text).expect("base64, words and digits are a header value")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cookie_is_found_among_others_and_only_in_its_form() {
        let secret = "aB3_-".repeat(9)[..SECRET_CHARACTERS].to_owned();
        let with = |text: String| HeaderMap::from_iter([(COOKIE, HeaderValue::try_from(text).unwrap())]);
        assert_eq!(read(&with(format!("a=b; {NAME}={secret}; c=d"))), Some(&*secret));
        assert_eq!(read(&with(format!("x{NAME}={secret}"))), None);
        for wrong in ["", "short", &"=".repeat(SECRET_CHARACTERS), &format!("{secret}a")] {
            assert_eq!(read(&with(format!("{NAME}={wrong}"))), None, "{wrong}");
        }
        assert_eq!(read(&HeaderMap::new()), None);
    }
}
