use super::*;

fn links(parts: &Parts) -> Vec<(&str, &str)> {
    parts.links.iter().map(|link| (link.href.as_str(), link.text.as_str())).collect()
}

#[test]
fn a_page_is_taken_apart() {
    let parts = parts(
        r#"<!doctype html><html><head><title> Garage
          Dupont </title><base href="/fr/"><meta NAME=Generator content="WordPress 6"><meta property="og:title" content="x">
          <link rel=icon href=/i.ico><script src="//cdn.test/a.js"></script><style>p{}</style>
          <script type="application/ld+json">{"email":"a@b.fr"}</script></head>
          <body><h1>Bon&shy;jour&nbsp;&amp; bienvenue</h1><p>un <b>deux</b><br>trois</p><!-- unseen -->
          <a href="contact.html">Nous <i>contacter</i></a><area href="/plan" title=Plan>
          <noscript><p>sans script</p></noscript><template><p>never</p></template><textarea>typed</textarea>
          <iframe src="/carte" title="Carte"><a href=no>no</a></iframe>
          <a class=__cf_email__ data-cfemail=5a1a>[email protected]</a>fin</body></html>"#,
    );
    assert_eq!(parts.title.trim(), "Garage Dupont");
    assert_eq!(
        parts.text.lines().map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>(),
        ["Bonjour & bienvenue", "un deux", "trois", "Nous contacter", "sans script", "typed [email protected]fin"]
    );
    assert_eq!(links(&parts), [("contact.html", "Nous contacter"), ("/plan", "Plan"), ("/carte", "Carte")]);
    assert!(parts.links[2].frame && !parts.links[0].frame);
    assert_eq!(parts.text.get(parts.links[0].at..parts.links[0].at + 4), Some("Nous"));
    assert_eq!(parts.metas, [("generator".to_owned(), "WordPress 6".to_owned()), ("og:title".into(), "x".into())]);
    assert_eq!((parts.scripts, parts.linked), (vec!["//cdn.test/a.js".to_owned()], vec!["/i.ico".to_owned()]));
    assert_eq!((parts.json, parts.hidden), (vec![r#"{"email":"a@b.fr"}"#.to_owned()], vec!["5a1a".to_owned()]));
    assert_eq!(parts.base.as_deref(), Some("/fr/"));
}

#[test]
fn broken_pages_give_what_can_be_read() {
    assert_eq!(links(&parts("<a href=one>1<a href='two'>2")), [("one", "1"), ("two", "2")]);
    assert_eq!(links(&parts("<A HREF=\"a\nb\">x</A")), [("a\nb", "x")]);
    assert_eq!(parts("<p>a<p>b</div>c").text, "a\nb\nc");
    assert_eq!(parts("<script>var a = '<p>no</p>'").text, "");
    assert_eq!(parts("<title>open").title, "open");
    assert_eq!(parts("a < b &amp &#105;nfo&#64;x.fr").text, "a < b & info@x.fr");
    assert_eq!(parts("").text, "");
    let frames = parts("<frameset><frame name=menu src=menu.htm><frame src=main.htm></frameset>");
    assert_eq!(links(&frames), [("menu.htm", "menu"), ("main.htm", "")]);
}

#[test]
fn hostile_pages_cost_what_is_kept_of_them() {
    let deep = "<div>".repeat(400_000);
    let many = "<a href=/x>y</a>".repeat(100_000);
    let attributes = format!("<p {}>", "a=b ".repeat(400_000));
    let long = format!("<a href='{}'>", "x".repeat(2 * 1024 * 1024));
    for page in [deep, many, attributes, long, "<".repeat(2 * 1024 * 1024), "&".repeat(2 * 1024 * 1024)] {
        let began = std::time::Instant::now();
        let info = allocation_counter::measure(|| {
            let parts = parts(&page);
            assert!(parts.links.len() <= MAX_LINKS && parts.text.len() <= MAX_TEXT + 4);
        });
        assert!(info.bytes_max < 16 * 1024 * 1024, "{}", info.bytes_max);
        // unoptimised, on a machine that does other things, too
        assert!(began.elapsed().as_secs() < 20, "{:?}", began.elapsed());
    }
}
