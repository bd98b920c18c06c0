//! Words that pages of several functions share.

use super::{
    form::{Input, Kind},
    shell::Words,
};

/// What an e-mail address is called.
pub const EMAIL: Words = Words { en: "E-mail address", fr: "Adresse e-mail" };
/// Where one signs in.
pub const SIGN_IN: (&str, Words) = ("/sign-in", Words { en: "Sign in", fr: "Se connecter" });
/// Where one signs up.
pub const SIGN_UP: (&str, Words) = ("/sign-up", Words { en: "Make an account", fr: "Créer un compte" });
/// Where one signs out.
pub const SIGN_OUT: (&str, Words) = ("/sign-out", Words { en: "Sign out", fr: "Se déconnecter" });
/// Where one asks for a new password.
pub const FORGOT_PASSWORD: (&str, Words) =
    ("/forgot-password", Words { en: "I do not know my password", fr: "J'ai oublié mon mot de passe" });
/// What a new password is called.
pub const NEW_PASSWORD: Words = Words { en: "New password", fr: "Nouveau mot de passe" };
/// What a name is called.
pub const NAME: Words = Words { en: "Your name", fr: "Votre nom" };
/// What sends a form that asks for a mail.
pub const SEND: Words = Words { en: "Send me the link", fr: "Envoyez-moi le lien" };
/// The heading that says that a mail is on its way.
pub const LOOK_INTO_MAIL: Words = Words { en: "Look into your mail", fr: "Consultez vos messages" };
/// What says it of an address that need not be anybody's.
pub const SENT_IF_KNOWN: Words = Words {
    en: "If there is such an account, a mail with a link is on its way.",
    fr: "Si ce compte existe, un message contenant un lien est en route.",
};

/// The token of a mailed link.
pub const TOKEN: Input = Input { name: "token", label: Words { en: "", fr: "" }, kind: Kind::Token };
/// An account's address.
pub const EMAIL_INPUT: Input = Input { name: "email", label: EMAIL, kind: Kind::Email };
/// An account's password.
pub const PASSWORD_INPUT: Input =
    Input { name: "password", label: Words { en: "Password", fr: "Mot de passe" }, kind: Kind::Password };
