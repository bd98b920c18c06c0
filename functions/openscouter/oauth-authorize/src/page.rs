//! The pages of the authorization server: minimal HTML, without scripts.

use maud::{Markup, html};

use shared::{http::Response, model::Locale, page::Page};

/// A page. `target` is the origin that its form's answer may lead to.
fn page(status: u16, title: &str, content: Markup, target: Option<&str>) -> Response {
    Page { language: Locale::En, title, content, target }.answer(status)
}

/// A page that ends the matter: nothing is sent to anybody.
pub(super) fn refusal(status: u16, text: &str) -> Response {
    page(status, "This cannot be done", html! { p { (text) } }, None)
}

/// A page in place of an answer that the client would be sent: nobody has decided anything yet, so the browser goes there
/// only if its user says so.
pub(super) fn fault((error, why): (&str, &str), (host, address): (&str, &str)) -> Response {
    let content = html! {
        p { "The application asked in a way that is not allowed (" code { (error) } ": " (why) "). Nothing was decided." }
        p { a href=(address) rel="noreferrer nofollow" { "Go to " strong { (host) } } }
    };
    page(400, "This cannot be done", content, None)
}

/// Who asks, and where the answer leads.
fn asker(client: &Client<'_>, asks: &str) -> Markup {
    html! {
        p { bdi { (client.name) } " " (asks) }
        p { "Your decision is sent to " strong { (client.host) } ". Go on only if you trust it." }
    }
}

/// A client as pages show it: what it calls itself, and the host and the origin that answers are sent to.
pub(super) struct Client<'a> {
    pub(super) name: &'a str,
    pub(super) host: &'a str,
    pub(super) origin: &'a str,
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

/// The sign-in; `failed` is what became of one before: its status, what is said of it, and the address that was typed.
pub(super) fn sign_in(client: &Client<'_>, transaction: &str, failed: Option<(u16, &str, &str)>) -> Response {
    let fields = html! {
        label {
            "Email "
            input name="email" type="email" autocomplete="username" value=[failed.map(|(_, _, email)| email)] required;
        }
        label { "Password " input name="password" type="password" autocomplete="current-password" required; }
        button name="action" value="sign-in" { "Sign in" }
    };
    let content = html! {
        (asker(client, "asks for access. Sign in to decide."))
        @if let Some((_, fault, _)) = failed { p role="alert" { (fault) } }
        (form(transaction, &fields))
    };
    page(failed.map_or(200, |(status, ..)| status), "Sign in", content, Some(client.origin))
}

/// The consent: `workspace` is the user's own, or `None` for an admin, who names one.
pub(super) fn consent(
    client: &Client<'_>,
    transaction: &str,
    workspace: Option<(&str, &str)>,
    draft: bool,
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
        button class="quiet" name="action" value="deny" { "Refuse" }
    };
    let content = html! {
        (asker(client, "asks for access to:"))
        (form(transaction, &fields))
    };
    page(200, "Allow access?", content, Some(client.origin))
}
