//! The store in a file: the rules of every store, and what is its own.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use insta::assert_snapshot;
use tagger_store::*;
use tempfile::TempDir;

use crate::sample::*;
use crate::suite::suite;

fn opened() -> (Arc<dyn Store>, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    (Arc::new(Sqlite::open(&folder.path().join("tagger.db")).unwrap()), folder)
}

suite!(opened);

#[tokio::test]
async fn a_store_is_there_again_when_it_is_opened_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tagger.db");
    let store = Sqlite::open(&path).unwrap();
    run(&store, job("j1", "film.mp4", "shot"), vec![vec![tag(0, 10, "a")]], 5_000).await;
    let before = store.job(&"j1".into()).await.unwrap();
    drop(store);
    let store = Sqlite::open(&path).unwrap();
    assert_eq!(store.job(&"j1".into()).await.unwrap(), before);
    assert_eq!(texts(&store, of_content("film.mp4")).await, ["0-10 a"]);
}

#[tokio::test]
async fn one_piece_of_work_that_fails_takes_none_of_its_neighbours_with_it() {
    let (store, _kept) = opened();
    start(&*store, job("j1", "film.mp4", "shot"), 40).await;
    // Asked for at once, so that they meet in a transaction; every third one cannot be.
    let asked = (0..40).map(|part| {
        let store = store.clone();
        tokio::spawn(async move {
            let end_ms = if part % 3 == 0 { -1 } else { 1 };
            store.commit_part(commit("j1", part, vec![tag(0, 1, "a"), tag(0, end_ms, &format!("word {part}"))])).await
        })
    });
    for (part, answer) in (0u32..).zip(asked.collect::<Vec<_>>()) {
        assert_eq!(answer.await.unwrap().is_ok(), part % 3 != 0);
    }
    let counts = store.job(&"j1".into()).await.unwrap().counts;
    assert_eq!((counts.done, counts.tags), (26, 52));
    assert_eq!(store.check().await.unwrap(), Vec::<String>::new());
}

fn refused(path: &Path) -> String {
    let error = Sqlite::open(path).err().expect("it must not open");
    error.to_string().replace(path.to_str().unwrap(), "STORE")
}

#[tokio::test]
async fn a_store_is_opened_by_one_runtime_at_a_time() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tagger.db");
    let store = Sqlite::open(&path).unwrap();
    assert_snapshot!(refused(&path), @"store `STORE` is in use by another runtime: stop that one, or choose another data folder");
    drop(store);
    Sqlite::open(&path).unwrap();
}

#[test]
fn what_is_no_store_of_this_release_is_refused_and_left_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tagger.db");
    fs::write(&path, "no database").unwrap();
    assert_snapshot!(refused(&path), @"store `STORE` is damaged or no store at all: move it away, or put a copy back in its place");
    assert_eq!(fs::read_to_string(&path).unwrap(), "no database");

    let other = folder.path().join("other.db");
    rusqlite::Connection::open(&other).unwrap().execute_batch("CREATE TABLE recipes (name)").unwrap();
    let before = fs::read(&other).unwrap();
    assert_snapshot!(refused(&other), @"`STORE` is another program's database: choose another data folder");
    assert_eq!(fs::read(&other).unwrap(), before);

    let newer = folder.path().join("newer.db");
    drop(Sqlite::open(&newer).unwrap());
    rusqlite::Connection::open(&newer).unwrap().pragma_update(None, "user_version", 7).unwrap();
    assert_snapshot!(refused(&newer), @"store `STORE` has format 7, this release knows up to 1: use a newer one");

    assert_snapshot!(refused(&folder.path().join("missing/tagger.db")), @"cannot open store `STORE`");
}

#[tokio::test]
async fn damage_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tagger.db");
    let store = Sqlite::open(&path).unwrap();
    let tags = (0..2_000).map(|n| tag(n, n + 9, &format!("word {n}"))).collect();
    run(&store, job("j1", "film.mp4", "shot"), vec![tags], 5_000).await;
    drop(store);
    let mut bytes = fs::read(&path).unwrap();
    let (page, half) = (4096, bytes.len() / 2);
    bytes[half - half % page..].fill(0x5a);
    fs::write(&path, bytes).unwrap();
    let store = Sqlite::open(&path).unwrap();
    let told = store.check().await;
    assert!(!told.as_ref().is_ok_and(Vec::is_empty), "{told:?}");
    let answer = store.tags(TagQuery { paging: limit(10_000), ..of_content("film.mp4") }).await;
    let error = answer.map(|page| page.items.len()).unwrap_err();
    assert!(matches!(error, StoreError::Broken { .. }), "{error:?}");
}
