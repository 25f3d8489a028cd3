//! A vendor with a limit that it does not tell, and a gate that wants to send all it may.

use std::collections::VecDeque;

use super::*;

/// A vendor that takes so many messages in a second, counted from the first; and what it has taken.
struct Window {
    limit: u32,
    since: Instant,
    taken: u32,
}

impl Window {
    fn takes(&mut self, now: Instant) -> bool {
        if now.duration_since(self.since) >= Duration::from_secs(1) {
            (self.since, self.taken) = (now, 0);
        }
        self.taken += 1;
        self.taken <= self.limit
    }
}

/// What share of its allowance a vendor gets that answers after `latency` and asks for pauses of a
/// second, from a gate that knows nothing and has always more to send.
pub(super) fn share_of(limit: u32, latency: Duration, time: Duration) -> f64 {
    let start = Instant::now();
    let (mut gate, mut vendor) = (free(start), Window { limit, since: start, taken: 0 });
    let (mut now, mut paused, mut sent) = (start, start, 0);
    let mut under_way = VecDeque::new();
    while now < start + time {
        now += Duration::from_millis(1);
        while let Some((ticket, is_taken, _)) =
            under_way.pop_front_if(|(_, _, began)| *began + latency <= now)
        {
            if is_taken {
                gate.accepted(&ticket, now);
                sent += 1;
            } else if gate.throttled(&ticket, now) {
                paused = now + SECOND;
            }
            gate.done(&ticket);
        }
        // As many at once as there are slots.
        while now >= paused && under_way.len() < 500 {
            let Some(ticket) = goes(&mut gate, Lane::Transactional, now) else { break };
            under_way.push_back((ticket, vendor.takes(now), now));
        }
    }
    f64::from(sent) / (f64::from(limit) * time.as_secs_f64())
}
