//! `GET /studies/:id`: a study as a page, the `dashboardUrl` of a deployment without an application (openscouter 7.3,
//! 9.2). `?report=` leads to the page of one of its reports.

use maud::{Markup, html};

use shared::{
    http::Response,
    model::{AgentStatus, ReportId, Status, Study, StudyId, TestSession, TestStatus, UserId},
    openscouter::{
        self, Endpoint,
        access::{ANY_ROLE, Caller, Viewer},
        envelope::Problem,
        paging::Paging,
        reports::{self, read_page},
        request_context::RequestContext,
        studies::{missing, owned_with_progress, status_words},
    },
    page::{self, Page, Words, reference},
    store::{self, Progress, TestSessionFilter},
};

/// The function.
pub const FUNCTION: Endpoint =
    openscouter::page(env!("CARGO_PKG_NAME"), ANY_ROLE, |cx, caller| Box::pin(show(cx, caller)));

const HOME: Words = Words { en: "All studies", fr: "Toutes les études" };
const TASKS: Words = Words { en: "Tasks", fr: "Tâches" };
const SESSIONS: Words = Words { en: "Sessions", fr: "Sessions" };
const NO_SESSION: Words = Words { en: "Nobody has begun yet.", fr: "Personne n'a encore commencé." };
const REPORT: Words = Words { en: "Report", fr: "Rapport" };
const TESTER: Words = Words { en: "Tester", fr: "Testeur" };
const STATE: Words = Words { en: "State", fr: "État" };
const BEGAN: Words = Words { en: "Began", fr: "Début" };
const UNREADY: Words = Words {
    en: "The report is not ready yet. Please try again in a moment.",
    fr: "Le rapport n'est pas encore prêt. Merci de réessayer dans un instant.",
};

async fn show(cx: &RequestContext, caller: Caller) -> Result<Response, Problem> {
    if let Some(report) = cx.request.query.last("report") {
        return lead_to(cx, &caller, report).await;
    }
    let id = StudyId::from_wire(cx.path("id"));
    let (study, progress) = match caller.viewer() {
        Viewer::Tester(tester) => (tested(cx, id, tester).await?, None),
        viewer => {
            let (study, progress) = owned_with_progress(cx, viewer, id).await?;
            (study, Some(progress.shown()))
        }
    };
    let paging = Paging::read(&cx.request.query)?;
    let tester = match caller.viewer() {
        Viewer::Tester(tester) => Some(tester),
        Viewer::Owner(_) | Viewer::Admin => None,
    };
    let filter = TestSessionFilter { study: Some(study.id), tester, status: None, organization: None };
    let store = cx.context.store();
    let sessions = store.test_sessions_page(&filter, paging.offset(), paging.limit);
    let (sessions, report) = match tester {
        Some(_) => (sessions.await?, None),
        None => {
            let (sessions, report) = futures_util::future::join(sessions, store.study_report(study.id)).await;
            (sessions?, report?.filter(|report| report.status == AgentStatus::Complete))
        }
    };
    Ok(shown(cx, &study, progress, &sessions, paging, report.map(|report| report.id)))
}

/// A study that the tester may see: one that is theirs to test, or was.
async fn tested(cx: &RequestContext, id: Option<StudyId>, tester: UserId) -> Result<Study, Problem> {
    let ground = cx.context.store().test_ground(id.ok_or_else(missing)?, tester).await?;
    ground.study.filter(|_| ground.exists || ground.assigned).ok_or_else(missing)
}

/// Sends the reader to the page of a report, whose address works for a while.
async fn lead_to(cx: &RequestContext, caller: &Caller, id: &str) -> Result<Response, Problem> {
    let report = reports::seen(cx, caller, id).await?;
    if StudyId::from_wire(cx.path("id")) != Some(report.study) {
        return Err(reports::missing());
    }
    match read_page(cx, caller, &report).await? {
        Some(address) => Ok(Response::empty(303).header("Location", address)),
        None => Ok(titled(cx, REPORT.of(cx.language()), html! { p { (UNREADY.of(cx.language())) } (home(cx)) })),
    }
}

