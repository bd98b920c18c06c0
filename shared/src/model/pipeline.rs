//! Pipelines, their runs, and how a run follows from the states of its jobs (outsend 14.3, 14.4, 20).

use std::collections::HashMap;

use engine_types::Module;
use time::OffsetDateTime;

use super::{Job, JobId, JobStatus, OrganizationId, PipelineId, UserId, WorkItem};

/// What started a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trigger {
    /// Its owner.
    Manual,
    /// A veille.
    Veille {
        /// Its id.
        veille: u64,
        /// The number of its run.
        run: u64,
    },
}

/// Where a node stands in a run (outsend 14.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum NodeStatus {
    /// It has no job yet.
    Waiting,
    /// Its job waits.
    Pending,
    /// Its job runs.
    Running,
    /// Its job is done.
    Done,
    /// Its job failed, or could not be created.
    Failed,
    /// Its job was cancelled.
    Cancelled,
    /// It will never have a job.
    Skipped,
}

impl NodeStatus {
    const ALL: [Self; 7] =
        [Self::Waiting, Self::Pending, Self::Running, Self::Done, Self::Failed, Self::Cancelled, Self::Skipped];

    /// The wire name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Pending => "pending",
            Self::Running => "running",
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::Skipped => "skipped",
        }
    }

    /// Reads a wire name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == text)
    }

    /// Whether it changes no more.
    #[must_use]
    pub const fn is_over(self) -> bool {
        matches!(self, Self::Done | Self::Failed | Self::Cancelled | Self::Skipped)
    }
}

/// Where a run stands (outsend 14.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RunStatus {
    /// No job has left its queue.
    Pending,
    /// Some node waits or runs.
    Running,
    /// Every node is done.
    Done,
    /// Some node failed.
    Failed,
    /// It was cancelled, or one of its jobs was.
    Cancelled,
}

impl RunStatus {
    const ALL: [Self; 5] = [Self::Pending, Self::Running, Self::Done, Self::Failed, Self::Cancelled];

    /// The wire name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Running => "running",
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }

    /// Reads a wire name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == text)
    }

    /// Whether something of the run is still to come.
    #[must_use]
    pub const fn is_active(self) -> bool {
        matches!(self, Self::Pending | Self::Running)
    }
}

/// A pipeline: what stays the same in all of its runs. Its definition is kept apart, since it can be long.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pipeline {
    /// Its id.
    pub id: PipelineId,
    /// Its owner.
    pub user: UserId,
    /// Its name.
    pub name: String,
    /// Creation.
    pub created_at: OffsetDateTime,
    /// Runs that were started so far; also the number of the last one.
    pub runs: u64,
    /// Numbers of the runs that may still be active: every active one is among them.
    pub active: Vec<u64>,
    /// Ids of the veilles that run it, active and paused ones.
    pub veilles: Vec<u64>,
    /// Increases with each write.
    pub version: u64,
}

/// A node in a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeRun {
    /// Its id in the definition.
    pub id: String,
    /// What it runs.
    pub module: Module,
    /// The place of the node that it follows; none of a root.
    pub from: Option<usize>,
    /// Where it stands.
    pub status: NodeStatus,
    /// Its job; of a root it is named before it is there.
    pub job: Option<JobId>,
    /// Whether the job was created.
    pub made: bool,
    /// How far its job is, in percent.
    pub progress: u8,
    /// Rows of its job.
    pub results: u64,
    /// Why it failed.
    pub error: Option<String>,
}

impl NodeRun {
    /// A node that waits; a root has its job's id already.
    #[must_use]
    pub const fn new(id: String, module: Module, from: Option<usize>, job: Option<JobId>) -> Self {
        let status = if from.is_none() { NodeStatus::Pending } else { NodeStatus::Waiting };
        Self { id, module, from, status, job, made: false, progress: 0, results: 0, error: None }
    }

