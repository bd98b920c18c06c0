//! What an export holds: all that is kept of a person, without secrets and their hashes. It is written piece by
//! piece, one test session in memory at a time, and in slices of work, since a tester can have many of them.

use serde_json::{Map, Value, json};
use shared::{
    context::Context,
    model::{
        Account, AgentJob, ExportId, IngestedStream, Role, TestSession, TestSessionId, User, UserId, UserKey,
        VariantLabel,
    },
    openscouter::{
        connections::ConnectionView,
        consents::ConsentView,
        erasures::ErasureView,
        format::{millis, timestamp},
        payouts::PayoutRow,
        profiles::ProfileView,
        proposals::ProposalView,
        reports::view::report_view,
        studies::view::study_data,
        test_sessions::NotesView,
        tokens::TokenView,
        users::UserView,
    },
    store::{Export, ExportState, Feedback, ProposalFilter, ProposalScope, Run, Store, StoreError, StudyFilter},
};
use time::{Duration, OffsetDateTime};

/// How long a slice goes on before it stops at a session's end; less than a lease, and than the function may take.
const MAX_TIME: Duration = Duration::seconds(20);
/// Bytes that are written at a time.
const PIECE: usize = 1_000_000;
/// Rows of a list that are read at a time.
const ROWS: u32 = 100;

/// Makes a slice of an export; `Ok(true)` when it is done, or nobody wants it any more.
///
/// # Errors
/// When the store fails.
pub(super) async fn make(context: &Context, user: UserId, id: ExportId) -> Result<bool, StoreError> {
    let store = context.store();
    let Some(account) = store.account(user).await? else { return Ok(true) };
    let export = store.export(user, id).await?.filter(|export| export.state == ExportState::Queued);
    let Some(export) = export else { return Ok(true) };
    let began = context.clock().now();
    let mut bundle = Bundle { context, store, export: &export, run: Run::begin(), text: Vec::new(), lost: false };
    let mut first = export.done.is_none();
    if first {
        bundle.head(&account, began).await?;
    }
    for session in tested_sessions(store, user, export.done).await? {
        if !bundle.session(session, first).await? {
            continue;
        }
        first = false;
        if context.clock().now() - began >= MAX_TIME {
            return bundle.end(Some(session), None).await;
        }
    }
    bundle.raw(b"]}").await?;
    bundle.end(export.done, Some(context.clock().now())).await
}

/// A captured item by the names that the wire has for its members (openscouter 11).
fn as_sent(stream: IngestedStream, item: Map<String, Value>) -> Map<String, Value> {
    let id = match stream {
        IngestedStream::Events => "eventId",
        IngestedStream::Facial => "snapshotId",
        IngestedStream::Voice => "segmentId",
    };
    let time = |at: &Value| at.as_i64().map_or(Value::Null, |at| millis(at).into());
    let named = item.into_iter().map(|(name, value)| match &*name {
        "at" => ("timestamp".to_owned(), time(&value)),
        "end" => ("endedAt".to_owned(), time(&value)),
        "id" => (id.to_owned(), value),
        _ => (name, value),
    });
    named.collect()
}

/// The sessions of a tester after `done`, in the order of their ids, so that those of a later slice are found there.
async fn tested_sessions(
    store: &Store,
    tester: UserId,
    done: Option<TestSessionId>,
) -> Result<Vec<TestSessionId>, StoreError> {
    let tested = store.tested(tester).await?.into_iter().map(|(session, _)| session);
    let mut sessions: Vec<_> = tested.filter(|id| done.is_none_or(|done| done < *id)).collect();
    sessions.sort();
    Ok(sessions)
}

/// A slice of an export on its way to the store.
struct Bundle<'a> {
    context: &'a Context,
    store: &'a Store,
    export: &'a Export,
    run: Run,
    text: Vec<u8>,
    /// Whether somebody else came further meanwhile, or the account is gone.
    lost: bool,
}

