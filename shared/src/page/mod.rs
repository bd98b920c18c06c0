//! Small pages for people, alike in every API: escaped HTML without scripts, in English or French (outsend 6.7,
//! openscouter 7.3).

mod form;
mod parts;
mod refusal;
mod shell;
pub mod words;

pub use self::{
    form::{Done, Filled, FormPage, Input, Kind, Shut, SignIn},
    parts::{sign_out, turn},
    refusal::Refusal,
    shell::{Page, Words, minute, reference, see_other, to_sign_in},
};
