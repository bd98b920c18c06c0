//! The whole outscout system on one machine: the gateway, the embedded store, the command line.

pub mod background;
pub mod backup;
pub mod cli;
pub mod control;
pub mod control_plane;
pub mod data;
pub mod demo;
pub mod embedded_store;
pub mod functions;
pub mod gateway;
pub mod guard;
pub mod import;
pub mod lambda;
pub mod log;
mod past;
pub mod people;
pub mod private;
pub mod routing;
mod sam;
pub mod schedule;
pub mod server;
pub mod streams;
pub mod template;
pub mod usage_plans;
