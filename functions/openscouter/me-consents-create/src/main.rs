//! The Lambda binary.

fn main() -> std::process::ExitCode {
    shared::lambda::run(&openscouter_me_consents_create::FUNCTION)
}
