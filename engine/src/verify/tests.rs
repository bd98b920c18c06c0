use std::sync::Mutex;

use serde_json::json;

use super::*;
use crate::columns::rows::testing::Memory;

#[derive(Default)]
struct Names {
    probing: bool,
    looked_up: Mutex<Vec<String>>,
    probed: Mutex<Vec<String>>,
}

impl Network for Names {
    fn mail_hosts<'a>(&'a self, domain: &'a str) -> BoxFuture<'a, MailHosts> {
        Box::pin(async move {
            self.looked_up.lock().unwrap().push(domain.to_owned());
            match domain {
                "none.fr" => MailHosts::NoDomain,
                "null.fr" => MailHosts::NoMail,
                "down.fr" => MailHosts::Failed,
                "big.fr" => MailHosts::Hosts(vec!["aspmx.l.google.com".to_owned()]),
                _ => MailHosts::Hosts(vec![format!("mx.{domain}")]),
            }
        })
    }

    fn probe<'a>(&'a self, _: &'a [String], address: &'a str) -> BoxFuture<'a, Option<SmtpAnswer>> {
        Box::pin(async move {
            if !self.probing {
                return None;
            }
            self.probed.lock().unwrap().push(address.to_owned());
            let answer = |code, random| Some(SmtpAnswer { code, of_asker: false, random, tried: 1 });
            match address.split('@').next().unwrap() {
                "gone" => answer(Some(550), None),
                "later" => answer(Some(451), None),
                _ => answer(Some(250), Some(550)),
            }
        })
    }
}

async fn run(input: &Arc<Memory>, network: &Arc<Names>, done: u64) -> Vec<Step> {
    let spec = Spec {
        module: Module::VerifyEmails,
        options: serde_json::Map::new(),
        planned: Some(input.rows()),
        done,
        produced: done,
        tries: 0,
        refused: 0,
        watch: crate::module::Watch::default(),
    };
    let mut run = start(spec, input.clone(), network.clone()).await.unwrap();
    let mut steps = Vec::new();
    while let Some(step) = run.step().await.unwrap() {
        steps.push(step);
    }
    steps
}

fn rows(steps: &[Step]) -> Vec<Row> {
    steps.iter().flat_map(|step| step.rows.clone()).collect()
}

#[tokio::test]
async fn every_row_gets_its_verdict_behind_its_own_columns() {
    let emails = [
        "Ada@B.fr",
        "a@@b.fr",
        "ada@gmial.com",
        "x@yopmail.com",
        "x@none.fr",
        "x@null.fr",
        "x@down.fr",
        "y@down.fr",
        "x@big.fr",
        "contact@b.fr",
    ];
    let input = Memory::table(
        &["nom", "email", "status"],
        emails.iter().map(|email| vec![json!("n"), json!(email), json!("old")]).collect(),
        4,
    );
    let network = Arc::new(Names::default());
    let steps = run(&input, &network, 0).await;
    assert_eq!(steps.len(), 1);
    let step = &steps[0];
    assert_eq!(
        columns::output(Module::VerifyEmails, &serde_json::Map::new(), &input.columns),
        ["nom", "email", "status", "category", "reason", "suggested_fix", "smtp_code", "catch_all", "source_status"]
    );
    assert_eq!(
        step.rows[0],
        vec![
            json!("n"),
            json!("ada@b.fr"),
            json!("unknown"),
            json!("smtp"),
            json!("Domain accepts mail; mailbox not probed."),
            json!(null),
            json!(null),
            json!("unknown"),
            json!("old")
        ]
    );
    let seen: Vec<_> = step.rows.iter().map(|row| (row[2].as_str().unwrap(), row[3].as_str().unwrap())).collect();
    assert_eq!(
        seen,
        [
            ("unknown", "smtp"),
            ("invalid", "syntax"),
            ("risky", "suspect"),
            ("risky", "disposable"),
            ("invalid", "no_mx"),
            ("invalid", "no_mx"),
            ("unknown", "error"),
            ("unknown", "error"),
            ("unknown", "big_provider"),
            ("risky", "suspect"),
        ]
    );
    assert_eq!(step.rows[2][5], json!("ada@gmail.com"));
    assert_eq!((step.items, step.failed, step.attempts), (10, 2, 6));
    assert_eq!(
        step.counts,
        [
            ("by_status", "invalid".to_owned(), 3),
            ("by_status", "risky".to_owned(), 3),
            ("by_status", "unknown".to_owned(), 4)
        ]
    );
    let levels: Vec<_> = step.log.iter().map(|line| line.level).collect();
    assert_eq!(
        levels,
        [Level::Warn, Level::Info],
        "one line for a domain, whatever its addresses; one that nobody is asked"
    );
    assert_eq!(step.log[1].message, UNPROBED);
    assert_eq!(network.looked_up.lock().unwrap().len(), 5, "a domain is looked up once");
}

#[tokio::test]
async fn a_run_continues_where_it_was_and_steps_stay_small() {
    let input = Memory::table(&["email"], (0..300).map(|n| vec![json!(format!("a@d{}.fr", n / 2))]).collect(), 7);
    let network = Arc::new(Names::default());
    let whole = run(&input, &network, 0).await;
    assert_eq!(whole.iter().map(|step| step.items).collect::<Vec<_>>(), [128, 128, 44]);
    for done in [1, 128, 299, 300] {
        let steps = run(&input, &network, done).await;
        assert!(steps.iter().all(|step| step.log.is_empty()), "the job was told in its first slice");
        let rest = rows(&steps);
        assert_eq!(rest, rows(&whole)[usize::try_from(done).unwrap()..]);
    }
}

#[tokio::test]
async fn a_domain_s_mail_servers_are_asked_once_in_a_step() {
    let names = ["ada", "gone", "later", "bob", "eve"];
    let input = Memory::table(&["email"], names.iter().map(|name| vec![json!(format!("{name}@b.fr"))]).collect(), 100);
    let network = Arc::new(Names { probing: true, ..Names::default() });
    let steps = run(&input, &network, 0).await;
    assert_eq!(
        steps.iter().map(|step| (step.items, step.attempts)).collect::<Vec<_>>(),
        [(1, 2), (1, 1), (1, 1), (1, 1), (1, 1)]
    );
    assert_eq!(steps.iter().map(|step| step.failed).sum::<u64>(), 1);
    let rows = rows(&steps);
    let seen: Vec<_> = rows.iter().map(|row| (row[1].as_str().unwrap(), row[5].as_str())).collect();
    assert_eq!(
        seen,
        [
            ("valid", Some("250")),
            ("invalid", Some("550")),
            ("unknown", Some("451")),
            ("valid", Some("250")),
            ("valid", Some("250"))
        ]
    );
    assert_eq!(
        *network.probed.lock().unwrap(),
        names.map(|name| format!("{name}@b.fr")),
        "each address once, in order"
    );
}
