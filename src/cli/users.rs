//! `users`: what is known of a user.

use clap::{Args, Subcommand};
use shared::config::DatabaseConfig;

/// `users …`.
#[derive(Debug, Args)]
pub(crate) struct UsersArgs {
    #[command(flatten)]
    pub(crate) database: DatabaseConfig,
    /// What to do with users
    #[command(subcommand)]
    pub(crate) action: UsersAction,
}

/// What to do with users.
#[derive(Debug, Subcommand)]
pub(crate) enum UsersAction {
    /// Show a user's number, second factor, remembered devices and latest codes
    #[command(after_help = "Example:\n  smsgw users show ann --json")]
    Show {
        /// The application's own id of the user
        id: String,
    },
}
