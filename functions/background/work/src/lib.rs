//! What outlives a request: mails, lists, exports, deletions, jobs. Brought by the main table's stream, and by a sweep
//! each minute.

use std::sync::Arc;

use engine::{
    Network,
    net::{Outside, OutsideConfig},
};
use shared::{
    config::Settings,
    lambda::{Background, background},
    work,
};

/// The function.
pub const FUNCTION: Background =
    background(env!("CARGO_PKG_NAME"), |context, event| work::handle(context, event, network));

/// How jobs reach the outside world (outsend 11.5, 18.3).
fn network(settings: &Settings) -> Result<Arc<dyn Network>, String> {
    let outside = &settings.outbound;
    let base = settings.outsend.public_url.as_deref().unwrap_or_default();
    let sender = settings.mail.sender.clone().unwrap_or_default();
    let config = OutsideConfig {
        dns_server: outside.dns_server,
        smtp_probe: outside.smtp_probe,
        smtp_port: outside.smtp_port,
        mail_from: sender,
        allow_hosts: outside.allow_hosts.clone(),
        user_agent: format!("outscout/1.0 (+{base}/bot)"),
    };
    Ok(Arc::new(Outside::new(config).map_err(|fault| fault.to_string())?))
}
