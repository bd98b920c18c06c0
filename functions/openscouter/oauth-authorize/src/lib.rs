//! `GET`, `POST /api/oauth/authorize`: sign-in, consent, and the code that comes of it (openscouter 8.1).

mod name;
mod page;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use time::Duration;

use shared::{
    http::{Response, query::Query},
    model::{Account, ClientId, ConnectionId, OAuthCode, OrganizationId, Role, Standing, UserId},
    openscouter::{
        self, Endpoint,
        envelope::Problem,
        oauth::{Form, audience_of, audiences, form_encoded, is_loopback, is_redirect_uri, is_verifier, scopes},
        request_context::RequestContext,
        sign_ins::check_password,
    },
    secret::handle_of,
};

use self::page::Client;

/// The function.
pub const FUNCTION: Endpoint = openscouter::anonymous(env!("CARGO_PKG_NAME"), |cx| Box::pin(authorize(cx)));

/// How long a transaction may take, in seconds.
const TRANSACTION_SECONDS: i64 = 600;
/// How long a code works.
const CODE_LENGTH: Duration = Duration::seconds(60);
/// Most characters of a client's state.
const MAX_STATE: usize = 4_096;

/// The signed value that carries a request from page to page: nobody else can make one.
#[derive(Debug, Deserialize, Serialize)]
struct Transaction {
    aud: String,
    exp: i64,
    client: String,
    client_name: String,
    redirect_uri: String,
    challenge: String,
    state: Option<String>,
    /// Whether drafts may be offered.
    draft: bool,
    audience: String,
    /// Who signed in, and the connection that the consent will make, once.
    #[serde(skip_serializing_if = "Option::is_none")]
    signed_in: Option<(String, String)>,
    /// The person's generation at the sign-in: when their sign-ins end, so does this one.
    #[serde(default)]
    generation: u64,
}

fn transaction_audience(cx: &RequestContext) -> String {
    format!("{}/api/oauth/authorize", cx.base())
}

impl Transaction {
    fn sign(&self, cx: &RequestContext) -> Result<String, Problem> {
        let signer = cx.context.settings().openscouter.signer.as_ref();
        Ok(signer.ok_or_else(|| Problem::Crash("no signing key is configured".to_owned()))?.sign(self)?)
    }

    fn read(cx: &RequestContext, text: &str) -> Option<Self> {
        let transaction: Self = cx.context.settings().openscouter.keys.verify(text).ok()?;
        let lives = transaction.aud == transaction_audience(cx) && cx.now.unix_timestamp() < transaction.exp;
        lives.then_some(transaction)
    }

    /// The origin that answers are sent to, as a browser's policy names it, and its host.
    fn target(&self) -> (String, &str) {
        let mut parts = self.redirect_uri.splitn(4, '/');
        let (scheme, _, authority) = (parts.next(), parts.next(), parts.next());
        let authority = authority.unwrap_or_default().split('?').next().unwrap_or_default();
        let scheme = scheme.unwrap_or_default();
        // no policy can name an address of IPv6; such a one is this machine or has a certificate
        let origin = if authority.starts_with('[') { scheme.to_owned() } else { format!("{scheme}//{authority}") };
        (origin, authority)
    }

    /// The page that asks a user to sign in.
    fn sign_in_page(&self, cx: &RequestContext, failed: Option<(u16, &str, &str)>) -> Result<Response, Problem> {
        let (origin, host) = self.target();
        let client = Client { name: &self.client_name, host, origin: &origin };
        Ok(page::sign_in(&client, &self.sign(cx)?, failed))
    }

    /// A fault of the client's request, which its user sees: whoever wrote the link to here does not send anybody on.
    fn fault(&self, cx: &RequestContext, error: &str, why: &str) -> Response {
        let address = self.address(cx, &[("error", error), ("error_description", why)]);
        page::fault((error, why), (self.target().1, &address))
    }

    /// The client's address with an answer.
    fn address(&self, cx: &RequestContext, parameters: &[(&str, &str)]) -> String {
        let base = cx.base();
        let all = parameters.iter().copied();
        let all = all.chain(self.state.as_deref().map(|state| ("state", state))).chain([("iss", &*base)]);
        let query = form_encoded(&all.collect::<Vec<_>>());
        let joint = if self.redirect_uri.contains('?') { '&' } else { '?' };
        format!("{}{joint}{query}", self.redirect_uri)
    }

    /// Sends the browser of a user who decided back to the client.
    fn back(&self, cx: &RequestContext, parameters: &[(&str, &str)]) -> Response {
        Response::empty(302)
            .header("Location", self.address(cx, parameters))
            .header("Cache-Control", "no-store")
            .header("Referrer-Policy", "no-referrer")
    }
}

