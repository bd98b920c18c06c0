//! The document's tables: what was counted, times the day's mix.

use std::collections::BTreeMap;

use harness::{golden::measured, meter::Tally};
use regex_lite::Regex;

use super::{
    day::{Counted, Day},
    drains::Drain,
    mix::{self, DAY, Operation},
};

/// Seconds of a day.
const SECONDS: f64 = 86_400.0;
/// Write units, and read units, that a partition takes in a second.
const PARTITION: [f64; 2] = [1_000.0, 3_000.0];
/// Writes of a partition in a second, below which it is not told of.
const QUIET: f64 = 0.5;

/// Compares the document's tables with what was counted.
pub(super) fn check(day: &Day, drained: &[Drain]) {
    let rows: Vec<_> = DAY.iter().map(|operation| (operation, day.of(operation.name))).collect();
    let tables = [
        ("operations", operations(&rows)),
        ("partitions", partitions(&rows)),
        ("entities", entities(&rows)),
        ("drains", drains(drained)),
        ("areas", areas(&rows)),
        ("day", totals(&rows)),
        ("bill", bill(&rows)),
    ];
    measured("docs/scale.md", &tables);
}

type Row<'a> = (&'a Operation, Counted);

/// A number with its thousands apart; small ones with a digit behind the point.
fn number(value: f64) -> String {
    if value.abs() < 9.95 && (value - value.round()).abs() > 0.04 {
        return format!("{value:.1}");
    }
    let digits = format!("{:.0}", value.abs());
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    if value <= -0.5 { format!("-{text}") } else { text }
}

fn line(cells: &[String]) -> String {
    format!("| {} |\n", cells.join(" | "))
}

