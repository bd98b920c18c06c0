//! Commands on the store: they work beside a running server, too.

use std::path::{Path, absolute};

use indicatif::ProgressBar;
use serde_json::{Value, json};
use shared::{
    context::Context,
    model::{ApiKey, ApiKeyId, Email, Organization, OrganizationId, Payment, Scope, Status, Study, StudyId, Task},
    outset::{datetime, text::Text, url},
};
use time::OffsetDateTime;

use super::{
    arguments::{AdminCommand, Common, InvitationCommand, KeyCommand, OrgCommand, SigningKeyCommand, StudyCommand},
    directory,
    output::{Failed, show},
};
use crate::{
    backup,
    data::{DataDirectory, Session},
    embedded_store::schema_in,
    import,
    migrations::{self, MigrationError, State},
    people, rotation,
};

/// Studies between two steps of the progress bar.
const STEP: usize = 800;

/// The store of a command that works on what is there.
pub(super) async fn open(common: &Common) -> Result<Session, Failed> {
    if common.cloud {
        return Ok(Session::cloud().await?);
    }
    Ok(Session::open(&directory::existing(&common.data)?).await?)
}

/// The store of a command that makes what others begin with.
async fn open_or_make(common: &Common) -> Result<Session, Failed> {
    if common.cloud {
        return Ok(Session::cloud().await?);
    }
    Ok(Session::open(&directory::existing_or_new(&common.data)?).await?)
}

/// Shows what a command found or made, and closes the store.
pub(super) async fn finish(session: Session, common: &Common, done: Result<Value, Failed>) -> Result<(), Failed> {
    session.close().await;
    Ok(show(common.json, &done?)?)
}

async fn organization(context: &Context, id: &str) -> Result<Organization, Failed> {
    let parsed = OrganizationId::parse(id).ok_or_else(|| Failed::Usage(format!("{id} is not an organization id")))?;
    let found = context.store().organization(parsed).await?;
    found.ok_or_else(|| Failed::NotFound(format!("no organization {id}")))
}

fn organization_value(organization: &Organization) -> Value {
    json!({
        "id": organization.id.to_string(),
        "name": organization.name,
        "plan": organization.plan.as_str(),
        "created_at": datetime::format(organization.created_at),
    })
}

fn key_value(key: &ApiKey) -> Value {
    json!({
        "id": key.id.to_string(),
        "prefix": key.prefix,
        "name": key.name,
        "scopes": key.scopes.iter().map(|scope| scope.as_str()).collect::<Vec<_>>(),
        "created_at": datetime::format(key.created_at),
        "expires_at": key.expires_at.map(datetime::format),
        "revoked_at": key.revoked_at.map(datetime::format),
        "last_used_at": key.last_used_at.map(datetime::format),
    })
}

fn study_value(study: &Study) -> Value {
    json!({
        "id": study.id.to_string(),
        "name": study.name,
        "status": study.status.as_str(),
        "created_at": datetime::format(study.created_at),
        "updated_at": datetime::format(study.updated_at),
    })
}

pub(super) async fn admin(command: AdminCommand) -> Result<(), Failed> {
    let AdminCommand::Create { email, name, common } = command;
    let email = Email::chosen(&email).ok_or_else(|| Failed::Usage(format!("{email} is not an e-mail address")))?;
    let session = open_or_make(&common).await?;
    let made = match people::create_admin(&session.context, &email, &name).await {
        Ok(Some((user, password))) => {
            Ok(json!({"userId": user.id.wire(), "email": user.email.as_str(), "password": password}))
        }
        Ok(None) => Err(Failed::Usage(format!("{} belongs to an account already", email.as_str()))),
        Err(error) => Err(Failed::Other(error)),
    };
    finish(session, &common, made).await
}

pub(super) async fn invitation(command: InvitationCommand) -> Result<(), Failed> {
    let InvitationCommand::Create { days, common } = command;
    let session = open_or_make(&common).await?;
    let (code, hash) = shared::secret::new_token("")?;
    let expires_at = session.context.clock().now() + time::Duration::days(i64::from(days));
    let made = session.context.store().invite(&hash, expires_at).await;
    let made = made.map(|_| json!({"code": code, "expires_at": datetime::format(expires_at)})).map_err(Failed::from);
    finish(session, &common, made).await
}

/// Copies a data directory.
pub(super) fn backup(data: &Path, to: &Path) -> Result<(), Failed> {
    let from = directory::existing(data)?;
    backup::copy(&from, to)?;
    copied(&from, to)
}

/// Makes a data directory of a copy, unless a newer program made it.
pub(super) fn restore(copy: &Path, data: &Path) -> Result<(), Failed> {
    let from = directory::existing(copy)?;
    if let State::Newer(found) = migrations::compare(schema_in(&from.store_file()), migrations::STEPS) {
        return Err(MigrationError::Newer(found).into());
    }
    backup::copy(&from, data)?;
    copied(&from, data)
}

