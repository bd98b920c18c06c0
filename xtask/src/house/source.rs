//! The source files of a crate as modules, and which items of which modules they name.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs, io,
    path::Path,
};

use syn::{
    Item, UseTree,
    visit::{self, Visit},
};

/// A path of names, from the crate's root.
pub(super) type Names = Vec<String>;

/// A module that is a file of its own.
#[derive(Debug)]
pub(super) struct Module {
    /// What it declares itself, with the public ones marked.
    items: BTreeMap<String, bool>,
    /// Names that a `use` brings in, with what each stands for.
    imports: BTreeMap<String, Names>,
    /// `use` trees that end in a star.
    globs: Vec<Names>,
    /// Paths that its code names outside of re-exports.
    paths: Vec<Names>,
}

/// The modules of a crate by their path from its root.
#[derive(Debug)]
pub(super) struct Source {
    /// The crate as others name it.
    pub(super) name: String,
    /// Its modules; the root has the empty path.
    pub(super) modules: BTreeMap<Names, Module>,
}

/// An item of a module: the module's path and the item's name.
pub(super) type Reference = (Names, String);

impl Source {
    /// Reads the crate in `folder`, which others name `name`. Tests are left out.
    ///
    /// # Errors
    /// When a file cannot be read, or is no Rust.
    pub(super) fn read(name: &str, folder: &Path) -> io::Result<Self> {
        let mut source = Self { name: name.to_owned(), modules: BTreeMap::new() };
        for root in ["lib.rs", "main.rs"] {
            let file = folder.join("src").join(root);
            if file.exists() {
                source.load(&file, &folder.join("src"), Vec::new())?;
                break;
            }
        }
        Ok(source)
    }

    /// Reads one file as a crate of its own.
    ///
    /// # Errors
    /// When the file cannot be read, or is no Rust.
    pub(super) fn read_file(name: &str, file: &Path) -> io::Result<Self> {
        let mut source = Self { name: name.to_owned(), modules: BTreeMap::new() };
        source.load(file, Path::new("/nowhere"), Vec::new())?;
        Ok(source)
    }

    fn load(&mut self, file: &Path, children: &Path, path: Names) -> io::Result<()> {
        let text = fs::read_to_string(file)?;
        let parsed =
            syn::parse_file(&text).map_err(|error| io::Error::other(format!("{}: {error}", file.display())))?;
        let mut module =
            Module { items: BTreeMap::new(), imports: BTreeMap::new(), globs: Vec::new(), paths: Vec::new() };
        let mut nested = Vec::new();
        for item in &parsed.items {
            if is_test(attributes(item)) {
                continue;
            }
            if let Item::Mod(declared) = item
                && declared.content.is_none()
            {
                nested.push(declared.ident.to_string());
            }
            declare(&mut module, item);
            Paths { found: &mut module.paths }.visit_item(item);
        }
        self.modules.insert(path.clone(), module);
        for name in nested {
            let below = [path.clone(), vec![name.clone()]].concat();
            let flat = children.join(format!("{name}.rs"));
            let deep = children.join(&name).join("mod.rs");
            if flat.exists() {
                self.load(&flat, &children.join(&name), below)?;
            } else if deep.exists() {
                self.load(&deep, &children.join(&name), below)?;
            }
        }
        Ok(())
    }

    /// What a module's code refers to in this crate or, by `use` of their names, in `others`.
    pub(super) fn references(&self, module: &Names, other: Option<&Self>) -> BTreeSet<Reference> {
        let Some(source) = self.modules.get(module) else { return BTreeSet::new() };
        let mut found = BTreeSet::new();
        for path in &source.paths {
            let absolute = self.absolute(module, path);
            match (absolute.first().map(String::as_str), other) {
                (Some("crate"), None) => found.extend(self.resolve(absolute.get(1..).unwrap_or_default(), 0)),
                (Some(name), Some(other)) if name == other.name => {
                    found.extend(other.resolve(absolute.get(1..).unwrap_or_default(), 0));
                }
                _ => {}
            }
        }
        found
    }

    /// A path with `self`, `super` and imported names spelled out.
    fn absolute(&self, module: &Names, path: &Names) -> Names {
        let root = || vec!["crate".to_owned()];
        let Some(first) = path.first() else { return Vec::new() };
        let rest = path.get(1..).unwrap_or_default();
        match first.as_str() {
            "crate" => path.clone(),
            "self" => [root(), module.clone(), rest.to_vec()].concat(),
            "super" => {
                let mut base = module.clone();
                base.pop();
                let mut rest = rest;
                while rest.first().is_some_and(|name| name == "super") {
                    base.pop();
                    rest = rest.get(1..).unwrap_or_default();
                }
                [root(), base, rest.to_vec()].concat()
            }
            name => {
                let Some(source) = self.modules.get(module) else { return path.clone() };
                // a crate that is imported by its own name stands for itself
                if let Some(target) = source.imports.get(name).filter(|target| target.first() != path.first()) {
                    return [self.absolute(module, target), rest.to_vec()].concat();
                }
                let child = [module.clone(), vec![name.to_owned()]].concat();
                if self.modules.contains_key(&child) || source.items.contains_key(name) {
                    return [root(), module.clone(), path.clone()].concat();
                }
                path.clone()
            }
        }
    }

