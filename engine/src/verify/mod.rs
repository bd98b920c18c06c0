//! Verification of e-mail addresses (outsend 12.5): lists, DNS and, where it is switched on, the mail server itself.

mod verdict;

use std::{
    collections::{BTreeMap, HashMap, HashSet, VecDeque},
    sync::Arc,
};

use futures_util::future::join_all;
use serde_json::Value;

use crate::{
    BoxFuture, Module, Row,
    columns::{self, rows::Rows},
    lists,
    module::{Fault, Input, Level, Line, MAX_BYTES, MAX_ROWS, MailHosts, Network, Run, SmtpAnswer, Spec, Step, size},
    values,
};
use verdict::{Status, Verdict};

/// Domains that a step looks up, all at once.
const LOOK_UPS: usize = 64;

/// Addresses that a step asks mail servers about, and those of one domain among them: a dialogue may take 15 seconds,
/// and a step must end well before its lease.
const PROBES: usize = 32;
const PROBES_OF_DOMAIN: usize = 1;

/// What the log says once where mail servers are not asked.
const UNPROBED: &str = "Mailboxes are not asked for (OUTSCOUT_SMTP_PROBE is off): no address can be told valid, and what takes mail is \
                        unknown. Whoever runs this server turns it on with OUTSCOUT_SMTP_PROBE=true.";

pub(crate) fn start(
    spec: Spec,
    input: Arc<dyn Input>,
    network: Arc<dyn Network>,
) -> BoxFuture<'static, Result<Box<dyn Run>, Fault>> {
    Box::pin(async move {
        let run: Box<dyn Run> = Box::new(Verify::new(&spec, input, network));
        Ok(run)
    })
}

/// Where an output cell comes from.
enum Cell {
    Input(usize),
    Email(usize),
    Status,
    Category,
    Reason,
    SuggestedFix,
    SmtpCode,
    CatchAll,
}

/// An input row on its way.
struct Item {
    row: Row,
    address: Address,
}

/// What its address says by itself.
enum Address {
    /// It is decided without asking anybody.
    Decided(Verdict),
    /// Its domain has to be asked.
    Asked { address: String, domain: String },
}

/// The address that a cell means (11.4, 12.5).
fn mailbox(cell: &Value) -> Option<String> {
    values::mailboxes(&values::cell_text(cell)).into_iter().next()
}

struct Verify {
    network: Arc<dyn Network>,
    email: Option<usize>,
    cells: Vec<Cell>,
    rows: Rows,
    /// Rows that were read and are left for the next step.
    held: VecDeque<Row>,
    domains: HashMap<String, MailHosts>,
    /// Whether mail servers may be asked; unknown until the first is.
    probing: Option<bool>,
    /// Whether the log is still to be told that they may not: by the job's first slice, once.
    untold: bool,
}

impl Verify {
    fn new(spec: &Spec, input: Arc<dyn Input>, network: Arc<dyn Network>) -> Self {
        let columns = input.columns();
        let email = columns.iter().position(|column| column == "email");
        let cells = columns::output(Module::VerifyEmails, &spec.options, columns)
            .iter()
            .map(|name| match name.as_str() {
                "status" => Cell::Status,
                "category" => Cell::Category,
                "reason" => Cell::Reason,
                "suggested_fix" => Cell::SuggestedFix,
                "smtp_code" => Cell::SmtpCode,
                "catch_all" => Cell::CatchAll,
                name => {
                    // a column that is in no row stays empty
                    let index = columns::carried(name, columns).unwrap_or(usize::MAX);
                    if name == "email" { Cell::Email(index) } else { Cell::Input(index) }
                }
            })
            .collect();
        let end = spec.planned.unwrap_or_else(|| input.rows());
        Self {
            network,
            email,
            cells,
            rows: Rows::new(input, spec.done, end),
            held: VecDeque::new(),
            domains: HashMap::new(),
            probing: None,
            untold: spec.done == 0,
        }
    }

    async fn next_row(&mut self) -> Result<Option<Row>, Fault> {
        match self.held.pop_front() {
            Some(row) => Ok(Some(row)),
            None => self.rows.next().await,
        }
    }

    /// The items of the next step, and the domains among theirs that nobody was asked about yet.
    async fn gather(&mut self) -> Result<(Vec<Item>, Vec<String>), Fault> {
        let (mut items, mut unknown, mut seen) = (Vec::new(), Vec::new(), HashSet::new());
        let mut bytes = 0;
        while items.len() < MAX_ROWS && bytes < MAX_BYTES {
            let Some(row) = self.next_row().await? else { break };
            bytes += size(&row);
            let address = self.judge(&row);
            if let Address::Asked { domain, .. } = &address
                && !self.domains.contains_key(domain)
                && !seen.contains(domain)
            {
                if unknown.len() == LOOK_UPS {
                    self.held.push_front(row);
                    break;
                }
                seen.insert(domain.clone());
                unknown.push(domain.clone());
            }
            items.push(Item { row, address });
        }
        Ok((items, unknown))
    }

    /// What can be said of a row without asking anybody: rows 1 to 3 of the table in 12.5.
    fn judge(&self, row: &Row) -> Address {
        let cell = self.email.and_then(|index| row.get(index)).unwrap_or(&Value::Null);
        let Some(address) = mailbox(cell) else { return Address::Decided(Verdict::syntax()) };
        let (local, domain) = address.rsplit_once('@').unwrap_or((&address, ""));
        if let Some(meant) = lists::typo(domain) {
            return Address::Decided(Verdict::typo(local, meant));
        }
        if lists::is_disposable(domain) {
            return Address::Decided(Verdict::disposable());
        }
        let domain = domain.to_owned();
        Address::Asked { address, domain }
    }

