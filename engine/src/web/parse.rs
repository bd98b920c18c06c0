//! From HTML to what is kept of it.

use std::convert::Infallible;

use html5gum::{
    Emitter, ForwardingEmitter, Span, State, Tokenizer,
    emitters::callback::{Callback, CallbackEmitter, CallbackEvent},
};

use super::parts::{Image, Link, MAX_JSON, MAX_LINKS, MAX_TAGS, MAX_TEXT, Parts};

/// Most letters of a link's text.
const MAX_LABEL: usize = 200;
/// Elements that begin a line of the text.
const BLOCKS: [&[u8]; 39] = [
    b"address",
    b"article",
    b"aside",
    b"blockquote",
    b"body",
    b"br",
    b"button",
    b"caption",
    b"dd",
    b"div",
    b"dl",
    b"dt",
    b"fieldset",
    b"figcaption",
    b"figure",
    b"footer",
    b"form",
    b"h1",
    b"h2",
    b"h3",
    b"h4",
    b"h5",
    b"h6",
    b"header",
    b"hr",
    b"label",
    b"li",
    b"main",
    b"nav",
    b"ol",
    b"option",
    b"p",
    b"pre",
    b"section",
    b"select",
    b"table",
    b"td",
    b"tr",
    b"ul",
];

/// Takes a page's source apart.
pub(super) fn parts(html: &str) -> Parts {
    let mut builder = Builder::default();
    let emitter = Switching(CallbackEmitter::new(Sink(&mut builder)));
    // the reader of a text cannot fail
    let Ok(()) = Tokenizer::new_with_emitter(html, emitter).finish();
    builder.end_link();
    builder.parts
}

/// The tokenizer's state after a tag depends on the tag. A reader without scripts sees what is in `noscript`, so that it
/// is read like everything else.
struct Switching<'a>(CallbackEmitter<Sink<'a>>);

/// Hands what is read to the builder.
struct Sink<'a>(&'a mut Builder);

impl ForwardingEmitter for Switching<'_> {
    type Token = Infallible;

    fn inner(&mut self) -> &mut impl Emitter<Token = Infallible> {
        &mut self.0
    }

    /// Nobody is told what is wrong with a page; looking for it takes an eighth of the time.
    #[inline]
    fn should_emit_errors(&mut self) -> bool {
        false
    }

    fn emit_current_tag(&mut self) -> Option<State> {
        let _ = self.0.emit_current_tag();
        match self.0.callback_mut().0.tag.as_slice() {
            b"textarea" | b"title" => Some(State::RcData),
            b"plaintext" => Some(State::PlainText),
            b"script" => Some(State::ScriptData),
            b"style" | b"iframe" | b"xmp" | b"noembed" | b"noframes" => Some(State::RawText),
            _ => None,
        }
    }
}

/// What a string of the source is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Where {
    #[default]
    Text,
    Title,
    Json,
    Nowhere,
}

#[derive(Debug, Default)]
struct Builder {
    parts: Parts,
    /// The start tag that was read last; empty after an end tag.
    tag: Vec<u8>,
    attributes: Vec<(Vec<u8>, Vec<u8>)>,
    place: Where,
    /// Elements of templates that are open: what is in them is not shown.
    templates: u32,
    /// Headers and navigations that are open.
    headers: u32,
    link: Option<Link>,
}

impl Callback<Infallible, ()> for Sink<'_> {
    fn handle_event(&mut self, event: CallbackEvent<'_>, _: Span<()>) -> Option<Infallible> {
        self.0.handle(event);
        None
    }
}

impl Builder {
    fn handle(&mut self, event: CallbackEvent<'_>) {
        match event {
            CallbackEvent::OpenStartTag { name } => {
                self.tag.clear();
                self.tag.extend_from_slice(name);
                self.attributes.clear();
            }
            CallbackEvent::AttributeName { name } => {
                if self.attributes.len() < 64 {
                    self.attributes.push((name.to_vec(), Vec::new()));
                }
            }
            CallbackEvent::AttributeValue { value } => {
                if let Some((_, last)) = self.attributes.last_mut() {
                    last.extend_from_slice(value);
                }
            }
            CallbackEvent::CloseStartTag { .. } => self.open(),
            CallbackEvent::EndTag { name } => self.close(name),
            CallbackEvent::String { value } => self.string(&String::from_utf8_lossy(value)),
            CallbackEvent::Comment { .. } | CallbackEvent::Doctype { .. } | CallbackEvent::Error(_) => {}
        }
    }
}

fn push_some(list: &mut Vec<String>, text: Option<String>) {
    if list.len() < MAX_TAGS {
        list.extend(text.filter(|text| !text.is_empty()));
    }
}

/// Adds a text, each run of white space as one blank.
fn push_text(to: &mut String, text: &str, max: usize) {
    for letter in text.chars() {
        if to.len() >= max {
            return;
        }
        if letter.is_whitespace() {
            if !to.is_empty() && !to.ends_with([' ', '\n']) {
                to.push(' ');
            }
        } else if !matches!(letter, '\u{ad}' | '\u{200b}'..='\u{200d}' | '\u{feff}') {
            to.push(letter);
        }
    }
}

