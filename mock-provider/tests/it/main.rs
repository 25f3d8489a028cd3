//! The mock provider as its clients see it: real HTTP, and raw sockets where HTTP hides too much.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod client;

mod control;
mod counting;
mod faults;
mod load;
mod pace;
mod receipts;
mod server;
mod twilio;
mod twilio_refusals;
mod twofactor;
mod verify;
