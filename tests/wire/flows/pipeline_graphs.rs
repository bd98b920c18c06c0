//! Graphs of all kinds: a definition is accepted exactly when a naive checker accepts it, every problem is named, and
//! every run of an accepted one ends as the rules say (outsend 14.2, 14.4).

use std::collections::{BTreeSet, HashMap};

use engine::Module;
use harness::{Random, outsend::jobs::World};
use serde_json::{Value, json};
use shared::{
    model::{Job, JobId, JobStatus, NodeStatus, PipelineId, PipelineRun, RunStatus, Trigger},
    outsend::pipelines::{Definition, first_run, judge},
};
use time::{Duration, OffsetDateTime};

/// Types as they are sent, and what they stand for.
const TYPES: [(&str, Option<Module>); 14] = [
    ("import", Some(Module::Import)),
    ("filter", Some(Module::Filter)),
    ("sort", Some(Module::Sort)),
    ("emails", Some(Module::Emails)),
    ("verify", Some(Module::VerifyEmails)),
    ("verify-emails", Some(Module::VerifyEmails)),
    ("verify_emails", Some(Module::VerifyEmails)),
    ("dead-check", Some(Module::DeadCheck)),
    ("legal_ids", Some(Module::LegalIds)),
    ("reviews", Some(Module::Reviews)),
    ("pagespeed", Some(Module::Pagespeed)),
    ("delivery_check", None),
    ("Import", None),
    ("filter", Some(Module::Filter)),
];

/// A graph: each node's id and type, and each edge's ends, which can be no nodes.
struct Graph {
    nodes: Vec<(usize, usize)>,
    edges: Vec<(usize, usize)>,
}

impl Graph {
    /// A graph that is mostly a forest, with a few mistakes or none.
    fn random(random: &mut Random) -> Self {
        let most = if random.below(20) == 0 { 24 } else { 12 };
        let count = 1 + random.below(most);
        let mistakes = random.below(3) == 0;
        let mut nodes = Vec::new();
        let mut edges = Vec::new();
        for place in 0..count {
            let root = place == 0 || random.below(4) == 0;
            let kind = if root { 0 } else { 1 + random.below(if mistakes { 13 } else { 10 }) };
            let id = if mistakes && random.below(15) == 0 { random.below(count) } else { place };
            nodes.push((id, kind));
            if !root {
                edges.push((random.below(place), place));
            }
        }
        if mistakes {
            for _ in 0..random.below(4) {
                edges.push((random.below(count + 1), random.below(count + 1)));
            }
            if random.below(3) == 0 && !edges.is_empty() {
                edges.remove(random.below(edges.len()));
            }
        }
        for place in (1..edges.len()).rev() {
            edges.swap(place, random.below(place + 1));
        }
        Self { nodes, edges }
    }

    fn definition(&self) -> Value {
        let node = |(id, kind): &(usize, usize)| {
            let config = if *kind == 0 { json!({"text": "a"}) } else { json!({}) };
            json!({"id": format!("n{id}"), "type": TYPES[*kind].0, "config": config})
        };
        let edge = |(from, to): &(usize, usize)| json!({"from": format!("n{from}"), "to": format!("n{to}")});
        let (nodes, edges): (Vec<_>, Vec<_>) =
            (self.nodes.iter().map(node).collect(), self.edges.iter().map(edge).collect());
        json!({"nodes": nodes, "edges": edges})
    }

    fn place(&self, id: usize) -> Option<usize> {
        self.nodes.iter().position(|(known, _)| *known == id)
    }

    fn module(&self, place: usize) -> Option<Module> {
        TYPES[self.nodes[place].1].1
    }

    /// The edges between nodes.
    fn ties(&self) -> Vec<(usize, usize)> {
        self.edges.iter().filter_map(|(from, to)| Some((self.place(*from)?, self.place(*to)?))).collect()
    }

    fn has_cycle(&self) -> bool {
        let mut left: BTreeSet<usize> = (0..self.nodes.len()).collect();
        let ties = self.ties();
        while let Some(free) =
            left.iter().copied().find(|node| !ties.iter().any(|(from, to)| to == node && left.contains(from)))
        {
            left.remove(&free);
        }
        !left.is_empty()
    }

