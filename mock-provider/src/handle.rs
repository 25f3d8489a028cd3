//! A mock provider inside a test: on a thread of its own, so that a busy or blocked test runtime cannot slow the judge.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, mpsc};
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

use tokio::sync::oneshot;

use crate::arrival::Arrival;
use crate::arrivals::ArrivalFilter;
use crate::counts::ArrivalCounts;
use crate::fault::Fault;
use crate::faults::{FaultRule, FaultStatus, InvalidFaultRule};
use crate::options::Options;
use crate::pace::PaceChange;
use crate::requests::RequestCounts;
use crate::server::Server;
use crate::state::State;
use crate::vendor::Vendor;

/// A running mock provider; it stops when dropped.
#[derive(Debug)]
pub struct MockProvider {
    address: SocketAddr,
    state: Arc<State>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl MockProvider {
    /// Starts one; it answers when this returns. `Options::default()` takes a free port.
    ///
    /// # Errors
    /// When the address is taken, or the arrival file or the thread cannot be had.
    pub fn start(options: Options) -> io::Result<Self> {
        let (stop, stopped) = oneshot::channel();
        let (report, started) = mpsc::channel();
        let thread = Builder::new().name("mock-provider".to_owned()).spawn(move || {
            serve_on_this_thread(&options, &report, stopped);
        })?;
        let gone = || io::Error::other("the mock provider's thread ended early");
        let (address, state) = started.recv().map_err(|_| gone())??;
        Ok(Self { address, state, stop: Some(stop), thread: Some(thread) })
    }

    /// The base URL for both vendors and for `/_mock`, without a slash at the end.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Everything that was delivered since the start or the last [`clear_arrivals`](Self::clear_arrivals).
    pub fn arrivals(&self) -> Vec<Arc<Arrival>> {
        self.state.arrivals.all()
    }

    /// What was delivered to one recipient, in E.164 with `+`.
    pub fn arrivals_to(&self, to: &str) -> Vec<Arc<Arrival>> {
        self.filtered(&ArrivalFilter { to: Some(to.to_owned()), reference: None })
    }

    /// What was delivered under one reference: its length is the number of copies.
    pub fn arrivals_of(&self, reference: &str) -> Vec<Arc<Arrival>> {
        self.filtered(&ArrivalFilter { to: None, reference: Some(reference.to_owned()) })
    }

    fn filtered(&self, filter: &ArrivalFilter) -> Vec<Arc<Arrival>> {
        self.state.arrivals.page(filter, 0, usize::MAX).arrivals
    }

    /// The number of deliveries, without looking at them.
    pub fn arrival_total(&self) -> u64 {
        self.state.arrivals.total()
    }

    /// Losses and copies at a glance.
    pub fn arrival_counts(&self) -> ArrivalCounts {
        ArrivalCounts::of(&self.arrivals())
    }

    /// Waits until `count` messages have arrived, but no longer than `within`; returns what has arrived.
    pub async fn wait_for_arrivals(&self, count: u64, within: Duration) -> Vec<Arc<Arrival>> {
        self.state.arrivals.wait_for(count, within).await;
        self.arrivals()
    }

    /// Forgets what has arrived.
    pub fn clear_arrivals(&self) {
        self.state.arrivals.clear();
    }

    /// How many requests each vendor had, by answer.
    pub fn requests(&self) -> RequestCounts {
        self.state.requests.read()
    }

    /// Makes a vendor misbehave for every submission until [`clear_faults`](Self::clear_faults).
    ///
    /// # Errors
    /// As [`FaultRule::check`].
    pub fn fail(&self, vendor: Vendor, fault: Fault) -> Result<(), InvalidFaultRule> {
        self.fail_by(FaultRule::new(vendor, fault))
    }

    /// Makes a vendor misbehave as a rule says; older rules come first.
    ///
    /// # Errors
    /// As [`FaultRule::check`].
    pub fn fail_by(&self, rule: FaultRule) -> Result<(), InvalidFaultRule> {
        rule.check()?;
        self.state.faults.add(vec![rule]);
        Ok(())
    }

    /// The rules in force and how often each has struck.
    pub fn faults(&self) -> Vec<FaultStatus> {
        self.state.faults.list()
    }

    /// Ends all scripted misbehaviour.
    pub fn clear_faults(&self) {
        self.state.faults.clear();
    }

    /// Changes a vendor's latency or rate limit.
    pub fn set_pace(&self, vendor: Vendor, change: PaceChange) {
        self.state.pace(vendor).change(change);
    }
}

impl Drop for MockProvider {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

type Started = io::Result<(SocketAddr, Arc<State>)>;

fn serve_on_this_thread(options: &Options, report: &mpsc::Sender<Started>, stopped: oneshot::Receiver<()>) {
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return drop(report.send(Err(error))),
    };
    runtime.block_on(async {
        let server = match Server::bind(options) {
            Ok(server) => server,
            Err(error) => return drop(report.send(Err(error))),
        };
        let _ = report.send(server.address().map(|address| (address, server.state())));
        // An error means that the handle is gone, which is a reason to stop as well.
        server.serve(async { drop(stopped.await) }).await;
    });
}
