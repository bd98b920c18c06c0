//! API keys of the dialect (outsend 6.5).

use serde_json::{Value, json};
use time::Duration;

use super::{
    access::Access,
    account::timestamp,
    endpoint::answer,
    envelope::{Problem, json_answer},
    fields::{Fields, object},
    messages::{Detail, Fault},
    request_context::RequestContext,
};
use crate::{
    BoxFuture,
    context::Context,
    http::{Request, Response},
    model::{Action, UserKey},
    secret::new_token,
    store::KeyCreation,
    ulid,
};

/// Most unexpired keys of a user.
const CAP: usize = 20;
/// How many characters of a key may be shown later.
const SHOWN: usize = 12;

pub fn key_object(key: &UserKey) -> Value {
    let scopes = [(key.reads, "read"), (key.writes, "write")];
    let scopes: Vec<_> = scopes.iter().filter(|(has, _)| *has).map(|(_, scope)| *scope).collect();
    json!({
        "id": key.id,
        "name": key.name,
        "prefix": key.prefix,
        "scopes": scopes,
        "created_at": timestamp(key.created_at),
        "expires_at": key.expires_at.map(timestamp),
        "last_used_at": key.last_used_at.map(timestamp),
    })
}

/// `POST /api/api-keys`
#[must_use]
pub fn create_key(context: Context, request: Request) -> BoxFuture<'static, Response> {
    answer(context, request, |cx| Box::pin(create_now(cx)))
}

/// `scopes`: 1 or 2 distinct ones of `read` and `write`; both when it is left out.
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
    for (position, entry) in entries.iter().enumerate() {
        let seen = match entry.as_str() {
            Some("read") => std::mem::replace(&mut reads, true),
            Some("write") => std::mem::replace(&mut writes, true),
            Some(_) => {
                fields.fault(format!("scopes.{position}"), Fault::OneOf("read, write"));
                false
            }
            None => {
                fields.fault(format!("scopes.{position}"), Fault::Type("string"));
                false
            }
        };
        if seen {
            fields.fault(format!("scopes.{position}"), Fault::Format);
        }
    }
    (reads, writes)
}

async fn create_now(cx: &RequestContext) -> Result<Response, Problem> {
    let access = Access::ACTIVE_SESSION;
    let account = cx.caller(access).await?.account;
    let mut fields = Fields::new(object(&cx.request, true)?);
    let name = fields.trimmed("name", 1, 80);
    let (reads, writes) = scopes(&mut fields);
    let days = fields.optional_integer("expires_in_days", 1, 365);
    fields.finish()?;
    let (plain, hash) = new_token("osk_")?;
    let key = UserKey {
        id: format!("key_{}", ulid::generate(cx.now)?),
        hash,
        prefix: plain.get(..SHOWN).unwrap_or_default().to_owned(),
        name: name.unwrap_or_default(),
        user: account.user.id,
        organization: account.user.organization,
        reads,
        writes,
        created_at: cx.now,
        expires_at: days.map(|days| cx.now + Duration::days(days)),
        last_used_at: None,
    };
    let mut audit = cx.record(Action::TokenIssued, &account.user, json!({"dialect": "outsend"}));
    audit.object = Some(key.id.clone());
    match cx.context.store().create_user_key(&key, CAP, &audit).await? {
        KeyCreation::CapReached => Err(Detail::KeyCapReached(CAP).into()),
        KeyCreation::Created => {
            let mut object = key_object(&key);
            if let Some(members) = object.as_object_mut() {
                members.insert("key".to_owned(), Value::from(plain));
            }
            Ok(json_answer(200, &object))
        }
    }
}

/// `GET /api/api-keys`
#[must_use]
pub fn list_keys(context: Context, request: Request) -> BoxFuture<'static, Response> {
    answer(context, request, |cx| Box::pin(list_now(cx)))
}

async fn list_now(cx: &RequestContext) -> Result<Response, Problem> {
    let account = cx.caller(Access::SESSION).await?.account;
    let keys = cx.context.store().keys_of_user(account.user.id, cx.now).await?;
    let keys: Vec<_> = keys.iter().map(key_object).collect();
    Ok(json_answer(200, &json!({"api_keys": keys})))
}

/// `DELETE /api/api-keys/{key_id}`
#[must_use]
pub fn delete_key(context: Context, request: Request) -> BoxFuture<'static, Response> {
    answer(context, request, |cx| Box::pin(delete_now(cx)))
}

async fn delete_now(cx: &RequestContext) -> Result<Response, Problem> {
    let account = cx.caller(Access::SESSION).await?.account;
    object(&cx.request, false)?;
    let id = cx.request.path.rsplit('/').next().and_then(|segment| segment.strip_prefix("key_"));
    let id = id.and_then(ulid::parse).ok_or(Detail::NoKey)?;
    let id = format!("key_{id}");
    let mut audit = cx.record(Action::TokenRevoked, &account.user, json!({"dialect": "outsend"}));
    audit.object = Some(id.clone());
    if cx.context.store().revoke_user_key(account.user.id, &id, &audit).await? {
        Ok(json_answer(200, &json!({"ok": true})))
    } else {
        Err(Detail::NoKey.into())
    }
}
