//! Addresses that a source may not lead to: what answers there is meant for this machine alone, as the keys that clouds give to
//! their machines at 169.254.169.254.

use std::net::{IpAddr, SocketAddr};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use url::Host;

/// Whether a redirect may be followed: to this machine only from it, and to a link-local address never.
pub(crate) fn may_lead(from: &url::Url, to: &url::Url) -> bool {
    !is_link_local(to) && (!is_this_machine(to) || is_this_machine(from))
}

fn ip(url: &url::Url) -> Option<IpAddr> {
    match url.host()? {
        Host::Ipv4(ip) => Some(ip.into()),
        Host::Ipv6(ip) => Some(ip.to_canonical()),
        Host::Domain(_) => None,
    }
}

fn is_link_local(url: &url::Url) -> bool {
    ip(url).is_some_and(is_link_local_ip)
}

fn is_link_local_ip(ip: IpAddr) -> bool {
    match ip.to_canonical() {
        IpAddr::V4(ip) => ip.is_link_local(),
        IpAddr::V6(ip) => ip.is_unicast_link_local(),
    }
}

fn is_this_machine(url: &url::Url) -> bool {
    match (ip(url), url.host_str()) {
        (Some(ip), _) => ip.is_loopback() || ip.is_unspecified(),
        (None, Some(name)) => {
            let name = name.trim_end_matches('.');
            name == "localhost" || name.ends_with(".localhost")
        }
        (None, None) => false,
    }
}

/// Looks names up as the system does, and leaves link-local addresses out.
#[derive(Debug)]
pub(crate) struct Resolver;

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let found: Vec<SocketAddr> = found.filter(|address| !is_link_local_ip(address.ip())).collect();
            if found.is_empty() {
                return Err("the name has no address, or link-local ones only".into());
            }
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_redirect_leads_to_a_link_local_address_or_from_elsewhere_to_this_machine() {
        let may = |from: &str, to: &str| may_lead(&from.parse().unwrap(), &to.parse().unwrap());
        for to in ["http://169.254.169.254/latest", "http://[fe80::1]/", "http://[::ffff:169.254.1.1]/"] {
            assert!(!may("http://example.org/", to) && !may("http://127.0.0.1/", to), "{to}");
        }
        for to in
            ["http://127.0.0.1:8080/", "http://localhost/", "http://a.localhost./", "http://[::1]/", "http://0.0.0.0/"]
        {
            assert!(!may("http://example.org/", to) && may("http://localhost:99/", to), "{to}");
        }
        assert!(
            may("http://example.org/", "https://cdn.example.org/x") && may("http://example.org/", "http://10.0.0.1/")
        );
    }
}
