//! A study's report beside one that is written from the contract's table (openscouter 13.2).

use super::*;

const KINDS: [MomentKind; 3] = [MomentKind::HesitationCluster, MomentKind::RageClick, MomentKind::Confusion];

/// A finding of a session: kind, whether its element asks for something, element, context, confidence.
type Drawn = (usize, bool, Option<u8>, u8, usize);

fn finding_of(drawn: &Drawn, last: bool) -> SessionFinding {
    let (kind, asks, element, context, confidence) = drawn;
    let pinned = event(0, if *asks { EventKind::Focus } else { EventKind::Click }, "#x");
    let moment = moment_of(KINDS[*kind], Some(pinned));
    SessionFinding {
        kind: moment.kind,
        wcag: wcag(&moment),
        element: element.map(|element| format!("#{element}")),
        confidence: [Confidence::Low, Confidence::Medium, Confidence::High][*confidence],
        context: format!("context {context}"),
        last,
    }
}

fn sessions() -> impl Strategy<Value = Vec<SessionResult>> {
    // few elements, and seldom more than one of a session, so that shares lie around the thresholds
    let drawn = (0_usize..3, any::<bool>(), proptest::option::of(0_u8..3), 0_u8..3, 0_usize..3);
    let findings = prop_oneof![
        4 => Just(Vec::new()),
        2 => proptest::collection::vec(drawn.clone(), 1..2),
        1 => proptest::collection::vec(drawn, 1..5),
    ];
    let categories = proptest::collection::btree_set(0_usize..4, 0..3);
    let session = (findings, categories, proptest::bool::weighted(0.3), 0_u32..=100);
    proptest::collection::vec(session, 0..45).prop_map(|sessions| {
        (0..)
            .zip(sessions)
            .map(|(tester, (findings, categories, abandoned, frustration))| SessionResult {
                tester,
                categories: categories
                    .into_iter()
                    .map(|index| ["adhd", "autism", "dyslexia", "tourette"][index].to_owned())
                    .collect(),
                abandoned,
                frustration: f64::from(frustration) / 100.0,
                findings: (1..)
                    .zip(&findings)
                    .map(|(index, drawn)| finding_of(drawn, index == findings.len()))
                    .collect(),
            })
            .collect()
    })
}

fn whole(number: usize) -> f64 {
    f64::from(u32::try_from(number).unwrap())
}

fn mean(numbers: &[f64]) -> f64 {
    let mut sum = 0.0;
    numbers.iter().for_each(|number| sum += number);
    if numbers.is_empty() { 0.0 } else { naive::rounded(sum / whole(numbers.len()), 2) }
}

/// What the report must say of a group.
fn grouped(sessions: &[SessionResult], key: &(MomentKind, &str, Option<String>)) -> (StudyFinding, BTreeSet<u32>) {
    let own: Vec<(&SessionResult, &SessionFinding)> = sessions
        .iter()
        .flat_map(|session| session.findings.iter().map(move |finding| (session, finding)))
        .filter(|(_, finding)| (finding.kind, finding.wcag.criterion, finding.element.clone()) == *key)
        .collect();
    let testers: BTreeSet<u32> = own.iter().map(|(session, _)| session.tester).collect();
    let ended = own.iter().filter(|(session, finding)| session.abandoned && finding.last);
    let of = |name: &String| sessions.iter().filter(|session| session.categories.contains(name)).count();
    let covered: BTreeSet<&String> =
        ended.flat_map(|(session, _)| &session.categories).filter(|name| of(name) >= 3).collect();
    let (affected, all) = (testers.len(), sessions.len());
    // in whole numbers, so that nothing is rounded
    let severity = if affected * 100 >= 30 * all || covered.len() >= 2 {
        Severity::Critical
    } else if affected * 100 >= 15 * all {
        Severity::High
    } else if affected * 100 >= 5 * all {
        Severity::Medium
    } else {
        Severity::Low
    };
    let times = |context: &str| own.iter().filter(|(_, finding)| finding.context == context).count();
    let most = own.iter().map(|(_, finding)| times(&finding.context)).max().unwrap();
    let context = own.iter().map(|(_, finding)| &finding.context).find(|context| times(context) == most).unwrap();
    let finding = StudyFinding {
        kind: key.0,
        wcag: own[0].1.wcag,
        element: key.2.clone(),
        severity,
        confidence: own.iter().map(|(_, finding)| finding.confidence).max().unwrap(),
        context: context.clone(),
        affected,
        share: naive::rounded(whole(affected) / whole(all), 2),
    };
    (finding, testers)
}

fn reference(sessions: &[SessionResult]) -> StudyResult {
    let findings = sessions.iter().flat_map(|session| &session.findings);
    let keys: BTreeSet<_> =
        findings.map(|finding| (finding.kind, finding.wcag.criterion, finding.element.clone())).collect();
    let mut groups: Vec<_> = keys.iter().map(|key| grouped(sessions, key)).collect();
    groups.sort_by(|(one, _), (other, _)| {
        let of = |finding: &StudyFinding| (finding.severity, std::cmp::Reverse(finding.affected), finding.kind);
        of(one).cmp(&of(other)).then(one.element.cmp(&other.element))
    });
    let (mut strata, mut suppressed) = (Vec::new(), 0);
    for category in ["adhd", "autism", "dyslexia", "tourette"] {
        let own: Vec<_> = sessions.iter().filter(|session| session.categories.contains(category)).collect();
        match own.len() {
            0 => {}
            1 | 2 => suppressed += 1,
            testers => {
                let met = |index: usize| own.iter().filter(|session| groups[index].1.contains(&session.tester)).count();
                let mut top: Vec<usize> = (0..groups.len()).filter(|index| met(*index) > 0).collect();
                top.sort_by_key(|index| (std::cmp::Reverse(met(*index)), *index));
                top.truncate(3);
                let frustration = mean(&own.iter().map(|session| session.frustration).collect::<Vec<_>>());
                strata.push(Stratum { category: category.to_owned(), testers, frustration, top });
            }
        }
    }
    let findings: Vec<_> = groups.into_iter().map(|(finding, _)| finding).collect();
    StudyResult {
        testers: sessions.len(),
        accessibility: accessible(findings.iter().map(|finding| finding.severity)),
        frustration: mean(&sessions.iter().map(|session| session.frustration).collect::<Vec<_>>()),
        findings,
        strata,
        suppressed,
    }
}