impl Bundle<'_> {
    async fn raw(&mut self, text: &[u8]) -> Result<(), StoreError> {
        self.text.extend_from_slice(text);
        if self.text.len() >= PIECE { self.flush().await } else { Ok(()) }
    }

    async fn flush(&mut self) -> Result<(), StoreError> {
        let text = std::mem::take(&mut self.text);
        if !self.lost && !text.is_empty() {
            let now = self.context.clock().now();
            self.lost = !self.store.put_export_parts(self.export, &mut self.run, &text, now).await?;
        }
        Ok(())
    }

    /// Ends the slice; whether it was the last one.
    async fn end(mut self, done: Option<TestSessionId>, completed: Option<OffsetDateTime>) -> Result<bool, StoreError> {
        self.flush().await?;
        if !self.lost {
            self.store.advance_export(&self.export.with_run(self.run, done, completed)).await?;
        }
        Ok(self.lost || completed.is_some())
    }

    /// All but the test sessions, whose list it leaves open.
    async fn head(&mut self, account: &Account, now: OffsetDateTime) -> Result<(), StoreError> {
        let (store, user) = (self.store, &account.user);
        let mut head = self.person(account, now).await?;
        head["outsend"] = outsend(store, user, now).await?;
        let mut text = head.to_string();
        text.pop();
        self.raw(text.as_bytes()).await?;
        self.studies(account).await?;
        self.proposals(user.id, now).await?;
        self.feedback_given(user.id).await?;
        self.raw(b",\"testSessions\":[").await
    }

    /// What a person has one of, or a few.
    async fn person(&self, account: &Account, now: OffsetDateTime) -> Result<Value, StoreError> {
        let (store, user) = (self.store, &account.user);
        let sign_ins = store.families_of(user, now).await?;
        let sign_ins = sign_ins.iter().map(|family| span(family.created_at, family.expires_at));
        let consents = store.consents(user.id).await?;
        let attempts = store.attempts_of(user.id).await?;
        let attempts = attempts.iter().map(|attempt| {
            let answers = attempt.answers.iter();
            let answers = answers.map(|(question, option)| json!({"questionId": question, "optionId": option}));
            json!({
                "attemptId": attempt.id.wire(),
                "quizId": attempt.quiz_id(),
                "answers": answers.collect::<Vec<_>>(),
                "score": attempt.score,
                "passed": attempt.passed,
                "createdAt": timestamp(attempt.created_at),
            })
        });
        let (sum, count) = store.ratings(user.id).await?;
        let mut assignments = store.assignments(user.id).await?;
        assignments.sort_by_key(|(study, at)| (*at, *study));
        let assignments =
            assignments.iter().map(|(study, at)| json!({"jobId": study.wire(), "acceptedAt": timestamp(*at)}));
        let payouts = store.payouts_of(user.id).await?;
        let payee = store.payee(user.id).await?;
        let telegram = store.telegram_link(user.id).await?;
        let (profile, special) = (store.profile(user.id).await?.0, store.special_categories(user.id).await?);
        let links = (payee.as_ref(), telegram.as_ref());
        // only testers have one
        let profile = (user.role == Role::Tester).then(|| json!(ProfileView::new(user, &profile, &special, links)));
        let payee = payee.map(|payee| json!({"accountId": payee.account, "payoutsEnabled": payee.payouts_enabled}));
        let telegram = telegram.map(|link| json!({"chatId": link.chat, "linkedAt": timestamp(link.linked_at)}));
        let mut connections = store.connections_of(user.id).await?;
        connections.retain(|connection| connection.lives_for(user) && connection.lives_at(now));
        Ok(json!({
            "exportedAt": timestamp(now),
            "user": UserView::of(account),
            "profile": profile,
            "ndCategories": special,
            "consents": consents.iter().map(ConsentView::new).collect::<Vec<_>>(),
            "quizAttempts": attempts.collect::<Vec<_>>(),
            "assignments": assignments.collect::<Vec<_>>(),
            "ratings": {"count": count, "sum": sum},
            "payoutAccount": payee,
            "telegram": telegram,
            "payouts": payouts.iter().map(PayoutRow::new).collect::<Vec<_>>(),
            "signIns": sign_ins.collect::<Vec<_>>(),
            "apiTokens": self.tokens(account, now).await?,
            "connections": connections.iter().map(ConnectionView::of).collect::<Vec<_>>(),
            "erasure": store.erasure_of(user.id).await?.as_ref().map(ErasureView::new),
        }))
    }

    async fn tokens(&self, account: &Account, now: OffsetDateTime) -> Result<Vec<Value>, StoreError> {
        // an organization has 50 at most
        let tokens = self.store.tokens_page(Some(account.organization.id), 0, ROWS, now).await?;
        let live = tokens.members.iter().filter(|token| token.lives_for(&account.user));
        Ok(live.map(|token| json!(TokenView::of(token))).collect())
    }

    /// The studies of the own organization.
    async fn studies(&mut self, account: &Account) -> Result<(), StoreError> {
        self.raw(b",\"studies\":[").await?;
        let settings = &self.context.settings().openscouter;
        let app = settings.app_url.as_ref().or(settings.public_url.as_ref()).cloned().unwrap_or_default();
        for offset in (0..).step_by(ROWS as usize) {
            let first = move |_: u64| Some(offset);
            let list = (StudyFilter::All, None);
            let page = self.store.studies_page(account.organization.id, list, None, ROWS, &first).await?;
            let Some(page) = page.filter(|page| !page.members.is_empty()) else { break };
            let total = page.total;
            let members = self.store.whole_studies(page.members).await?;
            let ids: Vec<_> = members.iter().map(|study| study.id).collect();
            let progress = self.store.progress_of(&ids).await?;
            for (index, study) in (offset..).zip(&members) {
                let progress = progress.get(&study.id).copied().unwrap_or_default();
                let comma = if index > 0 { "," } else { "" };
                let text = format!("{comma}{}", json!(study_data(app.trim_end_matches('/'), study, progress)));
                self.raw(text.as_bytes()).await?;
            }
            if offset + u64::from(ROWS) >= total {
                break;
            }
        }
        self.raw(b"]").await
    }

    /// What the person was offered.
    async fn proposals(&mut self, tester: UserId, now: OffsetDateTime) -> Result<(), StoreError> {
        self.raw(b",\"proposals\":[").await?;
        let filter = ProposalFilter { scope: ProposalScope::Tester(tester), status: None };
        for offset in (0..).step_by(ROWS as usize) {
            let page = self.store.proposals_page(filter, offset, ROWS).await?;
            for (index, proposal) in (offset..).zip(&page.members) {
                let comma = if index > 0 { "," } else { "" };
                self.raw(format!("{comma}{}", json!(ProposalView::of(proposal, now))).as_bytes()).await?;
            }
            if offset + u64::from(ROWS) >= page.total {
                break;
            }
        }
        self.raw(b"]").await
    }

    /// What a business user said of test sessions; a tester's stands with the session.
    async fn feedback_given(&mut self, author: UserId) -> Result<(), StoreError> {
        self.raw(b",\"feedbackGiven\":[").await?;
        let mut comma = "";
        for sessions in self.store.feedback_given(author).await?.chunks(ROWS as usize) {
            let mut given = self.store.feedback_of_owners(sessions).await?;
            given.sort_by_key(|feedback| feedback.session);
            for feedback in &given {
                let mut object = feedback_object(feedback);
                object["sessionId"] = feedback.session.wire().into();
                self.raw(format!("{comma}{object}").as_bytes()).await?;
                comma = ",";
            }
        }
        self.raw(b"]").await
    }

    /// A test session with all that was ingested of it and made of it; `Ok(false)` when it is gone.
    async fn session(&mut self, id: TestSessionId, first: bool) -> Result<bool, StoreError> {
        let Some(session) = self.store.test_session(id).await? else { return Ok(false) };
        let mut text = self.session_object(&session).await?.to_string();
        text.pop();
        if !first {
            self.raw(b",").await?;
        }
        self.raw(text.as_bytes()).await?;
        for stream in [IngestedStream::Events, IngestedStream::Facial, IngestedStream::Voice] {
            self.raw(format!(",\"{}\":[", stream.as_str()).as_bytes()).await?;
            let mut comma: &[u8] = b"";
            for batch in self.store.ingested(id, stream).await? {
                let unread = |_| StoreError::Malformed { entity: "batch", attribute: "items" };
                let items: Vec<Map<String, Value>> = serde_json::from_slice(&batch).map_err(unread)?;
                for item in items {
                    self.raw(comma).await?;
                    self.raw(Value::Object(as_sent(stream, item)).to_string().as_bytes()).await?;
                    comma = b",";
                }
            }
            self.raw(b"]").await?;
        }
        self.raw(b"}").await?;
        Ok(true)
    }

    async fn session_object(&self, session: &TestSession) -> Result<Value, StoreError> {
        let store = self.store;
        let pause = |(start, end): &(i64, Option<i64>)| json!({"from": millis(*start), "to": end.map(millis)});
        let jobs = agent_jobs(store, session).await?;
        let report = match session.report {
            Some(id) => store.report(id).await?,
            None => None,
        };
        let feedback = store.feedback(session.id, Role::Tester).await?;
        let notes = store.notes(session.id).await?;
        Ok(json!({
            "sessionId": session.id.wire(),
            "jobId": session.study.wire(),
            "variant": session.variant.map(VariantLabel::as_str),
            "status": session.status.as_str(),
            "abandoned": session.abandoned,
            "startedAt": timestamp(session.created_at),
            "completedAt": session.completed_at.map(timestamp),
            "confirmedAt": session.confirmed_at.map(timestamp),
            "durationSeconds": session.duration_seconds(),
            "pauses": session.pauses.iter().map(pause).collect::<Vec<_>>(),
            "notes": NotesView::new(session, &notes).notes,
            "agentJobs": jobs.iter().map(agent_job_object).collect::<Vec<_>>(),
            "report": report.as_ref().map(report_view),
            "feedback": feedback.as_ref().map(feedback_object),
        }))
    }
}