fn copied(from: &DataDirectory, to: &Path) -> Result<(), Failed> {
    Ok(show(true, &json!({"copied_to": absolute(to)?, "schema": schema_in(&from.store_file()).unwrap_or(1)}))?)
}

/// Brings tables to the schema of this program.
pub(super) async fn migrate(common: Common) -> Result<(), Failed> {
    let directory = if common.cloud { None } else { Some(directory::existing(&common.data)?) };
    let session = match &directory {
        None => Session::any_cloud()?,
        Some(directory) => Session::open_any(directory).await?,
    };
    let done = backup::migrate(&session.context, directory.as_ref()).await;
    let done = done.map(|done| json!({"from": done.from, "schema": done.to, "backup": done.backup}));
    finish(session, &common, done.map_err(Failed::from)).await
}

pub(super) async fn signing_key(command: SigningKeyCommand) -> Result<(), Failed> {
    match command {
        SigningKeyCommand::New { before } => {
            let (secret, public) = shared::jwt::new_key()?;
            let before = match before {
                None => json!({"keys": []}),
                Some(text) => {
                    let keys = shared::jwt::KeySet::parse(&text);
                    keys.map_err(|_| Failed::Usage("--before is not a set of Ed25519 keys".to_owned()))?.to_json()
                }
            };
            let keys: Vec<_> =
                std::iter::once(&public).chain(before["keys"].as_array().into_iter().flatten()).collect();
            Ok(show(true, &json!({"signing_key": secret, "jwks": {"keys": keys}}))?)
        }
        SigningKeyCommand::Rotate { stack: Some(stack), region, .. } => {
            let done = rotation::rotate(&stack, region.as_deref()).await?;
            let done = done.ok_or_else(|| Failed::NotFound(format!("there is no stack {stack} in this region")))?;
            Ok(show(true, &json!({"done": done.done, "kids": done.kids, "next": done.next}))?)
        }
        SigningKeyCommand::Rotate { data, .. } => {
            let keys = directory::existing(&data)?.rotate_signing_keys()?;
            let kids: Vec<_> = keys.iter().map(|key| &key["kid"]).collect();
            Ok(show(true, &json!({"kids": kids}))?)
        }
    }
}

pub(super) async fn org(command: OrgCommand) -> Result<(), Failed> {
    match command {
        OrgCommand::Create { name, .. } if name.trim().is_empty() => {
            Err(Failed::Usage("an organization without a name: give one with --name".to_owned()))
        }
        OrgCommand::Create { name, plan, common } => {
            let session = open_or_make(&common).await?;
            let made = people::create_organization(&session.context, &name, plan.into()).await;
            let made = made.map(|organization| organization_value(&organization)).map_err(Failed::Other);
            finish(session, &common, made).await
        }
        OrgCommand::List { common } => {
            let session = open(&common).await?;
            let all = session.context.store().organizations().await;
            let all = all.map(|all| all.iter().map(organization_value).collect()).map_err(Failed::from);
            finish(session, &common, all).await
        }
    }
}

pub(super) async fn key(command: KeyCommand) -> Result<(), Failed> {
    match command {
        KeyCommand::Create { org, name, scope, expires_at, common } => {
            let session = open(&common).await?;
            let made = create_key(&session.context, &org, &name, &scope, expires_at.as_deref()).await;
            finish(session, &common, made).await
        }
        KeyCommand::List { org, common } => {
            let session = open(&common).await?;
            let keys = list_keys(&session.context, &org).await;
            finish(session, &common, keys).await
        }
        KeyCommand::Revoke { org, id, common } => {
            let session = open(&common).await?;
            let revoked = revoke_key(&session.context, &org, &id).await;
            finish(session, &common, revoked).await
        }
    }
}

async fn create_key(
    context: &Context,
    org: &str,
    name: &str,
    scopes: &[String],
    expires_at: Option<&str>,
) -> Result<Value, Failed> {
    let known = Scope::ALL.map(Scope::as_str).join(" or ");
    let scope = |text: &String| {
        Scope::parse(text).ok_or_else(|| Failed::Usage(format!("{text} is not a scope: name {known} with --scope")))
    };
    let scopes = scopes.iter().map(scope).collect::<Result<Vec<_>, _>>()?;
    let expires_at = expires_at.map(|text| expiry(text, context.clock().now())).transpose()?;
    let organization = organization(context, org).await?;
    let (key, plain) = people::create_key(context, &organization, name, &scopes, expires_at).await?;
    let mut value = key_value(&key);
    if let Some(members) = value.as_object_mut() {
        members.insert("key".to_owned(), json!(plain.reveal()));
        members.insert("api".to_owned(), json!("outset"));
    }
    Ok(value)
}

