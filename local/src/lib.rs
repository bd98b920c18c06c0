//! The whole outscout system on one machine: the gateway, the embedded store, the command line.

pub mod cli;
pub mod control;
pub mod data;
pub mod demo;
pub mod engine;
pub mod functions;
pub mod gateway;
pub mod import;
pub mod log;
pub mod routing;
pub mod server;
pub mod template;
