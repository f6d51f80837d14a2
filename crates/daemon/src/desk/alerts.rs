//! Telling people about incidents.

use sekisho_control::Refusal;
use sekisho_mta::alert::Alerts;
use sekisho_net::Clock;
use sekisho_net::resolver::Resolver;
use serde_json::{Value, json};

use super::Desk;
use crate::trouble::Trouble;

impl Desk {
    /// Whoever tells people, as the configuration wants it.
    ///
    /// # Errors
    /// When the resolver of the configuration cannot be used.
    pub fn alerts(&self, clock: Clock) -> Result<Alerts, Trouble> {
        let config = &self.settings.config;
        let resolver = Resolver::new(&config.dns.resolver).map_err(|error| Trouble::could_not(error.0))?;
        let offset = offset_minutes(&clock);
        Ok(Alerts::new(self.control.clone(), clock, resolver, config.hostname.to_string(), offset))
    }
}

/// The shape of [`sekisho_mta::alert::Tried`], one for each whom it concerns.
pub(super) async fn test(desk: &Desk) -> Result<Value, Refusal> {
    let alerts = desk.alerts(Clock::system()).map_err(|trouble| Refusal::invalid(trouble.text))?;
    Ok(json!(alerts.test().await?))
}

/// Distance of local time from UTC, for Received and Date.
pub(crate) fn offset_minutes(clock: &Clock) -> i32 {
    let stamp = jiff::Timestamp::from_microsecond(clock.now().micros()).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    jiff::tz::TimeZone::system().to_offset(stamp).seconds() / 60
}
