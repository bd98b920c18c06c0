mod naive;
mod planted;
mod rules;
mod study;

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;

fn event(at: i64, kind: EventKind, selector: &str) -> Event {
    Event { at, kind, selector: selector.to_owned(), task: None, dwell: None }
}

fn all() -> BTreeSet<Stream> {
    BTreeSet::from([Stream::Events, Stream::Facial, Stream::Voice])
}

/// The vector of openscouter 23, example 15; times in milliseconds after 10:14.
fn vector() -> Recording {
    let events = [
        (0, EventKind::Navigation, "body"),
        (10_000, EventKind::Focus, "#card-number"),
        (19_500, EventKind::Input, "#card-number"),
        (30_000, EventKind::Click, "#pay"),
        (30_200, EventKind::Click, "#pay"),
        (30_400, EventKind::Click, "#pay"),
        (31_000, EventKind::Blur, "body"),
        (45_000, EventKind::Focus, "body"),
    ];
    let segment =
        Segment { start: 32_000, end: 34_000, transcript: "I am stuck here".to_owned(), sentiment: Some(-0.2) };
    Recording {
        events: events.map(|(at, kind, selector)| event(at, kind, selector)).to_vec(),
        segments: vec![segment],
        ..Recording::default()
    }
}

#[test]
fn the_contract_s_vector() {
    let include = BTreeSet::from([Stream::Events, Stream::Voice]);
    let analysis = analyse(&vector(), 60_000, &include);
    let found: Vec<_> = analysis
        .moments
        .iter()
        .map(|moment| {
            (moment.kind.as_str(), moment.k, moment.confidence.as_str(), moment.impact, moment.severity.as_str())
        })
        .collect();
    assert_eq!(
        found,
        [
            ("hesitation_cluster", 30.0, "medium", 0.4375, "medium"),
            ("rage_click", 3.0, "high", 0.72, "high"),
            ("attention_drop", 14.0, "medium", 0.1675, "low"),
            ("confusion", 0.6, "medium", 0.48, "medium"),
        ]
    );
    assert_eq!(analysis.scores, SubScores { overall: 62, interaction: Some(70), voice: Some(88), emotion: None });
    assert!((analysis.frustration - 0.38).abs() < 1e-12);
    assert_eq!(accessibility(analysis.moments.iter().map(|moment| moment.severity)), 81);
    let titles = Titles { study: "Checkout Redesign".to_owned(), ..Titles::default() };
    let contexts: Vec<_> = analysis.moments.iter().map(|moment| titles.context(moment)).collect();
    let element = |element: &str| format!("Checkout Redesign - {element}");
    assert_eq!(contexts, [element("#card-number"), element("#pay"), element("body"), element("#pay")]);
    assert_eq!(
        summary(&analysis, &titles),
        "4 moments found; frustration 0.38; most affected: Checkout Redesign - #pay."
    );
    assert_eq!(note(&analysis.moments[1], -840_000, &titles), "rage click at 00:14:30: Checkout Redesign - #pay.");
    assert_eq!(wcag(&analysis.moments[0]).criterion, "3.3.2", "the element's event is a focus");
    // what is left out does not agree, and what came later is not seen
    let alone = analyse(&vector(), 60_000, &BTreeSet::from([Stream::Events]));
    assert_eq!((alone.moments.len(), alone.moments[1].confidence), (3, Confidence::Medium));
    assert_eq!(alone.scores.voice, None);
    assert!(analyse(&vector(), -1, &all()).moments.is_empty());
    let nothing = analyse(&Recording::default(), 0, &all());
    assert_eq!(summary(&nothing, &titles), "No barriers were found in the analysed period.");
    assert_eq!((nothing.scores.overall, nothing.scores.interaction), (100, None));
}

/// Moments of one kind: span and magnitude.
fn found(recording: &Recording, cutoff: i64, kind: MomentKind) -> Vec<(i64, i64, f64)> {
    let analysis = analyse(recording, cutoff, &all());
    let own = analysis.moments.into_iter().filter(|moment| moment.kind == kind);
    own.map(|moment| (moment.span.0, moment.span.1, moment.k)).collect()
}

fn of_events(events: Vec<Event>) -> Recording {
    Recording { events, ..Recording::default() }
}

