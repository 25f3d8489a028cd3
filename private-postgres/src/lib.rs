//! A private PostgreSQL for `smsgw dev` and for the tests: found on the machine or downloaded, and run by us.
//!
//! [`Cluster::start`] is the whole story: take the data directory, find binaries, run initdb the first time,
//! start the server on loopback. It runs stock settings, so what is measured and crash-tested here is what a
//! stock PostgreSQL does, and it ends with its owner however that ends. Migrations and roles are for others.

mod account;
mod binaries;
mod cluster;
mod download;
mod error;
mod home;
mod initdb;
mod options;
mod pid_file;
mod processes;
mod server;
mod supervisor;

pub use binaries::Binaries;
pub use cluster::Cluster;
pub use error::Error;
pub use options::Options;
