//! `background-gateway-keys`: organizations' own gateway keys, from their making to their end.

use std::{collections::BTreeSet, future::IntoFuture as _, sync::Arc};

use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use harness::{
    Bench,
    faults::{Fault, Faults},
    http, log,
    openscouter::person,
    process::Folder,
};
use local::{
    control_plane::ControlPlane,
    people,
    server::{Options, Server},
    template::Templates,
    usage_plans::UsagePlans,
};
use serde_json::{Value, json};
use shared::{
    config::ExposeSecret as _,
    context::Context,
    lambda::{Function as _, Invoke},
    model::{Action, AuditEntry, Organization, OrganizationId, Plan, Role, Scope},
};
use time::Duration;
use tokio::net::TcpListener;

/// A bench with a gateway, whose control plane answers by the bench's clock.
struct World {
    bench: Arc<Bench>,
    plane: ControlPlane,
    plans: Vec<UsagePlans>,
    /// Where the control plane answers.
    url: String,
    /// What goes wrong between the function and the control plane.
    faults: Faults,
}

impl World {
    async fn start() -> Self {
        Self::with(&[], false).await
    }

    async fn with(variables: &[(&str, &str)], metered: bool) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let faults = Faults::start(&url).await.unwrap();
        let plans = |plan: &str| ["outset", "outsend", "openscouter"].map(|api| format!("{api}-{plan}")).join(",");
        let (free, pro) = (plans("FreePlan"), plans("ProPlan"));
        let mut given = variables.to_vec();
        given.extend([
            ("AWS_ENDPOINT_URL_API_GATEWAY", faults.endpoint.as_str()),
            ("OUTSCOUT_GATEWAY_FREE_PLANS", &free),
            ("OUTSCOUT_GATEWAY_PRO_PLANS", &pro),
        ]);
        let bench = if metered { Bench::metered(&given).await.unwrap().0 } else { Bench::with(&given).await.unwrap() };
        let (templates, limits) = (Templates::embedded().unwrap(), bench.context.settings().outset.limits);
        let apis = [&templates.outset, &templates.outsend, &templates.openscouter];
        let plans: Vec<_> = apis.iter().map(|api| UsagePlans::new(api, "local", limits)).collect();
        let plane = ControlPlane::new(plans.clone(), bench.context.clock().clone());
        tokio::spawn(axum::serve(listener, plane.clone().router()).into_future());
        Self { bench: Arc::new(bench), plane, plans, url, faults }
    }

    /// A tick of the schedule.
    async fn tick(&self) -> Value {
        let ticked = self.bench.insist(&background_gateway_keys::FUNCTION, Bytes::from_static(b"{}")).await.unwrap();
        serde_json::from_slice(&ticked.whole().unwrap()).unwrap()
    }

    /// Ticks, each a minute later, until nothing is left to do.
    async fn settle(&self) {
        let mut ticks = 0;
        loop {
            self.tick().await;
            if self.tasks().await == 0 {
                return;
            }
            ticks += 1;
            assert!(ticks < 40, "never settled");
            self.bench.advance(Duration::seconds(61));
        }
    }

    async fn tasks(&self) -> usize {
        let items = self.bench.items("main").await.unwrap();
        items.iter().filter(|item| item.contains("WORK#gateway#")).count()
    }

    /// The plans that the gateway has a key in, by API.
    fn plans_of(&self, value: &str) -> Vec<String> {
        self.plans.iter().filter_map(|plans| plans.plan_of_key(value)).collect()
    }

    async fn change(&self, organization: OrganizationId, plan: Option<Plan>, exempt: Option<bool>) {
        let now = self.bench.context.clock().now();
        let audit = AuditEntry::of_operator(Action::OrganizationChanged, None, Value::Null, now);
        let store = self.bench.context.store();
        store.change_organization(organization, plan, exempt, &audit).await.unwrap().unwrap();
    }

    /// The value that an organization names.
    async fn named(&self, organization: OrganizationId) -> Option<String> {
        let now = self.bench.context.clock().now();
        let tenancy = self.bench.context.store().tenancy(organization, now).await.unwrap().unwrap();
        tenancy.key.map(|key| key.expose_secret().to_owned())
    }

    /// What is left of an organization's gateway key, and its tasks.
    async fn left(&self, organization: OrganizationId) -> Vec<String> {
        let mut left = self.bench.left(&[organization.to_string()]).await.unwrap();
        left.retain(|item| item.contains("OWNKEY#") || item.contains("gateway"));
        left
    }

    async fn organization(&self) -> OrganizationId {
        organization(&self.bench.context).await
    }
}

