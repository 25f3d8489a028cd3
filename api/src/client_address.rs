//! Where a caller is: the peer of the connection, or whom our own proxies say they speak for.
//!
//! Of `X-Forwarded-For` only what our proxies wrote is believed: each appends the address that it heard, so the list is
//! read from its end, for as long as the one who wrote an entry is a proxy of ours. What a caller wrote stands before
//! that and is never reached. `Forwarded` (RFC 7239) is not read at all: a proxy that writes one of the two hands the
//! other on as the caller made it up.

use std::net::IpAddr;

use axum::extract::FromRequestParts;
use axum::http::HeaderMap;
use axum::http::request::Parts;
use ipnet::IpNet;
use shared::address::block_of;

use crate::app::App;
use crate::edge::Peer;
use crate::problem::Problem;

const FORWARDED_FOR: &str = "x-forwarded-for";

/// Where a caller is. An IPv4 address is one, also where it is written as IPv6.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ClientAddress(pub(crate) IpAddr);

impl ClientAddress {
    /// What is counted as one caller: an IPv4 address, or the /64 of an IPv6 address.
    pub(crate) fn block(self) -> IpNet {
        block_of(self.0)
    }

    fn find(peer: IpAddr, headers: &HeaderMap, proxies: &[IpNet]) -> Self {
        let mut known = peer.to_canonical();
        let lists = headers.get_all(FORWARDED_FOR).iter().rev();
        let mut entries = lists.flat_map(|list| list.as_bytes().rsplit(|byte| *byte == b','));
        while proxies.iter().any(|network| network.contains(&known)) {
            // An entry that is no address comes from a proxy that does not tell: it stands for its callers then.
            let Some(before) = entries.next().and_then(address) else { break };
            known = before;
        }
        Self(known)
    }
}

/// An address as proxies write it, also with a port.
fn address(entry: &[u8]) -> Option<IpAddr> {
    let text = std::str::from_utf8(entry).ok()?.trim();
    let bare = text.strip_prefix('[').and_then(|rest| rest.split_once(']')).map_or(text, |(inner, _)| inner);
    let address =
        bare.parse().or_else(|_| text.parse().map(|with_port: std::net::SocketAddr| with_port.ip()));
    address.ok().map(|address: IpAddr| address.to_canonical())
}

impl FromRequestParts<App> for ClientAddress {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let Some(Peer(peer)) = parts.extensions.get() else {
            return Err(Problem::unauthorized("the address of the caller is unknown"));
        };
        Ok(Self::find(peer.ip(), &parts.headers, &app.proxies))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(peer: &str, lists: &[&str]) -> String {
        let proxies = ["10.0.0.0/8", "192.0.2.1/32", "fd00::/8"].map(|network| network.parse().unwrap());
        let headers = lists.iter().map(|list| (FORWARDED_FOR.parse().unwrap(), list.parse().unwrap()));
        ClientAddress::find(peer.parse().unwrap(), &HeaderMap::from_iter(headers), &proxies).0.to_string()
    }

    #[test]
    fn without_a_proxy_of_ours_the_peer_is_the_caller_whatever_it_writes() {
        for list in ["198.51.100.7", "10.0.0.1", "127.0.0.1, 10.0.0.1", "::1"] {
            assert_eq!(found("203.0.113.9", &[list]), "203.0.113.9", "{list}");
            assert_eq!(found("::ffff:203.0.113.9", &[list]), "203.0.113.9", "{list}");
        }
        assert_eq!(found("203.0.113.9", &[]), "203.0.113.9");
    }

    #[test]
    fn behind_proxies_the_last_address_that_is_not_theirs_is_the_caller() {
        for (lists, caller) in [
            (&["198.51.100.7"][..], "198.51.100.7"),
            (&["198.51.100.7:4711"], "198.51.100.7"),
            (&["2001:db8::1"], "2001:db8::1"),
            (&["[2001:db8::1]:443"], "2001:db8::1"),
            (&["::ffff:198.51.100.7"], "198.51.100.7"),
            (&["198.51.100.7, 10.1.1.1,192.0.2.1"], "198.51.100.7"),
            (&["198.51.100.7", "fd00::5"], "198.51.100.7"),
            // What stands further left was written by the caller.
            (&["127.0.0.1, 198.51.100.7"], "198.51.100.7"),
            (&["127.0.0.1", "198.51.100.7", "10.1.1.1"], "198.51.100.7"),
            (&["10.9.9.9, 198.51.100.7"], "198.51.100.7"),
        ] {
            assert_eq!(found("10.0.0.1", lists), caller, "{lists:?}");
        }
    }

    #[test]
    fn a_list_that_ends_in_nonsense_leaves_the_proxy_that_wrote_it() {
        for lists in
            [&[][..], &[""], &["unknown"], &["_hidden"], &["198.51.100.7, ,"], &["198.51.100.7, 300.1.1.1"]]
        {
            assert_eq!(found("10.0.0.1", lists), "10.0.0.1", "{lists:?}");
        }
        assert_eq!(found("10.0.0.1", &["unknown, 192.0.2.1"]), "192.0.2.1");
        assert_eq!(found("10.0.0.1", &["10.2.2.2"]), "10.2.2.2", "all are ours: the first asked for itself");
    }

    #[test]
    fn a_caller_is_counted_by_its_ipv4_address_or_its_ipv6_line() {
        let block = |address: &str| ClientAddress(address.parse().unwrap()).block().to_string();
        assert_eq!(block("203.0.113.9"), "203.0.113.9/32");
        assert_eq!(block("::ffff:203.0.113.9"), "203.0.113.9/32");
        assert_eq!(block("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::/64");
        assert_eq!(block("2001:db8:1:2::1"), block("2001:db8:1:2:ffff::1"));
        assert_ne!(block("2001:db8:1:2::1"), block("2001:db8:1:3::1"));
    }
}
