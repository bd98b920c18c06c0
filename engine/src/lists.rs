//! The shipped data lists (outsend 11.6): plain text files, one entry a line, `#` begins a comment.

use std::{
    collections::{HashMap, HashSet},
    sync::{LazyLock, PoisonError, RwLock, RwLockReadGuard},
};

use crate::values::{self, fold};

/// A list of entries: those of the shipped file, and what was added under its name.
struct List {
    file: &'static str,
    shipped: HashSet<&'static str>,
}

impl List {
    fn has(&self, entry: &str) -> bool {
        self.shipped.contains(entry) || added().entries.get(self.file).is_some_and(|more| more.contains(entry))
    }

    /// Whether some entry is so.
    fn any(&self, mut is_so: impl FnMut(&str) -> bool) -> bool {
        self.shipped.iter().any(|entry| is_so(entry))
            || added().entries.get(self.file).is_some_and(|more| more.iter().any(|entry| is_so(entry)))
    }

    /// Whether a host is a domain of the list or below one.
    fn is_above(&self, host: &str) -> bool {
        let mut rest = Some(host.trim_end_matches('.'));
        while let Some(domain) = rest {
            if self.has(domain) {
                return true;
            }
            rest = domain.split_once('.').map(|(_, parent)| parent);
        }
        false
    }
}

macro_rules! lists {
    ($($name:ident: $file:literal;)*) => {
        $(static $name: LazyLock<List> = LazyLock::new(|| {
            List { file: $file, shipped: entries(include_str!(concat!("../data/", $file))).collect() }
        });)*
    };
}

lists! {
    ROLE: "role.txt";
    NEVER: "never.txt";
    FREE_MAIL: "free_mail.txt";
    FIRST_NAMES: "first_names.txt";
    BIG_PROVIDERS: "big_providers.txt";
    AGGREGATORS: "aggregators.txt";
    DISPOSABLE: "disposable.txt";
    PARKING: "parking.txt";
}

/// The file of what people look for (outsend 12.1).
pub(crate) const PLACES_FILE: &str = "places.txt";
/// The file of mistyped domains.
const TYPO_FILE: &str = "typos.txt";
static TYPOS: LazyLock<HashMap<&'static str, &'static str>> = LazyLock::new(|| {
    entries(include_str!("../data/typos.txt")).filter_map(|line| line.split_once(char::is_whitespace)).collect()
});
static LEGAL_FORMS: LazyLock<HashMap<&'static str, &'static str>> = LazyLock::new(|| {
    entries(include_str!("../data/legal_forms.txt")).filter_map(|line| line.split_once(' ')).collect()
});

/// What a deployment adds (outsend 11.6): of each file its entries.
#[derive(Default)]
struct Added {
    entries: HashMap<&'static str, HashSet<&'static str>>,
    typos: HashMap<&'static str, &'static str>,
}

static ADDED: LazyLock<RwLock<Added>> = LazyLock::new(RwLock::default);

fn added() -> RwLockReadGuard<'static, Added> {
    ADDED.read().unwrap_or_else(PoisonError::into_inner)
}

fn entries(text: &str) -> impl Iterator<Item = &str> {
    text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'))
}

/// The entries that were added to a file, in one order.
pub(crate) fn additions(file: &str) -> Vec<&'static str> {
    let mut entries: Vec<_> = added().entries.get(file).into_iter().flatten().copied().collect();
    entries.sort_unstable();
    entries
}

/// Words as `places.txt` has them: folded, without the `s` of the plural.
pub(crate) fn singular(text: &str) -> String {
    let folded = fold(text);
    let word = |word: &str| match word.strip_suffix('s') {
        Some(one) if one.len() > 2 && !one.ends_with('s') => one.to_owned(),
        _ => word.to_owned(),
    };
    folded.split('_').map(word).collect::<Vec<_>>().join(" ")
}