async fn organization(context: &Context) -> OrganizationId {
    let now = context.clock().now();
    let id = OrganizationId::at(now);
    let new = Organization { id, name: "many".to_owned(), plan: Plan::Free, billing_exempt: true, created_at: now };
    assert!(context.store().create_organization(&new).await.unwrap());
    id
}

/// A process of the authorizer, which remembers for a minute.
struct Process(Invoke);

impl Process {
    fn of(context: &Context) -> Self {
        Self(background_authorizer::FUNCTION.invoke(context.clone()))
    }

    /// The gateway key that a request of Outset counts for.
    async fn key(&self, bench: &Bench, credential: &str) -> String {
        let headers = [("authorization", credential)];
        let event = bench.event_from("background-authorizer", "GET", "/v1/studies/", &headers, b"", "203.0.113.7");
        let mut event: Value = serde_json::from_slice(&event).unwrap();
        event["stageVariables"] = json!({"api": "outset"});
        let _running = bench.faults.running(background_authorizer::FUNCTION.name());
        let answer = (self.0)(Bytes::from(event.to_string())).await.unwrap().whole().unwrap();
        let answer: Value = serde_json::from_slice(&answer).unwrap();
        answer["usageIdentifierKey"].as_str().unwrap().to_owned()
    }
}

async fn credential(bench: &Bench, organization: OrganizationId) -> String {
    format!("Api-Key {}", bench.new_key(organization, Plan::Free, &Scope::ALL).await.unwrap())
}

#[tokio::test]
async fn a_new_organization_gets_a_key_that_counts_once_the_gateway_knows_it() {
    let world = World::start().await;
    let organization = world.organization().await;
    let (process, sent) = (Process::of(&world.bench.context), credential(&world.bench, organization).await);
    assert!(process.key(&world.bench, &sent).await.starts_with("outset-free-"));
    assert_eq!(world.tick().await, json!({"settled": 0, "waiting": 1, "failed": 0, "retired": 0}));
    assert_eq!(world.plane.counts(), (1, 1, 0));
    assert_eq!(world.named(organization).await, None, "it is not known everywhere yet");
    world.bench.advance(Duration::seconds(61));
    assert_eq!(world.tick().await, json!({"settled": 1, "waiting": 0, "failed": 0, "retired": 0}));
    let value = world.named(organization).await.unwrap();
    assert!(value.len() == 64 && value.bytes().all(|byte| byte.is_ascii_alphanumeric()), "{}", value.len());
    assert_eq!(world.plans_of(&value), ["FreePlan"; 3]);
    assert_eq!(process.key(&world.bench, &sent).await, value);
    assert_eq!((world.tasks().await, world.plane.counts()), (0, (1, 1, 0)));
    // nothing is left to do, and no more is done
    assert_eq!(world.tick().await, json!({"settled": 0, "waiting": 0, "failed": 0, "retired": 0}));
    assert!(!format!("{:?}", world.bench.context.store().own_keys().await.unwrap()).contains(&value));
}

