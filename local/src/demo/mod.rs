//! What a first start finds: people of every role, studies, a report, a finished job, and the keys to all of it.

mod credentials;
mod story;

use std::path::Path;

use serde_json::json;
use shared::{
    context::Context,
    model::{
        Account, Action, AuditEntry, Email, Organization, OrganizationId, Plan, Role, Status, Study, StudyId, Task,
        User, UserKey,
    },
    secret::{PlainKey, new_token, sha256_hex},
    store::Credential,
};
use time::Duration;

pub use self::credentials::{DemoAccount, DemoPerson, Story};
use crate::{
    embedded_store::EngineError,
    people::{create_person, keep_key, new_organization},
    private,
    server::Server,
};

/// The demo's addresses: of a business user, a tester and an admin.
const ADDRESSES: [&str; 3] = ["demo@example.com", "tester@example.com", "admin@example.com"];

/// What a first start makes, and what a later one finds again.
#[derive(Debug)]
pub struct Demo {
    /// The organization.
    pub organization: OrganizationId,
    /// Its Outset key.
    pub outset_key: PlainKey,
    /// Its people; `None` where the file with their passwords is gone.
    pub account: Option<DemoAccount>,
    /// What is gone, or could not be made, and what to do.
    pub notices: Vec<String>,
}

/// The files in which a laptop keeps the demo's credentials, since the store has only hashes.
#[derive(Clone, Copy, Debug)]
pub struct Kept<'a> {
    /// Holds the Outset key.
    pub key: &'a Path,
    /// Holds a [`DemoAccount`].
    pub account: &'a Path,
}

/// The demo of a server: made at the first start, found again at a later one. What a start that was killed has left out
/// is made up for, and what cannot be, is told.
///
/// # Errors
/// When the store or a file fails.
pub async fn seed(server: &Server, kept: Option<Kept<'_>>) -> Result<Demo, EngineError> {
    let context = &server.context;
    let mut notices = Vec::new();
    let known = account_of(context, ADDRESSES[0]).await?;
    let read = kept.and_then(|kept| std::fs::read(kept.account).ok());
    let read: Option<DemoAccount> = read.and_then(|bytes| serde_json::from_slice(&bytes).ok());
    let mut account = match (read, &known) {
        (None, Some(_)) => {
            notices.push(passwords_are_gone(server, kept));
            None
        }
        (read, _) => Some(with_everybody(context, read).await?),
    };
    // the files come first: credentials that nobody has are no use
    let key = outset_key(kept, known.is_some(), &mut notices)?;
    if let (Some(kept), Some(account)) = (kept, &account) {
        private::write(kept.account, &serde_json::to_vec(account)?)?;
    }
    let organization = match (&mut account, known) {
        (Some(account), Some(known)) if account.story.is_some() => known.organization,
        (Some(account), known) => {
            let organization = make(server, account, known, &mut notices).await?;
            if let Some(kept) = kept {
                private::write(kept.account, &serde_json::to_vec(account)?)?;
            }
            organization
        }
        (None, Some(known)) => known.organization,
        (None, None) => return Err("the demo has no people".into()),
    };
    if context.store().key_by_hash(&key.hash()).await?.is_none() {
        keep_key(context, &organization, ("demo", &key), &[], None).await?;
    }
    Ok(Demo { organization: organization.id, outset_key: key, account, notices })
}

async fn account_of(context: &Context, email: &str) -> Result<Option<Account>, EngineError> {
    Ok(context.store().account_by_email(&Email::from_stored(email.to_owned())).await?)
}

fn passwords_are_gone(server: &Server, kept: Option<Kept<'_>>) -> String {
    let file = kept.map(|kept| kept.account.display().to_string()).unwrap_or_default();
    let base = |url: &str| url.trim_end_matches("/api").to_owned();
    format!(
        "{file} is gone or cannot be read, and the passwords of {} with it. Choose new ones at {}/forgot-password; the \
         mails are at {}/_local/mail. Or start with an empty data directory",
        ADDRESSES.join(", "),
        base(&server.openscouter),
        server.control
    )
}

/// The people as they are kept, with those that an older version did not make. Who has their address already is not one
/// of them.
async fn with_everybody(context: &Context, read: Option<DemoAccount>) -> Result<DemoAccount, EngineError> {
    let mut account = match read {
        Some(account) => account,
        None => {
            let DemoPerson { email, password } = DemoPerson::new(ADDRESSES[0])?;
            let outsend_key = new_token("osk_")?.0;
            DemoAccount { email, password, outsend_key, tester: None, admin: None, story: None }
        }
    };
    for (person, address) in [(&mut account.tester, ADDRESSES[1]), (&mut account.admin, ADDRESSES[2])] {
        if person.is_none() && account_of(context, address).await?.is_none() {
            *person = Some(DemoPerson::new(address)?);
        }
    }
    Ok(account)
}

