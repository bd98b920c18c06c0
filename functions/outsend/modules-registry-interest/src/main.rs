//! The Lambda binary.

fn main() -> shared::serve::Exit {
    shared::serve::run(outsend_modules_registry_interest::FUNCTION)
}
