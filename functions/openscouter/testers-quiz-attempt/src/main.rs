//! The Lambda binary.

fn main() -> shared::serve::Exit {
    shared::serve::run(openscouter_testers_quiz_attempt::FUNCTION)
}
