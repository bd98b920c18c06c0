//! The Lambda binary.

fn main() -> std::process::ExitCode {
    shared::lambda::run(&openscouter_data_voice::FUNCTION)
}
