//! Money in minor units (openscouter 2.1, 16.1). All of it is computed on integers and decimal texts.

/// Currencies without decimals.
pub const WHOLE_CURRENCIES: [&str; 16] =
    ["BIF", "CLP", "DJF", "GNF", "JPY", "KMF", "KRW", "MGA", "PYG", "RWF", "UGX", "VND", "VUV", "XAF", "XOF", "XPF"];
/// Currencies with three decimals.
const THREE_DECIMALS: [&str; 7] = ["BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"];

/// Decimals of a currency's minor unit.
fn decimals(currency: &str) -> usize {
    if WHOLE_CURRENCIES.contains(&currency) {
        0
    } else if THREE_DECIMALS.contains(&currency) {
        3
    } else {
        2
    }
}

/// A decimal text such as `12.5` in units of `10^-places`; `None` when it is none, or has more places.
fn scaled(text: &str, places: usize) -> Option<u64> {
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || part.len() > places || !digits(whole) || !digits(part) {
        return None;
    }
    format!("{whole}{part:0<places$}").parse().ok()
}

/// An amount in major units, as a decimal text, in minor units; `None` when the currency has no such amount.
#[must_use]
pub fn minor_units(amount: &str, currency: &str) -> Option<u64> {
    scaled(amount, decimals(currency))
}

/// Minor units as people read them, in major units with the currency's decimals.
#[must_use]
pub fn major_units(minor: u64, currency: &str) -> String {
    let places = decimals(currency);
    let digits = format!("{minor:0>width$}", width = places + 1);
    let (whole, part) = digits.split_at(digits.len() - places);
    if part.is_empty() { whole.to_owned() } else { format!("{whole}.{part}") }
}

/// The share of each payout that the platform keeps (openscouter 1.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FeeRate {
    /// In millionths.
    millionths: u64,
}

impl FeeRate {
    const PLACES: usize = 6;
    const ONE: u64 = 1_000_000;

    /// Reads a decimal text from 0 to 1, of at most six places.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        scaled(text, Self::PLACES).filter(|millionths| *millionths <= Self::ONE).map(|millionths| Self { millionths })
    }

    /// The fee of an amount: the product, rounded; a half is rounded up (openscouter 16.1).
    #[must_use]
    pub fn of(self, amount_minor: u64) -> u64 {
        let product = u128::from(amount_minor) * u128::from(self.millionths) + u128::from(Self::ONE / 2);
        // a share of an amount fits where the amount does
        u64::try_from(product / u128::from(Self::ONE)).unwrap_or(amount_minor)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn amounts() {
        for (amount, currency, minor) in [
            ("15", "USD", Some(1_500)),
            ("19.99", "EUR", Some(1_999)),
            ("0.1", "USD", Some(10)),
            ("0", "USD", Some(0)),
            ("10000", "USD", Some(1_000_000)),
            ("1500", "JPY", Some(1_500)),
            ("1.5", "KWD", Some(1_500)),
            ("1.5", "JPY", None),
            ("1.005", "USD", None),
            ("-1", "USD", None),
            ("1e3", "USD", None),
            ("NaN", "USD", None),
            ("", "USD", None),
            (".5", "USD", None),
        ] {
            assert_eq!(minor_units(amount, currency), minor, "{amount} {currency}");
        }
    }

    #[test]
    fn amounts_as_people_read_them() {
        for (minor, currency, told) in [
            (1_500, "USD", "15.00"),
            (5, "EUR", "0.05"),
            (1_500, "JPY", "1500"),
            (1_500, "KWD", "1.500"),
            (0, "USD", "0.00"),
        ] {
            assert_eq!(major_units(minor, currency), told);
            assert_eq!(minor_units(told, currency), Some(minor));
        }
    }

    #[test]
    fn fees() {
        let rate = |text: &str| FeeRate::parse(text).unwrap();
        for (text, amount, fee) in [
            ("0.15", 1_500, 225),
            ("0.15", 1_990, 299),
            ("0.15", 1_993, 299),
            ("0.15", 10, 2),
            ("0.15", 3, 0),
            ("0", 1_500, 0),
            ("1", 1_500, 1_500),
            ("0.333333", 1_000_000, 333_333),
            ("1", u64::MAX, u64::MAX),
        ] {
            assert_eq!(rate(text).of(amount), fee, "{amount} x {text}");
        }
        for wrong in ["", "15%", "1.1", "-0.1", "0.1234567", "1e-1", ".15", "0,15"] {
            assert_eq!(FeeRate::parse(wrong), None, "{wrong}");
        }
    }

    proptest! {
        // what JSON's numbers print is exact for every amount that a study may have
        #[test]
        fn every_amount_of_a_study_is_exact(minor in 0_u64..=1_000_000) {
            let major: f64 = format!("{}.{:02}", minor / 100, minor % 100).parse().unwrap();
            prop_assert_eq!(minor_units(&major.to_string(), "USD"), Some(minor));
        }
    }
}
