//! Clients' addresses, as they are counted.

use std::net::IpAddr;

use ipnet::{IpNet, Ipv6Net};

/// Somebody with one IPv6 line has as many addresses as they like, all with these bits the same.
const SUBSCRIBER_BITS: u8 = 64;

/// What is counted as one client: an IPv4 address, also where it is written as IPv6, or the /64 of an IPv6 address.
pub fn block_of(address: IpAddr) -> IpNet {
    match address.to_canonical() {
        address @ IpAddr::V4(_) => IpNet::from(address),
        IpAddr::V6(address) => Ipv6Net::new_assert(address, SUBSCRIBER_BITS).trunc().into(),
    }
}

/// Reads one client: an address, or the block of one as [`block_of`] gives it. `None` for what is no address.
///
/// # Errors
/// What it must be, for a block of more than one client.
pub fn parse_block(text: &str) -> Option<Result<IpNet, &'static str>> {
    let written: IpNet = text.parse().or_else(|_| text.parse().map(|address: IpAddr| address.into())).ok()?;
    let block = block_of(written.addr());
    let is_one = written.prefix_len() == written.max_prefix_len() || block.contains(&written);
    Some(is_one.then_some(block).ok_or("must be one client: an IPv4 address, or the /64 of an IPv6 address"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Option<Option<String>> {
        parse_block(text).map(|read| read.ok().map(|block| block.to_string()))
    }

    #[test]
    fn an_address_is_read_as_the_block_that_is_counted() {
        for (written, block) in [
            ("203.0.113.9", "203.0.113.9/32"),
            ("203.0.113.9/32", "203.0.113.9/32"),
            ("::ffff:203.0.113.9", "203.0.113.9/32"),
            ("::ffff:203.0.113.9/128", "203.0.113.9/32"),
            ("2001:DB8:1:2::", "2001:db8:1:2::/64"),
            ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
            ("2001:db8:1:2:3::/80", "2001:db8:1:2::/64"),
            ("2001:db8:1:2::1/64", "2001:db8:1:2::/64"),
        ] {
            assert_eq!(read(written), Some(Some(block.to_owned())), "{written}");
        }
    }

    #[test]
    fn a_block_of_many_clients_is_refused_and_the_rest_is_no_address() {
        for wide in ["203.0.113.0/24", "203.0.113.9/31", "2001:db8::/48", "::/0", "::ffff:203.0.113.0/120"] {
            assert_eq!(read(wide), Some(None), "{wide}");
        }
        for other in ["", "+4179", "4179", "CH", "203.0.113", "203.0.113.9/33", "[2001:db8::1]", "everything"]
        {
            assert_eq!(read(other), None, "{other}");
        }
    }
}
