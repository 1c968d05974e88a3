//! Writes: how many requests they are, and what answers mean.

use proptest::prelude::*;

use super::contract::profile;
use super::proxy::{Deed, Proxy};
use super::server::{tenant, with_profile};
use super::*;
use crate::common::runs::block_on;

fn text(value: &str) -> Value {
    Value::Text(value.to_owned())
}

fn set(attribute: &str, value: &str) -> Act {
    Act::Set(name(attribute), text(value))
}

fn is_write(asked: &proxy::Asked) -> bool {
    asked.method != "GET"
}

#[tokio::test]
async fn a_batch_costs_what_it_says() {
    let service = tenant();
    for name in ["one", "two"] {
        make_group(&service.base, name, json!([])).await;
    }
    let mut ids = Vec::new();
    for number in 0..45 {
        ids.push(make_user(&service.base, &format!("u{number}"), json!({"active": true})).await);
    }
    let proxy = Proxy::counting(&service.base).await;
    let trial = Trial::open(&proxy.base);
    trial.reader.probe().await.unwrap();
    let each = |act: Act| ids.iter().map(move |id| (id.clone(), act.clone())).collect::<Vec<_>>();
    let grants = |name: &str| each(Act::Grant(group(name)));
    let revokes = |name: &str| each(Act::Revoke(group(name)));
    let one = |acts: &[Act]| acts.iter().map(|act| (ids[0].clone(), act.clone())).collect::<Vec<_>>();
    // The name, the writes, how many calls, and how many of them change something.
    type Row = (&'static str, Vec<(String, Act)>, usize, usize);
    let rows: Vec<Row> = vec![
        ("one value of many accounts", each(set("title", "x")), 3 + 45, 45),
        ("much of one account", one(&[set("title", "y"), set("name.givenName", "z"), Act::Clear(name("title")), Act::Disable]), 1 + 1, 1),
        ("many members of one group", grants("one"), 3 + 2, 1),
        ("members of two groups, one after the other", [grants("two"), revokes("one")].concat(), 3 + 2 + 2, 2),
        ("an owner key", one(&[Act::Own]), 1 + 1 + 1, 1),
        ("a new group", one(&[Act::Provide(group("three"))]), 1 + 1, 1),
        ("many shut, then their rights", [each(Act::Enable)[1..2].to_vec(), revokes("two")].concat(), 1 + 2, 1),
        ("deletes", each(Act::Delete), 45, 45),
    ];
    for (row, acts, calls, changes) in rows {
        let mut writes = Vec::new();
        for (id, act) in acts {
            writes.push(trial.writing("somebody", &id, act).await);
        }
        let (cost, writes) = trial.cost(writes);
        proxy.asked();
        for answer in trial.write(writes).await {
            answer.unwrap_or_else(|failure| panic!("{row}: {failure}"));
        }
        let asked = proxy.asked();
        assert_eq!(asked.iter().filter(|asked| is_write(asked)).count(), changes, "{row}: {asked:?}");
        assert_eq!(asked.len(), calls, "{row}: {asked:?}");
        // The account that is opened is open already: one call less.
        let already = usize::from(row == "many shut, then their rights");
        assert_eq!(usize::try_from(cost).unwrap(), calls + already, "{row}: what it says");
    }
    let mut creations = Vec::new();
    for number in 0..25 {
        creations.push(trial.creation(&format!("new{number}"), &[]).await);
    }
    let (cost, creations) = trial.cost(creations);
    proxy.asked();
    assert!(trial.write(creations).await.iter().all(Result::is_ok));
    assert_eq!((proxy.asked().len(), cost), (2 + 25, 2 + 25), "creates");
}

#[tokio::test]
async fn one_bad_value_stops_no_other() {
    let service = tenant();
    let ann = make_user(&service.base, "ann", json!({})).await;
    let proxy = Proxy::before(&service.base, |asked| {
        if is_write(asked) && asked.body.contains("bad value") {
            Deed::Refuse(400, r#"{"status": "400", "scimType": "invalidValue", "detail": "secret detail"}"#)
        } else {
            Deed::Pass
        }
    });
    let proxy = proxy.await;
    let trial = Trial::open(&proxy.base);
    let mut writes = Vec::new();
    for act in [set("title", "fine"), set("nickName", "bad value"), set("displayName", "fine too")] {
        writes.push(trial.writing("ann", &ann, act).await);
    }
    let answers = trial.write(writes).await;
    assert!(answers[0].is_ok() && answers[2].is_ok(), "{answers:?}");
    assert_eq!(answers[1], Err(Failure::Invalid { attribute: name("nickName"), why: "HTTP 400 invalidValue".to_owned() }));
    let user = curl("GET", &format!("{}/Users/{ann}", service.base), None).await;
    assert_eq!((&user["title"], &user["displayName"], &user["nickName"]), (&json!("fine"), &json!("fine too"), &Json::Null));
}

#[tokio::test]
async fn one_bad_member_stops_no_other() {
    let service = tenant();
    make_group(&service.base, "staff", json!([])).await;
    let (ann, bob) = (make_user(&service.base, "ann", json!({})).await, make_user(&service.base, "bob", json!({})).await);
    let bad = ann.clone();
    let proxy = Proxy::before(
        &service.base,
        move |asked| if is_write(asked) && asked.body.contains(&bad) { Deed::Refuse(400, "") } else { Deed::Pass },
    );
    let proxy = proxy.await;
    let trial = Trial::open(&proxy.base);
    let writes =
        vec![trial.writing("ann", &ann, Act::Grant(group("staff"))).await, trial.writing("bob", &bob, Act::Grant(group("staff"))).await];
    let answers = trial.write(writes).await;
    assert!(matches!(answers[0], Err(Failure::Conflict(_))) && answers[1].is_ok(), "{answers:?}");
}

#[tokio::test]
async fn what_changed_since_it_was_read_is_a_conflict() {
    let service = tenant();
    let ann = make_user(&service.base, "ann", json!({})).await;
    let proxy = Proxy::before(&service.base, |asked| {
        if asked.method == "GET" && asked.uri.contains("/Users/") {
            Deed::Change(Box::new(|body| body["meta"]["version"] = json!("W/\"older\"")))
        } else {
            Deed::Pass
        }
    });
    let proxy = proxy.await;
    let trial = Trial::open(&proxy.base);
    let answer = trial.act("ann", &ann, Act::Disable).await;
    assert!(matches!(&answer, Err(Failure::Conflict(why)) if why.contains("changed since it was read")), "{answer:?}");
    let patch = proxy.asked().into_iter().find(is_write).unwrap();
    assert_eq!(patch.headers["if-match"], "W/\"older\"");
}

#[tokio::test]
async fn without_patch_the_whole_resource_is_put_as_it_was_read() {
    let service = with_profile(&profile(json!({"patch": {"supported": false}})));
    let more =
        json!({"nickName": "kept", "emails": [{"value": "a@home", "type": "home"}], "phoneNumbers": [{"value": "1", "type": "work"}]});
    let ann = make_user(&service.base, "ann", more).await;
    let bob = make_user(&service.base, "bob", json!({})).await;
    make_group(&service.base, "staff", json!([{"value": bob}])).await;
    let proxy = Proxy::counting(&service.base).await;
    let trial = Trial::open(&proxy.base);
    let work = r#"emails[type eq "work"].value"#;
    for act in [
        set(work, "a@work"),
        set("title", "x"),
        Act::Disable,
        Act::Clear(name(r#"phoneNumbers[type eq "work"].value"#)),
        Act::Grant(group("staff")),
    ] {
        trial.act("ann", &ann, act).await.unwrap();
    }
    let writes: Vec<_> = proxy.asked().into_iter().filter(is_write).collect();
    assert!(writes.iter().all(|asked| asked.method == "PUT" && asked.headers.contains_key("if-match")), "{writes:?}");
    assert_eq!(writes.len(), 5);
    let user = curl("GET", &format!("{}/Users/{ann}", service.base), None).await;
    assert_eq!((&user["nickName"], &user["title"], &user["active"]), (&json!("kept"), &json!("x"), &json!(false)));
    assert_eq!(user["emails"], json!([{"value": "a@home", "type": "home"}, {"value": "a@work", "type": "work"}]));
    assert_eq!(user["phoneNumbers"], Json::Null);
    let group = &curl("GET", &format!("{}/Groups", service.base), None).await["Resources"][0]["members"];
    assert_eq!(*group, json!([{"value": bob}, {"value": ann}]));
}

#[tokio::test]
async fn answers_mean_what_is_to_be_done() {
    let service = tenant();
    make_group(&service.base, "staff", json!([])).await;
    let ann = make_user(&service.base, "ann", json!({"active": true})).await;
    // The answer, and what it means for Disable, for Set and for Grant.
    type Meaning = fn(&Result<Done, Failure>) -> bool;
    let denied: Meaning = |answer| matches!(answer, Err(Failure::Denied(_)));
    let conflict: Meaning = |answer| matches!(answer, Err(Failure::Conflict(_)));
    let retry: Meaning = |answer| matches!(answer, Err(Failure::Retry { .. }));
    let unknown: Meaning = |answer| matches!(answer, Err(Failure::Unknown));
    let config: Meaning = |answer| matches!(answer, Err(Failure::Config(_)));
    let already: Meaning = |answer| matches!(answer, Ok(Done { already: true, .. }));
    let invalid: Meaning = |answer| matches!(answer, Err(Failure::Invalid { .. }));
    let rows: [(u16, &str, [Meaning; 3]); 10] = [
        (401, "", [denied; 3]),
        (403, "", [denied; 3]),
        (404, "", [already, conflict, conflict]),
        (409, r#"{"scimType": "uniqueness"}"#, [conflict; 3]),
        (400, r#"{"scimType": "invalidValue"}"#, [invalid, invalid, conflict]),
        (412, "", [conflict; 3]),
        (429, "", [retry; 3]),
        (501, "", [config; 3]),
        (500, "", [unknown; 3]),
        (503, "", [retry; 3]),
    ];
    for (status, body, meanings) in rows {
        let acts = [Act::Disable, set("title", "x"), Act::Grant(group("staff"))];
        for (act, meaning) in acts.into_iter().zip(meanings) {
            let proxy =
                Proxy::before(&service.base, move |asked| if is_write(asked) { Deed::Refuse(status, body) } else { Deed::Pass }).await;
            let answer = Trial::open(&proxy.base).act("ann", &ann, act.clone()).await;
            assert!(meaning(&answer), "{status} to {}: {answer:?}", act.verb());
            assert_eq!(proxy.asked().iter().filter(|asked| is_write(asked)).count(), 1, "{status} to {}: sent once", act.verb());
        }
    }
}

#[tokio::test]
async fn a_create_without_an_answer_is_unknown_and_not_repeated() {
    let service = tenant();
    for (row, status, body) in [("lost", 500, ""), ("no JSON", 201, "<html>"), ("no id", 201, "{}")] {
        let proxy = Proxy::before(&service.base, move |asked| if is_write(asked) { Deed::Answer(status, body) } else { Deed::Pass }).await;
        let trial = Trial::open(&proxy.base);
        assert_eq!(trial.create(row, &[]).await, Err(Failure::Unknown), "{row}");
        assert_eq!(proxy.asked().iter().filter(|asked| is_write(asked)).count(), 1, "{row}");
        // It was made all the same, and a look shows whose it is.
        let found = trial.find(vec![Lookup::Owner(owner(row))], &[]).await;
        assert_eq!(found.accounts().count(), 1, "{row}");
        let again = trial.create(row, &[]).await;
        assert!(matches!(again, Err(Failure::Conflict(_))), "{row}: {again:?}");
    }
}

#[tokio::test]
async fn of_many_values_only_those_that_differ_are_touched() {
    let service = tenant();
    let emails = json!({"emails": [{"value": "old@a", "type": "home"}, {"value": "kept@a", "type": "work", "primary": true}]});
    let ann = make_user(&service.base, "ann", emails).await;
    let proxy = Proxy::counting(&service.base).await;
    let trial = Trial::open(&proxy.base);
    let values = Value::Many(["kept@a", "new\"]@a"].map(str::to_owned).into());
    trial.act("ann", &ann, Act::Set(name("emails"), values)).await.unwrap();
    let read = || async { curl("GET", &format!("{}/Users/{ann}", service.base), None).await["emails"].clone() };
    let kept = json!({"value": "kept@a", "type": "work", "primary": true});
    assert_eq!(read().await, json!([kept, {"value": "new\"]@a"}]));
    trial.act("ann", &ann, Act::Set(name("emails"), Value::Many(["kept@a".to_owned()].into()))).await.unwrap();
    assert_eq!(read().await, json!([kept]));
    trial.act("ann", &ann, Act::Clear(name("emails"))).await.unwrap();
    assert_eq!(read().await, Json::Null);
}

#[tokio::test]
async fn a_selected_value_is_added_replaced_and_removed() {
    let service = tenant();
    let home = json!({"value": "a@home", "type": "home"});
    let ann = make_user(&service.base, "ann", json!({"emails": [home]})).await;
    let trial = Trial::open(&service.base);
    let work = r#"emails[type eq "work"].value"#;
    let read = || async { curl("GET", &format!("{}/Users/{ann}", service.base), None).await["emails"].clone() };
    trial.act("ann", &ann, set(work, "a@work")).await.unwrap();
    assert_eq!(read().await, json!([home, {"type": "work", "value": "a@work"}]));
    trial.act("ann", &ann, set(work, "b@work")).await.unwrap();
    assert_eq!(read().await, json!([home, {"type": "work", "value": "b@work"}]));
    trial.act("ann", &ann, Act::Clear(name(work))).await.unwrap();
    assert_eq!(read().await, json!([home]));
}

#[tokio::test]
async fn groups_that_cannot_be_told_apart_are_left_alone() {
    let service = tenant();
    let ann = make_user(&service.base, "ann", json!({})).await;
    for _ in 0..2 {
        make_group(&service.base, "twin", json!([])).await;
    }
    let answer = Trial::open(&service.base).act("ann", &ann, Act::Grant(group("twin"))).await;
    assert!(matches!(&answer, Err(Failure::Conflict(why)) if why.contains("several groups are called twin")), "{answer:?}");
}

#[tokio::test]
async fn what_scim_has_not_is_refused_by_name() {
    let service = tenant();
    let ann = make_user(&service.base, "ann", json!({})).await;
    let trial = Trial::open(&service.base);
    let right = EntitlementKey::parse("chat/group/staff:admin").unwrap();
    let role = EntitlementKey::parse("chat/role/staff").unwrap();
    for (act, says) in [
        (Act::Grant(right), "no rights"),
        (Act::Revoke(role), "kind group only"),
        (Act::Withdraw, "no invitations"),
        (Act::EndSessions, "EndSessions"),
    ] {
        let answer = trial.act("ann", &ann, act.clone()).await;
        assert!(matches!(&answer, Err(Failure::Config(why)) if why.contains(says)), "{}: {answer:?}", act.verb());
    }
    for attribute in ["password", "externalId", "meta.version", "emails[", "no such name"] {
        let answer = trial.act("ann", &ann, set(attribute, "x")).await;
        assert!(matches!(answer, Err(Failure::Invalid { .. })), "{attribute}: {answer:?}");
    }
}

/// Escaped → a real server → read: nothing is lost, whatever the text.
#[test]
fn any_text_reads_back_and_is_found() {
    let service = tenant();
    let ann = block_on(make_user(&service.base, "ann", json!({})));
    let phone = r#"phoneNumbers[type eq "work"].value"#;
    proptest!(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() }, |(value in "\\PC{1,12}|[\"\\\\ a'\\[\\]()*]{1,8}|(?s).{1,6}")| {
        block_on(async {
            let trial = Trial::open(&service.base);
            for attribute in ["title", phone] {
                let act = Act::Set(name(attribute), Value::Text(value.clone()));
                trial.act("ann", &ann, act).await.unwrap();
                let by = Lookup::Attribute(name(attribute), value.clone());
                let found = trial.find(vec![by], &[attribute]).await;
                let read = found.accounts().next().and_then(|account| account.attributes.get(&name(attribute)).cloned());
                prop_assert_eq!(read, Some(Value::Text(value.clone())), "{}", attribute);
            }
            Ok(())
        })?;
    });
}
