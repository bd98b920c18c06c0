//! Whom a request counts for. The forms of credentials are those that the dialects read; here they are only looked up, and
//! whether the account behind one may do anything is not asked.

use shared::{
    BoxFuture,
    config::SecretString,
    context::Context,
    http::Request,
    limits::counted_address,
    model::{OrganizationId, Plan},
    openscouter::{self, request_context::RequestContext},
    outsend, outset,
    store::{Credential, StoreError, Tenancy},
};
use time::OffsetDateTime;

use crate::event::Api;

/// A tier of the usage plans.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tier {
    Free,
    Pro,
    Anonymous,
}

impl Tier {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Free => "free",
            Self::Pro => "pro",
            Self::Anonymous => "anonymous",
        }
    }
}

impl From<Plan> for Tier {
    fn from(plan: Plan) -> Self {
        match plan {
            Plan::Free => Self::Free,
            Plan::Pro => Self::Pro,
        }
    }
}

/// Whom a request counts for.
#[derive(Clone, Debug)]
pub(crate) enum Label {
    /// An organization with a key of its own.
    Own(Tier, SecretString),
    /// One of a tier's pool keys, by the name of the caller.
    Pool(Tier, String),
}

impl Label {
    /// A caller without a credential, by its address.
    pub(crate) fn anonymous(source: &str) -> Self {
        Self::Pool(Tier::Anonymous, counted_address(source))
    }

    pub(crate) const fn tier(&self) -> &'static str {
        match self {
            Self::Own(tier, _) | Self::Pool(tier, _) => tier.name(),
        }
    }
}

/// Whom a credential belongs to.
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    /// Whom its requests count for.
    pub(crate) label: Label,
    /// An organization that nobody used on this day so far, and whether it has a key of its own.
    pub(crate) unmarked: Option<(OrganizationId, bool)>,
}

/// Whom the request's credential belongs to, by two reads at most; `None` when it is nobody's.
pub(crate) fn find<'a>(
    context: &'a Context,
    api: Api,
    request: &'a Request,
    now: OffsetDateTime,
) -> BoxFuture<'a, Result<Option<Caller>, StoreError>> {
    Box::pin(async move {
        let organization = match api {
            Api::Outset => outset_key(context, request, now).await?,
            Api::Outsend => match outsend::authentication::PresentedCredential::read(request) {
                Some(presented) => context.store().holder(presented.credential(), now).await?,
                None => None,
            },
            Api::OpenScouter => match openscouter_credential(context, request, now).await? {
                Found::Organization(organization) => organization,
                Found::Person(label) => return Ok(Some(Caller { label, unmarked: None })),
            },
        };
        let Some(organization) = organization else { return Ok(None) };
        let tenancy = context.store().tenancy(organization, now).await?;
        Ok(tenancy.map(|tenancy| tenant(organization, tenancy)))
    })
}

fn tenant(organization: OrganizationId, Tenancy { plan, key, used_today }: Tenancy) -> Caller {
    let unmarked = (!used_today).then_some((organization, key.is_some()));
    let label = match key {
        Some(key) => Label::Own(plan.into(), key),
        None => Label::Pool(plan.into(), organization.to_string()),
    };
    Caller { label, unmarked }
}

async fn outset_key(
    context: &Context,
    request: &Request,
    now: OffsetDateTime,
) -> Result<Option<OrganizationId>, StoreError> {
    let Ok(key) = outset::access::credential(request) else { return Ok(None) };
    let found = context.store().key_by_hash(&key.hash()).await?.filter(|found| found.key.works_at(now));
    Ok(found.map(|found| found.key.organization))
}

/// Whose a credential of OpenScouter is.
enum Found {
    Organization(Option<OrganizationId>),
    /// A tester or an admin, who stands for no organization: the limit is the person's own.
    Person(Label),
}

async fn openscouter_credential(
    context: &Context,
    request: &Request,
    now: OffsetDateTime,
) -> Result<Found, StoreError> {
    let cx = RequestContext::new(context.clone(), request.clone());
    let Ok(presented) = openscouter::authentication::PresentedCredential::read(&cx) else {
        return Ok(Found::Organization(None));
    };
    Ok(match presented.credential() {
        // our signature says it, so nothing need be read
        Credential::Family(_, _, Some(organization)) => Found::Organization(Some(organization)),
        Credential::Family(_, user, None) => Found::Person(Label::Pool(presented.guess().into(), user.to_string())),
        credential => Found::Organization(context.store().holder(credential, now).await?),
    })
}