/// When a key stops working, which has not been yet.
fn expiry(text: &str, now: OffsetDateTime) -> Result<OffsetDateTime, Failed> {
    match datetime::parse_filter(text) {
        Some(at) if at > now => Ok(at),
        Some(_) => Err(Failed::Usage(format!("{text} is past: name a later date-time with --expires-at, or none"))),
        None => Err(Failed::Usage(format!("{text} is not a date-time: write it as {}", datetime::format(now)))),
    }
}

async fn list_keys(context: &Context, org: &str) -> Result<Value, Failed> {
    let organization = organization(context, org).await?;
    Ok(context.store().keys_of(organization.id).await?.iter().map(key_value).collect())
}

async fn revoke_key(context: &Context, org: &str, id: &str) -> Result<Value, Failed> {
    let organization = organization(context, org).await?;
    let key = ApiKeyId::parse(id).ok_or_else(|| Failed::Usage(format!("{id} is not a key id")))?;
    let revoked = context.store().revoke_key(organization.id, key, context.clock().now()).await?;
    if revoked { Ok(json!({"id": id, "revoked": true})) } else { Err(Failed::NotFound(format!("no key {id}"))) }
}

pub(super) async fn study(command: StudyCommand) -> Result<(), Failed> {
    match command {
        StudyCommand::Create { org, name, task, target_url, common } => {
            let session = open(&common).await?;
            let made = create_study(&session.context, &org, name, task, target_url).await;
            finish(session, &common, made).await
        }
        StudyCommand::Import { file, org, common } => {
            let session = open(&common).await?;
            let imported = import_studies(&session.context, &org, &file, common.json).await;
            finish(session, &common, imported).await
        }
        StudyCommand::List { org, common } => {
            let session = open(&common).await?;
            let studies = list_studies(&session.context, &org).await;
            finish(session, &common, studies).await
        }
    }
}

async fn create_study(
    context: &Context,
    org: &str,
    name: String,
    tasks: Vec<String>,
    target_url: Option<String>,
) -> Result<Value, Failed> {
    let organization = organization(context, org).await?;
    let target_url = match target_url {
        None => None,
        Some(text) => {
            url::check(&Text::from(text.as_str())).map_err(|_| Failed::Usage(format!("{text} is not a URL")))?
        }
    };
    if name.is_empty() || name.chars().count() > 255 {
        return Err(Failed::Usage("name must have 1 to 255 characters".to_owned()));
    }
    let now = context.clock().now();
    let study = Study {
        id: StudyId::generate(),
        organization: organization.id,
        name,
        status: Status::Draft,
        paused_from: None,
        completion_url: None,
        target_url,
        tasks: tasks.into_iter().map(Task::titled).collect(),
        details: shared::model::Details::default(),
        created_at: now,
        updated_at: now,
        version: 1,
    };
    context.store().create_studies(std::slice::from_ref(&study)).await?;
    Ok(study_value(&study))
}

async fn import_studies(context: &Context, org: &str, file: &std::path::Path, quiet: bool) -> Result<Value, Failed> {
    let organization = organization(context, org).await?;
    let mut studies = import::read(file, organization.id, context.clock().now()).map_err(Failed::Usage)?;
    for study in studies.iter_mut().filter(|study| study.status.is_active() || study.status == Status::Paused) {
        // what runs was paid for, or need not be
        if organization.billing_exempt {
            study.details.payment = Payment::Exempt;
        } else if study.status.is_active() {
            let text =
                format!("study {} is {}, and its organization must pay for it first", study.id, study.status.as_str());
            return Err(Failed::Usage(text));
        }
    }
    // neighbours in the lists go in together
    studies.sort_by_key(|study| (study.created_at, study.id));
    let total = u64::try_from(studies.len()).unwrap_or(u64::MAX);
    let bar = if quiet { ProgressBar::hidden() } else { ProgressBar::new(total) };
    let mut known = 0;
    for step in studies.chunks(STEP) {
        known += context.store().create_studies(step).await?.len();
        bar.inc(u64::try_from(step.len()).unwrap_or_default());
    }
    bar.finish_and_clear();
    Ok(json!({"imported": studies.len() - known, "already_known": known}))
}

async fn list_studies(context: &Context, org: &str) -> Result<Value, Failed> {
    let organization = organization(context, org).await?;
    let studies = context.store().all_studies(organization.id).await?;
    Ok(studies.iter().map(|listed| study_value(&listed.study)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_ends_later_than_now() {
        let now = datetime::parse_filter("2026-12-02T10:00:00Z").unwrap();
        assert_eq!(expiry("2026-12-03", now).unwrap(), now + time::Duration::hours(14));
        for (text, cause) in
            [("2026-12-02T10:00:00Z", "is past: "), ("2020-01-01", "is past: "), ("x", "is not a date")]
        {
            let Err(Failed::Usage(told)) = expiry(text, now) else { panic!("{text} is taken") };
            assert!(told.starts_with(&format!("{text} {cause}")), "{told}");
        }
    }
}
