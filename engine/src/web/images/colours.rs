//! The colours of a brand (outsend 12.10).

use std::collections::HashMap;

/// Red, green and blue.
pub(crate) type Colour = [u8; 3];

/// A brand's colour and five more.
const MOST: usize = 6;

/// Reads a colour as CSS writes it; one that is rather not to be seen is none.
pub(crate) fn parse(text: &str) -> Option<Colour> {
    let [red, green, blue, alpha] = csscolorparser::parse(text.trim()).ok()?.to_rgba8();
    (alpha >= 128).then_some([red, green, blue])
}

/// A colour as the wire has it: `#rrggbb`.
pub(crate) fn hex([red, green, blue]: Colour) -> String {
    format!("#{red:02x}{green:02x}{blue:02x}")
}

/// Whether a colour says something: near white and near black are what things stand on.
pub(super) fn tells(colour: Colour) -> bool {
    !colour.iter().all(|channel| *channel > 239) && !colour.iter().all(|channel| *channel < 16)
}

/// The most frequent colours, those that look alike as one: four bits of each channel make a group, which its most
/// frequent colour stands for.
pub(super) fn frequent(colours: impl Iterator<Item = Colour>) -> Vec<Colour> {
    let mut groups: HashMap<[u8; 3], HashMap<Colour, u64>> = HashMap::new();
    for colour in colours.filter(|colour| tells(*colour)) {
        *groups.entry(colour.map(|channel| channel >> 4)).or_default().entry(colour).or_default() += 1;
    }
    let mut groups: Vec<(u64, [u8; 3], Colour)> = groups
        .into_iter()
        .filter_map(|(group, members)| {
            let count = members.values().sum();
            let (colour, _) =
                members.into_iter().max_by(|(one, a), (other, b)| a.cmp(b).then_with(|| other.cmp(one)))?;
            Some((count, group, colour))
        })
        .collect();
    groups.sort_by(|(a, one, _), (b, other, _)| b.cmp(a).then_with(|| one.cmp(other)));
    groups.into_iter().take(MOST).map(|(_, _, colour)| colour).collect()
}
