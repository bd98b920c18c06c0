//! The page `/sign-in-link` (openscouter 7.3).

use shared::page::{Done, FormPage, SignIn, Words, words};

/// The page.
pub(crate) const PAGE: FormPage = FormPage {
    path: "/sign-in-link",
    title: Words { en: "Sign in by a mailed link", fr: "Se connecter par un lien" },
    intro: Words { en: "It works once, within 15 minutes.", fr: "Il sert une fois, pendant 15 minutes." },
    inputs: &[words::EMAIL_INPUT],
    button: words::SEND,
    done: Done::Say { title: words::LOOK_INTO_MAIL, text: words::SENT_IF_KNOWN, on: None },
    sign_in: SignIn::Stays,
    links: &[words::SIGN_IN],
    shut: None,
};
