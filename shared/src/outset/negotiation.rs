//! Content negotiation as Django REST framework does it (outset 9, 11).

use super::{integer, media_type::MediaType, rendering::Rendering};

/// Why no representation fits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NegotiationError {
    /// No such `format`.
    NotFound,
    /// Nothing that `Accept` names.
    NotAcceptable,
}

/// The ranges of a header by how specific they are, the most specific first, each group in the header's order.
fn groups(accept: Option<&str>) -> [Vec<MediaType>; 4] {
    let mut groups: [Vec<MediaType>; 4] = Default::default();
    for range in accept.unwrap_or("*/*").split(',').map(MediaType::parse) {
        if let Some(group) = groups.get_mut(usize::from(3 - range.precedence())) {
            group.push(range);
        }
    }
    groups
}

/// The first of the offered types that the most specific group of `Accept` covers, and the range that covers it.
///
/// # Errors
/// When none is covered.
pub fn negotiate(accept: Option<&str>, offered: &[&str]) -> Result<(usize, MediaType), NegotiationError> {
    for group in groups(accept) {
        for (index, media) in offered.iter().enumerate() {
            if let Some(range) = group.iter().find(|range| range.covers(media)) {
                return Ok((index, range.clone()));
            }
        }
    }
    Err(NegotiationError::NotAcceptable)
}

/// Negotiates JSON: `?format=`, then `Accept`.
///
/// # Errors
/// As [`NegotiationError`].
pub fn json(format: Option<&str>, accept: Option<&str>) -> Result<Rendering, NegotiationError> {
    if format.is_some_and(|format| !format.is_empty() && format != "json") {
        return Err(NegotiationError::NotFound);
    }
    let (_, range) = negotiate(accept, &["application/json"])?;
    let indent = range.parameter("indent").and_then(integer::read);
    let indent = indent.and_then(|indent| u8::try_from(indent.min(8)).ok()).filter(|indent| *indent > 0);
    Ok(Rendering { indent })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_contract_tables() {
        for good in
            [None, Some("*/*"), Some("APPLICATION/*"), Some("application/json;q=0"), Some("text/html,*/*;q=0.8")]
        {
            assert_eq!(json(None, good), Ok(Rendering { indent: None }), "{good:?}");
        }
        for bad in ["text/html", "text/*", "*", "application/vnd.api+json", "", "nonsense"] {
            assert_eq!(json(None, Some(bad)), Err(NegotiationError::NotAcceptable), "{bad}");
        }
        assert_eq!(json(None, Some("application/json; indent=99")), Ok(Rendering { indent: Some(8) }));
        assert_eq!(json(Some("xml"), None), Err(NegotiationError::NotFound));
        for (range, indent) in [
            ("*/*; indent=4", Some(4)),
            ("application/json;q=0.5, application/json;indent=2", Some(2)),
            ("application/json; indent=\"+3\"", Some(3)),
            ("application/json; indent=99999999999999999999", Some(8)),
            ("application/json; indent=-1", None),
            ("application/json; indent=x", None),
        ] {
            assert_eq!(json(None, Some(range)), Ok(Rendering { indent }), "{range}");
        }
    }
}
