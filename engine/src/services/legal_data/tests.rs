use serde_json::json;

use super::{
    super::{
        Services,
        testing::{Desk, json as answer, run, status, whole},
    },
    *,
};
use crate::{Module, columns::rows::testing::Memory};

const COLUMNS: [&str; 6] = ["nom", "siren", "code_postal", "lat", "lon", "capital_social"];

fn services() -> Services {
    Services { companies: "https://companies.test/".to_owned(), ..Services::default() }
}

/// A company as the search answers it.
fn company(siren: &str, name: &str) -> Value {
    json!({
        "siren": siren, "nom_complet": name, "nom_raison_sociale": name, "sigle": null, "nombre_etablissements": 3,
        "nombre_etablissements_ouverts": 2,
        "siege": {"siret": format!("{siren}00074"), "adresse": "12 RUE DE LA PAIX 75002 PARIS", "code_postal": "75002",
            "etat_administratif": "A"},
        "activite_principale": "45.20A", "date_creation": "1990-05-01", "etat_administratif": "A",
        "nature_juridique": "5499", "tranche_effectif_salarie": "11",
        "dirigeants": [{"nom": "MARTIN", "prenoms": "JEAN", "qualite": "Gérant", "type_dirigeant": "personne physique"}],
        "finances": {"2021": {"ca": 5, "resultat_net": 1}, "2022": {"ca": 100_000, "resultat_net": -250}},
        "matching_etablissements": [],
    })
}

fn found(results: &[Value]) -> Value {
    json!({"results": results, "total_results": results.len(), "page": 1, "per_page": 10, "total_pages": 1})
}

#[tokio::test(start_paused = true)]
async fn a_company_is_found_by_its_number_its_name_or_its_place() {
    let desk = Arc::new(Desk::default());
    desk.put("/search?q=732829320&per_page=1", vec![answer(&found(&[company("732829320", "GARAGE DUPONT")]))]);
    let named = "/search?q=Boulangerie+L%C3%A9a&code_postal=69001&per_page=10";
    desk.put(named, vec![answer(&found(&[company("1", "TABAC"), company("356000000", "SARL BOULANGERIE LEA")]))]);
    let near = "/near_point?lat=48.85&long=2.35&radius=0.1&per_page=25";
    desk.put(near, vec![answer(&found(&[company("552100554", "PHARMACIE PETIT")]))]);
    // the search refuses terms that are too short
    desk.put("/search?q=A&code_postal=75001&per_page=10", vec![status(400, None)]);
    let rows = vec![
        vec![json!("Dupont"), json!("732 829 320"), json!(""), json!(null), json!(null), json!("10 000 €")],
        vec![json!("Boulangerie Léa"), json!(null), json!("69001"), json!(null), json!(null), json!(null)],
        vec![json!("Pharmacie Petit"), json!("123456789"), json!("x"), json!(48.85), json!("2,35"), json!(null)],
        vec![json!("A"), json!(null), json!("75001"), json!(null), json!(null), json!(null)],
        vec![json!("Nowhere"), json!(null), json!(null), json!(null), json!(null), json!(null)],
    ];
    let input = Memory::table(&COLUMNS, rows, 2);
    let step = whole(&mut *run(Module::LegalData, &input, &desk, services())).await;
    // the columns: the input's, then the module's own, then what the input had under their names
    let columns = crate::columns::output(Module::LegalData, &serde_json::Map::new(), &COLUMNS.map(str::to_owned));
    let told = |row: usize, column: &str| {
        let index = columns.iter().position(|name| name == column).unwrap();
        step.rows[row][index].clone()
    };
    let expected = json!([
        "732829320",
        "73282932000074",
        "GARAGE DUPONT",
        "Société à responsabilité limitée (sans autre indication)",
        "5499",
        "10 000 €",
        ["JEAN MARTIN (Gérant)"],
        "45.20A",
        "11",
        "1990-05-01",
        "A",
        100_000,
        -250,
        "2022",
        "12 RUE DE LA PAIX 75002 PARIS",
        2,
        "actif",
        "siren",
        "",
        ""
    ]);
    let own = crate::columns::own(Module::LegalData, &serde_json::Map::new());
    assert_eq!(json!(own.iter().map(|name| told(0, name)).collect::<Vec<_>>()), expected);
    assert_eq!(told(0, "source_siren"), json!("732 829 320"));
    assert_eq!((told(1, "siren"), told(1, "legal_match")), (json!("356000000"), json!("nom_cp")));
    assert_eq!((told(2, "siren"), told(2, "legal_match")), (json!("552100554"), json!("geo")));
    for row in [3, 4] {
        let names = ["siren", "dirigeants", "nb_etablissements", "statut_lead", "legal_match", "legal_error"];
        let told: Vec<_> = names.iter().map(|name| told(row, name)).collect();
        assert_eq!(json!(told), json!(["", [], null, "inconnu", "none", "not_found"]));
    }
    assert_eq!((step.items, step.failed, step.attempts), (5, 0, 4));
}

