//! `PATCH /api/me/profile`: sets fields of the tester's own profile (openscouter 18).

mod changes;

use shared::{
    http::Response,
    openscouter::{
        self, Endpoint,
        access::{Caller, TESTERS},
        envelope::{Problem, success},
        fields::Fields,
        profiles::ProfileView,
        request_context::RequestContext,
    },
    store::Profile,
};

use self::changes::Changes;

/// The function.
pub const FUNCTION: Endpoint =
    openscouter::endpoint(env!("CARGO_PKG_NAME"), TESTERS, |cx, caller| Box::pin(update(cx, caller)));

async fn update(cx: &RequestContext, caller: Caller) -> Result<Response, Problem> {
    let fields = Fields::read(&cx.request)?;
    let changes = Changes::read(&fields, cx.now.year())?;
    let (store, user) = (cx.context.store(), &caller.account.user);
    // kept apart from the profile, under a consent of its own (openscouter 21)
    let known = store.special_categories(user.id).await?;
    let special = match changes.special {
        // what a GET told is no change, with or without the consent
        Some(names) if names != known => {
            let version = &*cx.context.settings().openscouter.consent_version;
            if !store.put_special_categories(user.id, &names, version).await? {
                return Err(Problem::invalid("ndCategories", "requires special_category consent"));
            }
            names
        }
        _ => known,
    };
    let change = |profile: &mut Profile| {
        for (name, value) in &changes.fields {
            if value.is_null() {
                profile.remove(*name);
            } else {
                profile.insert((*name).to_owned(), value.clone());
            }
        }
    };
    let profile = store.update_profile(user.id, &change).await?;
    let (payee, link) = (store.payee(user.id).await?, store.telegram_link(user.id).await?);
    Ok(success(200, &ProfileView::new(user, &profile, &special, (payee.as_ref(), link.as_ref()))))
}
