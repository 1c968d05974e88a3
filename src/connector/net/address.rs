//! Which addresses may be connected to. A name is resolved at each connect, each of its addresses is checked, and only one that passed
//! is connected to: an answer that changes between a check and a connect changes nothing.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

/// Where clouds answer an instance about itself, credentials included, beside the link-local 169.254.169.254: AWS by IPv6, Alibaba, Azure.
const METADATA: [IpAddr; 3] = [
    IpAddr::V6(Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254)),
    IpAddr::V4(Ipv4Addr::new(100, 100, 100, 200)),
    IpAddr::V4(Ipv4Addr::new(168, 63, 129, 16)),
];
const LOOPBACK: [IpNet; 2] =
    [IpNet::V4(Ipv4Net::new_assert(Ipv4Addr::new(127, 0, 0, 0), 8)), IpNet::V6(Ipv6Net::new_assert(Ipv6Addr::LOCALHOST, 128))];

/// Which addresses a target may have. Private ranges are fine: that is where directories live. Link-local, metadata, unspecified and
/// multicast addresses never are; loopback and the API server are, where they are allowed by name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AddressRules {
    api_server: BTreeSet<IpAddr>,
    allowed: Vec<IpNet>,
}

impl AddressRules {
    /// For a shared process, such as the operator: neither itself nor the API server.
    #[must_use]
    pub fn strict(api_server: BTreeSet<IpAddr>) -> Self {
        Self { api_server, allowed: Vec::new() }
    }

    /// For a program that runs for the user in front of it: loopback is theirs.
    #[must_use]
    pub fn local() -> Self {
        Self { api_server: BTreeSet::new(), allowed: LOOPBACK.to_vec() }
    }

    /// Allows a range, so far as it can be allowed.
    #[must_use]
    pub fn allow(mut self, range: IpNet) -> Self {
        self.allowed.push(range);
        self
    }

    /// Whether an address may be connected to.
    ///
    /// # Errors
    /// Why not.
    pub fn check(&self, address: IpAddr) -> Result<(), AddressRefused> {
        let seen = embedded(address).unwrap_or(address);
        let kind = if METADATA.contains(&seen) {
            "a cloud's metadata service"
        } else if is_link_local(seen) {
            "link-local"
        } else if is_unspecified(seen) {
            "unspecified"
        } else if seen.is_multicast() || seen == IpAddr::V4(Ipv4Addr::BROADCAST) {
            "multicast"
        } else if self.allowed.iter().any(|range| range.contains(&seen)) {
            return Ok(());
        } else if seen.is_loopback() {
            "loopback"
        } else if self.api_server.contains(&seen) {
            "the API server"
        } else {
            return Ok(());
        };
        Err(AddressRefused { address, kind })
    }
}

/// An address that may not be connected to.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("address {address} is refused: it is {kind}")]
pub struct AddressRefused {
    address: IpAddr,
    kind: &'static str,
}

/// A name that the resolver knows and that has no address.
#[derive(Debug, thiserror::Error)]
#[error("no address")]
pub(super) struct NoAddress;

/// The IPv4 address that an IPv6 one leads to: mapped (`::ffff:0:0/96`), compatible (`::/96`), NAT64 (`64:ff9b::/96`), 6to4 (`2002::/16`).
fn embedded(address: IpAddr) -> Option<IpAddr> {
    let IpAddr::V6(address) = address else { return None };
    let v4 = |high: u16, low: u16| {
        let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
        Some(IpAddr::V4(Ipv4Addr::new(a, b, c, d)))
    };
    match address.segments() {
        [0, 0, 0, 0, 0, 0, 0, 0 | 1] => None,
        [0, 0, 0, 0, 0, 0 | 0xffff, high, low] | [0x64, 0xff9b, 0, 0, 0, 0, high, low] | [0x2002, high, low, ..] => v4(high, low),
        _ => None,
    }
}

fn is_link_local(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => address.is_link_local(),
        IpAddr::V6(address) => address.is_unicast_link_local(),
    }
}

/// All of 0.0.0.0/8: it stands for this machine.
fn is_unspecified(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => matches!(address.octets(), [0, ..]),
        IpAddr::V6(address) => address.is_unspecified(),
    }
}

/// Resolves names to addresses that passed the rules.
pub(super) struct Checked {
    pub(super) rules: AddressRules,
    pub(super) names: Arc<dyn Resolve>,
}

impl Resolve for Checked {
    fn resolve(&self, name: Name) -> Resolving {
        let (rules, found) = (self.rules.clone(), self.names.resolve(name));
        Box::pin(async move {
            let mut refused = None;
            let mut passed: Vec<SocketAddr> = Vec::new();
            for address in found.await? {
                match rules.check(address.ip()) {
                    Ok(()) => passed.push(address),
                    Err(refusal) => refused = Some(refusal),
                }
            }
            match refused {
                _ if !passed.is_empty() => Ok(addresses(passed)),
                Some(refusal) => Err(refusal.into()),
                None => Err(NoAddress.into()),
            }
        })
    }
}

pub(super) fn addresses(found: Vec<SocketAddr>) -> Addrs {
    Box::new(found.into_iter())
}

/// The machine's own resolver.
pub(super) struct System;

impl Resolve for System {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            Ok(addresses(found.collect()))
        })
    }
}
