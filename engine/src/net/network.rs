//! The outside world as modules ask it.

use super::{imap, outside::Outside, page, service, smtp, table};
use crate::{
    BoxFuture,
    delivery::{Arrival, Seed, Unread, Wanted},
    module::{MailHosts, Network, SmtpAnswer},
    services::Call,
    web::{Answer, Ask, Missed},
};

impl Network for Outside {
    fn mail_hosts<'a>(&'a self, domain: &'a str) -> BoxFuture<'a, MailHosts> {
        Box::pin(self.guard.names.mail_hosts(domain))
    }

    fn probe<'a>(&'a self, hosts: &'a [String], address: &'a str) -> BoxFuture<'a, Option<SmtpAnswer>> {
        Box::pin(async move {
            if !self.config.smtp_probe {
                return None;
            }
            Some(smtp::probe(self, hosts, address).await)
        })
    }

    fn table<'a>(&'a self, url: &'a str) -> BoxFuture<'a, Result<Vec<u8>, String>> {
        Box::pin(async move { table::fetch(self, url).await.map_err(|fault| fault.to_string()) })
    }

    fn get<'a>(&'a self, ask: Ask<'a>) -> BoxFuture<'a, Result<Answer, Missed>> {
        Box::pin(page::get(self, ask))
    }

    fn call<'a>(&'a self, call: Call<'a>) -> BoxFuture<'a, Result<Answer, Missed>> {
        Box::pin(service::call(self, call))
    }

    fn mailbox<'a>(&'a self, seed: &'a Seed, wanted: &'a Wanted) -> BoxFuture<'a, Result<Option<Arrival>, Unread>> {
        Box::pin(imap::look(self, seed, wanted))
    }
}
