//! `GET /home`: the account and its jobs, as a page (outsend 6.7).

use maud::{Markup, html};

use shared::{
    http::Response,
    model::{Job, JobStatus},
    outsend::{
        self, Endpoint,
        access::{Access, Caller},
        envelope::Problem,
        fields::Paging,
        request_context::RequestContext,
    },
    page::{self, Page, Words, reference, words},
    store::JobFilter,
};

/// The function.
pub const FUNCTION: Endpoint =
    outsend::page(env!("CARGO_PKG_NAME"), Access::SESSION, |cx, caller| Box::pin(home(cx, caller)));

const PATH: &str = "/home";
/// Rows of a page, at most and where none are asked for.
const ROWS: (u32, u32) = (100, 20);
const JOBS: Words = Words { en: "Jobs", fr: "Traitements" };
const NONE: Words = Words { en: "There is none yet.", fr: "Il n'y en a pas encore." };
const HEADS: [Words; 5] = [
    Words { en: "Module", fr: "Module" },
    Words { en: "State", fr: "État" },
    Words { en: "Rows", fr: "Lignes" },
    Words { en: "Made", fr: "Créé" },
    Words { en: "File", fr: "Fichier" },
];

async fn home(cx: &RequestContext, caller: Caller) -> Result<Response, Problem> {
    let mut faults = Vec::new();
    let paging = Paging::read(&cx.request.query, ROWS.0, ROWS.1, &mut faults);
    if !faults.is_empty() {
        return Err(Problem::Invalid(faults));
    }
    let (store, user) = (cx.context.store(), caller.account.user.id);
    let (offset, limit) = (paging.offset, u64::from(paging.limit));
    // one more row than the page has says whether there is another page
    let mut jobs = store.jobs_page(user, &JobFilter::default(), (offset, paging.limit + 1), cx.now).await?;
    let more = jobs.len() > paging.limit as usize;
    jobs.truncate(paging.limit as usize);
    let query = |offset: u64| format!("offset={offset}&limit={limit}");
    let before = (offset > 0).then(|| query(offset.saturating_sub(limit)));
    let after = more.then(|| query(offset.saturating_add(limit)));
    let content = html! {
        (about(cx, &caller))
        h2 { (JOBS.of(cx.language)) }
        (table(cx, &jobs))
        (page::turn(cx.language, PATH, before.as_deref(), after.as_deref()))
        (page::sign_out(cx.language, PATH))
    };
    Ok(Page { language: cx.language, title: "Outsend", content, target: None }.answer(200))
}

/// The account.
fn about(cx: &RequestContext, caller: &Caller) -> Markup {
    const CONFIRM: Words = Words {
        en: "Please confirm this address: we mailed you a link.",
        fr: "Merci de confirmer cette adresse : nous vous avons envoyé un lien.",
    };
    const AGAIN: Words = Words { en: "Send it again", fr: "Le renvoyer" };
    const PLAN: Words = Words { en: "Plan", fr: "Formule" };
    let (user, language) = (&caller.account.user, cx.language);
    html! {
        dl {
            dt { (words::EMAIL.of(language)) } dd { (user.email.as_str()) }
            dt { (words::NAME.of(language)) } dd { bdi { (user.name) } }
            dt { (PLAN.of(language)) } dd { (caller.account.organization.plan.as_str()) }
        }
        @if !user.verified {
            div role="alert" {
                p {
                    (CONFIRM.of(language)) " "
                    a href=(reference(PATH, "/resend-verification")) { (AGAIN.of(language)) }
                }
            }
        }
    }
}

fn table(cx: &RequestContext, jobs: &[Job]) -> Markup {
    let language = cx.language;
    if jobs.is_empty() {
        return html! { p { (NONE.of(language)) } };
    }
    html! {
        div class="scroll" {
            table {
                thead { tr { @for words in HEADS { th scope="col" { (words.of(language)) } } } }
                tbody {
                    @for job in jobs {
                        tr {
                            td { (job.module.as_str().replace('_', " ")) }
                            td { (status_words(job.status_at(cx.now)).of(language)) }
                            td { (job.results) }
                            td { (page::minute(job.created_at)) }
                            td {
                                @if job.has_file(cx.now) {
                                    @for format in ["csv", "xlsx", "json"] {
                                        @let path = format!("/api/jobs/{}/download?format={format}", job.id);
                                        a href=(reference(PATH, &path)) { (format.to_uppercase()) } " "
                                    }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

const fn status_words(status: JobStatus) -> Words {
    match status {
        JobStatus::Pending => Words { en: "pending", fr: "en attente" },
        JobStatus::Running => Words { en: "running", fr: "en cours" },
        JobStatus::Done => Words { en: "done", fr: "terminé" },
        JobStatus::Failed => Words { en: "failed", fr: "échoué" },
        JobStatus::Cancelled => Words { en: "cancelled", fr: "annulé" },
        JobStatus::Expired => Words { en: "expired", fr: "expiré" },
    }
}
