//! What becomes of rows before there is a job (outsend 8.3).

use std::collections::HashSet;

use serde_json::Value;
use sha2::{Digest, Sha256};

use super::{
    aliases::{others, resolve},
    infer::fits,
};
use crate::{Module, Row, values};

/// A digest that is as good as the text for telling texts apart, and small enough to keep millions of them.
pub(crate) fn digest(text: &str) -> [u8; 16] {
    let mut short = [0; 16];
    short.iter_mut().zip(Sha256::digest(text.as_bytes())).for_each(|(to, from)| *to = from);
    short
}

/// What becomes of a row.
enum Judged {
    Kept,
    /// The module takes what it is about once, and had it before.
    Again,
    Unusable,
}

/// A column that a module reads, and those whose cells stand in for its empty ones.
#[derive(Debug)]
pub(crate) struct Column {
    name: &'static str,
    index: usize,
    others: Vec<usize>,
}

impl Column {
    /// The column of a name, which must be there as it stands.
    pub(crate) fn of(columns: &[String], name: &'static str) -> Option<Self> {
        let index = columns.iter().position(|column| column == name)?;
        Some(Self { name, index, others: others(columns, name) })
    }

    /// The row's cell, if it is not blank.
    fn cell<'a>(&self, row: &'a [Value]) -> Option<&'a Value> {
        row.get(self.index).filter(|cell| !values::is_blank(cell))
    }

    /// Fills an empty cell with the first that can stand in for it.
    pub(crate) fn fill(&self, row: &mut Row) {
        if self.others.is_empty() || row.get(self.index).is_some_and(values::is_filled) {
            return;
        }
        let fits = |cell: &&Value| values::is_filled(cell) && fits(self.name, &values::cell_text(cell));
        let other = self.others.iter().filter_map(|index| row.get(*index)).find(fits);
        if let Some(other) = other.cloned()
            && let Some(cell) = row.get_mut(self.index)
        {
            *cell = other;
        }
    }
}

/// What a job's rows become before there is a job: aliases resolved, empty cells of what the module reads filled, rows without the needed column dropped, the
/// module's own de-duplication (outsend 8.3, 12.0).
#[derive(Debug)]
pub struct Intake {
    module: Module,
    columns: Vec<String>,
    needed: Option<Column>,
    siren: Option<Column>,
    email: Option<usize>,
    seen: HashSet<[u8; 16]>,
    ignored: u64,
    answered: u64,
}

impl Intake {
    /// An intake for a module over rows with these columns.
    #[must_use]
    pub fn new(module: Module, columns: &[String]) -> Self {
        let columns = resolve(columns);
        let needed = module.entry().column.and_then(|name| Column::of(&columns, name));
        let siren = (module == Module::LegalData).then(|| Column::of(&columns, "siren")).flatten();
        let email = columns.iter().position(|column| column == "email");
        Self { module, needed, siren, email, columns, seen: HashSet::new(), ignored: 0, answered: 0 }
    }

    /// The rows' columns, with canonical names.
    #[must_use]
    pub fn columns(&self) -> &[String] {
        &self.columns
    }

    /// The rows as the job gets them: none when it is dropped, several when its address is a list (outsend 12.5).
    pub fn take(&mut self, mut row: Row) -> Vec<Row> {
        for read in [&self.needed, &self.siren].into_iter().flatten() {
            read.fill(&mut row);
        }
        if self.module == Module::VerifyEmails {
            return self.addressed(row);
        }
        match self.judge(&row) {
            Judged::Kept => {
                let email = self.email.and_then(|index| row.get(index));
                self.answered += u64::from(email.is_some_and(|cell| !values::is_blank(cell)));
                return vec![row];
            }
            Judged::Again => {}
            Judged::Unusable => self.ignored += 1,
        }
        Vec::new()
    }

    /// A row for each address that a row has and no row had before. A cell that holds no address and looks like one stays.
    fn addressed(&mut self, row: Row) -> Vec<Row> {
        let cell = self.needed.as_ref().and_then(|read| read.cell(&row));
        let Some(text) = cell.map(values::cell_text).filter(|text| values::plain(text).contains('@')) else {
            self.ignored += 1;
            return Vec::new();
        };
        let found = values::mailboxes(&text);
        if found.len() < 2 {
            let told = found.into_iter().next().unwrap_or_else(|| values::plain(&text).trim().to_lowercase());
            return if self.seen.insert(digest(&told)) { vec![row] } else { Vec::new() };
        }
        let new = found.into_iter().filter(|address| self.seen.insert(digest(address)));
        new.map(|address| {
            let mut row = row.clone();
            if let Some(cell) = self.needed.as_ref().and_then(|read| row.get_mut(read.index)) {
                *cell = address.into();
            }
            row
        })
        .collect()
    }

