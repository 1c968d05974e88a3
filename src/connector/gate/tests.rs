//! The gate by its clock: time stands still but for what is waited for, so every instant is exact.

use std::sync::atomic::{AtomicUsize, Ordering};

use futures::future::{join, join_all};

use super::breaker::{FAILURES, FIRST_PAUSE, LONGEST_PAUSE};
use super::*;

const DEFAULTS: Defaults = Defaults { requests_per_second: None, concurrency: 4, timeout: Duration::from_secs(30) };

fn gate() -> Gate {
    Gate::with_random(&LimitsSpec::default(), DEFAULTS, fastrand::Rng::with_seed(7))
}

fn limited(json: serde_json::Value) -> Gate {
    Gate::with_random(&serde_json::from_value(json).unwrap(), DEFAULTS, fastrand::Rng::with_seed(7))
}

fn busy(after: Option<u64>) -> Trouble {
    Trouble::Busy { why: "it answers 429".to_owned(), after: after.map(Duration::from_secs) }
}

fn down(after: Option<u64>) -> Trouble {
    Trouble::Down { why: "connection refused".to_owned(), after: after.map(Duration::from_secs) }
}

fn retry(after: Option<u64>, why: &str) -> Failure {
    Failure::Retry { after, why: why.to_owned() }
}

/// A target that notes when a request comes and answers as told, then well.
struct Target {
    began: Instant,
    answers: Mutex<Vec<Trouble>>,
    came: Mutex<Vec<Duration>>,
}

impl Target {
    fn answering(answers: impl IntoIterator<Item = Trouble>) -> Self {
        let mut answers: Vec<Trouble> = answers.into_iter().collect();
        answers.reverse();
        Self { began: Instant::now(), answers: Mutex::new(answers), came: Mutex::default() }
    }

    async fn ask(&self) -> Result<(), Trouble> {
        self.came.lock().unwrap().push(self.began.elapsed());
        self.answers.lock().unwrap().pop().map_or(Ok(()), Err)
    }

    fn came(&self) -> Vec<u128> {
        self.came.lock().unwrap().iter().map(Duration::as_millis).collect()
    }
}

/// Opens the circuit of a gate.
async fn open_circuit(gate: &Gate) {
    for _ in 0..FAILURES {
        gate.write(async { Err::<(), _>(down(None)) }).await.unwrap_err();
    }
}

#[tokio::test(start_paused = true)]
async fn each_trouble_has_its_failure_and_its_repeats() {
    let denied = || Trouble::Final(Failure::Denied("403".to_owned()));
    let rows = [
        ("down", down(None), 4, retry(None, "connection refused"), retry(None, "connection refused")),
        ("down, for a while", down(Some(3)), 4, retry(Some(3), "connection refused"), retry(Some(3), "connection refused")),
        ("down, for ever", down(Some(86_400)), 1, retry(Some(300), "connection refused"), retry(Some(300), "connection refused")),
        ("busy", busy(None), 4, retry(None, "it answers 429"), retry(None, "it answers 429")),
        ("lost", Trouble::Lost("reset".to_owned()), 4, retry(None, "reset"), Failure::Unknown),
        ("unreadable", Trouble::Unreadable("no JSON".to_owned()), 1, retry(None, "no JSON"), Failure::Unknown),
        ("unsent", Trouble::Unsent(Failure::Bug("x".to_owned())), 1, Failure::Bug("x".to_owned()), Failure::Bug("x".to_owned())),
        ("final", denied(), 1, Failure::Denied("403".to_owned()), Failure::Denied("403".to_owned())),
    ];
    for (name, trouble, sent, of_read, of_write) in rows {
        let target = Target::answering(vec![trouble.clone(); 9]);
        assert_eq!(gate().read(|| target.ask()).await, Err(of_read), "{name}: read");
        assert_eq!(target.came().len(), sent, "{name}: read");

        let target = Target::answering([trouble]);
        assert_eq!(gate().write(target.ask()).await, Err(of_write), "{name}: write");
        assert_eq!(target.came().len(), 1, "{name}: a write is sent once");
    }
}

#[tokio::test(start_paused = true)]
async fn a_read_that_is_repeated_brings_its_answer() {
    let target = Target::answering([down(None), Trouble::Lost("reset".to_owned())]);
    assert_eq!(gate().read(|| target.ask()).await, Ok(()));
    assert_eq!(target.came().len(), 3);
}

#[tokio::test(start_paused = true)]
async fn waits_before_repeats_are_random_below_a_limit_that_doubles() {
    let mut first = Vec::new();
    for seed in 0..64 {
        let gate = Gate::with_random(&LimitsSpec::default(), DEFAULTS, fastrand::Rng::with_seed(seed));
        let target = Target::answering(vec![Trouble::Lost("reset".to_owned()); 9]);
        gate.read(|| target.ask()).await.unwrap_err();
        let came = target.came();
        for (wait, most) in came.windows(2).map(|pair| pair[1] - pair[0]).zip([200, 400, 800]) {
            assert!(wait <= most, "{came:?}");
        }
        first.push(came[1]);
    }
    assert!(first.iter().any(|wait| *wait < 50) && first.iter().any(|wait| *wait > 150), "full jitter: {first:?}");
}

