//! The Lambda binary.

fn main() -> std::process::ExitCode {
    shared::lambda::run(&openscouter_auth_resend_verification::FUNCTION)
}
