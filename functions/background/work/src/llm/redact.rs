//! What a context may say to a model outside (openscouter 12.4): selectors are texts of the tested page, and can hold
//! the address, the name or the id of whoever was signed in there.

/// What stands in place of what is taken out.
const REDACTED: &str = "…";
/// Most characters of a context.
const LONGEST: usize = 200;
/// Least digits of a run that is taken for a number of somebody: a telephone's, a customer's.
const MIN_DIGITS: usize = 6;
/// Characters of an id behind its prefix.
const ID: usize = 26;
/// Hexadecimal digits of a UUID's groups.
const UUID: [usize; 5] = [8, 4, 4, 4, 12];

/// A context without values of attributes, e-mail addresses, ids and long numbers, cut to a sensible length.
pub(super) fn redacted(context: &str) -> String {
    let text = without_values(context);
    let text = without(&text, email_at);
    let text = without(&text, prefixed_id_at);
    let text = without(&text, uuid_at);
    let text = without(&text, digits_at);
    match text.char_indices().nth(LONGEST) {
        None => text,
        Some((end, _)) => format!("{}{REDACTED}", text.get(..end).unwrap_or_default()),
    }
}

/// A text whose runs are taken out: `run` says how many bytes the one at the beginning of a text takes, given what
/// stands before it.
fn without(text: &str, run: impl Fn(Option<char>, &str) -> Option<usize>) -> String {
    let mut kept = String::with_capacity(text.len());
    let (mut rest, mut before) = (text, None);
    while let Some(first) = rest.chars().next() {
        let taken = run(before, rest).filter(|length| *length > 0);
        match taken.and_then(|length| rest.split_at_checked(length)) {
            Some((hidden, after)) => {
                kept.push_str(REDACTED);
                (before, rest) = (hidden.chars().next_back(), after);
            }
            None => {
                kept.push(first);
                (before, rest) = (Some(first), rest.get(first.len_utf8()..).unwrap_or_default());
            }
        }
    }
    kept
}

/// A text in which `[name="value"]` is `[name=…]`; a bracket that is not closed hides the rest.
fn without_values(text: &str) -> String {
    let mut kept = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, inside)) = rest.split_once('[') {
        kept.push_str(before);
        kept.push('[');
        let name = inside.find(['=', ']']).unwrap_or(inside.len());
        kept.push_str(inside.get(..name).unwrap_or_default());
        rest = inside.get(name..).unwrap_or_default();
        if let Some(value) = rest.strip_prefix('=') {
            kept.push('=');
            kept.push_str(REDACTED);
            rest = value.get(value_length(value)..).unwrap_or_default();
        }
    }
    kept.push_str(rest);
    kept
}

/// Bytes of an attribute's value up to its bracket, which does not count inside of quotes.
fn value_length(text: &str) -> usize {
    let (mut quote, mut escaped) = (None, false);
    for (index, c) in text.char_indices() {
        match (escaped, c, quote) {
            (true, ..) => escaped = false,
            (false, '\\', _) => escaped = true,
            (false, c, Some(open)) if c == open => quote = None,
            (false, '"' | '\'', None) => quote = Some(c),
            (false, ']', None) => return index,
            _ => {}
        }
    }
    text.len()
}

/// Bytes of the characters at the beginning that belong to a class.
fn span(text: &str, belongs: impl Fn(char) -> bool) -> usize {
    text.find(|c| !belongs(c)).unwrap_or(text.len())
}

/// An e-mail address, also one whose `@` is escaped as in a URL.
fn email_at(_: Option<char>, text: &str) -> Option<usize> {
    let local = span(text, |c| c.is_alphanumeric() || matches!(c, '.' | '_' | '+' | '-'));
    let rest = text.get(local..)?;
    let at = ["@", "%40"].into_iter().find(|at| rest.starts_with(at))?;
    let domain = span(rest.get(at.len()..)?, |c| c.is_alphanumeric() || matches!(c, '.' | '-'));
    (local > 0 && domain > 0).then_some(local + at.len() + domain)
}

/// `user_` and 26 characters, whichever the prefix.
fn prefixed_id_at(before: Option<char>, text: &str) -> Option<usize> {
    let prefix = span(text, |c| c.is_ascii_alphabetic());
    let id = span(text.get(prefix..)?.strip_prefix('_')?, |c| c.is_ascii_alphanumeric());
    // the whole word goes, and not its end alone
    let whole = before.is_none_or(|before| !before.is_ascii_alphabetic());
    (prefix > 0 && id >= ID && whole).then_some(prefix + 1 + id)
}

