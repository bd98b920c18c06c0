//! Users and their sessions.

use std::collections::{BTreeSet, HashMap};

use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue, TransactWriteItem};
use time::OffsetDateTime;
use uuid::Uuid;

use super::{
    BoxFuture, Network, Store, StoreError, Token, after_lost_race,
    client::Written,
    item::{Condition, Item, delete},
    organizations::{organization_item, organization_pk, read_organization},
    retry::MAX_ATTEMPTS,
    round_trips::round_trip,
    user_items::user_pk,
};
use crate::{
    model::{
        Account, AuditEntry, Email, Family, Locale, Organization, OrganizationId, PendingSignUp, Rivals, Role, Session,
        User, UserId, WorkItem,
    },
    password::PasswordHash,
};

pub(super) fn email_key(email: &Email) -> (String, String) {
    (format!("EMAIL#{}", email.hash()), "EMAIL".to_owned())
}

pub(super) fn session_key(hash: &str) -> (String, String) {
    (format!("LOGIN#{hash}"), "LOGIN".to_owned())
}

/// What an account is read from.
pub(super) fn account_keys(user: UserId, organization: OrganizationId) -> Vec<(String, String)> {
    vec![(user_pk(user), "USER".to_owned()), (organization_pk(organization), "ORG".to_owned())]
}

/// The account among `items`.
pub(super) fn read_account(
    user: UserId,
    organization: OrganizationId,
    items: &[Item],
) -> Result<Option<Account>, StoreError> {
    let with_pk = |pk: String| items.iter().find(|item| item.pk() == pk);
    let (Some(user), Some(organization)) = (with_pk(user_pk(user)), with_pk(organization_pk(organization))) else {
        return Ok(None);
    };
    if is_tombstone(user) {
        return Ok(None);
    }
    Ok(Some(Account { user: read_user(user)?, organization: read_organization(organization)? }))
}

/// Whether only the mark is left that a user was deleted.
pub(super) fn is_tombstone(item: &Item) -> bool {
    item.read("user").optional_text("id").is_none()
}

pub(super) fn user_item(user: &User) -> Item {
    let item = Item::new(user_pk(user.id), "USER".to_owned())
        .text("id", user.id.to_string())
        .number("number", user.number)
        .text("email", user.email.as_str())
        .text("name", &*user.name)
        .text("role", user.role.as_str())
        .number("qualified", u8::from(user.qualified))
        .optional_text("password", user.password.as_ref().map(PasswordHash::as_str))
        .number("verified", u8::from(user.verified))
        .number("active", u8::from(user.active))
        .text("locale", user.locale.as_str())
        .text("organization", user.organization.to_string())
        .number("generation", user.generation)
        .number("credential_generation", user.credential_generation)
        .number("rivals", user.rivals.sign_ups)
        .number("refused", user.rivals.refused)
        .time("created_at", user.created_at)
        .number("version", user.version);
    match user.capacity_score {
        Some(score) => item.number("capacity_score", score),
        None => item,
    }
}

pub(super) fn read_user(item: &Item) -> Result<User, StoreError> {
    let reader = item.read("user");
    Ok(User {
        id: reader.parsed("id", UserId::parse)?,
        number: reader.number("number")?,
        email: Email::from_stored(reader.text("email")?.to_owned()),
        name: reader.text("name")?.to_owned(),
        role: reader.optional_text("role").and_then(Role::parse).unwrap_or(Role::Business),
        qualified: reader.flag("qualified")?,
        capacity_score: reader.number("capacity_score").ok(),
        password: reader.optional_text("password").map(|hash| PasswordHash::from_stored(hash.to_owned())),
        verified: reader.number::<u8>("verified")? == 1,
        active: reader.number::<u8>("active")? == 1,
        locale: reader.parsed("locale", Locale::parse)?,
        organization: reader.parsed("organization", OrganizationId::parse)?,
        generation: reader.number("generation")?,
        credential_generation: reader.count("credential_generation")?,
        rivals: Rivals { sign_ups: reader.count("rivals")?, refused: reader.count("refused")? },
        created_at: reader.time("created_at")?,
        version: reader.number("version")?,
    })
}

fn session_item((pk, sk): (String, String), session: &Session) -> Item {
    Item::new(pk, sk)
        .text("hash", &*session.hash)
        .text("user", session.user.to_string())
        .text("organization", session.organization.to_string())
        .number("generation", session.generation)
        .time("created_at", session.created_at)
        .time("expires_at", session.expires_at)
        .gone_after(session.expires_at)
}

