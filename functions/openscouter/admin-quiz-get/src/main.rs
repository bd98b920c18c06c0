//! The Lambda binary.

fn main() -> shared::serve::Exit {
    shared::serve::run(openscouter_admin_quiz_get::FUNCTION)
}
