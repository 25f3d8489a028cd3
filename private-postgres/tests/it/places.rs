//! Where data and binaries may be.

use crate::support::{holder, place, sql};
use private_postgres::{Cluster, Error, Options};
use std::{
    fs::{self, Permissions},
    os::unix::fs::PermissionsExt,
    time::{Duration, Instant},
};

#[tokio::test]
async fn a_directory_postgres_cannot_reach_is_replaced_by_one_it_can_which_stays_the_same() {
    if !rustix::process::geteuid().is_root() {
        return; // Whoever is not root runs Postgres as himself and reaches what he owns.
    }
    let place = place();
    fs::set_permissions(place.path(), Permissions::from_mode(0o700)).unwrap();
    let wished = place.path().join("postgres");
    let cluster = Cluster::start(Options::kept(&wished)).await.unwrap();
    let used = cluster.dir().to_owned();
    assert_eq!(cluster.moved_from(), Some(wished.as_path()));
    assert!(!used.starts_with(place.path()));
    sql(&cluster, "create table kept ()");
    let error = Cluster::start(Options::kept(&wished)).await.unwrap_err();
    assert!(error.to_string().contains(wished.to_str().unwrap()), "{error}");
    cluster.stop().await.unwrap();

    let cluster = Cluster::start(Options::kept(&wished)).await.unwrap();
    assert_eq!(cluster.dir(), used);
    assert_eq!(sql(&cluster, "select to_regclass('kept') is null"), "f");
    cluster.stop().await.unwrap();
    fs::remove_dir_all(used).unwrap();
}

#[tokio::test]
async fn a_directory_with_spaces_and_quotes_in_its_name_will_do() {
    let place = place();
    let dir = place.path().join("it's a $(strange) place");
    let cluster = Cluster::start(Options::kept(&dir)).await.unwrap();
    assert_eq!(sql(&cluster, "select 1"), "1");
    cluster.stop().await.unwrap();
}

#[tokio::test]
async fn data_of_a_version_that_is_not_installed_is_left_alone_and_named() {
    let place = place();
    let cluster = Cluster::start(Options::kept(place.path())).await.unwrap();
    cluster.stop().await.unwrap();
    fs::write(place.path().join("cluster/data/PG_VERSION"), "9.6\n").unwrap();
    let error = Cluster::start(Options::kept(place.path())).await.unwrap_err();
    assert!(matches!(error, Error::OtherVersion { .. }), "{error}");
    assert!(error.to_string().contains("needs PostgreSQL 9.6"), "{error}");
    assert!(place.path().join("cluster/data/base").exists());
}

#[test]
fn without_a_network_the_download_soon_ends_in_one_sentence_that_names_the_cure() {
    let begun = Instant::now();
    // Nobody listens on port 1: a network that is down, on every machine.
    let output = holder(&["download"]).env("HTTPS_PROXY", "http://127.0.0.1:1").output().unwrap();
    assert!(begun.elapsed() < Duration::from_secs(40), "{:?}", begun.elapsed());
    assert!(!output.status.success());
    let text = String::from_utf8(output.stderr).unwrap();
    assert_eq!(text.trim().lines().count(), 1, "{text}");
    assert!(text.contains("install the package `postgresql`"), "{text}");
    assert!(text.contains("DATABASE_URL"), "{text}");
}
