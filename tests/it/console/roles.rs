//! Which role opens which door: all doors, all roles.

use std::collections::BTreeSet;

use super::*;
use tests::builders::{a_number, a_transactional};

/// Every door of the console with the least role it opens to; without one it is open to all.
const DOORS: [(&str, &str, Option<Role>); 41] = [
    ("GET", "/console", None),
    ("GET", "/console/sign-in", None),
    ("POST", "/console/sign-in", None),
    ("POST", "/console/sign-out", None),
    ("GET", "/console/link/{token}", None),
    ("POST", "/console/link/{token}", None),
    ("GET", "/console/messages", Some(Role::Viewer)),
    ("GET", "/console/messages/{id}", Some(Role::Viewer)),
    ("POST", "/console/messages/{id}/cancel", Some(Role::Admin)),
    ("GET", "/console/users/{id}", Some(Role::Viewer)),
    ("POST", "/console/users/{id}/devices/revoke", Some(Role::Admin)),
    ("POST", "/console/users/{id}/devices/{device}/revoke", Some(Role::Admin)),
    ("GET", "/console/inbox", Some(Role::Viewer)),
    ("GET", "/console/guard", Some(Role::Viewer)),
    ("GET", "/console/guard?outcome=block", Some(Role::Viewer)),
    ("POST", "/console/guard/release", Some(Role::Admin)),
    ("POST", "/console/guard/mode", Some(Role::Admin)),
    ("GET", "/console/audit", Some(Role::SuperAdmin)),
    ("GET", "/console/assets/{version}/{name}", None),
    ("GET", "/console/messages?status=sent", Some(Role::Viewer)),
    ("GET", "/console/messages/live", Some(Role::Viewer)),
    ("GET", "/console/inbox/live", Some(Role::Viewer)),
    ("GET", "/settings/sms-otp", None),
    ("GET", "/console/settings/sms-otp", Some(Role::Admin)),
    ("GET", "/console/settings/sms-otp/live", Some(Role::Admin)),
    ("GET", "/console/settings/providers", Some(Role::Admin)),
    ("GET", "/console/settings/providers?kind=http", Some(Role::Admin)),
    ("POST", "/console/settings/providers", Some(Role::Admin)),
    ("GET", "/console/settings/providers/{name}", Some(Role::Admin)),
    ("POST", "/console/settings/providers/{name}", Some(Role::Admin)),
    ("POST", "/console/settings/providers/{name}/move", Some(Role::Admin)),
    ("POST", "/console/settings/providers/{name}/delete", Some(Role::Admin)),
    ("POST", "/console/settings/providers/{name}/test", Some(Role::Admin)),
    ("GET", "/console/settings/purposes/{purpose}", Some(Role::Admin)),
    ("POST", "/console/settings/purposes/{purpose}", Some(Role::Admin)),
    ("POST", "/console/settings/limits", Some(Role::Admin)),
    ("POST", "/console/settings/limits/delete", Some(Role::Admin)),
    ("POST", "/console/settings/tests", Some(Role::Admin)),
    ("GET", "/console/settings/tests/{id}", Some(Role::Admin)),
    ("POST", "/console/settings/tests/{id}", Some(Role::Admin)),
    ("GET", "/console/settings/tests/{id}/live", Some(Role::Admin)),
];

/// The doors that the router has, as its source says: a new one that is not in the list above fails this test.
#[test]
fn the_list_of_doors_is_whole() {
    let sources =
        [include_str!("../../../api/src/console.rs"), include_str!("../../../api/src/console/settings.rs")];
    let mut routed = BTreeSet::new();
    for line in
        sources.into_iter().flat_map(str::lines).filter_map(|line| line.trim().strip_prefix(".route(\""))
    {
        let (path, handlers) = line.split_once('"').unwrap();
        for (word, method) in [("get(", "GET"), ("post(", "POST"), ("put(", "PUT"), ("delete(", "DELETE")] {
            if handlers.contains(word) {
                routed.insert((method, path));
            }
        }
    }
    let listed: BTreeSet<_> =
        DOORS.iter().filter(|door| !door.1.contains('?')).map(|(method, path, _)| (*method, *path)).collect();
    assert_eq!(routed, listed);
}

#[tokio::test]
async fn every_door_is_closed_to_those_below_its_role() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    let mut browsers = Vec::new();
    for role in Role::ALL {
        browsers.push((Some(role), Browser::signed_in(&app, &door, role.as_str(), role).await));
    }
    browsers.push((None, Browser::new(&door)));
    for (method, path, least) in DOORS {
        let Some(least) = least else { continue };
        for (role, browser) in &browsers {
            let id = app.accept(a_transactional(app.now()).to(&a_number())).await.to_string();
            let answer = browser
                .send(method.parse().unwrap(), &path.replace("{id}", &id).replace("{purpose}", "login"), &[])
                .await;
            let (status, to) = (answer.status().as_u16(), location(&answer).to_owned());
            if path.contains("/live") && role.is_none_or(|role| role < least) {
                assert_eq!(answer.text().await.unwrap(), "event: over\ndata:\n\n", "{path} for {role:?}");
                continue;
            }
            match role {
                None => assert!(to.starts_with("/console/sign-in"), "{path}: {status}"),
                Some(role) if *role < least => assert_eq!(status, 403, "{path} for {role:?}"),
                // What is not there, or says nothing, is refused for that, to whom the door is open.
                Some(role) => {
                    assert!([200, 303, 400, 404].contains(&status), "{method} {path} for {role:?}: {status}");
                    assert!(!to.contains("sign-in"), "{path} for {role:?}");
                }
            }
        }
    }
}

#[tokio::test]
async fn numbers_are_whole_for_admins_alone() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    let number = a_number();
    let id = app.accept(a_transactional(app.now()).to(&number)).await;
    for role in Role::ALL {
        let browser = Browser::signed_in(&app, &door, role.as_str(), role).await;
        for path in ["/console/messages".to_owned(), format!("/console/messages/{id}")] {
            let page = browser.get(&path).await.text().await.unwrap();
            assert!(page.contains(&number[number.len() - 2..]), "{page}");
            assert_eq!(page.contains(&number), role >= Role::Admin, "{path} for {role:?}");
        }
    }
}
