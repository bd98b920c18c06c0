//! The Lambda binary.

fn main() -> shared::serve::Exit {
    shared::serve::run(background_reactor::FUNCTION)
}
