//! The Lambda binary.

fn main() -> std::process::ExitCode {
    shared::lambda::run(&openscouter_me_profile_update::FUNCTION)
}
