//! The structs that are answered, by what serde makes of them.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
};

use syn::{Fields, GenericArgument, Item, ItemStruct, PathArguments, Type};

use crate::house::rust_files;

/// A member of an answer.
#[derive(Clone)]
pub(super) struct Member {
    pub(super) name: String,
    /// Whether it can be left out.
    pub(super) optional: bool,
    pub(super) nullable: bool,
    pub(super) kind: Kind,
}

/// What a member holds.
#[derive(Clone)]
pub(super) enum Kind {
    /// What is only known when it runs.
    Any,
    /// A type of JSON.
    Scalar(&'static str),
    List(Box<Kind>),
    /// A struct: its file, its name, and what its parameter stands for.
    Struct(String, String, Vec<String>),
}

/// All structs of the sources that are serialized, by name.
pub(super) struct Views(BTreeMap<String, Vec<(String, ItemStruct)>>);

impl Views {
    pub(super) fn read(root: &Path) -> io::Result<Self> {
        let mut files: Vec<PathBuf> = Vec::new();
        for folder in ["shared/src", "engine/types/src", "functions"] {
            rust_files(&root.join(folder), &mut files)?;
        }
        let mut views: BTreeMap<String, Vec<(String, ItemStruct)>> = BTreeMap::new();
        for path in files {
            let file = path.strip_prefix(root).unwrap_or(&path).display().to_string();
            let parsed = syn::parse_file(&fs::read_to_string(&path)?).map_err(io::Error::other)?;
            for item in parsed.items {
                if let Item::Struct(item) = item
                    && says(&item.attrs, "derive", "Serialize")
                {
                    views.entry(item.ident.to_string()).or_default().push((file.clone(), item));
                }
            }
        }
        Ok(Self(views))
    }

    /// The members of a struct in a form of it, by the notation of the table.
    pub(super) fn members(&self, file: &str, name: &str, forms: &[String]) -> Result<Vec<Member>, String> {
        let found = self.find(file, name);
        let (file, found) = found.ok_or_else(|| format!("there is no one struct {name} that is serialized"))?;
        let camel = says(&found.attrs, "serde", "camelCase");
        let Fields::Named(fields) = &found.fields else { return Err(format!("{name} has no named fields")) };
        let mut members = Vec::new();
        for field in &fields.named {
            if says(&field.attrs, "serde", "flatten") {
                let inner = named(&field.ty).unwrap_or_default();
                let variant = forms.iter().find_map(|form| form.strip_prefix(&*format!("{inner}=")));
                members.extend(self.members(file, variant.unwrap_or(&inner), forms)?);
                continue;
            }
            let own = field.ident.as_ref().map(ToString::to_string).unwrap_or_default();
            let own = own.trim_start_matches("r#").to_owned();
            let name = renamed(&field.attrs).unwrap_or_else(|| if camel { camel_case(&own) } else { own });
            let (mut nullable, kind) = self.kind(file, &field.ty);
            let optional = says(&field.attrs, "serde", "skip_serializing_if");
            nullable &= !says(&field.attrs, "serde", "Option::is_none");
            members.push(Member { name, optional, nullable, kind });
        }
        for form in forms {
            if let Some(never) = form.strip_prefix('-') {
                members.retain(|member| member.name != never);
            } else if let Some(always) = form.strip_prefix('+') {
                members.iter_mut().filter(|member| member.name == always).for_each(|member| {
                    (member.optional, member.nullable) = (false, false);
                });
            }
        }
        Ok(members)
    }

    /// A struct by name: of the file itself, else the only one, else the only one of the same API.
    fn find(&self, file: &str, name: &str) -> Option<&(String, ItemStruct)> {
        let all = self.0.get(name)?;
        let api = |place: &str| {
            place
                .trim_start_matches("shared/src/")
                .trim_start_matches("functions/")
                .split('/')
                .next()
                .map(str::to_owned)
        };
        let only = |found: Vec<_>| if found.len() == 1 { found.first().copied() } else { None };
        let own = all.iter().find(|(place, _)| place == file);
        own.or_else(|| only(all.iter().collect()))
            .or_else(|| only(all.iter().filter(|(place, _)| api(place) == api(file)).collect()))
    }

