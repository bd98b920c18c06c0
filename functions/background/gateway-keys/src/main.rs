//! The Lambda binary.

fn main() -> std::process::ExitCode {
    shared::lambda::run(&background_gateway_keys::FUNCTION)
}