    /// What flows out of a node of a graph in which each has one input.
    fn flow(&self, place: usize) -> Option<&'static str> {
        match self.module(place)? {
            Module::Filter | Module::Sort => {
                let (from, _) = self.ties().into_iter().find(|(_, to)| *to == place)?;
                self.flow(from)
            }
            Module::Emails => Some("pois_email"),
            Module::VerifyEmails => Some("verified"),
            Module::Reviews => Some("reviews"),
            _ => Some("pois"),
        }
    }

    fn fits(&self, (from, to): (usize, usize)) -> bool {
        let flow = self.flow(from);
        match self.module(to) {
            Some(Module::Filter | Module::Sort) => true,
            Some(Module::VerifyEmails) => flow == Some("pois_email"),
            Some(_) => matches!(flow, Some("pois" | "pois_email")),
            None => true,
        }
    }

    /// The fields that are wrong, as far as one can say that of each by itself.
    fn wrong(&self) -> BTreeSet<String> {
        let mut wrong = BTreeSet::new();
        if self.nodes.len() > 20 {
            wrong.insert("definition.nodes".to_owned());
        }
        for (place, (id, _)) in self.nodes.iter().enumerate() {
            if self.place(*id) != Some(place) {
                wrong.insert(format!("definition.nodes.{place}.id"));
            }
            match self.module(place) {
                None => _ = wrong.insert(format!("definition.nodes.{place}.type")),
                Some(Module::Import) => {}
                Some(_) => {
                    // an edge to an id that two have is the first one's
                    let fed = self.edges.iter().any(|(_, to)| self.place(*to) == Some(place));
                    if !fed {
                        wrong.insert(format!("definition.nodes.{place}"));
                    }
                }
            }
        }
        let mut fed = BTreeSet::new();
        for (index, (from, to)) in self.edges.iter().enumerate() {
            for (end, name) in [(from, "from"), (to, "to")] {
                if self.place(*end).is_none() {
                    wrong.insert(format!("definition.edges.{index}.{name}"));
                }
            }
            let Some(to) = self.place(*to) else { continue };
            if self.module(to) == Some(Module::Import) {
                wrong.insert(format!("definition.edges.{index}.to"));
            }
            if !fed.insert(to) {
                wrong.insert(format!("definition.edges.{index}"));
            }
        }
        wrong
    }
}

#[test]
fn what_is_accepted_is_what_a_naive_checker_accepts() {
    let mut random = Random(20_261_130);
    let (mut accepted, mut cycles, mut types) = (0, 0, 0);
    for _ in 0..20_000 {
        let graph = Graph::random(&mut random);
        let judged = judge(&graph.definition());
        let told: BTreeSet<String> =
            judged.as_ref().err().into_iter().flatten().map(|(field, _)| field.clone()).collect();
        let wrong = graph.wrong();
        assert!(told.is_superset(&wrong), "{}: {told:?} lacks some of {wrong:?}", graph.definition());
        let cycle = graph.has_cycle();
        let mut sound = wrong.is_empty() && !cycle;
        if cycle {
            cycles += 1;
            let named = format!("{judged:?}").contains("Cycle");
            assert!(named || !wrong.is_empty(), "{}", graph.definition());
        }
        if sound {
            for (index, (from, to)) in graph.edges.iter().enumerate() {
                let tie = (graph.place(*from).unwrap(), graph.place(*to).unwrap());
                if !graph.fits(tie) {
                    assert!(told.contains(&format!("definition.edges.{index}")), "{}", graph.definition());
                    sound = false;
                }
            }
            types += usize::from(!sound);
        }
        assert_eq!(judged.is_ok(), sound, "{}: {told:?}", graph.definition());
        accepted += usize::from(sound);
    }
    assert!(accepted > 500 && cycles > 500 && types > 500, "{accepted} {cycles} {types}");
}

/// Jobs that go on at random.
struct Jobs {
    jobs: HashMap<JobId, Job>,
    ends: HashMap<JobId, JobStatus>,
}

