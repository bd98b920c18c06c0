//! From the description to sites: what each of their addresses answers, and what is to be found there.

use std::{collections::BTreeMap, path::Path};

use encoding_rs::Encoding;
use url::Url;

use super::{
    description::{Block, Charset, Company, Description, Finds, Single, Told, Values},
    fill::fill,
};
use crate::web::{Answer, Missed};

/// A site.
pub(super) struct Site {
    /// What it is made from.
    pub(super) name: String,
    /// The row: its site, its telephone number, its address.
    pub(super) row: [String; 3],
    pub(super) answers: Vec<(String, Result<Answer, Missed>)>,
    /// What is to be found: columns and their values.
    pub(super) finds: BTreeMap<String, Vec<String>>,
}

fn one<'a>(company: &'a Company, name: &str) -> &'a str {
    company.get(name).and_then(|values| values.all().first()).map_or("", String::as_str)
}

/// The sites of the corpus, always the same.
pub(super) fn sites(description: &Description) -> Vec<Site> {
    let mut sites: Vec<Site> = Vec::new();
    let mut used: Vec<Vec<usize>> = description.blocks.iter().map(|blocks| vec![0; blocks.len()]).collect();
    for number in 0..description.sites {
        let company = &description.companies[number % description.companies.len()];
        let chosen: Vec<&Block> = description
            .blocks
            .iter()
            .zip(&mut used)
            .map(|(blocks, used)| {
                // the one that was used least
                let fits = |block: &Block| {
                    let lang = one(company, "lang");
                    (block.langs.is_empty() || block.langs.iter().any(|known| known == lang))
                        && !block.not_hosts.iter().any(|host| host == one(company, "host"))
                };
                let open = |at: usize| fits(&blocks[at]) && blocks[at].times.is_none_or(|times| used[at] < times);
                let at = (0..blocks.len()).filter(|at| open(*at)).min_by_key(|at| (used[*at], *at)).unwrap();
                used[at] += 1;
                &blocks[at]
            })
            .collect();
        sites.push(Mix { description, number, company, blocks: chosen }.site());
    }
    for single in &description.singles {
        let fits = |company: &&Company| {
            single.langs.iter().any(|lang| lang == one(company, "lang"))
                && (single.hosts.is_empty() || single.hosts.iter().any(|host| host == one(company, "host")))
        };
        // of each language in turn
        let mut companies: Vec<&Company> = description.companies.iter().filter(fits).collect();
        let rank = |company: &Company| single.langs.iter().position(|lang| lang == one(company, "lang"));
        let mut seen = BTreeMap::<String, usize>::new();
        let mut order: Vec<(usize, Option<usize>, &Company)> = companies
            .drain(..)
            .map(|company| {
                let times = seen.entry(one(company, "lang").to_owned()).or_default();
                *times += 1;
                (*times, rank(company), company)
            })
            .collect();
        order.sort_by_key(|(times, rank, _)| (*times, *rank));
        for copy in 0..single.copies {
            let (_, _, company) = order[copy % order.len()];
            sites.push(alone(description, single, company, sites.len()));
        }
    }
    sites
}

/// What is in a skin, as a page of a charset.
struct Look<'a> {
    skin: (&'a str, &'a str),
    charset: &'a Charset,
}

impl<'a> Look<'a> {
    fn of(description: &'a Description, number: usize) -> Self {
        // skins and charsets pass each other, so that each meets each
        let skins: Vec<(&String, &String)> = description.skins.iter().collect();
        let (name, skin) = skins[number % skins.len()];
        let charset =
            &description.charsets[(number + number / description.charsets.len()) % description.charsets.len()];
        Look { skin: (name, skin), charset }
    }

    fn answer(&self, html: &str, headers: &BTreeMap<String, String>) -> Answer {
        let bytes = match self.charset.bytes.as_str() {
            "utf-8" => html.as_bytes().to_vec(),
            "utf-8-mark" => [b"\xef\xbb\xbf", html.as_bytes()].concat(),
            "utf-16le-mark" => {
                let units = std::iter::once(0xfeff).chain(html.encode_utf16());
                units.flat_map(u16::to_le_bytes).collect()
            }
            label => Encoding::for_label(label.as_bytes()).unwrap().encode(html).0.into_owned(),
        };
        let kind = match self.charset.header.as_str() {
            "" => "text/html".to_owned(),
            charset => format!("text/html; charset={charset}"),
        };
        let mut all = vec![("content-type".to_owned(), kind)];
        all.extend(headers.iter().map(|(name, value)| (name.clone(), value.clone())));
        Answer { status: 200, headers: all, body: bytes }
    }
}

