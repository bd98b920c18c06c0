//! The page `/sign-up` (openscouter 7.3).

use shared::page::{Done, FormPage, Input, Kind, SignIn, Words, words};

/// The roles that one can sign up in.
const ROLES: &[(&str, Words)] = &[
    ("business", Words { en: "commission studies", fr: "commander des études" }),
    ("tester", Words { en: "test, and be paid for it", fr: "tester, et être rémunéré" }),
];
const PASSWORD: Input =
    Input { name: "password", label: Words { en: "Password", fr: "Mot de passe" }, kind: Kind::NewPassword };

/// The page.
pub(crate) const PAGE: FormPage = FormPage {
    path: "/sign-up",
    title: words::SIGN_UP.1,
    intro: Words {
        en: "Commission usability studies, or take part in them as a tester.",
        fr: "Commandez des études d'ergonomie, ou participez-y en tant que testeur.",
    },
    inputs: &[
        Input { name: "role", label: Words { en: "I want to", fr: "Je souhaite" }, kind: Kind::Choice(ROLES) },
        words::EMAIL_INPUT,
        PASSWORD,
        Input { name: "fullName", label: words::NAME, kind: Kind::Text(120, "name", true) },
        Input {
            name: "companyName",
            label: Words { en: "Company, if you commission studies", fr: "Entreprise, si vous commandez des études" },
            kind: Kind::Text(160, "organization", false),
        },
    ],
    button: words::SIGN_UP.1,
    done: Done::Say {
        title: words::LOOK_INTO_MAIL,
        text: Words {
            en: "We sent a mail with a link that confirms your address. Then you can sign in.",
            fr: "Nous avons envoyé un message avec un lien qui confirme votre adresse. Vous pourrez ensuite vous connecter.",
        },
        on: Some(words::SIGN_IN),
    },
    sign_in: SignIn::Stays,
    links: &[words::SIGN_IN],
    shut: None,
};
