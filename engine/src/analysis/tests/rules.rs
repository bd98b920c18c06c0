//! The tables of openscouter 12.4, 12.6 and 12.7, row by row and at their edges.

use super::*;

#[test]
fn criteria() {
    let of = |kind: MomentKind, of: Option<EventKind>| {
        let found = wcag(&moment_of(kind, of.map(|kind| event(0, kind, "#a"))));
        (found.criterion, found.name, found.level, found.recommendation)
    };
    let label = "Make the label say what the step needs and why.";
    let headings = ("2.4.6", "Headings and Labels", "AA", label);
    let labels = ("3.3.2", "Labels or Instructions", "A", label);
    let rows = [
        (
            MomentKind::RageClick,
            ("4.1.3", "Status Messages", "AA", "Show at once that the action was received and what happens next."),
        ),
        (
            MomentKind::ErrorBurst,
            (
                "3.3.1",
                "Error Identification",
                "A",
                "Name each error in text next to its field and say how to correct it.",
            ),
        ),
        (
            MomentKind::Confusion,
            (
                "3.2.4",
                "Consistent Identification",
                "AA",
                "Use the same words and symbols for the same function throughout.",
            ),
        ),
        (MomentKind::HesitationCluster, headings),
        (
            MomentKind::DeadClick,
            ("4.1.2", "Name, Role, Value", "A", "Make the element operable, or stop it from looking operable."),
        ),
        (
            MomentKind::AttentionDrop,
            (
                "2.2.2",
                "Pause, Stop, Hide",
                "A",
                "Remove or allow to pause what competes for attention; keep progress visible.",
            ),
        ),
    ];
    for (kind, row) in rows {
        for pinned in EventKind::ALL.into_iter().map(Some).chain([None]) {
            let asks = matches!(pinned, Some(EventKind::Input | EventKind::Focus));
            let expected = if kind == MomentKind::HesitationCluster && asks { labels } else { row };
            assert_eq!(of(kind, pinned), expected, "{kind:?} {pinned:?}");
        }
        // what is stored is the number alone
        assert_eq!(wcag_of(kind, row.0).recommendation, row.3);
        assert_eq!(wcag_of(kind, row.0).criterion, row.0);
    }
    assert_eq!(wcag_of(MomentKind::HesitationCluster, "3.3.2").name, labels.1);
}

#[test]
fn severities_at_their_edges() {
    let edges = [
        (0.75, Severity::Critical),
        (0.7499, Severity::High),
        (0.5, Severity::High),
        (0.4999, Severity::Medium),
        (0.3, Severity::Medium),
        (0.2999, Severity::Low),
        (0.0, Severity::Low),
        (1.0, Severity::Critical),
    ];
    for (impact, severity) in edges {
        assert_eq!(score::severity(impact), severity, "{impact}");
    }
}

#[test]
fn confidence_is_a_level_for_each_stream_and_one_more_for_rage() {
    for kind in MomentKind::ALL {
        let levels = [1, 2, 3].map(|streams| score::confidence(kind, streams));
        let expected = match kind {
            MomentKind::RageClick => [Confidence::Medium, Confidence::High, Confidence::High],
            _ => [Confidence::Low, Confidence::Medium, Confidence::High],
        };
        assert_eq!(levels, expected, "{kind:?}");
    }
}

#[test]
fn impacts_by_hand() {
    use Confidence::{High, Low, Medium};
    // full magnitude: b x c, and never above 1; none: half of it
    for (kind, k, confidence, impact) in [
        (MomentKind::RageClick, 6.0, High, 0.96),
        (MomentKind::RageClick, 600.0, High, 0.96),
        (MomentKind::RageClick, 3.0, Medium, 0.6),
        (MomentKind::ErrorBurst, 4.0, Low, 0.4667),
        (MomentKind::Confusion, 0.54, Medium, 0.462),
        (MomentKind::HesitationCluster, 24.999, Low, 0.325),
        (MomentKind::DeadClick, 2.0, Low, 0.24),
        (MomentKind::AttentionDrop, 14.0, Medium, 0.1675),
    ] {
        assert_eq!(score::impact(kind, k, confidence, false), impact, "{kind:?}");
    }
}