    /// Takes over what its job says; a job that is gone was ended and removed by its owner.
    fn follow(&mut self, job: Option<&Job>) {
        let Some(job) = job else {
            self.status = NodeStatus::Cancelled;
            return;
        };
        let whole = job.planned.is_some_and(|planned| job.processed >= planned);
        self.status = match job.status {
            JobStatus::Pending => NodeStatus::Pending,
            JobStatus::Running => NodeStatus::Running,
            JobStatus::Done => NodeStatus::Done,
            JobStatus::Failed => NodeStatus::Failed,
            JobStatus::Cancelled => NodeStatus::Cancelled,
            // how it ended is not kept once its rows are purged
            JobStatus::Expired if job.error_message.is_some() => NodeStatus::Failed,
            JobStatus::Expired if whole => NodeStatus::Done,
            JobStatus::Expired => NodeStatus::Cancelled,
        };
        let planned = job.planned.unwrap_or(0).max(1);
        let percent = (job.processed.min(planned) * 100 / planned).min(100);
        self.progress = if self.status == NodeStatus::Done { 100 } else { u8::try_from(percent).unwrap_or(100) };
        self.results = job.results;
        self.error.clone_from(&job.error_message);
    }
}

/// A run of a pipeline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Run {
    /// The pipeline.
    pub pipeline: PipelineId,
    /// The pipeline's owner.
    pub user: UserId,
    /// The owner's organization.
    pub organization: OrganizationId,
    /// Its number, from 1.
    pub number: u64,
    /// What started it.
    pub trigger: Trigger,
    /// Whether it is to be cancelled.
    pub cancelled: bool,
    /// Where it stands.
    pub status: RunStatus,
    /// Its nodes, in the definition's order.
    pub nodes: Vec<NodeRun>,
    /// Creation.
    pub created_at: OffsetDateTime,
    /// When its first job left its queue.
    pub started_at: Option<OffsetDateTime>,
    /// When it ended.
    pub completed_at: Option<OffsetDateTime>,
    /// Increases with each write.
    pub version: u64,
}

impl Run {
    /// The work that lets its veille's run follow the state that this one has come to: each state's once.
    #[must_use]
    pub fn veille_work(&self) -> Option<WorkItem> {
        match self.trigger {
            Trigger::Manual => None,
            Trigger::Veille { veille, run } => Some(WorkItem::veille((veille, run), self.status.as_str())),
        }
    }

    /// Whether two are one run as it was started: the ids of its first jobs tell.
    #[must_use]
    pub fn same_start(&self, other: &Self) -> bool {
        let roots = |run: &Self| -> Vec<_> {
            run.nodes.iter().filter(|node| node.from.is_none()).map(|node| node.job).collect()
        };
        self.number == other.number && roots(self) == roots(other)
    }

    /// The jobs whose states the run does not know for good.
    #[must_use]
    pub fn open_jobs(&self) -> Vec<JobId> {
        self.jobs_where(|node| node.made && !node.status.is_over())
    }

    /// The jobs that run, as far as the run knows.
    #[must_use]
    pub fn running_jobs(&self) -> Vec<JobId> {
        self.jobs_where(|node| node.status == NodeStatus::Running)
    }

    fn jobs_where(&self, which: impl Fn(&NodeRun) -> bool) -> Vec<JobId> {
        self.nodes.iter().filter(|node| which(node)).filter_map(|node| node.job).collect()
    }

    /// The nodes as `jobs` say that they stand, of which those in `asked` were looked for; nothing else changes.
    #[must_use]
    pub fn shown(&self, asked: &[JobId], jobs: &HashMap<JobId, Job>) -> Self {
        let mut next = self.clone();
        for node in next.nodes.iter_mut().filter(|node| node.made && !node.status.is_over()) {
            if let Some(id) = node.job.filter(|id| asked.contains(id)) {
                node.follow(jobs.get(&id));
            }
        }
        next
    }

    /// The run after what its jobs came to: nodes mirror them, what follows a node that failed is skipped, and the run
    /// ends with its last node (outsend 14.4). `jobs` holds all of [`Run::open_jobs`] that are there.
    #[must_use]
    pub fn followed(&self, jobs: &HashMap<JobId, Job>, now: OffsetDateTime) -> Self {
        if !self.status.is_active() {
            return self.clone();
        }
        let mut next = self.shown(&self.open_jobs(), jobs);
        let started = jobs.values().filter_map(|job| job.started_at).min();
        if next.started_at.is_none() {
            next.started_at = started;
        }
        next.settle(now);
        next
    }