async fn authorize(cx: &RequestContext) -> Result<Response, Problem> {
    if cx.request.method == "GET" { begin(cx).await } else { go_on(cx).await }
}

/// Whether a registered address allows `given`: the same one, or on a loopback address another port of it.
fn allows(registered: &str, given: &str) -> bool {
    if registered == given {
        return true;
    }
    let portless = |uri: &str| {
        let parsed = uri.parse::<http::Uri>().ok()?;
        let host = parsed.host()?.to_ascii_lowercase();
        let rest = parsed.path_and_query().map(ToString::to_string);
        is_loopback(&host).then(|| (parsed.scheme_str().map(str::to_owned), host, rest))
    };
    is_redirect_uri(given) && portless(registered).is_some_and(|known| portless(given) == Some(known))
}

/// A parameter that is there, once, and not empty.
fn parameter<'a>(query: &'a Query, name: &str) -> Option<&'a str> {
    query.last(name).filter(|value| !value.is_empty())
}

/// The scopes of a request: whether drafts may be offered; `None` when there is another scope.
fn offers_draft(scope: Option<&str>) -> Option<bool> {
    let names = scopes(scope);
    let known = names.iter().all(|name| matches!(*name, "read" | "draft"));
    known.then(|| names.is_empty() || names.contains(&"draft"))
}

async fn begin(cx: &RequestContext) -> Result<Response, Problem> {
    let query = &cx.request.query;
    let client = match parameter(query, "client_id").and_then(ClientId::from_wire) {
        None => None,
        Some(id) => cx.context.store().oauth_client(id, cx.now).await?,
    };
    let Some(client) = client else { return Ok(page::refusal(400, "There is no such client.")) };
    let redirect_uri = parameter(query, "redirect_uri");
    let redirect_uri = redirect_uri.filter(|given| client.redirect_uris.iter().any(|known| allows(known, given)));
    let Some(redirect_uri) = redirect_uri else {
        return Ok(page::refusal(400, "The client has not registered the address that it wants the answer sent to."));
    };
    let mut transaction = Transaction {
        aud: transaction_audience(cx),
        exp: cx.now.unix_timestamp() + TRANSACTION_SECONDS,
        client: client.id.wire(),
        client_name: name::plain(client.name.as_deref().unwrap_or_default()),
        redirect_uri: redirect_uri.to_owned(),
        challenge: String::new(),
        state: None,
        draft: false,
        audience: String::new(),
        signed_in: None,
        generation: 0,
    };
    let fault = |transaction: &Transaction, error: &str, why: &str| Ok(transaction.fault(cx, error, why));
    let state = query.last("state");
    if state.is_some_and(|state| state.chars().count() > MAX_STATE) {
        return fault(&transaction, "invalid_request", "state is longer than 4096 characters");
    }
    transaction.state = state.map(str::to_owned);
    match parameter(query, "response_type") {
        Some("code") => {}
        Some(_) => return fault(&transaction, "unsupported_response_type", "response_type must be code"),
        None => return fault(&transaction, "invalid_request", "response_type is required"),
    }
    let challenge = parameter(query, "code_challenge").filter(|challenge| is_verifier(challenge));
    let (Some(challenge), Some("S256")) = (challenge, query.last("code_challenge_method")) else {
        return fault(&transaction, "invalid_request", "a code_challenge of the method S256 is required");
    };
    challenge.clone_into(&mut transaction.challenge);
    match offers_draft(parameter(query, "scope")) {
        Some(draft) => transaction.draft = draft,
        None => return fault(&transaction, "invalid_scope", "the scopes are read and draft"),
    }
    let audience = match parameter(query, "resource") {
        None => audiences(cx).into_iter().next(),
        Some(resource) => audience_of(cx, resource),
    };
    match audience {
        Some(audience) => transaction.audience = audience,
        None => return fault(&transaction, "invalid_target", "resource is no address of this server"),
    }
    transaction.sign_in_page(cx, None)
}

async fn go_on(cx: &RequestContext) -> Result<Response, Problem> {
    let Ok(form) = Form::read(&cx.request) else { return Ok(page::refusal(400, "The form cannot be read.")) };
    let transaction = form.optional("transaction").and_then(|text| Transaction::read(cx, text));
    let Some(transaction) = transaction else {
        return Ok(page::refusal(400, "The sign-in took too long. Go back to the application and begin again."));
    };
    match transaction.signed_in.clone() {
        None => sign_in(cx, transaction, &form).await,
        Some((user, connection)) => {
            let user = UserId::from_wire(&user);
            let account = match user {
                Some(user) => cx.context.store().account(user).await?,
                None => None,
            };
            let account = account.filter(|account| account.user.generation == transaction.generation);
            match (account.filter(may_connect), ConnectionId::from_wire(&connection)) {
                (Some(account), Some(connection)) => decide(cx, &transaction, &form, &account, connection).await,
                _ => Ok(page::refusal(403, NOT_YOU)),
            }
        }
    }
}