impl Builder {
    fn attribute(&self, name: &str) -> Option<String> {
        let (_, value) = self.attributes.iter().find(|(known, _)| known == name.as_bytes())?;
        Some(String::from_utf8_lossy(value).into_owned())
    }

    fn open(&mut self) {
        let tag = std::mem::take(&mut self.tag);
        if self.attributes.iter().any(|(name, _)| name == b"data-cfemail") {
            let code = self.attribute("data-cfemail");
            push_some(&mut self.parts.hidden, code);
        }
        match tag.as_slice() {
            b"a" | b"area" | b"frame" | b"iframe" => self.open_link(&tag),
            b"meta" => {
                let name = self.attribute("name").or_else(|| self.attribute("property"));
                if let (Some(name), Some(content)) = (name, self.attribute("content"))
                    && self.parts.metas.len() < MAX_TAGS
                {
                    self.parts.metas.push((name.trim().to_ascii_lowercase(), content));
                }
            }
            b"script" => {
                let src = self.attribute("src");
                push_some(&mut self.parts.scripts, src);
                let kind = self.attribute("type").unwrap_or_default().to_ascii_lowercase();
                self.place = if kind.contains("ld+json") { Where::Json } else { Where::Nowhere };
                if self.place == Where::Json {
                    self.parts.json.push(String::new());
                }
            }
            b"link" => self.linked(),
            b"img" => self.image(),
            b"header" | b"nav" => self.headers += 1,
            b"base" if self.parts.base.is_none() => self.parts.base = self.attribute("href"),
            b"title" => self.place = Where::Title,
            b"style" | b"noembed" | b"noframes" => self.place = Where::Nowhere,
            b"template" => self.templates += 1,
            _ => {}
        }
        if BLOCKS.contains(&tag.as_slice()) {
            self.line();
        }
        self.tag = tag;
    }

    fn linked(&mut self) {
        let href = self.attribute("href");
        if let (Some(href), Some(rel)) = (&href, self.attribute("rel"))
            && self.parts.icons.len() < MAX_TAGS
        {
            let rel = rel.to_ascii_lowercase();
            if rel.contains("icon") && !rel.contains("mask") {
                self.parts.icons.push((rel, href.clone()));
            }
        }
        push_some(&mut self.parts.linked, href);
    }

    fn image(&mut self) {
        // until it is scrolled to, an image has something small in its place
        let src = ["data-src", "data-lazy-src", "src"].iter().find_map(|name| self.attribute(name));
        let Some(src) = src.filter(|src| !src.is_empty() && self.parts.images.len() < MAX_TAGS) else { return };
        let names = ["alt", "class", "id"].iter().filter_map(|name| self.attribute(name));
        let label = names.fold(src.clone(), |label, name| label + " " + &name);
        let link = self.link.as_ref().map(|link| link.href.clone());
        self.parts.images.push(Image { src, label, header: self.headers > 0, link });
    }

    fn open_link(&mut self, tag: &[u8]) {
        let frame = matches!(tag, b"frame" | b"iframe");
        if !frame {
            self.end_link();
        }
        if tag == b"iframe" {
            self.place = Where::Nowhere;
        }
        let Some(href) = self.attribute(if frame { "src" } else { "href" }) else { return };
        let label = self.attribute("title").or_else(|| self.attribute("aria-label")).or_else(|| self.attribute("name"));
        let text = label.filter(|_| tag != b"a").unwrap_or_default();
        let link = Link { href, text, frame, at: self.parts.text.len() };
        if tag == b"a" {
            self.link = Some(link);
        } else if self.parts.links.len() < MAX_LINKS {
            self.parts.links.push(link);
        }
    }

    fn end_link(&mut self) {
        if let Some(mut link) = self.link.take()
            && self.parts.links.len() < MAX_LINKS
        {
            link.text.truncate(link.text.trim_end().len());
            self.parts.links.push(link);
        }
    }

    fn close(&mut self, name: &[u8]) {
        self.tag.clear();
        match name {
            b"a" => self.end_link(),
            b"template" => self.templates = self.templates.saturating_sub(1),
            b"header" | b"nav" => self.headers = self.headers.saturating_sub(1),
            _ => {}
        }
        self.place = Where::Text;
        if BLOCKS.contains(&name) {
            self.line();
        }
    }

    fn line(&mut self) {
        let text = &mut self.parts.text;
        text.truncate(text.trim_end_matches(' ').len());
        if !text.is_empty() && !text.ends_with('\n') && text.len() < MAX_TEXT {
            text.push('\n');
        }
    }

    fn string(&mut self, text: &str) {
        match self.place {
            Where::Nowhere => {}
            Where::Title => push_text(&mut self.parts.title, text, 1_000),
            Where::Json => {
                let kept: usize = self.parts.json.iter().map(String::len).sum();
                if let Some(json) = self.parts.json.last_mut()
                    && kept + text.len() <= MAX_JSON
                {
                    json.push_str(text);
                }
            }
            Where::Text if self.templates > 0 => {}
            Where::Text => {
                push_text(&mut self.parts.text, text, MAX_TEXT);
                if let Some(link) = &mut self.link {
                    push_text(&mut link.text, text, MAX_LABEL);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
