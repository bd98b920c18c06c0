//! The whole outscout system on one machine: the gateway, the embedded store, the command line.

pub mod background;
pub mod backup;
pub mod cli;
mod cloud;
pub mod control;
pub mod data;
pub mod demo;
pub mod doctor;
pub mod embedded_store;
pub mod functions;
pub mod gateway;
pub mod guard;
pub mod import;
pub mod lambda;
pub mod log;
pub mod migrations;
mod past;
pub mod people;
pub mod private;
pub mod rotation;
pub mod routing;
mod sam;
pub mod schedule;
pub mod server;
pub mod streams;
pub mod template;
pub mod usage_plans;
