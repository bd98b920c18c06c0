//! The Lambda binary.

fn main() -> shared::serve::Exit {
    shared::serve::run(openscouter_sessions_create::FUNCTION)
}
