//! The Lambda binary.

fn main() -> shared::serve::Exit {
    shared::serve::run(outsend_auth_account_delete::FUNCTION)
}
