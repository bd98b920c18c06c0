//! What an update of the Bot API says (openscouter 15). Only what happens in a private chat matters: what is sent there
//! reaches one person.

use serde_json::Value;

use shared::{
    model::ProposalId,
    openscouter::{envelope::Problem, fields::Fields},
};

/// Characters of a code.
const CODE: usize = 16;

/// An update.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Update {
    /// Telegram's number; the same one is the same update.
    pub(crate) id: i64,
    /// What it tells.
    pub(crate) news: News,
}

/// What an update tells.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum News {
    /// Nothing that matters here.
    Nothing,
    /// Who has a chat greets the bot, with a code or without one.
    Start {
        /// The chat.
        chat: i64,
        /// What stands behind the command; `None` when nothing does.
        code: Option<String>,
        /// Telegram's name of the person's language.
        language: Option<String>,
    },
    /// Who has a chat wants to hear no more.
    Stop {
        /// The chat.
        chat: i64,
    },
    /// A button was pressed.
    Pressed(Pressed),
}

/// A button that was pressed.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Pressed {
    /// The chat.
    pub(crate) chat: i64,
    /// What the answer to the press is for.
    pub(crate) query: String,
    /// The message that the button is below.
    pub(crate) message: i64,
    /// Whether the proposal is accepted; else it is declined.
    pub(crate) accepts: bool,
    /// The proposal.
    pub(crate) proposal: ProposalId,
}

/// Reads an update; of what is not known it says nothing.
pub(crate) fn read(fields: &Fields) -> Result<Update, Problem> {
    let id = fields.required("update_id")?.as_i64();
    let id = id.ok_or_else(|| Problem::invalid("update_id", "must be an integer"))?;
    let message = fields.optional("message").and_then(said);
    let pressed = || fields.optional("callback_query").and_then(pressed).map(News::Pressed);
    Ok(Update { id, news: message.or_else(pressed).unwrap_or(News::Nothing) })
}

/// The private chat of a message.
fn private_chat(message: &Value) -> Option<i64> {
    let chat = message.get("chat")?;
    (chat.get("type")?.as_str()? == "private").then(|| chat.get("id")?.as_i64())?
}

fn said(message: &Value) -> Option<News> {
    let (chat, text) = (private_chat(message)?, message.get("text")?.as_str()?);
    let mut words = text.split_whitespace();
    // a command can name the bot that it is for
    let command = words.next()?.split('@').next()?;
    match command {
        "/start" => {
            let code = words.next().map(str::to_owned);
            let language = message.pointer("/from/language_code").and_then(Value::as_str).map(str::to_owned);
            Some(News::Start { chat, code, language })
        }
        "/stop" => Some(News::Stop { chat }),
        _ => None,
    }
}

fn pressed(query: &Value) -> Option<Pressed> {
    let message = query.get("message")?;
    let (what, proposal) = query.get("data")?.as_str()?.split_once(':')?;
    let accepts = match what {
        "accept" => true,
        "decline" => false,
        _ => return None,
    };
    Some(Pressed {
        chat: private_chat(message)?,
        query: query.get("id")?.as_str()?.to_owned(),
        message: message.get("message_id")?.as_i64()?,
        accepts,
        proposal: ProposalId::from_wire(proposal)?,
    })
}

/// Whether a text has the form of a code, so that no read is spent on another one (openscouter 15).
pub(crate) fn is_code(text: &str) -> bool {
    let of_alphabet = |byte: u8| byte.is_ascii_digit() || (byte.is_ascii_lowercase() && !b"ilou".contains(&byte));
    text.len() == CODE && text.bytes().all(of_alphabet)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn news(update: &Value) -> News {
        read(&Fields::new(update.as_object().unwrap().clone())).unwrap().news
    }

    fn text(text: &str, kind: &str) -> News {
        news(&json!({"update_id": 1, "message": {"message_id": 1, "chat": {"id": 5, "type": kind}, "text": text}}))
    }

    #[test]
    fn commands() {
        let start = |code: Option<&str>| News::Start { chat: 5, code: code.map(str::to_owned), language: None };
        assert_eq!(text("/start", "private"), start(None));
        assert_eq!(text(" /start@our_bot  abc def", "private"), start(Some("abc")));
        assert_eq!(text("/stop", "private"), News::Stop { chat: 5 });
        for (said, kind) in [("/start x", "group"), ("/stop", "channel"), ("hello", "private"), ("/started", "private")]
        {
            assert_eq!(text(said, kind), News::Nothing, "{said}");
        }
        let photo = json!({"update_id": 1, "message": {"chat": {"id": 5, "type": "private"}, "photo": []}});
        assert_eq!((news(&photo), news(&json!({"update_id": 1, "poll": {}}))), (News::Nothing, News::Nothing));
    }

    #[test]
    fn buttons() {
        let proposal = ProposalId::generate();
        let press = |data: &str, kind: &str| {
            news(&json!({"update_id": 1, "callback_query": {"id": "q", "from": {"id": 5}, "data": data,
                "message": {"message_id": 7, "chat": {"id": 5, "type": kind}}}}))
        };
        let pressed = |accepts| Pressed { chat: 5, query: "q".to_owned(), message: 7, accepts, proposal };
        let wire = proposal.wire();
        assert_eq!(press(&format!("accept:{wire}"), "private"), News::Pressed(pressed(true)));
        assert_eq!(press(&format!("decline:{wire}"), "private"), News::Pressed(pressed(false)));
        for data in ["accept", "accept:x", "other:x", &format!("Accept:{wire}")] {
            assert_eq!(press(data, "private"), News::Nothing, "{data}");
        }
        assert_eq!(press(&format!("accept:{wire}"), "group"), News::Nothing);
    }

    #[test]
    fn codes() {
        assert!(is_code("7k2m9q4t0x5z8w3v"));
        for other in ["", "7k2m9q4t0x5z8w3", "7k2m9q4t0x5z8w3vv", "7K2m9q4t0x5z8w3v", "7i2m9q4t0x5z8w3v", "ééééééé"]
        {
            assert!(!is_code(other), "{other}");
        }
    }
}
