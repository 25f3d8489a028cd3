//! A backup by `pg_dump`, restored on a new server as docs/operations.md says, and as it warns of.

use std::path::Path;
use std::process::{Command, Output};

use private_postgres::Cluster;
use tests::process::{Settings, said};

use super::migrating::{bare_cluster, migrate, migrate_and_use, url_of};
use super::run;

/// Runs a tool of Postgres; `None` where this machine has no such tool.
fn tool(name: &str, arguments: &[&str]) -> Option<Output> {
    match Command::new(name).args(arguments).output() {
        Ok(output) => Some(output),
        Err(error) => {
            eprintln!("skipped: {name} does not run here ({error})");
            None
        }
    }
}

#[track_caller]
fn assert_done(output: &Output) {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

fn path(folder: &Path, name: &str) -> String {
    folder.join(name).to_str().unwrap().to_owned()
}

/// The roles and one gateway's database of a server that is then lost.
async fn backup(folder: &Path) -> Option<(String, String)> {
    let (cluster, mut admin) = bare_cluster().await;
    run(&mut admin, "create role gateway login createrole password 'gateway'").await;
    run(&mut admin, "create database smsgw owner gateway").await;
    migrate(&url_of(&cluster, "gateway", "smsgw")).await;
    let (roles, dump) = (path(folder, "roles.sql"), path(folder, "smsgw.dump"));
    let all = tool("pg_dumpall", &["--roles-only", "--dbname", &cluster.url()])?;
    assert_done(&all);
    // The superuser of the new server keeps its password.
    let all = String::from_utf8(all.stdout).unwrap();
    let ours: Vec<&str> = all.lines().filter(|line| !line.contains("ROLE postgres")).collect();
    std::fs::write(&roles, ours.join("\n")).unwrap();
    assert_done(&tool("pg_dump", &["--format=custom", "--file", &dump, &cluster.url_for("smsgw")])?);
    cluster.stop().await.unwrap();
    Some((roles, dump))
}

/// Makes the database anew and reads the dump into it.
async fn restore(cluster: &Cluster, dump: &str, more: &[&str]) -> Option<Output> {
    let admin = cluster.url();
    for sql in ["drop database if exists smsgw", "create database smsgw"] {
        assert_done(&tool("psql", &["--command", sql, &admin])?);
    }
    let url = cluster.url_for("smsgw");
    tool("pg_restore", &[more, &["--dbname", &url, dump]].concat())
}

#[tokio::test]
async fn a_backup_restored_after_its_roles_is_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let Some((roles, dump)) = backup(folder.path()).await else { return };
    let (cluster, mut admin) = bare_cluster().await;
    assert_done(&tool("psql", &["--set=ON_ERROR_STOP=1", "--file", &roles, &cluster.url()]).unwrap());
    assert_done(&restore(&cluster, &dump, &["--exit-on-error"]).await.unwrap());
    let login = url_of(&cluster, "gateway", "smsgw");
    run(&mut admin, "alter database smsgw owner to gateway").await;
    let settings: Settings = vec![("DATABASE_URL", login.clone())];
    assert_eq!(said(&settings, &["migrate"], "").code, 0);
    migrate_and_use(&login).await;
    cluster.stop().await.unwrap();
}

#[tokio::test]
async fn a_backup_restored_without_its_roles_is_told_and_can_be_restored_again() {
    let folder = tempfile::tempdir().unwrap();
    let Some((_, dump)) = backup(folder.path()).await else { return };
    let (cluster, _admin) = bare_cluster().await;
    let partly = restore(&cluster, &dump, &[]).await.unwrap();
    assert!(!partly.status.success(), "some of it cannot be restored");
    let url = cluster.url_for("smsgw");
    let settings: Settings = vec![("DATABASE_URL", url.clone())];
    let doctor = said(&settings, &["doctor"], "");
    assert!(doctor.code == 1 && doctor.out.contains("restored without them"), "{doctor:?}");
    // The second time the roles are there, and what they may do is not.
    for _ in 0..2 {
        let refused = said(&settings, &["migrate"], "");
        assert!(refused.code == 1 && refused.err.contains("restore the backup once more"), "{refused:?}");
    }
    restore(&cluster, &dump, &["--no-owner"]).await.unwrap();
    let refused = said(&settings, &["migrate"], "");
    assert!(refused.code == 1 && refused.err.contains("smsgw_app"), "nobody's function: {refused:?}");
    let again = restore(&cluster, &dump, &[]).await.unwrap();
    let told = String::from_utf8_lossy(&again.stderr);
    assert!(!told.contains("smsgw_"), "{told}");
    assert_eq!(said(&settings, &["migrate"], "").code, 0);
    migrate_and_use(&url).await;
    cluster.stop().await.unwrap();
}
