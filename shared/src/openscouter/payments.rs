//! What the endpoints that send people to Stripe share (openscouter 16.1).

use super::{
    envelope::Problem, fields::Fields, format::is_allowed_origin, request_context::RequestContext,
    studies::view::app_url,
};
use crate::stripe::StripeError;

/// A page that Stripe sends people back to: of an origin that may call, or of the web application itself.
///
/// # Errors
/// 422 when it is none.
pub fn page_of(cx: &RequestContext, fields: &Fields, name: &str) -> Result<Option<String>, Problem> {
    if fields.optional(name).is_none() {
        return Ok(None);
    }
    let text = fields.web_url(name)?;
    let origin = |text: &str| url::Url::parse(text).ok().map(|url| url.origin().ascii_serialization());
    let (asked, pages) = (origin(&text), &cx.context.settings().openscouter.pages);
    let ours = asked.is_some() && asked == origin(&app_url(cx));
    let allowed = asked.is_some_and(|asked| is_allowed_origin(&asked, &pages.base_domain, pages.production));
    if ours || allowed {
        Ok(Some(text))
    } else {
        Err(Problem::invalid(name, "must be an address of an allowed origin"))
    }
}

/// What a call of Stripe that failed is: a fault of ours or of theirs (openscouter 2.4).
#[must_use]
pub fn failed(error: &StripeError) -> Problem {
    Problem::Crash(format!("payment provider: {error}"))
}
