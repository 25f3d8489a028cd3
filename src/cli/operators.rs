//! `operators`: who may sign in to the console.

use clap::{Args, Subcommand};
use shared::config::{DatabaseConfig, SecretsConfig, SiteConfig};
use shared::operator::{OperatorName, Role};

/// `operators …`.
#[derive(Debug, Args)]
pub(crate) struct OperatorsArgs {
    #[command(flatten)]
    pub(crate) database: DatabaseConfig,
    #[command(flatten)]
    pub(crate) secrets: SecretsConfig,
    #[command(flatten)]
    pub(crate) site: SiteConfig,
    /// What to do with operators
    #[command(subcommand)]
    pub(crate) action: OperatorsAction,
}

/// What to do with operators.
#[derive(Debug, Subcommand)]
pub(crate) enum OperatorsAction {
    /// Add an operator, or change the role or the password of one; ends their sessions
    #[command(after_help = "\
Roles: viewer sees messages, with masked numbers; marketer runs campaigns too; admin sees whole numbers and changes \
settings; super_admin also sees the audit log.

Examples:
  smsgw operators add ann --role super_admin                        prints a link that signs her in once
  smsgw operators add ben --role viewer --password-file ben.txt     '-' reads standard input")]
    Add {
        /// What they sign in as, for example an e-mail address
        name: OperatorName,
        /// viewer, marketer, admin or super_admin
        #[arg(long)]
        role: Role,
        /// A file whose first line is their password, 15 characters or more; '-' is standard input
        #[arg(long, value_name = "FILE")]
        password_file: Option<String>,
    },
    /// Make a link that signs an operator in, once, within 15 minutes
    #[command(after_help = "Example:\n  smsgw operators link ann")]
    Link {
        /// Their name
        name: OperatorName,
    },
    /// List all operators
    #[command(after_help = "Example:\n  smsgw operators list")]
    List,
    /// End an operator's access at once, in every browser
    #[command(after_help = "Example:\n  smsgw operators disable ben")]
    Disable {
        /// Their name
        name: OperatorName,
    },
}
