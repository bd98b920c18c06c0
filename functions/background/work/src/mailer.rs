//! The way of mails out, through SES.

use std::borrow::Cow;

use aws_sdk_sesv2::{
    config,
    types::{Body, Content, Destination, EmailContent, Message},
};
use shared::{BoxFuture, aws, config::Settings, model::Email};

/// A mail before it is sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Mail {
    /// Subject.
    pub(crate) subject: Cow<'static, str>,
    /// The text part.
    pub(crate) text: String,
    /// The HTML part.
    pub(crate) html: String,
}

/// Sends mails. Without a sender's address none is sent, and the log says so.
#[derive(Clone, Debug)]
pub(crate) struct Mailer {
    client: aws_sdk_sesv2::Client,
    sender: String,
}

impl Mailer {
    /// The mailer that `settings` describe; `None` when they name no sender.
    pub(crate) fn connect(settings: &Settings) -> Option<Self> {
        let sender = settings.mail.sender.clone()?;
        let mut config = aws_sdk_sesv2::Config::builder()
            .behavior_version(config::BehaviorVersion::latest())
            .http_client(aws::Http::of(&settings.store, "email", settings.mail.endpoint.as_deref()))
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
    pub(crate) fn send<'a>(&'a self, to: &'a Email, mail: &'a Mail) -> BoxFuture<'a, Result<(), String>> {
        Box::pin(async move {
            let content =
                |text: &str| Content::builder().charset("UTF-8").data(text).build().map_err(|error| error.to_string());
            let body = Body::builder().text(content(&mail.text)?).html(content(&mail.html)?).build();
            let message = Message::builder().subject(content(&mail.subject)?).body(body).build();
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