/// A word that stands for two tags in a text of `places.txt`.
fn ambiguous(text: &str) -> Option<&str> {
    let words = |entry| str::split_once(entry, ": ").map_or("", |(_, words)| words).split(", ");
    let mut known = HashSet::new();
    entries(text).flat_map(words).find(|word| !known.insert(*word))
}

/// Whether an entry is in the form that it is compared in.
fn is_entry(file: &str, entry: &str) -> bool {
    let is_domain = |text: &str| values::domain(text).as_deref() == Some(text);
    match file {
        "role.txt" | "first_names.txt" => fold(entry) == entry,
        "never.txt" | "parking.txt" => entry.to_lowercase() == entry,
        PLACES_FILE => entry.split_once(": ").is_some_and(|(tag, words)| {
            let is_name =
                |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
            tag.split_once('=').is_some_and(|(key, value)| is_name(key) && is_name(value))
                && words.split(", ").all(|word| !word.is_empty() && singular(word) == word)
        }),
        TYPO_FILE => {
            let pair = entry.split_once(char::is_whitespace);
            pair.is_some_and(|(wrong, right)| is_domain(wrong) && is_domain(right.trim()) && wrong != right.trim())
        }
        _ => is_domain(entry),
    }
}

/// Adds the entries of a text to those of a shipped file, in its format, for the whole process (outsend 11.6).
///
/// # Errors
/// Names the first line that is no entry; nothing is added then.
pub(crate) fn add(file: &'static str, text: &str) -> Result<(), String> {
    if let Some(wrong) = entries(text).find(|entry| !is_entry(file, entry)) {
        return Err(format!("{file}: {wrong:?} is no entry in the file's form"));
    }
    if file == PLACES_FILE
        && let Some(word) = ambiguous(text)
    {
        return Err(format!("{file}: {word:?} stands for two tags"));
    }
    let mut added = ADDED.write().unwrap_or_else(PoisonError::into_inner);
    let kept = |entry: &str| -> &'static str { Box::leak(entry.to_owned().into_boxed_str()) };
    for entry in entries(text) {
        if file == TYPO_FILE {
            if let Some((wrong, right)) = entry.split_once(char::is_whitespace)
                && added.typos.get(wrong).copied() != Some(right.trim())
            {
                added.typos.insert(kept(wrong), kept(right.trim()));
            }
        } else if !added.entries.get(file).is_some_and(|known| known.contains(entry)) {
            added.entries.entry(file).or_default().insert(kept(entry));
        }
    }
    Ok(())
}

/// Whether a folded local part names a function: the role list (outsend 11.6).
#[must_use]
pub fn is_role(folded: &str) -> bool {
    ROLE.has(folded)
}

/// Whether a normalised address is dropped wherever it is found: the never list (outsend 11.6).
#[must_use]
pub fn is_never(address: &str) -> bool {
    let (local, domain) = address.rsplit_once('@').unwrap_or((address, ""));
    let folded = fold(local);
    NEVER.any(|entry| match entry.strip_prefix('*') {
        Some(ending) => local.ends_with(ending),
        None => match entry.strip_prefix('@') {
            Some(listed) => match listed.strip_prefix('*') {
                Some(ending) => domain.ends_with(ending),
                // a domain stands for those below it
                None => domain.strip_suffix(listed).is_some_and(|before| before.is_empty() || before.ends_with('.')),
            },
            None => entry == folded,
        },
    })
}

/// Whether a lower-case domain gives addresses to anybody: the free mail list (outsend 11.6).
#[must_use]
pub fn is_free_mail(domain: &str) -> bool {
    FREE_MAIL.has(domain)
}

/// Whether a folded word is a given name: the list of first names (outsend 11.6).
#[must_use]
pub fn is_first_name(folded: &str) -> bool {
    FIRST_NAMES.has(folded)
}

/// Whether a lower-case mail exchanger belongs to a big provider, by its ending (outsend 11.6).
#[must_use]
pub fn is_big_provider(exchanger: &str) -> bool {
    BIG_PROVIDERS.is_above(exchanger)
}