fn shown(
    cx: &RequestContext,
    study: &Study,
    progress: Option<Progress>,
    sessions: &store::Page<TestSession>,
    paging: Paging,
    report: Option<ReportId>,
) -> Response {
    let language = cx.language();
    let end = paging.offset().saturating_add(u64::from(paging.limit));
    let before = (paging.page > 1).then(|| paging.query(paging.page - 1));
    let after = (end < sessions.total).then(|| paging.query(paging.page + 1));
    let content = html! {
        (facts(cx, study, progress))
        @if let Some(report) = report { p { (link(cx, report)) } }
        @if !study.tasks.is_empty() {
            h2 { (TASKS.of(language)) }
            ol { @for task in &study.tasks { li { bdi { (task.title) } } } }
        }
        h2 { (SESSIONS.of(language)) }
        (table(cx, &sessions.members))
        (page::turn(language, &cx.request.path, before.as_deref(), after.as_deref()))
        (home(cx))
    };
    titled(cx, &study.name, content)
}

fn titled(cx: &RequestContext, title: &str, content: Markup) -> Response {
    Page { language: cx.language(), title, content, target: None }.answer(200)
}

fn home(cx: &RequestContext) -> Markup {
    html! { nav { a href=(reference(&cx.request.path, "/home")) { (HOME.of(cx.language())) } } }
}

/// The link that leads to a report's page.
fn link(cx: &RequestContext, report: ReportId) -> Markup {
    let path = &cx.request.path;
    let to = reference(path, &format!("{path}?report={}", report.wire()));
    html! { a href=(to) { (REPORT.of(cx.language())) } }
}

/// A study's state and its numbers.
fn facts(cx: &RequestContext, study: &Study, progress: Option<Progress>) -> Markup {
    const TARGET: Words = Words { en: "Tested", fr: "Objet" };
    const SCORE: Words = Words { en: "Accessibility", fr: "Accessibilité" };
    const COMPLETED: Words = Words { en: "Sessions completed", fr: "Sessions terminées" };
    let language = cx.language();
    let status: Status = study.status;
    html! {
        dl {
            dt { (STATE.of(language)) } dd { (status_words(status).of(language)) }
            @if let Some(target) = &study.target_url { dt { (TARGET.of(language)) } dd { (target) } }
            @if let Some(progress) = progress {
                dt { (COMPLETED.of(language)) } dd { (progress.completed) "/" (progress.sessions) }
                @if let Some(score) = study.details.accessibility_score {
                    dt { (SCORE.of(language)) } dd { (score) "/100" }
                }
            }
        }
    }
}

/// Sessions, with their reports.
fn table(cx: &RequestContext, sessions: &[TestSession]) -> Markup {
    let language = cx.language();
    if sessions.is_empty() {
        return html! { p { (NO_SESSION.of(language)) } };
    }
    html! {
        div class="scroll" {
            table {
                thead { tr { @for words in [TESTER, STATE, BEGAN, REPORT] { th scope="col" { (words.of(language)) } } } }
                tbody {
                    @for session in sessions {
                        tr {
                            td { (session.number) }
                            td { (session_words(session.status).of(language)) }
                            td { (page::minute(session.created_at)) }
                            td { @if let Some(report) = session.report { (link(cx, report)) } }
                        }
                    }
                }
            }
        }
    }
}

const fn session_words(status: TestStatus) -> Words {
    match status {
        TestStatus::Active => Words { en: "active", fr: "active" },
        TestStatus::Paused => Words { en: "paused", fr: "en pause" },
        TestStatus::Completed => Words { en: "completed", fr: "terminée" },
        TestStatus::Analyzed => Words { en: "analyzed", fr: "analysée" },
        TestStatus::Confirmed => Words { en: "confirmed", fr: "confirmée" },
    }
}
