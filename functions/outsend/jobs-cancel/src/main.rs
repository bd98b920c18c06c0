//! The Lambda binary.

fn main() -> shared::serve::Exit {
    shared::serve::run(outsend_jobs_cancel::FUNCTION)
}