    /// The item that a path from the root stands for, behind all re-exports.
    fn resolve(&self, path: &[String], depth: usize) -> Option<Reference> {
        let end = (0..=path.len()).rev().find(|end| self.modules.contains_key(&path[..*end]))?;
        let (module, rest) = (path[..end].to_vec(), &path[end..]);
        let Some(name) = rest.first() else { return Some((module, String::new())) };
        let source = self.modules.get(&module)?;
        if depth < 8
            && !source.items.contains_key(name)
            && let Some(target) = source.imports.get(name)
        {
            let target = self.absolute(&module, target);
            if target.first().is_some_and(|first| first == "crate") {
                let below = [target.get(1..).unwrap_or_default(), &rest[1..]].concat();
                return self.resolve(&below, depth + 1);
            }
            return None;
        }
        if source.items.contains_key(name) {
            return Some((module, name.clone()));
        }
        if depth < 8 {
            for glob in &source.globs {
                let target = self.absolute(&module, glob);
                if target.first().is_some_and(|first| first == "crate") {
                    let below = [target.get(1..).unwrap_or_default(), rest].concat();
                    if let Some(found) = self.resolve(&below, depth + 1).filter(|(_, item)| !item.is_empty()) {
                        return Some(found);
                    }
                }
            }
        }
        None
    }
}

/// Whether an item is there for tests alone.
pub(super) fn is_test(attributes: &[syn::Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        attribute.path().is_ident("test")
            || attribute.path().segments.last().is_some_and(|segment| segment.ident == "test")
            || (attribute.path().is_ident("cfg")
                && attribute.meta.require_list().is_ok_and(|list| list.tokens.to_string().trim() == "test"))
    })
}

/// The attributes of an item.
fn attributes(item: &Item) -> &[syn::Attribute] {
    match item {
        Item::Const(item) => &item.attrs,
        Item::Enum(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Macro(item) => &item.attrs,
        Item::Mod(item) => &item.attrs,
        Item::Static(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Trait(item) => &item.attrs,
        Item::Type(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        _ => &[],
    }
}

fn declare(module: &mut Module, item: &Item) {
    let mut add = |name: &syn::Ident, visibility: &syn::Visibility| {
        module.items.insert(name.to_string(), matches!(visibility, syn::Visibility::Public(_)));
    };
    match item {
        Item::Const(item) => add(&item.ident, &item.vis),
        Item::Enum(item) => add(&item.ident, &item.vis),
        Item::Fn(item) => add(&item.sig.ident, &item.vis),
        Item::Static(item) => add(&item.ident, &item.vis),
        Item::Struct(item) => add(&item.ident, &item.vis),
        Item::Trait(item) => add(&item.ident, &item.vis),
        Item::Type(item) => add(&item.ident, &item.vis),
        Item::Use(item) => import(module, &item.tree, &mut Vec::new()),
        _ => {}
    }
}

fn import(module: &mut Module, tree: &UseTree, before: &mut Names) {
    match tree {
        UseTree::Path(tree) => {
            before.push(tree.ident.to_string());
            import(module, &tree.tree, before);
            before.pop();
        }
        UseTree::Name(tree) if tree.ident == "self" => {
            if let Some(name) = before.last() {
                module.imports.insert(name.clone(), before.clone());
            }
        }
        UseTree::Name(tree) => {
            let name = tree.ident.to_string();
            module.imports.insert(name.clone(), [before.clone(), vec![name]].concat());
        }
        UseTree::Rename(tree) => {
            let target = [before.clone(), vec![tree.ident.to_string()]].concat();
            module.imports.insert(tree.rename.to_string(), target);
        }
        UseTree::Glob(_) => module.globs.push(before.clone()),
        UseTree::Group(tree) => {
            for tree in &tree.items {
                import(module, tree, before);
            }
        }
    }
}

/// Gathers the paths that code names. What a `use` names counts where its name is used, so that a module that only
/// hands names on depends on nothing.
struct Paths<'a> {
    found: &'a mut Vec<Names>,
}

impl<'ast> Visit<'ast> for Paths<'_> {
    fn visit_path(&mut self, path: &'ast syn::Path) {
        self.found.push(path.segments.iter().map(|segment| segment.ident.to_string()).collect());
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, called: &'ast syn::Macro) {
        // what stands in a macro's call is read as tokens: each run of names with `::` between
        let mut run: Names = Vec::new();
        words(called.tokens.clone(), &mut run, self.found);
        visit::visit_macro(self, called);
    }

    fn visit_item_mod(&mut self, module: &'ast syn::ItemMod) {
        if !is_test(&module.attrs) {
            visit::visit_item_mod(self, module);
        }
    }

    fn visit_item_use(&mut self, _: &'ast syn::ItemUse) {}

    fn visit_visibility(&mut self, _: &'ast syn::Visibility) {}
}

fn words(tokens: proc_macro2::TokenStream, run: &mut Names, found: &mut Vec<Names>) {
    use proc_macro2::TokenTree;
    let mut joined = false;
    for token in tokens {
        match token {
            TokenTree::Ident(ident) => {
                if !joined && !run.is_empty() {
                    found.push(std::mem::take(run));
                }
                run.push(ident.to_string());
                joined = false;
            }
            TokenTree::Punct(punct) if punct.as_char() == ':' => joined = true,
            TokenTree::Group(group) => {
                if !run.is_empty() {
                    found.push(std::mem::take(run));
                }
                words(group.stream(), &mut Vec::new(), found);
                joined = false;
            }
            _ => {
                if !run.is_empty() {
                    found.push(std::mem::take(run));
                }
                joined = false;
            }
        }
    }
    if !run.is_empty() {
        found.push(std::mem::take(run));
    }
}
