//! In front of every request of the three APIs: names the gateway key that the request counts for, by which the gateway's
//! usage plans throttle.
//!
//! It judges nobody. Its answer allows everything, whatever was sent and whatever fails: the functions behind it check each
//! credential by themselves. An organization that has a gateway key of its own is named by it, any other by a pool key of its
//! plan. Without a credential, and on any doubt, it is a pool key for anonymous callers, by the caller's address. Once a day it
//! marks an organization as used, by which keys are told that nobody uses.

mod answer;
mod event;
mod keys;
mod label;
mod memory;

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use shared::{
    config::ExposeSecret as _,
    context::Context,
    lambda::{Function, Invoke, Reply},
    model::OrganizationId,
};
use time::OffsetDateTime;

use self::{event::Event, label::Label, memory::Memory};

/// How long the store may take; a request waits no longer for its label.
const PATIENCE: Duration = Duration::from_millis(500);

/// The function.
pub const FUNCTION: Authorizer = Authorizer;

/// The authorizer; what it has found out it remembers for a minute.
#[derive(Clone, Copy, Debug)]
pub struct Authorizer;

impl Function for Authorizer {
    fn name(&self) -> &'static str {
        env!("CARGO_PKG_NAME")
    }

    fn invoke(&self, context: Context) -> Invoke {
        let memory = Arc::new(Memory::default());
        Arc::new(move |event| {
            let (context, memory) = (context.clone(), Arc::clone(&memory));
            Box::pin(async move { Ok(Reply::Whole(authorize(&context, &memory, &event).await)) })
        })
    }
}

async fn authorize(context: &Context, memory: &Memory, bytes: &Bytes) -> Bytes {
    let event = Event::read(bytes);
    let label = label(context, memory, &event).await;
    let key = keys::value(event.api, &label, context.settings().gateway_keys.expose_secret());
    answer::allowed(&event.method_arn, label.tier(), &key)
}

/// Whom a request counts for.
async fn label(context: &Context, memory: &Memory, event: &Event) -> Label {
    let anonymous = || Label::anonymous(event.request.as_ref().map_or("", |request| request.source_ip.as_str()));
    let Some((request, fingerprint)) = event.request.as_ref().zip(event.fingerprint()) else { return anonymous() };
    let now = context.clock().now();
    if let Some(known) = memory.known(&fingerprint, now) {
        return known.unwrap_or_else(anonymous);
    }
    let _turn = memory.turn(&fingerprint).await;
    if let Some(known) = memory.known(&fingerprint, now) {
        return known.unwrap_or_else(anonymous);
    }
    if memory.rests(now) {
        return anonymous();
    }
    match tokio::time::timeout(PATIENCE, label::find(context, event.api, request, now)).await {
        Ok(Ok(found)) => {
            memory.keep(fingerprint, found.as_ref().map(|caller| caller.label.clone()), now);
            let Some(caller) = found else { return anonymous() };
            if let Some((organization, has_key)) = caller.unmarked {
                mark(context, organization, has_key, now).await;
            }
            return caller.label;
        }
        Ok(Err(error)) => tracing::warn!(cause = %error, "caller not looked up"),
        Err(_) => tracing::warn!(cause = "the store is slow", "caller not looked up"),
    }
    // who asks next need not wait for what does not answer
    memory.rest(now);
    anonymous()
}

/// Marks an organization as used on this day. What fails is made up for in a minute, and changes no label.
async fn mark(context: &Context, organization: OrganizationId, has_key: bool, now: OffsetDateTime) {
    match tokio::time::timeout(PATIENCE, context.store().mark_used(organization, has_key, now)).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::warn!(cause = %error, "use not marked"),
        Err(_) => tracing::warn!(cause = "the store is slow", "use not marked"),
    }
}