pub(super) fn read_session(item: &Item) -> Result<Session, StoreError> {
    let reader = item.read("session");
    Ok(Session {
        hash: reader.text("hash")?.to_owned(),
        user: reader.parsed("user", UserId::parse)?,
        organization: reader.parsed("organization", OrganizationId::parse)?,
        generation: reader.number("generation")?,
        created_at: reader.time("created_at")?,
        expires_at: reader.time("expires_at")?,
    })
}

/// What one write does beside making or changing a user.
#[derive(Clone, Debug, Default)]
pub struct ChangeWith {
    /// A session that it opens.
    pub session: Option<Session>,
    /// A sign-in of OpenScouter that it opens.
    pub family: Option<Family>,
    /// A record of it.
    pub audit: Option<AuditEntry>,
    /// Work that follows, and when it is due.
    pub work: Option<(WorkItem, OffsetDateTime)>,
    /// A one-time token that it uses up.
    pub token: Option<Token>,
    /// The hash of an invitation that it uses up.
    pub invitation: Option<String>,
    /// What a later sign-up of the user said, kept for the work that sends its link.
    pub sign_up: Option<(UserId, PendingSignUp)>,
    /// The organization's new name.
    pub organization_name: Option<(OrganizationId, String)>,
    /// The removal of what the change ends; the update of a user adds it by itself.
    pub end_credentials: Option<(WorkItem, OffsetDateTime)>,
    /// Where the user is, who showed who they are.
    pub network: Option<Network>,
}

impl ChangeWith {
    /// Whether there is nothing to write.
    pub(super) const fn is_empty(&self) -> bool {
        let Self {
            session,
            family,
            audit,
            work,
            token,
            invitation,
            sign_up,
            organization_name,
            end_credentials,
            network,
        } = self;
        session.is_none()
            && family.is_none()
            && audit.is_none()
            && work.is_none()
            && token.is_none()
            && invitation.is_none()
            && sign_up.is_none()
            && organization_name.is_none()
            && end_credentials.is_none()
            && network.is_none()
    }
}

/// How a sign-up ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignUp {
    /// The account is there.
    Created,
    /// The address belongs to an account, and nothing was written.
    EmailTaken,
    /// The invitation is unknown, used or expired, and nothing was written.
    NotInvited,
}

