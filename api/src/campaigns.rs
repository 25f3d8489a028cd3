//! Campaigns: what is asked of a new one, the lists of its recipients, what it will cost, and what became of it.

pub(crate) mod budget;
pub(crate) mod create;
pub(crate) mod list;
pub(crate) mod preview;
pub(crate) mod results;
pub(crate) mod upload;
pub(crate) mod view;