fn operations(rows: &[Row<'_>]) -> String {
    let mut table = String::from(
        "| operation | a day | calls | read units | write units | later: invocations | calls | read units | write units | bytes kept |\n\
         | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |\n",
    );
    for (operation, Counted { own, after }) in rows {
        let mut cells = vec![operation.name.to_owned(), number(f64::from(operation.a_day))];
        cells.extend([own.calls, own.reads, own.writes].map(number));
        cells.extend([after.invocations, after.calls, after.reads, after.writes].map(number));
        cells.push(number(((own.bytes + after.bytes) / 100.0).round() * 100.0));
        table.push_str(&line(&cells));
    }
    table
}

/// A partition key without what is one entity's alone.
fn kind_of(pk: &str) -> String {
    let id = Regex::new(r"[0-9a-f]{8}-[0-9a-f-]{27}|[0-9a-f]{64}|[a-z]+_[0-9A-Za-z]{26}").unwrap();
    id.replace_all(pk, "<id>").into_owned()
}

/// Partitions that all share, by name without their shard; how many shards there are of each.
fn shared(kind: &str) -> Option<(String, f64)> {
    if kind.contains("<id>") {
        return None;
    }
    let shards: f64 = match kind.rsplit_once('#') {
        Some(("WORK", _)) => 8.0,
        Some(("DEADLINE" | "PAYDUE" | "REMINDDUE" | "SENDDUE", _)) => 4.0,
        Some((list, shard)) if list.starts_with("WORK#") && shard.len() == 1 => 4.0,
        _ => return Some((kind.to_owned(), 1.0)),
    };
    let (name, _) = kind.rsplit_once('#')?;
    Some((format!("{name}#<n>"), shards))
}

/// Units of the day by kind of partition.
fn by_kind(rows: &[Row<'_>], of: impl Fn(&Tally) -> &BTreeMap<String, f64>) -> BTreeMap<String, f64> {
    let mut kinds = BTreeMap::new();
    for (operation, counted) in rows {
        for (pk, units) in of(&counted.own).iter().chain(of(&counted.after)) {
            *kinds.entry(kind_of(pk)).or_default() += units * f64::from(operation.a_day);
        }
    }
    kinds
}

fn partitions(rows: &[Row<'_>]) -> String {
    let mut hottest: BTreeMap<String, (f64, [f64; 2])> = BTreeMap::new();
    for (position, kinds) in
        [by_kind(rows, |tally| &tally.partitions), by_kind(rows, |tally| &tally.read_partitions)].iter().enumerate()
    {
        for (kind, units) in kinds {
            let Some((name, shards)) = shared(kind) else { continue };
            let entry = hottest.entry(name).or_insert((shards, [0.0; 2]));
            entry.1[position] += units / shards / SECONDS * mix::PEAK;
        }
    }
    let mut table = String::from(
        "| partition | how many | write units/s at peak | read units/s at peak | of its limit | full at so many times this day |\n\
         | --- | --- | --- | --- | --- | --- |\n",
    );
    for (name, (shards, units)) in hottest {
        let [writes, reads] = units;
        if writes < QUIET && reads < 10.0 * QUIET {
            continue;
        }
        let share = (writes / PARTITION[0]).max(reads / PARTITION[1]);
        let cells = [
            format!("`{name}`"),
            number(shards),
            number(writes),
            number(reads),
            format!("{:.1} %", share * 100.0),
            number((1.0 / share).floor()),
        ];
        table.push_str(&line(&cells));
    }
    table
}

fn entities(rows: &[Row<'_>]) -> String {
    let mut most: BTreeMap<String, (f64, &str)> = BTreeMap::new();
    for (operation, counted) in rows.iter().filter(|(operation, _)| !operation.name.contains("imported")) {
        let mut units: BTreeMap<String, f64> = BTreeMap::new();
        for (pk, more) in counted.own.partitions.iter().chain(&counted.after.partitions) {
            let kind = kind_of(pk);
            if kind.contains("<id>") && !kind.starts_with("RANK#audit/") {
                *units.entry(kind).or_default() += more;
            }
        }
        for (kind, units) in units {
            let entry = most.entry(kind).or_insert((0.0, ""));
            if units > entry.0 + 0.5 {
                *entry = (units, operation.name);
            }
        }
    }
    let mut table = String::from(
        "| partition | operation that writes most to one | write units | of these a second |\n| --- | --- | --- | --- |\n",
    );
    for (kind, (units, name)) in most.into_iter().filter(|(_, (units, _))| *units > 1.5) {
        table.push_str(&line(&[
            format!("`{kind}`"),
            name.to_owned(),
            number(units),
            number((PARTITION[0] / units).floor()),
        ]));
    }
    table
}

/// What write units are for, by the beginning of the partition key.
const AREAS: [(&str, &[&str]); 7] = [
    ("what sessions capture (`SESS#`)", &["SESS#"]),
    (
        "lists of sessions (`RANK#…tests…`)",
        &["RANK#tests", "RANK#<id>#tests", "RANK#<id>#<id>#tests", "RANK#<id>#tested"],
    ),
    ("the audit trail and its lists (`AUDIT#`, `RANK#audit…`)", &["AUDIT#", "RANK#audit"]),
    ("other lists (`RANK#…`)", &["RANK#"]),
    ("work, pending changes and leases (`WORK#`)", &["WORK#"]),
    ("rate windows (`WINDOW#`)", &["WINDOW#"]),
    ("everything else", &[""]),
];

fn areas(rows: &[Row<'_>]) -> String {
    let kinds = by_kind(rows, |tally| &tally.partitions);
    let mut sums = [0.0; AREAS.len()];
    for (kind, units) in &kinds {
        let area = AREAS.iter().position(|(_, prefixes)| prefixes.iter().any(|prefix| kind.starts_with(prefix)));
        sums[area.unwrap()] += units;
    }
    let all: f64 = sums.iter().sum();
    let mut table = String::from("| write units of a day | | share |\n| --- | --- | --- |\n");
    for ((name, _), units) in AREAS.iter().zip(sums) {
        table.push_str(&line(&[(*name).to_owned(), number(units), format!("{:.0} %", units / all * 100.0)]));
    }
    table
}

fn drains(drained: &[Drain]) -> String {
    let mut table = String::from(
        "| list | members | calls | transactions | write units a member | milliseconds | members a second |\n\
         | --- | --- | --- | --- | --- | --- | --- |\n",
    );
    for Drain { name, members, beside, tally } in drained {
        let waits = mix::CALL_MS * (tally.calls - tally.transactions) + mix::TRANSACTION_MS * tally.transactions;
        let (members, takes) = (f64::from(*members), waits / beside);
        let cells =
            [members, tally.calls, tally.transactions, tally.writes / members, takes, members / takes * 1_000.0];
        table.push_str(&line(&[vec![(*name).to_owned()], cells.map(number).to_vec()].concat()));
    }
    table
}

/// What a day comes to.
struct Totals {
    reads: f64,
    writes: f64,
    bytes: f64,
    requests: f64,
    invocations: f64,
    gb_seconds: f64,
}

fn total(rows: &[Row<'_>]) -> Totals {
    let mut all =
        Totals { reads: 0.0, writes: 0.0, bytes: 0.0, requests: 0.0, invocations: 0.0, gb_seconds: mix::STREAMS_GB_S };
    for (operation, Counted { own, after }) in rows {
        let times = f64::from(operation.a_day);
        let waits = |tally: &Tally| {
            mix::CALL_MS * (tally.calls - tally.transactions) + mix::TRANSACTION_MS * tally.transactions
        };
        let requests = f64::from(operation.requests);
        all.reads += times * (own.reads + after.reads);
        all.writes += times * (own.writes + after.writes);
        all.bytes += times * (own.bytes + after.bytes);
        all.requests += times * requests;
        all.invocations += times * (requests + own.invocations + after.invocations);
        // what no request asks for is done by the work function
        let memory = if operation.memory == 0 { mix::WORK_MB } else { f64::from(operation.memory) };
        let answer = requests.max(1.0) * mix::OWN_MS + f64::from(operation.computes) + waits(own);
        let later = after.invocations * mix::OWN_MS + f64::from(operation.works) + waits(after);
        all.gb_seconds += times * (answer * memory + later * mix::WORK_MB) / 1_024.0 / 1_000.0;
    }
    all
}

fn totals(rows: &[Row<'_>]) -> String {
    let all = total(rows);
    let rate = |units: f64| [number(units), number(units / SECONDS), number(units / SECONDS * mix::PEAK)];
    let mut table = String::from("| | a day | a second | at peak |\n| --- | --- | --- | --- |\n");
    let named = [
        ("write units", all.writes),
        ("read units", all.reads),
        ("requests at the gateways", all.requests),
        ("invocations of functions", all.invocations),
    ];
    for (name, units) in named {
        let [day, second, peak] = rate(units);
        table.push_str(&line(&[name.to_owned(), day, second, peak]));
    }
    let more = [
        ("GB-seconds of functions, live streams among them", number(all.gb_seconds)),
        ("functions that run at a time, in the mean (of 0.25 to 1 GB)", number(all.gb_seconds / SECONDS / 0.5)),
        ("GB that the tables grow by", format!("{:.1}", all.bytes / 1e9)),
    ];
    for (name, value) in more {
        table.push_str(&line(&[name.to_owned(), value, String::new(), String::new()]));
    }
    table
}

fn bill(rows: &[Row<'_>]) -> String {
    let all = total(rows);
    let millions = mix::MONTH / 1e6;
    let stored = all.bytes * mix::KEPT_DAYS / 1e9;
    let items = [
        ("DynamoDB, write units", all.writes * millions * mix::WRITES),
        ("DynamoDB, read units", all.reads * millions * mix::READS),
        ("DynamoDB, storage after half a year", stored * mix::STORAGE),
        ("DynamoDB, point-in-time recovery of that", stored * mix::BACKUP),
        ("API Gateway, requests", all.requests * millions * mix::GATEWAY),
        ("Lambda, GB-seconds", all.gb_seconds * mix::MONTH * mix::GB_SECOND),
        ("Lambda, invocations", all.invocations * millions * mix::INVOCATIONS),
        ("CloudWatch Logs", all.invocations * mix::LOG_BYTES * mix::MONTH / 1e9 * mix::LOG),
        ("answers to the internet", all.requests * mix::ANSWER_BYTES * mix::MONTH / 1e9 * mix::TRANSFER),
        ("mails", mix::MAILS * mix::MONTH * mix::MAIL),
    ];
    let sum: f64 = items.iter().map(|(_, dollars)| dollars).sum();
    let mut table = String::from("| a month | US dollars | share |\n| --- | --- | --- |\n");
    for (name, dollars) in items {
        table.push_str(&line(&[name.to_owned(), number(dollars.round()), format!("{:.0} %", dollars / sum * 100.0)]));
    }
    table.push_str(&line(&["together".to_owned(), number(sum.round()), "100 %".to_owned()]));
    table
}
