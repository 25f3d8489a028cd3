//! Links by which a person stops messages without an account: `{public URL}/u/{token}`.
//!
//! A token names a number and what is stopped, in 20 characters, since each is paid for. Nobody can make one without the
//! gateway's key, and nobody can read the number in it, which addresses show to whoever logs them: it is encrypted under
//! its own authentication tag, as SIV modes do (RFC 5297, here of HMAC-SHA-256). A tag of 64 bits is guessed online only.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use subtle::ConstantTimeEq as _;

use crate::consent::Stop;
use crate::phone::PhoneNumber;
use crate::provider::http::BaseUrl;
use crate::seal::Mac;

const TAG_BYTES: usize = 8;
/// Fifteen digits take 50 bits, the kind of stop those above.
const HEAD_BYTES: usize = 7;
const KIND_SHIFT: u32 = 50;
const MOST_DIGITS: u64 = 1_000_000_000_000_000;
/// As much as one block of the keystream hides.
const MOST_BYTES: usize = 32;
/// A [`Mac`] begins its tags with its key's id, which no token has room for.
const KEY_ID_BYTES: usize = 4;

/// Whom a link is for, and what it stops.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unsubscribe {
    /// Who.
    pub phone: PhoneNumber,
    /// What.
    pub stop: Stop,
}

impl Unsubscribe {
    /// The link under `public_url`; `None` if the sender's name has no room in one.
    pub fn link(&self, links: &Mac, public_url: &BaseUrl) -> Option<String> {
        let token = self.token(links)?;
        Some(public_url.join(["u", &token]).into())
    }

    /// The token; the same for the same person and stop as long as the key stays.
    pub fn token(&self, links: &Mac) -> Option<String> {
        let plain = self.plain()?;
        let tag = cut(&links.tag(&[b"tag", &plain]));
        let hidden = hide(&links.tag(&[b"pad", &tag]), &plain);
        Some(BASE64_URL_SAFE_NO_PAD.encode([&tag[..], &hidden].concat()))
    }

    /// Reads a token made under any configured key; `None` for whatever is not one.
    pub fn read(links: &Mac, token: &str) -> Option<Self> {
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(token).ok()?;
        let (tag, hidden) = bytes.split_first_chunk::<TAG_BYTES>()?;
        if !(HEAD_BYTES..=MOST_BYTES).contains(&hidden.len()) {
            return None;
        }
        links.tags(&[b"pad", tag]).iter().enumerate().find_map(|(key, pad)| {
            let plain = hide(pad, hidden);
            let own = links.tags(&[b"tag", &plain]).get(key).map(|own| cut(own))?;
            bool::from(own.ct_eq(tag)).then(|| Self::parse(&plain)).flatten()
        })
    }

    fn plain(&self) -> Option<Vec<u8>> {
        let digits: u64 = self.phone.digits().parse().ok().filter(|&digits| digits < MOST_DIGITS)?;
        let kind: u64 = match self.stop {
            Stop::Marketing => 0,
            Stop::All => 1,
            Stop::Sender(_) => 2,
        };
        let head = ((kind << KIND_SHIFT) | digits).to_be_bytes();
        let plain = [&head[8 - HEAD_BYTES..], self.stop.sender().as_bytes()].concat();
        (plain.len() <= MOST_BYTES).then_some(plain)
    }

    fn parse(plain: &[u8]) -> Option<Self> {
        let (head, sender) = plain.split_first_chunk::<HEAD_BYTES>()?;
        let mut number = [0; 8];
        number[8 - HEAD_BYTES..].copy_from_slice(head);
        let number = u64::from_be_bytes(number);
        let stop = match (number >> KIND_SHIFT, sender) {
            (0, []) => Stop::Marketing,
            (1, []) => Stop::All,
            (2, sender) => Stop::of_sender(std::str::from_utf8(sender).ok()?).ok()?,
            _ => return None,
        };
        let digits = number & ((1 << KIND_SHIFT) - 1);
        Some(Self { phone: PhoneNumber::stored(format!("+{digits}")), stop })
    }
}

