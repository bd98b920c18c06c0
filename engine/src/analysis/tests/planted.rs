//! A calm session with moments of every kind planted at random places: all are found as they were planted, and
//! nothing else.

use super::{naive::Expected, *};

/// What is planted; the numbers say how.
#[derive(Clone, Debug)]
enum Plant {
    Rage(Vec<i64>),
    Errors(Vec<i64>),
    Gaps(i64, i64),
    LongGap(i64),
    Dwells(i64, i64),
    Drop(i64),
    BlurDrop(i64),
    Dead(Vec<i64>),
    Voice {
        lexicon: bool,
        sentiment: Option<f64>,
        length: i64,
    },
    Face(Vec<(i64, usize, f64)>),
    /// Near misses, of which nothing must come.
    TwoErrors,
    TwoClicks,
    OneGap(i64),
    OneFace,
    PausedDrop(i64),
}

const BAD: [(&str, f64); 5] = [("angry", 0.9), ("frustrated", 0.9), ("confused", 0.6), ("sad", 0.5), ("fear", 0.7)];

fn plant() -> impl Strategy<Value = Plant> {
    prop_oneof![
        proptest::collection::vec(0_i64..=250, 2..9).prop_map(Plant::Rage),
        proptest::collection::vec(0_i64..=2_000, 2..6).prop_map(Plant::Errors),
        (8_000_i64..10_000, 8_000_i64..10_000).prop_map(|(one, other)| Plant::Gaps(one, other)),
        (15_000_i64..30_000).prop_map(Plant::LongGap),
        (5_000_i64..6_000, 5_000_i64..6_000).prop_map(|(one, other)| Plant::Dwells(one, other)),
        (30_000_i64..90_000).prop_map(Plant::Drop),
        (10_000_i64..30_000).prop_map(Plant::BlurDrop),
        proptest::collection::vec(2_001_i64..=5_000, 1..5).prop_map(Plant::Dead),
        (any::<bool>(), -1.0..-0.4, any::<bool>(), 0_i64..4_000).prop_map(|(lexicon, felt, feels, length)| {
            Plant::Voice { lexicon, sentiment: (feels || !lexicon).then_some(felt), length }
        }),
        proptest::collection::vec((0_i64..=5_000, 0_usize..5, 0.6..=1.0), 2..5).prop_map(Plant::Face),
        Just(Plant::TwoErrors),
        Just(Plant::TwoClicks),
        (8_000_i64..15_000).prop_map(Plant::OneGap),
        Just(Plant::OneFace),
        (33_000_i64..90_000).prop_map(Plant::PausedDrop),
    ]
}

/// A session on its way, and what must be found in it.
#[derive(Default)]
struct Session {
    now: i64,
    number: usize,
    recording: Recording,
    expected: Vec<Expected>,
}

impl Session {
    fn act(&mut self, kind: EventKind, selector: &str) {
        self.recording.events.push(event(self.now, kind, selector));
    }

    fn face(&mut self, at: i64, emotion: &str, confidence: f64) {
        self.recording.snapshots.push(Snapshot { at, emotion: emotion.to_owned(), confidence });
    }

    /// Something every second and a half, each time elsewhere, for longer than any rule looks around.
    fn calm(&mut self) {
        for _ in 0..40 {
            self.now += 1_500;
            self.number += 1;
            self.act(EventKind::Scroll, &format!("#calm{}", self.number));
            self.face(self.now, "happy", 1.0);
        }
        let (start, end) = (self.now, self.now + 100);
        let transcript = "this looks fine".to_owned();
        self.recording.segments.push(Segment { start, end, transcript, sentiment: Some(-0.39) });
    }

    fn expect(&mut self, kind: MomentKind, (start, end): (i64, i64), k: f64, element: &str, own: Stream) {
        let (element, own) = (Some(element.to_owned()), BTreeSet::from([own]));
        self.expected.push(Expected { start, kind, end, element, k, own });
    }

    fn acted(&mut self, kind: MomentKind, start: i64, k: f64, element: &str) {
        self.expect(kind, (start, self.now), k, element, Stream::Events);
    }

    /// Does something on one element again and again; how often.
    fn repeat(&mut self, kind: EventKind, selector: &str, steps: &[i64]) -> f64 {
        self.act(kind, selector);
        for step in steps {
            self.now += step;
            self.act(kind, selector);
        }
        f64::from(u32::try_from(steps.len()).unwrap() + 1)
    }

