//! Better texts by a language model, where one is configured (openscouter 12.8).
//!
//! A model sees [`Brief`]s and nothing else: the person is "Tester n" (openscouter 12.4), and what in a context could
//! name somebody is redacted in its copy. Numbers never come from it, and when it is slow, fails or answers oddly, the texts
//! that the contract fixes stay.

mod redact;

use engine::analysis::MomentKind;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use shared::{
    config::{ExposeSecret as _, LlmSettings, Settings},
    http_client,
};

/// Most characters of a text.
const LONGEST: usize = 1_000;
/// Most moments that a model is asked about at once.
const MAX_MOMENTS: usize = 200;
const TASK: &str = "You write short, factual, plain-English texts about usability barriers for the team that builds a product. \
You get the barriers that were found in one tester's session, and a tone. Response with JSON alone: {\"summary\": string, \
\"moments\": [{\"note\": string, \"recommendation\": string}]} with one entry for each barrier, in the given order. A note says \
in one sentence what happened where; a recommendation says in one sentence what to change. Write no numbers, scores or \
assumptions about the person.";

/// What a model sees of one moment; nothing else leaves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Brief {
    /// What it is.
    pub(crate) kind: MomentKind,
    /// How much it matters.
    pub(crate) severity: engine::analysis::Severity,
    /// How sure it is.
    pub(crate) confidence: engine::analysis::Confidence,
    /// Where it was, as the report shows it; a model sees it redacted.
    pub(crate) context: String,
    /// How to speak of it: `standard`, `supportive`, `moderate` or `restorative`.
    pub(crate) tone: &'static str,
    /// "Tester n".
    pub(crate) tester: u32,
}

/// The texts of an analysis.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(crate) struct Draft {
    /// Of all.
    pub(crate) summary: String,
    /// Of each moment, in their order.
    pub(crate) moments: Vec<Text>,
}

/// The texts of a moment.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(crate) struct Text {
    /// What happened.
    pub(crate) note: String,
    /// What to do about it.
    pub(crate) recommendation: String,
}

/// A moment as a model sees it.
#[derive(Serialize)]
struct VisibleMoment {
    r#type: &'static str,
    severity: &'static str,
    confidence: &'static str,
    context: String,
}

fn request(model: &LlmSettings, briefs: &[Brief]) -> Option<Value> {
    let first = briefs.first()?;
    let moments: Vec<_> = briefs
        .iter()
        .map(|brief| VisibleMoment {
            r#type: brief.kind.as_str(),
            severity: brief.severity.as_str(),
            confidence: brief.confidence.as_str(),
            context: redact::redacted(&brief.context),
        })
        .collect();
    let content = json!({"tester": format!("Tester {}", first.tester), "tone": first.tone, "moments": moments});
    Some(json!({
        "model": model.model,
        "temperature": 0,
        "response_format": {"type": "json_object"},
        "messages": [{"role": "system", "content": TASK}, {"role": "user", "content": content.to_string()}],
    }))
}

/// Reads a model's answer; the text says why it cannot be used.
fn draft(body: &[u8], count: usize) -> Result<Draft, &'static str> {
    let body = shared::json::parse(body).map_err(|_| "no JSON")?;
    let content = body.pointer("/choices/0/message/content").and_then(Value::as_str).ok_or("no message")?;
    let draft: Draft = serde_json::from_str(content).map_err(|_| "a message of another form")?;
    let texts = draft.moments.iter().flat_map(|text| [&text.note, &text.recommendation]).chain([&draft.summary]);
    let fits =
        |text: &str| !text.trim().is_empty() && text.chars().count() <= LONGEST && !text.chars().any(char::is_control);
    if draft.moments.len() != count {
        return Err("another number of moments");
    }
    if texts.into_iter().all(|text| fits(text)) { Ok(draft) } else { Err("texts that cannot be shown") }
}

