//! `POST /api/auth/sign-up`: a new account (openscouter 7).

mod page;

use std::future::ready;

use serde::Serialize;

use shared::{
    http::Response,
    model::{Account, PendingSignUp, Rivals, Role, WorkKind},
    openscouter::{
        self, Endpoint,
        envelope::{Problem, success},
        fields::Fields,
        request_context::RequestContext,
        users::{mail, new_account},
    },
    password,
    store::{ChangeWith, UserUpdate},
};

/// The function.
pub const FUNCTION: Endpoint =
    openscouter::anonymous(env!("CARGO_PKG_NAME"), |cx| Box::pin(sign_up(cx))).with_form(&page::PAGE);

#[derive(Serialize)]
struct Sent<'a> {
    status: &'static str,
    email: &'a str,
}

async fn sign_up(cx: &RequestContext) -> Result<Response, Problem> {
    let fields = Fields::read(&cx.request)?;
    cx.idempotent(&cx.address(), &[], create(cx, &fields)).await
}

async fn create(cx: &RequestContext, fields: &Fields) -> Result<Response, Problem> {
    let role =
        fields.choice("role", "business, tester", |name| Role::parse(name).filter(|role| *role != Role::Admin))?;
    let email = fields.new_email("email")?;
    let password = fields.new_password("password", Some(&email))?;
    let name = fields.name("fullName", 120)?;
    let organization_name = match role {
        Role::Business => fields.name("companyName", 160)?,
        Role::Tester | Role::Admin => name.clone(),
    };
    let hash = password::hash(password).await?;
    // whether the address is known or not: one look-up, one number, one write
    let mut account = new_account(cx, role, email, name, organization_name).await?;
    account.user.password = Some(hash);
    let email = account.user.email.clone();
    let rule = |known: Option<Account>| Box::pin(ready(admit(cx, &account, known)));
    let admitted = cx.context.store().update_user_of(&email, cx.now, &|known| rule(known)).await;
    admitted.map_err(|error| error.or_missing(|| Problem::Crash("a sign-up is of nobody".to_owned())))?;
    Ok(success(202, &Sent { status: "verification_sent", email: email.as_str() }))
}

/// What a sign-up comes to: an account; or where somebody has the address already, a mail to them. As long as nobody
/// has confirmed the address, the mail's link belongs to this sign-up, and what it said holds when it is followed.
fn admit(cx: &RequestContext, new: &Account, known: Option<Account>) -> Result<UserUpdate<()>, Problem> {
    let email = &new.user.email;
    let work = |kind| Some((mail(cx, kind, email), cx.now));
    Ok(match known.map(|known| known.user) {
        None => {
            let with = ChangeWith { work: work(WorkKind::ScouterWelcome), ..ChangeWith::default() };
            UserUpdate::create(new.clone(), with, ())
        }
        Some(known) if known.verified => {
            UserUpdate::keep(ChangeWith { work: work(WorkKind::AddressTaken), ..ChangeWith::default() }, ())
        }
        Some(mut known) => {
            let sign_up = pending(new, known.rivals)?;
            known.rivals = known.rivals.with_one();
            let (sign_up, work) = (Some((known.id, sign_up)), work(WorkKind::ScouterSignUp));
            UserUpdate::change(known, ChangeWith { sign_up, work, ..ChangeWith::default() }, ())
        }
    })
}

/// What a later sign-up said.
fn pending(new: &Account, rivals: Rivals) -> Result<PendingSignUp, Problem> {
    let user = &new.user;
    let password = user.password.clone().ok_or_else(|| Problem::Crash("a sign-up has no password".to_owned()))?;
    Ok(PendingSignUp {
        password,
        name: user.name.clone(),
        role: user.role,
        organization_name: new.organization.name.clone(),
        locale: user.locale,
        refused: rivals.refused,
    })
}
