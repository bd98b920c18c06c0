//! What the public registers say of a company (outsend 12.12).

use std::{sync::Arc, time::Duration};

use serde_json::{Value, json};

use super::{
    client::{Client, Errand, Pace},
    company::{accounts, best, directors, text},
};
use crate::{
    BoxFuture, Means, Row,
    ahead::{Done, Stop, Worker},
    columns::RowView,
    lists,
    module::Fault,
    values,
    web::Missed,
};

/// At most seven requests a second, over all jobs (outsend 12.12).
const PACE: Pace =
    Pace { gap: Duration::from_millis(143), request: Duration::from_secs(5), row: Duration::from_secs(18), at_once: 6 };
/// The announcements' own pace, which nobody publishes.
const BODACC_PACE: Pace = Pace { gap: Duration::from_millis(500), ..PACE };
/// How alike a name must be that is found by its postal code, and one that is found by its place.
const LIKE: (f64, f64) = (0.6, 0.5);

/// Asks for the companies of rows.
pub(super) struct LegalData {
    columns: Vec<String>,
    companies: Client,
    bodacc: Option<Client>,
}

/// A company that was found, and by what.
type Match = Option<(Value, &'static str)>;

impl LegalData {
    pub(super) fn new(columns: Vec<String>, means: &Means) -> Result<Self, Fault> {
        let services = &means.services;
        let companies = Client::new(means, &services.companies, PACE)?;
        let bodacc = services.bodacc.as_deref().map(|base| Client::new(means, base, BODACC_PACE)).transpose()?;
        Ok(Self { columns, companies, bodacc })
    }

    /// The first tier that finds the row's company.
    async fn find(&self, row: &RowView<'_>, errand: &mut Errand<'_>) -> Result<Match, Stop> {
        let name = row.text("nom");
        let name = name.trim();
        if let Some(siren) = values::siren(&row.text("siren")) {
            let results = self.results(errand, "search", &[("q", &siren), ("per_page", "1")]).await?;
            let found = results.into_iter().find(|company| text(company, "siren") == siren);
            if let Some(found) = found {
                return Ok(Some((found, "siren")));
            }
        }
        let code = row.text("code_postal");
        let code = code.trim();
        if !name.is_empty() && code.len() == 5 && code.bytes().all(|digit| digit.is_ascii_digit()) {
            let query = [("q", name), ("code_postal", code), ("per_page", "10")];
            let results = self.results(errand, "search", &query).await?;
            if let Some(found) = best(&results, name, LIKE.0) {
                return Ok(Some((found.clone(), "nom_cp")));
            }
        }
        if let Some((lat, lon)) = point(row).filter(|_| !name.is_empty()) {
            let query = [("lat", lat.as_str()), ("long", lon.as_str()), ("radius", "0.1"), ("per_page", "25")];
            let results = self.results(errand, "near_point", &query).await?;
            if let Some(found) = best(&results, name, LIKE.1) {
                return Ok(Some((found.clone(), "geo")));
            }
        }
        Ok(None)
    }

    async fn results(&self, errand: &mut Errand<'_>, path: &str, query: &[(&str, &str)]) -> Result<Vec<Value>, Stop> {
        match errand.get(&self.companies.url(path, query)).await {
            Ok(mut found) => match found.get_mut("results").map(Value::take) {
                Some(Value::Array(results)) => Ok(results),
                _ => Err(Stop::Missed(Missed::Unreachable)),
            },
            // a name that is too short or of signs alone is refused, and found nowhere
            Err(Stop::Missed(Missed::Status(400 | 404))) => Ok(Vec::new()),
            Err(stop) => Err(stop),
        }
    }

    /// What was announced last of a company's insolvency; empty when nothing was.
    async fn announced(&self, siren: &str, errand: &mut Errand<'_>) -> Result<String, Stop> {
        let Some(client) = &self.bodacc else { return Ok(String::new()) };
        let wanted = format!("registre like \"{siren}\" and familleavis = \"collective\"");
        let query = [("where", wanted.as_str()), ("order_by", "dateparution desc"), ("limit", "1")];
        let answer = errand.get(&client.url("", &query)).await?;
        Ok(answer.get("results").and_then(|results| results.get(0)).map(announcement).unwrap_or_default())
    }

    async fn done(&self, row: &[Value]) -> Result<Option<Done>, Fault> {
        let row = RowView { columns: &self.columns, row };
        let mut errand = self.companies.errand();
        let mut requests = 0;
        let mut missed = None;
        let found = match self.find(&row, &mut errand).await {
            Ok(found) => found,
            Err(Stop::PutBack) => return Ok(None),
            Err(Stop::Fault(fault)) => return Err(fault),
            Err(Stop::Missed(why)) => {
                missed = Some(why);
                None
            }
        };
        let mut announced = String::new();
        if let (Some((company, _)), Some(bodacc)) = (&found, &self.bodacc) {
            // what was begun is brought to its end
            let mut errand = bodacc.begun();
            match self.announced(text(company, "siren"), &mut errand).await {
                Ok(text) => announced = text,
                Err(Stop::PutBack) => {}
                Err(Stop::Fault(fault)) => return Err(fault),
                Err(Stop::Missed(why)) => missed = Some(why),
            }
            requests += errand.requests;
        }
        let kept = row.cell("capital_social").cloned().unwrap_or_else(|| "".into());
        let error = match (&missed, &found) {
            (Some(_), _) => "upstream",
            (None, None) => "not_found",
            (None, Some(_)) => "",
        };
        Ok(Some(Done {
            // announcements are an extra
            refused: found.is_none() && missed.is_some_and(Missed::is_refusal),
            own: vec![cells(found.as_ref(), kept, error, &announced)],
            failed: missed.map(|missed| format!("the registers were not asked: {}.", missed.as_str())),
            requests: requests + errand.requests,
            counts: Vec::new(),
        }))
    }
}

/// Where a row's place is, as the search takes it.
fn point(row: &RowView<'_>) -> Option<(String, String)> {
    let number = |column: &str, most: f64| {
        let number = row.cell(column).and_then(values::number)?;
        (number.abs() <= most).then(|| number.to_string())
    };
    number("lat", 90.0).zip(number("lon", 180.0))
}

/// An announcement in a line: when it was made, and of what.
fn announcement(found: &Value) -> String {
    let judgment = match found.get("jugement") {
        Some(Value::String(text)) => serde_json::from_str(text).unwrap_or_default(),
        Some(other) => other.clone(),
        None => Value::Null,
    };
    let what = ["nature", "famille"].map(|member| text(&judgment, member).to_owned());
    let what = what.into_iter().find(|what| !what.is_empty());
    let what = what.unwrap_or_else(|| text(found, "familleavis_lib").to_owned());
    let line = [text(found, "dateparution"), what.as_str()].join(" ");
    let line = line.trim();
    if line.is_empty() { "procédure collective".to_owned() } else { line.to_owned() }
}

/// The module's cells, in the order of 12.12.
fn cells(found: Option<&(Value, &'static str)>, capital: Value, error: &str, announced: &str) -> Vec<Value> {
    let (company, tier) = found.map_or((&Value::Null, "none"), |(company, tier)| (company, *tier));
    let seat = company.get("siege").unwrap_or(&Value::Null);
    let state = text(company, "etat_administratif");
    let form = text(company, "nature_juridique");
    let (year, accounts) = accounts(company).unwrap_or(("", &Value::Null));
    let number = |member: &str| accounts.get(member).filter(|value| value.is_number()).cloned().unwrap_or_default();
    let name = match text(company, "nom_raison_sociale") {
        "" => text(company, "nom_complet"),
        name => name,
    };
    let status = match state {
        "C" => "ferme",
        _ if !announced.is_empty() => "procedure",
        "A" => "actif",
        _ => "inconnu",
    };
    vec![
        json!(text(company, "siren")),
        json!(text(seat, "siret")),
        json!(name),
        json!(lists::legal_form(form).unwrap_or_default()),
        json!(form),
        capital,
        json!(directors(company)),
        json!(text(company, "activite_principale")),
        json!(text(company, "tranche_effectif_salarie")),
        json!(text(company, "date_creation")),
        json!(state),
        number("ca"),
        number("resultat_net"),
        json!(year),
        json!(text(seat, "adresse")),
        company.get("nombre_etablissements_ouverts").filter(|count| count.is_u64()).cloned().unwrap_or_default(),
        json!(status),
        json!(tier),
        json!(error),
        json!(announced),
    ]
}

impl Worker for LegalData {
    fn at_once(&self) -> usize {
        self.companies.pace.at_once
    }

    fn gather(&self) -> Duration {
        Duration::from_secs(1)
    }

    fn work(self: Arc<Self>, _: u64, row: Arc<Row>) -> BoxFuture<'static, Result<Option<Done>, Fault>> {
        Box::pin(async move { self.done(&row).await })
    }

    fn close(&self) {
        self.companies.close();
    }

    fn rest(&self) -> BoxFuture<'_, Result<(), Fault>> {
        Box::pin(async {
            self.companies.rest().await?;
            match &self.bodacc {
                Some(client) => client.rest().await,
                None => Ok(()),
            }
        })
    }
}

#[cfg(test)]
mod tests;
