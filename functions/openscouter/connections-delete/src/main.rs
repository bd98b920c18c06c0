//! The Lambda binary.

fn main() -> std::process::ExitCode {
    shared::lambda::run(&openscouter_connections_delete::FUNCTION)
}
