//! The Lambda binary.

fn main() -> shared::serve::Exit {
    shared::serve::run(outset_schema_retrieve::FUNCTION)
}
