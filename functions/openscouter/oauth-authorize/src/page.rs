//! The pages of the authorization server: minimal HTML, without scripts.

use maud::{DOCTYPE, Markup, PreEscaped, html};

use shared::http::Response;

const STYLE: &str = "body{font:1rem sans-serif;max-width:26rem;margin:4rem auto;padding:0 1rem}\
                     label{display:block;margin:1rem 0}\
                     input:not([type=checkbox]){width:100%;padding:.4rem}\
                     button{padding:.5rem 1rem;margin-right:.5rem}";

/// A page. `target` is the origin that its form's answer may lead to.
fn page(status: u16, title: &str, content: &Markup, target: Option<&str>) -> Response {
    let form = target.map_or_else(|| "'self'".to_owned(), |origin| format!("'self' {origin}"));
    let policy = format!("default-src 'none'; style-src 'unsafe-inline'; form-action {form}; frame-ancestors 'none'");
    let body = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                title { (title) }
                meta name="viewport" content="width=device-width";
                style { (PreEscaped(STYLE)) }
            }
            body {
                h1 { (title) }
                (content)
            }
        }
    };
    Response::empty(status)
        .header("Content-Type", "text/html; charset=utf-8")
        .header("Cache-Control", "no-store")
        .header("Content-Security-Policy", policy)
        .header("Referrer-Policy", "no-referrer")
        .body(body.into_string())
}

/// A page that ends the matter: nothing is sent to anybody.
pub(super) fn refusal(status: u16, text: &str) -> Response {
    page(status, "This cannot be done", &html! { p { (text) } }, None)
}

/// The form that carries the transaction to the next page.
fn form(transaction: &str, content: &Markup) -> Markup {
    html! {
        form method="post" action="authorize" {
            input type="hidden" name="transaction" value=(transaction);
            (content)
        }
    }
}

/// The sign-in.
pub(super) fn sign_in(status: u16, client: &str, transaction: &str, fault: Option<&str>, target: &str) -> Response {
    let fields = html! {
        label { "Email " input name="email" type="email" autocomplete="username" required; }
        label { "Password " input name="password" type="password" autocomplete="current-password" required; }
        button name="action" value="sign-in" { "Sign in" }
    };
    let content = html! {
        p { (client) " asks for access. Sign in to decide." }
        @if let Some(fault) = fault { p role="alert" { (fault) } }
        (form(transaction, &fields))
    };
    page(status, "Sign in", &content, Some(target))
}

/// The consent: `workspace` is the user's own, or `None` for an admin, who names one.
pub(super) fn consent(
    client: &str,
    transaction: &str,
    workspace: Option<(&str, &str)>,
    draft: bool,
    target: &str,
) -> Response {
    let fields = html! {
        label {
            "Workspace "
            @if let Some((id, name)) = workspace {
                select name="workspace" { option value=(id) { (name) } }
            } @else {
                input name="workspace" placeholder="org_…" required;
            }
        }
        label { input type="checkbox" checked disabled; " read studies and reports (read)" }
        @if draft {
            label { input type="checkbox" name="draft" value="yes"; " make draft studies (draft)" }
        }
        button name="action" value="approve" { "Allow" }
        button name="action" value="deny" { "Refuse" }
    };
    let content = html! {
        p { (client) " asks for access to:" }
        (form(transaction, &fields))
    };
    page(200, "Allow access?", &content, Some(target))
}