#[test]
fn detectors_at_their_edges() {
    use EventKind::{Blur, Click, Error, Focus, Scroll};
    let clicks = |times: &[i64]| of_events(times.iter().map(|at| event(*at, Click, "#a")).collect());
    let rage = |times: &[i64]| found(&clicks(times), 100_000, MomentKind::RageClick);
    assert_eq!(rage(&[0, 250, 500]), [(0, 500, 3.0)]);
    assert_eq!(rage(&[0, 250, 501]), []);
    assert_eq!(rage(&[0, 250, 500, 1_000, 1_500]), [(0, 500, 3.0)], "what is not marked is not in it");
    assert_eq!(rage(&[0, 100, 200, 600, 700, 800]), [(0, 800, 6.0)]);
    assert_eq!(rage(&[0, 100, 200, 800, 900, 1_000]), [(0, 200, 3.0), (800, 1_000, 3.0)]);
    let errors = |times: &[i64]| {
        found(&of_events(times.iter().map(|at| event(*at, Error, "#f")).collect()), 100_000, MomentKind::ErrorBurst)
    };
    assert_eq!(errors(&[0, 5_000, 10_000]), [(0, 10_000, 3.0)]);
    assert_eq!(errors(&[0, 5_000, 10_001, 12_000]), [(5_000, 12_000, 3.0)]);
    let dead = |times: &[i64], cutoff: i64| found(&clicks(times), cutoff, MomentKind::DeadClick);
    assert_eq!(dead(&[0, 5_000, 10_000], 12_000), [(0, 10_000, 3.0)]);
    assert_eq!(dead(&[0, 5_000, 10_000], 11_999), [(0, 5_000, 2.0)]);
    assert_eq!(dead(&[0, 499, 5_500], 90_000), [], "the second is dropped, and the third is too far");
    let mut answered = clicks(&[0, 3_000]);
    answered.events.push(event(5_000, Scroll, "body"));
    assert_eq!(found(&answered, 90_000, MomentKind::DeadClick), []);
    let drop = |first: EventKind, gap: i64| {
        let events = vec![event(0, first, "#a"), event(gap, Focus, "#b")];
        found(&of_events(events), 100_000, MomentKind::AttentionDrop)
    };
    assert_eq!(drop(Focus, 30_000), [(0, 30_000, 30.0)]);
    assert_eq!(drop(Focus, 29_999), []);
    assert_eq!(drop(Blur, 10_000), [(0, 10_000, 10.0)]);
    let mut paused = of_events(vec![event(0, Focus, "#a"), event(40_000, Focus, "#b")]);
    paused.pauses = vec![(5_000, 20_001)];
    assert_eq!(found(&paused, 100_000, MomentKind::AttentionDrop), [], "pauses do not count");
    assert_eq!(found(&paused, 100_000, MomentKind::HesitationCluster), [(0, 40_000, 24.999)]);
    let mut dwelling = of_events(vec![event(20_000, Click, "#a"), event(27_000, Click, "#b")]);
    for event in &mut dwelling.events {
        event.dwell = Some(5_000.0);
    }
    assert_eq!(found(&dwelling, 28_000, MomentKind::HesitationCluster), [(15_000, 27_000, 10.0)]);
}

#[test]
fn confusion_needs_two_faces_or_one_voice() {
    let shot = |at: i64, emotion: &str, confidence: f64| Snapshot { at, emotion: emotion.to_owned(), confidence };
    let shots = |snapshots: Vec<Snapshot>| {
        found(&Recording { snapshots, ..Recording::default() }, 100_000, MomentKind::Confusion)
    };
    assert_eq!(shots(vec![shot(0, "angry", 1.0)]), []);
    assert_eq!(shots(vec![shot(0, "angry", 1.0), shot(5_000, "sad", 0.6)]), [(0, 5_000, 0.9)]);
    assert_eq!(shots(vec![shot(0, "angry", 1.0), shot(5_001, "sad", 0.6)]), []);
    assert_eq!(shots(vec![shot(0, "angry", 0.59), shot(1, "bored", 1.0), shot(2, "unheard", 1.0)]), []);
    let said = |transcript: &str, sentiment: Option<f64>| {
        let segments = vec![Segment { start: 1, end: 9, transcript: transcript.to_owned(), sentiment }];
        let moments = found(&Recording { segments, ..Recording::default() }, 100_000, MomentKind::Confusion);
        moments.first().map(|moment| moment.2)
    };
    assert_eq!(said("I DON\u{2019}T get it", None), Some(0.6));
    assert_eq!(said("fine", Some(-0.4)), Some(0.4));
    assert_eq!(said("lost", Some(-0.9)), Some(0.9));
    assert_eq!(said("fine", Some(-0.39)), None);
}

