//! The shipped data lists (outsend 11.6): plain text files, one entry a line, `#` begins a comment.

use std::{
    collections::{HashMap, HashSet},
    sync::LazyLock,
};

use crate::values::fold;

type List = LazyLock<HashSet<&'static str>>;

static ROLE: List = LazyLock::new(|| entries(include_str!("../data/role.txt")).collect());
static NEVER: List = LazyLock::new(|| entries(include_str!("../data/never.txt")).collect());
static FREE_MAIL: List = LazyLock::new(|| entries(include_str!("../data/free_mail.txt")).collect());
static FIRST_NAMES: List = LazyLock::new(|| entries(include_str!("../data/first_names.txt")).collect());
static BIG_PROVIDERS: List = LazyLock::new(|| entries(include_str!("../data/big_providers.txt")).collect());
static AGGREGATORS: List = LazyLock::new(|| entries(include_str!("../data/aggregators.txt")).collect());
static DISPOSABLE: List = LazyLock::new(|| entries(include_str!("../data/disposable.txt")).collect());
static PARKING: LazyLock<Vec<&'static str>> = LazyLock::new(|| entries(include_str!("../data/parking.txt")).collect());
static PARKING_HOSTS: List = LazyLock::new(|| PARKING.iter().copied().filter(|entry| !entry.contains(' ')).collect());
static TYPOS: LazyLock<HashMap<&'static str, &'static str>> = LazyLock::new(|| {
    entries(include_str!("../data/typos.txt")).filter_map(|line| line.split_once(char::is_whitespace)).collect()
});

static LEGAL_FORMS: LazyLock<HashMap<&'static str, &'static str>> = LazyLock::new(|| {
    entries(include_str!("../data/legal_forms.txt")).filter_map(|line| line.split_once(' ')).collect()
});

fn entries(text: &'static str) -> impl Iterator<Item = &'static str> {
    text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'))
}

/// Whether a host is a domain of the list or below one.
fn below(list: &HashSet<&'static str>, host: &str) -> bool {
    let host = host.trim_end_matches('.');
    let mut rest = Some(host);
    while let Some(domain) = rest {
        if list.contains(domain) {
            return true;
        }
        rest = domain.split_once('.').map(|(_, parent)| parent);
    }
    false
}

/// Whether a folded local part names a function: the role list (outsend 11.6).
#[must_use]
pub fn is_role(folded: &str) -> bool {
    ROLE.contains(folded)
}

/// Whether a normalised address is dropped wherever it is found: the never list (outsend 11.6).
#[must_use]
pub fn is_never(address: &str) -> bool {
    let (local, domain) = address.rsplit_once('@').unwrap_or((address, ""));
    let folded = fold(local);
    NEVER.iter().any(|entry| match entry.strip_prefix('*') {
        Some(ending) => local.ends_with(ending),
        None => match entry.strip_prefix('@') {
            Some(listed) => listed.strip_prefix('*').map_or(listed == domain, |ending| domain.ends_with(ending)),
            None => *entry == folded,
        },
    })
}

/// Whether a lower-case domain gives addresses to anybody: the free mail list (outsend 11.6).
#[must_use]
pub fn is_free_mail(domain: &str) -> bool {
    FREE_MAIL.contains(domain)
}

/// Whether a folded word is a given name: the list of first names (outsend 11.6).
#[must_use]
pub fn is_first_name(folded: &str) -> bool {
    FIRST_NAMES.contains(folded)
}

/// Whether a lower-case mail exchanger belongs to a big provider, by its ending (outsend 11.6).
#[must_use]
pub fn is_big_provider(exchanger: &str) -> bool {
    below(&BIG_PROVIDERS, exchanger)
}

/// The domain that a mistyped lower-case one stands for (outsend 11.6).
#[must_use]
pub fn typo(domain: &str) -> Option<&'static str> {
    TYPOS.get(domain).copied()
}

/// What INSEE's code of a legal form stands for (outsend 12.12).
#[must_use]
pub fn legal_form(code: &str) -> Option<&'static str> {
    LEGAL_FORMS.get(code).copied()
}

/// Whether a lower-case host is on an aggregator domain (outsend 11.6).
#[must_use]
pub fn is_aggregator(host: &str) -> bool {
    below(&AGGREGATORS, host)
}

/// Whether a lower-case host shows pages of domains that have no site (outsend 11.6).
#[must_use]
pub fn is_parking_host(host: &str) -> bool {
    below(&PARKING_HOSTS, host)
}

