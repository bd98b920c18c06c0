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
    let told: Vec<_> = analysis
        .moments
        .iter()
        .map(|moment| {
            (moment.kind.as_str(), moment.k, moment.confidence.as_str(), moment.impact, moment.severity.as_str())
        })
        .collect();
    assert_eq!(
        told,
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
    assert_eq!(tone(&[shot(0, "angry", 1.0), shot(70_000, "neutral", 1.0)], 70_000), "standard");
    assert_eq!(tone(&[shot(60_000, "angry", 1.0)], 70_000), "restorative");
    assert_eq!(tone(&[shot(60_000, "confused", 1.0)], 70_000), "moderate");
    assert_eq!(tone(&[], 70_000), "standard");
}

#[test]
fn planted_moments_are_all_found_and_nothing_else() {
    // a calm session: something happens every two seconds, on ever other elements
    let calm: Vec<Event> = (0..600).map(|step| event(step * 2_000, EventKind::Scroll, &format!("#s{step}"))).collect();
    assert!(analyse(&of_events(calm.clone()), 2_000_000, &all()).moments.is_empty());
    let mut events = calm;
    for number in 0..10 {
        let at = 100_000 * (number + 1) + 700;
        events.extend((0..4).map(|click| event(at + click * 120, EventKind::Click, &format!("#rage{number}"))));
        events.extend((0..3).map(|error| event(at + 10_000 + error * 900, EventKind::Error, "#form")));
    }
    // a silence of 40 s
    events.retain(|event| !(500_000..540_000).contains(&event.at) || event.kind != EventKind::Scroll);
    events.retain(|event| !(500_000..540_000).contains(&event.at));
    let recording = of_events(events);
    let of = |kind| found(&recording, 2_000_000, kind).len();
    // the fifth pair lay in the silence
    assert_eq!((of(MomentKind::RageClick), of(MomentKind::ErrorBurst), of(MomentKind::AttentionDrop)), (9, 9, 1));
    assert_eq!(analyse(&recording, 2_000_000, &all()).moments.len(), 19);
}

fn finding(element: &str, last: bool) -> SessionFinding {
    let moment = analyse(&vector(), 60_000, &all()).moments[1].clone();
    SessionFinding {
        kind: moment.kind,
        wcag: wcag(&moment),
        element: Some(element.to_owned()),
        confidence: moment.confidence,
        context: format!("Study - {element}"),
        last,
    }
}

fn session(tester: u32, categories: &[&str], elements: &[&str]) -> SessionResult {
    SessionResult {
        tester,
        categories: categories.iter().map(|category| (*category).to_owned()).collect(),
        abandoned: false,
        frustration: f64::from(tester) / 10.0,
        findings: elements.iter().map(|element| finding(element, false)).collect(),
    }
}

#[test]
fn a_study_is_aggregated_by_share_and_category() {
    let mut sessions: Vec<_> = (0..20).map(|tester| session(tester, &[], &[])).collect();
    for (tester, elements) in
        [(0, &["#a", "#b", "#c"][..]), (1, &["#a", "#b"]), (2, &["#a", "#b"]), (3, &["#a"]), (4, &["#a"]), (5, &["#a"])]
    {
        sessions[tester].findings = elements.iter().map(|element| finding(element, false)).collect();
    }
    for (tester, category) in [(0, "adhd"), (1, "adhd"), (2, "adhd"), (3, "autism"), (4, "autism")] {
        sessions[tester].categories.insert(category.to_owned());
    }
    let result = aggregate(&sessions);
    let told: Vec<_> = result
        .findings
        .iter()
        .map(|finding| {
            (finding.element.as_deref().unwrap(), finding.severity.as_str(), finding.affected, finding.share)
        })
        .collect();
    assert_eq!(told, [("#a", "critical", 6, 0.3), ("#b", "high", 3, 0.15), ("#c", "medium", 1, 0.05)]);
    assert_eq!((result.testers, result.accessibility, result.suppressed), (20, 66, 1));
    assert!((result.frustration - 0.95).abs() < 1e-12);
    let [adhd] = &result.strata[..] else { unreachable!("one category has enough testers") };
    assert_eq!((adhd.category.as_str(), adhd.testers, &adhd.top[..]), ("adhd", 3, &[0, 1, 2][..]));
    // given up at the same element by testers of two categories
    for (tester, category) in [(10, "adhd"), (11, "dyslexia")] {
        sessions[tester] = session(10, &[category], &[]);
        sessions[tester].abandoned = true;
        sessions[tester].findings = vec![finding("#end", true)];
    }
    let result = aggregate(&sessions);
    let end = result.findings.iter().find(|finding| finding.element.as_deref() == Some("#end")).unwrap();
    assert_eq!((end.severity, end.affected), (Severity::Critical, 1));
    assert_eq!(aggregate(&[]).accessibility, 100);
}

