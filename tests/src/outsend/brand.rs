//! A site with a logo, and a user for whom a job found it (outsend 8.5, 12.10).

use serde_json::json;

use super::jobs::World;
use crate::sites::{Reply, Sites};

/// A drawing in one colour, with so many bytes beside it.
#[must_use]
pub fn logo(padding: usize) -> String {
    let more = "x".repeat(padding);
    format!("<svg xmlns='http://www.w3.org/2000/svg' width='64' height='32'><path fill='#e4002b'/><!--{more}--></svg>")
}

/// The host of the site.
pub const HOST: &str = "brand.web";

/// A world that knows the site, and the site.
///
/// # Panics
/// When no port is free.
pub async fn site(logo: &str, variables: &[(&str, &str)]) -> (World, Sites) {
    let sites = Sites::start().await.unwrap();
    let home = "<header><a href='/'><img src='/logo.svg' alt='Logo'></a></header>";
    sites.put(HOST, "/", Reply::page(home));
    let image = Reply { body: logo.as_bytes().to_vec(), ..Reply::status(200) };
    sites.put(HOST, "/logo.svg", image);
    let own = [("OUTSCOUT_CRAWL_ALLOW_HOSTS", ".web")];
    let variables: Vec<_> = own.into_iter().chain(variables.iter().copied()).collect();
    (World::with(&variables).await, sites)
}

/// A user for whom a job found the site's logo: the world, and the path of the image.
///
/// # Panics
/// When the job did not find it.
pub async fn world(logo: &str) -> (World, String) {
    let (world, sites) = site(logo, &[]).await;
    let path = found(&world, &sites).await;
    (world, path)
}

/// Lets a job find the site's logo: the path of the image.
///
/// # Panics
/// When the job did not find it.
pub async fn found(world: &World, sites: &Sites) -> String {
    let made = world.post("/api/jobs/brand-assets", &json!({"items": [{"site_web": sites.url(HOST)}]})).await;
    assert_eq!(made.status, 200, "{}", made.body);
    world.settle().await;
    let rows = world.rows(made.json()["id"].as_str().unwrap()).await;
    rows[0]["logo_local_url"].as_str().unwrap_or_else(|| panic!("{rows:?}")).to_owned()
}
