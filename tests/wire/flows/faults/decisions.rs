//! Publications, consents and approvals whose answers are lost.

use harness::{
    faults::Fault,
    openscouter::{ask, bearer, data, person, team::Team},
};
use serde_json::json;
use shared::{model::Role, store::ApprovalFilter};

#[tokio::test(flavor = "multi_thread")]
async fn what_was_decided_is_decided_once_when_answers_are_lost() {
    let team = Team::start().await;
    let (bench, store) = (&team.bench, team.bench.context.store());
    let quiz = json!({"passingScore": 1, "questions": [{"text": "?", "correctOptionId": "b", "points": 1,
        "options": [{"id": "a", "text": "x"}, {"id": "b", "text": "y"}]}]});
    let study = team.study(&json!({})).await;
    let mut given = 0;
    // more often than that, a call loses all of its tries
    for round in 5..11_usize {
        let email = format!("t{round}@example.com");
        let user = person(bench, Role::Tester, &email).await;
        let credential = bearer(bench, &email).await;
        bench.faults.every(round, Fault::LostAnswer);
        let published = team.admin("POST", "/api/admin/quiz", &quiz).await;
        let consent = json!({"kind": "testing", "version": "v1.1"});
        let consented = ask(bench, &credential, "POST", "/api/me/consents", &consent).await;
        let body = json!({"quizId": data(&published)["quizId"], "answers": [{"questionId": "q_001", "optionId": "b"}]});
        let tried = ask(bench, &credential, "POST", "/api/testers/quiz/attempts", &body).await;
        let approved = team.admin("POST", "/api/admin/approvals", &json!({"jobId": study})).await;
        assert!(bench.faults.stop() > 0);
        assert_eq!(data(&published)["version"], json!(given + 2), "one version for a publication");
        assert_eq!((consented.status, tried.status, approved.status), (201, 201, 201), "every {round}");
        assert_eq!(store.attempts_of(user.id).await.unwrap().len(), 1, "every {round}");
        given += 1;
        let page = store.approvals_page(ApprovalFilter::default(), 0, 99, bench.context.clock().now()).await.unwrap();
        assert_eq!((page.total, page.members.len()), (given, given as usize), "every {round}");
    }
}