    /// Whether a type may be null, and what it holds.
    fn kind(&self, file: &str, ty: &Type) -> (bool, Kind) {
        match ty {
            Type::Reference(reference) => self.kind(file, &reference.elem),
            Type::Slice(slice) => (false, Kind::List(Box::new(self.kind(file, &slice.elem).1))),
            Type::Array(array) => (false, Kind::List(Box::new(self.kind(file, &array.elem).1))),
            Type::Path(path) => {
                let Some(last) = path.path.segments.last() else { return (false, Kind::Any) };
                let inner = first_type(&last.arguments);
                match (&*last.ident.to_string(), inner) {
                    ("Option", Some(inner)) => (true, self.kind(file, inner).1),
                    ("Box", Some(inner)) => self.kind(file, inner),
                    ("Vec", Some(inner)) => (false, Kind::List(Box::new(self.kind(file, inner).1))),
                    ("bool", _) => (false, Kind::Scalar("boolean")),
                    ("String" | "str" | "Cow", _) => (false, Kind::Scalar("string")),
                    ("u8" | "u16" | "u32" | "u64" | "usize" | "i32" | "i64", _) => (false, Kind::Scalar("integer")),
                    ("f32" | "f64", _) => (false, Kind::Scalar("number")),
                    (name, inner) => match self.find(file, name) {
                        Some((file, found)) if matches!(found.fields, Fields::Named(_)) => {
                            let parameter = found.generics.type_params().next();
                            let form = |(parameter, inner): (&syn::TypeParam, &Type)| {
                                Some(format!("{}={}", parameter.ident, named(inner)?))
                            };
                            let forms = parameter.zip(inner).and_then(form);
                            (false, Kind::Struct(file.clone(), name.to_owned(), forms.into_iter().collect()))
                        }
                        // of any other type nothing is known
                        _ => (false, Kind::Any),
                    },
                }
            }
            _ => (false, Kind::Any),
        }
    }
}

/// The name of a type, whatever reference leads to it.
fn named(ty: &Type) -> Option<String> {
    match ty {
        Type::Reference(reference) => named(&reference.elem),
        Type::Path(path) => path.path.segments.last().map(|last| last.ident.to_string()),
        _ => None,
    }
}

fn first_type(arguments: &PathArguments) -> Option<&Type> {
    let PathArguments::AngleBracketed(arguments) = arguments else { return None };
    arguments.args.iter().find_map(|argument| match argument {
        GenericArgument::Type(ty) => Some(ty),
        _ => None,
    })
}

/// Whether an attribute of a name holds a word.
fn says(attributes: &[syn::Attribute], name: &str, word: &str) -> bool {
    texts(attributes, name).any(|text| text.contains(word))
}

fn texts<'a>(attributes: &'a [syn::Attribute], name: &'a str) -> impl Iterator<Item = String> + 'a {
    let lists = attributes.iter().filter(move |attribute| attribute.path().is_ident(name));
    lists.filter_map(|attribute| attribute.meta.require_list().ok()).map(|list| list.tokens.to_string())
}

/// The name that serde gives a field by itself.
fn renamed(attributes: &[syn::Attribute]) -> Option<String> {
    texts(attributes, "serde").find_map(|text| {
        let (_, behind) = text.split_once("rename = \"")?;
        behind.split_once('"').map(|(name, _)| name.to_owned())
    })
}

fn camel_case(name: &str) -> String {
    let mut parts = name.split('_');
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |whole, part| {
        let (head, tail) = part.split_at(part.len().min(1));
        whole + &head.to_uppercase() + tail
    })
}
