//! Starting, stopping and sharing the machine.

use crate::support::{eventually, is_alive, place, psql, sql};
use private_postgres::{Cluster, Error, Options};
use rustix::process::{Pid, getpgid, getpgrp};
use std::{fs, net::TcpListener};

#[tokio::test]
async fn the_second_start_keeps_the_data_and_runs_no_initdb() {
    let place = place();
    let dir = place.path().join("postgres");
    let cluster = Cluster::start(Options::kept(&dir)).await.unwrap();
    sql(&cluster, "create table kept as select 42 as answer");
    let first_pid = cluster.pid();
    cluster.stop().await.unwrap();
    assert!(!is_alive(first_pid));
    let made = fs::metadata(dir.join("cluster/data/PG_VERSION")).unwrap().modified().unwrap();

    let cluster = Cluster::start(Options::kept(&dir)).await.unwrap();
    assert_eq!(sql(&cluster, "select answer from kept"), "42");
    let still = fs::metadata(dir.join("cluster/data/PG_VERSION")).unwrap().modified().unwrap();
    assert_eq!(made, still);
    cluster.stop().await.unwrap();
}

#[tokio::test]
async fn what_is_committed_is_on_disk_and_text_is_unicode_unless_told_otherwise() {
    let cluster = Cluster::start(Options::temporary()).await.unwrap();
    for setting in ["fsync", "synchronous_commit", "full_page_writes"] {
        assert_eq!(sql(&cluster, &format!("show {setting}")), "on", "{setting}");
    }
    assert_eq!(sql(&cluster, "show server_encoding"), "UTF8");
    assert_eq!(sql(&cluster, "show listen_addresses"), "127.0.0.1");
    cluster.stop().await.unwrap();
}

#[tokio::test]
async fn a_caller_may_set_parameters() {
    let options = Options::temporary().without_fsync().setting("max_connections", "33");
    let cluster = Cluster::start(options).await.unwrap();
    assert_eq!(sql(&cluster, "show fsync"), "off");
    assert_eq!(sql(&cluster, "show max_connections"), "33");
    cluster.stop().await.unwrap();
}

#[tokio::test]
async fn a_setting_postgres_refuses_is_answered_in_its_own_words() {
    let options = Options::temporary().setting("no_such_setting", "1");
    let error = Cluster::start(options).await.unwrap_err();
    assert!(error.to_string().contains("unrecognized configuration parameter"), "{error}");
}

#[tokio::test]
async fn a_second_owner_of_the_same_directory_is_told_who_has_it() {
    let place = place();
    let first = Cluster::start(Options::kept(place.path())).await.unwrap();
    let error = Cluster::start(Options::kept(place.path())).await.unwrap_err();
    assert!(matches!(error, Error::InUse { .. }), "{error}");
    let own_pid = std::process::id();
    assert!(error.to_string().contains(&format!("(pid {own_pid})")), "{error}");
    assert_eq!(sql(&first, "select 1"), "1");
    first.stop().await.unwrap();
}

#[tokio::test]
async fn two_clusters_run_beside_each_other() {
    let start = || tokio::spawn(Cluster::start(Options::temporary().without_fsync()));
    let (one, other) = (start(), start());
    let (one, other) = (one.await.unwrap().unwrap(), other.await.unwrap().unwrap());
    assert_ne!(one.port(), other.port());
    sql(&one, "create table mine ()");
    assert_eq!(sql(&other, "select to_regclass('mine') is null"), "t");
    one.stop().await.unwrap();
    other.stop().await.unwrap();
}

#[tokio::test]
async fn a_port_the_caller_insists_on_and_another_has_is_named() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let options = Options::temporary().without_fsync().port(port);
    let error = Cluster::start(options).await.unwrap_err();
    assert!(matches!(error, Error::PortTaken { .. }), "{error}");
    assert!(error.to_string().contains(&port.to_string()), "{error}");
}

#[tokio::test]
async fn other_users_of_the_machine_need_the_password() {
    let cluster = Cluster::start(Options::temporary().without_fsync()).await.unwrap();
    let url = format!("postgres://postgres@127.0.0.1:{}/postgres", cluster.port());
    let output = psql(&cluster).args(["-Xwc", "select 1", &url]).output().unwrap();
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(text.contains("no password supplied"), "{text}");
    cluster.stop().await.unwrap();
}

#[tokio::test]
async fn an_interrupt_from_the_terminal_does_not_reach_the_server() {
    let cluster = Cluster::start(Options::temporary().without_fsync()).await.unwrap();
    let server = getpgid(Pid::from_raw(cluster.pid())).unwrap();
    assert_ne!(server, getpgrp());
    cluster.stop().await.unwrap();
}

#[tokio::test]
async fn a_temporary_cluster_leaves_nothing_when_stopped_or_dropped() {
    let stopped = Cluster::start(Options::temporary().without_fsync()).await.unwrap();
    let dir = stopped.dir().to_owned();
    stopped.stop().await.unwrap();
    assert!(!dir.exists());

    let dropped = Cluster::start(Options::temporary().without_fsync()).await.unwrap();
    let (dir, pid) = (dropped.dir().to_owned(), dropped.pid());
    drop(dropped);
    eventually("the server ends", || !is_alive(pid));
    eventually("its directory goes", || !dir.exists());
}
