//! The Lambda binary.

fn main() -> std::process::ExitCode {
    shared::lambda::run(&outsend_auth_account_delete::FUNCTION)
}