const NOT_YOU: &str = "Only active business users and admins can connect applications.";

fn may_connect(account: &Account) -> bool {
    account.user.role != Role::Tester && account.user.verified && account.user.standing() == Standing::Active
}

async fn sign_in(cx: &RequestContext, mut transaction: Transaction, form: &Form) -> Result<Response, Problem> {
    let (email, password) = (form.optional("email").unwrap_or_default(), form.optional("password"));
    let account = check_password(cx, email, password.unwrap_or_default().to_owned()).await?;
    let Some(account) = account else {
        return transaction.sign_in_page(cx, Some((401, "Invalid email or password", email)));
    };
    if !may_connect(&account) {
        return Ok(page::refusal(403, NOT_YOU));
    }
    transaction.signed_in = Some((account.user.id.wire(), ConnectionId::at(cx.now).wire()));
    transaction.generation = account.user.generation;
    let signed = transaction.sign(cx)?;
    let organization = account.organization.id.wire();
    let own = (account.user.role == Role::Business).then_some((&*organization, &*account.organization.name));
    let (origin, host) = transaction.target();
    let client = Client { name: &transaction.client_name, host, origin: &origin };
    Ok(page::consent(&client, &signed, own, transaction.draft))
}

async fn decide(
    cx: &RequestContext,
    transaction: &Transaction,
    form: &Form,
    account: &Account,
    connection: ConnectionId,
) -> Result<Response, Problem> {
    match form.optional("action") {
        Some("approve") => {}
        Some("deny") => {
            let answer = [("error", "access_denied"), ("error_description", "the user refused")];
            return Ok(transaction.back(cx, &answer));
        }
        _ => return Ok(page::refusal(400, "The form cannot be read.")),
    }
    let workspace = form.optional("workspace").and_then(OrganizationId::from_wire);
    let organization = match workspace {
        None => None,
        Some(id) if account.user.role == Role::Admin => cx.context.store().organization(id).await?,
        Some(id) => Some(&account.organization).filter(|own| own.id == id).cloned(),
    };
    let Some(organization) = organization else { return Ok(page::refusal(400, "There is no such workspace.")) };
    let Some(client) = ClientId::from_wire(&transaction.client) else {
        return Ok(page::refusal(400, "There is no such client."));
    };
    let draft = transaction.draft && form.optional("draft") == Some("yes");
    // a form that is sent twice leads to one place: the browser shows the second answer
    let cause = format!("{} {} {draft}", form.required("transaction")?, organization.id.wire());
    let (plain, hash) = handle_of("osac_", connection.as_bytes(), Sha256::digest(&cause).into());
    let code = OAuthCode {
        connection,
        hash,
        client,
        client_name: transaction.client_name.clone(),
        redirect_uri: transaction.redirect_uri.clone(),
        challenge: transaction.challenge.clone(),
        user: account.user.id,
        generation: account.user.generation,
        organization: organization.id,
        draft,
        audience: transaction.audience.clone(),
        expires_at: cx.now + CODE_LENGTH,
        used: false,
    };
    if !cx.context.store().issue_code(&code, cx.now).await? {
        return Ok(page::refusal(400, "This was decided already. Go back to the application and begin again."));
    }
    Ok(transaction.back(cx, &[("code", &plain)]))
}

#[cfg(test)]
mod tests {
    use super::allows;

    #[test]
    fn ports() {
        assert!(allows("http://127.0.0.1/cb", "http://127.0.0.1:4711/cb"));
        assert!(allows("http://localhost:1/cb", "http://localhost:2/cb"));
        assert!(!allows("http://localhost:1/cb", "http://localhost:2/other"));
        assert!(!allows("http://localhost:1/cb", "http://127.0.0.1:1/cb"));
        assert!(allows("http://[::1]:4000/cb", "http://[::1]:5123/cb"));
        assert!(allows("http://LOCALHOST/cb", "http://localhost:5123/cb"));
        assert!(!allows("http://localhost/cb", "http://localhost:65536/cb"));
        assert!(!allows("https://a.test/cb", "https://a.test:8443/cb"));
    }
}