#[test]
fn clicks_that_were_answered_weigh_half() {
    let stepper = |answer: EventKind, skipped: usize| {
        let clicks = [2_000, 2_160, 2_320, 2_480];
        let mut events: Vec<_> = clicks.map(|at| event(at, EventKind::Click, "button.qty-plus")).into();
        let answers = clicks.iter().enumerate().filter(|(number, _)| *number != skipped);
        events.extend(answers.map(|(_, at)| event(at + 10, answer, "input.qty")));
        let recording = Recording { events, ..Recording::default() };
        let analysis = analyse(&recording, 100_000, &all());
        let rage: Vec<_> = analysis.moments.iter().filter(|moment| moment.kind == MomentKind::RageClick).collect();
        assert_eq!(rage.len(), 1, "{answer:?}");
        (rage[0].span, rage[0].confidence, rage[0].impact, rage[0].severity)
    };
    let span = (2_000, 2_480);
    for answer in [EventKind::Input, EventKind::Navigation] {
        // 0.8 / 2 x (0.5 + 0.5 x 4 / 6) x 0.8
        assert_eq!(stepper(answer, 9), (span, Confidence::Low, 0.2667, Severity::Low));
        assert_eq!(
            stepper(answer, 3),
            (span, Confidence::Low, 0.2667, Severity::Low),
            "what comes behind is no matter"
        );
        assert_eq!(stepper(answer, 1), (span, Confidence::Medium, 0.6667, Severity::High), "one was not answered");
    }
    assert_eq!(stepper(EventKind::Scroll, 9).1, Confidence::Medium);
}

/// The tone that snapshots give at 100 s; each says how long before that it was taken.
fn tone_of(shots: &[(i64, &str, f64)]) -> &'static str {
    let shot = |(before, emotion, confidence): &(i64, &str, f64)| Snapshot {
        at: 100_000 - before,
        emotion: (*emotion).to_owned(),
        confidence: *confidence,
    };
    tone(&shots.iter().map(shot).collect::<Vec<_>>(), 100_000)
}

#[test]
fn tones_at_their_edges() {
    assert_eq!(tone_of(&[]), "standard");
    assert_eq!(tone_of(&[(0, "sad", 0.5)]), "supportive", "0.25");
    assert_eq!(tone_of(&[(0, "sad", 0.499)]), "standard");
    assert_eq!(tone_of(&[(0, "sad", 1.0)]), "moderate", "0.5");
    assert_eq!(tone_of(&[(0, "sad", 0.999)]), "supportive");
    assert_eq!(tone_of(&[(0, "angry", 1.0), (1, "confused", 1.0)]), "restorative", "0.75");
    assert_eq!(tone_of(&[(0, "angry", 0.999), (1, "confused", 1.0)]), "moderate");
    // the last 60 s before the cut-off, and nothing after it
    assert_eq!(tone_of(&[(60_000, "angry", 1.0)]), "restorative");
    assert_eq!(tone_of(&[(60_001, "angry", 1.0)]), "standard");
    assert_eq!(tone_of(&[(-1, "angry", 1.0)]), "standard");
    assert_eq!(tone_of(&[(1_000, "angry", 1.0), (2_000, "neutral", 1.0)]), "supportive");
}

#[test]
fn every_emotion_weighs_what_the_contract_says() {
    let known = [
        "neutral",
        "engaged",
        "happy",
        "surprised",
        "bored",
        "sad",
        "confused",
        "fearful",
        "disgusted",
        "angry",
        "frustrated",
        "surprise",
        "fear",
        "disgust",
        "contempt",
        "Angry",
        "",
    ];
    for emotion in known {
        assert_eq!(detect::weight(emotion), naive::weight(emotion), "{emotion}");
    }
}

