//! Which hosts take a destination's mail (RFC 5321 §5.1).

use sekisho_net::resolver::{DnsError, MxAnswer, Own, Resolver};

use super::outcome::Attempt;
use super::route::{Route, TlsMode};
use crate::schedule::Way;

/// A host to try.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Host {
    /// Its name, or an address (as text or literal).
    pub name: String,
    /// The port.
    pub port: u16,
}

/// The hosts to try in order, or why there is no point in trying.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Plan {
    /// These hosts.
    Hosts(Vec<Host>),
    /// What every recipient gets.
    Verdict(Box<Attempt>),
}

/// The plan for mail that goes this way.
pub async fn plan(way: &Way, resolver: &Resolver, own: &Own, port: u16) -> Plan {
    match way {
        Way::Route(route) => Plan::Hosts(vec![Host { name: route.host.clone(), port: route.port }]),
        Way::Mx(domain) => by_mx(domain, resolver.mx(domain).await, own, port),
    }
}

impl Way {
    /// How connections this way are protected.
    #[must_use]
    pub fn tls(&self) -> TlsMode {
        self.route().map_or(TlsMode::Opportunistic, |route| route.tls)
    }

    /// The static route, if it is one.
    #[must_use]
    pub fn route(&self) -> Option<&Route> {
        match self {
            Self::Route(route) => Some(route),
            Self::Mx(_) => None,
        }
    }
}

fn by_mx(domain: &str, answer: Result<MxAnswer, DnsError>, own: &Own, port: u16) -> Plan {
    let verdict = |attempt| Plan::Verdict(Box::new(attempt));
    match answer {
        Ok(MxAnswer::Null) => {
            // RFC 7505 §4.1.
            verdict(Attempt::failed("5.1.10", format!("{domain} takes no mail (null MX)")))
        }
        Ok(MxAnswer::Implicit) => Plan::Hosts(vec![Host { name: domain.to_owned(), port }]),
        Ok(MxAnswer::Hosts(hosts)) => {
            let better = own.better(hosts);
            if better.is_empty() {
                return verdict(looped(domain));
            }
            Plan::Hosts(better.into_iter().map(|host| Host { name: host.name, port }).collect())
        }
        Err(DnsError::NoDomain | DnsError::NoData) => {
            verdict(Attempt::failed("5.1.2", format!("the domain {domain} does not exist")))
        }
        Err(DnsError::Temporary(why)) => {
            tracing::debug!(domain, why, "no MX answer");
            verdict(Attempt::deferred("4.4.3", format!("the name service did not answer for {domain}")))
        }
    }
}

/// The domain's mail would come back to us, who do not know the domain (RFC 5321 §5.1).
pub(crate) fn looped(domain: &str) -> Attempt {
    Attempt::failed("5.4.6", format!("mail for {domain} would loop back to this server"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use sekisho_net::resolver::MxHost;

    use super::*;

    fn own() -> Own {
        Own::new(["mx2.example.jp".to_owned()], [])
    }

    fn status(plan: Plan) -> String {
        match plan {
            Plan::Verdict(attempt) => attempt.status,
            Plan::Hosts(hosts) => panic!("{hosts:?}"),
        }
    }

    fn hosts(named: &[(u16, &str)]) -> Result<MxAnswer, DnsError> {
        let hosts = named.iter().map(|(preference, name)| MxHost { preference: *preference, name: (*name).to_owned() });
        Ok(MxAnswer::Hosts(hosts.collect()))
    }

    #[test]
    fn what_can_never_work_is_said_at_once() {
        assert_eq!(status(by_mx("a.jp", Ok(MxAnswer::Null), &own(), 25)), "5.1.10");
        assert_eq!(status(by_mx("a.jp", Err(DnsError::NoDomain), &own(), 25)), "5.1.2");
        assert_eq!(status(by_mx("a.jp", Err(DnsError::Temporary("servfail".into())), &own(), 25)), "4.4.3");
    }

    #[test]
    fn hosts_come_in_order_and_not_behind_us() {
        let three = hosts(&[(10, "mx1.example.jp"), (20, "MX2.example.jp"), (30, "mx3.example.jp")]);
        let Plan::Hosts(found) = by_mx("example.jp", three, &own(), 25) else { panic!("no hosts") };
        assert_eq!(found, [Host { name: "mx1.example.jp".into(), port: 25 }]);
        let first = hosts(&[(10, "mx2.example.jp"), (20, "mx1.example.jp")]);
        assert_eq!(status(by_mx("example.jp", first, &own(), 25)), "5.4.6");
    }

    #[test]
    fn without_mx_the_domain_itself_takes_the_mail() {
        let plan = by_mx("a.jp", Ok(MxAnswer::Implicit), &own(), 2525);
        assert_eq!(plan, Plan::Hosts(vec![Host { name: "a.jp".into(), port: 2525 }]));
    }
}
