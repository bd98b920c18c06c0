//! What an image is, by its content alone: its kind, its size, its colours (outsend 8.5, 12.10).

use std::io::Cursor;

use image::{DynamicImage, GenericImageView as _, ImageDecoder as _, ImageFormat, ImageReader, Limits};
use roxmltree::{Document, Node, ParsingOptions};

use super::colours::{self, Colour};

/// Most pixels of an image whose colours are looked at.
const MAX_PIXELS: u64 = 4 * 1024 * 1024;
/// About how many of them are.
const LOOKED_AT: u32 = 512;
/// Most memory that an image may take.
const MAX_MEMORY: u64 = 64 * 1024 * 1024;
/// Most bytes of a drawing, and most attributes of one of its parts: they are compared with one another.
const MAX_DRAWING: usize = 512 * 1024;
const MAX_ATTRIBUTES: usize = 1_000;
/// Most parts of a drawing.
const MAX_NODES: u32 = 100_000;

/// An image that is allowed.
#[derive(Debug)]
pub(crate) struct Picture {
    /// The ending of its name.
    pub(crate) ending: &'static str,
    /// Width and height; `None` of a drawing that names none.
    pub(super) size: Option<(u32, u32)>,
    /// Its colours, the most frequent one first.
    pub(super) colours: Vec<Colour>,
}

/// Reads an image; `None` when it is none that is allowed, or broken.
pub(crate) fn read(content: &[u8]) -> Option<Picture> {
    pixels(content).or_else(|| drawing(content))
}

fn pixels(content: &[u8]) -> Option<Picture> {
    let mut reader = ImageReader::new(Cursor::new(content)).with_guessed_format().ok()?;
    let ending = match reader.format()? {
        ImageFormat::Png => "png",
        ImageFormat::Jpeg => "jpg",
        ImageFormat::Gif => "gif",
        ImageFormat::WebP => "webp",
        ImageFormat::Ico => "ico",
        _ => return None,
    };
    let mut limits = Limits::default();
    limits.max_alloc = Some(MAX_MEMORY);
    reader.limits(limits);
    let decoder = reader.into_decoder().ok()?;
    let (width, height) = decoder.dimensions();
    if width == 0 || height == 0 {
        return None;
    }
    let colours = if u64::from(width) * u64::from(height) <= MAX_PIXELS {
        seen(&DynamicImage::from_decoder(decoder).ok()?)
    } else {
        Vec::new()
    };
    Some(Picture { ending, size: Some((width, height)), colours })
}

/// The colours of an image, of a large one at places that lie evenly over it.
fn seen(image: &DynamicImage) -> Vec<Colour> {
    let (width, height) = image.dimensions();
    let step = |side: u32| side.div_ceil(LOOKED_AT).max(1) as usize;
    let columns = (0..width).step_by(step(width));
    let places = columns.flat_map(|x| (0..height).step_by(step(height)).map(move |y| (x, y)));
    let shown = places.filter_map(|(x, y)| {
        let [red, green, blue, alpha] = image.get_pixel(x, y).0;
        (alpha >= 128).then_some([red, green, blue])
    });
    colours::frequent(shown)
}

fn drawing(content: &[u8]) -> Option<Picture> {
    if content.len() > MAX_DRAWING {
        return None;
    }
    let text = std::str::from_utf8(content).ok()?.trim_start_matches('\u{feff}').trim_start();
    if !text.starts_with('<') || !text.contains("<svg") {
        return None;
    }
    // entities make much of little; and within an element nothing begins another one
    if text.contains("<!ENTITY") || text.split('<').any(|part| part.matches('=').count() > MAX_ATTRIBUTES) {
        return None;
    }
    let options = ParsingOptions { allow_dtd: true, nodes_limit: MAX_NODES, ..ParsingOptions::default() };
    let document = Document::parse_with_options(text, options).ok()?;
    let root = document.root_element();
    if root.tag_name().name() != "svg" {
        return None;
    }
    let painted = document.descendants().flat_map(painted);
    Some(Picture { ending: "svg", size: drawn_size(root), colours: colours::frequent(painted) })
}

/// Width and height in pixels, else those of what is shown.
fn drawn_size(root: Node<'_, '_>) -> Option<(u32, u32)> {
    let number = |text: &str| text.trim().trim_end_matches("px").trim().parse::<f64>().ok();
    let side = |name: &str| root.attribute(name).and_then(number);
    let shown = || {
        let view = root.attribute("viewBox")?;
        let mut sides = view.split([' ', ',']).filter(|part| !part.is_empty()).skip(2).map(number);
        Some((sides.next()??, sides.next()??))
    };
    let (width, height) = side("width").zip(side("height")).or_else(shown)?;
    let whole = |side: f64| (side.is_finite() && side > 0.0).then(|| side.min(f64::from(u16::MAX)).round());
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "whole, and within u16")]
    let size = (whole(width)? as u32, whole(height)? as u32);
    Some(size)
}

/// The colours that an element is painted with, as its attributes or its styles say.
fn painted(node: Node<'_, '_>) -> Vec<Colour> {
    const PAINTS: [&str; 3] = ["fill", "stroke", "stop-color"];
    let own =
        node.attributes().filter(|attribute| PAINTS.contains(&attribute.name())).map(|attribute| attribute.value());
    let styles = if node.has_tag_name("style") || node.tag_name().name() == "style" {
        node.text()
    } else {
        node.attribute("style")
    };
    let styles = styles.unwrap_or_default().split([';', '{', '}']).filter_map(|rule| {
        let (name, value) = rule.split_once(':')?;
        PAINTS.contains(&name.trim()).then_some(value)
    });
    own.chain(styles).filter_map(colours::parse).collect()
}