#[test]
fn every_word_of_the_lexicon_is_heard() {
    let words = "confus, don't understand, do not understand, don't get it, where is, where do i, can't find, cannot find, \
                 not sure, stuck, lost, frustrat, annoying, not working, doesn't work, does not work, give up, too hard, \
                 makes no sense";
    let hears = |transcript: String| {
        let segments = vec![Segment { start: 0, end: 0, transcript, sentiment: None }];
        found(&Recording { segments, ..Recording::default() }, 0, MomentKind::Confusion) == [(0, 0, 0.6)]
    };
    for word in words.split(", ") {
        for said in [format!("so {word}ing"), word.to_uppercase(), word.replace('\'', "\u{2019}")] {
            assert!(hears(said.clone()), "{said}");
        }
    }
    assert!(!hears("all is well, I understand".to_owned()));
}

proptest! {
    #[test]
    fn impacts_are_the_formula(kind in 0_usize..6, k in 0.0..200.0, level in 0_usize..3) {
        let (kind, confidence) = (MomentKind::ALL[kind], [Confidence::Low, Confidence::Medium, Confidence::High][level]);
        prop_assert_eq!(score::impact(kind, k, confidence, false), naive::impact(kind, k, confidence));
    }

    #[test]
    fn rounding_is_half_away_from_zero(number in -2.0..2.0, whole in -20_000_i32..20_000, decimals in 0_usize..2) {
        let decimals = [2, 4][decimals];
        prop_assert_eq!(round(number, decimals), naive::rounded(number, decimals));
        // what has so many decimals stays, and what lies half a step beyond goes away from zero
        let scale = 10_f64.powi(decimals);
        let own = f64::from(whole) / scale;
        prop_assert_eq!(round(own, decimals), own);
        let half = (f64::from(whole) + 0.5_f64.copysign(f64::from(whole))) / scale;
        if (half * scale).fract().abs() == 0.5 {
            let away = f64::from(whole + if whole < 0 { -1 } else { 1 });
            prop_assert_eq!(round(half, decimals), away / scale);
        }
    }

    #[test]
    fn frustration_is_what_is_left_of_calm(impacts in proptest::collection::vec(0_u32..=10_000, 0..40)) {
        let impacts: Vec<f64> = impacts.into_iter().map(|impact| f64::from(impact) / 10_000.0).collect();
        let calm = impacts.iter().fold(1.0, |calm, impact| calm * (1.0 - 0.25 * impact));
        prop_assert_eq!(frustration_of(impacts), naive::rounded(1.0 - calm, 2));
    }
}

#[test]
fn streams_agree_within_five_seconds_of_a_moment() {
    let clicks = [20_000, 20_100, 20_200].map(|at| event(at, EventKind::Click, "#a")).to_vec();
    // one face is evidence, and no moment
    let face = |at: i64| Recording {
        events: clicks.clone(),
        snapshots: vec![Snapshot { at, emotion: "angry".to_owned(), confidence: 1.0 }],
        ..Recording::default()
    };
    let voice = |start: i64, end: i64| Recording {
        events: clicks.clone(),
        segments: vec![Segment { start, end, transcript: "stuck".to_owned(), sentiment: None }],
        ..Recording::default()
    };
    let of = |recording: &Recording, kind: MomentKind| {
        let moments = analyse(recording, 100_000, &all()).moments;
        moments.into_iter().find(|moment| moment.kind == kind).map(|moment| moment.streams)
    };
    let (alone, both) = (BTreeSet::from([Stream::Events]), BTreeSet::from([Stream::Events, Stream::Facial]));
    for (at, expected) in [(14_999, &alone), (15_000, &both), (20_100, &both), (25_200, &both), (25_201, &alone)] {
        assert_eq!(of(&face(at), MomentKind::RageClick).as_ref(), Some(expected), "{at}");
    }
    let both = BTreeSet::from([Stream::Events, Stream::Voice]);
    let own = BTreeSet::from([Stream::Voice]);
    for (span, agree) in [
        ((10_000, 14_999), false),
        ((10_000, 15_000), true),
        ((10_000, 90_000), true),
        ((25_200, 30_000), true),
        ((25_201, 30_000), false),
    ] {
        let recording = voice(span.0, span.1);
        let expected = if agree { &both } else { &alone };
        assert_eq!(of(&recording, MomentKind::RageClick).as_ref(), Some(expected), "{span:?}");
        let expected = if agree { &both } else { &own };
        assert_eq!(of(&recording, MomentKind::Confusion).as_ref(), Some(expected), "{span:?}");
    }
}
