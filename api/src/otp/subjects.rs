//! Whom the send of a code is counted for.

use std::net::{IpAddr, Ipv6Addr};

use shared::ids::ApiKeyId;
use shared::limits::{Kind, Subject};
use shared::otp_policy::Purpose;
use shared::phone::PhoneNumber;

/// Who asks for a code, and for whom.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asker<'a> {
    pub(super) phone: &'a PhoneNumber,
    pub(super) purpose: Purpose,
    pub(super) user_id: Option<&'a str>,
    /// The person's address, never that of the application's server.
    pub(super) client: Option<IpAddr>,
    pub(super) key: Option<ApiKeyId>,
}

impl Asker<'_> {
    /// All subjects of the send.
    pub(super) fn subjects(&self) -> Vec<Subject> {
        let phone = self.phone.as_str();
        let of = |kind, name: String| Subject { kind, name };
        [
            Some(of(Kind::Phone, phone.to_owned())),
            Some(of(Kind::Purpose, format!("{} {phone}", self.purpose.as_str()))),
            self.user_id.map(|user| of(Kind::User, user.to_owned())),
            self.client.map(|address| of(Kind::Ip, network(address))),
            self.phone.region().map(|region| of(Kind::Country, region.to_string())),
            self.key.map(|key| of(Kind::Key, key.to_string())),
        ]
        .into_iter()
        .flatten()
        .collect()
    }
}

/// The network one person has: an IPv4 address, but of IPv6 the /64 within which a device takes any address it likes
/// (RFC 4291, RFC 8981).
fn network(address: IpAddr) -> String {
    match address.to_canonical() {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            format!("{}/64", Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_person_is_an_ipv4_address_or_an_ipv6_network() {
        for (address, expected) in [
            ("192.0.2.7", "192.0.2.7"),
            ("::ffff:192.0.2.7", "192.0.2.7"),
            ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
            ("2001:db8:1:2::1", "2001:db8:1:2::/64"),
        ] {
            assert_eq!(network(address.parse().expect("an address")), expected);
        }
    }
}
