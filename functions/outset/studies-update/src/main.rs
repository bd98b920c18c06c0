//! The Lambda binary.

fn main() -> std::process::ExitCode {
    shared::lambda::run(&outset_studies_update::FUNCTION)
}
