//! The page `/sign-up` (outsend 6.7).

use shared::{
    config::Settings,
    page::{Done, FormPage, Input, Kind, Shut, SignIn, Words, words},
};

fn invited_only(settings: &Settings) -> bool {
    settings.outsend.invite_only
}

/// A captcha needs its provider's script, and pages run none.
fn has_captcha(settings: &Settings) -> bool {
    settings.outsend.captcha.is_some()
}

/// The page.
pub(crate) const PAGE: FormPage = FormPage {
    path: "/sign-up",
    title: words::SIGN_UP.1,
    intro: Words {
        en: "Jobs over lists of companies and addresses, on your own machine or cloud.",
        fr: "Des traitements sur vos listes d'entreprises et d'adresses, sur votre machine ou votre cloud.",
    },
    inputs: &[
        words::EMAIL_INPUT,
        Input { name: "password", label: Words { en: "Password", fr: "Mot de passe" }, kind: Kind::NewPassword },
        Input { name: "name", label: words::NAME, kind: Kind::Text(120, "name", false) },
        Input {
            name: "invitation_code",
            label: Words { en: "Invitation code", fr: "Code d'invitation" },
            kind: Kind::TextWhen(64, invited_only),
        },
        Input {
            name: "accept_responsibility",
            label: Words {
                en: "I answer for what I do with the data",
                fr: "Je réponds de l'usage que je fais des données",
            },
            kind: Kind::Check(true),
        },
    ],
    button: words::SIGN_UP.1,
    done: Done::Go("/home"),
    sign_in: SignIn::Begins,
    links: &[words::SIGN_IN],
    shut: Some(Shut {
        when: has_captcha,
        text: Words {
            en: "Accounts are made in the application, which shows a captcha.",
            fr: "Les comptes se créent dans l'application, qui affiche un captcha.",
        },
    }),
};
