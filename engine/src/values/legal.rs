//! French company numbers (outsend 11.4).

fn compact(text: &str) -> String {
    text.chars().filter(|letter| !letter.is_whitespace() && *letter != '.' && *letter != '\u{2060}').collect()
}

fn digits(text: &str, count: usize) -> Option<Vec<u32>> {
    (text.len() == count).then(|| text.chars().map(|digit| digit.to_digit(10)).collect())?
}

fn luhn(digits: &[u32]) -> bool {
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(index, digit)| match digit * (1 + u32::from(index % 2 == 1)) {
            high if high > 9 => high - 9,
            low => low,
        })
        .sum();
    sum.is_multiple_of(10)
}

/// A valid SIREN without its separators (outsend 11.4).
#[must_use]
pub fn siren(text: &str) -> Option<String> {
    let number = compact(text);
    let digits = digits(&number, 9)?;
    (digits.iter().any(|digit| *digit != 0) && luhn(&digits)).then_some(number)
}

/// A valid SIRET without its separators (outsend 11.4).
#[must_use]
pub fn siret(text: &str) -> Option<String> {
    let number = compact(text);
    let digits = digits(&number, 14)?;
    let head = siren(number.get(..9)?)?;
    // the post office's establishments follow their own rule
    let post = head == "356000000" && digits.iter().sum::<u32>().is_multiple_of(5);
    (post || luhn(&digits)).then_some(number)
}

/// A valid French VAT number, upper case and without separators (outsend 11.4).
#[must_use]
pub fn vat(text: &str) -> Option<String> {
    let number = compact(text).to_ascii_uppercase();
    let rest = number.strip_prefix("FR")?;
    let (key, company) = (rest.get(..2)?, rest.get(2..)?);
    let company: u64 = siren(company).filter(|valid| valid == company)?.parse().ok()?;
    let allowed = |byte: u8| byte.is_ascii_digit() || (byte.is_ascii_uppercase() && byte != b'I' && byte != b'O');
    if !key.bytes().all(allowed) {
        return None;
    }
    // keys with letters follow a rule that is not published: only their form can be judged
    let right = key.parse::<u64>().map_or(true, |key| key == (12 + 3 * (company % 97)) % 97);
    right.then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vectors_of_the_contract() {
        assert_eq!(siren("732829320").as_deref(), Some("732829320"));
        assert_eq!(siren("732 829.320").as_deref(), Some("732829320"));
        assert_eq!(siren("732\u{a0}829\u{202f}320").as_deref(), Some("732829320"));
        assert_eq!(siren("123456789"), None);
        assert_eq!(siren("000000000"), None);
        assert_eq!(siren("73282932"), None);
        assert_eq!(siren("73282932é"), None);
        assert_eq!(siret("732 829 320 00074").as_deref(), Some("73282932000074"));
        assert_eq!(siret("35600000009075").as_deref(), Some("35600000009075"));
        assert_eq!(siret("73282932000075"), None);
        assert_eq!(siret("732829320"), None);
        assert_eq!(vat("FR44732829320").as_deref(), Some("FR44732829320"));
        assert_eq!(vat("fr 44 732 829 320").as_deref(), Some("FR44732829320"));
        assert_eq!(vat("FR45732829320"), None);
        assert_eq!(vat("FRIO732829320"), None);
        assert_eq!(vat("FRÉ732829320"), None);
        assert_eq!(vat("DE44732829320"), None);
        assert_eq!(vat(""), None);
    }
}
