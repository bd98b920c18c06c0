//! What each block takes and gives (outsend 14.1).

use crate::model::Module;

/// What flows along an edge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flow {
    Pois,
    PoisEmail,
    Reviews,
    Verified,
}

/// A block, as the editor of a definition sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Block {
    /// `type` of its nodes.
    pub name: &'static str,
    /// What it takes: `none`, `pois_any`, `pois_email` or `any`.
    pub accepts: &'static str,
    /// What it gives: a flow, or `same`.
    pub produces: &'static str,
}

/// The block of a module.
#[must_use]
pub fn block(module: Module) -> Block {
    let (accepts, produces) = match module {
        Module::Scrap | Module::Import => ("none", "pois"),
        Module::Reviews => ("pois_any", "reviews"),
        Module::Emails => ("pois_any", "pois_email"),
        Module::VerifyEmails => ("pois_email", "verified"),
        Module::Filter | Module::Sort => ("any", "same"),
        _ => ("pois_any", "pois"),
    };
    let name = if module == Module::VerifyEmails { "verify" } else { module.as_str() };
    Block { name, accepts, produces }
}

impl Block {
    /// Whether it begins a pipeline.
    pub(super) fn is_root(self) -> bool {
        self.accepts == "none"
    }

    /// What it gives; `None` when that is what it gets.
    pub(super) fn gives(self) -> Option<Flow> {
        match self.produces {
            "pois" => Some(Flow::Pois),
            "pois_email" => Some(Flow::PoisEmail),
            "reviews" => Some(Flow::Reviews),
            "verified" => Some(Flow::Verified),
            _ => None,
        }
    }

    /// Whether it takes a flow.
    pub(super) fn takes(self, flow: Flow) -> bool {
        match self.accepts {
            "any" => true,
            "pois_any" => matches!(flow, Flow::Pois | Flow::PoisEmail),
            "pois_email" => flow == Flow::PoisEmail,
            _ => false,
        }
    }
}

/// The module of a node's type, in either spelling; `verify` is short for `verify_emails`.
pub(super) fn module_of(name: &str) -> Option<Module> {
    let module = if name == "verify" { Some(Module::VerifyEmails) } else { Module::parse_either(name) };
    module.filter(|module| module.pipelinable())
}
