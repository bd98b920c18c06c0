//! What must hold of the house: arrows that run one way, items where they are used, functions of a readable length.

pub mod circles;
pub mod lengths;
pub mod source;
pub mod users;
