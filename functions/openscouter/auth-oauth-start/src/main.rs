//! The Lambda binary.

fn main() -> shared::serve::Exit {
    shared::serve::run(openscouter_auth_oauth_start::FUNCTION)
}
