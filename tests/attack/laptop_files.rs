//! Who may read the data directory.
