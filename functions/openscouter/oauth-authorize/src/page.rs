//! The pages of the authorization server: minimal HTML, without scripts.

use shared::http::Response;

/// Text that cannot end an element or an attribute.
pub(super) fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            c => safe.push(c),
        }
    }
    safe
}

/// A page. `target` is the origin that its form's answer may lead to.
pub(super) fn page(status: u16, title: &str, content: &str, target: Option<&str>) -> Response {
    let form = target.map_or_else(|| "'self'".to_owned(), |origin| format!("'self' {origin}"));
    let policy = format!("default-src 'none'; style-src 'unsafe-inline'; form-action {form}; frame-ancestors 'none'");
    let title = escaped(title);
    let body = format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>{title}</title>\
         <meta name=\"viewport\" content=\"width=device-width\"><style>body{{font:1rem sans-serif;max-width:26rem;\
         margin:4rem auto;padding:0 1rem}}label{{display:block;margin:1rem 0}}input:not([type=checkbox]){{width:100%;\
         padding:.4rem}}button{{padding:.5rem 1rem;margin-right:.5rem}}</style></head>\
         <body><h1>{title}</h1>{content}</body></html>"
    );
    Response::empty(status)
        .header("Content-Type", "text/html; charset=utf-8")
        .header("Cache-Control", "no-store")
        .header("Content-Security-Policy", policy)
        .header("Referrer-Policy", "no-referrer")
        .body(body)
}

/// A page that ends the matter: nothing is sent to anybody.
pub(super) fn refusal(status: u16, text: &str) -> Response {
    page(status, "This cannot be done", &format!("<p>{}</p>", escaped(text)), None)
}

fn form(transaction: &str, content: &str) -> String {
    let transaction = escaped(transaction);
    format!(
        "<form method=\"post\" action=\"authorize\"><input type=\"hidden\" name=\"transaction\" value=\"{transaction}\">\
         {content}</form>"
    )
}

/// The sign-in.
pub(super) fn sign_in(status: u16, client: &str, transaction: &str, fault: Option<&str>, target: &str) -> Response {
    let fault = fault.map(|text| format!("<p role=\"alert\">{}</p>", escaped(text))).unwrap_or_default();
    let fields = "<label>Email <input name=\"email\" type=\"email\" autocomplete=\"username\" required></label>\
                  <label>Password <input name=\"password\" type=\"password\" autocomplete=\"current-password\" required>\
                  </label><button name=\"action\" value=\"sign-in\">Sign in</button>";
    let content =
        format!("<p>{} asks for access. Sign in to decide.</p>{fault}{}", escaped(client), form(transaction, fields));
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
    let workspace = match workspace {
        Some((id, name)) => format!(
            "<label>Workspace <select name=\"workspace\"><option value=\"{}\">{}</option></select></label>",
            escaped(id),
            escaped(name)
        ),
        None => "<label>Workspace <input name=\"workspace\" placeholder=\"org_…\" required></label>".to_owned(),
    };
    let draft = if draft {
        "<label><input type=\"checkbox\" name=\"draft\" value=\"yes\"> make draft studies (draft)</label>"
    } else {
        ""
    };
    let fields = format!(
        "{workspace}<label><input type=\"checkbox\" checked disabled> read studies and reports (read)</label>{draft}\
         <button name=\"action\" value=\"approve\">Allow</button><button name=\"action\" value=\"deny\">Refuse</button>"
    );
    let content = format!("<p>{} asks for access to:</p>{}", escaped(client), form(transaction, &fields));
    page(200, "Allow access?", &content, Some(target))
}