/// The domain that a mistyped lower-case one stands for (outsend 11.6).
#[must_use]
pub fn typo(domain: &str) -> Option<&'static str> {
    TYPOS.get(domain).copied().or_else(|| added().typos.get(domain).copied())
}

/// What INSEE's code of a legal form stands for (outsend 12.12).
#[must_use]
pub fn legal_form(code: &str) -> Option<&'static str> {
    LEGAL_FORMS.get(code).copied()
}

/// Whether a lower-case host is on an aggregator domain (outsend 11.6).
#[must_use]
pub fn is_aggregator(host: &str) -> bool {
    AGGREGATORS.is_above(host)
}

/// Whether a lower-case host shows pages of domains that have no site (outsend 11.6).
#[must_use]
pub fn is_parking_host(host: &str) -> bool {
    PARKING.is_above(host)
}

/// Whether a lower-case text is one of such pages (outsend 11.6).
#[must_use]
pub fn is_parking_text(text: &str) -> bool {
    PARKING.any(|entry| entry.contains(' ') && text.contains(entry))
}

/// Whether a lower-case domain gives mailboxes that are thrown away, or is below one that does (outsend 11.6).
#[must_use]
pub fn is_disposable(domain: &str) -> bool {
    DISPOSABLE.is_above(domain)
}

#[cfg(test)]
mod tests {
    use super::*;

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
        for (domain, known) in
            [("sub.mailinator.com", true), ("mailinator.com.good.test", false), ("notmailinator.com", false)]
        {
            assert_eq!(is_disposable(domain), known, "{domain}");
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
        assert!(FIRST_NAMES.shipped.len() >= 200, "{}", FIRST_NAMES.shipped.len());
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
            "1a2b@o12.ingest.sentry.io",
            "git@github.com",
            "a@wixpress.com",
            "icon@2x.png",
        ] {
            assert!(is_never(address), "{address}");
        }
        assert!(!is_never("jean@exemple.fr"));
    }

    #[test]
    fn every_entry_is_in_the_form_that_it_is_compared_in() {
        for list in [&ROLE, &NEVER, &FREE_MAIL, &FIRST_NAMES, &BIG_PROVIDERS, &AGGREGATORS, &DISPOSABLE, &PARKING] {
            for entry in &list.shipped {
                assert!(is_entry(list.file, entry), "{}: {entry}", list.file);
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
    #[test]
    fn a_deployment_adds_entries_and_no_nonsense() {
        assert!(!is_aggregator("places.added.test") && !is_role("added_role") && !is_never("x@added-never.test"));
        add("aggregators.txt", "# ours\nadded.test\n\n").unwrap();
        add("aggregators.txt", "added.test").unwrap();
        add("role.txt", "added_role").unwrap();
        add("never.txt", "@added-never.test").unwrap();
        add("parking.txt", "park.added-host.test\nthis name is added").unwrap();
        add("typos.txt", "added-typo.test  gmail.com").unwrap();
        add("disposable.txt", "added-bin.test").unwrap();
        assert!(is_aggregator("places.added.test") && is_role("added_role") && is_never("x@added-never.test"));
        assert!(is_parking_host("a.park.added-host.test") && is_parking_text("hello: this name is added!"));
        assert!(is_disposable("mx.added-bin.test") && typo("added-typo.test") == Some("gmail.com"));
        for (file, text) in [
            ("aggregators.txt", "good.added2.test\nhttps://bad.test"),
            ("role.txt", "Chef de projet"),
            ("typos.txt", "gmial.com"),
            ("typos.txt", "gmail.com gmail.com"),
            ("parking.txt", "For Sale"),
        ] {
            assert!(add(file, text).unwrap_err().starts_with(file), "{text}");
        }
        assert!(!is_aggregator("good.added2.test"), "nothing of a file that is wrong");
    }
}
