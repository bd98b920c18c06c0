//! What the bot says, in both languages.

use shared::{
    model::{Locale, ProposalStatus},
    openscouter::proposals::answers::AnswerError,
    page::Words,
};

/// To whom greets it without a code.
pub(crate) const HELP: Words = Words {
    en: "Hello! This is where OpenScouter offers studies to its testers. To link this chat with your account, open your \
         profile in OpenScouter and follow the link to Telegram there. /stop ends the link.",
    fr: "Bonjour ! Ici OpenScouter propose des études à ses testeurs. Pour lier cette conversation à votre compte, ouvrez \
         votre profil dans OpenScouter et suivez le lien vers Telegram. /stop met fin au lien.",
};
/// To who is linked from now on.
pub(crate) const LINKED: Words = Words {
    en: "This chat is linked with your account now. Studies for you come here. /stop ends that.",
    fr: "Cette conversation est maintenant liée à votre compte. Les études pour vous arrivent ici. /stop y met fin.",
};
/// To whom the code does not link.
pub(crate) const VOID: Words = Words {
    en: "This link does not work any more. Ask for a new one in your profile in OpenScouter.",
    fr: "Ce lien ne fonctionne plus. Demandez-en un autre dans votre profil OpenScouter.",
};
/// To who is linked no more.
pub(crate) const UNLINKED: Words = Words {
    en: "This chat is not linked with your account any more.",
    fr: "Cette conversation n'est plus liée à votre compte.",
};
/// To who accepted; the link comes in a message.
pub(crate) const ACCEPTED: Words = Words { en: "You take part.", fr: "Vous participez." };
/// To who declined.
pub(crate) const DECLINED: Words = Words { en: "You do not take part. Nobody minds.", fr: "Vous ne participez pas." };

/// Why an answer is not taken.
pub(crate) const fn refusal(error: &AnswerError) -> Words {
    match error {
        AnswerError::Stands(ProposalStatus::Accepted, _) => {
            Words { en: "You take part already.", fr: "Vous participez déjà." }
        }
        AnswerError::Stands(ProposalStatus::Declined, _) => {
            Words { en: "You declined already.", fr: "Vous avez déjà refusé." }
        }
        AnswerError::Missing | AnswerError::Stands(..) => {
            Words { en: "This study cannot be answered any more.", fr: "Cette étude n'attend plus de réponse." }
        }
        AnswerError::Inactive(_) => Words { en: "Your account is not active.", fr: "Votre compte n'est pas actif." },
        AnswerError::Full => Words { en: "All places are taken.", fr: "Toutes les places sont prises." },
        AnswerError::Started => {
            Words { en: "Your session has already started.", fr: "Votre session a déjà commencé." }
        }
        AnswerError::Failed(_) => Words {
            en: "That did not work. Please try again later.",
            fr: "Cela n'a pas fonctionné. Veuillez réessayer plus tard.",
        },
    }
}

/// The language of whom nothing else is known of.
pub(crate) fn language(code: Option<&str>) -> Locale {
    Locale::preferred(code)
}
