//! Log-ins through another provider that are under way (openscouter 7), in the hot table.

use aws_sdk_dynamodb::{
    operation::delete_item::DeleteItemError,
    types::{AttributeValue, ReturnValue},
};
use time::{Duration, OffsetDateTime};

use super::{
    BoxFuture, Store, StoreError,
    item::{Condition, Item},
    round_trips::round_trip,
};
use crate::model::Role;

/// How long a log-in may take.
const LENGTH: Duration = Duration::minutes(10);

/// A log-in that was sent to a provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OauthState {
    /// SHA-256 of the state, in hex.
    pub hash: String,
    /// SHA-256 of what the browser keeps that began, in hex.
    pub browser: String,
    /// The provider.
    pub provider: String,
    /// The role of a new account.
    pub role: Option<Role>,
    /// Where the browser goes in the end.
    pub redirect: Option<String>,
}

fn key(hash: &str) -> (String, String) {
    (format!("STATE#{hash}"), "STATE".to_owned())
}

impl Store {
    /// Keeps a log-in for ten minutes.
    ///
    /// # Errors
    /// When the store fails.
    pub fn keep_oauth_state<'a>(
        &'a self,
        state: &'a OauthState,
        now: OffsetDateTime,
    ) -> BoxFuture<'a, Result<(), StoreError>> {
        Box::pin(async move {
            let (pk, sk) = key(&state.hash);
            let end = now + LENGTH;
            let item = Item::new(pk, sk)
                .text("browser", &*state.browser)
                .text("provider", &*state.provider)
                .optional_text("role", state.role.map(Role::as_str))
                .optional_text("redirect", state.redirect.as_deref())
                .time("expires_at", end)
                .gone_after(end);
            // the state is random: nobody else's can be there
            self.transact(vec![item.put(&self.hot, Condition::None)?]).await.map(|_| ())
        })
    }

    /// Takes a log-in up, once, in the browser that began it; another one's leaves it as it is.
    ///
    /// # Errors
    /// When the store fails.
    pub fn take_oauth_state<'a>(
        &'a self,
        hash: &'a str,
        browser: &'a str,
        now: OffsetDateTime,
    ) -> BoxFuture<'a, Result<Option<OauthState>, StoreError>> {
        Box::pin(async move {
            let (pk, sk) = key(hash);
            let call = self
                .client
                .delete_item()
                .table_name(&self.hot)
                .key("pk", AttributeValue::S(pk))
                .key("sk", AttributeValue::S(sk))
                .condition_expression("browser = :browser")
                .expression_attribute_values(":browser", AttributeValue::S(browser.to_owned()))
                .return_values(ReturnValue::AllOld);
            let output = match round_trip(call.send()).await {
                Ok(output) => output,
                Err(error)
                    if error.as_service_error().is_some_and(DeleteItemError::is_conditional_check_failed_exception) =>
                {
                    return Ok(None);
                }
                Err(error) => return Err(StoreError::call("DeleteItem", &error)),
            };
            let Some(item) = output.attributes.map(Item::from) else { return Ok(None) };
            let reader = item.read("log-in");
            if reader.time("expires_at")? <= now {
                return Ok(None);
            }
            Ok(Some(OauthState {
                hash: hash.to_owned(),
                browser: browser.to_owned(),
                provider: reader.text("provider")?.to_owned(),
                role: reader.optional_text("role").and_then(Role::parse),
                redirect: reader.optional_text("redirect").map(str::to_owned),
            }))
        })
    }
}
