//! The Lambda binary.

fn main() -> std::process::ExitCode {
    shared::lambda::run(&outsend_brand_assets_get::FUNCTION)
}
