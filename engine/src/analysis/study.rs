//! Session reports together (openscouter 13.2).

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
};

use super::{
    model::{Confidence, MomentKind, Severity},
    score::{Wcag, accessibility, round},
};

/// Testers of a category from which it is shown.
const MIN_STRATUM: usize = 3;
/// Findings named for a category.
const TOP: usize = 3;

/// A finding of a session report.
#[derive(Clone, Debug, PartialEq)]
pub struct SessionFinding {
    /// What.
    pub kind: MomentKind,
    /// Its criterion.
    pub wcag: Wcag,
    /// Its element.
    pub element: Option<String>,
    /// How sure it is.
    pub confidence: Confidence,
    /// Where.
    pub context: String,
    /// Whether it is the session's last moment.
    pub last: bool,
}

/// What a confirmed session with a complete report brings.
#[derive(Clone, Debug, PartialEq)]
pub struct SessionResult {
    /// Who: the same number for the same tester, and nothing else about them.
    pub tester: u32,
    /// Categories with a valid consent.
    pub categories: BTreeSet<String>,
    /// Whether the session was given up.
    pub abandoned: bool,
    /// The session's frustration.
    pub frustration: f64,
    /// Its findings.
    pub findings: Vec<SessionFinding>,
}

/// A finding of a study report.
#[derive(Clone, Debug, PartialEq)]
pub struct StudyFinding {
    /// What.
    pub kind: MomentKind,
    /// Its criterion.
    pub wcag: Wcag,
    /// Its element; shown only inside the context.
    pub element: Option<String>,
    /// How much it matters.
    pub severity: Severity,
    /// The highest of its findings.
    pub confidence: Confidence,
    /// The most frequent, the first on ties.
    pub context: String,
    /// Distinct testers.
    pub affected: usize,
    /// Of all testers, two decimals.
    pub share: f64,
}

/// What a study shows for testers of one category.
#[derive(Clone, Debug, PartialEq)]
pub struct Stratum {
    /// The category.
    pub category: String,
    /// Its testers.
    pub testers: usize,
    /// Their mean frustration, two decimals.
    pub frustration: f64,
    /// Indices of the findings that most of them met.
    pub top: Vec<usize>,
}

/// A study report's numbers.
#[derive(Clone, Debug, PartialEq)]
pub struct StudyResult {
    /// Sessions that it is made of.
    pub testers: usize,
    /// The accessibility score.
    pub accessibility: u32,
    /// Mean of the sessions' frustration, two decimals.
    pub frustration: f64,
    /// Findings, the worst first.
    pub findings: Vec<StudyFinding>,
    /// Categories with enough testers.
    pub strata: Vec<Stratum>,
    /// Categories with too few.
    pub suppressed: usize,
}

#[derive(Default)]
struct Group<'a> {
    testers: BTreeSet<u32>,
    contexts: Vec<&'a str>,
    confidence: Option<Confidence>,
    /// Categories of the testers whose abandoned session ended with it, as far as they are shown: one that is not must not be
    /// guessed from how much a finding matters.
    ended: BTreeSet<&'a str>,
}

#[expect(clippy::cast_precision_loss, reason = "numbers of testers")]
fn share(part: usize, whole: usize) -> f64 {
    part as f64 / whole.max(1) as f64
}

fn mean(numbers: &[f64]) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "numbers of testers")]
    let count = numbers.len().max(1) as f64;
    // divided, and not multiplied by a reciprocal, which is rounded before
    round(numbers.iter().sum::<f64>() / count, 2)
}

/// The text that comes most often, the first one on ties.
fn most_frequent(texts: &[&str]) -> String {
    let mut times: BTreeMap<&str, (usize, Reverse<usize>)> = BTreeMap::new();
    for (index, text) in texts.iter().enumerate() {
        times.entry(text).or_insert((0, Reverse(index))).0 += 1;
    }
    times.into_iter().max_by_key(|(_, rank)| *rank).map(|(text, _)| text.to_owned()).unwrap_or_default()
}

/// A finding with its exact share, and the testers who met it.
type Met = (StudyFinding, f64, BTreeSet<u32>);

