use std::{io::Cursor, sync::Arc, time::Duration};

use image::{DynamicImage, ImageFormat, Rgba, RgbaImage};
use serde_json::{Value, json};

use super::*;
use crate::{
    Module,
    web::{
        ask::{Answer, Missed},
        modules,
        testing::{Alone, Shelf, Web, html, visited},
        visit::{Visit, visit},
        world::Caps,
    },
};

const RED: [u8; 4] = [228, 0, 43, 255];
const BLUE: [u8; 4] = [0, 75, 160, 255];
const WHITE: [u8; 4] = [255, 255, 255, 255];

/// An image: stripes of colours, each as wide as the number beside it.
fn stripes(kind: ImageFormat, height: u32, stripes: &[([u8; 4], u32)]) -> Vec<u8> {
    let colours: Vec<[u8; 4]> =
        stripes.iter().flat_map(|(colour, wide)| std::iter::repeat_n(*colour, *wide as usize)).collect();
    let image = RgbaImage::from_fn(colours.len() as u32, height, |x, _| Rgba(colours[x as usize]));
    let mut bytes = Cursor::new(Vec::new());
    let image = DynamicImage::from(image);
    let image = if kind == ImageFormat::Jpeg { image.to_rgb8().into() } else { image };
    image.write_to(&mut bytes, kind).unwrap();
    bytes.into_inner()
}

#[test]
fn images_are_known_by_their_content() {
    let kinds = [
        (ImageFormat::Png, "png"),
        (ImageFormat::Jpeg, "jpg"),
        (ImageFormat::Gif, "gif"),
        (ImageFormat::WebP, "webp"),
        (ImageFormat::Ico, "ico"),
    ];
    for (kind, ending) in kinds {
        let content = stripes(kind, 20, &[(WHITE, 20), (BLUE, 8), (RED, 12)]);
        let picture = read(&content).unwrap();
        assert_eq!((picture.ending, picture.size), (ending, Some((40, 20))));
        let [first, second] = picture.colours[..2] else { panic!("{ending}: {:?}", picture.colours) };
        let near = |colour: Colour, wanted: [u8; 4]| colour.iter().zip(wanted).all(|(a, b)| a.abs_diff(b) < 12);
        assert!(near(first, RED) && near(second, BLUE), "{ending}: {:?}", picture.colours);
        if kind == ImageFormat::Png {
            assert_eq!(picture.colours, [[228, 0, 43], [0, 75, 160]]);
        }
        // what is cut off is no image
        assert!(read(&content[..content.len() / 2]).is_none_or(|cut| cut.size == picture.size), "{ending}");
    }
    let clear = stripes(ImageFormat::Png, 20, &[([228, 0, 43, 100], 40), (BLUE, 1)]);
    assert_eq!(read(&clear).unwrap().colours, [[0, 75, 160]]);
    for nothing in [&b""[..], b"no image", b"<html><svg></svg></html>", b"%PDF-1.7", b"BM\x1e\0\0\0\0\0\0\0\x1a\0\0\0"]
    {
        assert!(read(nothing).is_none(), "{nothing:?}");
    }
}

#[test]
fn drawings_have_the_colours_that_they_name() {
    let drawing = "<?xml version='1.0'?><!DOCTYPE svg PUBLIC '-//W3C//DTD SVG 1.1//EN' 'http://www.w3.org/x.dtd'>\
        <svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 120 40'><style>.a{fill:#004ba0}.b{stroke : rgb(228,0,43)}</style>\
        <path fill='#E4002B' d='M0 0'/><g style='fill:#e4002b;stroke:none'/><g fill='url(#x)' stroke='currentColor'/></svg>";
    let picture = read(drawing.as_bytes()).unwrap();
    assert_eq!((picture.ending, picture.size), ("svg", Some((120, 40))));
    assert_eq!(picture.colours, [[228, 0, 43], [0, 75, 160]]);
    let bare = read(b"<svg xmlns='http://www.w3.org/2000/svg' width='100%' height='1e99'/>").unwrap();
    assert_eq!(bare.size, None);
    assert_eq!(read(b"<svg width='12px' height='12'/>").unwrap().size, Some((12, 12)));
}