fn cut(tag: &[u8]) -> [u8; TAG_BYTES] {
    let mut cut = [0; TAG_BYTES];
    cut.copy_from_slice(&tag[KEY_ID_BYTES..KEY_ID_BYTES + TAG_BYTES]);
    cut
}

/// Hides and shows alike.
fn hide(pad: &[u8], text: &[u8]) -> Vec<u8> {
    text.iter().zip(&pad[KEY_ID_BYTES..]).map(|(byte, pad)| byte ^ pad).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seal::{Keyring, MasterKey};
    use proptest::prelude::*;

    fn of(phone: &str, stop: Stop) -> Unsubscribe {
        Unsubscribe { phone: PhoneNumber::parse(phone, None).expect("a number"), stop }
    }

    fn stops() -> [Stop; 4] {
        let sender = |text: &str| Stop::of_sender(text).expect("a sender");
        [Stop::Marketing, Stop::All, sender("ACME"), sender("+15005550006")]
    }

    #[test]
    fn a_token_is_short_and_says_whom_and_what_it_is_for() {
        let keyring = Keyring::new(&MasterKey::generate(), &[]);
        for phone in ["+41790000001", "+919876543210", "+15005550006", "+4915112345678901"] {
            for stop in stops() {
                let Ok(phone) = PhoneNumber::parse(phone, None) else { continue };
                let unsubscribe = Unsubscribe { phone, stop };
                let token = unsubscribe.token(keyring.links()).expect("short enough");
                assert_eq!(Unsubscribe::read(keyring.links(), &token), Some(unsubscribe.clone()));
                if unsubscribe.stop.sender().is_empty() {
                    assert_eq!(token.len(), 20);
                }
            }
        }
        let url: BaseUrl = "https://sms.example.com".parse().expect("a URL");
        let link = of("+41790000001", Stop::Marketing).link(keyring.links(), &url).expect("a link");
        assert!(link.starts_with("https://sms.example.com/u/") && link.len() == 46, "{link}");
    }

    #[test]
    fn a_token_of_a_previous_key_is_read_and_one_of_an_unknown_key_is_not() {
        let (old, new) = (MasterKey::generate(), MasterKey::generate());
        let made = of("+41790000001", Stop::All);
        let token = made.token(Keyring::new(&old, &[]).links()).expect("a token");
        let read = |keyring: &Keyring| Unsubscribe::read(keyring.links(), &token);
        assert_eq!(read(&Keyring::new(&new, &[old])), Some(made));
        assert_eq!(read(&Keyring::new(&new, &[])), None);
    }

    #[test]
    fn the_number_cannot_be_read_in_a_token() {
        let keyring = Keyring::new(&MasterKey::generate(), &[]);
        let bytes = |phone| {
            let token = of(phone, Stop::Marketing).token(keyring.links()).expect("a token");
            BASE64_URL_SAFE_NO_PAD.decode(token).expect("base64")
        };
        let (one, next) = (bytes("+41790000001"), bytes("+41790000002"));
        let alike = one.iter().zip(&next).filter(|(one, next)| one == next).count();
        assert!(alike < 6, "neighbours share {alike} of 15 bytes");
    }

    proptest! {
        #[test]
        fn an_altered_token_is_none(at in 0..20_usize, bit in 0..6_u8) {
            let keyring = Keyring::new(&MasterKey::generate(), &[]);
            let token = of("+41790000001", Stop::Marketing).token(keyring.links()).expect("a token");
            let mut bytes = BASE64_URL_SAFE_NO_PAD.decode(&token).expect("base64");
            let place = (at * 6 + usize::from(bit)) % (bytes.len() * 8);
            bytes[place / 8] ^= 1 << (place % 8);
            let altered = BASE64_URL_SAFE_NO_PAD.encode(&bytes);
            prop_assert_eq!(Unsubscribe::read(keyring.links(), &altered), None);
            prop_assert_eq!(Unsubscribe::read(keyring.links(), &token[..at]), None);
        }

        #[test]
        fn no_text_breaks_the_reader(text in ".{0,60}") {
            let keyring = Keyring::new(&MasterKey::generate(), &[]);
            prop_assert_eq!(Unsubscribe::read(keyring.links(), &text), None);
        }
    }
}