#[tokio::test(start_paused = true)]
async fn retry_after_holds_for_the_whole_gate() {
    for (name, trouble) in [("429", busy(Some(7))), ("503", down(Some(7)))] {
        let (gate, target) = (gate(), Target::answering([trouble]));
        gate.write(target.ask()).await.unwrap_err();
        let (write, read) = join(gate.write(target.ask()), gate.read(|| target.ask())).await;
        assert_eq!((write, read), (Ok(()), Ok(())), "{name}");
        assert_eq!(target.came(), [0, 7000, 7000], "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_read_waits_for_retry_after_and_never_less() {
    let (gate, target) = (gate(), Target::answering([busy(Some(7)), busy(Some(2))]));
    assert_eq!(gate.read(|| target.ask()).await, Ok(()));
    assert_eq!(target.came(), [0, 7000, 9000]);
}

#[tokio::test(start_paused = true)]
async fn who_waits_already_waits_longer_when_another_answer_says_so() {
    // At one a second the second request sleeps for its slot while the first is told to wait.
    let gate = limited(serde_json::json!({"requestsPerSecond": 1}));
    let target = Target::answering([busy(Some(5))]);
    let slow = async {
        let answer = target.ask().await;
        sleep(Duration::from_millis(500)).await;
        answer
    };
    let (first, second) = join(gate.write(slow), gate.write(target.ask())).await;
    assert_eq!((first.is_err(), second), (true, Ok(())));
    assert_eq!(target.came(), [0, 5500]);
}

#[tokio::test(start_paused = true)]
async fn who_would_wait_longer_than_a_request_may_take_is_told_so_at_once() {
    let rows = [("believed", 120, 120), ("capped", 86_400, 300)];
    for (name, asked, left) in rows {
        let (gate, target) = (gate(), Target::answering([busy(Some(asked))]));
        gate.write(target.ask()).await.unwrap_err();
        let told = retry(Some(left), &format!("the target asked to be left alone for another {left} s"));
        assert_eq!(gate.write(target.ask()).await, Err(told.clone()), "{name}");
        assert_eq!(gate.read(|| target.ask()).await, Err(told), "{name}");
        sleep(Duration::from_secs(left)).await;
        assert_eq!(gate.write(target.ask()).await, Ok(()), "{name}");
        assert_eq!(target.came(), [0, u128::from(left) * 1000], "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_target_that_is_busy_without_saying_for_how_long_gets_a_second() {
    let (gate, target) = (gate(), Target::answering([busy(None)]));
    gate.write(target.ask()).await.unwrap_err();
    gate.write(target.ask()).await.unwrap();
    assert_eq!(target.came(), [0, 1000]);
}

#[tokio::test(start_paused = true)]
async fn the_rate_is_kept_evenly_also_after_a_pause() {
    let gate = limited(serde_json::json!({"requestsPerSecond": 4}));
    let target = Target::answering([]);
    for _ in 0..4 {
        gate.write(target.ask()).await.unwrap();
    }
    assert_eq!(target.came(), [0, 250, 500, 750]);

    let target = Target::answering([busy(Some(3))]);
    sleep(Duration::from_secs(1)).await;
    join_all((0..4).map(|_| gate.write(target.ask()))).await;
    assert_eq!(target.came(), [1000, 4000, 4250, 4500], "those who waited do not come all at once");
}

#[tokio::test(start_paused = true)]
async fn no_more_than_the_limit_are_under_way_at_once() {
    for (name, gate, most) in [("default", gate(), 4), ("of the target", limited(serde_json::json!({"concurrency": 2})), 2)] {
        let (now, peak) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let one = || async {
            peak.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            sleep(Duration::from_secs(1)).await;
            now.fetch_sub(1, Ordering::SeqCst);
            Ok::<_, Trouble>(())
        };
        let done = join_all((0..9).map(|_| gate.write(one()))).await;
        assert!(done.iter().all(Result::is_ok), "{name}");
        assert_eq!(peak.into_inner(), most, "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_request_has_a_deadline() {
    let rows = [("default", gate(), 30_000, "30 s"), ("of the target", limited(serde_json::json!({"timeout": "2s"})), 2_000, "2 s")];
    for (name, gate, millis, said) in rows {
        let began = Instant::now();
        assert_eq!(gate.write(std::future::pending::<Result<(), Trouble>>()).await, Err(Failure::Unknown), "{name}");
        assert_eq!(began.elapsed().as_millis(), millis, "{name}");
        let read = gate.read(std::future::pending::<Result<(), Trouble>>).await;
        assert_eq!(read, Err(retry(None, &format!("no answer within {said} (spec.limits.timeout)"))), "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn repeats_have_a_budget() {
    let (gate, target) = (gate(), Target::answering(vec![busy(Some(0)); 1000]));
    for _ in 0..100 {
        gate.read(|| target.ask()).await.unwrap_err();
    }
    let repeats = target.came().len() - 100;
    assert!((25..=30).contains(&repeats), "ten, and one for each five requests: {repeats}");
}

#[tokio::test(start_paused = true)]
async fn the_circuit_opens_and_says_why() {
    let gate = gate();
    open_circuit(&gate).await;
    let target = Target::answering([]);
    let said = retry(Some(10), "circuit open: 5 requests in a row failed, the last one so: connection refused");
    assert_eq!(gate.write(target.ask()).await, Err(said.clone()));
    assert_eq!(gate.read(|| target.ask()).await, Err(said));
    assert_eq!(target.came(), [0; 0], "nothing was sent");
}

#[tokio::test(start_paused = true)]
async fn only_failures_of_the_target_itself_in_a_row_open_the_circuit() {
    let well = [
        ("busy", busy(Some(0))),
        ("unreadable", Trouble::Unreadable("no JSON".to_owned())),
        ("final", Trouble::Final(Failure::Conflict("409".to_owned()))),
    ];
    for (name, trouble) in well {
        let (gate, target) = (gate(), Target::answering(vec![trouble.clone(); 20]));
        for _ in 0..20 {
            gate.write(target.ask()).await.unwrap_err();
        }
        assert_eq!(target.came().len(), 20, "{name}: alone");

        let row = std::iter::repeat_n(down(None), 4).chain([trouble]).cycle().take(20);
        let (gate, target) = (Gate::new(&LimitsSpec::default(), DEFAULTS), Target::answering(row));
        for _ in 0..20 {
            gate.write(target.ask()).await.unwrap_err();
        }
        assert_eq!(target.came().len(), 20, "{name}: in between");
    }
}

#[tokio::test(start_paused = true)]
async fn one_probe_goes_through_and_decides() {
    let gate = gate();
    open_circuit(&gate).await;
    sleep(FIRST_PAUSE).await;

    let probe = async {
        sleep(Duration::from_secs(3)).await;
        Ok::<_, Trouble>(())
    };
    let target = Target::answering([]);
    let (probe, beside) = join(gate.write(probe), gate.write(target.ask())).await;
    assert_eq!(probe, Ok(()));
    assert!(matches!(&beside, Err(Failure::Retry { after: Some(1), why }) if why.starts_with("circuit open: ")), "{beside:?}");
    assert_eq!(target.came(), [0; 0], "beside the probe nothing was sent");
    assert_eq!(gate.write(target.ask()).await, Ok(()), "closed again");
}

#[tokio::test(start_paused = true)]
async fn a_failed_probe_doubles_the_pause_up_to_a_limit() {
    let gate = gate();
    open_circuit(&gate).await;
    let mut pauses = Vec::new();
    for _ in 0..7 {
        let refused = gate.write(async { Ok(()) }).await.unwrap_err();
        let Failure::Retry { after: Some(after), .. } = refused else { panic!("{refused:?}") };
        pauses.push(after);
        sleep(Duration::from_secs(after)).await;
        assert_eq!(gate.write(async { Err::<(), _>(down(None)) }).await, Err(retry(None, "connection refused")));
    }
    assert_eq!(pauses, [10, 20, 40, 80, 160, LONGEST_PAUSE.as_secs(), LONGEST_PAUSE.as_secs()]);
}

#[tokio::test(start_paused = true)]
async fn a_probe_that_was_given_up_leaves_room_for_the_next() {
    let gate = gate();
    open_circuit(&gate).await;
    sleep(FIRST_PAUSE).await;
    let given_up = timeout(Duration::from_secs(1), gate.write(std::future::pending::<Result<(), Trouble>>())).await;
    assert!(given_up.is_err());
    assert_eq!(gate.write(async { Ok(()) }).await, Ok(()));
}

#[tokio::test(start_paused = true)]
async fn what_was_never_sent_says_nothing_about_the_target() {
    let unsent = || async { Err::<(), _>(Trouble::Unsent(Failure::Bug("x".to_owned()))) };
    let gate = gate();
    for _ in 0..FAILURES {
        gate.write(async { Err::<(), _>(down(None)) }).await.unwrap_err();
        gate.write(unsent()).await.unwrap_err();
    }
    let refused = gate.write(unsent()).await;
    assert!(matches!(refused, Err(Failure::Retry { after: Some(10), .. })), "in between it does not keep the circuit closed: {refused:?}");
    sleep(FIRST_PAUSE).await;
    assert_eq!(gate.write(unsent()).await, Err(Failure::Bug("x".to_owned())));
    assert_eq!(gate.write(async { Err::<(), _>(down(None)) }).await, Err(retry(None, "connection refused")), "the next one is the probe");
    assert!(matches!(gate.write(unsent()).await, Err(Failure::Retry { after: Some(20), .. })), "and decides");
}

#[tokio::test(start_paused = true)]
async fn what_began_before_the_circuit_opened_does_not_close_it() {
    let gate = gate();
    let late = async {
        sleep(Duration::from_secs(5)).await;
        Ok::<_, Trouble>(())
    };
    let (late, ()) = join(gate.write(late), open_circuit(&gate)).await;
    assert_eq!(late, Ok(()));
    let refused = gate.write(async { Ok(()) }).await;
    assert!(matches!(refused, Err(Failure::Retry { after: Some(5), .. })), "{refused:?}");
}
