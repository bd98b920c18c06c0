//! The tools: their definitions, and which of the handlers each one is (openscouter 19.2).

use serde_json::{Map, Value, value::RawValue};
use shared::openscouter::{access::Caller, envelope::Problem, fields::Fields, request_context::RequestContext};

use crate::{draft, studies, test_sessions};

/// Names, schemas and annotations of the tools.
const DEFINITIONS: &str = include_str!("tools.json");

/// The definitions of all tools, always in the same order.
///
/// # Errors
/// Never, as tests show.
pub(crate) fn definitions() -> Result<Value, Problem> {
    serde_json::from_str(DEFINITIONS).map_err(|error| Problem::Crash(error.to_string()))
}

/// A tool.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Tool {
    ListStudies,
    GetStudy,
    ListTests,
    GetTest,
    GetAnalytics,
    GetInsights,
    CreateDraftStudy,
}

impl Tool {
    /// The tool of this name.
    pub(crate) fn named(name: &str) -> Option<Self> {
        Some(match name {
            "list_studies" => Self::ListStudies,
            "get_study" => Self::GetStudy,
            "list_tests" => Self::ListTests,
            "get_test" => Self::GetTest,
            "get_analytics" => Self::GetAnalytics,
            "get_insights" => Self::GetInsights,
            "create_draft_study" => Self::CreateDraftStudy,
            _ => return None,
        })
    }
}

/// Runs a tool for a caller; what it says as JSON.
///
/// # Errors
/// As the tool's own handler.
pub(crate) async fn run(
    cx: &RequestContext,
    caller: &Caller,
    tool: Tool,
    arguments: Map<String, Value>,
) -> Result<Box<RawValue>, Problem> {
    let fields = Fields::new(arguments);
    match tool {
        Tool::ListStudies => studies::list(cx, caller, &fields).await,
        Tool::GetStudy => studies::get(cx, caller, &fields).await,
        Tool::ListTests => test_sessions::list(cx, caller, &fields).await,
        Tool::GetTest => test_sessions::get(cx, caller, &fields).await,
        Tool::GetAnalytics => test_sessions::analytics(cx, caller, &fields).await,
        Tool::GetInsights => studies::insights(cx, caller, &fields).await,
        Tool::CreateDraftStudy => draft::create(cx, caller, &fields).await,
    }
}
