//! The images by which a site is known: what its home page names, fetched, judged by their content and kept (outsend
//! 12.10).

mod candidates;
mod colours;
mod picture;

use std::{collections::HashMap, sync::Arc};

use url::Url;

pub(super) use self::{
    candidates::Source,
    colours::{Colour, hex, parse as parse_colour},
    picture::{Picture, read},
};
use super::{ask::Wanted, page::Page, visitor::Visitor, world::World};
use crate::{Fault, ahead::Stop};

/// Most logos beside the first one.
const VARIANTS: usize = 4;
/// Most images of a site that are asked for.
const MOST: usize = 12;
/// The least side of a logo.
const LEAST: u32 = 16;

/// What was kept of a site.
#[derive(Debug, Default)]
pub(super) struct Brand {
    /// The logo, and where it was named.
    pub(super) logo: Option<(Source, Kept)>,
    /// Where other logos are served from.
    pub(super) variants: Vec<String>,
    /// The icon of the browser's tab.
    pub(super) favicon: Option<Kept>,
}

/// An image that was kept.
#[derive(Clone, Debug)]
pub(super) struct Kept {
    /// Where it is on the web.
    pub(super) url: Url,
    /// Where it is served from here.
    pub(super) path: String,
    /// Its colours, the most frequent one first.
    pub(super) colours: Vec<Colour>,
    size: Option<(u32, u32)>,
}

impl Kept {
    /// Whether it is large enough for a logo; a drawing that names no size is.
    fn is_logo(&self) -> bool {
        self.size.is_none_or(|(width, height)| width >= LEAST && height >= LEAST)
    }
}

/// Takes an image apart, and keeps it when it is one that is allowed.
pub(super) async fn keep(world: &World, content: Vec<u8>) -> Result<Option<(Picture, String)>, Fault> {
    let turn = world.decoding.acquire().await;
    let judged = tokio::task::spawn_blocking(move || read(&content).map(|picture| (picture, content))).await;
    drop(turn);
    // an image at which its reader gives up is none
    let Some((picture, content)) = judged.ok().flatten() else { return Ok(None) };
    let path = world.assets.keep(content, picture.ending).await?;
    Ok(Some((picture, path)))
}

/// Keeps the images that the home page names: the logo, then the tab's icon, then other logos, as far as the time lasts.
pub(super) async fn of(visitor: &mut Visitor<'_>, pages: &[Arc<Page>]) -> Result<Brand, Stop> {
    let Some(home) = pages.first() else { return Ok(Brand::default()) };
    let mut album = Album { visitor, known: HashMap::new() };
    let (logos, mut brand) = (candidates::logos(home), Brand::default());
    let mut others = logos.iter();
    for (source, url) in others.by_ref() {
        if let Some(kept) = album.get(url).await?.filter(Kept::is_logo) {
            brand.logo = Some((*source, kept));
            break;
        }
    }
    for url in candidates::icons(home) {
        brand.favicon = album.get(&url).await?;
        if brand.favicon.is_some() {
            break;
        }
    }
    for (_, url) in others {
        if brand.variants.len() == VARIANTS {
            break;
        }
        let Some(kept) = album.get(url).await?.filter(Kept::is_logo) else { continue };
        let first = brand.logo.as_ref().is_some_and(|(_, logo)| logo.path == kept.path);
        if !first && !brand.variants.contains(&kept.path) {
            brand.variants.push(kept.path);
        }
    }
    Ok(brand)
}

/// The images of a site that were asked for already.
struct Album<'a, 'w> {
    visitor: &'a mut Visitor<'w>,
    known: HashMap<Url, Option<Kept>>,
}

impl Album<'_, '_> {
    /// An image, when it is there and one that is allowed.
    async fn get(&mut self, url: &Url) -> Result<Option<Kept>, Stop> {
        if let Some(known) = self.known.get(url) {
            return Ok(known.clone());
        }
        if self.known.len() == MOST {
            return Ok(None);
        }
        let kept = match self.visitor.file(url, Wanted::Image).await {
            Ok(content) => keep(self.visitor.world(), content).await?.map(|(picture, path)| Kept {
                url: url.clone(),
                path,
                colours: picture.colours,
                size: picture.size,
            }),
            Err(Stop::Missed(_)) => None,
            Err(stop) => return Err(stop),
        };
        self.known.insert(url.clone(), kept.clone());
        Ok(kept)
    }
}

#[cfg(test)]
mod tests;
