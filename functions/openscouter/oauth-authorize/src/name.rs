//! What clients call themselves, as people may see it.

/// What a client is called that has no name.
const NAMELESS: &str = "An application";

/// Whether a character is not seen, or changes how others are seen: controls, line ends, and what turns, joins or hides text.
fn is_unseen(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{ad}'
                | '\u{34f}'
                | '\u{600}'..='\u{605}'
                | '\u{61c}'
                | '\u{6dd}'
                | '\u{70f}'
                | '\u{115f}'..='\u{1160}'
                | '\u{17b4}'..='\u{17b5}'
                | '\u{180b}'..='\u{180f}'
                | '\u{200b}'..='\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{3164}'
                | '\u{fe00}'..='\u{fe0f}'
                | '\u{feff}'
                | '\u{ffa0}'
                | '\u{fff0}'..='\u{fffb}'
                | '\u{110bd}'
                | '\u{1bca0}'..='\u{1bca3}'
                | '\u{1d173}'..='\u{1d17a}'
                | '\u{e0000}'..='\u{e0fff}'
        )
}

/// A client's name without what is not seen or turns the text around it; also one that was registered before such names
/// were looked at.
pub(crate) fn plain(name: &str) -> String {
    let seen: String = name.chars().filter(|character| !is_unseen(*character)).collect();
    let plain = seen.split_whitespace().collect::<Vec<_>>().join(" ");
    if plain.is_empty() { NAMELESS.to_owned() } else { plain }
}

#[cfg(test)]
mod tests {
    use super::plain;

    #[test]
    fn names() {
        assert_eq!(plain("A  <client>\u{a0}é 名"), "A <client> é 名");
        assert_eq!(plain("Open\u{202e}Scouter\u{2066}"), "OpenScouter");
        for nothing in ["", " ", "\u{200b}\u{feff}\u{3164}", "\r\n"] {
            assert_eq!(plain(nothing), "An application");
        }
    }
}
