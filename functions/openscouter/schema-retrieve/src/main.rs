//! The Lambda binary.

fn main() -> std::process::ExitCode {
    shared::lambda::run_storeless(&openscouter_schema_retrieve::FUNCTION)
}
