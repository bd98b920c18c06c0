//! What crosses several operations or APIs.

mod accounts;
mod agents;
mod chains;
mod costs;
mod coverage;
mod crash;
mod credentials;
mod dialects;
mod ends;
mod erasure;
mod events;
mod faults;
mod feed;
mod jobs;
mod limits;
mod mail;
mod models;
mod pages;
mod processes;
mod quota;
mod research;
mod scale;
mod secrets;
mod session_lists;
mod shared_lists;
mod tables;
