//! What all connections of one mock provider share.

use std::collections::HashSet;
use std::io;
use std::sync::Mutex;

use tokio::sync::mpsc::UnboundedReceiver;

use crate::arrival_file::ArrivalFile;
use crate::arrivals::ArrivalLog;
use crate::check::CodeCheck;
use crate::fault::Fault;
use crate::faults::{FaultBook, FaultTarget};
use crate::magic;
use crate::options::{Credentials, Options};
use crate::pace::PaceKeeper;
use crate::receipts::{Receipt, ReceiptQueue};
use crate::requests::RequestLog;
use crate::submission::Submission;
use crate::twilio::{TwilioLogins, Verifications};
use crate::vendor::Vendor;

/// The shared state. Every lock in it is held for one push, take or swap.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) credentials: Credentials,
    pub(crate) twilio_logins: TwilioLogins,
    pub(crate) arrivals: ArrivalLog,
    pub(crate) requests: RequestLog,
    pub(crate) faults: FaultBook,
    pub(crate) receipts: Option<ReceiptQueue>,
    /// How long a 2Factor code can be verified, in microseconds.
    pub(crate) code_lifetime_micros: i64,
    /// How long a Twilio verification is pending, in microseconds.
    pub(crate) verification_lifetime_micros: i64,
    /// What is pending at Twilio Verify.
    pub(crate) verifications: Verifications,
    /// Indexes of the 2Factor codes that were verified already.
    pub(crate) verified: Mutex<HashSet<u64>>,
    twilio_pace: PaceKeeper,
    two_factor_pace: PaceKeeper,
    magic_numbers: bool,
}

impl State {
    /// Builds the state, and the queue of receipts to post if they are wanted.
    ///
    /// # Errors
    /// When the arrival file cannot be opened.
    pub(crate) fn new(options: &Options) -> io::Result<(Self, Option<UnboundedReceiver<Receipt>>)> {
        let file = options.log.as_deref().map(ArrivalFile::open).transpose()?;
        let (receipts, posted) = options.receipts.then(ReceiptQueue::new).unzip();
        let state = Self {
            credentials: options.credentials.clone(),
            twilio_logins: TwilioLogins::of(&options.credentials),
            arrivals: ArrivalLog::new(file),
            requests: RequestLog::new(),
            faults: FaultBook::default(),
            receipts,
            code_lifetime_micros: i64::from(options.two_factor_code_lifetime_s) * 1_000_000,
            verification_lifetime_micros: i64::from(options.twilio_code_lifetime_s) * 1_000_000,
            verifications: Verifications::default(),
            verified: Mutex::default(),
            twilio_pace: PaceKeeper::new(options.twilio_pace()),
            two_factor_pace: PaceKeeper::new(options.two_factor_pace()),
            magic_numbers: !options.ignore_magic_numbers,
        };
        Ok((state, posted))
    }

    pub(crate) fn pace(&self, vendor: Vendor) -> &PaceKeeper {
        match vendor {
            Vendor::Twilio => &self.twilio_pace,
            Vendor::TwoFactor => &self.two_factor_pace,
        }
    }

    /// What goes wrong with a submission: a scripted fault first, else its magic number.
    pub(crate) fn fault_for(&self, submission: &Submission) -> Option<Fault> {
        let scripted = self.faults.strike(submission.vendor, FaultTarget::Sends, &submission.recipients);
        scripted.or_else(|| self.magic_fault(submission))
    }

    /// What goes wrong with a check, if that was scripted: by its digits a number says how sending to it fails.
    pub(crate) fn fault_for_check(&self, check: &CodeCheck) -> Option<Fault> {
        self.faults.strike(check.vendor, FaultTarget::Checks, &check.recipient)
    }

    fn magic_fault(&self, submission: &Submission) -> Option<Fault> {
        if !self.magic_numbers {
            return None;
        }
        submission.recipients.iter().find_map(|to| magic::fault_for(submission.vendor, to))
    }

    /// The code with which Twilio reports a message undelivered, if its recipient asks for that.
    pub(crate) fn undelivered_code(&self, recipient: &str) -> Option<u32> {
        self.magic_numbers.then(|| magic::undelivered_code(recipient)).flatten()
    }
}
