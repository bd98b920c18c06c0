//! The control port, as a web page reaches it.
