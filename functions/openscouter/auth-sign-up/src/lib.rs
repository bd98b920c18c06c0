//! `POST /api/auth/sign-up`: a new account (openscouter 7).

use serde::Serialize;

use shared::{
    http::Response,
    model::{Account, Role, WorkKind},
    openscouter::{
        self, Endpoint,
        envelope::{Problem, success},
        fields::Fields,
        request_context::RequestContext,
        users::{mail, new_account},
    },
    password,
    store::{ChangeWith, SignUp},
};

/// The function.
pub const FUNCTION: Endpoint = openscouter::anonymous(env!("CARGO_PKG_NAME"), |cx| Box::pin(sign_up(cx)));

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
    let email = fields.email("email")?;
    let password = fields.new_password("password", Some(&email))?;
    let name = fields.name("fullName", 120)?;
    let organization_name = match role {
        Role::Business => fields.name("companyName", 160)?,
        Role::Tester | Role::Admin => name.clone(),
    };
    let hash = password::hash(password).await?;
    let store = cx.context.store();
    // whether the address is known or not: one look-up, one number, one write
    let known = store.account_by_email(&email).await?;
    let mut account = new_account(cx, role, email, name, organization_name).await?;
    account.user.password = Some(hash);
    let email = &account.user.email;
    match known {
        Some(known) => store.queue(&mail(cx, mail_for(&known), email), cx.now).await?,
        None => {
            let welcome = mail(cx, WorkKind::ScouterVerify, email);
            let with = ChangeWith { work: Some((welcome, cx.now)), ..ChangeWith::default() };
            if store.sign_up(&account.user, &account.organization, with).await? == SignUp::EmailTaken
                && let Some(known) = store.account_by_email(email).await?
            {
                // somebody was faster
                store.queue(&mail(cx, mail_for(&known), email), cx.now).await?;
            }
        }
    }
    Ok(success(202, &Sent { status: "verification_sent", email: email.as_str() }))
}

/// The mail to whoever has the address already.
fn mail_for(known: &Account) -> WorkKind {
    if known.user.verified { WorkKind::AddressTaken } else { WorkKind::ScouterVerify }
}