    fn judge(&mut self, row: &[Value]) -> Judged {
        let needed = self.needed.as_ref().and_then(|read| read.cell(row)).map(values::cell_text);
        let usable = match (self.module, needed) {
            (Module::Import, _) => row.iter().any(|cell| !values::is_blank(cell)),
            (module, _) if module.entry().column.is_none() => true,
            (Module::LegalData, None) => {
                let siren = self.siren.as_ref().and_then(|read| read.cell(row));
                siren.is_some_and(|siren| values::siren(&values::cell_text(siren)).is_some())
            }
            (Module::LegalMentions, Some(site)) => match values::host(&site) {
                Some(host) if !self.seen.insert(digest(host.strip_prefix("www.").unwrap_or(&host))) => {
                    return Judged::Again;
                }
                host => host.is_some(),
            },
            // an invalid URL counts as an empty cell
            (module, Some(site)) if module.entry().column == Some("site_web") => values::url(&site).is_some(),
            (_, needed) => needed.is_some(),
        };
        if usable { Judged::Kept } else { Judged::Unusable }
    }

    /// Rows that hold an `email` already, so far (outsend 12.4).
    #[must_use]
    pub const fn answered(&self) -> u64 {
        self.answered
    }

    /// Rows that lacked what the module needs, so far (`breakdown.ignored`).
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
            let taken = intake.take(row.clone());
            if !taken.is_empty() {
                assert_eq!(taken, [row], "a row that is kept is unchanged");
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
        // what was there before is no row without an address
        assert_eq!((columns, kept, ignored), (vec!["email".to_owned()], vec![0, 5], 4));
    }

    #[test]
    fn rows_that_have_an_address_are_counted() {
        let mut intake = Intake::new(Module::Emails, &["site_web".to_owned(), "email".to_owned()]);
        for row in [json!(["a.fr", "x@a.fr"]), json!(["b.fr", null]), json!(["c.fr", " "]), json!(["", "x@a.fr"])] {
            intake.take(row.as_array().cloned().unwrap_or_default());
        }
        assert_eq!((intake.answered(), intake.ignored()), (1, 1));
    }

    #[test]
    fn one_mailbox_is_one_row_however_it_is_written() {
        let rows = [
            json!(["ada@good.test", "1"]),
            json!(["\u{200b}Ada@good.test ", "2"]),
            json!(["Ada <ada@good.test>", "3"]),
            json!(["ada＠good.test", "4"]),
            json!(["x@bu\u{308}cher.test", "5"]),
            json!(["x@xn--bcher-kva.test", "6"]),
            json!(["ada 19@good.test", "7"]),
            json!(["ada\u{200b} 19@GOOD.test", "8"]),
        ];
        assert_eq!(run(Module::VerifyEmails, &["email", "n"], &rows).1, [0, 4, 6]);
    }

    #[test]
    fn a_filled_column_stands_in_for_an_empty_one() {
        let columns = ["Mail", "n", "E-mail 1", "EMAIL", "email_2"].map(str::to_owned);
        let mut intake = Intake::new(Module::VerifyEmails, &columns);
        assert_eq!(intake.columns(), ["email", "n", "E-mail 1", "EMAIL", "email_2"]);
        let mut take = |row: Value| intake.take(row.as_array().cloned().unwrap_or_default());
        for (row, expected) in [
            (json!([null, 1, null, "a@x.test", null]), json!(["a@x.test", 1, null, "a@x.test", null])),
            (json!(["N/A", 2, "b@x.test", "c@x.test", ""]), json!(["b@x.test", 2, "b@x.test", "c@x.test", ""])),
            (json!(["d@x.test", 3, "e@x.test", null, null]), json!(["d@x.test", 3, "e@x.test", null, null])),
        ] {
            assert_eq!(Value::from(take(row)), json!([expected]));
        }
        // a second address, where there is no first
        assert_eq!(take(json!([null, 4, " ", "-", "f@x.test"]))[0][0], json!("f@x.test"));
        assert!(take(json!([null, 5, " ", "-", "n/a"])).is_empty());
        assert_eq!(intake.ignored(), 1);
        let mut intake =
            Intake::new(Module::LegalData, &["nom", "Company", "Title", "siren", "SIREN"].map(str::to_owned));
        assert_eq!(
            intake.take(vec![json!(""), json!("A"), json!("Mr"), json!(""), json!("732829320")])[0][0],
            json!("A")
        );
        assert!(intake.take(vec![json!(""), json!(""), json!("Mr"), json!(""), json!("")]).is_empty());
        let row = vec![json!(""), json!(""), json!("Mr"), json!(""), json!("732829320")];
        assert_eq!(intake.take(row)[0][3], json!("732829320"));
    }

    #[test]
    fn a_list_of_addresses_is_a_row_for_each() {
        let mut intake = Intake::new(Module::VerifyEmails, &["email".to_owned(), "n".to_owned()]);
        let mut take = |row: Value| intake.take(row.as_array().cloned().unwrap_or_default());
        assert_eq!(take(json!(["b@x.test", 0])).len(), 1);
        let expected = [vec![json!("a@x.test"), json!(1)], vec![json!("c@x.test"), json!(1)]];
        assert_eq!(take(json!(["A <a@x.test>, b@x.test; c@x.test", 1])), expected);
        assert_eq!(take(json!([["a@x.test", "d@x.test"], 2])), [vec![json!("d@x.test"), json!(2)]]);
        assert_eq!(intake.ignored(), 0);
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
