//! `GET /sms/opt-outs`, `POST /sms/opt-outs/import`: all stops as a list, out and in. Both are streamed: neither side
//! holds the whole.

mod export;
mod import;

pub(super) use export::export;
pub(super) use import::import;
