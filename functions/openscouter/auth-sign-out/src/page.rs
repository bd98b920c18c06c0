//! The page `/sign-out` (openscouter 7.3).

use shared::page::{Done, FormPage, SignIn, Words, words};

/// The page.
pub(crate) const PAGE: FormPage = FormPage {
    path: "/sign-out",
    title: words::SIGN_OUT.1,
    intro: Words { en: "", fr: "" },
    inputs: &[],
    button: words::SIGN_OUT.1,
    done: Done::Go("/sign-in"),
    sign_in: SignIn::Ends,
    links: &[("/home", Words { en: "Back", fr: "Retour" })],
    shut: None,
};