#[tokio::test]
async fn a_change_of_plan_moves_the_key_and_every_other_change_leaves_it_alone() {
    let world = World::start().await;
    let organization = world.organization().await;
    world.settle().await;
    let value = world.named(organization).await.unwrap();
    world.change(organization, None, Some(false)).await;
    world.change(organization, Some(Plan::Free), None).await;
    assert_eq!((world.named(organization).await, world.tasks().await), (Some(value.clone()), 0));
    world.change(organization, Some(Plan::Pro), None).await;
    assert_eq!(world.named(organization).await, Some(value.clone()), "the change itself takes nothing away");
    let (process, sent) = (Process::of(&world.bench.context), credential(&world.bench, organization).await);
    assert_eq!(process.key(&world.bench, &sent).await, value);
    // it is not named any more, and stays where it is as long as somebody may remember it
    world.tick().await;
    assert_eq!((world.named(organization).await, world.plans_of(&value).len()), (None, 3));
    assert_eq!(world.plans_of(&value), ["FreePlan"; 3]);
    world.bench.advance(Duration::seconds(61));
    assert!(process.key(&world.bench, &sent).await.starts_with("outset-pro-"));
    world.settle().await;
    assert_eq!(world.named(organization).await, Some(value.clone()));
    assert_eq!(world.plans_of(&value), ["ProPlan"; 3]);
    // there and back again before anybody came
    world.change(organization, Some(Plan::Free), None).await;
    world.change(organization, Some(Plan::Pro), None).await;
    world.settle().await;
    assert_eq!((world.named(organization).await, world.plans_of(&value)), (Some(value), vec!["ProPlan".to_owned(); 3]));
    assert_eq!(world.plane.counts(), (1, 1, 0));
}

#[tokio::test]
async fn an_erased_organization_s_key_is_removed() {
    let world = World::start().await;
    let user = person(&world.bench, Role::Business, "dana@example.com").await;
    let tester = person(&world.bench, Role::Tester, "tess@example.com").await;
    world.settle().await;
    let value = world.named(user.organization).await.unwrap();
    assert_eq!(world.named(tester.organization).await, None, "a tester counts as a person");
    let store = world.bench.context.store();
    for (user, removed) in [(&user, false), (&tester, true)] {
        while !store.erase_slice(user.id, user.organization, world.bench.context.clock().now()).await.unwrap() {}
        assert_eq!(world.left(user.organization).await.is_empty(), removed, "{removed}");
    }
    world.tick().await;
    assert_eq!(world.plans_of(&value), ["FreePlan"; 3], "a process may remember it");
    world.settle().await;
    assert!(world.plans_of(&value).is_empty());
    assert_eq!((world.plane.counts().0, store.own_key_count().await.unwrap()), (0, 0));
    assert_eq!(world.left(user.organization).await, Vec::<String>::new());
}

#[tokio::test]
async fn answers_that_are_lost_make_no_second_key() {
    for (nth, store) in [(2, None), (3, None), (1_000, Some((5, Fault::LostAnswer))), (3, Some((4, Fault::Conflict)))] {
        let world = World::start().await;
        let organization = world.organization().await;
        world.faults.every(nth, Fault::LostAnswer);
        if let Some((nth, fault)) = store {
            world.bench.faults.every(nth, fault);
        }
        world.settle().await;
        world.change(organization, Some(Plan::Pro), None).await;
        world.settle().await;
        assert!(world.faults.stop() + world.bench.faults.stop() > 0, "nothing went wrong");
        let value = world.named(organization).await.unwrap();
        assert_eq!(world.plans_of(&value), ["ProPlan"; 3]);
        assert_eq!((world.plane.counts().0, world.plane.counts().1), (1, 1), "every {nth}");
        assert_eq!(world.bench.context.store().own_key_count().await.unwrap(), 1);
    }
}

