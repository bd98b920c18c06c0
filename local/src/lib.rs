//! The whole outscout system on one machine.
