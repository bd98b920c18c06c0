//! Functions of more than [`MAX_LINES`] lines: none outside of tests and tables.

use std::{fs, io, path::Path};

use syn::{
    spanned::Spanned as _,
    visit::{self, Visit},
};

use super::source::is_test;

/// Most lines of a function, from its signature to its last brace.
pub(super) const MAX_LINES: usize = 60;

/// A function that is too long.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Long {
    /// Its name.
    pub(super) name: String,
    /// Its lines.
    pub(super) lines: usize,
}

/// The functions of a file that are too long, without tests and tables.
///
/// # Errors
/// When the file cannot be read, or is no Rust.
pub(super) fn long_functions(file: &Path) -> io::Result<Vec<Long>> {
    let text = fs::read_to_string(file)?;
    let parsed = syn::parse_file(&text).map_err(|error| io::Error::other(format!("{}: {error}", file.display())))?;
    let mut found = Functions(Vec::new());
    found.visit_file(&parsed);
    Ok(found.0)
}

struct Functions(Vec<Long>);

impl Functions {
    fn judge(&mut self, signature: &syn::Signature, block: &syn::Block) {
        let lines = block.span().end().line + 1 - signature.span().start().line;
        if lines > MAX_LINES && !is_table(block) {
            self.0.push(Long { name: signature.ident.to_string(), lines });
        }
    }
}

/// Whether a body is one `match` that looks things up, be it behind a few lines: a table in code.
fn is_table(block: &syn::Block) -> bool {
    block.stmts.iter().any(|statement| {
        let expression = match statement {
            syn::Stmt::Expr(expression, _) => Some(expression),
            syn::Stmt::Local(local) => local.init.as_ref().map(|init| &*init.expr),
            _ => None,
        };
        matches!(expression, Some(syn::Expr::Match(table)) if table.arms.len() > 10)
    }) && block.stmts.len() <= 3
}

impl<'ast> Visit<'ast> for Functions {
    fn visit_item_fn(&mut self, function: &'ast syn::ItemFn) {
        if !is_test(&function.attrs) {
            self.judge(&function.sig, &function.block);
            visit::visit_item_fn(self, function);
        }
    }

    fn visit_impl_item_fn(&mut self, function: &'ast syn::ImplItemFn) {
        if !is_test(&function.attrs) {
            self.judge(&function.sig, &function.block);
            visit::visit_impl_item_fn(self, function);
        }
    }

    fn visit_item_mod(&mut self, module: &'ast syn::ItemMod) {
        if !is_test(&module.attrs) {
            visit::visit_item_mod(self, module);
        }
    }
}
