//! The Lambda binary.

fn main() -> std::process::ExitCode {
    shared::lambda::run_storeless(&outsend_fallback::FUNCTION)
}
