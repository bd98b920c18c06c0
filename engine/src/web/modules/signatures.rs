//! Marks of products in pages (outsend 12.8): a file, `engine/data/signatures.json`.

use std::{
    collections::HashSet,
    sync::{LazyLock, PoisonError, RwLock},
};

use regex::{Regex, RegexBuilder};
use serde_json::Value;

use crate::web::Page;

/// The signatures that can be read; the tests say that it is all of them.
static SIGNATURES: LazyLock<Vec<Signature>> = LazyLock::new(|| read(FILE).into_iter().flatten().collect());
const FILE: &str = include_str!("../../../data/signatures.json");
/// Those that a deployment adds (outsend 11.6).
static ADDED: RwLock<Vec<&'static Signature>> = RwLock::new(Vec::new());
/// Most letters of an expression.
const MAX_EXPRESSION: usize = 200;

/// Where a condition looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Html,
    ScriptSrc,
    LinkHref,
    Meta,
    Header,
    Cookie,
    Url,
}

impl Kind {
    fn parse(text: &str) -> Option<Self> {
        Some(match text {
            "html" => Self::Html,
            "script_src" => Self::ScriptSrc,
            "link_href" => Self::LinkHref,
            "meta" => Self::Meta,
            "header" => Self::Header,
            "cookie" => Self::Cookie,
            "url" => Self::Url,
            _ => return None,
        })
    }
}

struct Condition {
    kind: Kind,
    /// The name of what is looked at, where there are several.
    name: Option<Regex>,
    expression: Regex,
}

struct Signature {
    id: String,
    column: String,
    priority: i64,
    any: Vec<Condition>,
    all: Vec<Condition>,
    not: Vec<Condition>,
}

fn read(text: &str) -> Vec<Option<Signature>> {
    let file: Value = serde_json::from_str(text).unwrap_or_default();
    file.as_array().into_iter().flatten().map(signature).collect()
}

/// Adds the signatures of a file in the same format, for the whole process (outsend 11.6).
///
/// # Errors
/// Names the first one that cannot be read; nothing is added then.
pub(crate) fn add(text: &str) -> Result<(), String> {
    let file: Value = serde_json::from_str(text).map_err(|error| format!("the file is no JSON: {error}"))?;
    let entries = file.as_array().ok_or("the file is no JSON array")?;
    let read = entries.iter().map(|entry| {
        let wrong = || format!("{} is no signature", entry.get("id").unwrap_or(entry));
        signature(entry).ok_or_else(wrong)
    });
    let read = read.collect::<Result<Vec<Signature>, String>>()?;
    let mut added = ADDED.write().unwrap_or_else(PoisonError::into_inner);
    for signature in read {
        if !added.iter().any(|known| known.id == signature.id && known.column == signature.column) {
            added.push(Box::leak(Box::new(signature)));
        }
    }
    Ok(())
}

fn signature(entry: &Value) -> Option<Signature> {
    let conditions = |name: &str| -> Option<Vec<Condition>> {
        entry.get(name).and_then(Value::as_array).into_iter().flatten().map(condition).collect()
    };
    let text = |name: &str| entry.get(name)?.as_str().map(str::to_owned);
    let signature = Signature {
        id: text("id")?,
        column: text("column")?,
        priority: entry.get("priority")?.as_i64()?,
        any: conditions("any")?,
        all: conditions("all")?,
        not: conditions("not")?,
    };
    (!signature.any.is_empty()).then_some(signature)
}

fn condition(entry: &Value) -> Option<Condition> {
    let text = |name: &str| entry.get(name)?.as_str();
    let build = |text: &str| RegexBuilder::new(text).case_insensitive(true).size_limit(1 << 20).build().ok();
    let (kind, expression) = (Kind::parse(text("kind")?)?, text("re")?);
    let name = match (text("name"), kind) {
        (Some(name), Kind::Meta | Kind::Header | Kind::Cookie) => Some(build(&format!("^(?:{name})$"))?),
        (None, Kind::Html | Kind::ScriptSrc | Kind::LinkHref | Kind::Url) => None,
        _ => return None,
    };
    if expression.chars().count() > MAX_EXPRESSION {
        return None;
    }
    Some(Condition { kind, name, expression: build(expression)? })
}

impl Condition {
    fn holds(&self, page: &Page) -> bool {
        let named = |name: &str| self.name.as_ref().is_some_and(|wanted| wanted.is_match(name));
        let matches = |text: &str| self.expression.is_match(text);
        match self.kind {
            Kind::Html => matches(&page.html),
            Kind::ScriptSrc => page.parts.scripts.iter().any(|src| matches(src)),
            Kind::LinkHref => page.parts.linked.iter().any(|href| matches(href)),
            Kind::Meta => page.parts.metas.iter().any(|(name, content)| named(name) && matches(content)),
            Kind::Header => page.headers.iter().any(|(name, value)| named(name) && matches(value)),
            Kind::Cookie => page.headers.iter().filter(|(name, _)| name == "set-cookie").any(|(_, cookie)| {
                let (name, value) = cookie.split_once('=').unwrap_or((cookie, ""));
                named(name.trim()) && matches(value)
            }),
            Kind::Url => matches(page.url.as_str()),
        }
    }
}

