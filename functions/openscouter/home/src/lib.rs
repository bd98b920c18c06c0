//! `GET /home`: what is there for who is signed in, as a page (openscouter 7.3).

use maud::{Markup, html};

use shared::{
    http::Response,
    model::{OrganizationId, Role, Study},
    openscouter::{
        self, Endpoint,
        access::{ANY_ROLE, Caller, Viewer},
        envelope::Problem,
        paging::Paging,
        request_context::RequestContext,
        studies::status_words,
    },
    page::{self, Page, Words, reference},
    store::{self, ListedStudy, Progress, StudyFilter},
};

/// The function.
pub const FUNCTION: Endpoint =
    openscouter::page(env!("CARGO_PKG_NAME"), ANY_ROLE, |cx, caller| Box::pin(home(cx, caller)));

const PATH: &str = "/home";
const STUDIES: Words = Words { en: "Studies", fr: "Études" };
const NONE: Words = Words { en: "There is none yet.", fr: "Il n'y en a pas encore." };
const HEADS: [Words; 4] = [
    Words { en: "Study", fr: "Étude" },
    Words { en: "State", fr: "État" },
    Words { en: "Sessions", fr: "Sessions" },
    Words { en: "Made", fr: "Créée" },
];

async fn home(cx: &RequestContext, caller: Caller) -> Result<Response, Problem> {
    let paging = Paging::read(&cx.request.query)?;
    let store = cx.context.store();
    let listed = match caller.viewer() {
        Viewer::Admin => store.every_study_page(None, paging.offset(), paging.limit).await?,
        Viewer::Owner(organization) => of_organization(cx, organization, paging).await?,
        Viewer::Tester(tester) => store.tested_studies(tester, paging.offset(), paging.limit).await?,
    };
    let tests = matches!(caller.viewer(), Viewer::Tester(_));
    let ids: Vec<_> = listed.members.iter().map(|listed| listed.study.id).collect();
    let progress = if tests { Default::default() } else { store.progress_of(&ids).await? };
    let rows: Vec<_> = listed
        .members
        .iter()
        .map(|listed| {
            (&listed.study, (!tests).then(|| progress.get(&listed.study.id).copied().unwrap_or_default().shown()))
        })
        .collect();
    let language = cx.language();
    let end = paging.offset().saturating_add(u64::from(paging.limit));
    let before = (paging.page > 1).then(|| paging.query(paging.page - 1));
    let after = (end < listed.total).then(|| paging.query(paging.page + 1));
    let content = html! {
        (about(cx, &caller))
        h2 { (STUDIES.of(language)) }
        (table(cx, &rows))
        (page::turn(language, PATH, before.as_deref(), after.as_deref()))
        (page::sign_out(language, PATH))
    };
    Ok(Page { language, title: "OpenScouter", content, target: None }.answer(200))
}

/// A page of an organization's studies.
async fn of_organization(
    cx: &RequestContext,
    organization: OrganizationId,
    paging: Paging,
) -> Result<store::Page<ListedStudy>, Problem> {
    let offset = paging.offset();
    let first = move |_: u64| Some(offset);
    let list = (StudyFilter::All, None);
    let page = cx.context.store().studies_page(organization, list, None, paging.limit, &first).await?;
    page.ok_or_else(|| Problem::Crash("a list without a page".to_owned()))
}

/// Who is signed in.
fn about(cx: &RequestContext, caller: &Caller) -> Markup {
    let (user, organization) = (&caller.account.user, &caller.account.organization);
    let role = match user.role {
        Role::Business => Words { en: "commissions studies", fr: "commande des études" },
        Role::Tester => Words { en: "tester", fr: "testeur" },
        Role::Admin => Words { en: "admin", fr: "administrateur" },
    };
    html! {
        p class="meta" {
            bdi { (user.name) } ", " (user.email.as_str()) ", " (role.of(cx.language()))
            @if user.role == Role::Business { ", " bdi { (organization.name) } }
        }
    }
}

/// Studies; their sessions where the reader is told of them.
fn table(cx: &RequestContext, rows: &[(&Study, Option<Progress>)]) -> Markup {
    let language = cx.language();
    if rows.is_empty() {
        return html! { p { (NONE.of(language)) } };
    }
    html! {
        div class="scroll" {
            table {
                thead { tr { @for words in HEADS { th scope="col" { (words.of(language)) } } } }
                tbody {
                    @for (study, progress) in rows {
                        tr {
                            td class="long" {
                                a href=(reference(PATH, &format!("/studies/{}", study.id.wire()))) { bdi { (study.name) } }
                            }
                            td { (status_words(study.status).of(language)) }
                            td { @if let Some(progress) = progress { (progress.completed) "/" (progress.sessions) } }
                            td { (page::minute(study.created_at)) }
                        }
                    }
                }
            }
        }
    }
}
