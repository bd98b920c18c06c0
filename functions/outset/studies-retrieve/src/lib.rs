//! `GET /v1/studies/{id}/`: one study of the caller's organization (outset 6).

use shared::{
    http::{Response, etag::listed},
    outset::{
        self, Endpoint, Operation,
        access::Caller,
        envelope::Problem,
        request_context::RequestContext,
        routes::Resource,
        studies::{NamedStudy, StudyView, named, owned},
    },
};

/// The function.
pub const FUNCTION: Endpoint<NamedStudy> =
    outset::endpoint(env!("CARGO_PKG_NAME"), Resource::Detail, Operation::Read, named, |cx, caller, study| {
        Box::pin(std::future::ready(retrieve(cx, &caller, study)))
    });

fn retrieve(cx: &RequestContext, caller: &Caller, study: NamedStudy) -> Result<Response, Problem> {
    let study = owned(caller, study)?;
    let view = StudyView::new(&study, &cx.base());
    let tag = view.tag();
    let unchanged = cx.request.header("if-none-match").is_some_and(|header| if_none_match(&header, &tag));
    Ok(if unchanged { Response::empty(304).header("ETag", tag) } else { view.answer(cx.rendering) })
}

/// Whether `If-None-Match` names `tag`, weakly compared (outset 13.3).
fn if_none_match(header: &str, tag: &str) -> bool {
    listed(header).is_none_or(|tags| tags.iter().any(|known| known.strip_prefix("W/").unwrap_or(known) == tag))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_weak_tags_and_stars() {
        assert!(if_none_match("\"a\", W/\"b\"", "\"b\""));
        assert!(if_none_match("*", "\"b\""));
        assert!(!if_none_match("\"0\"", "\"b\""));
    }
}