fn recording() -> impl Strategy<Value = Recording> {
    let events =
        proptest::collection::vec((0_i64..120_000, 0_usize..7, 0_u8..3, proptest::option::of(0.0..20_000.0)), 0..60);
    let shots = proptest::collection::vec((0_i64..120_000, 0_usize..4, 0.0..1.0), 0..10);
    let voices = proptest::collection::vec((0_i64..120_000, 0_i64..5_000, proptest::option::of(-1.0..1.0)), 0..6);
    let pauses = proptest::collection::vec((0_i64..120_000, 0_i64..20_000), 0..3);
    (events, shots, voices, pauses).prop_map(|(events, shots, voices, pauses)| Recording {
        events: events
            .into_iter()
            .map(|(at, kind, selector, dwell)| Event {
                at,
                kind: EventKind::ALL[kind],
                selector: format!("#{selector}"),
                task: None,
                dwell,
            })
            .collect(),
        snapshots: shots
            .into_iter()
            .map(|(at, emotion, confidence)| Snapshot {
                at,
                emotion: ["angry", "sad", "neutral", "confused"][emotion].to_owned(),
                confidence,
            })
            .collect(),
        segments: voices
            .into_iter()
            .map(|(start, length, sentiment)| Segment {
                start,
                end: start + length,
                transcript: String::new(),
                sentiment,
            })
            .collect(),
        // one after the other
        pauses: pauses
            .into_iter()
            .scan(0, |end, (start, length)| {
                let start = start.max(*end);
                *end = start + length;
                Some((start, *end))
            })
            .collect(),
    })
}

/// Rage clicks by trying every span.
fn naive_rage(recording: &Recording) -> usize {
    let mut marked = BTreeSet::new();
    let mut clicks: Vec<_> = recording.events.iter().filter(|event| event.kind == EventKind::Click).collect();
    clicks.sort_by_key(|event| event.at);
    for selector in ["#0", "#1", "#2"] {
        let own: Vec<_> = clicks.iter().filter(|click| click.selector == selector).map(|click| click.at).collect();
        for place in 2..own.len() {
            if own[place] - own[place - 2] <= 500 {
                marked.extend((place - 2..=place).map(|place| (selector, place)));
            }
        }
    }
    marked.len()
}

proptest! {
    #[test]
    fn formulas_hold_for_any_session(recording in recording(), cutoff in 0_i64..150_000) {
        let analysis = analyse(&recording, cutoff, &all());
        prop_assert_eq!(&analysis, &analyse(&recording, cutoff, &all()), "two runs are one");
        prop_assert!((0.0..=1.0).contains(&analysis.frustration));
        prop_assert!(analysis.scores.overall <= 100);
        for moment in &analysis.moments {
            prop_assert!(moment.impact > 0.0 && moment.impact <= 1.0);
            prop_assert!(moment.own.is_subset(&moment.streams) && !moment.own.is_empty());
            prop_assert!(moment.span.0 <= moment.span.1);
            let severity = match moment.impact {
                impact if impact >= 0.75 => Severity::Critical,
                impact if impact >= 0.5 => Severity::High,
                impact if impact >= 0.3 => Severity::Medium,
                _ => Severity::Low,
            };
            prop_assert_eq!(moment.severity, severity);
        }
        let starts: Vec<_> = analysis.moments.iter().map(|moment| (moment.span.0, moment.kind)).collect();
        prop_assert!(starts.is_sorted());
        // one moment more never makes a session less frustrating
        if !analysis.moments.is_empty() {
            prop_assert!(frustration(&analysis.moments[1..]) <= analysis.frustration);
        }
    }

    #[test]
    fn every_marked_click_is_in_one_moment(recording in recording()) {
        let clicks: f64 = found(&recording, 200_000, MomentKind::RageClick).iter().map(|moment| moment.2).sum();
        prop_assert!((clicks - f64::from(u32::try_from(naive_rage(&recording)).unwrap())).abs() < 1e-9);
    }

    #[test]
    fn the_order_of_arrival_matters_for_ties_alone(recording in recording()) {
        let mut times = BTreeSet::new();
        let mut distinct = recording.clone();
        distinct.events.retain(|event| times.insert(event.at));
        let mut turned = distinct.clone();
        turned.events.reverse();
        prop_assert_eq!(analyse(&distinct, 200_000, &all()), analyse(&turned, 200_000, &all()));
    }

    #[test]
    fn rounding_is_half_away_from_zero(number in -1_000_i32..1_000) {
        let half = f64::from(number) + 0.5;
        prop_assert!((round(half, 0).abs() - (half.abs() + 0.5)).abs() < 1e-9);
    }
}