#[tokio::test]
async fn a_busy_control_plane_is_asked_later() {
    let world = World::start().await;
    let organization = world.organization().await;
    // somebody else of the account uses up what there is
    for _ in 0..60 {
        http::send(&world.url, "GET", "/apikeys?name=x", &[], b"").await.unwrap();
    }
    assert!(world.plane.counts().2 > 0);
    world.tick().await;
    world.bench.advance(Duration::seconds(61));
    world.settle().await;
    assert!(world.named(organization).await.is_some());
    assert_eq!(world.plane.counts().0, 1);
}

#[tokio::test]
async fn without_a_control_plane_pool_keys_go_on() {
    let bench = Bench::start().await.unwrap();
    let organization = organization(&bench.context).await;
    let ticked = bench.invoke(&background_gateway_keys::FUNCTION, Bytes::from_static(b"{}")).await.unwrap();
    let ticked: Value = serde_json::from_slice(&ticked.whole().unwrap()).unwrap();
    assert_eq!(ticked["settled"], 1);
    let sent = credential(&bench, organization).await;
    assert!(Process::of(&bench.context).key(&bench, &sent).await.starts_with("outset-free-"));
}

#[tokio::test]
async fn above_the_cap_idle_keys_go_back_and_who_returns_gets_a_new_one() {
    let world =
        World::with(&[("OUTSCOUT_GATEWAY_KEYS_IDLE_ABOVE", "1"), ("OUTSCOUT_GATEWAY_KEYS_MOST", "3")], false).await;
    let mut organizations = Vec::new();
    for _ in 0..4 {
        organizations.push(world.organization().await);
        world.settle().await;
    }
    let keys = world.bench.context.store().own_keys().await.unwrap();
    let with: BTreeSet<_> = keys.iter().map(|key| key.organization.to_string()).collect();
    assert_eq!((with.len(), world.plane.counts().0), (3, 3), "one came too late");
    let late = organizations[3];
    assert_eq!(world.named(late).await, None);
    // 29 days later nobody is idle; one makes a request
    world.bench.advance(Duration::days(29));
    let sent = credential(&world.bench, organizations[0]).await;
    Process::of(&world.bench.context).key(&world.bench, &sent).await;
    for _ in 0..16 {
        assert_eq!(world.tick().await["retired"], 0);
    }
    world.bench.advance(Duration::days(3));
    for _ in 0..16 {
        world.tick().await;
    }
    world.bench.advance(Duration::seconds(91));
    world.settle().await;
    assert!(world.named(organizations[0]).await.is_some(), "it is used");
    assert_eq!((world.named(organizations[1]).await, world.named(organizations[2]).await), (None, None));
    assert_eq!((world.plane.counts().0, world.bench.context.store().own_key_count().await.unwrap()), (1, 1));
    // whoever was too late, or idle, is asked about at the next request
    for organization in [late, organizations[1]] {
        let sent = credential(&world.bench, organization).await;
        assert!(Process::of(&world.bench.context).key(&world.bench, &sent).await.starts_with("outset-free-"));
    }
    world.settle().await;
    assert!(world.named(late).await.is_some() && world.named(organizations[1]).await.is_some());
}

