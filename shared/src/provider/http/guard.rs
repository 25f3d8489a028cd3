//! Which addresses calls may go to. Asked where a name has become addresses, right before the connection: a name that
//! leads elsewhere the second time is looked at the second time, too.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::{Arc, LazyLock};
use std::task::{Context, Poll};

use hyper_util::client::legacy::connect::dns::{GaiResolver, Name};
use ipnet::IpNet;
use tower_service::Service;

/// What IANA's registries of special addresses (RFC 6890) set apart for something else than the public internet.
const SPECIAL: [&str; 21] = [
    "0.0.0.0/8",
    "10.0.0.0/8",
    "100.64.0.0/10",
    "127.0.0.0/8",
    "169.254.0.0/16",
    "172.16.0.0/12",
    "192.0.0.0/24",
    "192.0.2.0/24",
    "192.31.196.0/24",
    "192.52.193.0/24",
    "192.88.99.0/24",
    "192.168.0.0/16",
    "192.175.48.0/24",
    "198.18.0.0/15",
    "198.51.100.0/24",
    "203.0.113.0/24",
    // Multicast, and what was reserved behind it.
    "224.0.0.0/3",
    // Of IPv6, what lies within 2000::/3: beside that nothing is public.
    "2001::/23",
    "2001:db8::/32",
    "2002::/16",
    "3fff::/20",
];

static NETWORKS: LazyLock<Vec<IpNet>> =
    LazyLock::new(|| SPECIAL.iter().map(|text| text.parse().expect("a network")).collect());

/// Lets calls go to public addresses, and to networks that are named.
#[derive(Clone, Debug, Default)]
pub struct Guard {
    named: Arc<[IpNet]>,
}

impl Guard {
    /// A guard that lets these networks through, too.
    pub fn new(named: &[IpNet]) -> Self {
        Self { named: named.into() }
    }

    /// Whether calls may go to `address`. An IPv4 address that is written as one of IPv6 is what it stands for.
    pub fn allows(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.named.iter().any(|network| network.contains(&address)) || is_public(address)
    }
}

fn is_public(address: IpAddr) -> bool {
    let may_be = match address {
        IpAddr::V4(_) => true,
        IpAddr::V6(address) => address.segments()[0] & 0xe000 == 0x2000,
    };
    may_be && !NETWORKS.iter().any(|network| network.contains(&address))
}

/// Asks the system for the addresses of names, and a guard, if there is one, which of them may be used.
#[derive(Clone, Debug)]
pub(super) struct Resolver {
    system: GaiResolver,
    guard: Option<Guard>,
}

impl Default for Resolver {
    fn default() -> Self {
        Self { system: GaiResolver::new(), guard: None }
    }
}

impl Resolver {
    pub(super) fn guarded(guard: Guard) -> Self {
        Self { guard: Some(guard), ..Self::default() }
    }
}

impl Service<Name> for Resolver {
    type Response = std::vec::IntoIter<SocketAddr>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Self::Response>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.system.poll_ready(cx)
    }

    fn call(&mut self, name: Name) -> Self::Future {
        let (asked, guard) = (self.system.call(name), self.guard.clone());
        Box::pin(async move {
            let mut found: Vec<SocketAddr> = asked.await?.collect();
            if let Some(guard) = guard {
                found.retain(|address| guard.allows(address.ip()));
                if found.is_empty() {
                    let refused = "the name leads to no public address, nor to a network that is named";
                    return Err(io::Error::new(io::ErrorKind::PermissionDenied, refused));
                }
            }
            Ok(found.into_iter())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::BaseUrl;
    use super::*;

    /// What a URL's host stands for, as it is connected to.
    fn address(host: &str) -> IpAddr {
        let url: BaseUrl = format!("http://{host}/").parse().unwrap_or_else(|_| panic!("{host}"));
        url.address().unwrap_or_else(|| panic!("{host} is a name"))
    }

    #[test]
    fn only_public_addresses_are_let_through() {
        let guard = Guard::default();
        for host in ["8.8.8.8", "1.1.1.1", "93.184.216.34", "[2606:4700::1111]", "[2a00:1450:4001::200e]"] {
            assert!(guard.allows(address(host)), "{host}");
        }
        for host in [
            "0.0.0.0",
            "10.1.2.3",
            "100.64.0.1",
            "127.0.0.1",
            "127.255.255.254",
            "169.254.169.254",
            "172.31.255.255",
            "192.0.0.192",
            "192.168.1.1",
            "198.19.0.1",
            "203.0.113.9",
            "224.0.0.1",
            "255.255.255.255",
            "[::]",
            "[::1]",
            "[fe80::1]",
            "[fc00::1]",
            "[fd00:ec2::254]",
            "[ff02::1]",
            "[2001:db8::1]",
            "[2001::1]",
            "[64:ff9b::a9fe:a9fe]",
            "[::ffff:169.254.169.254]",
            "[::127.0.0.1]",
            "[2002:7f00:1::]",
            "[5f00::1]",
        ] {
            assert!(!guard.allows(address(host)), "{host}");
        }
    }

    #[test]
    fn other_spellings_of_an_address_are_that_address() {
        let guard = Guard::default();
        for host in [
            "127.1",
            "2130706433",
            "0x7f000001",
            "0x7f.1",
            "0177.0.0.1",
            "017700000001",
            "0xa9fea9fe",
            "①②⑦.0.0.1",
        ] {
            assert!(!guard.allows(address(host)), "{host}");
        }
    }

    #[test]
    fn networks_that_are_named_are_let_through() {
        let guard = Guard::new(&["10.0.0.0/8".parse().expect("a network")]);
        assert!(guard.allows(address("10.9.9.9")) && guard.allows(address("[::ffff:10.9.9.9]")));
        assert!(!guard.allows(address("127.0.0.1")));
    }

    #[tokio::test]
    async fn a_name_that_leads_to_this_machine_is_not_followed() {
        let mut resolver = Resolver::guarded(Guard::default());
        let refused = resolver.call("localhost".parse().expect("a name")).await.expect_err("refused");
        assert_eq!(refused.kind(), io::ErrorKind::PermissionDenied);
        let loopback = ["127.0.0.0/8", "::1/128"].map(|text| text.parse::<IpNet>().expect("a network"));
        let mut resolver = Resolver::guarded(Guard::new(&loopback));
        assert!(resolver.call("localhost".parse().expect("a name")).await.expect("found").count() > 0);
    }
}
