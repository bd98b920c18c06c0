//! The Lambda binary.

fn main() -> std::process::ExitCode {
    shared::lambda::run_storeless(&outsend_schema_retrieve::FUNCTION)
}
