//! What is left after kills, and what the next start makes of it.

use crate::support::{Holder, backends, eventually, is_alive, place, psql, sql};
use private_postgres::{Cluster, Options};
use std::{
    fs,
    os::unix::{fs::MetadataExt, process::CommandExt},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

#[tokio::test]
async fn a_killed_server_comes_back_on_its_port_with_all_that_was_committed() {
    let mut cluster = Cluster::start(Options::temporary()).await.unwrap();
    let port = cluster.port();
    sql(&cluster, "create table counted (n int)");
    for n in 1..=5 {
        sql(&cluster, &format!("insert into counted values ({n})"));
        // One at work does not notice by itself that its postmaster is gone.
        let mut busy = psql(&cluster)
            .args(["-Xq", "-c", "set statement_timeout = '60s'"])
            .args(["-c", "do 'begin loop null; end loop; end'", &cluster.url()])
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let others_at_work = "select count(*) from pg_stat_activity
             where backend_type = 'client backend' and state = 'active' and pid <> pg_backend_pid()";
        eventually("a backend is at work", || sql(&cluster, others_at_work) == "1");
        let killed = [backends(&cluster), vec![cluster.pid()]].concat();
        cluster.kill_hard().await.unwrap();
        assert!(!busy.wait().unwrap().success());
        assert!(!killed.into_iter().any(is_alive));
        cluster.restart().await.unwrap();
        assert_eq!(sql(&cluster, "select count(*) from counted"), n.to_string());
        assert_eq!(cluster.port(), port);
    }
    cluster.stop().await.unwrap();
}

#[test]
fn a_killed_owner_leaves_no_process_and_no_temporary_data() {
    let mut owner = Holder::start(&["temporary"]);
    let (server, dir) = owner.running();
    let supervisor = parent_of(server);
    assert!(is_alive(server) && is_alive(supervisor));
    owner.kill();
    eventually("the server ends", || !is_alive(server));
    eventually("the supervisor ends", || !is_alive(supervisor));
    eventually("the data goes", || !dir.exists());
}

#[tokio::test]
async fn the_next_start_need_not_wait_for_a_killed_owner() {
    let place = place();
    let mut owner = Holder::start(&["kept", path(place.path())]);
    let (server, _) = owner.running();
    owner.kill();
    let cluster = Cluster::start(Options::kept(place.path())).await.unwrap();
    assert!(!is_alive(server));
    cluster.stop().await.unwrap();
}

#[tokio::test]
async fn a_server_whose_owner_and_supervisor_were_killed_is_taken_over() {
    let place = place();
    let mut owner = Holder::start(&["kept", path(place.path())]);
    let (server, _) = owner.running();
    kill(parent_of(server));
    owner.kill();
    assert!(is_alive(server));
    let cluster = Cluster::start(Options::kept(place.path())).await.unwrap();
    assert!(!is_alive(server));
    assert_eq!(sql(&cluster, "select 1"), "1");
    cluster.stop().await.unwrap();
}

#[tokio::test]
async fn a_stale_lock_whose_pid_now_belongs_to_another_program_is_no_obstacle() {
    let place = place();
    let mut cluster = Cluster::start(Options::kept(place.path())).await.unwrap();
    let note = place.path().join("cluster/data/postmaster.pid");
    let text = fs::read_to_string(&note).unwrap();
    cluster.kill_hard().await.unwrap();
    drop(cluster);

    // The same user's, or Postgres would see by itself that it cannot be a server of its own.
    let owner = fs::metadata(&note).unwrap();
    let mut command = Command::new("sleep");
    command.arg("60");
    if rustix::process::geteuid().is_root() {
        command.uid(owner.uid()).gid(owner.gid());
    }
    let mut bystander = command.spawn().unwrap();
    let (_, rest) = text.split_once('\n').unwrap();
    fs::write(&note, format!("{}\n{rest}", bystander.id())).unwrap();

    let cluster = Cluster::start(Options::kept(place.path())).await.unwrap();
    assert_eq!(sql(&cluster, "select 1"), "1");
    assert!(bystander.try_wait().unwrap().is_none(), "it was not ours to stop");
    bystander.kill().unwrap();
    bystander.wait().unwrap();
    cluster.stop().await.unwrap();
}

#[tokio::test]
async fn a_pid_file_cut_off_in_writing_is_no_obstacle() {
    let place = place();
    let cluster = Cluster::start(Options::kept(place.path())).await.unwrap();
    cluster.stop().await.unwrap();
    fs::write(place.path().join("cluster/data/postmaster.pid"), "").unwrap();
    let cluster = Cluster::start(Options::kept(place.path())).await.unwrap();
    cluster.stop().await.unwrap();
}

#[tokio::test]
async fn an_owner_killed_during_initdb_leaves_nothing() {
    let place = kill_during_initdb();
    eventually("initdb ends and its work goes", || unfinished(place.path()).is_empty());
    let cluster = Cluster::start(Options::kept(place.path())).await.unwrap();
    assert_eq!(sql(&cluster, "select 1"), "1");
    cluster.stop().await.unwrap();
}

#[tokio::test]
async fn the_next_start_need_not_wait_for_an_initdb_that_lost_its_owner() {
    let place = kill_during_initdb();
    let cluster = Cluster::start(Options::kept(place.path())).await.unwrap();
    assert_eq!(sql(&cluster, "select 1"), "1");
    cluster.stop().await.unwrap();
}

#[tokio::test]
async fn half_a_cluster_left_by_a_power_cut_is_made_anew() {
    let place = place();
    let half = place.path().join("cluster.new-0123");
    fs::create_dir_all(half.join("data/base")).unwrap();
    fs::write(half.join("data/PG_VERSION"), "15\n").unwrap();
    let cluster = Cluster::start(Options::kept(place.path())).await.unwrap();
    assert!(!half.exists());
    cluster.stop().await.unwrap();
}

/// A place whose owner was killed when the cluster was half made.
fn kill_during_initdb() -> tempfile::TempDir {
    for _ in 0..10 {
        let place = place();
        let mut owner = Holder::start(&["kept", path(place.path())]);
        let half_made = |dir: &PathBuf| dir.join("data/base").exists();
        eventually("initdb is at work", || unfinished(place.path()).iter().any(half_made));
        owner.kill();
        // On a busy machine we may look too late.
        if !place.path().join("cluster").exists() {
            return place;
        }
    }
    panic!("initdb is always quicker than we are");
}

fn unfinished(place: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(place).unwrap().flatten();
    let names = entries.map(|entry| entry.path());
    names.filter(|path| path.to_string_lossy().contains("cluster.new-")).collect()
}

fn path(path: &Path) -> &str {
    path.to_str().unwrap()
}

fn parent_of(pid: i32) -> i32 {
    let output = Command::new("ps").args(["-o", "ppid=", "-p", &pid.to_string()]).output().unwrap();
    String::from_utf8(output.stdout).unwrap().trim().parse().unwrap()
}

fn kill(pid: i32) {
    let pid = rustix::process::Pid::from_raw(pid).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
}
