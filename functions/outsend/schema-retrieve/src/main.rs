//! The Lambda binary.

fn main() -> std::process::ExitCode {
    shared::lambda::run(&outsend_schema_retrieve::FUNCTION)
}