impl Store {
    /// The next number for a user: strictly increasing, never given twice (outsend 2.2).
    ///
    /// # Errors
    /// When the store fails.
    pub fn next_user_number(&self) -> BoxFuture<'_, Result<u64, StoreError>> {
        Box::pin(self.next_number("USER"))
    }

    /// The next number of a counter, on which nobody's write depends.
    pub(super) async fn next_number(&self, counter: &str) -> Result<u64, StoreError> {
        let call = self
            .client
            .update_item()
            .table_name(&self.main)
            .key("pk", AttributeValue::S(format!("COUNTER#{counter}")))
            .key("sk", AttributeValue::S("COUNTER".to_owned()))
            .update_expression("ADD #last :one")
            .expression_attribute_names("#last", "last")
            .expression_attribute_values(":one", AttributeValue::N("1".to_owned()))
            .return_values(ReturnValue::UpdatedNew);
        let output = round_trip(call.send()).await.map_err(|error| StoreError::call("UpdateItem", &error))?;
        Item::from(output.attributes.unwrap_or_default()).read("counter").number("last")
    }

    /// Creates a user with an organization and what goes with them, all or nothing; the address is made
    /// unique by the write itself.
    ///
    /// # Errors
    /// When the store fails.
    pub fn sign_up<'a>(
        &'a self,
        user: &'a User,
        organization: &'a Organization,
        with: ChangeWith,
    ) -> BoxFuture<'a, Result<SignUp, StoreError>> {
        Box::pin(async move {
            for attempt in 0..MAX_ATTEMPTS {
                let (pk, sk) = email_key(&user.email);
                let mut members = vec![
                    Item::new(pk.clone(), sk.clone())
                        .text("user", user.id.to_string())
                        .text("organization", organization.id.to_string())
                        .put(&self.main, Condition::Absent)?,
                    user_item(user).put(&self.main, Condition::Absent)?,
                    organization_item(organization_pk(organization.id), "ORG".to_owned(), organization)
                        .put(&self.main, Condition::Absent)?,
                    organization_item("ORGS".to_owned(), organization_pk(organization.id), organization)
                        .put(&self.main, Condition::Absent)?,
                    self.rank_organization_member(organization)?,
                ];
                if user.role == Role::Business {
                    // of testers and staff persons are counted, not organizations
                    members.push(self.new_key_task(organization.id, organization.created_at)?);
                }
                members.extend(self.members_with(&with)?);
                members.extend(self.user_places(user)?);
                let invitation = members.len();
                if let Some(hash) = &with.invitation {
                    members.push(self.use_invitation(hash, user.created_at)?);
                }
                match self.transact(members).await? {
                    Written::Done => return Ok(SignUp::Created),
                    Written::Refused(failed) if failed.contains(&0) => {
                        // the address may be ours: the first answer to this very write can have been lost
                        let holder = self.get(&self.main, pk, sk).await?;
                        let ours = match &holder {
                            Some(item) => item.read("email").parsed("user", UserId::parse)? == user.id,
                            None => false,
                        };
                        return Ok(if ours { SignUp::Created } else { SignUp::EmailTaken });
                    }
                    Written::Refused(failed) if failed.contains(&invitation) => return Ok(SignUp::NotInvited),
                    Written::Refused(_) => after_lost_race(attempt).await?,
                }
            }
            Err(StoreError::Contended(MAX_ATTEMPTS))
        })
    }

    /// The account with this address. An address that nobody has costs the same reads.
    ///
    /// # Errors
    /// When the store fails.
    pub fn account_by_email<'a>(&'a self, email: &'a Email) -> BoxFuture<'a, Result<Option<Account>, StoreError>> {
        Box::pin(async move {
            let (pk, sk) = email_key(email);
            let (user, organization) = match self.get(&self.main, pk, sk).await? {
                None => (UserId::generate(), OrganizationId::generate()),
                Some(item) => {
                    let reader = item.read("email");
                    let user = reader.parsed("user", UserId::parse)?;
                    (user, reader.parsed("organization", OrganizationId::parse)?)
                }
            };
            read_account(user, organization, &self.batch_get(account_keys(user, organization)).await?)
        })
    }

    /// The account of a user, for what names a user and not an address.
    ///
    /// # Errors
    /// When the store fails.
    pub fn account(&self, id: UserId) -> BoxFuture<'_, Result<Option<Account>, StoreError>> {
        Box::pin(async move {
            let Some(item) = self.get(&self.main, user_pk(id), "USER".to_owned()).await? else { return Ok(None) };
            if is_tombstone(&item) {
                return Ok(None);
            }
            let user = read_user(&item)?;
            let organization = self.organization(user.organization).await?;
            Ok(organization.map(|organization| Account { user, organization }))
        })
    }

    /// The addresses of users, as far as they are there.
    ///
    /// # Errors
    /// When the store fails.
    pub fn addresses(&self, users: BTreeSet<UserId>) -> BoxFuture<'_, Result<HashMap<UserId, Email>, StoreError>> {
        Box::pin(async move {
            let keys = users.into_iter().map(|id| (user_pk(id), "USER".to_owned())).collect();
            let items = self.batch_get(keys).await?;
            let users = items.iter().filter(|item| !is_tombstone(item)).map(read_user);
            users.map(|user| user.map(|user| (user.id, user.email))).collect()
        })
    }

    /// Opens what a user that signed in is given: a session or a family, and the record of it. `Ok(false)` when a
    /// one-time token that it uses up was used before.
    ///
    /// # Errors
    /// When the store fails.
    pub fn sign_in(&self, with: ChangeWith) -> BoxFuture<'_, Result<bool, StoreError>> {
        Box::pin(async move {
            for attempt in 0..MAX_ATTEMPTS {
                match self.transact(self.members_with(&with)?).await? {
                    Written::Done => return Ok(true),
                    // who was first cannot be told by the token, which is gone either way
                    Written::Refused(failed) if !failed.is_empty() && with.token.is_some() => return Ok(false),
                    // only an earlier attempt of this very write can have put it there
                    Written::Refused(failed) if !failed.is_empty() => return Ok(true),
                    Written::Refused(_) => after_lost_race(attempt).await?,
                }
            }
            Err(StoreError::Contended(MAX_ATTEMPTS))
        })
    }

    /// The transaction members of what goes with a user's change.
    fn members_with(&self, with: &ChangeWith) -> Result<Vec<TransactWriteItem>, StoreError> {
        let mut members = Vec::new();
        if let Some(session) = &with.session {
            members.extend(self.session_members(session)?);
        }
        if let Some(family) = &with.family {
            members.extend(self.family_members(family)?);
        }
        if let Some(audit) = &with.audit {
            members.extend(self.audit_members(audit)?);
        }
        if let Some(network) = &with.network {
            members.push(self.network_member(network)?);
        }
        for (work, now) in with.work.iter().chain(&with.end_credentials) {
            members.push(self.work_member(work, *now)?);
        }
        if let (Some((user, sign_up)), Some((work, now))) = (&with.sign_up, &with.work) {
            members.push(self.keep_sign_up(*user, &work.id, sign_up, *now)?);
        }
        if let Some((organization, name)) = &with.organization_name {
            members.extend(self.rename_organization(*organization, name)?);
        }
        if let Some(token) = &with.token {
            members.push(self.use_token(token)?);
        }
        Ok(members)
    }

    /// The transaction members that open a session.
    fn session_members(&self, session: &Session) -> Result<Vec<TransactWriteItem>, StoreError> {
        let keys = [session_key(&session.hash), (user_pk(session.user), format!("LOGIN#{}", session.hash))];
        keys.into_iter().map(|key| session_item(key, session).put(&self.main, Condition::Absent)).collect()
    }

    /// Ends one session; ending it again changes nothing.
    ///
    /// # Errors
    /// When the store fails.
    pub fn end_session<'a>(&'a self, hash: &'a str, audit: &'a AuditEntry) -> BoxFuture<'a, Result<(), StoreError>> {
        Box::pin(async move {
            let (pk, sk) = session_key(hash);
            let Some(item) = self.get(&self.main, pk.clone(), sk.clone()).await? else { return Ok(()) };
            let user = read_session(&item)?.user;
            for attempt in 0..MAX_ATTEMPTS {
                let mut members = vec![
                    delete(&self.main, pk.clone(), sk.clone())?,
                    delete(&self.main, user_pk(user), format!("LOGIN#{hash}"))?,
                ];
                members.extend(self.audit_members(audit)?);
                match self.transact(members).await? {
                    Written::Done => return Ok(()),
                    // the record is there: the answer to this very write was lost
                    Written::Refused(failed) if !failed.is_empty() => return Ok(()),
                    Written::Refused(_) => {}
                }
                after_lost_race(attempt).await?;
            }
            Err(StoreError::Contended(MAX_ATTEMPTS))
        })
    }

    /// Moves a session's end, unless the session ended meanwhile; `Ok(false)` then.
    ///
    /// # Errors
    /// When the store fails.
    pub fn slide_session<'a>(
        &'a self,
        session: &'a Session,
        expires_at: OffsetDateTime,
    ) -> BoxFuture<'a, Result<bool, StoreError>> {
        Box::pin(async move {
            let slid = Session { expires_at, ..session.clone() };
            let listed = (user_pk(session.user), format!("LOGIN#{}", session.hash));
            for attempt in 0..MAX_ATTEMPTS {
                let members = vec![
                    session_item(session_key(&session.hash), &slid).put(&self.main, Condition::Present)?,
                    session_item(listed.clone(), &slid).put(&self.main, Condition::None)?,
                ];
                match self.transact(members).await? {
                    Written::Done => return Ok(true),
                    Written::Refused(failed) if failed.contains(&0) => return Ok(false),
                    Written::Refused(_) => after_lost_race(attempt).await?,
                }
            }
            Err(StoreError::Contended(MAX_ATTEMPTS))
        })
    }

    /// The user's sessions that work at `now`, oldest first, for the personal export (outsend 6.4).
    ///
    /// # Errors
    /// When the store fails.
    pub fn sessions_of<'a>(
        &'a self,
        user: &'a User,
        now: OffsetDateTime,
    ) -> BoxFuture<'a, Result<Vec<Session>, StoreError>> {
        Box::pin(async move {
            let listed = self.query(user_pk(user.id), "LOGIN#").await?;
            let mut sessions = listed.iter().map(read_session).collect::<Result<Vec<_>, _>>()?;
            sessions.retain(|session| session.generation == user.generation && now < session.expires_at);
            sessions.sort_by_key(|session| session.created_at);
            Ok(sessions)
        })
    }

    /// Changes a user as it was read, and what goes with it, all or nothing; `Ok(false)` when the user
    /// changed meanwhile or the token was used.
    ///
    /// # Errors
    /// When the store fails.
    pub fn change_user<'a>(&'a self, changed: &'a User, with: ChangeWith) -> BoxFuture<'a, Result<bool, StoreError>> {
        Box::pin(async move {
            let mut user = changed.clone();
            user.version += 1;
            // two that make the same of a user are told apart: of two uses of a token one is the first
            let item = user_item(&user).text("write", Uuid::new_v4().to_string());
            let mut members = vec![item.clone().put(&self.main, Condition::Version(changed.version))?];
            members.extend(self.members_with(&with)?);
            members.extend(self.user_places(&user)?);
            if self.transact(members).await? == Written::Done {
                return Ok(true);
            }
            // the first answer to this very write can have been lost: then the user is as it was to become
            let now = self.get(&self.main, user_pk(user.id), "USER".to_owned()).await?;
            Ok(now.is_some_and(|now| now.0 == item.0))
        })
    }
}
