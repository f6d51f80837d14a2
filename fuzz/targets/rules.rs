//! Rules files of any bytes: no panic, and a file of noise opens nothing.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sekisho_guard::rules::{effect::EffectRules, filter::MailFilter, gateway::Gateways, hours::SendHours, reject::RejectTable, sender::SenderRules};
use sekisho_message::Time;

fuzz_target!(|file: &[u8]| {
    let rules = EffectRules::parse(file);
    let _ = rules.findings().len();
    let _ = rules.refuses_connection(std::net::Ipv4Addr::new(203, 0, 113, 5).into());
    let sender = SenderRules::parse(file);
    let _ = sender.decide("someone@outside.example");
    let mut table = RejectTable::parse(file);
    let _ = table.decide(std::net::Ipv4Addr::new(203, 0, 113, 5).into(), Time::from_seconds(1));
    table.lock(std::net::Ipv4Addr::new(203, 0, 113, 9).into(), Time::from_seconds(9), true);
    let again = RejectTable::parse(table.render().as_bytes());
    let filter = MailFilter::parse(file);
    assert!(filter.decide(file).is_none() || !filter.is_empty());
    for row in Gateways::parse(file).rows() {
        assert!(!row.domain.is_empty() && !row.host.is_empty());
    }
    if let Ok(hours) = SendHours::parse(&String::from_utf8_lossy(file)) {
        let now = Time::from_seconds(1_800_000_000);
        assert!(hours.opening(now, 540).is_none_or(|opening| opening > now - std::time::Duration::from_secs(60)));
    }
    assert_eq!(table.rows().len(), again.rows().len());
});
