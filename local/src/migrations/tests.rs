//! Migrations with steps of their own, over a real store.

use std::sync::atomic::{AtomicUsize, Ordering};

use shared::clock::Clock;
use tokio::sync::watch;

use super::*;
use crate::{
    backup::before_change,
    data::{ANY_PORT, DataDirectory, Places, settings},
    embedded_store::{Engine, new_credentials, schema_in},
    people,
    template::Templates,
};

/// An organization for each of three parts.
fn three_parts<'a>(
    context: &'a Context,
    cursor: Option<String>,
    broken: &'static AtomicUsize,
) -> BoxFuture<'a, Result<Progress, StoreError>> {
    Box::pin(async move {
        let part: usize = cursor.map_or(0, |text| text.parse().unwrap());
        let known = context.store().organizations().await?;
        // a part that was done is not done again
        if known.len() == part + 1 {
            people::create_organization(context, &format!("part {part}"), shared::model::Plan::Free).await.unwrap();
        }
        if part == 1 && broken.fetch_add(1, Ordering::SeqCst) == 0 {
            return Err(StoreError::Contended(0));
        }
        Ok(if part == 2 { Progress::Done } else { Progress::More((part + 1).to_string()) })
    })
}

static BREAKS: AtomicUsize = AtomicUsize::new(0);
static WHOLE: AtomicUsize = AtomicUsize::new(1);
static LAST: AtomicUsize = AtomicUsize::new(0);

const PARTS: Step = Step { name: "three parts", part: |context, cursor| three_parts(context, cursor, &BREAKS) };
const SOUND: Step = Step { name: "three parts", part: |context, cursor| three_parts(context, cursor, &WHOLE) };
const LATER: Step = Step {
    name: "a count",
    part: |_, cursor| {
        Box::pin(async move {
            assert_eq!(cursor, None, "a step begins at its beginning");
            LAST.fetch_add(1, Ordering::SeqCst);
            Ok(Progress::Done)
        })
    },
};

/// A store in a data directory of its own.
struct World {
    path: PathBuf,
    directory: DataDirectory,
    context: Context,
    _stop: watch::Sender<bool>,
}

impl World {
    async fn new() -> Self {
        let path = std::env::temp_dir().join(format!("outscout-{}", uuid::Uuid::new_v4()));
        let directory = DataDirectory::open(&path).unwrap();
        let (stop, stopped) = watch::channel(false);
        let (credentials, tables) = (new_credentials().unwrap(), Templates::embedded().unwrap().tables);
        let file = directory.store_file();
        let engine = Engine::start(ANY_PORT, &credentials, Some(&file), &tables, stopped).await.unwrap();
        let place = engine.endpoint.clone();
        let places = Places { store: &place, windows: &place, clock: None, credentials: &credentials };
        let context = Context::new(settings(places, &[]).unwrap(), Clock::system());
        Self { path, directory, context, _stop: stop }
    }

    async fn migrate(&self, steps: &[Step]) -> Result<Migrated, MigrationError> {
        let copy = |version| Ok(before_change(&self.directory, version)?);
        migrate(&self.context, steps, Some(&copy)).await
    }

    async fn version(&self) -> Option<u64> {
        self.context.store().schema().await.unwrap().map(|schema| schema.version)
    }

    async fn organizations(&self) -> usize {
        self.context.store().organizations().await.unwrap().len()
    }

    async fn with_one_organization() -> Self {
        let world = Self::new().await;
        people::create_organization(&world.context, "first", shared::model::Plan::Free).await.unwrap();
        world
    }
}

impl Drop for World {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.path);
        let _ = std::fs::remove_dir_all(self.path.with_extension("schema-1"));
    }
}

#[tokio::test]
async fn an_empty_store_has_the_newest_version_at_once() {
    let world = World::new().await;
    assert_eq!(state(&world.context, STEPS).await.unwrap(), State::Empty);
    let done = world.migrate(&[SOUND, LATER]).await.unwrap();
    assert_eq!((done.from, done.to, done.backup, world.version().await), (3, 3, None, Some(3)));
    assert_eq!(world.organizations().await, 0, "no step ran");
    assert_eq!(schema_in(&world.directory.store_file()), Some(3));
}

#[tokio::test]
async fn a_store_that_does_not_say_has_the_first_version() {
    let world = World::with_one_organization().await;
    assert_eq!(state(&world.context, STEPS).await.unwrap(), State::Current);
    for _ in 0..2 {
        let done = world.migrate(STEPS).await.unwrap();
        assert_eq!((done.from, done.to, done.backup, world.version().await), (1, 1, None, Some(1)));
    }
    check(&world.context).await.unwrap();
}

#[tokio::test]
async fn steps_go_on_where_they_broke_off() {
    let world = World::with_one_organization().await;
    assert_eq!(state(&world.context, &[PARTS, LATER]).await.unwrap(), State::Older(1));
    assert!(world.migrate(&[PARTS, LATER]).await.is_err());
    let schema = world.context.store().schema().await.unwrap().unwrap();
    assert_eq!((schema.version, schema.cursor.as_deref()), (1, Some("1")));
    // what the broken part did is there, and it is not done twice
    assert_eq!(world.organizations().await, 3);
    let done = world.migrate(&[PARTS, LATER]).await.unwrap();
    let copy = world.path.with_extension("schema-1");
    assert_eq!((done.from, done.to, done.backup.as_ref()), (1, 3, Some(&copy)));
    assert_eq!((world.organizations().await, world.version().await), (4, Some(3)));
    assert_eq!(LAST.load(Ordering::SeqCst), 1);
    assert_eq!(schema_in(&DataDirectory::seen(&copy).store_file()), None, "the copy is of the time before");
    world.migrate(&[PARTS, LATER]).await.unwrap();
    assert_eq!((world.organizations().await, LAST.load(Ordering::SeqCst)), (4, 1), "all of it is done");
}

#[tokio::test]
async fn two_who_migrate_do_it_once() {
    let world = World::with_one_organization().await;
    let both = futures_util::future::join(world.migrate(&[SOUND]), world.migrate(&[SOUND])).await;
    assert!(both.0.is_ok() || both.1.is_ok());
    let done = world.migrate(&[SOUND]).await.unwrap();
    assert_eq!((done.to, world.version().await), (2, Some(2)));
}

#[tokio::test]
async fn what_is_newer_is_left_alone() {
    let world = World::with_one_organization().await;
    world.context.store().set_schema(None, 9, None).await.unwrap().unwrap();
    let refused = check(&world.context).await.unwrap_err().to_string();
    assert!(refused.starts_with("the tables have schema 9, made by a newer outscout; this one, 0.1.0, works with 1"));
    assert!(matches!(world.migrate(&[SOUND]).await, Err(MigrationError::Newer(9))));
    assert_eq!((world.organizations().await, world.version().await), (1, Some(9)));
    assert_eq!(
        world.context.store().set_schema(None, 1, None).await.unwrap(),
        None,
        "what is written is not overwritten"
    );
}
