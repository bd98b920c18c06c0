//! The Lambda binary.

fn main() -> shared::serve::Exit {
    shared::serve::run(openscouter_auth_resend_verification::FUNCTION)
}