    /// The mail servers that could be asked about an item's mailbox: those that are left after row 6.
    fn askable<'a>(&'a self, item: &'a Item) -> Option<(&'a [String], &'a str, &'a str)> {
        let Address::Asked { address, domain } = &item.address else { return None };
        match self.domains.get(domain)? {
            MailHosts::Hosts(hosts) if !hosts.iter().any(|host| lists::is_big_provider(host)) => {
                Some((hosts, address, domain))
            }
            _ => None,
        }
    }

    /// Asks mail servers, domain beside domain. Items that would be too many for one step go back.
    async fn probe(&mut self, items: &mut Vec<Item>) -> HashMap<String, SmtpAnswer> {
        let mut answers = HashMap::new();
        if self.probing.is_none() {
            let first = items.iter().find_map(|item| self.askable(item));
            let Some((hosts, address, _)) = first else { return answers };
            let answer = self.network.probe(hosts, address).await;
            let address = address.to_owned();
            self.probing = Some(answer.is_some());
            answers.extend(answer.map(|answer| (address, answer)));
        }
        if self.probing != Some(true) {
            return answers;
        }
        let mut groups: BTreeMap<&str, Vec<(&[String], &str)>> = BTreeMap::new();
        let (mut probes, mut kept) = (0, items.len());
        for (index, item) in items.iter().enumerate() {
            let Some((hosts, address, domain)) = self.askable(item) else { continue };
            let group = groups.entry(domain).or_default();
            if probes == PROBES || group.len() == PROBES_OF_DOMAIN {
                kept = index;
                break;
            }
            probes += 1;
            group.push((hosts, address));
        }
        let asked = join_all(groups.into_values().map(|group| {
            let (network, answers) = (&self.network, &answers);
            async move {
                let mut found = Vec::new();
                for (hosts, address) in group {
                    if !answers.contains_key(address)
                        && let Some(answer) = network.probe(hosts, address).await
                    {
                        found.push((address.to_owned(), answer));
                    }
                }
                found
            }
        }))
        .await;
        answers.extend(asked.into_iter().flatten());
        for item in items.drain(kept..).rev() {
            self.held.push_front(item.row);
        }
        answers
    }

    fn verdict(&self, address: Address, answers: &HashMap<String, SmtpAnswer>) -> Verdict {
        match address {
            Address::Decided(verdict) => verdict,
            Address::Asked { address, domain } => {
                let hosts = self.domains.get(&domain).unwrap_or(&MailHosts::Failed);
                Verdict::asked(&address, hosts, answers.get(&address))
            }
        }
    }

    fn cells(&self, mut row: Row, verdict: &Verdict) -> Row {
        let mut take = |index: usize| row.get_mut(index).map(Value::take).unwrap_or_default();
        self.cells
            .iter()
            .map(|cell| match cell {
                Cell::Input(index) => take(*index),
                Cell::Email(index) => {
                    let cell = take(*index);
                    match (mailbox(&cell), cell) {
                        (Some(address), _) => address.into(),
                        (None, Value::String(text)) => values::plain(&text).trim().to_lowercase().into(),
                        (None, other) => other,
                    }
                }
                Cell::Status => verdict.status.as_str().into(),
                Cell::Category => verdict.category.into(),
                Cell::Reason => verdict.reason.into(),
                Cell::SuggestedFix => verdict.suggested_fix.clone().into(),
                Cell::SmtpCode => verdict.smtp_code.map(|code| code.to_string()).into(),
                Cell::CatchAll => verdict.catch_all.into(),
            })
            .collect()
    }
}

impl Run for Verify {
    fn step(&mut self) -> BoxFuture<'_, Result<Option<Step>, Fault>> {
        Box::pin(async move {
            let (mut items, unknown) = self.gather().await?;
            if items.is_empty() {
                return Ok(None);
            }
            let found = join_all(unknown.iter().map(|domain| self.network.mail_hosts(domain))).await;
            let mut step = Step { attempts: unknown.len() as u64, ..Step::default() };
            for (domain, hosts) in unknown.into_iter().zip(found) {
                if hosts == MailHosts::Failed {
                    // it was asked a second time
                    step.attempts += 1;
                    let message = format!("The mail servers of {domain} could not be looked up.");
                    step.log.push(Line { level: Level::Warn, message });
                }
                self.domains.insert(domain, hosts);
            }
            let answers = self.probe(&mut items).await;
            step.attempts += answers.values().map(|answer| answer.tried).sum::<u64>();
            if self.probing == Some(false) && std::mem::take(&mut self.untold) {
                step.log.push(Line { level: Level::Info, message: UNPROBED.to_owned() });
            }
            step.items = items.len() as u64;
            let mut counts: BTreeMap<Status, u64> = BTreeMap::new();
            for Item { row, address } in items {
                let verdict = self.verdict(address, &answers);
                step.failed += u64::from(verdict.failed());
                *counts.entry(verdict.status).or_default() += 1;
                step.rows.push(self.cells(row, &verdict));
            }
            step.counts =
                counts.into_iter().map(|(status, count)| ("by_status", status.as_str().to_owned(), count)).collect();
            Ok(Some(step))
        })
    }
}

#[cfg(test)]
mod tests;
