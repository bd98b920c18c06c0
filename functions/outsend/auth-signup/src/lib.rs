//! `POST /api/auth/signup`: opens an account with a workspace and a first session (outsend 6.2, 6.3).

mod captcha;
mod page;

use shared::{
    http::Response,
    model::{Account, Action, Email, Locale, Organization, OrganizationId, Plan, Role, User, UserId, WorkKind},
    names,
    outsend::{
        self, Endpoint,
        envelope::Problem,
        fields::{Fields, object},
        limits::Policy,
        messages::{Detail, Fault},
        request_context::RequestContext,
        sessions::new_session,
        users::{account_answer, mail_work},
    },
    password::{self, PasswordHash},
    secret::sha256_hex,
    store::{ChangeWith, SignUp, UserUpdate},
};

/// The function.
pub const FUNCTION: Endpoint =
    outsend::guarded(env!("CARGO_PKG_NAME"), |cx| Box::pin(guard(cx)), |cx| Box::pin(sign_up(cx)))
        .with_form(&page::PAGE);

/// Sign-ups of an address of the network (outsend 5.1).
const SIGN_UP: Policy = Policy::new("signup", 3, 3_600);

async fn guard(cx: &RequestContext) -> Result<(), Problem> {
    cx.same_site()?;
    cx.check_rate_limit(SIGN_UP, format!("outsend/signup/{}", cx.address())).await
}

/// The fields of a sign-up (outsend 6.3).
struct Form {
    email: Email,
    password: String,
    /// Read when accounts are for the invited only.
    invitation: Option<String>,
    /// Read when a captcha is configured.
    captcha: Option<String>,
    name: Option<String>,
    locale: Option<Locale>,
}

impl Form {
    fn read(cx: &RequestContext) -> Result<Self, Problem> {
        let settings = &cx.context.settings().outsend;
        let mut fields = Fields::new(object(&cx.request, true)?);
        let email = fields.parsed("email", Email::chosen);
        let password = fields.new_password("password", email.as_ref());
        let invitation = if settings.invite_only { fields.trimmed("invitation_code", 1, 64) } else { None };
        fields.accepted("accept_responsibility");
        let captcha = match &settings.captcha {
            Some(_) => fields.optional_trimmed("hcaptcha_token", 0, captcha::MAX_LENGTH),
            None => None,
        };
        let name = fields.optional_name("name", 120);
        let locale = fields.optional_trimmed("locale", 0, 120);
        let locale = locale.and_then(|text| {
            let locale = Locale::parse(&text);
            if locale.is_none() {
                fields.fault("locale", Fault::OneOf("en, fr"));
            }
            locale
        });
        fields.finish()?;
        let (Some(email), Some(password)) = (email, password) else {
            return Err(Problem::Crash("fields read without a fault are missing".to_owned()));
        };
        Ok(Self { email, password, invitation, captcha, name, locale })
    }
}

async fn sign_up(cx: &RequestContext) -> Result<Response, Problem> {
    let form = Form::read(cx)?;
    if let Some(provider) = &cx.context.settings().outsend.captcha {
        captcha::check(cx, provider, form.captcha.as_deref()).await?;
    }
    let invitation = form.invitation.as_ref().map(|code| sha256_hex(code.as_bytes()));
    let hash = password::hash(form.password.clone()).await?;
    let store = cx.context.store();
    let account = new_account(cx, form, hash, store.next_user_number().await?);
    let (session, cookie) = new_session(&account.user, cx.now)?;
    let welcome = mail_work(cx, WorkKind::Welcome, &account.user.email);
    let audit = cx.record(Action::SignIn, &account.user);
    let with = ChangeWith {
        session: Some(session),
        work: Some((welcome, cx.now)),
        audit: Some(audit),
        invitation,
        ..ChangeWith::default()
    };
    match store.sign_up(&account.user, &account.organization, with).await? {
        SignUp::Created => Ok(account_answer(cx, &account, &cookie)),
        SignUp::NotInvited => Err(Detail::SignUpRefused.into()),
        SignUp::EmailTaken => {
            let rule = |known| Box::pin(std::future::ready(refused(cx, &account.user.email, known)));
            let noted = store.update_user_of(&account.user.email, cx.now, &|known| rule(known)).await;
            noted.map_err(|error| error.or_missing(|| Detail::SignUpRefused.into()))?;
            Err(Detail::SignUpRefused.into())
        }
    }
}

/// Tells the owner of the address, and nobody else. As long as nobody has confirmed it, that can be whoever was refused
/// here: from now on no link puts a password in force that came before.
fn refused(cx: &RequestContext, email: &Email, known: Option<Account>) -> Result<UserUpdate<()>, Problem> {
    let work = Some((mail_work(cx, WorkKind::AddressTaken, email), cx.now));
    let with = ChangeWith { work, ..ChangeWith::default() };
    Ok(match known.map(|known| known.user) {
        Some(mut user) if !user.verified => {
            user.rivals = user.rivals.with_one_refused();
            UserUpdate::change(user, with, ())
        }
        _ => UserUpdate::keep(with, ()),
    })
}

fn new_account(cx: &RequestContext, form: Form, password: PasswordHash, number: u64) -> Account {
    let name = form.name.unwrap_or_else(|| names::of_local_part(form.email.local_part()));
    let organization = Organization {
        id: OrganizationId::at(cx.now),
        name: name.clone(),
        plan: Plan::Free,
        billing_exempt: cx.context.settings().billing_exempt,
        created_at: cx.now,
    };
    let id = (UserId::at(cx.now), number);
    let mut user = User::new(id, form.email, name, Role::Business, organization.id, cx.now);
    user.password = Some(password);
    user.locale = form.locale.unwrap_or(cx.language);
    Account { user, organization }
}
