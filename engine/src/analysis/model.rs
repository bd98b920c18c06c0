//! What the analyser reads and what it makes: signals, moments, scores (openscouter 6.1, 12.6).

use std::collections::BTreeSet;

/// What an ingested event is (openscouter 6.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventKind {
    /// `click`
    Click,
    /// `scroll`
    Scroll,
    /// `input`
    Input,
    /// `focus`
    Focus,
    /// `blur`
    Blur,
    /// `navigation`
    Navigation,
    /// `error`
    Error,
}

impl EventKind {
    /// All, in the contract's order.
    pub const ALL: [Self; 7] =
        [Self::Click, Self::Scroll, Self::Input, Self::Focus, Self::Blur, Self::Navigation, Self::Error];

    /// The wire name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Click => "click",
            Self::Scroll => "scroll",
            Self::Input => "input",
            Self::Focus => "focus",
            Self::Blur => "blur",
            Self::Navigation => "navigation",
            Self::Error => "error",
        }
    }

    /// Reads a wire name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }
}

/// An ingested event. Times are milliseconds since the Unix epoch.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// When.
    pub at: i64,
    /// What.
    pub kind: EventKind,
    /// Where.
    pub selector: String,
    /// The task that it belongs to.
    pub task: Option<String>,
    /// How long the pointer or the focus was on the element before, in milliseconds; of more than a day, a day counts.
    pub dwell: Option<f64>,
}

/// A facial snapshot in which a face was detected.
#[derive(Clone, Debug, PartialEq)]
pub struct Snapshot {
    /// When.
    pub at: i64,
    /// The emotion's label; it never leaves this module.
    pub emotion: String,
    /// 0 to 1.
    pub confidence: f64,
}

/// A segment of speech, or of written commentary.
#[derive(Clone, Debug, PartialEq)]
pub struct Segment {
    /// When it began.
    pub start: i64,
    /// When it ended.
    pub end: i64,
    /// What was said.
    pub transcript: String,
    /// -1 to 1.
    pub sentiment: Option<f64>,
}

/// A stream of signals (openscouter 6.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stream {
    /// `events`
    Events,
    /// `facial`
    Facial,
    /// `voice`
    Voice,
}

impl Stream {
    /// The wire name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Events => "events",
            Self::Facial => "facial",
            Self::Voice => "voice",
        }
    }
}

/// What was kept of a session, in the order of arrival.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Recording {
    /// Events.
    pub events: Vec<Event>,
    /// Snapshots with a face.
    pub snapshots: Vec<Snapshot>,
    /// Segments.
    pub segments: Vec<Segment>,
    /// Intervals in which the session was paused.
    pub pauses: Vec<(i64, i64)>,
    /// When the session began, in milliseconds since the Unix epoch: no moment lies before (openscouter 12.5). `None` where it
    /// does not matter.
    pub began: Option<i64>,
}

impl Recording {
    /// When the latest item was captured, in milliseconds since the Unix epoch; `None` when there is none.
    #[must_use]
    pub fn latest(&self) -> Option<i64> {
        let events = self.events.iter().map(|event| event.at);
        let snapshots = self.snapshots.iter().map(|shot| shot.at);
        events.chain(snapshots).chain(self.segments.iter().map(|segment| segment.start)).max()
    }
}

/// What a moment is (openscouter 6.1), in the contract's order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum MomentKind {
    /// `rage_click`
    RageClick,
    /// `error_burst`
    ErrorBurst,
    /// `confusion`
    Confusion,
    /// `hesitation_cluster`
    HesitationCluster,
    /// `dead_click`
    DeadClick,
    /// `attention_drop`
    AttentionDrop,
}

impl MomentKind {
    /// All, in the contract's order.
    pub const ALL: [Self; 6] = [
        Self::RageClick,
        Self::ErrorBurst,
        Self::Confusion,
        Self::HesitationCluster,
        Self::DeadClick,
        Self::AttentionDrop,
    ];

    /// Reads a wire name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }

    /// The wire name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::RageClick => "rage_click",
            Self::ErrorBurst => "error_burst",
            Self::Confusion => "confusion",
            Self::HesitationCluster => "hesitation_cluster",
            Self::DeadClick => "dead_click",
            Self::AttentionDrop => "attention_drop",
        }
    }
}

/// How far several streams agree (openscouter 12.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Confidence {
    /// One stream.
    Low,
    /// Two.
    Medium,
    /// Three.
    High,
}

impl Confidence {
    /// Reads a wire name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Low, Self::Medium, Self::High].into_iter().find(|known| known.as_str() == text)
    }

    /// The wire name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
        }
    }
}

/// How much a barrier matters (openscouter 12.6), the worst first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// `critical`
    Critical,
    /// `high`
    High,
    /// `medium`
    Medium,
    /// `low`
    Low,
}

impl Severity {
    /// Reads a wire name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Critical, Self::High, Self::Medium, Self::Low].into_iter().find(|known| known.as_str() == text)
    }

    /// The wire name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Critical => "critical",
            Self::High => "high",
            Self::Medium => "medium",
            Self::Low => "low",
        }
    }
}

/// A moment at which something stood in the tester's way.
#[derive(Clone, Debug, PartialEq)]
pub struct Moment {
    /// What.
    pub kind: MomentKind,
    /// Its first and last time.
    pub span: (i64, i64),
    /// Its magnitude.
    pub k: f64,
    /// The event that it is pinned to: its selector is the moment's element, its task the moment's task.
    pub pinned: Option<Event>,
    /// The streams that show it.
    pub streams: BTreeSet<Stream>,
    /// How sure it is.
    pub confidence: Confidence,
    /// 0 to 1, four decimals.
    pub impact: f64,
    /// How much it matters.
    pub severity: Severity,
    /// The streams that it was found in, without those that agree.
    pub own: BTreeSet<Stream>,
}

impl Moment {
    /// The element, if there is one.
    #[must_use]
    pub fn element(&self) -> Option<&str> {
        self.pinned.as_ref().map(|event| event.selector.as_str())
    }
}

/// Scores from 0 to 100, higher is better; none for a stream without items.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SubScores {
    /// Over all moments.
    pub overall: u32,
    /// Over what was done.
    pub interaction: Option<u32>,
    /// Over what faces showed.
    pub emotion: Option<u32>,
    /// Over what was said.
    pub voice: Option<u32>,
}

/// What a session shows up to a cut-off.
#[derive(Clone, Debug, PartialEq)]
pub struct Analysis {
    /// Moments by start and kind.
    pub moments: Vec<Moment>,
    /// 0 to 1, two decimals.
    pub frustration: f64,
    /// The streams that have items.
    pub filled: BTreeSet<Stream>,
    /// The sub-scores.
    pub scores: SubScores,
}
