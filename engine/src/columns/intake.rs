//! What becomes of rows before there is a job (outsend 8.3).

use std::collections::HashSet;

use serde_json::Value;
use sha2::{Digest, Sha256};

use super::aliases::resolve;
use crate::{Module, Row, values};

/// A digest that is as good as the text for telling texts apart, and small enough to keep millions of them.
pub(crate) fn digest(text: &str) -> [u8; 16] {
    let mut short = [0; 16];
    short.iter_mut().zip(Sha256::digest(text.as_bytes())).for_each(|(to, from)| *to = from);
    short
}

/// What a job's rows become before there is a job: aliases resolved, rows without the needed column dropped, the
/// module's own de-duplication (outsend 8.3, 12.0).
#[derive(Debug)]
pub struct Intake {
    module: Module,
    columns: Vec<String>,
    needed: Option<usize>,
    siren: Option<usize>,
    seen: HashSet<[u8; 16]>,
    ignored: u64,
}

impl Intake {
    /// An intake for a module over rows with these columns.
    #[must_use]
    pub fn new(module: Module, columns: &[String]) -> Self {
        let columns = resolve(columns);
        let index = |name: &str| columns.iter().position(|column| column == name);
        let needed = module.entry().column.and_then(index);
        let siren = index("siren");
        Self { module, needed, siren, columns, seen: HashSet::new(), ignored: 0 }
    }

    /// The rows' columns, with canonical names.
    #[must_use]
    pub fn columns(&self) -> &[String] {
        &self.columns
    }

    /// The row as the job gets it; `None` when it is dropped.
    pub fn take(&mut self, row: Row) -> Option<Row> {
        if self.keeps(&row) {
            return Some(row);
        }
        self.ignored += 1;
        None
    }

    fn keeps(&mut self, row: &[Value]) -> bool {
        let cell = |index: Option<usize>| index.and_then(|index| row.get(index)).filter(|cell| !values::is_blank(cell));
        let needed = cell(self.needed).map(values::cell_text);
        match (self.module, needed) {
            (Module::Import, _) => row.iter().any(|cell| !values::is_blank(cell)),
            (module, _) if module.entry().column.is_none() => true,
            (Module::VerifyEmails, Some(address)) => {
                address.contains('@') && self.seen.insert(digest(&address.trim().to_lowercase()))
            }
            (Module::LegalData, None) => {
                cell(self.siren).is_some_and(|siren| values::siren(&values::cell_text(siren)).is_some())
            }
            (Module::LegalMentions, Some(site)) => values::host(&site)
                .is_some_and(|host| self.seen.insert(digest(host.strip_prefix("www.").unwrap_or(&host)))),
            // an invalid URL counts as an empty cell
            (module, Some(site)) if module.entry().column == Some("site_web") => values::url(&site).is_some(),
            (_, needed) => needed.is_some(),
        }
    }

    /// Rows dropped so far (`breakdown.ignored`).
    #[must_use]
    pub const fn ignored(&self) -> u64 {
        self.ignored
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn run(module: Module, columns: &[&str], rows: &[Value]) -> (Vec<String>, Vec<usize>, u64) {
        let columns: Vec<String> = columns.iter().map(|column| (*column).to_owned()).collect();
        let mut intake = Intake::new(module, &columns);
        let mut kept = Vec::new();
        for (index, row) in rows.iter().enumerate() {
            let row = row.as_array().cloned().unwrap_or_default();
            if let Some(taken) = intake.take(row.clone()) {
                assert_eq!(taken, row, "a row that is kept is unchanged");
                kept.push(index);
            }
        }
        (intake.columns().to_vec(), kept, intake.ignored())
    }

    #[test]
    fn addresses_need_an_at_sign_and_come_once() {
        let rows = [
            json!(["a@b.fr"]),
            json!([" A@B.FR "]),
            json!(["a"]),
            json!([null]),
            json!([]),
            json!(["c@d"]),
            json!([1]),
        ];
        let (columns, kept, ignored) = run(Module::VerifyEmails, &["Mail"], &rows);
        assert_eq!((columns, kept, ignored), (vec!["email".to_owned()], vec![0, 5], 5));
    }

    #[test]
    fn rows_without_the_needed_column_are_dropped() {
        let rows = [json!(["A", "a.fr"]), json!(["B", " "]), json!(["C", "ftp://c.fr"]), json!(["D"])];
        assert_eq!(run(Module::Socials, &["nom", "url"], &rows).1, [0]);
        assert_eq!(run(Module::Socials, &["nom"], &rows).1, [0_usize; 0]);
        assert_eq!(run(Module::Pagespeed, &["nom", "url"], &rows).1, [0, 1, 2, 3]);
        assert_eq!(run(Module::Sort, &["nom", "url"], &rows).1, [0, 1, 2, 3]);
        let rows = [json!(["", "732829320"]), json!(["", "123456789"]), json!(["A", ""]), json!(["", ""])];
        assert_eq!(run(Module::LegalData, &["nom", "siren"], &rows).1, [0, 2]);
        assert_eq!(run(Module::Import, &["nom", "siren"], &rows).1, [0, 1, 2]);
        let rows = [json!(["www.a.fr"]), json!(["http://a.fr/x"]), json!(["b.fr"])];
        assert_eq!(run(Module::LegalMentions, &["site_web"], &rows).1, [0, 2]);
    }
}
