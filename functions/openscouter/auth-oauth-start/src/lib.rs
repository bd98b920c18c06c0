//! `GET /api/auth/oauth/:provider/start`: sends a browser to a log-in provider (openscouter 7).

use shared::{
    http::Response,
    model::Role,
    openscouter::{
        self, Endpoint,
        envelope::Problem,
        format::is_allowed_origin,
        oauth::{challenge, form_encoded},
        providers::{callback_uri, provider, set_cookie, verifier},
        request_context::RequestContext,
    },
    secret::new_token,
    store::OauthState,
};

/// The function.
pub const FUNCTION: Endpoint = openscouter::anonymous(env!("CARGO_PKG_NAME"), |cx| Box::pin(start(cx)));

/// Most characters of a URL (openscouter 2.1).
const MAX_URL: usize = 2_048;

async fn start(cx: &RequestContext) -> Result<Response, Problem> {
    let provider = provider(cx, cx.path("provider")).ok_or_else(|| Problem::not_found("Provider"))?;
    let query = &cx.request.query;
    let role = query.last("role").map(read_role).transpose()?;
    let redirect = query.last("redirect").map(|text| check_redirect(cx, text)).transpose()?;
    let (state, hash) = new_token("")?;
    let (kept_by_browser, browser) = new_token("")?;
    let verifier = verifier(cx, &state)?;
    let kept = OauthState { hash, browser, provider: provider.name.clone(), role, redirect };
    cx.context.store().keep_oauth_state(&kept, cx.now).await?;
    let scope = if provider.name == "github" { "read:user user:email" } else { "openid email profile" };
    let query = form_encoded(&[
        ("response_type", "code"),
        ("client_id", &provider.client_id),
        ("redirect_uri", &callback_uri(cx)),
        ("scope", scope),
        ("state", &state),
        ("code_challenge", &challenge(&verifier)),
        ("code_challenge_method", "S256"),
    ]);
    let joint = if provider.authorize_url.contains('?') { '&' } else { '?' };
    Ok(Response::empty(302)
        .header("Location", format!("{}{joint}{query}", provider.authorize_url))
        .header("Cache-Control", "no-store")
        .header("Set-Cookie", set_cookie(cx, &kept_by_browser)))
}

/// The role of an account that the log-in may make.
fn read_role(text: &str) -> Result<Role, Problem> {
    let role = Role::parse(text).filter(|role| *role != Role::Admin);
    role.ok_or_else(|| Problem::invalid("role", "must be one of: business, tester"))
}

/// An address to come back to: one of a page that may call (openscouter 2.9).
fn check_redirect(cx: &RequestContext, text: &str) -> Result<String, Problem> {
    let pages = &cx.context.settings().openscouter.pages;
    let refused = |reason: &str| Problem::invalid("redirect", reason);
    let parsed = text.parse::<http::Uri>().map_err(|_| refused("must be an http or https URL"))?;
    let (Some(scheme), Some(authority)) = (parsed.scheme_str(), parsed.authority()) else {
        return Err(refused("must be an http or https URL"));
    };
    if authority.as_str().contains('@') {
        return Err(refused("must not contain credentials"));
    }
    let origin = format!("{scheme}://{authority}");
    if !is_allowed_origin(&origin, &pages.base_domain, pages.production) {
        return Err(refused("must be an address of an allowed origin"));
    }
    if text.len() > MAX_URL || text.contains('#') || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(refused("must be an http or https URL"));
    }
    Ok(text.to_owned())
}
