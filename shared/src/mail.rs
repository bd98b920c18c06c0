//! Mails: their words in both languages, and their way out through SES.

use aws_sdk_sesv2::{
    config,
    types::{Body, Content, Destination, EmailContent, Message},
};

use crate::{
    BoxFuture, aws,
    config::Settings,
    model::{Email, Locale, WorkKind},
};

/// A mail before it is sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mail {
    /// Subject.
    pub subject: &'static str,
    /// The text part.
    pub text: String,
    /// The HTML part.
    pub html: String,
}

/// The words of a mail: subject, sentence, and what its link is called.
const fn words(kind: WorkKind, locale: Locale) -> (&'static str, &'static str, &'static str) {
    match (kind, locale) {
        (WorkKind::Welcome, Locale::En) => (
            "Welcome to Outsend",
            "Your account is ready. Please confirm your e-mail address; the link is valid for 48 hours.",
            "Confirm my address",
        ),
        (WorkKind::Welcome, Locale::Fr) => (
            "Bienvenue sur Outsend",
            "Votre compte est prêt. Merci de confirmer votre adresse e-mail ; le lien est valable 48 heures.",
            "Confirmer mon adresse",
        ),
        (WorkKind::Verify, Locale::En) => (
            "Confirm your e-mail address",
            "Please confirm your e-mail address; the link is valid for 48 hours and replaces earlier ones.",
            "Confirm my address",
        ),
        (WorkKind::Verify, Locale::Fr) => (
            "Confirmez votre adresse e-mail",
            "Merci de confirmer votre adresse e-mail ; le lien est valable 48 heures et remplace les précédents.",
            "Confirmer mon adresse",
        ),
        (WorkKind::Reset | WorkKind::ScouterReset, Locale::En) => (
            "Set a new password",
            "Somebody asked for a new password for your account. If it was you, follow the link; it is valid for 1 hour.",
            "Set a new password",
        ),
        (WorkKind::Reset | WorkKind::ScouterReset, Locale::Fr) => (
            "Choisissez un nouveau mot de passe",
            "Un nouveau mot de passe a été demandé pour votre compte. Si c'était vous, suivez le lien, valable 1 heure.",
            "Choisir un nouveau mot de passe",
        ),
        (WorkKind::PasswordChanged, Locale::En) => (
            "Your password was changed",
            "The password of your account was changed and every other session was ended. If it was not you, set a new one.",
            "",
        ),
        (WorkKind::PasswordChanged, Locale::Fr) => (
            "Votre mot de passe a été modifié",
            "Le mot de passe de votre compte a été modifié et les autres sessions ont été fermées. \
             Si ce n'était pas vous, choisissez-en un nouveau.",
            "",
        ),
        (WorkKind::ScouterVerify, Locale::En) => (
            "Confirm your e-mail address",
            "Please confirm your e-mail address; the link is valid for 24 hours and replaces earlier ones.",
            "Confirm my address",
        ),
        (WorkKind::ScouterVerify, Locale::Fr) => (
            "Confirmez votre adresse e-mail",
            "Merci de confirmer votre adresse e-mail ; le lien est valable 24 heures et remplace les précédents.",
            "Confirmer mon adresse",
        ),
        (WorkKind::MagicLink, Locale::En) => (
            "Your sign-in link",
            "Follow the link to sign in; it works once, within 15 minutes. If you did not ask for it, ignore this mail.",
            "Sign in",
        ),
        (WorkKind::MagicLink, Locale::Fr) => (
            "Votre lien de connexion",
            "Suivez le lien pour vous connecter ; il sert une fois, pendant 15 minutes. \
             Si vous ne l'avez pas demandé, ignorez ce message.",
            "Me connecter",
        ),
        (WorkKind::AddressTaken, Locale::En) => (
            "You already have an account",
            "Somebody tried to sign up with your e-mail address. You have an account already; nothing was changed.",
            "",
        ),
        (WorkKind::AddressTaken, Locale::Fr) => (
            "Vous avez déjà un compte",
            "Une inscription a été tentée avec votre adresse e-mail. Vous avez déjà un compte ; rien n'a été modifié.",
            "",
        ),
        // no mails
        (
            WorkKind::RankAudit
            | WorkKind::RankOrganization
            | WorkKind::RankStudies
            | WorkKind::RankTestSession
            | WorkKind::Agent
            | WorkKind::WithdrawConsent
            | WorkKind::Export
            | WorkKind::Erase
            | WorkKind::Job
            | WorkKind::Purge,
            _,
        ) => ("", "", ""),
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// Composes a mail to a person called `name`; `link` only where the kind has one.
#[must_use]
pub fn compose(kind: WorkKind, locale: Locale, name: &str, link: Option<&str>) -> Mail {
    let (subject, sentence, called) = words(kind, locale);
    let greeting = match locale {
        Locale::En => format!("Hello {name},"),
        Locale::Fr => format!("Bonjour {name},"),
    };
    let (text_link, html_link) = match link {
        None => (String::new(), String::new()),
        Some(link) => {
            (format!("\n{called}: {link}\n"), format!("<p><a href=\"{}\">{}</a></p>", escaped(link), escaped(called)))
        }
    };
    Mail {
        subject,
        text: format!("{greeting}\n\n{sentence}\n{text_link}"),
        html: format!(
            "<!doctype html><html lang=\"{}\"><body><p>{}</p><p>{}</p>{html_link}</body></html>",
            locale.as_str(),
            escaped(&greeting),
            escaped(sentence)
        ),
    }
}

/// Sends mails. Without a sender's address none is sent, and the log says so.
#[derive(Clone, Debug)]
pub struct Mailer {
    client: aws_sdk_sesv2::Client,
    sender: String,
}

impl Mailer {
    /// The mailer that `settings` describe; `None` when they name no sender.
    #[must_use]
    pub fn connect(settings: &Settings) -> Option<Self> {
        let sender = settings.mail.sender.clone()?;
        let mut config = aws_sdk_sesv2::Config::builder()
            .behavior_version(config::BehaviorVersion::latest())
            .http_client(aws::http_client())
            .region(config::Region::new(settings.store.region.clone()))
            .credentials_provider(aws::credentials(&settings.store));
        if let Some(endpoint) = &settings.mail.endpoint {
            config = config.endpoint_url(endpoint);
        }
        Some(Self { client: aws_sdk_sesv2::Client::from_conf(config.build()), sender })
    }

    /// Hands a mail over to SES.
    ///
    /// # Errors
    /// When SES does not take it.
    pub fn send<'a>(&'a self, to: &'a Email, mail: &'a Mail) -> BoxFuture<'a, Result<(), String>> {
        Box::pin(async move {
            let content =
                |text: &str| Content::builder().charset("UTF-8").data(text).build().map_err(|error| error.to_string());
            let body = Body::builder().text(content(&mail.text)?).html(content(&mail.html)?).build();
            let message = Message::builder().subject(content(mail.subject)?).body(body).build();
            let call = self
                .client
                .send_email()
                .from_email_address(&self.sender)
                .destination(Destination::builder().to_addresses(to.as_str()).build())
                .content(EmailContent::builder().simple(message).build());
            match call.send().await {
                Ok(_) => Ok(()),
                Err(error) => Err(format!("mail not taken: {}", aws_sdk_sesv2::error::DisplayErrorContext(&error))),
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_text_and_not_markup() {
        let mail = compose(WorkKind::Reset, Locale::Fr, "<b>Zoé</b>", Some("https://a.test/reset-password?token=x"));
        assert!(mail.html.contains("&lt;b&gt;Zoé") && mail.html.contains("href=\"https://a.test/reset"));
        assert!(mail.text.starts_with("Bonjour <b>Zoé</b>,\n") && mail.text.contains("token=x"));
    }
}
