//! The Lambda binary.

fn main() -> std::process::ExitCode {
    shared::lambda::run(&outset_schema_retrieve::FUNCTION)
}