#[tokio::test(start_paused = true)]
async fn the_pace_holds_and_a_throttled_search_is_asked_again() {
    let desk = Arc::new(Desk::default());
    let path = |number: usize| format!("/search?q=GARAGE+{number}&code_postal=75001&per_page=10");
    let name = |number: usize| format!("GARAGE {number}");
    for number in 0..30 {
        let own = answer(&found(&[company("732829320", &name(number))]));
        let answers = match number {
            3 => vec![status(429, Some("2")), own],
            7 => vec![status(429, None)],
            9 => vec![Err(Missed::Timeout), status(500, None), own],
            11 => vec![status(403, None)],
            12 => vec![Ok(crate::web::Answer { status: 200, body: b"<html>".to_vec(), ..Default::default() })],
            _ => vec![own],
        };
        desk.put(&path(number), answers);
    }
    let rows = (0..30).map(|number| vec![json!(name(number)), json!(null), json!("75001")]).collect();
    let input = Memory::table(&COLUMNS[..3], rows, 7);
    let step = whole(&mut *run(Module::LegalData, &input, &desk, services())).await;
    let errors: Vec<_> = step.rows.iter().map(|row| row[20].as_str().unwrap()).collect();
    let expected: Vec<_> = (0..30).map(|number| if [7, 11, 12].contains(&number) { "upstream" } else { "" }).collect();
    assert_eq!(errors, expected);
    assert_eq!((step.items, step.failed), (30, 3));
    let log: Vec<_> = step.log.iter().map(|line| line.message.as_str()).collect();
    let expected = [
        "Item 8: the registers were not asked: http_429.",
        "Item 12: the registers were not asked: http_403.",
        "Item 13: the registers were not asked: unreachable.",
    ];
    assert_eq!(log, expected);
    let times = desk.times();
    assert_eq!(times.len() as u64, step.attempts);
    for window in times.windows(8) {
        assert!(window[7] - window[0] >= Duration::from_secs(1), "more than seven in a second");
    }
    // nobody asks while the search wants to be left alone
    let throttled = desk.asked().iter().position(|asked| asked.contains("GARAGE+3&")).unwrap();
    let next = times.iter().find(|time| **time > times[throttled] + Duration::from_millis(900)).unwrap();
    assert!(*next - times[throttled] >= Duration::from_secs(2));
}

#[tokio::test(start_paused = true)]
async fn an_insolvency_that_was_announced_makes_the_lead_one() {
    let desk = Arc::new(Desk::default());
    desk.put("/search?q=732829320&per_page=1", vec![answer(&found(&[company("732829320", "GARAGE DUPONT")]))]);
    let wanted = "/records?where=registre+like+%22732829320%22+and+familleavis+%3D+%22collective%22&order_by=dateparution+desc&limit=1";
    let judgment = "{\"type\":\"initial\",\"nature\":\"Jugement d'ouverture de liquidation judiciaire\"}";
    let announced = json!({"total_count": 1, "results": [{"dateparution": "2026-03-02", "familleavis": "collective",
        "familleavis_lib": "Procédures collectives", "jugement": judgment}]});
    desk.put(wanted, vec![answer(&announced), answer(&json!({"total_count": 0, "results": []})), status(500, None)]);
    let rows = vec![vec![json!(""), json!("732829320")]; 3];
    let input = Memory::table(&COLUMNS[..2], rows, 7);
    let services = Services { bodacc: Some("https://bodacc.test/records".to_owned()), ..services() };
    let step = whole(&mut *run(Module::LegalData, &input, &desk, services)).await;
    let told: Vec<_> = step.rows.iter().map(|row| json!([row[17], row[19], row[20]])).collect();
    let text = "2026-03-02 Jugement d'ouverture de liquidation judiciaire";
    assert_eq!(json!(told), json!([["procedure", "", text], ["actif", "", ""], ["actif", "upstream", ""]]));
}
