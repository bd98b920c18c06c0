//! A day in small: each operation a few times, through a meter, with what follows it.

use std::sync::Arc;

use aws_sdk_dynamodb::types::AttributeValue;
use harness::{
    Bench, dns,
    meter::{Meter, Tally},
    openscouter::team::Team,
    outsend::{
        self,
        jobs::{self, World as Outsend},
    },
    outset::World as Outset,
};
use ranked::{Child, Head, Node, NodeId};
use serde_json::{Value, json};
use shared::{clock::epoch_micros, model::Email};
use time::Duration;

/// Secrets of the service that sends webhooks.
const WEBHOOKS: &str = r#"{"ci":"of the ci"}"#;

/// One store, the people of all APIs, and what was counted.
pub(super) struct Day {
    pub(super) team: Team,
    pub(super) outset: Outset,
    pub(super) outsend: Outsend,
    pub(super) meter: Meter,
    /// Operations with how often each was done.
    pub(super) counted: Vec<(&'static str, f64)>,
}

/// An operation as it was counted, for one time.
pub(super) struct Counted {
    /// Until it was answered.
    pub(super) own: Tally,
    /// What background functions did for it.
    pub(super) after: Tally,
}

impl Day {
    pub(super) async fn start() -> Self {
        let server = dns::start().await.unwrap().to_string();
        let variables = [("OUTSCOUT_DNS_SERVER", server.as_str()), ("OUTSCOUT_WEBHOOK_SECRETS", WEBHOOKS)];
        let (bench, meter) = Bench::metered(&variables).await.unwrap();
        grow(&bench).await;
        let outset = bench.another_process();
        let fixture = outset.fixture().await.unwrap();
        let outsend = Arc::new(bench.another_process());
        let team = Team::over(bench).await;
        let email = "ada@example.com";
        let session = outsend::confirmed(&outsend, email).await;
        let key = outsend::new_key(&outsend, &session, &json!({"name": "test"})).await.json()["key"]
            .as_str()
            .unwrap()
            .to_owned();
        let account = outsend.context.store().account_by_email(&Email::parse(email).unwrap()).await.unwrap().unwrap();
        let day = Self {
            team,
            outset: Outset { bench: outset, fixture },
            outsend: jobs::World { bench: outsend, session, key, account },
            meter,
            counted: Vec::new(),
        };
        day.follow().await;
        day
    }

    /// From now on all calls are those of an operation.
    pub(super) async fn begin(&mut self, name: &'static str) {
        // what was set up meanwhile is nobody's
        self.meter.label(None);
        self.follow().await;
        self.team.bench.advance(Duration::seconds(70));
        self.counted.push((name, 0.0));
        self.meter.label(Some(name.to_owned()));
    }

    /// The operation was done once: what follows from it is done, and counted apart.
    pub(super) async fn done(&mut self) {
        self.done_at_once(1).await;
    }

    /// The operation was done some times in one step.
    pub(super) async fn done_at_once(&mut self, more: u32) {
        let (name, times) = self.counted.last_mut().unwrap();
        *times += f64::from(more);
        let name = *name;
        self.meter.label(Some(after(name)));
        self.follow().await;
        self.meter.label(Some(name.to_owned()));
    }

    /// The operation was done often enough.
    pub(super) fn end(&self) {
        self.meter.label(None);
    }

    /// Gives the background functions what the stream would bring, until nothing comes any more.
    pub(super) async fn follow(&self) {
        let bench = &self.team.bench;
        for _ in 0..400 {
            let mut records = self.meter.take_stream();
            records.sort();
            records.dedup();
            if records.is_empty() {
                return;
            }
            let (lanes, work): (Vec<_>, Vec<_>) = records.into_iter().partition(|(pk, _)| pk.starts_with("LANE#"));
            for batch in work.chunks(10) {
                self.meter.invoked();
                bench.invoke(&background_work::FUNCTION, event(batch)).await.unwrap();
            }
            if !lanes.is_empty() {
                self.meter.invoked();
                bench.invoke(&background_reactor::FUNCTION, event(&lanes)).await.unwrap();
            }
            bench.advance(Duration::seconds(1));
        }
        unreachable!("work does not end");
    }