impl Jobs {
    fn make(&mut self, run: &PipelineRun, place: usize, world: &World, random: &mut Random) -> JobId {
        let now = run.created_at;
        let id = run.nodes[place].job.unwrap_or_else(|| JobId::at(now).unwrap());
        assert!(!self.jobs.contains_key(&id), "made twice");
        let mut job = Job::new(id, &world.account.user, run.nodes[place].module, now, Duration::days(30));
        job.planned = Some(4);
        self.jobs.insert(id, job);
        let end = [JobStatus::Done, JobStatus::Done, JobStatus::Done, JobStatus::Failed, JobStatus::Cancelled];
        self.ends.insert(id, end[random.below(end.len())]);
        id
    }

    fn step(&mut self, random: &mut Random) {
        let ids: Vec<_> = self.jobs.keys().copied().collect();
        let Some(id) = ids.get(random.below(ids.len().max(1))) else { return };
        let job = self.jobs.get_mut(id).unwrap();
        let end = self.ends[id];
        job.status = match job.status {
            JobStatus::Pending if end == JobStatus::Cancelled && random.below(2) == 0 => end,
            JobStatus::Pending => JobStatus::Running,
            JobStatus::Running => end,
            over => over,
        };
        if job.status == JobStatus::Done {
            job.processed = 4;
        }
    }
}

/// What a run comes to, by the ends of its jobs alone.
fn naive_end(definition: &Definition, run: &PipelineRun, jobs: &Jobs) -> Vec<NodeStatus> {
    let mut states: Vec<NodeStatus> = Vec::new();
    let mut left: Vec<usize> = (0..definition.nodes.len()).collect();
    let mut known: HashMap<usize, NodeStatus> = HashMap::new();
    while !left.is_empty() {
        left.retain(|place| {
            let before = definition.nodes[*place].from;
            let state = match before.map(|from| known.get(&from)) {
                Some(None) => return true,
                Some(Some(NodeStatus::Done)) | None => match jobs.ends[&run.nodes[*place].job.unwrap()] {
                    JobStatus::Done => NodeStatus::Done,
                    JobStatus::Failed => NodeStatus::Failed,
                    _ => NodeStatus::Cancelled,
                },
                Some(Some(_)) => NodeStatus::Skipped,
            };
            known.insert(*place, state);
            false
        });
    }
    states.extend((0..definition.nodes.len()).map(|place| known[&place]));
    states
}

#[tokio::test]
async fn every_run_ends_as_the_rules_say() {
    let world = World::start().await;
    let mut random = Random(7);
    let now = OffsetDateTime::UNIX_EPOCH + Duration::days(20_000);
    let mut ends: HashMap<RunStatus, usize> = HashMap::new();
    for _ in 0..3_000 {
        let Ok(definition) = judge(&Graph::random(&mut random).definition()) else { continue };
        let mut run = first_run(PipelineId::generate(), &world.account, &definition, Trigger::Manual, now).unwrap();
        let mut jobs = Jobs { jobs: HashMap::new(), ends: HashMap::new() };
        let mut steps = 0;
        while run.status.is_active() {
            steps += 1;
            assert!(steps < 5_000, "the run does not end");
            // signals come late: several jobs go on between two looks
            for _ in 0..random.below(4) {
                jobs.step(&mut random);
            }
            let next = run.followed(&jobs.jobs, now);
            run = match next.ready() {
                Some(place) => {
                    let from = definition.nodes[place].from;
                    assert!(from.is_none_or(|from| next.nodes[from].status == NodeStatus::Done));
                    let id = jobs.make(&next, place, &world, &mut random);
                    next.with_job(place, id)
                }
                None => next,
            };
        }
        let states: Vec<_> = run.nodes.iter().map(|node| node.status).collect();
        assert_eq!(states, naive_end(&definition, &run, &jobs));
        let has = |status: NodeStatus| states.contains(&status);
        let expected = if has(NodeStatus::Failed) {
            RunStatus::Failed
        } else if has(NodeStatus::Cancelled) {
            RunStatus::Cancelled
        } else {
            RunStatus::Done
        };
        assert_eq!(run.status, expected);
        assert_eq!(run.followed(&jobs.jobs, now), run, "set once");
        *ends.entry(run.status).or_default() += 1;
    }
    assert!(ends.len() == 3 && ends.values().all(|count| *count > 50), "{ends:?}");
}