#[test]
fn hostile_images_cost_little() {
    // 30,000 x 30,000 pixels in a few bytes
    let mut vast = stripes(ImageFormat::Png, 1, &[(RED, 1)]);
    vast[16..24].copy_from_slice(&[0, 0, 0x75, 0x30, 0, 0, 0x75, 0x30]);
    let mut sum = flate2::Crc::new();
    sum.update(&vast[12..29]);
    vast[29..33].copy_from_slice(&sum.sum().to_be_bytes());
    let many = format!("<svg>{}</svg>", "<g/>".repeat(150_000));
    let deep = format!("<svg>{}{}</svg>", "<g>".repeat(40_000), "</g>".repeat(40_000));
    let laughs = "<!DOCTYPE svg [<!ENTITY a 'ha'><!ENTITY b '&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;'>\
        <!ENTITY c '&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;'><!ENTITY d '&c;&c;&c;&c;&c;&c;&c;&c;&c;&c;'>\
        <!ENTITY e '&d;&d;&d;&d;&d;&d;&d;&d;&d;&d;'><!ENTITY f '&e;&e;&e;&e;&e;&e;&e;&e;&e;&e;'>\
        <!ENTITY g '&f;&f;&f;&f;&f;&f;&f;&f;&f;&f;'>]><svg>&g;&g;&g;</svg>";
    let long = format!("<!DOCTYPE svg [<!ENTITY a '{}'>]><svg>{}</svg>", "x".repeat(100_000), "&a;".repeat(100_000));
    let wide = format!("<svg {}/>", (0..60_000).map(|place| format!("a{place}='' ")).collect::<String>());
    let spaced = format!("<svg {}/>", (0..40_000).map(|place| format!("a{place} = '>' ")).collect::<String>());
    let large = format!("<svg><!--{}--></svg>", "x".repeat(600_000));
    for none in [&long, &wide, &large] {
        assert!(read(none.as_bytes()).is_none());
    }
    let began = std::time::Instant::now();
    read(spaced.as_bytes());
    assert!(began.elapsed() < std::time::Duration::from_secs(1), "{:?}", began.elapsed());
    for content in [vast, many.into_bytes(), deep.into_bytes(), laughs.as_bytes().to_vec()] {
        let used = allocation_counter::measure(|| {
            read(&content);
        });
        assert!(used.bytes_max < 80 * 1024 * 1024, "{} bytes for {}", used.bytes_max, content.len());
    }
}

/// A web with a home page and images, each under its path.
fn web(home: &str, images: &[(&str, Vec<u8>)]) -> Arc<Web> {
    let web = Web::default();
    web.put("https://dupont.fr/", Ok(html(home)));
    for (path, body) in images {
        let url = Url::parse("https://dupont.fr/").unwrap().join(path).unwrap();
        web.put(url.as_str(), Ok(Answer { status: 200, body: body.clone(), ..Answer::default() }));
    }
    Arc::new(web)
}

/// The cells of a visit, and what was kept.
async fn cells(web: Arc<Web>) -> (Value, Arc<Shelf>) {
    let pause = (Duration::from_millis(1), Duration::from_millis(1));
    let shelf = Arc::new(Shelf::default());
    let world = World::new(web, Arc::new(Alone::default()), shelf.clone()).with(Caps { pause, ..Caps::default() });
    let enricher = modules::of(Module::BrandAssets, false).unwrap();
    let visit = visit(&world, 1, "dupont.fr", enricher.plan).await.unwrap().unwrap();
    (visited(enricher, &visit), shelf)
}

