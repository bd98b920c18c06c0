//! How jobs reach the outside world (outsend 11.5, 18.3).

use std::sync::Arc;

use engine::{
    Network,
    net::{Outside, OutsideConfig},
    services::{COMPANIES, PAGESPEED, Services},
};
use shared::config::Settings;

/// The network that `settings` describe.
///
/// # Errors
/// When it cannot be set up.
pub(crate) fn connect(settings: &Settings) -> Result<Arc<dyn Network>, String> {
    let outbound = &settings.outbound;
    let config = OutsideConfig {
        dns_server: outbound.dns_server,
        smtp_probe: outbound.smtp_probe,
        smtp_port: outbound.smtp_port,
        mail_from: settings.mail.sender.clone().unwrap_or_default(),
        allow_hosts: outbound.allow_hosts.clone(),
        user_agent: settings.user_agent(),
    };
    Ok(Arc::new(Outside::new(config).map_err(|fault| fault.to_string())?))
}

/// What events are sent to webhooks with (outsend 16.2).
///
/// # Errors
/// When it cannot be set up.
pub(crate) fn receivers(settings: &Settings) -> Result<Arc<Outside>, String> {
    let outbound = &settings.outbound;
    let receivers = Outside::for_webhooks(outbound.dns_server, outbound.webhook_allow_hosts.clone());
    receivers.map(Arc::new).map_err(|fault| fault.to_string())
}

/// The services that `settings` name (outsend 18.3).
pub(crate) fn services(settings: &Settings) -> Services {
    let services = &settings.outbound.services;
    Services {
        companies: services.companies_url.clone().unwrap_or_else(|| COMPANIES.to_owned()),
        bodacc: services.bodacc_url.clone(),
        pagespeed: services.pagespeed_url.clone().unwrap_or_else(|| PAGESPEED.to_owned()),
        pagespeed_key: services.pagespeed_key.clone(),
        reviews: services.reviews_url.clone(),
        overpass: services.overpass_url().to_owned(),
        rdap: services.rdap_url.clone(),
        screenshot: services.screenshot_url.clone(),
        seeds: services.seeds.clone(),
    }
}
