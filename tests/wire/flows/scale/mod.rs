//! What a day of a large deployment asks of the store (docs/scale.md): operations counted one by one, times the day's mix.

mod day;
mod depth;
mod drains;
mod mix;
mod others;
mod research;
mod tables;
mod testers;

use self::day::Day;

#[tokio::test]
async fn a_day_of_a_million_users_is_as_the_document_says() {
    let mut day = Day::start().await;
    research::accounts(&mut day).await;
    let testers = research::testers(&mut day).await;
    let study = research::studies(&mut day).await;
    let sessions = research::sessions(&mut day, &study, &testers).await;
    research::results(&mut day, &study, &sessions, &testers).await;
    research::rest(&mut day, &testers).await;
    others::studies(&mut day).await;
    others::jobs(&mut day).await;
    research::swept(&mut day, &testers).await;
    let drained = drains::all(&mut day, &study).await;
    let (ours, engines) = day.meter.compared();
    assert!((ours - engines).abs() < 0.005 * engines, "counted {ours} write units, the engine {engines}");
    tables::check(&day, &drained);
}
