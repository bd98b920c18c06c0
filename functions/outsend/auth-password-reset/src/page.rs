//! The page `/reset-password` (outsend 6.7).

use shared::page::{Done, FormPage, Input, Kind, SignIn, Words, words};

/// The page.
pub(crate) const PAGE: FormPage = FormPage {
    path: "/reset-password",
    title: Words { en: "Choose a new password", fr: "Choisir un nouveau mot de passe" },
    intro: Words {
        en: "It ends every session and every other link. Use letters, and digits or symbols.",
        fr: "Il ferme toutes les sessions et annule tous les autres liens. Mêlez lettres et chiffres ou symboles.",
    },
    inputs: &[
        words::TOKEN,
        Input { name: "new_password", label: words::NEW_PASSWORD, kind: Kind::NewPassword },
        Input {
            name: "revoke_credentials",
            label: Words {
                en: "End all API keys, tokens and connections, too",
                fr: "Mettre fin aussi aux clés d'API, jetons et connexions",
            },
            kind: Kind::Check(false),
        },
    ],
    button: Words { en: "Set the password", fr: "Enregistrer le mot de passe" },
    done: Done::Say {
        title: Words { en: "Your new password is set", fr: "Votre nouveau mot de passe est enregistré" },
        text: Words { en: "You can sign in with it now.", fr: "Vous pouvez maintenant vous connecter." },
        on: Some(words::SIGN_IN),
    },
    sign_in: SignIn::Stays,
    links: &[words::FORGOT_PASSWORD],
    shut: None,
};