/// A moment of this kind, pinned to that event.
fn moment_of(kind: MomentKind, pinned: Option<Event>) -> Moment {
    let none = BTreeSet::new();
    let (confidence, severity) = (Confidence::Low, Severity::Low);
    Moment { kind, span: (0, 0), k: 1.0, pinned, streams: none.clone(), confidence, impact: 0.5, severity, own: none }
}

/// Steps between items, many of them at the edges of the rules.
fn step() -> impl Strategy<Value = i64> {
    let edges = [0, 500, 2_000, 5_000, 8_000, 10_000, 15_000, 30_000];
    let edges = proptest::sample::select(edges.to_vec());
    prop_oneof![
        4 => 0_i64..300,
        2 => 0_i64..3_000,
        2 => (edges, -1_i64..=1).prop_map(|(edge, off)| i64::max(0, edge + off)),
        1 => 0_i64..40_000,
    ]
}

/// Times that follow each other.
fn times<T>(steps: Vec<(i64, T)>) -> Vec<(i64, T)> {
    let mut now = 100_000;
    let later = |(step, item)| {
        now += step;
        (now, item)
    };
    steps.into_iter().map(later).collect()
}

/// A session in which everything happens, in any order of arrival.
fn recording() -> impl Strategy<Value = Recording> {
    // mostly clicks and errors, which come in bursts
    let kind = prop_oneof![3 => Just(0_usize), 2 => Just(6), 2 => 0_usize..7];
    let dwell = proptest::option::weighted(0.2, prop_oneof![4_999.0..5_001.0, 0.0..40_000.0]);
    let events = proptest::collection::vec((step(), (kind, 0_u8..2, dwell)), 0..60).prop_map(|drawn| {
        let event = |(at, (kind, selector, dwell)): (i64, (usize, u8, Option<f64>))| Event {
            at,
            kind: EventKind::ALL[kind],
            selector: format!("#{selector}"),
            task: None,
            dwell,
        };
        times(drawn).into_iter().map(event).collect::<Vec<_>>()
    });
    let emotions = ["angry", "sad", "neutral", "confused", "surprise", "fear", "bored", "odd"];
    let confidence = prop_oneof![Just(0.6), 0.55..0.65, 0.0..=1.0];
    let shots = proptest::collection::vec((step(), (0_usize..8, confidence)), 0..20).prop_map(move |drawn| {
        let shot = |(at, (emotion, confidence)): (i64, (usize, f64))| Snapshot {
            at,
            emotion: emotions[emotion].to_owned(),
            confidence,
        };
        times(drawn).into_iter().map(shot).collect::<Vec<_>>()
    });
    let sentiment = proptest::option::of(prop_oneof![Just(-0.4), -0.45..-0.35, -1.0..=1.0]);
    let voices =
        proptest::collection::vec((step(), (0_i64..6_000, any::<bool>(), sentiment)), 0..8).prop_map(|drawn| {
            let segment = |(start, (length, stuck, sentiment)): (i64, (i64, bool, Option<f64>))| Segment {
                start,
                end: start + length,
                transcript: if stuck { "I am STUCK" } else { "fine" }.to_owned(),
                sentiment,
            };
            times(drawn).into_iter().map(segment).collect::<Vec<_>>()
        });
    let pauses = proptest::collection::vec((1_i64..40_000, 1_i64..20_000), 0..4).prop_map(|drawn| {
        let mut now = 90_000;
        let pause = |(step, length)| {
            now += step + length;
            (now - length, now)
        };
        drawn.into_iter().map(pause).collect::<Vec<_>>()
    });
    (events.prop_shuffle(), shots.prop_shuffle(), voices.prop_shuffle(), pauses).prop_map(
        |(events, snapshots, segments, pauses)| Recording { events, snapshots, segments, pauses, began: None },
    )
}