/// Texts of such pages, in lower case (outsend 11.6).
pub fn parking_marks() -> impl Iterator<Item = &'static str> {
    PARKING.iter().copied().filter(|entry| entry.contains(' '))
}

/// Whether a lower-case domain gives mailboxes that are thrown away, or is below one that does (outsend 11.6).
#[must_use]
pub fn is_disposable(domain: &str) -> bool {
    below(&DISPOSABLE, domain)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::values;

    #[test]
    fn the_lists_hold_at_least_what_the_contract_names() {
        for word in
            "info contact hello bonjour accueil admin administration commercial vente sales support sav service \
            office secretariat rh jobs recrutement compta facturation direction marketing presse press webmaster \
            reservation reservations booking team equipe mail email help privacy dpo rgpd"
                .split_whitespace()
        {
            assert!(is_role(word), "{word}");
        }
        for domain in "gmail.com outlook.com outlook.fr hotmail.com hotmail.fr live.fr yahoo.com yahoo.fr icloud.com \
            orange.fr wanadoo.fr free.fr sfr.fr laposte.net bbox.fr gmx.com proton.me"
            .split_whitespace()
        {
            assert!(is_free_mail(domain), "{domain}");
        }
        for host in "facebook.com www.instagram.com fr.linkedin.com twitter.com x.com tiktok.com youtube.com linktr.ee \
            pagesjaunes.fr yelp.com yelp.fr tripadvisor.com tripadvisor.fr doctolib.fr planity.com thefork.com \
            lafourchette.com ubereats.com deliveroo.fr booking.com airbnb.com maps.google.com mappy.com societe.com"
            .split_whitespace()
        {
            assert!(is_aggregator(host), "{host}");
        }
        for domain in "mailinator.com yopmail.com guerrillamail.com 10minutemail.com tempmail.com trashmail.com \
            sharklasers.com jetable.org"
            .split_whitespace()
        {
            assert!(is_disposable(domain), "{domain}");
        }
        for (wrong, right) in [
            ("gmial.com", "gmail.com"),
            ("gmai.com", "gmail.com"),
            ("gmail.fr", "gmail.com"),
            ("hotmial.com", "hotmail.com"),
            ("yaho.fr", "yahoo.fr"),
            ("orage.fr", "orange.fr"),
            ("wanado.fr", "wanadoo.fr"),
        ] {
            assert_eq!(typo(wrong), Some(right));
        }
        assert!(FIRST_NAMES.len() >= 200, "{}", FIRST_NAMES.len());
    }

    #[test]
    fn endings_are_whole_labels() {
        assert!(is_big_provider("gmail-smtp-in.l.google.com."));
        assert!(is_big_provider("exemple-fr.mail.protection.outlook.com"));
        assert!(!is_big_provider("notgoogle.com"));
        assert!(!is_aggregator("netflix.com"), "x.com is not an ending of a label");
        assert_eq!(typo("gmail.com"), None);
    }

    #[test]
    fn addresses_that_are_never_anybodys() {
        for address in [
            "no-reply@a.fr",
            "no.reply@a.fr",
            "do-not-reply@a.fr",
            "noreply@a.fr",
            "mailer-daemon@a.fr",
            "logo@2x.png@a.fr",
            "jean@sentry.io",
            "a@wixpress.com",
            "icon@2x.png",
        ] {
            assert!(is_never(address), "{address}");
        }
        assert!(!is_never("jean@exemple.fr"));
    }

    #[test]
    fn every_entry_is_in_the_form_that_it_is_compared_in() {
        for word in ROLE.iter().chain(FIRST_NAMES.iter()) {
            assert_eq!(fold(word), *word);
        }
        for list in [&FREE_MAIL, &BIG_PROVIDERS, &AGGREGATORS, &DISPOSABLE] {
            for domain in list.iter() {
                assert_eq!(values::domain(domain).as_deref(), Some(*domain));
            }
        }
        for (code, name) in LEGAL_FORMS.iter() {
            assert!(
                code.len() == 4 && code.bytes().all(|digit| digit.is_ascii_digit()) && !name.trim().is_empty(),
                "{code}"
            );
        }
        for (wrong, right) in TYPOS.iter() {
            assert!(is_free_mail(right) && !is_free_mail(wrong), "{wrong} {right}");
        }
    }
}