/// Asks the configured model for texts; `None` where there is none, nothing to write about, or no usable answer.
pub(crate) async fn rewrite(settings: &Settings, briefs: &[Brief]) -> Option<Draft> {
    let model = settings.llm.as_ref()?;
    if briefs.len() > MAX_MOMENTS {
        return None;
    }
    let body = request(model, briefs)?.to_string();
    let mut headers = vec![("content-type", "application/json".to_owned())];
    if let Some(key) = &model.key {
        headers.push(("authorization", format!("Bearer {}", key.expose_secret())));
    }
    let url = format!("{}/chat/completions", model.url.trim_end_matches('/'));
    let answer = match http_client::send("POST", url, headers, body).await {
        Ok((200, answer)) => draft(&answer, briefs.len()),
        Ok((status, _)) => {
            tracing::warn!(status, "the model refused");
            return None;
        }
        Err(cause) => {
            tracing::warn!(cause, "the model did not answer");
            return None;
        }
    };
    answer.inspect_err(|reason| tracing::warn!(reason, "the model's answer is not used")).ok()
}

#[cfg(test)]
mod tests {
    use engine::analysis::{Confidence, Severity};

    use super::*;

    fn brief() -> Brief {
        Brief {
            kind: MomentKind::RageClick,
            severity: Severity::High,
            confidence: Confidence::High,
            context: "Checkout - #pay".to_owned(),
            tone: "supportive",
            tester: 3,
        }
    }

    #[test]
    fn a_model_sees_what_the_contract_lists_and_no_more() {
        let model = LlmSettings { model: "m".to_owned(), url: "http://localhost".to_owned(), key: None };
        let request = request(&model, &[brief()]).unwrap();
        let visible: Value = serde_json::from_str(request["messages"][1]["content"].as_str().unwrap()).unwrap();
        let moment =
            json!({"type": "rage_click", "severity": "high", "confidence": "high", "context": "Checkout - #pay"});
        assert_eq!(visible, json!({"tester": "Tester 3", "tone": "supportive", "moments": [moment]}));
        assert_eq!(request["messages"].as_array().map(Vec::len), Some(2), "the task and this");
    }

    #[test]
    fn a_model_sees_the_tone_and_not_who_it_was() {
        let model = LlmSettings { model: "m".to_owned(), url: "http://localhost".to_owned(), key: None };
        for tone in ["standard", "supportive", "moderate", "restorative"] {
            let context = "Pay - a[href=\"mailto:tess@example.com\"] #user_01k8ybdf00e8nrtzq2qw3d80n2".to_owned();
            let request = request(&model, &[Brief { context, tone, ..brief() }]).unwrap();
            let visible: Value = serde_json::from_str(request["messages"][1]["content"].as_str().unwrap()).unwrap();
            assert_eq!(visible["tone"], tone);
            assert_eq!(visible["moments"][0]["context"], "Pay - a[href=…] #…");
            let sent = request.to_string();
            assert!(!sent.contains("tess") && !sent.contains("01k8ybdf"), "{sent}");
        }
    }

    #[test]
    fn an_odd_answer_is_not_used() {
        let answer = |content: &str| json!({"choices": [{"message": {"content": content}}]}).to_string();
        let good = r#"{"summary": "s", "moments": [{"note": "n", "recommendation": "r"}]}"#;
        assert_eq!(draft(answer(good).as_bytes(), 1).unwrap().moments[0].note, "n");
        let long = good.replace("\"n\"", &format!("\"{}\"", "x".repeat(1_001)));
        for odd in [
            &answer(""),
            &answer(&long),
            &answer(&good.replace("\"n\"", "\" \"")),
            "{}",
            "",
            &answer("{\"summary\": 1}"),
        ] {
            assert!(draft(odd.as_bytes(), 1).is_err(), "{odd}");
        }
        assert!(draft(answer(good).as_bytes(), 2).is_err());
    }
}
