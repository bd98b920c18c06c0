//! The Lambda binary.

fn main() -> std::process::ExitCode {
    shared::lambda::run(&background_authorizer::FUNCTION)
}