    /// What an operation took, for one time.
    pub(super) fn of(&self, name: &str) -> Counted {
        let (_, times) = self.counted.iter().find(|(known, _)| *known == name).unwrap();
        Counted { own: divided(self.meter.tally(name), *times), after: divided(self.meter.tally(&after(name)), *times) }
    }
}

fn after(name: &str) -> String {
    format!("{name}, after the answer")
}

fn divided(tally: Tally, by: f64) -> Tally {
    let all =
        |map: std::collections::BTreeMap<String, f64>| map.into_iter().map(|(pk, units)| (pk, units / by)).collect();
    Tally {
        calls: tally.calls / by,
        transactions: tally.transactions / by,
        reads: tally.reads / by,
        writes: tally.writes / by,
        bytes: tally.bytes / by,
        partitions: all(tally.partitions),
        read_partitions: all(tally.read_partitions),
        invocations: tally.invocations / by,
    }
}

fn event(records: &[(String, String)]) -> bytes::Bytes {
    let record = |(pk, sk): &(String, String)| json!({"dynamodb": {"Keys": {"pk": {"S": pk}, "sk": {"S": sk}}}});
    let records: Vec<Value> = records.iter().map(record).collect();
    bytes::Bytes::from(json!({"Records": records}).to_string())
}

/// Lists that all tenants share and that get long. They are given the shape that they have with ten million members:
/// the nodes on the way to the newest and to the oldest member, which are all that is ever read here.
async fn grow(bench: &Bench) {
    let settings = bench.context.settings();
    let client =
        local::embedded_store::client(settings.store.endpoint.as_deref().unwrap(), &settings.store.credentials);
    let mut lists: Vec<String> =
        ["organizations", "studies", "tests", "audit", "tokens"].map(|name| format!("RANK#{name}")).to_vec();
    lists.extend(["in_progress", "completed", "closed"].map(|state| format!("RANK#studies/status={state}")));
    lists.extend(["completed", "confirmed"].map(|state| format!("RANK#tests/status={state}")));
    let now = epoch_micros(bench.context.clock().now());
    for list in lists {
        let (head, nodes) = long_list(now);
        let number = |value: u64| AttributeValue::N(value.to_string());
        let bytes = |node: &Node| AttributeValue::B(node.encode().into());
        let put = client.put_item().table_name("main").item("pk", AttributeValue::S(list.clone()));
        let put = put.item("sk", AttributeValue::S("HEAD".to_owned())).item("root", bytes(&head.root));
        let put = put.item("total", number(head.total)).item("version", number(head.version));
        put.item("next_id", number(head.next_id)).item("height", number(head.height.into())).send().await.unwrap();
        for (id, node) in nodes {
            let put = client.put_item().table_name("main").item("pk", AttributeValue::S(list.clone()));
            let put = put.item("sk", AttributeValue::S(format!("NODE#{:020}", id.0))).item("node", bytes(&node));
            put.send().await.unwrap();
        }
    }
}

/// A list of ten million members: leaves of 128 and inner nodes of 64, as they are left where members come at the front,
/// and half of that in those that grow.
fn long_list(now: i64) -> (Head, Vec<(NodeId, Node)>) {
    // ranks of the time before now, in steps of seconds, the newest first
    let rank = |seconds: u64| {
        let ascending = (now - i64::try_from(seconds).unwrap() * 1_000_000).cast_unsigned() ^ (1 << 63);
        [(!ascending).to_be_bytes().to_vec(), vec![7; 16]].concat()
    };
    // `ends` are what lies under the first and under the last child
    let inner = |first_id: u64, start: u64, children: u64, each: u64, ends: [u64; 2]| {
        let count = |at: u64| match at {
            0 => ends[0],
            at if at + 1 == children => ends[1],
            _ => each,
        };
        let child = |at: u64| Child { first: rank(start + at * each), id: NodeId(first_id + at), count: count(at) };
        Node::Inner((0..children).map(child).collect())
    };
    let leaf = |start: u64, members: u64| Node::Leaf((0..members).map(|at| rank(start + at)).collect());
    // a member a second: 19 children of half a million each
    let (l1, l2) = (128 * 64, 128 * 64 * 64);
    let last = 90_000 + 18 * l2;
    let first_l1 = inner(3_000, 90_000, 32, 128, [64, 128]);
    let first_l2 = inner(2_000, 90_000, 32, l1, [first_l1.count(), l1]);
    let root = inner(1_000, 90_000, 19, l2, [first_l2.count(), l2]);
    let total = root.count();
    let nodes = vec![
        (NodeId(1_000), first_l2),
        (NodeId(2_000), first_l1),
        (NodeId(3_000), leaf(90_000, 64)),
        (NodeId(1_018), inner(4_000, last, 64, l1, [l1, l1])),
        (NodeId(4_063), inner(5_000, last + 63 * l1, 64, 128, [128, 128])),
        (NodeId(5_063), leaf(last + 63 * l1 + 63 * 128, 128)),
    ];
    (Head { total, version: 10_000_000, next_id: 100_000, height: 3, root }, nodes)
}
