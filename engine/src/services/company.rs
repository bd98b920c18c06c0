//! Companies as the public search names them, and which of them a row means (outsend 12.12).

use std::{cmp::Ordering, collections::HashMap};

use serde_json::Value;

use crate::values::fold;

/// Words of names that tell nobody apart.
const FORMS: [&str; 14] =
    ["sarl", "sas", "sasu", "eurl", "sa", "sci", "ei", "et", "the", "le", "la", "les", "de", "du"];

/// A text member; empty when it is none.
pub(super) fn text<'a>(value: &'a Value, member: &str) -> &'a str {
    value.get(member).and_then(Value::as_str).map(str::trim).unwrap_or_default()
}

/// The words of a name that count, each with how often it is there.
fn words(name: &str) -> (HashMap<String, usize>, usize) {
    let mut words = HashMap::new();
    let folded = fold(name);
    let mut count = 0;
    for word in folded.split('_').filter(|word| !word.is_empty() && !FORMS.contains(word)) {
        *words.entry(word.to_owned()).or_default() += 1;
        count += 1;
    }
    (words, count)
}

/// How much two names share: common words among those of the longer one (outsend 12.12).
fn similarity(one: &str, other: &str) -> f64 {
    let ((one, many), (other, more)) = (words(one), words(other));
    let shared: usize = one.iter().map(|(word, count)| other.get(word).copied().unwrap_or(0).min(*count)).sum();
    let longer = many.max(more);
    #[expect(clippy::cast_precision_loss, reason = "words of a name are few")]
    if longer == 0 { 0.0 } else { shared as f64 / longer as f64 }
}

/// The company among `results` that is most like a name, when it is as like as `least`.
pub(super) fn best<'a>(results: &'a [Value], name: &str, least: f64) -> Option<&'a Value> {
    let like = |company: &Value| {
        let names =
            ["nom_complet", "nom_raison_sociale", "sigle"].map(|member| similarity(name, text(company, member)));
        names.into_iter().fold(0.0, f64::max)
    };
    let is_open = |company: &Value| text(company, "etat_administratif") == "A";
    let judged = results.iter().map(|company| (like(company), company)).filter(|(like, _)| *like >= least);
    let better = |(like, one): &(f64, &Value), (other_like, other): &(f64, &Value)| {
        let open = is_open(one).cmp(&is_open(other));
        let siren = || text(other, "siren").cmp(text(one, "siren"));
        like.partial_cmp(other_like).unwrap_or(Ordering::Equal).then(open).then_with(siren)
    };
    judged.max_by(better).map(|(_, company)| company)
}

/// `PRENOMS NOM (qualité)` of each of a company's directors.
pub(super) fn directors(company: &Value) -> Vec<String> {
    let known = company.get("dirigeants").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let of = |director: &Value| {
        let person = [text(director, "prenoms"), text(director, "nom")].join(" ");
        let name = if person.trim().is_empty() { text(director, "denomination") } else { person.trim() }.to_owned();
        match text(director, "qualite") {
            "" => name,
            role if name.is_empty() => format!("({role})"),
            role => format!("{name} ({role})"),
        }
    };
    known.iter().map(of).filter(|name| !name.is_empty()).take(50).collect()
}

/// The latest year of a company's published accounts, and what they say.
pub(super) fn accounts(company: &Value) -> Option<(&str, &Value)> {
    let years = company.get("finances")?.as_object()?;
    years
        .iter()
        .max_by_key(|(year, _)| year.parse::<u32>().unwrap_or(0))
        .map(|(year, accounts)| (year.as_str(), accounts))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn names_are_alike_by_the_words_that_count() {
        for (one, other, expected) in [
            ("SARL Boulangerie Dupont", "BOULANGERIE DUPONT", 1.0),
            ("Boulangerie Dupont", "DUPONT", 0.5),
            ("Les Délices de Léa", "DELICES LEA SAS", 1.0),
            ("Dupont Dupont", "Dupont", 0.5),
            ("Garage Martin", "Pharmacie Petit", 0.0),
            ("SARL", "SAS", 0.0),
            ("", "", 0.0),
        ] {
            assert!((similarity(one, other) - expected).abs() < 1e-9, "{one} {other}");
        }
    }

    #[test]
    fn the_best_is_open_and_old() {
        let company = |siren: &str, name: &str, state: &str| json!({"siren": siren, "nom_complet": name, "etat_administratif": state});
        let results = [
            company("300000000", "DUPONT PERE", "A"),
            company("200000000", "DUPONT", "C"),
            company("500000000", "SAS DUPONT", "A"),
            company("400000000", "DUPONT SARL", "A"),
        ];
        assert_eq!(best(&results, "Dupont", 0.6).map(|found| text(found, "siren")), Some("400000000"));
        assert_eq!(best(&results[..2], "Dupont", 0.6).map(|found| text(found, "siren")), Some("200000000"));
        assert_eq!(best(&results, "Martin", 0.5), None);
        let initials =
            [json!({"siren": "1", "nom_complet": "SOCIETE DES BOIS", "sigle": "SDB", "etat_administratif": "A"})];
        assert!(best(&initials, "S.A. SDB", 0.6).is_none(), "letters with dots are words of their own");
        assert!(best(&initials, "SDB", 0.6).is_some());
    }

    #[test]
    fn directors_are_people_and_companies() {
        let company = json!({"dirigeants": [
            {"nom": "MARTIN", "prenoms": "JEAN PAUL", "qualite": "Gérant"}, {"denomination": "AUDIT", "qualite": "Commissaire"},
            {"nom": "PETIT", "prenoms": null, "qualite": null}, {}, 7,
        ]});
        assert_eq!(directors(&company), ["JEAN PAUL MARTIN (Gérant)", "AUDIT (Commissaire)", "PETIT"]);
        assert!(directors(&json!({"dirigeants": null})).is_empty());
    }

    #[test]
    fn the_latest_accounts_count() {
        let company = json!({"finances": {"2019": {"ca": 1}, "2022": {"ca": 2}, "2021": {"ca": 3}}});
        assert_eq!(accounts(&company), Some(("2022", &json!({"ca": 2}))));
        assert_eq!(accounts(&json!({"finances": null})), None);
    }
}