/// The key as it is kept, or a new one; `later` tells a later start from the first one.
fn outset_key(kept: Option<Kept<'_>>, later: bool, notices: &mut Vec<String>) -> Result<PlainKey, EngineError> {
    let read = kept.and_then(|kept| std::fs::read_to_string(kept.key).ok());
    if let Some(key) = read.and_then(|text| PlainKey::parse(text.trim())) {
        return Ok(key);
    }
    let key = PlainKey::generate()?;
    if let Some(kept) = kept {
        private::write(kept.key, key.reveal().as_bytes())?;
        if later {
            let file = kept.key.display();
            notices.push(format!(
                "{file} was gone or could not be read: a new Outset key was made, and the old one still works"
            ));
        }
    }
    Ok(key)
}

/// The people in the store, where they are not yet, with the business user's key and some studies; the organization.
async fn people(context: &Context, account: &DemoAccount, known: Option<Account>) -> Result<Organization, EngineError> {
    let email = Email::from_stored(account.email.clone());
    let found = match known {
        Some(known) => Some(known),
        None => {
            let organization = new_organization(context, "Demo", Plan::Free);
            let who = (&email, "Demo");
            if create_person(context, &organization, Role::Business, who, &account.password).await?.is_some() {
                context.store().create_studies(&studies(context, organization.id)).await?;
            }
            context.store().account_by_email(&email).await?
        }
    };
    let Account { user, organization } = found.ok_or("the demo's business user was not made")?;
    for (person, role, name) in
        [(&account.tester, Role::Tester, "Demo tester"), (&account.admin, Role::Admin, "Demo admin")]
    {
        if let Some(person) = person {
            let own = new_organization(context, name, Plan::Free);
            let email = Email::from_stored(person.email.clone());
            create_person(context, &own, role, (&email, name), &person.password).await?;
        }
    }
    user_key(context, &user, &account.outsend_key).await?;
    Ok(organization)
}

/// The business user's Outsend key in the store, where it is not yet.
async fn user_key(context: &Context, user: &User, plain: &str) -> Result<(), EngineError> {
    let (hash, now) = (sha256_hex(plain.as_bytes()), context.clock().now());
    if context.store().principal(Credential::Key(&hash), now).await?.is_some() {
        return Ok(());
    }
    let key = UserKey {
        generation: user.credential_generation,
        id: format!("key_{}", shared::ulid::generate(now)?),
        hash,
        prefix: plain.chars().take(12).collect(),
        name: "demo".to_owned(),
        user: user.id,
        organization: user.organization,
        reads: true,
        writes: true,
        created_at: now,
        expires_at: None,
        last_used_at: None,
    };
    let audit = AuditEntry::of_operator(Action::TokenIssued, Some(key.id.clone()), json!({"dialect": "outsend"}), now);
    context.store().create_user_key(&key, 1, &audit).await?;
    Ok(())
}

/// The people with what they did, as if it had been before the server started; the organization.
async fn make(
    server: &Server,
    account: &mut DemoAccount,
    known: Option<Account>,
    notices: &mut Vec<String>,
) -> Result<Organization, EngineError> {
    let mut past = server.past(story::AGO + Duration::hours(1));
    let organization = people(past.context(), account, known).await?;
    past.advance(Duration::hours(1));
    account.story = None;
    if let (Some(tester), Some(admin)) = (&account.tester, &account.admin) {
        match story::tell(past, server.context.store(), account, tester, admin).await {
            Ok(story) => account.story = Some(story),
            Err(error) => notices.push(format!("the demo's study and its report could not be made: {error}")),
        }
    }
    Ok(organization)
}

fn studies(context: &Context, organization: OrganizationId) -> Vec<Study> {
    let now = context.clock().now();
    let names = [
        ("Checkout walk-through", Status::Open),
        ("Onboarding of new teams", Status::Paused),
        ("Search results, round two", Status::InProgress),
        ("Pricing page", Status::Draft),
        ("Help centre", Status::Closed),
    ];
    let study = |(position, (name, status)): (i64, (&str, Status))| {
        let at = now - Duration::hours(position + 1);
        Study {
            id: StudyId::generate(),
            organization,
            name: name.to_owned(),
            status,
            paused_from: (status == Status::Paused).then_some(Status::Open),
            completion_url: None,
            target_url: Some("https://example.com/".to_owned()),
            tasks: vec![Task::titled("Find what you came for")],
            details: shared::model::Details::default(),
            created_at: at,
            updated_at: at,
            version: 1,
        }
    };
    (0..).zip(names).map(study).collect()
}