fn home(company: &Company) -> Url {
    Url::parse(&format!("https://{}/", one(company, "host"))).unwrap()
}

fn row(company: &Company, site: Option<&str>) -> [String; 3] {
    let address = fill("{{street}}, {{zip}} {{town}}, {{country}}", company, &[]);
    let site = site.unwrap_or_else(|| one(company, "host"));
    [fill(site, company, &[]), one(company, "phone").to_owned(), address]
}

fn filled(finds: &Finds, company: &Company) -> BTreeMap<String, Vec<String>> {
    let values = |values: &Values| values.all().iter().map(|value| fill(value, company, &[])).collect();
    let mut filled: BTreeMap<_, _> = finds.iter().map(|(column, found)| (column.clone(), values(found))).collect();
    // nothing tells a mobile there (outsend 11.4)
    if matches!(one(company, "country"), "USA" | "Canada")
        && let Some(mobile) = filled.remove("mobile")
    {
        filled.entry("phone_secondary".to_owned()).or_insert(mobile);
    }
    filled
}

/// A site from blocks.
struct Mix<'a> {
    description: &'a Description,
    number: usize,
    company: &'a Company,
    blocks: Vec<&'a Block>,
}

impl Mix<'_> {
    fn site(&self) -> Site {
        let language = &self.description.languages[one(self.company, "lang")];
        let paths = &language.paths[self.number / self.description.companies.len() % language.paths.len()];
        let look = Look::of(self.description, self.number);
        let own = home(self.company);
        let mut answers = Vec::new();
        for (name, at) in
            [("home", "/")].into_iter().chain(paths.iter().map(|(name, (at, _))| (name.as_str(), at.as_str())))
        {
            let html = self.page(name, paths, &look);
            let all = self.blocks.iter().filter(|block| name == "home" || block.on == "foot");
            let headers = all.flat_map(|block| &block.headers);
            let headers = headers.map(|(name, value)| (name.clone(), fill(value, self.company, &[]))).collect();
            answers.push((own.join(at).unwrap().to_string(), Ok(look.answer(&html, &headers))));
        }
        let names: Vec<&str> = self.blocks.iter().map(|block| block.name.as_str()).collect();
        let name = format!("{} ({}, {})", names.join(" + "), look.skin.0, look.charset.name);
        Site { name, row: row(self.company, None), answers, finds: self.finds(paths) }
    }

    fn page(&self, name: &str, paths: &BTreeMap<String, (String, String)>, look: &Look<'_>) -> String {
        let language = &self.description.languages[one(self.company, "lang")];
        let on = |place: &str| {
            let blocks = self.blocks.iter().filter(|block| block.on == place);
            blocks.map(|block| fill(&block.html, self.company, &[])).collect::<Vec<_>>().concat()
        };
        let nav = ["other", "about", "contact", "legal"].map(|name| {
            let (at, title) = &paths[name];
            format!("<a href=\"{at}\">{title}</a> ")
        });
        let nav = format!("<a href=\"/\">{}</a> {}", one(self.company, "host"), nav.concat());
        let hello = fill(&language.hello[self.number % language.hello.len()], self.company, &[]);
        let main = if name == "home" { hello + &on("home") } else { on(name) };
        let title = paths.get(name).map_or(one(self.company, "town"), |(_, title)| title);
        let (head, foot) = (if name == "home" { on("head") } else { String::new() }, on("foot"));
        let credits = fill(&language.credits, self.company, &[]);
        let charset = &look.charset.page;
        let more = [
            ("main", main.as_str()),
            ("nav", &nav),
            ("head", &head),
            ("foot", &foot),
            ("title", title),
            ("credits", &credits),
            ("charset", charset),
        ];
        fill(look.skin.1, self.company, &more)
    }

    fn finds(&self, paths: &BTreeMap<String, (String, String)>) -> BTreeMap<String, Vec<String>> {
        let mut all = BTreeMap::new();
        for block in &self.blocks {
            let mut finds = filled(&block.finds, self.company);
            let at = paths.get(&block.on).map_or("/", |(at, _)| at);
            place(&mut finds, home(self.company).join(at).unwrap().as_ref());
            all.extend(finds);
        }
        all
    }
}

