use std::time::Instant;

use super::*;
use crate::web::{
    ask::Answer,
    host::{Hosts as _, Turn},
    testing::{Alone, Shelf, Web, html, moved},
    world::Caps,
};

const PAUSE: Duration = Duration::from_millis(60);
const CONTACT: Plan = Plan { more: 2, words: &["contact", "legal"], ..Plan::HOME };

/// A world whose seconds are short.
fn world(web: &Arc<Web>) -> World {
    let caps = Caps {
        request: Duration::from_secs(2),
        site: Duration::from_secs(3),
        pause: (PAUSE, PAUSE * 4),
        ..Caps::default()
    };
    World::new(web.clone(), Arc::new(Alone::default()), Arc::new(Shelf::default())).with(caps)
}

async fn read(world: &World, site: &str, plan: Plan) -> Visit {
    visit(world, 1, site, plan).await.unwrap().unwrap()
}

fn urls(visit: &Visit) -> Vec<&str> {
    visit.pages.iter().map(|page| page.url.as_str()).collect()
}

#[tokio::test]
async fn the_pages_that_a_module_looks_for_are_read_in_document_order() {
    let web = Arc::new(Web::default());
    let home = "<a href=/shop>Shop</a><a href='https://other.web/contact'>x</a><a href=plan.pdf>contact</a>\
        <a href=/ecrire#form>Contactez-nous</a><a href=/ecrire>again</a><a href='mailto:contact@one.web'>m</a>\
        <a href='//shop.one.web/legal'>Infos</a><a href=/legal2>Legal</a>";
    web.put("https://one.web/", Ok(html(home)));
    web.put("https://one.web/ecrire", Ok(html("<p>1")));
    web.put("https://shop.one.web/legal", Ok(html("<p>2")));
    let visit = read(&world(&web), " one.web ", CONTACT).await;
    assert_eq!(urls(&visit), ["https://one.web/", "https://one.web/ecrire", "https://shop.one.web/legal"]);
    assert_eq!((visit.status(), visit.requests), ("ok".to_owned(), 5), "three pages and two robots.txt");
    let frames = "<frameset><frame src=menu.htm><frame src=https://other.web/x></frameset>";
    web.put("https://two.web/", Ok(html(frames)));
    web.put("https://two.web/menu.htm", Ok(html("<a href=legal.htm>x</a>")));
    web.put("https://two.web/legal.htm", Ok(html("<p>3")));
    let visit = read(&world(&web), "two.web", CONTACT).await;
    assert_eq!(urls(&visit), ["https://two.web/", "https://two.web/menu.htm", "https://two.web/legal.htm"]);
}

#[tokio::test]
async fn rules_of_hosts_are_kept() {
    let web = Arc::new(Web::default());
    let rules =
        "User-agent: *\nDisallow: /\n\nUser-agent: Outscout\nDisallow: /legal\nAllow: /legal/ok\nCrawl-delay: 0.2";
    web.put("https://one.web/robots.txt", Ok(html(rules)));
    web.put("https://one.web/", Ok(html("<a href=/legal>1</a><a href=/legal/ok>2</a><a href=/contact>3</a>")));
    web.put("https://one.web/legal/ok", Ok(html("<p>ok")));
    let began = Instant::now();
    let visit = read(&world(&web), "one.web", CONTACT).await;
    assert_eq!(urls(&visit), ["https://one.web/", "https://one.web/legal/ok"]);
    assert!(!web.pages().contains(&"https://one.web/legal".to_owned()));
    assert!(began.elapsed() >= Duration::from_millis(250), "{:?}", began.elapsed());
    for (robots, status) in [
        (Ok(html("User-agent: *\nDisallow: /")), "robots"),
        (Ok(Answer { status: 503, ..Answer::default() }), "robots"),
        (Ok(Answer { status: 403, ..Answer::default() }), "ok"),
        (Ok(moved("/robots.txt")), "ok"),
        (Ok(html("")), "ok"),
        (Err(Missed::Timeout), "timeout"),
        (Err(Missed::NoName), "dns"),
        (Err(Missed::Tls), "tls"),
        (Err(Missed::Blocked), "blocked_address"),
        (Err(Missed::TooLarge), "robots"),
    ] {
        let web = Arc::new(Web::default());
        web.put("https://one.web/robots.txt", robots.clone());
        web.put("https://one.web/", Ok(html("<p>home")));
        assert_eq!(read(&world(&web), "one.web", Plan::HOME).await.status(), status, "{robots:?}");
        assert_eq!(web.pages().is_empty(), status != "ok", "{robots:?}");
    }
}

#[tokio::test]
async fn redirects_are_judged_hop_by_hop() {
    let web = Arc::new(Web::default());
    web.put("https://one.web/", Ok(moved("http://www.one.web/a#x")));
    web.put("http://www.one.web/a", Ok(moved("/b")));
    web.put("http://www.one.web/b", Ok(html("<p>home")));
    web.put("https://loop.web/", Ok(moved("/")));
    web.put("https://chain.web/", Ok(moved("/1")));
    for hop in 1..9 {
        web.put(&format!("https://chain.web/{hop}"), Ok(moved(&format!("/{}", hop + 1))));
    }
    web.put("https://shut.web/", Ok(moved("https://private.web/")));
    web.put("https://private.web/robots.txt", Ok(html("User-agent: *\nDisallow: /")));
    web.put("https://inner.web/", Ok(moved("http://10.0.0.1/")));
    web.put("http://10.0.0.1/robots.txt", Err(Missed::Blocked));
    web.put("https://nowhere.web/", Ok(moved("http://")));
    let world = world(&web);
    assert_eq!(urls(&read(&world, "one.web", Plan::HOME).await), ["http://www.one.web/b"]);
    for (site, status) in [
        ("loop.web", "http_302"),
        ("chain.web", "http_302"),
        ("shut.web", "robots"),
        ("inner.web", "blocked_address"),
        ("nowhere.web", "http_302"),
        ("none.web", "http_404"),
        ("not a site", "no_site"),
    ] {
        assert_eq!(read(&world, site, Plan::HOME).await.status(), status, "{site}");
    }
    let pages = web.pages();
    assert_eq!(pages.iter().filter(|url| url.starts_with("https://chain.web/")).count(), 6);
    assert!(!pages.iter().any(|url| url.contains("private") || url.contains("10.0.0.1")));
}