fn uuid_at(_: Option<char>, text: &str) -> Option<usize> {
    let mut length = 0;
    for (index, digits) in UUID.into_iter().enumerate() {
        let hyphen = usize::from(index > 0 && text.get(length..)?.starts_with('-'));
        let group = text.get(length + hyphen..)?.get(..digits)?;
        if !group.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return None;
        }
        length += hyphen + digits;
    }
    Some(length)
}

fn digits_at(_: Option<char>, text: &str) -> Option<usize> {
    let run = span(text, char::is_numeric);
    let count = text.get(..run)?.chars().count();
    (count >= MIN_DIGITS).then_some(run)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_could_name_somebody_is_taken_out() {
        for (context, visible) in [
            ("Checkout Redesign - #pay", "Checkout Redesign - #pay"),
            ("Pay - a[href=\"mailto:tess@example.com\"]", "Pay - a[href=…]"),
            ("Pay - [data-user=\"user_01k8ybdf00e8nrtzq2qw3d80n2\"] > b", "Pay - [data-user=…] > b"),
            ("Pay - input[name='a]b'][type=text i]", "Pay - input[name=…][type=…]"),
            ("Pay - a[title=\"Tess \\\"T\\\" Roe\"] b", "Pay - a[title=…] b"),
            ("Pay - a[disabled] > li:nth-child(12345)", "Pay - a[disabled] > li:nth-child(12345)"),
            ("Pay - a[title=\"Tess", "Pay - a[title=…"),
            ("Pay - a[data-x^=Tess Roe", "Pay - a[data-x^=…"),
            ("Pay - #tess.o-roe+x@example.com.b", "Pay - #…"),
            ("Pay - .tess%40example.com", "Pay - …"),
            ("Pay - #user_01k8ybdf00e8nrtzq2qw3d80n2.row", "Pay - #….row"),
            ("Pay - #row-01890a5d-ac96-774b-bcce-b302099a8057", "Pay - #row-…"),
            ("Pay - #row-01890A5DAC96774BBCCEB302099A8057-x", "Pay - #row-…-x"),
            ("Pay - #customer123456 .y2026", "Pay - #customer… .y2026"),
            ("Pay - #c\u{661}\u{662}\u{663}\u{664}\u{665}\u{666}", "Pay - #c…"),
            ("Pay - @media", "Pay - @media"),
        ] {
            assert_eq!(redacted(context), visible, "{context}");
        }
        assert_eq!(redacted(&"é".repeat(1_000)), format!("{}…", "é".repeat(200)));
    }

    /// Whether a text holds what must not leave, by looking at every part of it.
    fn names_somebody(text: &str) -> bool {
        let characters: Vec<char> = text.chars().collect();
        let digits = characters.windows(MIN_DIGITS).any(|run| run.iter().all(|c| c.is_ascii_digit()));
        let id = characters.windows(28).any(|run| {
            run[0].is_ascii_lowercase() && run[1] == '_' && run[2..].iter().all(char::is_ascii_alphanumeric)
        });
        let uuid = characters.windows(36).any(|run| {
            run.iter().enumerate().all(|(index, c)| match index {
                8 | 13 | 18 | 23 => *c == '-',
                _ => c.is_ascii_hexdigit(),
            })
        });
        let email =
            characters.windows(3).any(|run| run[0].is_alphanumeric() && run[1] == '@' && run[2].is_alphanumeric());
        digits || id || uuid || email
    }

    fn piece() -> impl Strategy<Value = String> {
        prop_oneof![
            "[ -~]{0,12}",
            "\\PC{0,6}",
            "[a-z.]{1,8}@[a-z]{1,6}\\.[a-z]{2,3}",
            "[a-z]{1,6}_[0-7][0-9a-hjkmnp-tv-z]{25}",
            "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}",
            "[0-9]{4,9}",
            "\\[[a-z-]{1,5}[~|^$*]?=\"[a-z@ \\]]{0,9}\"\\]",
            "[-_=@\\[\\]\"'.# ]{1,3}",
        ]
    }

    proptest! {
        #[test]
        fn nothing_that_names_somebody_is_left(pieces in proptest::collection::vec(piece(), 0..8)) {
            let context = pieces.concat();
            let visible = redacted(&context);
            prop_assert!(!names_somebody(&visible), "{} of {}", visible, context);
            prop_assert!(visible.chars().count() <= LONGEST + 1);
        }

        #[test]
        fn no_value_of_an_attribute_is_left(
            before in "[a-z #.>]{0,20}", name in "[a-z-]{1,8}", value in "[A-Za-z@.:/ \\]]{1,30}", after in "[a-z #.>]{0,20}",
        ) {
            let visible = redacted(&format!("{before}[{name}=\"{value}\"]{after}"));
            prop_assert_eq!(visible, format!("{before}[{name}=…]{after}"));
        }
    }
}