/// What is on a page is found on it.
fn place(finds: &mut BTreeMap<String, Vec<String>>, url: &str) {
    let notice =
        ["raison_sociale", "capital_social", "rcs", "adresse_postale", "dirigeant", "tva_intracom", "forme_juridique"];
    for (column, of) in
        [("email_source_url", &["emails_all"][..]), ("legal_ids_url", &["siren"]), ("legal_page_url", &notice)]
    {
        if of.iter().any(|known| finds.contains_key(*known)) && !finds.contains_key(column) {
            finds.insert(column.to_owned(), vec![url.to_owned()]);
        }
    }
}

fn alone(description: &Description, single: &Single, company: &Company, number: usize) -> Site {
    let look = Look::of(description, number);
    let own = home(company);
    let join = |at: &str| own.join(&fill(at, company, &[])).unwrap().to_string();
    let mut answers: Vec<_> =
        single.pages.iter().map(|told| (join(&told.at), answer(description, told, company, &look))).collect();
    if let Some(text) = &single.robots {
        answers.push((join("/robots.txt"), Ok(look.answer(text, &BTreeMap::new()))));
    }
    if let Some(missed) = &single.robots_missed {
        answers.push((join("/robots.txt"), Err(self::missed(missed))));
    }
    let mut finds = filled(&single.finds, company);
    for (_, values) in finds.iter_mut().filter(|(column, _)| column.ends_with("_url")) {
        values.iter_mut().for_each(|value| *value = own.join(value).unwrap().to_string());
    }
    place(&mut finds, own.as_str());
    let name = format!("{} ({}, {})", single.name, look.skin.0, look.charset.name);
    Site { name, row: row(company, single.site.as_deref()), answers, finds }
}

fn answer(description: &Description, told: &Told, company: &Company, look: &Look<'_>) -> Result<Answer, Missed> {
    if let Some(name) = &told.missed {
        return Err(missed(name));
    }
    if let Some(to) = &told.moved {
        let to = fill(to, company, &[]);
        return Ok(Answer { status: 301, headers: vec![("location".to_owned(), to)], body: Vec::new() });
    }
    if let Some(status) = told.status {
        return Ok(Answer { status, ..Answer::default() });
    }
    let html = fill(told.html.as_deref().unwrap_or_default(), company, &[]);
    let html = if told.raw {
        html
    } else {
        let language = &description.languages[one(company, "lang")];
        let credits = fill(&language.credits, company, &[]);
        let none = ["nav", "head", "foot"].map(|name| (name, ""));
        let town = one(company, "town");
        let some = [("main", html.as_str()), ("title", town), ("credits", &credits), ("charset", &look.charset.page)];
        fill(look.skin.1, company, &[&none[..], &some].concat())
    };
    Ok(look.answer(&html, &told.headers))
}

/// Writes all pages into a folder: `0.html` and so on, and of each a line of `types` with its content type.
pub(super) fn write(sites: &[Site], folder: &Path) {
    std::fs::create_dir_all(folder).unwrap();
    let answers = sites.iter().flat_map(|site| &site.answers).filter_map(|(_, answer)| answer.as_ref().ok());
    let mut types = String::new();
    for (number, page) in answers.filter(|answer| answer.status == 200).enumerate() {
        std::fs::write(folder.join(format!("{number}.html")), &page.body).unwrap();
        types += page.header("content-type").unwrap();
        types.push('\n');
    }
    std::fs::write(folder.join("types"), types).unwrap();
}

fn missed(name: &str) -> Missed {
    match name {
        "no_name" => Missed::NoName,
        "tls" => Missed::Tls,
        "not_html" => Missed::NotHtml,
        _ => panic!("nothing is missed by {name}"),
    }
}
