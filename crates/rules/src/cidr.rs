//! Ranges of addresses.
//!
//! An IPv4 address may come in IPv6 clothing (`::ffff:10.0.0.1`). It is the same address, so ranges are read without
//! that clothing, and what Cedar is asked takes it off.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    str::FromStr,
};

use serde_json::Value;

use crate::{expression as expr, fields::shortened};

/// The addresses of IPv6 that are those of IPv4.
const MAPPED: (&str, u128, u8) = ("::ffff:0:0/96", 0xffff << 32, 96);

/// A range of addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cidr(Range);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Range {
    V4(Ipv4Addr, u8),
    V6(Ipv6Addr, u8),
}

/// A text that is no range.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{given}` is not a range of addresses; {advice}")]
pub struct InvalidCidr {
    given: String,
    advice: String,
}

impl FromStr for Cidr {
    type Err = InvalidCidr;

    fn from_str(text: &str) -> Result<Self, InvalidCidr> {
        let wrong = |advice: String| InvalidCidr { given: shortened(text), advice };
        let example = || wrong("write CIDR, such as 10.0.0.0/8 or 2001:db8::/32".to_owned());
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address.parse().map_err(|_| example())?, Some(prefix)),
            None => (text.parse().map_err(|_| example())?, None),
        };
        let bits = if matches!(address, IpAddr::V4(_)) { 32 } else { 128 };
        let Some(prefix) = prefix else { return Err(wrong(format!("for one address write {text}/{bits}"))) };
        let plain = !prefix.is_empty() && prefix.bytes().all(|byte| byte.is_ascii_digit());
        let shortest = prefix == "0" || !prefix.starts_with('0');
        let prefix = prefix.parse::<u8>().ok().filter(|prefix| plain && shortest && *prefix <= bits);
        let prefix = prefix.ok_or_else(|| wrong(format!("after the slash stands a number from 0 to {bits}")))?;
        let range = Self::of(address, prefix);
        if range.network() == address {
            Ok(Self(unmapped(range)))
        } else {
            Err(wrong(format!("it has bits beyond its prefix, write {}/{prefix}", range.network())))
        }
    }
}

impl Cidr {
    /// The range of an address, without what stands beyond the prefix.
    fn of(address: IpAddr, prefix: u8) -> Range {
        match address {
            IpAddr::V4(v4) => Range::V4((u32::from(v4) & mask_v4(prefix)).into(), prefix),
            IpAddr::V6(v6) => Range::V6((u128::from(v6) & mask_v6(prefix)).into(), prefix),
        }
    }

    /// What an address must pass to lie in it: one of these.
    pub(crate) fn tests(self, address: &Value) -> Vec<Value> {
        let within =
            |range: String| expr::call("isInRange", vec![address.clone(), expr::call("ip", vec![expr::text(&range)])]);
        match self.0 {
            Range::V4(network, prefix) => {
                let [.., high, low] = network.to_ipv6_mapped().segments();
                vec![within(self.to_string()), within(format!("::ffff:{high:x}:{low:x}/{}", prefix + MAPPED.2))]
            }
            // An IPv4 address in IPv6 clothing lies in no range of IPv6.
            Range::V6(network, prefix) if prefix < MAPPED.2 && MAPPED.1 & mask_v6(prefix) == u128::from(network) => {
                vec![expr::and(vec![within(self.to_string()), expr::not(within(MAPPED.0.to_owned()))])]
            }
            Range::V6(..) => vec![within(self.to_string())],
        }
    }
}

impl Range {
    fn network(self) -> IpAddr {
        match self {
            Self::V4(network, _) => network.into(),
            Self::V6(network, _) => network.into(),
        }
    }
}

impl fmt::Display for Cidr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Range::V4(network, prefix) => write!(f, "{network}/{prefix}"),
            // Without dots, which Cedar does not take: only addresses of IPv4 in IPv6 are written with them.
            Range::V6(network, prefix) => write!(f, "{network}/{prefix}"),
        }
    }
}

fn unmapped(range: Range) -> Range {
    match range {
        Range::V6(network, prefix) if prefix >= MAPPED.2 => match network.to_ipv4_mapped() {
            Some(v4) => Range::V4(v4, prefix - MAPPED.2),
            None => range,
        },
        _ => range,
    }
}

fn mask_v4(prefix: u8) -> u32 {
    u32::MAX.checked_shl(32 - u32::from(prefix)).unwrap_or(0)
}

fn mask_v6(prefix: u8) -> u128 {
    u128::MAX.checked_shl(128 - u32::from(prefix)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_have_one_spelling() {
        for (given, written) in [
            ("10.0.0.0/8", "10.0.0.0/8"),
            ("0.0.0.0/0", "0.0.0.0/0"),
            ("192.0.2.7/32", "192.0.2.7/32"),
            ("2001:DB8:0:0::/32", "2001:db8::/32"),
            ("::/0", "::/0"),
            ("::102:304/128", "::102:304/128"),
            ("::ffff:10.0.0.0/104", "10.0.0.0/8"),
            ("::ffff:0:0/96", "0.0.0.0/0"),
        ] {
            assert_eq!(given.parse::<Cidr>().unwrap().to_string(), written);
        }
    }

    #[test]
    fn what_is_no_range_is_refused_with_what_would_be_one() {
        for (given, advice) in [
            ("10.0.0.1", "write 10.0.0.1/32"),
            ("::1", "write ::1/128"),
            ("10.0.0.1/8", "write 10.0.0.0/8"),
            ("2001:db8::1/32", "write 2001:db8::/32"),
            ("10.0.0.0/33", "from 0 to 32"),
            ("10.0.0.0/08", "from 0 to 32"),
            ("10.0.0.0/+8", "from 0 to 32"),
            ("10.0.0.0/", "from 0 to 32"),
            ("::/129", "from 0 to 128"),
            ("10.0.0/8", "write CIDR"),
            ("010.0.0.0/8", "write CIDR"),
            ("fe80::1%eth0/64", "write CIDR"),
            ("everywhere", "write CIDR"),
            ("", "write CIDR"),
        ] {
            let error = given.parse::<Cidr>().unwrap_err().to_string();
            assert!(error.contains(advice), "{error}");
        }
    }
}
