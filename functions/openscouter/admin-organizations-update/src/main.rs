//! The Lambda binary.

fn main() -> shared::serve::Exit {
    shared::serve::run(openscouter_admin_organizations_update::FUNCTION)
}
