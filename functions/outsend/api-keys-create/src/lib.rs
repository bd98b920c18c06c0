//! `POST /api/api-keys`: makes an API key (outsend 6.5).

use serde::Serialize;
use serde_json::Value;
use time::Duration;

use shared::{
    http::Response,
    model::{Action, UserKey},
    outsend::{
        self, Endpoint,
        access::{Access, Caller},
        envelope::{Problem, json_answer},
        fields::{Fields, object},
        keys::{KeyView, view},
        messages::{Detail, Fault},
        request_context::RequestContext,
    },
    secret::new_token,
    store::KeyCreation,
    ulid,
};

/// The function.
pub const FUNCTION: Endpoint =
    outsend::endpoint(env!("CARGO_PKG_NAME"), Access::ACTIVE_SESSION.verified(), |cx, caller| {
        Box::pin(create(cx, caller))
    });

/// Most unexpired keys of a user.
const MAX_KEYS: usize = 20;
/// How many characters of a key may be shown later.
const PREFIX_LENGTH: usize = 12;

/// The key, with its clear text, which is shown this once.
#[derive(Serialize)]
struct NewKey<'a> {
    #[serde(flatten)]
    view: KeyView<'a>,
    key: String,
}

async fn create(cx: &RequestContext, caller: Caller) -> Result<Response, Problem> {
    let user = &caller.account.user;
    let mut fields = Fields::new(object(&cx.request, true)?);
    let name = fields.trimmed("name", 1, 80);
    let (reads, writes) = scopes(&mut fields);
    let days = fields.optional_integer("expires_in_days", 1, 365);
    fields.finish()?;
    let (plain, hash) = new_token("osk_")?;
    let key = UserKey {
        id: format!("key_{}", ulid::generate(cx.now)?),
        hash,
        prefix: plain.get(..PREFIX_LENGTH).unwrap_or_default().to_owned(),
        name: name.unwrap_or_default(),
        user: user.id,
        organization: user.organization,
        reads,
        writes,
        generation: user.credential_generation,
        created_at: cx.now,
        expires_at: days.map(|days| cx.now + Duration::days(days)),
        last_used_at: None,
    };
    let mut audit = cx.record(Action::TokenIssued, user);
    audit.object = Some(key.id.clone());
    match cx.context.store().create_user_key(&key, MAX_KEYS, &audit).await? {
        KeyCreation::CapReached => Err(Detail::KeyCapReached(MAX_KEYS).into()),
        KeyCreation::Created => Ok(json_answer(200, &NewKey { view: view(&key), key: plain })),
    }
}

/// Whether `scopes` names `read` and `write`: 1 or 2 distinct ones; both when it is left out.
fn scopes(fields: &mut Fields) -> (bool, bool) {
    let Some(value) = fields.optional("scopes").cloned() else { return (true, true) };
    let Value::Array(entries) = value else {
        fields.fault("scopes", Fault::Type("list"));
        return (false, false);
    };
    if !(1..=2).contains(&entries.len()) {
        fields.fault("scopes", Fault::Entries(1, 2));
        return (false, false);
    }
    let (mut reads, mut writes) = (false, false);
    for (index, entry) in entries.iter().enumerate() {
        let fault = match entry.as_str() {
            Some("read") => std::mem::replace(&mut reads, true).then_some(Fault::Format),
            Some("write") => std::mem::replace(&mut writes, true).then_some(Fault::Format),
            Some(_) => Some(Fault::OneOf("read, write")),
            None => Some(Fault::Type("string")),
        };
        if let Some(fault) = fault {
            fields.fault(format!("scopes.{index}"), fault);
        }
    }
    (reads, writes)
}
