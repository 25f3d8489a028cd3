//! Many at one code at once: no more checks than are allowed, and one success at most.

use std::collections::HashMap;

use futures::StreamExt as _;
use futures::future::join_all;
use futures::stream::iter;
use tests::door::Answer;
use tests::{Door, TestApp};

use super::{Challenge, assert_refused, unsent};

pub(super) fn counts(answers: &[Answer]) -> HashMap<(u16, &str), usize> {
    let mut counts = HashMap::new();
    for answer in answers {
        *counts.entry(answer.refusal()).or_default() += 1;
    }
    counts
}

/// Checks under way at a time: enough to keep every connection to the database busy, and few enough sockets for a laptop.
const AT_ONCE: usize = 300;

/// Tries all these codes, at the two processes in turn. The sockets are there before: opened one by one, they would let the
/// first checks pass one by one as well.
async fn storm(doors: &[Door; 2], challenge: &Challenge, codes: impl Iterator<Item = String>) -> Vec<Answer> {
    join_all((0..AT_ONCE).map(|n| challenge.look(&doors[n % 2]))).await;
    let tries = codes.enumerate().map(async |(n, code)| challenge.verify(&doors[n % 2], &code).await);
    iter(tries).buffer_unordered(AT_ONCE).collect().await
}

/// Seen red with a claim that first reads the attempts and then writes them.
#[tokio::test]
async fn of_a_hundred_wrong_guesses_at_once_five_are_compared() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    for _ in 0..5 {
        let challenge = Challenge::start(&app, &door).await;
        let guesses: Vec<String> = (0..100).map(|n| challenge.wrong(n)).collect();
        let answers = join_all(guesses.iter().map(|guess| challenge.verify(&door, guess))).await;
        assert_eq!(challenge.attempts(&app).await, 5);
        assert_eq!(counts(&answers), [((400, "otp-wrong"), 5), ((429, "otp-locked"), 95)].into());
        let mut left: Vec<_> = answers.iter().filter(|answer| answer.status == 400).collect();
        left.sort_by_key(|answer| answer.body["attempts_remaining"].as_i64());
        let left: Vec<_> =
            left.iter().map(|answer| answer.body["attempts_remaining"].as_i64().unwrap()).collect();
        assert_eq!(left, [0, 1, 2, 3, 4]);
        assert_refused(&challenge.verify(&door, &challenge.code).await, 429, "otp-locked");
    }
}

/// Seen red with the same.
#[tokio::test(flavor = "multi_thread")]
async fn of_ten_thousand_wrong_guesses_at_two_processes_five_are_compared() {
    let app = TestApp::without_worker().await;
    let doors = [Door::open(&app).await, Door::open(&app).await];
    // The first five decide, so there are more storms than one.
    for guesses in [10_000].into_iter().chain([300; 15]) {
        let challenge = Challenge::start(&app, &doors[0]).await;
        let answers = storm(&doors, &challenge, (0..guesses).map(|n| challenge.wrong(n))).await;
        let others = usize::try_from(guesses).unwrap() - 5;
        assert_eq!(counts(&answers), [((400, "otp-wrong"), 5), ((429, "otp-locked"), others)].into());
        assert_eq!(challenge.attempts(&app).await, 5);
        for door in &doors {
            assert_refused(&challenge.verify(door, &challenge.code).await, 429, "otp-locked");
        }
    }
}

/// Among all guesses at once the right one stands: it must not be compared after the fifth.
#[tokio::test]
async fn a_right_guess_among_many_wins_only_within_the_first_five() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    for round in 0..10 {
        let challenge = Challenge::start(&app, &door).await;
        let mut guesses: Vec<String> = (0..40).map(|n| challenge.wrong(n)).collect();
        guesses.insert(round, challenge.code.clone());
        let answers = join_all(guesses.iter().map(|guess| challenge.verify(&door, guess))).await;
        let counts = counts(&answers);
        let (right, wrong) =
            (counts.get(&(200, "")), counts.get(&(400, "otp-wrong")).copied().unwrap_or_default());
        let status = challenge.look(&door).await["status"].clone();
        assert_eq!(status, if right.is_some() { "verified" } else { "locked" }, "{counts:?}");
        assert!(right.copied().unwrap_or_default() + wrong <= 5, "{counts:?}");
        assert!(challenge.attempts(&app).await <= 5);
        let known = [(200, ""), (400, "otp-wrong"), (410, "otp-used"), (429, "otp-locked")];
        assert!(counts.keys().all(|answer| known.contains(answer)), "{counts:?}");
    }
}