/// The agents' jobs on a session, oldest first.
async fn agent_jobs(store: &Store, session: &TestSession) -> Result<Vec<AgentJob>, StoreError> {
    let mut jobs = store.agent_jobs_of(session.id).await?;
    jobs.sort_by_key(|job| (job.created_at, job.id));
    Ok(jobs)
}

fn agent_job_object(job: &AgentJob) -> Value {
    let insights: Option<Value> = job.insights.as_deref().and_then(|text| serde_json::from_str(text).ok());
    json!({
        "analysisJobId": job.id.wire(),
        "kind": job.kind.as_str(),
        "status": job.status.as_str(),
        "error": job.error,
        "momentCount": job.moments,
        "insights": insights,
        "createdAt": timestamp(job.created_at),
        "finishedAt": job.finished_at.map(timestamp),
    })
}

fn feedback_object(feedback: &Feedback) -> Value {
    json!({
        "feedbackId": feedback.id.wire(),
        "rating": feedback.rating,
        "comment": feedback.comment,
        "createdAt": timestamp(feedback.created_at),
    })
}

fn span(created_at: OffsetDateTime, expires_at: OffsetDateTime) -> Value {
    json!({"createdAt": timestamp(created_at), "expiresAt": timestamp(expires_at)})
}

/// What Outsend keeps of a person's credentials; its jobs have an export of their own (outsend 6.3).
async fn outsend(store: &Store, user: &User, now: OffsetDateTime) -> Result<Value, StoreError> {
    let sessions = store.sessions_of(user, now).await?;
    let sessions: Vec<_> = sessions.iter().map(|session| span(session.created_at, session.expires_at)).collect();
    let keys = store.keys_of_user(user, now).await?;
    let key = |key: &UserKey| {
        json!({
            "id": key.id,
            "name": key.name,
            "createdAt": timestamp(key.created_at),
            "expiresAt": key.expires_at.map(timestamp),
        })
    };
    Ok(json!({"sessions": sessions, "apiKeys": keys.iter().map(key).collect::<Vec<_>>()}))
}
