//! The Lambda binary.

fn main() -> shared::serve::Exit {
    shared::serve::run(outsend_api_keys_list::FUNCTION)
}