/// Seen red with a consumption that does not ask whether the session is still open.
#[tokio::test]
async fn of_fifty_right_answers_at_once_exactly_one_is_accepted() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    for _ in 0..10 {
        let challenge = Challenge::start(&app, &door).await;
        let answers = join_all((0..50).map(|_| challenge.verify(&door, &challenge.code))).await;
        let counts = counts(&answers);
        assert_eq!(counts[&(200, "")], 1, "{counts:?}");
        // Checks that were taken before the winner's commit may have used them up.
        let others = [(200, ""), (410, "otp-used"), (429, "otp-locked")];
        assert!(counts.keys().all(|answer| others.contains(answer)), "{counts:?}");
        assert_eq!(challenge.look(&door).await["status"], "verified");
        assert_refused(&challenge.verify(&door, &challenge.code).await, 410, "otp-used");
    }
}

/// Seen red with the same.
#[tokio::test(flavor = "multi_thread")]
async fn of_a_thousand_right_answers_at_two_processes_exactly_one_is_accepted() {
    let app = TestApp::without_worker().await;
    let doors = [Door::open(&app).await, Door::open(&app).await];
    for _ in 0..3 {
        let challenge = Challenge::start(&app, &doors[0]).await;
        let answers = storm(&doors, &challenge, (0..1_000).map(|_| challenge.code.clone())).await;
        let mut counts = counts(&answers);
        assert_eq!(counts.remove(&(200, "")), Some(1), "{counts:?}");
        let (used, locked) = (counts.remove(&(410, "otp-used")), counts.remove(&(429, "otp-locked")));
        assert_eq!((used.unwrap_or_default() + locked.unwrap_or_default(), counts), (999, HashMap::new()));
        assert_eq!(challenge.look(&doors[1]).await["status"], "verified");
    }
}

#[tokio::test]
async fn of_many_resends_at_once_one_sends() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    for _ in 0..5 {
        let challenge = Challenge::start(&app, &door).await;
        challenge.cool_down(&app).await;
        let answers = join_all((0..20).map(|_| challenge.resend(&door))).await;
        assert_eq!(counts(&answers), [((202, ""), 1), ((429, "otp-cool-down"), 19)].into());
        assert_eq!(unsent(&app, &challenge.id).await.len(), 1);
        assert_eq!(challenge.look(&door).await["sends"], 2);
    }
}

/// A resend replaces the code that is being checked: either the check is first, or the code is old.
///
/// Seen red with a consumption that does not ask whether the code is still the session's. One code in
/// a million is replaced by itself, which this test takes for a fault.
#[tokio::test]
async fn a_check_and_a_resend_at_once_leave_one_truth() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    for _ in 0..30 {
        let challenge = Challenge::start(&app, &door).await;
        challenge.cool_down(&app).await;
        let (checked, resent) =
            tokio::join!(challenge.verify(&door, &challenge.code), challenge.resend(&door));
        let session = challenge.look(&door).await;
        match (checked.refusal(), resent.refusal()) {
            ((200, _), (410, "otp-used")) => assert_eq!(session["status"], "verified"),
            ((400, "otp-wrong"), (202, _)) => {
                assert_eq!((&session["status"], &session["sends"]), (&"pending".into(), &2.into()));
                let code = unsent(&app, &challenge.id).await.remove(0).code;
                assert_eq!(challenge.verify(&door, &code).await.status, 200);
            }
            other => panic!("{other:?}: {session}"),
        }
    }
}