/// Findings of one kind, criterion and element are one, whoever met them; the worst first.
fn findings(sessions: &[SessionResult], shown: &BTreeSet<&str>) -> Vec<Met> {
    let mut groups: BTreeMap<(MomentKind, &str, Option<&str>), (Wcag, Group<'_>)> = BTreeMap::new();
    for session in sessions {
        for finding in &session.findings {
            let key = (finding.kind, finding.wcag.criterion, finding.element.as_deref());
            let (_, group) = groups.entry(key).or_insert_with(|| (finding.wcag, Group::default()));
            group.testers.insert(session.tester);
            group.contexts.push(&finding.context);
            group.confidence = group.confidence.max(Some(finding.confidence));
            if session.abandoned && finding.last {
                group.ended.extend(session.categories.iter().map(String::as_str).filter(|name| shown.contains(name)));
            }
        }
    }
    let rated = groups.into_iter().map(|((kind, _, element), (wcag, group))| {
        let exact = share(group.testers.len(), sessions.len());
        let finding = StudyFinding {
            kind,
            wcag,
            element: element.map(str::to_owned),
            severity: severity(exact, group.ended.len()),
            confidence: group.confidence.unwrap_or(Confidence::Low),
            context: most_frequent(&group.contexts),
            affected: group.testers.len(),
            share: round(exact, 2),
        };
        (finding, exact, group.testers)
    });
    let mut findings: Vec<Met> = rated.collect();
    findings.sort_by(|(one, exact, _), (other, others, _)| {
        one.severity
            .cmp(&other.severity)
            .then(others.total_cmp(exact))
            .then_with(|| (one.kind, &one.element).cmp(&(other.kind, &other.element)))
    });
    findings
}

/// How much a finding matters: by its share of the testers, and by the categories that gave up at it.
fn severity(share: f64, ended: usize) -> Severity {
    match share {
        _ if ended >= 2 => Severity::Critical,
        share if share >= 0.30 => Severity::Critical,
        share if share >= 0.15 => Severity::High,
        share if share >= 0.05 => Severity::Medium,
        _ => Severity::Low,
    }
}

/// The testers of one category; `None` when they are so few that it could tell who they are.
fn testers(category: &str, sessions: &[SessionResult]) -> Option<BTreeSet<u32>> {
    let own = sessions.iter().filter(|session| session.categories.contains(category));
    let testers: BTreeSet<u32> = own.map(|session| session.tester).collect();
    (testers.len() >= MIN_STRATUM).then_some(testers)
}

/// What these testers of one category met.
fn stratum(category: &str, testers: &BTreeSet<u32>, sessions: &[SessionResult], findings: &[Met]) -> Stratum {
    let mut top: Vec<(usize, usize)> = findings
        .iter()
        .enumerate()
        .map(|(index, (_, _, affected))| (affected.intersection(testers).count(), index))
        .filter(|(count, _)| *count > 0)
        .collect();
    top.sort_by_key(|(count, index)| (Reverse(*count), *index));
    let own = sessions.iter().filter(|session| session.categories.contains(category));
    let frustrations: Vec<_> = own.map(|session| session.frustration).collect();
    Stratum {
        category: category.to_owned(),
        testers: testers.len(),
        frustration: mean(&frustrations),
        top: top.into_iter().take(TOP).map(|(_, index)| index).collect(),
    }
}

/// Puts confirmed sessions together: aggregates only, never a single tester's data.
#[must_use]
pub fn aggregate(sessions: &[SessionResult]) -> StudyResult {
    let categories: BTreeSet<&str> =
        sessions.iter().flat_map(|session| session.categories.iter().map(String::as_str)).collect();
    let shown: Vec<_> =
        categories.iter().filter_map(|category| Some((*category, testers(category, sessions)?))).collect();
    let findings = findings(sessions, &shown.iter().map(|(category, _)| *category).collect());
    let strata: Vec<_> =
        shown.iter().map(|(category, testers)| stratum(category, testers, sessions, &findings)).collect();
    let frustrations: Vec<_> = sessions.iter().map(|session| session.frustration).collect();
    StudyResult {
        testers: sessions.len(),
        accessibility: accessibility(findings.iter().map(|(finding, ..)| finding.severity)),
        frustration: mean(&frustrations),
        suppressed: categories.len() - strata.len(),
        findings: findings.into_iter().map(|(finding, ..)| finding).collect(),
        strata,
    }
}
