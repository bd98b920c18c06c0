//! The languages that people read.

/// Language of a user's mails (outsend 6.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Locale {
    /// English.
    En,
    /// French.
    Fr,
}

impl Locale {
    /// The stored and shown name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::En => "en",
            Self::Fr => "fr",
        }
    }

    /// Reads a name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        [Self::En, Self::Fr].into_iter().find(|locale| locale.as_str() == text)
    }

    /// The language of an `Accept-Language`: French only when the header prefers it (outsend 2.5, openscouter 7.3).
    #[must_use]
    pub fn preferred(accept_language: Option<&str>) -> Self {
        let (mut french, mut english) = ((0.0_f32, usize::MAX), (0.0_f32, usize::MAX));
        for (position, range) in accept_language.unwrap_or_default().split(',').enumerate() {
            let mut parts = range.split(';');
            let tag = parts.next().unwrap_or_default().trim().to_ascii_lowercase();
            let weight =
                parts.find_map(|part| part.trim().strip_prefix("q=")?.trim().parse::<f32>().ok()).unwrap_or(1.0);
            let primary = tag.split('-').next().unwrap_or_default();
            let best = match primary {
                "fr" => &mut french,
                "en" | "*" => &mut english,
                _ => continue,
            };
            if weight > best.0 {
                *best = (weight, position);
            }
        }
        let prefers = french.0 > english.0 || (french.0 > 0.0 && french.0 >= english.0 && french.1 < english.1);
        if prefers { Self::Fr } else { Self::En }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn french_only_when_it_is_preferred() {
        for french in ["fr", "fr-CA", "fr, en", "en;q=0.8, fr;q=0.9", "de, fr;q=0.2", "fr;q=0.5, *;q=0.5", "FR"] {
            assert_eq!(Locale::preferred(Some(french)), Locale::Fr, "{french}");
        }
        for english in ["en", "", "de", "en, fr", "*, fr", "fr;q=0.8, en", "fr;q=0", "fr;q=0.5, en-GB;q=0.6", "frx"] {
            assert_eq!(Locale::preferred(Some(english)), Locale::En, "{english}");
        }
        assert_eq!(Locale::preferred(None), Locale::En);
    }
}