fn streams() -> impl Strategy<Value = BTreeSet<Stream>> {
    let every = [Stream::Events, Stream::Facial, Stream::Voice];
    proptest::sample::subsequence(every.to_vec(), 1..=3).prop_map(|streams| streams.into_iter().collect())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_024))]

    #[test]
    fn a_session_is_what_the_contract_says_of_its_items(
        recording in recording(), cutoff in 100_000_i64..400_000, include in streams(),
    ) {
        let analysis = analyse(&recording, cutoff, &include);
        let expected = naive::reference(&recording, cutoff, &include);
        let mut moments: Vec<_> = analysis.moments.iter().collect();
        prop_assert!(moments.is_sorted_by_key(|moment| (moment.span.0, moment.kind)));
        moments.sort_by(|one, other| {
            let of = |moment: &Moment| (moment.span.0, moment.kind, moment.span.1);
            of(one).cmp(&of(other)).then_with(|| one.element().cmp(&other.element()))
        });
        prop_assert_eq!(moments.iter().map(|moment| naive::Expected::of(moment)).collect::<Vec<_>>(), expected.moments);
        let rated: Vec<_> =
            moments.iter().map(|moment| (moment.streams.clone(), moment.confidence, moment.impact)).collect();
        prop_assert_eq!(rated, expected.rated);
        prop_assert_eq!((analysis.frustration, analysis.scores), (expected.frustration, expected.scores));
    }

    #[test]
    fn the_order_of_arrival_matters_for_ties_alone(recording in recording()) {
        let mut times = BTreeSet::new();
        let mut distinct = recording;
        distinct.events.retain(|event| times.insert(event.at));
        distinct.snapshots.retain(|shot| times.insert(shot.at));
        distinct.segments.retain(|segment| times.insert(segment.start));
        let mut turned = distinct.clone();
        turned.events.reverse();
        turned.snapshots.reverse();
        turned.segments.reverse();
        turned.pauses.reverse();
        let printed = |recording: &Recording| format!("{:?}", analyse(recording, 400_000, &all()));
        prop_assert_eq!(printed(&distinct), printed(&turned));
    }

    #[test]
    fn no_number_is_too_large(
        dwells in proptest::collection::vec(prop_oneof![Just(f64::MAX), Just(f64::INFINITY), 1e14..1e20], 1..9),
        starts in proptest::collection::vec(prop_oneof![Just(i64::MIN), Just(i64::MAX), any::<i64>()], 9),
    ) {
        let events = starts.iter().zip(dwells.iter().cycle()).map(|(at, dwell)| Event {
            dwell: Some(*dwell),
            ..event(*at, EventKind::Click, "#a")
        });
        let segments = starts.windows(2).map(|pair| Segment {
            start: pair[0],
            end: pair[1].max(pair[0]),
            transcript: "lost".to_owned(),
            sentiment: None,
        });
        let pauses = starts.windows(2).map(|pair| (pair[0], pair[1])).collect();
        let (events, segments) = (events.collect(), segments.collect());
        let recording = Recording { events, segments, pauses, ..Recording::default() };
        let analysis = analyse(&recording, i64::MAX, &all());
        prop_assert!(analysis.moments.iter().all(|moment| moment.k.is_finite() && moment.impact <= 1.0));
    }
}

#[test]
fn more_than_a_day_on_an_element_counts_as_a_day() {
    let at = 1_773_656_070_000;
    let dwelt = Event { dwell: Some(1e300), ..event(at, EventKind::Click, "#a") };
    let day = 24 * 60 * 60 * 1_000;
    let shown = found(&of_events(vec![dwelt]), at, MomentKind::HesitationCluster);
    assert_eq!(shown, [(at - day, at, 86_400.0)]);
}

#[test]
fn no_moment_lies_before_its_session() {
    let dwelt = |at: i64, dwell: f64| Event { dwell: Some(dwell), ..event(at, EventKind::Click, "#a") };
    let clicks = [0, 100, 200].map(|at| event(at, EventKind::Click, "#b"));
    let events = [vec![dwelt(70_000, 60_000.0)], clicks.to_vec()].concat();
    let kinds = [MomentKind::RageClick, MomentKind::AttentionDrop, MomentKind::HesitationCluster];
    let spans = |began: Option<i64>| {
        let analysis = analyse(&Recording { began, ..of_events(events.clone()) }, 80_000, &all());
        let shown = analysis.moments.iter().filter(|moment| kinds.contains(&moment.kind));
        shown.map(|moment| (moment.kind, moment.span)).collect::<Vec<_>>()
    };
    let [rage, drop, _] = kinds;
    assert_eq!(spans(None), [(rage, (0, 200)), (drop, (200, 70_000))]);
    assert_eq!(spans(Some(150)), [(rage, (150, 200)), (drop, (200, 70_000))]);
    assert_eq!(spans(Some(5_000)), [(rage, (5_000, 5_000)), (drop, (5_000, 70_000))], "in the order of 6.1");
}
