//! Sessions under a long random play, compared step by step with a model that fits on a page.

use fastrand::Rng;
use tests::{Door, TestApp};

use super::{Challenge, assert_refused, unsent};

const STEPS: usize = 400;
const SESSIONS: usize = 8;
const MAX_ATTEMPTS: i16 = 5;
const MAX_SENDS: i16 = 5;

#[derive(Clone, Copy, Debug, PartialEq)]
enum State {
    Open,
    Verified,
    Locked,
    Expired,
}

/// What a session must be, and the codes it had before.
struct Model {
    challenge: Challenge,
    old: Vec<String>,
    state: State,
    attempts: i16,
    sends: i16,
    cooled: bool,
}

impl Model {
    async fn start(app: &TestApp, door: &Door) -> Self {
        let challenge = Challenge::start(app, door).await;
        Self { challenge, old: Vec::new(), state: State::Open, attempts: 0, sends: 1, cooled: false }
    }

    /// What a session that is over answers to everything.
    fn over(&self) -> Option<(u16, &'static str)> {
        match self.state {
            State::Open => None,
            State::Verified => Some((410, "otp-used")),
            State::Locked => Some((429, "otp-locked")),
            State::Expired => Some((410, "otp-expired")),
        }
    }

    async fn verify(&mut self, door: &Door, code: &str) {
        let answer = self.challenge.verify(door, code).await;
        if let Some((status, problem)) = self.over() {
            assert_refused(&answer, status, problem);
            return;
        }
        self.attempts += 1;
        if code == self.challenge.code {
            assert_eq!(answer.status, 200, "{}", answer.body);
            self.state = State::Verified;
            return;
        }
        assert_refused(&answer, 400, "otp-wrong");
        assert_eq!(answer.body["attempts_remaining"], MAX_ATTEMPTS - self.attempts);
        if self.attempts == MAX_ATTEMPTS {
            self.state = State::Locked;
        }
    }

    async fn resend(&mut self, app: &TestApp, door: &Door) {
        let answer = self.challenge.resend(door).await;
        let refused = match self.over() {
            Some(over) => Some(over),
            None if self.sends == MAX_SENDS => Some((429, "otp-send-limit")),
            None if !self.cooled => Some((429, "otp-cool-down")),
            None => None,
        };
        if let Some((status, problem)) = refused {
            assert_refused(&answer, status, problem);
            return;
        }
        assert_eq!(answer.status, 202, "{}", answer.body);
        assert_eq!(answer.body["attempts_remaining"], MAX_ATTEMPTS - self.attempts);
        (self.sends, self.cooled) = (self.sends + 1, false);
        let new = unsent(app, &self.challenge.id).await.remove(0).code;
        self.old.push(std::mem::replace(&mut self.challenge.code, new));
    }

    async fn expire(&mut self, app: &TestApp) {
        self.challenge.expire(app).await;
        if self.state == State::Open {
            self.state = State::Expired;
        }
    }

    /// The database agrees, and a code waits to be sent exactly as long as it is of use.
    async fn check(&self, app: &TestApp, door: &Door) {
        let session = self.challenge.look(door).await;
        let status = match self.state {
            State::Open => "pending",
            State::Verified => "verified",
            State::Locked => "locked",
            State::Expired => "expired",
        };
        assert_eq!(session["status"], status);
        assert_eq!(session["attempts_remaining"], MAX_ATTEMPTS - self.attempts);
        assert_eq!(session["sends"], self.sends);
        let waiting = unsent(app, &self.challenge.id).await.len();
        assert_eq!(waiting, usize::from(matches!(self.state, State::Open | State::Expired)));
    }
}

#[tokio::test]
async fn whatever_is_done_in_whatever_order_sessions_do_as_the_model_says() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    let mut rng = Rng::with_seed(20);
    let mut sessions = Vec::new();
    for _ in 0..SESSIONS {
        sessions.push(Model::start(&app, &door).await);
    }
    for _ in 0..STEPS {
        let (one, other) = (rng.usize(0..SESSIONS), rng.usize(0..SESSIONS));
        let others = sessions[other].challenge.code.clone();
        let session = &mut sessions[one];
        match rng.u8(0..20) {
            0 => session.verify(&door, &session.challenge.code.clone()).await,
            1 | 2 => {
                let old = rng.choice(&session.old).cloned().unwrap_or_else(|| session.challenge.wrong(1));
                session.verify(&door, &old).await;
            }
            3 | 4 => session.verify(&door, &others).await,
            5 => session.verify(&door, &session.challenge.wrong(rng.u32(0..999_998))).await,
            6..=9 => session.resend(&app, &door).await,
            10..=14 => {
                session.challenge.cool_down(&app).await;
                session.cooled = true;
            }
            15 => session.expire(&app).await,
            16..=18 => {}
            _ => *session = Model::start(&app, &door).await,
        }
        sessions[one].check(&app, &door).await;
    }
}
