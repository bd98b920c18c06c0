//! The Lambda binary.

fn main() -> shared::serve::Exit {
    shared::serve::run(openscouter_me_consents_delete::FUNCTION)
}