/// How many organizations are made at once: `OUTSCOUT_ORGANIZATIONS`.
fn many() -> usize {
    #[expect(clippy::disallowed_methods, reason = "a switch of the test itself")]
    std::env::var("OUTSCOUT_ORGANIZATIONS").ok().and_then(|text| text.parse().ok()).unwrap_or(24)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_of_many_at_once_settle_at_the_control_plane_s_pace_and_nobody_is_refused_meanwhile() {
    let world = World::with(&[("OUTSCOUT_GATEWAY_KEYS_MOST", "10000")], true).await;
    let (many, context) = (many(), &world.bench.context);
    let made = stream::iter(0..many).map(|_| organization(context)).buffer_unordered(16);
    let organizations: Vec<_> = made.collect().await;
    let mut callers = Vec::new();
    for organization in organizations.iter().step_by((many / 20).max(1)) {
        callers.push(credential(&world.bench, *organization).await);
    }
    // ten seconds of the clock pass in each second
    let (bench, began) = (Arc::clone(&world.bench), context.clock().now());
    let time = tokio::spawn(async move {
        loop {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
            bench.advance(Duration::milliseconds(45));
        }
    });
    let process = Process::of(context);
    let (mut requests, mut named) = (0, BTreeSet::new());
    let mut left = many;
    while left > 0 {
        let work = world.tick();
        let ask = async {
            for sent in &callers {
                let key = process.key(&world.bench, sent).await;
                assert!(world.plans[0].plan_of_key(&key).is_some(), "the gateway would refuse the key");
                requests += 1;
                named.insert(key);
            }
        };
        let (ticked, ()) = futures_util::future::join(work, ask).await;
        left -= usize::try_from(ticked["settled"].as_u64().unwrap()).unwrap();
        assert!(context.clock().now() - began < Duration::hours(4), "{left} are left");
    }
    time.abort();
    let took = context.clock().now() - began;
    let (keys, made, refused) = world.plane.counts();
    println!("{many} keys in {took}, {requests} requests beside them, {refused} calls refused");
    assert_eq!((keys, made), (many, many as u64));
    for sent in &callers {
        let key = Process::of(context).key(&world.bench, sent).await;
        assert_eq!(world.plans_of(&key), ["FreePlan"; 3], "each counts for its own");
    }
    // four calls a key, ten calls a second: no faster, and hardly slower
    let least = Duration::seconds(i64::try_from(many).unwrap() * 4 / 10 - 8);
    assert!(took >= least, "{took} is faster than the control plane allows");
    assert!(took < least * 2 + Duration::minutes(6), "{took}");
    // where two seconds meet, five keys of either may be made at once: what is refused then is made up for
    assert!(refused <= 10 + many as u64 / 20, "the control plane was asked too fast: {refused}");
}

/// Fires the schedule of a server, and moves its clock by a minute.
async fn fire(server: &Server) {
    let path = "/_local/schedules/background-gateway-keys";
    assert_eq!(http::control(&server.control, "POST", path, "").await.unwrap().status, 200);
    let moved = http::control(&server.control, "POST", "/_local/clock", r#"{"advance_seconds": 61}"#).await;
    assert_eq!(moved.unwrap().status, 200);
}

#[tokio::test]
async fn on_a_laptop_a_key_survives_a_restart() {
    let folder = Folder::temporary();
    let options = Options { data: Some(folder.0.join("data")), ..Options::default() };
    let server = Server::start(options.clone(), log().clone()).await.unwrap();
    let organization = people::create_organization(&server.context, "kept", Plan::Pro).await.unwrap();
    let (_, key) = people::create_key(&server.context, &organization, "test", &[], None).await.unwrap();
    let sent = format!("Api-Key {}", key.reveal());
    for _ in 0..3 {
        fire(&server).await;
    }
    let now = server.context.clock().now();
    let tenancy = server.context.store().tenancy(organization.id, now).await.unwrap().unwrap();
    let value = tenancy.key.expect("it has a key by now").expose_secret().to_owned();
    let known = |server: &Server| {
        let plans = server.usage_plans().iter().map(|plans| plans.plan_of_key(&value));
        plans.collect::<Vec<_>>()
    };
    assert_eq!(known(&server), vec![Some("ProPlan".to_owned()); 3]);
    server.shutdown().await;
    let server = Server::start(options, log().clone()).await.unwrap();
    assert_eq!(known(&server), vec![Some("ProPlan".to_owned()); 3]);
    let answer = http::send(&server.outset, "GET", "/v1/studies/", &[("Authorization", &sent)], b"").await.unwrap();
    assert_eq!(answer.status, 200, "{}", answer.body);
    // the control plane is no page's business, and no key's value is in the log
    let asked = http::send(&server.control, "GET", "/apikeys", &[("Origin", "https://other.example")], b"").await;
    assert_eq!(asked.unwrap().status, 403);
    server.shutdown().await;
}