fn accessible(severities: impl Iterator<Item = Severity>) -> u32 {
    let lost: i64 = severities.map(|severity| [20, 10, 4, 1][severity as usize]).sum();
    u32::try_from((100 - lost).max(0)).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn a_study_is_what_the_contract_says_of_its_sessions(sessions in sessions()) {
        prop_assert_eq!(aggregate(&sessions), reference(&sessions));
    }

    #[test]
    fn the_accessibility_score_is_100_less_what_findings_weigh(indices in proptest::collection::vec(0_usize..4, 0..40)) {
        let severities = [Severity::Critical, Severity::High, Severity::Medium, Severity::Low];
        let severities: Vec<_> = indices.into_iter().map(|index| severities[index]).collect();
        prop_assert_eq!(accessibility(severities.clone()), accessible(severities.into_iter()));
    }
}

/// A session of a tester with findings of one kind on some elements.
fn session(tester: u32, elements: &[u8]) -> SessionResult {
    let findings = elements.iter().map(|element| finding_of(&(1, false, Some(*element), 0, 0), false));
    SessionResult {
        tester,
        categories: BTreeSet::new(),
        abandoned: false,
        frustration: 0.0,
        findings: findings.collect(),
    }
}

#[test]
fn shares_are_judged_in_full_precision() {
    let severity = |affected: u32, all: u32| {
        let sessions: Vec<_> =
            (0..all).map(|tester| session(tester, if tester < affected { &[1] } else { &[] })).collect();
        let finding = aggregate(&sessions).findings.remove(0);
        (finding.severity.as_str(), finding.share)
    };
    assert_eq!(severity(3, 10), ("critical", 0.3));
    assert_eq!(severity(297, 1_000), ("high", 0.3), "shown as 0.30, and less");
    assert_eq!(severity(3, 20), ("high", 0.15));
    assert_eq!(severity(149, 1_000), ("medium", 0.15));
    assert_eq!(severity(1, 20), ("medium", 0.05));
    assert_eq!(severity(1, 21), ("low", 0.05));
}

#[test]
fn a_category_is_shown_from_three_testers_on() {
    let mut sessions: Vec<_> = (0..5).map(|tester| session(tester, &[])).collect();
    for (tester, category) in [(0, "adhd"), (1, "adhd"), (2, "adhd"), (3, "autism"), (4, "autism")] {
        sessions[tester].categories.insert(category.to_owned());
    }
    for (tester, elements) in [(0, &[1, 2, 3, 4][..]), (1, &[2, 3, 4]), (2, &[4])] {
        sessions[tester] = SessionResult { categories: sessions[tester].categories.clone(), ..session(0, elements) };
        sessions[tester].tester = u32::try_from(tester).unwrap();
    }
    let result = aggregate(&sessions);
    let [adhd] = &result.strata[..] else { unreachable!("one category has enough testers") };
    let top: Vec<_> = adhd.top.iter().map(|index| result.findings[*index].element.as_deref().unwrap()).collect();
    assert_eq!((adhd.category.as_str(), adhd.testers, &top[..]), ("adhd", 3, &["#4", "#2", "#3"][..]));
    assert_eq!(result.suppressed, 1);
}

#[test]
fn a_place_where_testers_of_two_categories_gave_up_is_critical() {
    let mut sessions: Vec<_> = (0..40).map(|tester| session(tester, &[])).collect();
    for (tester, category) in [(10, "adhd"), (11, "dyslexia")] {
        for other in [tester, tester + 10, tester + 20] {
            sessions[other].categories.insert(category.to_owned());
        }
        sessions[tester].abandoned = true;
        sessions[tester].findings = vec![finding_of(&(1, false, Some(1), 0, 0), true)];
    }
    assert_eq!(aggregate(&sessions).findings[0].severity, Severity::Critical);
    sessions[11].abandoned = false;
    assert_eq!(aggregate(&sessions).findings[0].severity, Severity::Medium, "one of them went on");
    sessions[11].abandoned = true;
    sessions[11].findings[0].last = false;
    assert_eq!(aggregate(&sessions).findings[0].severity, Severity::Medium, "one of them gave up elsewhere");
    sessions[11].findings[0].last = true;
    sessions[21].categories.clear();
    let told = aggregate(&sessions);
    assert_eq!(
        (told.findings[0].severity, told.suppressed),
        (Severity::Medium, 1),
        "two testers of a category tell nothing"
    );
}

#[test]
fn a_mean_is_the_sum_divided_by_the_number() {
    let numbers = [0.67, 0.92, 0.7, 0.87, 0.16, 0.01];
    let sessions =
        (0..).zip(numbers).map(|(tester, frustration)| SessionResult { frustration, ..session(tester, &[]) });
    assert_eq!(aggregate(&sessions.collect::<Vec<_>>()).frustration, 0.56);
    assert_eq!((aggregate(&[]).frustration, aggregate(&[]).accessibility), (0.0, 100));
}
