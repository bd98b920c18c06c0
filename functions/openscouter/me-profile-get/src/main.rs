//! The Lambda binary.

fn main() -> shared::serve::Exit {
    shared::serve::run(openscouter_me_profile_get::FUNCTION)
}