#[tokio::test]
async fn a_brand_is_what_its_home_page_names() {
    let png = |colour| stripes(ImageFormat::Png, 32, &[(colour, 32)]);
    let home = "<link rel='icon' href='/tab.png'><link rel='apple-touch-icon' href='/touch.png'><link rel='mask-icon' href='/m.svg'>\
        <meta property='og:image' content='https://cdn.dupont.fr/card.png'>\
        <script type='application/ld+json'>{\"@graph\":[{\"@type\":\"Organization\",\"logo\":{\"@type\":\"ImageObject\",\"url\":\"/gone.png\"}}]}</script>\
        <header><img src='/small.png' class='logo'><a href='/'><img src='data:image/gif;base64,R0lGODlhAQABAAAAACw=' data-src='logo.svg'></a></header>\
        <img src='/partner-logo.png'><a href='https://dupont.fr'><img alt='Logo Dupont' src='/foot.png'></a>";
    let svg = b"<svg xmlns='http://www.w3.org/2000/svg' width='90' height='30'><path fill='#e4002b'/></svg>".to_vec();
    let web = web(
        home,
        &[
            ("/tab.png", png(BLUE)),
            ("/touch.png", png(RED)),
            ("/small.png", stripes(ImageFormat::Png, 8, &[(RED, 8)])),
            ("/logo.svg", svg.clone()),
            ("/partner-logo.png", png(WHITE)),
            ("/foot.png", png(RED)),
            ("https://cdn.dupont.fr/card.png", b"not an image".to_vec()),
        ],
    );
    let (found, shelf) = cells(web).await;
    let files = shelf.0.lock().unwrap();
    let path =
        |content: &[u8]| files.iter().find(|(_, known)| known.as_slice() == content).map(|(path, _)| path.clone());
    let red = "#e4002b";
    let expected = json!([
        "https://dupont.fr/logo.svg",
        path(&svg),
        "img-logo",
        // two that are one file, then the tab's icon
        [path(&png(RED)), path(&png(BLUE))],
        "https://dupont.fr/tab.png",
        path(&png(BLUE)),
        red,
        "logo",
        [red, red, red, red, red]
    ]);
    assert_eq!(found, expected);
}

#[tokio::test]
async fn a_page_without_a_logo_has_its_icon_and_its_theme() {
    let ico = stripes(ImageFormat::Ico, 16, &[(BLUE, 10), (RED, 6)]);
    let (found, _) = cells(web("<meta name=theme-color content='tomato'>", &[("/favicon.ico", ico)])).await;
    // where browsers look by themselves is the tab's icon, and no logo
    let tomato = "#ff6347";
    let palette = [tomato; 5];
    let icon = "https://dupont.fr/favicon.ico";
    assert_eq!(found, json!([null, null, null, [], icon, "/0.ico", tomato, "theme-color", palette]));

    let icon = "<link rel='shortcut icon' href='/i.png'><meta name='theme-color' content='transparent'>";
    let png = stripes(ImageFormat::Png, 16, &[(BLUE, 10), (RED, 6)]);
    let (found, _) = cells(web(icon, &[("/i.png", png)])).await;
    let (url, path, red) = ("https://dupont.fr/i.png", "/0.png", "#e4002b");
    assert_eq!(found, json!([url, path, "favicon", [], url, path, "#004ba0", "logo", [red, red, red, red, red]]));

    let (nothing, shelf) = cells(web("<p>Bonjour</p>", &[])).await;
    assert_eq!(nothing, json!([null, null, null, [], null, null, null, null, []]));
    assert!(shelf.0.lock().unwrap().is_empty());
}

#[tokio::test]
async fn images_are_asked_for_as_politely_as_pages() {
    let home = "<header><img src='/secret/logo.png'><img src='http://10.0.0.1/logo.png'><img src='/logo.png'></header>";
    let web = web(home, &[("/secret/logo.png", stripes(ImageFormat::Png, 20, &[(RED, 20)]))]);
    web.put(
        "https://dupont.fr/robots.txt",
        Ok(Answer { status: 200, body: b"User-agent: *\nDisallow: /secret/".to_vec(), ..Answer::default() }),
    );
    web.put("http://10.0.0.1/robots.txt", Err(Missed::Blocked));
    web.put("https://dupont.fr/logo.png", Err(Missed::TooLarge));
    let (found, _) = cells(Arc::clone(&web)).await;
    assert_eq!(found[0], Value::Null);
    assert!(
        !web.pages().iter().any(|url| url.contains("secret") || url.contains("10.0.0.1/logo")),
        "{:?}",
        web.pages()
    );
    let none = Visit::default();
    assert_eq!(visited(modules::of(Module::BrandAssets, false).unwrap(), &none)[8], json!([]));
}