/// The ids of the products of some columns that a page shows: by priority, the highest first, then by id.
pub(super) fn ids(page: &Page, columns: &[&str]) -> Vec<&'static str> {
    let added = ADDED.read().unwrap_or_else(PoisonError::into_inner);
    let mut found: Vec<&'static Signature> = SIGNATURES
        .iter()
        .chain(added.iter().copied())
        .filter(|signature| columns.contains(&signature.column.as_str()))
        .filter(|signature| {
            signature.all.iter().all(|condition| condition.holds(page))
                && signature.any.iter().any(|condition| condition.holds(page))
                && !signature.not.iter().any(|condition| condition.holds(page))
        })
        .collect();
    found.sort_by(|one, other| (-one.priority, &one.id).cmp(&(-other.priority, &other.id)));
    // a deployment's own mark of a product may be one more of a shipped one
    let mut seen = HashSet::new();
    found.retain(|signature| seen.insert(&signature.id));
    found.into_iter().map(|signature| signature.id.as_str()).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::web::testing::site;

    #[test]
    fn a_deployment_adds_signatures() {
        let page = "<script src='https://cdn.added.test/x.js'></script>";
        let visit = site("https://dupont.fr/", &[page]);
        assert!(ids(&visit.pages[0], &["tools"]).is_empty());
        let one =
            r#"{"id":"added","column":"tools","priority":7,"any":[{"kind":"script_src","re":"cdn\\.added\\.test"}]}"#;
        add(&format!("[{one}]")).unwrap();
        add(&format!("[{one},{one}]")).unwrap();
        assert_eq!(ids(&visit.pages[0], &["tools"]), ["added"]);
        for wrong in [
            "{}",
            "nonsense",
            r#"[{"id":"x"}]"#,
            r#"[{"id":"x","column":"tools","priority":1,"any":[{"kind":"html","re":"("}]}]"#,
        ] {
            assert!(add(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_file_is_of_its_form_and_names_what_the_contract_names() {
        let all = read(FILE);
        assert!(all.iter().all(Option::is_some), "a signature cannot be read");
        let known: Vec<&Signature> = all.iter().flatten().collect();
        let ids: BTreeSet<_> = known.iter().map(|signature| (&signature.column, &signature.id)).collect();
        assert_eq!(ids.len(), known.len(), "an id comes twice");
        for (column, needed) in [
            ("tech_cms", "wordpress shopify webflow wix squarespace prestashop joomla drupal magento jimdo duda"),
            ("tech_analytics", "ga4 universal_analytics gtm matomo plausible hotjar clarity"),
            ("tech_ads_pixels", "meta google_ads linkedin tiktok bing pinterest snapchat criteo"),
            ("crm", "hubspot klaviyo brevo mailchimp activecampaign salesforce"),
            ("chat", "intercom crisp drift tawk zendesk tidio"),
            ("cmp", "axeptio didomi cookiebot onetrust tarteaucitron"),
            ("tools", "optimizely trustpilot"),
        ] {
            for id in needed.split(' ') {
                assert!(ids.contains(&(&column.to_owned(), &id.to_owned())), "{column} {id}");
            }
        }
    }

    #[test]
    fn what_is_of_another_form_is_refused() {
        for wrong in [
            r#"[{"id":"a","column":"b","priority":1,"any":[]}]"#,
            r#"[{"id":"a","column":"b","any":[{"kind":"html","re":"x"}]}]"#,
            r#"[{"id":"a","column":"b","priority":1,"any":[{"kind":"html","re":"("}]}]"#,
            r#"[{"id":"a","column":"b","priority":1,"any":[{"kind":"meta","re":"x"}]}]"#,
            r#"[{"id":"a","column":"b","priority":1,"any":[{"kind":"body","re":"x"}]}]"#,
        ] {
            assert!(read(wrong)[0].is_none(), "{wrong}");
        }
        let long =
            format!(r#"[{{"id":"a","column":"b","priority":1,"any":[{{"kind":"html","re":"{}"}}]}}]"#, "x".repeat(201));
        assert!(read(&long)[0].is_none());
    }

    #[test]
    fn conditions_look_where_they_say() {
        let mut visit = site(
            "https://dupont.fr/",
            &["<meta name=generator content='WordPress 6.4'><script src=/wp-includes/x.js></script>"],
        );
        let page = std::sync::Arc::get_mut(&mut visit.pages[0]).unwrap();
        page.headers.push(("set-cookie".to_owned(), "PrestaShop-0a1b=xyz; path=/".to_owned()));
        page.headers.push(("x-generator".to_owned(), "Drupal 10".to_owned()));
        assert_eq!(ids(&visit.pages[0], &["tech_cms"]), ["prestashop", "drupal", "wordpress"]);
        assert!(ids(&visit.pages[0], &["tech_analytics"]).is_empty());
    }

    #[test]
    fn all_any_and_not_are_weighed_together() {
        let one = |text: &str| format!(r#"[{{"kind":"html","re":"{text}"}}]"#);
        let file = format!(
            r#"[{{"id":"a","column":"b","priority":1,"any":{},"all":{},"not":{}}}]"#,
            one("any"),
            one("every"),
            one("never")
        );
        let signature = read(&file).remove(0).unwrap();
        for (html, expected) in
            [("any every", true), ("any", false), ("every", false), ("any every never", false), ("ANY EVERY", true)]
        {
            let visit = site("https://dupont.fr/", &[html]);
            let page = &visit.pages[0];
            let holds = signature.all.iter().all(|condition| condition.holds(page))
                && signature.any.iter().any(|condition| condition.holds(page))
                && !signature.not.iter().any(|condition| condition.holds(page));
            assert_eq!(holds, expected, "{html}");
        }
    }
}
