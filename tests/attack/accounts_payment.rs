//! An unpaid study stays closed.