    /// Draws the conclusions from the nodes' states.
    fn settle(&mut self, now: OffsetDateTime) {
        loop {
            let dead: Vec<bool> = self.nodes.iter().map(|node| self.never_starts(node)).collect();
            if !dead.contains(&true) {
                break;
            }
            for (node, _) in self.nodes.iter_mut().zip(dead).filter(|(_, dead)| *dead) {
                node.status = NodeStatus::Skipped;
            }
        }
        let any = |status: NodeStatus| self.nodes.iter().any(|node| node.status == status);
        let left = |node: &NodeRun| !matches!(node.status, NodeStatus::Waiting | NodeStatus::Pending);
        self.status = match self.nodes.iter().all(|node| node.status.is_over()) {
            true if self.cancelled => RunStatus::Cancelled,
            true if any(NodeStatus::Failed) => RunStatus::Failed,
            true if any(NodeStatus::Cancelled) => RunStatus::Cancelled,
            true => RunStatus::Done,
            false if self.status == RunStatus::Running || self.nodes.iter().any(left) => RunStatus::Running,
            false => RunStatus::Pending,
        };
        if self.status == RunStatus::Running && self.started_at.is_none() {
            self.started_at = Some(now);
        }
        if !self.status.is_active() {
            self.completed_at = Some(now);
        }
    }

    fn never_starts(&self, node: &NodeRun) -> bool {
        let before = node.from.and_then(|from| self.nodes.get(from)).map(|node| node.status);
        let blocked = matches!(before, Some(NodeStatus::Failed | NodeStatus::Cancelled | NodeStatus::Skipped));
        node.status == NodeStatus::Waiting && (blocked || self.cancelled)
    }

    /// The next node whose job is to be created: a root, or one whose predecessor is done.
    #[must_use]
    pub fn ready(&self) -> Option<usize> {
        let done = |from: usize| self.nodes.get(from).is_some_and(|node| node.status == NodeStatus::Done);
        self.nodes
            .iter()
            .position(|node| !self.cancelled && !node.made && !node.status.is_over() && node.from.is_none_or(done))
    }

    /// The run with the job of the node at `place` created.
    #[must_use]
    pub fn with_job(&self, place: usize, job: JobId) -> Self {
        let mut next = self.clone();
        if let Some(node) = next.nodes.get_mut(place) {
            (node.status, node.job, node.made) = (NodeStatus::Pending, Some(job), true);
        }
        next
    }

    /// The run with the node at `place` failed, because its job cannot be created.
    #[must_use]
    pub fn refused(&self, place: usize, why: String, now: OffsetDateTime) -> Self {
        let mut next = self.clone();
        if let Some(node) = next.nodes.get_mut(place) {
            (node.status, node.job, node.error) = (NodeStatus::Failed, None, Some(why));
        }
        next.settle(now);
        next
    }

    /// The run that is to be cancelled: what has no job gets none. Its jobs are cancelled one by one.
    #[must_use]
    pub fn to_cancel(&self, now: OffsetDateTime) -> Self {
        let mut next = Self { cancelled: true, ..self.clone() };
        for node in next.nodes.iter_mut().filter(|node| node.status == NodeStatus::Pending && !node.made) {
            node.status = NodeStatus::Cancelled;
        }
        next.settle(now);
        next
    }

    /// How far it is: the mean of its nodes, and all of it only when it is done (outsend 14.3).
    #[must_use]
    pub fn progress(&self) -> u64 {
        if self.status == RunStatus::Done {
            return 100;
        }
        let all: u64 = self.nodes.iter().map(|node| u64::from(node.progress)).sum();
        all / (self.nodes.len() as u64).max(1)
    }

    /// The job of the last node that no other one follows, once it is done.
    #[must_use]
    pub fn final_job(&self) -> Option<JobId> {
        let followed = |place: usize| self.nodes.iter().any(|node| node.from == Some(place));
        let sink = (0..self.nodes.len()).rev().find(|place| !followed(*place)).and_then(|place| self.nodes.get(place));
        sink.filter(|node| node.status == NodeStatus::Done).and_then(|node| node.job)
    }
}