    fn plant(&mut self, plant: &Plant) {
        // what was last done is a scroll at `calm`
        let (calm, element) = (format!("#calm{}", self.number), format!("#planted{}", self.number));
        let start = self.now;
        match plant {
            Plant::Rage(steps) => {
                self.now += 700;
                let clicks = self.repeat(EventKind::Click, &element, steps);
                self.acted(MomentKind::RageClick, start + 700, clicks, &element);
                self.now += 300;
                self.act(EventKind::Scroll, "#answer");
            }
            Plant::Errors(steps) => {
                self.now += 700;
                let errors = self.repeat(EventKind::Error, &element, steps);
                self.acted(MomentKind::ErrorBurst, start + 700, errors, &element);
            }
            Plant::Gaps(one, other) => {
                self.now += one;
                self.act(EventKind::Focus, &element);
                self.now += other;
                self.act(EventKind::Scroll, "#after");
                let k = seconds(one + other);
                self.acted(MomentKind::HesitationCluster, start, k, &element);
            }
            Plant::LongGap(gap) => {
                self.now += gap;
                self.act(EventKind::Input, &element);
                self.acted(MomentKind::HesitationCluster, start, seconds(*gap), &element);
            }
            Plant::Dwells(one, other) => self.dwell(&element, *one, *other),
            Plant::Drop(gap) => {
                self.now += gap;
                self.act(EventKind::Scroll, "#back");
                self.acted(MomentKind::AttentionDrop, start, seconds(*gap), &calm);
            }
            Plant::BlurDrop(gap) => {
                self.now += 500;
                self.act(EventKind::Blur, &element);
                self.now += gap;
                self.act(EventKind::Scroll, "#back");
                self.acted(MomentKind::AttentionDrop, start + 500, seconds(*gap), &element);
            }
            Plant::Dead(steps) => {
                self.now += 700;
                let clicks = self.repeat(EventKind::Click, &element, steps);
                self.acted(MomentKind::DeadClick, start + 700, clicks, &element);
                self.now += 2_001;
                self.act(EventKind::Scroll, "#answer");
            }
            Plant::Voice { lexicon, sentiment, length } => self.say(&element, *lexicon, *sentiment, *length),
            Plant::Face(shots) => self.grimace(&element, shots),
            Plant::TwoErrors => {
                self.now += 100;
                self.repeat(EventKind::Error, &element, &[100]);
            }
            Plant::TwoClicks => {
                self.now += 100;
                self.repeat(EventKind::Click, &element, &[100]);
            }
            Plant::OneGap(gap) => {
                self.now += gap;
                self.act(EventKind::Focus, &element);
            }
            Plant::OneFace => self.face(self.now, "angry", 1.0),
            Plant::PausedDrop(pause) => {
                self.now += pause + 2_000;
                self.recording.pauses.push((start + 1_000, start + 1_000 + pause));
                self.act(EventKind::Scroll, "#back");
            }
        }
    }

    fn dwell(&mut self, element: &str, one: i64, other: i64) {
        let first = (self.now - one, self.now);
        let second = (self.now + 1_500 - other, self.now + 1_500);
        for (dwell, name) in [(one, "first"), (other, "second")] {
            let selector = format!("{element}{name}");
            self.act(EventKind::Input, &selector);
            self.recording.events.last_mut().unwrap().dwell = Some(seconds(dwell) * 1_000.0);
            self.now += 1_500;
        }
        self.now -= 1_500;
        let name = if first <= second { "first" } else { "second" };
        let start = first.0.min(second.0);
        self.acted(MomentKind::HesitationCluster, start, seconds(one + other), &format!("{element}{name}"));
    }

    fn say(&mut self, element: &str, lexicon: bool, sentiment: Option<f64>, length: i64) {
        self.act(EventKind::Focus, element);
        let (start, end) = (self.now + 10, self.now + 10 + length);
        let transcript = if lexicon { "I don\u{2019}t GET it" } else { "hm" }.to_owned();
        self.recording.segments.push(Segment { start, end, transcript, sentiment });
        let k = f64::max(if lexicon { 0.6 } else { 0.0 }, -sentiment.unwrap_or(0.0));
        self.expect(MomentKind::Confusion, (start, end), k, element, Stream::Voice);
    }

    fn grimace(&mut self, element: &str, shots: &[(i64, usize, f64)]) {
        self.act(EventKind::Navigation, element);
        let (start, mut at, mut k) = (self.now, self.now, 0.0_f64);
        for (index, (step, emotion, confidence)) in shots.iter().enumerate() {
            at += if index == 0 { 0 } else { *step };
            let (name, weight) = BAD[*emotion];
            self.face(at, name, *confidence);
            k = k.max(weight * confidence);
        }
        self.expect(MomentKind::Confusion, (start, at), k, element, Stream::Facial);
    }
}

fn seconds(milliseconds: i64) -> f64 {
    f64::from(i32::try_from(milliseconds).unwrap()) / 1_000.0
}

proptest! {
    #[test]
    fn planted_moments_are_all_found_and_nothing_else(plants in proptest::collection::vec(plant(), 0..30)) {
        let mut session = Session::default();
        session.calm();
        for plant in &plants {
            session.plant(plant);
            session.calm();
        }
        let analysis = analyse(&session.recording, session.now, &all());
        let found: Vec<_> = analysis.moments.iter().map(Expected::of).collect();
        let mut expected = session.expected;
        expected.sort_by_key(|moment| (moment.start, moment.kind));
        prop_assert_eq!(found, expected);
    }
}
