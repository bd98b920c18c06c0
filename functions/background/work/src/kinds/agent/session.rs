//! Agents 1 and 2: what a session shows while it runs, and the notes on it when it is over (openscouter 12.2, 12.3).

use std::collections::{BTreeMap, BTreeSet};

use engine::analysis::{
    Analysis, Event, EventKind, Moment, MomentKind, Recording, Segment, Severity, Snapshot, Stream, Titles, analyse,
    note, summary, tone, wcag,
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use shared::{
    clock::epoch_millis,
    context::Context,
    model::{
        AgentJob, AgentKind, Criterion, IngestedStream, Note, NoteId, NotedMoment, Study, TestSession, TestSessionId,
        TestStatus,
    },
    openscouter::{format::millis, studies::view::task_id},
    store::AgentOutcome,
};

use super::end::{Failure, done, text_of};
use crate::llm::{self, Brief, Draft};

/// Moments that insights name.
const MAX_MOMENTS: usize = 50;
/// Drops that insights name.
const MAX_DROPS: usize = 100;
/// Attempts of an end that somebody else's change got in the way of.
const MAX_ATTEMPTS: u32 = 20;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct KeptEvent {
    at: i64,
    event_type: String,
    target_selector: String,
    task_id: Option<String>,
    time_on_element_ms: Option<f64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct KeptSnapshot {
    at: i64,
    face_detected: bool,
    emotion: Option<String>,
    confidence: Option<f64>,
}

#[derive(Deserialize)]
struct KeptSegment {
    at: i64,
    end: Option<i64>,
    transcript: String,
    sentiment: Option<f64>,
}

async fn read<T: DeserializeOwned>(
    context: &Context,
    session: TestSessionId,
    stream: IngestedStream,
) -> Result<Vec<T>, Failure> {
    let mut items = Vec::new();
    for batch in context.store().ingested(session, stream).await? {
        let read: Vec<T> = serde_json::from_slice(&batch).map_err(|error| Failure::Fault(error.to_string()))?;
        items.extend(read);
    }
    Ok(items)
}

/// What was kept of a session, for the analyser; its pauses are not among it yet.
async fn recording(context: &Context, session: &TestSession) -> Result<Recording, Failure> {
    let (events, snapshots, segments) = futures_util::future::try_join3(
        read::<KeptEvent>(context, session.id, IngestedStream::Events),
        read::<KeptSnapshot>(context, session.id, IngestedStream::Facial),
        read::<KeptSegment>(context, session.id, IngestedStream::Voice),
    )
    .await?;
    let events = events.into_iter().filter_map(|event| {
        let kind = EventKind::parse(&event.event_type)?;
        let (selector, task, dwell) = (event.target_selector, event.task_id, event.time_on_element_ms);
        Some(Event { at: event.at, kind, selector, task, dwell })
    });
    let snapshots = snapshots
        .into_iter()
        .filter(|shot| shot.face_detected)
        .filter_map(|shot| Some(Snapshot { at: shot.at, emotion: shot.emotion?, confidence: shot.confidence? }));
    let segments = segments.into_iter().map(|segment| Segment {
        start: segment.at,
        end: segment.end.unwrap_or(segment.at),
        transcript: segment.transcript,
        sentiment: segment.sentiment,
    });
    Ok(Recording {
        events: events.collect(),
        snapshots: snapshots.collect(),
        segments: segments.collect(),
        pauses: Vec::new(),
        began: Some(epoch_millis(session.created_at)),
    })
}

/// Up to when a recording is analysed (openscouter 12.5). A session that is over is analysed whole: what was taken in
/// while it ran counts, also when the client's clock was ahead, or its end was sent without the fraction of the second.
fn cutoff_of(job: &AgentJob, recording: &Recording) -> i64 {
    match job.kind {
        AgentKind::Analyst => recording.latest().map_or(job.cutoff, |latest| latest.max(job.cutoff)),
        _ => job.cutoff,
    }
}

/// A session with its study, what it shows, and how it is spoken about.
struct Seen {
    session: TestSession,
    titles: Titles,
    analysis: Analysis,
    tone: &'static str,
}

fn titles(study: &Study) -> Titles {
    let tasks = study.tasks.iter().enumerate();
    let tasks: BTreeMap<_, _> = tasks.map(|(index, task)| (task_id(study, index, task), task.title.clone())).collect();
    Titles { study: study.name.clone(), tasks }
}

async fn look(context: &Context, job: &AgentJob) -> Result<Seen, Failure> {
    let store = context.store();
    let session = store.test_session(job.session.ok_or(Failure::Gone)?).await?.ok_or(Failure::Gone)?;
    let study = store.linked_study(session.study).await?.ok_or(Failure::Gone)?;
    let mut recording = recording(context, &session).await?;
    let cutoff = cutoff_of(job, &recording);
    recording.pauses = session.pauses_until(cutoff);
    let streams: BTreeSet<_> = [Stream::Events, Stream::Facial, Stream::Voice]
        .into_iter()
        .filter(|stream| job.streams.iter().any(|name| name == stream.as_str()))
        .collect();
    let analysis = analyse(&recording, cutoff, &streams);
    let tone = if streams.contains(&Stream::Facial) { tone(&recording.snapshots, cutoff) } else { "standard" };
    Ok(Seen { titles: titles(&study), analysis, tone, session })
}

/// What a model may see of a moment (openscouter 12.4).
fn brief(seen: &Seen, moment: &Moment) -> Brief {
    Brief {
        kind: moment.kind,
        severity: moment.severity,
        confidence: moment.confidence,
        context: seen.titles.context(moment),
        tone: seen.tone,
        tester: seen.session.number,
    }
}

/// Agent 1's result (openscouter 12.2).
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Insights {
    overall_frustration_score: f64,
    attention_drop_timestamps: Vec<String>,
    critical_moments: Vec<CriticalMoment>,
    summary: String,
}

/// A moment that insights name.
#[derive(Serialize)]
struct CriticalMoment {
    timestamp: String,
    r#type: &'static str,
    severity: &'static str,
    context: String,
    confidence: &'static str,
    streams: Vec<&'static str>,
    impact: f64,
}

fn critical_moment(seen: &Seen, moment: &Moment) -> CriticalMoment {
    CriticalMoment {
        timestamp: millis(moment.span.0),
        r#type: moment.kind.as_str(),
        severity: moment.severity.as_str(),
        context: seen.titles.context(moment),
        confidence: moment.confidence.as_str(),
        streams: moment.streams.iter().map(|stream| stream.as_str()).collect(),
        impact: moment.impact,
    }
}

/// What a session shows, with a model's summary if there is one.
fn insights(seen: &Seen, text: Option<String>) -> Insights {
    let moments = &seen.analysis.moments;
    let drops = moments.iter().filter(|moment| moment.kind == MomentKind::AttentionDrop);
    let mut critical: Vec<_> = moments.iter().filter(|moment| moment.severity <= Severity::Medium).collect();
    if critical.len() > MAX_MOMENTS {
        critical.sort_by(|one, other| other.impact.total_cmp(&one.impact).then(one.span.cmp(&other.span)));
        critical.truncate(MAX_MOMENTS);
    }
    critical.sort_by_key(|moment| (moment.span.0, moment.kind));
    Insights {
        overall_frustration_score: seen.analysis.frustration,
        attention_drop_timestamps: drops.take(MAX_DROPS).map(|moment| millis(moment.span.0)).collect(),
        critical_moments: critical.into_iter().map(|moment| critical_moment(seen, moment)).collect(),
        summary: text.unwrap_or_else(|| summary(&seen.analysis, &seen.titles)),
    }
}

/// Agent 1.
pub(super) async fn snapshot(context: &Context, job: &AgentJob) -> Result<(), Failure> {
    let seen = look(context, job).await?;
    let briefs: Vec<_> = seen.analysis.moments.iter().map(|moment| brief(&seen, moment)).collect();
    let written = llm::rewrite(context.settings(), &briefs).await;
    let insights = insights(&seen, written.map(|draft| draft.summary));
    let mut done = done(context, job);
    done.insights = Some(text_of(&insights)?);
    done.moments = u32::try_from(seen.analysis.moments.len()).ok();
    if !context.store().change_agent_job(&done, AgentOutcome::Alone, None, context.clock().now()).await? {
        return Err(Failure::Fault("somebody else has the job".to_owned()));
    }
    Ok(())
}

/// Agent 2's note on a moment.
fn noted(context: &Context, seen: &Seen, moment: &Moment, index: usize, written: Option<&Draft>) -> Note {
    let criterion = wcag(moment);
    let last = seen.analysis.moments.iter().map(|moment| (moment.span.0, moment.kind)).max();
    let text = written.and_then(|draft| draft.moments.get(index));
    Note {
        note_id: NoteId::at(context.clock().now()).wire(),
        timestamp: Some(moment.span.0),
        text: text.map_or_else(
            || note(moment, epoch_millis(seen.session.created_at), &seen.titles),
            |text| text.note.clone(),
        ),
        included: true,
        moment: Some(NotedMoment {
            kind: moment.kind.as_str().to_owned(),
            severity: moment.severity.as_str().to_owned(),
            confidence: moment.confidence.as_str().to_owned(),
            wcag: Criterion {
                criterion: criterion.criterion.to_owned(),
                name: criterion.name.to_owned(),
                level: criterion.level.to_owned(),
            },
            recommendation: text
                .map_or_else(|| criterion.recommendation.to_owned(), |text| text.recommendation.clone()),
            context: seen.titles.context(moment),
            element: moment.element().map(str::to_owned),
            impact: moment.impact,
            last: last == Some((moment.span.0, moment.kind)),
            own: moment.own.iter().map(|stream| stream.as_str().to_owned()).collect(),
        }),
    }
}

/// Agent 2: a note for each moment, and the session moves on.
pub(super) async fn analyst(context: &Context, job: &AgentJob) -> Result<(), Failure> {
    let mut seen = look(context, job).await?;
    let briefs: Vec<_> = seen.analysis.moments.iter().map(|moment| brief(&seen, moment)).collect();
    let written = llm::rewrite(context.settings(), &briefs).await;
    let moments = seen.analysis.moments.iter().enumerate();
    let analysed: Vec<_> =
        moments.map(|(index, moment)| noted(context, &seen, moment, index, written.as_ref())).collect();
    let mut done = done(context, job);
    done.moments = u32::try_from(analysed.len()).ok();
    done.filled = seen.analysis.filled.iter().map(|stream| stream.as_str().to_owned()).collect();
    let store = context.store();
    for _ in 0..MAX_ATTEMPTS {
        if seen.session.status != TestStatus::Completed || seen.session.analyst != Some(job.id) {
            return Err(Failure::Gone);
        }
        let now = context.clock().now();
        let mut notes = store.notes(seen.session.id).await?;
        notes.notes.extend(analysed.iter().cloned());
        notes.sort();
        notes.updated_at = Some(now);
        notes.version += 1;
        let next = seen.session.with(|next| next.status = TestStatus::Analyzed);
        let outcome = AgentOutcome::Notes(&seen.session, &next, &notes);
        if store.change_agent_job(&done, outcome, None, now).await? {
            return Ok(());
        }
        let current = store.agent_job(job.id).await?.ok_or(Failure::Gone)?;
        if current.version != job.version {
            return Err(Failure::Fault("somebody else has the job".to_owned()));
        }
        seen.session = store.test_session(seen.session.id).await?.ok_or(Failure::Gone)?;
    }
    Err(Failure::Fault("the session kept changing".to_owned()))
}