#[tokio::test]
async fn slow_sites_end_in_time_and_what_was_read_counts() {
    let web = Arc::new(Web::default());
    let slow = Duration::from_millis(1_400);
    web.put_slow("https://one.web/", Ok(html("<a href=/contact1>1</a><a href=/contact2>2</a>")), slow);
    web.put_slow("https://one.web/contact1", Ok(html("<p>1")), slow);
    web.put_slow("https://one.web/contact2", Ok(html("<p>2")), slow);
    web.put_slow("https://two.web/", Ok(html("<p>late")), Duration::from_secs(60));
    let world = world(&web);
    let began = Instant::now();
    let (one, two) =
        futures_util::future::join(read(&world, "one.web", CONTACT), visit(&world, 2, "two.web", CONTACT)).await;
    assert!(began.elapsed() < Duration::from_millis(3_600), "{:?}", began.elapsed());
    assert_eq!(urls(&one), ["https://one.web/", "https://one.web/contact1"]);
    assert_eq!(two.unwrap().unwrap().status(), "timeout");
}

#[tokio::test]
async fn a_home_page_that_may_come_back_is_tried_twice_where_the_module_says_so() {
    let web = Arc::new(Web::default());
    web.put("https://one.web/", Ok(Answer { status: 503, ..Answer::default() }));
    web.put("https://two.web/", Ok(Answer { status: 404, ..Answer::default() }));
    let caps = Caps { site: Duration::from_secs(20), ..world(&web).caps };
    let world = World::new(web.clone(), Arc::new(Alone::default()), Arc::new(Shelf::default())).with(caps);
    let plan = Plan { twice: true, ..Plan::HOME };
    let both = futures_util::future::join(read(&world, "one.web", plan), visit(&world, 2, "two.web", plan)).await;
    assert_eq!((both.0.status(), both.1.unwrap().unwrap().status()), ("http_503".into(), "http_404".into()));
    assert_eq!(web.pages().iter().filter(|url| url.contains("one.web")).count(), 2);
    assert_eq!(web.pages().iter().filter(|url| url.contains("two.web")).count(), 1);
}

#[tokio::test]
async fn visitors_of_one_host_come_one_after_another_and_leave_it_alone_for_a_while() {
    let web = Arc::new(Web::default());
    for number in 0..6 {
        web.put_slow(&format!("https://one.web/{number}"), Ok(html("<p>x")), Duration::from_millis(20));
    }
    let world = world(&web);
    let began = Instant::now();
    let visits = (0..6_u64).map(|number| {
        let world = &world;
        async move { visit(world, number, &format!("one.web/{number}"), Plan::HOME).await.unwrap().unwrap().status() }
    });
    let all = futures_util::future::join_all(visits).await;
    assert!(all.iter().all(|status| status == "ok"), "{all:?}");
    // six pages and one robots.txt or more, a pause between each two
    assert!(began.elapsed() >= PAUSE * 6, "{:?}", began.elapsed());
}

#[tokio::test]
async fn a_run_that_closes_begins_nothing_and_holds_nothing() {
    let web = Arc::new(Web::default());
    web.put("https://one.web/", Ok(html("<p>x")));
    let hosts = Arc::new(Alone::default());
    let world = World::new(web.clone(), hosts.clone(), Arc::new(Shelf::default())).with(world(&web).caps);
    world.close();
    assert!(visit(&world, 1, "one.web", Plan::HOME).await.unwrap().is_none());
    assert!(web.asked.lock().unwrap().is_empty());
    tokio::time::sleep(PAUSE).await;
    assert_eq!(hosts.take("one.web", 9).await.unwrap(), Turn::Granted);
    // somebody else's host is not waited for
    assert!(visit(&world, 1, "one.web", Plan::HOME).await.unwrap().is_none());
}

#[tokio::test]
async fn a_page_that_was_read_before_is_asked_about() {
    let web = Arc::new(Web::default());
    let mut page = html("<p>x");
    page.headers.push(("etag".to_owned(), "\"1\"".to_owned()));
    web.put("https://one.web/", Ok(page));
    let world = world(&web);
    assert_eq!(read(&world, "one.web", Plan::HOME).await.requests, 2);
    // just now
    assert_eq!(read(&world, "one.web", Plan::HOME).await.requests, 0);
    world.age_pages(Duration::from_secs(11));
    web.put("https://one.web/", Ok(Answer { status: 304, ..Answer::default() }));
    let again = read(&world, "one.web", Plan::HOME).await;
    assert_eq!((again.status(), again.requests, again.pages.len()), ("ok".to_owned(), 1, 1));
}
