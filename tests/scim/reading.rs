//! Looks, at services that tell the truth and at such that do not.

use provost::model::entitlement::How;
use provost::model::observed::Extent;

use super::contract::profile;
use super::proxy::{Deed, Proxy};
use super::server::{Service, tenant, with_profile};
use super::*;

/// A service that shows so many at once, and as many users as that: `u000`, ….
async fn users(page: u64, count: usize) -> (Service, Vec<String>) {
    let service = with_profile(&profile(json!({"filter": {"supported": true, "maxResults": page}})));
    let mut ids = Vec::new();
    for number in 0..count {
        ids.push(make_user(&service.base, &format!("u{number:03}"), json!({"externalId": format!("acme/{number}")})).await);
    }
    (service, ids)
}

fn count(observed: &Observed) -> usize {
    observed.accounts().count()
}

#[tokio::test]
async fn a_listing_of_many_pages_is_complete() {
    let (service, ids) = users(100, 250).await;
    let members: Vec<Json> = ids.iter().map(|id| json!({"value": id})).collect();
    make_group(&service.base, "all", json!(members)).await;
    let proxy = Proxy::counting(&service.base).await;
    let trial = Trial::open(&proxy.base);
    trial.reader.probe().await.unwrap();
    proxy.asked();
    let observed = trial.reader.list(&wanted(&[])).await.unwrap();
    assert!(observed.is_whole(), "{:?}", observed.extent());
    assert_eq!(count(&observed), 250);
    assert_eq!(observed.members(&group("all")), Some(250));
    assert!(observed.accounts().all(|account| account.entitlements_complete && account.entitlements.contains_key(&group("all"))));
    let pages: Vec<_> =
        proxy.asked().iter().filter(|asked| asked.lists("Users")).map(|asked| (asked.query("startIndex"), asked.query("count"))).collect();
    let page = |start: &str, count: &str| (Some(start.to_owned()), Some(count.to_owned()));
    assert_eq!(pages, [page("1", "100"), page("101", "100"), page("201", "100"), page("251", "1")]);
}

fn resources(body: &mut Json) -> &mut Vec<Json> {
    body["Resources"].as_array_mut().unwrap()
}

/// Five users, two a page. Whatever a proxy makes of the answers: nobody who is there is ever missing.
#[tokio::test]
async fn whoever_is_there_is_never_missing() {
    type Lie = fn(&proxy::Asked, usize) -> Deed;
    let (service, _) = users(2, 5).await;
    make_group(&service.base, "staff", json!([])).await;
    // The name, what is done to the nth listing of users, and how far the listing says it reached.
    let rows: [(&str, Lie, Result<Extent, ()>); 15] = [
        ("the truth", |_, _| Deed::Pass, Ok(Extent::Complete)),
        (
            "page 2 repeats page 1",
            |_, n| if n == 2 { Deed::Ask("startIndex=1&count=2".to_owned()) } else { Deed::Pass },
            partial("came twice"),
        ),
        ("page 1 ends early", |_, n| if n == 1 { change(|body| drop(resources(body).pop())) } else { Deed::Pass }, Ok(Extent::Complete)),
        (
            "page 1 loses its first",
            |_, n| if n == 1 { change(|body| drop(resources(body).remove(0))) } else { Deed::Pass },
            partial("came twice"),
        ),
        (
            "page 2 is empty",
            |_, n| if n == 2 { change(|body| resources(body).clear()) } else { Deed::Pass },
            partial("it ends after 2 of 5"),
        ),
        ("the total counts the page", |_, _| change(|body| body["totalResults"] = json!(resources(body).len())), partial("from 2 to 1")),
        ("the total counts the first page", |_, _| change(|body| body["totalResults"] = json!(2)), partial("more than the 2")),
        ("the total is too large", |_, _| change(|body| body["totalResults"] = json!(7)), partial("it ends after 5 of 7")),
        (
            "the total grows",
            |_, n| if n == 3 { change(|body| body["totalResults"] = json!(6)) } else { Deed::Pass },
            partial("from 5 to 6"),
        ),
        (
            "the total is no number",
            |_, n| if n == 2 { change(|body| body["totalResults"] = json!("many")) } else { Deed::Pass },
            partial("names no totalResults"),
        ),
        (
            "an entry has no id",
            |_, n| if n == 2 { change(|body| drop(resources(body)[0].as_object_mut().unwrap().remove("id"))) } else { Deed::Pass },
            partial("has no id"),
        ),
        ("page 2 fails once", |_, n| if n == 2 { Deed::Refuse(500, "") } else { Deed::Pass }, Ok(Extent::Complete)),
        ("page 2 is garbage", |_, n| if n == 2 { Deed::Refuse(200, "<html>") } else { Deed::Pass }, partial("users: ")),
        (
            "page 2 always fails",
            |asked, _| if asked.query("startIndex").as_deref() == Some("3") { Deed::Refuse(500, "") } else { Deed::Pass },
            partial("users: "),
        ),
        ("page 1 is garbage", |_, _| Deed::Refuse(200, "<html>"), Err(())),
    ];
    for (row, lie, expected) in rows {
        let listed = std::sync::atomic::AtomicUsize::new(0);
        let proxy = Proxy::before(&service.base, move |asked| {
            if !asked.lists("Users") {
                return Deed::Pass;
            }
            lie(asked, listed.fetch_add(1, std::sync::atomic::Ordering::Relaxed) + 1)
        });
        let proxy = proxy.await;
        let observed = Trial::open(&proxy.base).reader.list(&wanted(&[])).await;
        match (observed, expected) {
            (Err(_), Err(())) => {}
            (Ok(observed), Ok(Extent::Complete)) => {
                assert!(observed.is_whole(), "{row}: {:?}", observed.extent());
                assert_eq!(count(&observed), 5, "{row}");
                assert!(observed.missing(&[by_name("nobody")]).is_some(), "{row}");
            }
            (Ok(observed), Ok(Extent::Partial(why))) => {
                assert!(matches!(observed.extent(), Extent::Partial(said) if said.contains(&why)), "{row}: {:?}", observed.extent());
                assert!(observed.missing(&[by_name("u004")]).is_none(), "{row}");
            }
            (observed, expected) => panic!("{row}: {observed:?}, and not {expected:?}"),
        }
    }
}

fn change(change: fn(&mut Json)) -> Deed {
    Deed::Change(Box::new(change))
}

#[expect(clippy::unnecessary_wraps, reason = "a cell of the table above")]
fn partial(why: &str) -> Result<Extent, ()> {
    Ok(Extent::Partial(why.to_owned()))
}

#[tokio::test]
async fn a_listing_of_groups_that_ends_early_shows_no_one_without() {
    let service = tenant();
    let ann = make_user(&service.base, "ann", json!({})).await;
    make_group(&service.base, "staff", json!([{"value": ann}])).await;
    let proxy =
        Proxy::before(
            &service.base,
            |asked| {
                if asked.lists("Groups") { change(|body| body["totalResults"] = json!(3)) } else { Deed::Pass }
            },
        );
    let observed = Trial::open(&proxy.await.base).reader.list(&wanted(&[])).await.unwrap();
    assert!(!observed.is_whole());
    assert!(observed.accounts().all(|account| !account.entitlements_complete));
    assert_eq!(observed.exists(&group("other")), None);
}

#[tokio::test]
async fn many_are_found_in_few_calls() {
    let service = tenant();
    let mut by = BTreeMap::new();
    for person in ["ann", "bob", "cho", "dia", "eli"] {
        let id = make_user(&service.base, person, json!({"externalId": owner(person).to_string()})).await;
        let lookups = vec![Lookup::Id(AccountId::parse(id).unwrap()), Lookup::Owner(owner(person)), by_name(person)];
        by.insert(PersonId::parse(person).unwrap(), lookups);
    }
    by.insert(PersonId::parse("new").unwrap(), vec![Lookup::Owner(owner("new")), by_name("new")]);
    make_group(&service.base, "empty", json!([])).await;
    let proxy = Proxy::counting(&service.base).await;
    let trial = Trial::open(&proxy.base);
    trial.reader.probe().await.unwrap();
    proxy.asked();
    let observed = trial.reader.find(&by, &BTreeSet::new(), &wanted(&[])).await.unwrap();
    assert_eq!(count(&observed), 5);
    assert!(by.values().all(|lookups| observed.missing(lookups).is_some()), "every lookup is answered");
    let asked = proxy.asked();
    // 17 lookups in one filter; the groups, and what lies behind their last page.
    let users = asked.iter().filter(|asked| asked.lists("Users")).count();
    assert_eq!((users, asked.len()), (1, 3), "{asked:?}");
}

#[tokio::test]
async fn what_a_service_does_not_understand_is_not_answered() {
    let service = tenant();
    make_user(&service.base, "ann", json!({})).await;
    let ignored = Proxy::before(&service.base, |asked| if asked.query("filter").is_some() { Deed::Ask(String::new()) } else { Deed::Pass });
    let refused = Proxy::before(&service.base, |asked| {
        if asked.query("filter").is_some() { Deed::Refuse(400, r#"{"status": "400", "scimType": "invalidFilter"}"#) } else { Deed::Pass }
    });
    for (row, proxy) in [("ignored", ignored.await), ("refused", refused.await)] {
        let trial = Trial::open(&proxy.base);
        let nobody = vec![by_name("nobody"), Lookup::Owner(owner("nobody"))];
        for by in [nobody.clone(), vec![nobody[0].clone()], vec![nobody[1].clone()]] {
            let observed = trial.find(by.clone(), &[]).await;
            assert_eq!(count(&observed), 0, "{row} {by:?}");
            assert!(observed.missing(&by).is_none(), "{row} {by:?}");
        }
        // The id is no filter.
        let id = [Lookup::Id(AccountId::parse("nobody").unwrap())];
        assert!(trial.find(id.to_vec(), &[]).await.missing(&id).is_some(), "{row}");
    }
}

#[tokio::test]
async fn a_search_that_fails_shows_nothing() {
    let service = tenant();
    for (row, status) in [("down", 503), ("broken", 500), ("forbidden", 401)] {
        let proxy = Proxy::before(&service.base, move |asked| if asked.lists("Users") { Deed::Refuse(status, "") } else { Deed::Pass });
        let people = BTreeMap::from([(PersonId::parse("ann").unwrap(), vec![by_name("ann")])]);
        let found = Trial::open(&proxy.await.base).reader.find(&people, &BTreeSet::new(), &wanted(&[])).await;
        assert!(found.is_err(), "{row}: {found:?}");
    }
}

#[tokio::test]
async fn groups_in_groups_are_held_but_not_directly() {
    let service = tenant();
    let ann = make_user(&service.base, "ann", json!({})).await;
    let bob = make_user(&service.base, "bob", json!({"active": false})).await;
    let inner = make_group(&service.base, "inner", json!([{"value": ann, "type": "User"}, {"value": bob}])).await;
    let middle = make_group(&service.base, "middle", json!([{"value": inner, "type": "Group"}])).await;
    make_group(&service.base, "outer", json!([{"value": middle}])).await;
    make_group(&service.base, "empty", json!([])).await;
    let trial = Trial::open(&service.base);
    let expected = BTreeMap::from([(group("inner"), How::Direct), (group("middle"), How::Derived), (group("outer"), How::Derived)]);
    let ann = AccountId::parse(ann).unwrap();
    let listed = trial.reader.list(&wanted(&[])).await.unwrap();
    assert_eq!(listed.account(&ann).unwrap().entitlements, expected);
    // After the listing it is known that groups can be searched by their members.
    let found = trial.find(vec![by_name("ann")], &[]).await;
    assert_eq!(found.account(&ann).unwrap(), listed.account(&ann).unwrap());
    let named = ["inner", "middle", "outer", "empty", "none"].map(group);
    let counted = trial.reader.find(&BTreeMap::new(), &named.clone().into(), &wanted(&[])).await.unwrap();
    assert_eq!(named.each_ref().map(|key| counted.members(key)), [Some(1), Some(1), Some(1), Some(0), None]);
    assert_eq!(named.each_ref().map(|key| listed.members(key)), [Some(1), Some(1), Some(1), Some(0), None]);
    assert_eq!(counted.exists(&group("none")), Some(false));
}

#[tokio::test]
async fn attributes_are_read_as_scim_names_them() {
    let service = tenant();
    let enterprise = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
    let user = json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User", enterprise],
        "name": {"givenName": "Ann"}, "title": "",
        "emails": [{"type": "home", "value": "a@home"}, {"type": "work", "value": "a@work", "primary": true}],
        enterprise: {"department": "Finance", "manager": {"value": "boss"}},
    });
    make_user(&service.base, "ann", user).await;
    let department = format!("{enterprise}:department");
    let manager = format!("{enterprise}:manager.value");
    let text = |text: &str| Some(Value::Text(text.to_owned()));
    let rows = [
        ("userName", text("ann")),
        ("name.givenName", text("Ann")),
        ("name.familyName", None),
        (r#"emails[type eq "work"].value"#, text("a@work")),
        (r#"emails[type eq "work"]"#, text("a@work")),
        (r#"emails[type eq "other"].value"#, None),
        (r#"emails[primary eq true].value"#, text("a@work")),
        (r#"emails[type eq "work"].primary"#, Some(Value::Bool(true))),
        ("emails", Some(Value::Many(["a@home", "a@work"].map(str::to_owned).into()))),
        (&department, text("Finance")),
        (&manager, text("boss")),
    ];
    let trial = Trial::open(&service.base);
    let found = trial.find(vec![by_name("ANN")], &rows.each_ref().map(|(attribute, _)| *attribute)).await;
    let account = found.accounts().next().unwrap();
    for (attribute, expected) in rows {
        assert_eq!(account.attributes.get(&name(attribute)).cloned(), expected, "{attribute}");
    }
    for by in [r#"emails[type eq "work"].value"#, "emails.value", &manager] {
        let value = if by == manager { "boss" } else { "a@work" };
        let found = trial.find(vec![Lookup::Attribute(name(by), value.to_owned())], &[]).await;
        assert_eq!(count(&found), 1, "found by {by}");
    }
}

#[tokio::test]
async fn only_a_plain_no_is_shut() {
    let service = tenant();
    make_user(&service.base, "ann", json!({"active": true})).await;
    let rows = [
        (json!(false), AccountState::Disabled),
        (json!("False"), AccountState::Disabled),
        (json!("true"), AccountState::Enabled),
        (json!(null), AccountState::Enabled),
        (json!("perhaps"), AccountState::Enabled),
    ];
    for (said, expected) in rows {
        let answer = said.clone();
        let proxy = Proxy::before(&service.base, move |asked| {
            let said = answer.clone();
            if asked.lists("Users") {
                Deed::Change(Box::new(move |body| resources(body).iter_mut().for_each(|user| user["active"] = said.clone())))
            } else {
                Deed::Pass
            }
        });
        let found = Trial::open(&proxy.await.base).find(vec![by_name("ann")], &[]).await;
        assert_eq!(found.accounts().next().unwrap().state, expected, "{said}");
    }
}

#[tokio::test]
async fn a_probe_says_what_the_service_can() {
    let service = tenant();
    let schema = Trial::open(&service.base).reader.probe().await.unwrap();
    assert!(schema.can.disable && schema.can.stable_ids && schema.can.owner_key);
    assert_eq!(schema.can.create_entitlements, ["group".to_owned()].into());
    let rule = |attribute: &str| schema.attributes.get(&name(attribute)).unwrap_or_else(|| panic!("{attribute}")).clone();
    assert!(rule("userName").required && rule("userName").unique && rule("userName").ignore_case);
    assert!(rule("emails").many && !rule(r#"emails[type eq "work"].value"#).many);
    assert!(!rule("photos").ignore_case && rule("name.givenName").ignore_case && !rule("title").required);
    assert!(rule("externalId").read_only && rule("active").read_only && rule("groups").read_only);
    assert!(!schema.attributes.contains_key(&name("password")));
    let mapped: Vec<&str> = schema.default_mapping.keys().map(AttributeName::as_str).collect();
    assert!(
        ["userName", "displayName", "name.givenName", r#"emails[type eq "work"].value"#].iter().all(|one| mapped.contains(one)),
        "{mapped:?}"
    );
}

#[tokio::test]
async fn a_service_that_cannot_be_searched_holds_no_owner_keys() {
    let service = with_profile(&profile(json!({"filter": {"supported": false, "maxResults": 0}})));
    let ann = make_user(&service.base, "ann", json!({})).await;
    let trial = Trial::open(&service.base);
    assert!(!trial.reader.probe().await.unwrap().can.owner_key);
    let by = vec![Lookup::Id(AccountId::parse(ann).unwrap()), by_name("ann")];
    let found = trial.find(by.clone(), &[]).await;
    assert_eq!(count(&found), 1, "by its id");
    assert!(found.missing(&by[..1]).is_some() && found.missing(&by[1..]).is_none());
}

#[tokio::test]
async fn a_service_that_says_nothing_of_itself_is_asked_all_the_same() {
    let service = tenant();
    make_user(&service.base, "ann", json!({"externalId": owner("ann").to_string(), "title": "Clerk"})).await;
    let proxy = Proxy::before(&service.base, |asked| {
        let silent = ["ServiceProviderConfig", "ResourceTypes", "Schemas", "Groups"].iter().any(|page| asked.uri.contains(page));
        if silent { Deed::Refuse(404, "") } else { Deed::Pass }
    });
    let proxy = proxy.await;
    let trial = Trial::open(&proxy.base);
    let schema = trial.reader.probe().await.unwrap();
    assert!(schema.can.owner_key && schema.can.create_entitlements.is_empty());
    assert!(schema.default_mapping.contains_key(&name("name.familyName")));
    let listed = trial.reader.list(&wanted(&["title"])).await.unwrap();
    assert!(listed.is_whole() && listed.accounts().all(|account| account.entitlements_complete));
    assert_eq!(trial.find(vec![Lookup::Owner(owner("ann"))], &["title"]).await.accounts().next(), listed.accounts().next());
    trial.create("bob", &[(r#"emails[type eq "work"].value"#, Value::Text("b@work".to_owned()))]).await.unwrap();
    assert_eq!(count(&trial.reader.list(&wanted(&[])).await.unwrap()), 2);
}

#[tokio::test]
async fn a_probe_says_what_is_wrong() {
    let service = tenant();
    let denied = Trial::with(&spec(&service.base), &secret(&[("token", "wrong")])).unwrap().reader.probe().await;
    assert!(matches!(&denied, Err(Failure::Denied(why)) if why.contains("check the Secret") && !why.contains("wrong")), "{denied:?}");
    let elsewhere = format!("{}/none", service.base);
    let config = Trial::open(&elsewhere).reader.probe().await;
    assert!(matches!(&config, Err(Failure::Config(why)) if why.contains("spec.scim.url")), "{config:?}");
    let web = Proxy::before(&service.base, |_| Deed::Refuse(200, "{}")).await;
    let config = Trial::open(&web.base).reader.probe().await;
    assert!(matches!(&config, Err(Failure::Config(why)) if why.contains("no SCIM")), "{config:?}");
}

#[tokio::test]
async fn a_login_by_password_knows_its_own_account() {
    let service = tenant();
    let own = make_user(&service.base, "provost", json!({})).await;
    make_user(&service.base, "ann", json!({})).await;
    let proxy = Proxy::before(&service.base, |asked| {
        // provost:s3cret
        let basic = asked.headers.get("authorization").is_some_and(|login| login == "Basic cHJvdm9zdDpzM2NyZXQ=");
        if basic { Deed::As(format!("Bearer {TOKEN}")) } else { Deed::Refuse(401, "") }
    });
    let proxy = proxy.await;
    let trial = Trial::with(&spec(&proxy.base), &secret(&[("username", "provost"), ("password", "s3cret\n")])).unwrap();
    let schema = trial.reader.probe().await.unwrap();
    assert_eq!(schema.own_login.as_ref().map(AccountId::as_str), Some(own.as_str()));
    let listed = trial.reader.list(&wanted(&[])).await.unwrap();
    let marked: Vec<&str> = listed.accounts().filter(|account| account.own_login).map(|account| account.name.as_str()).collect();
    assert_eq!(marked, ["provost"]);
}

/// Ids come from the service, and the ledger; none leads out of its place.
#[tokio::test]
async fn an_id_stays_one_segment_of_the_path() {
    let service = tenant();
    let proxy = Proxy::counting(&service.base).await;
    let trial = Trial::open(&proxy.base);
    trial.reader.probe().await.unwrap();
    let below = format!("{}/Users/", url::Url::parse(&service.base).unwrap().path());
    for id in ["a/b", "../Groups", "..", ".", "x?filter=1#y", "%2e%2e", "a b", "\u{202E}é\u{1F600}"] {
        proxy.asked();
        let by = [Lookup::Id(AccountId::parse(id).unwrap())];
        let people = BTreeMap::from([(PersonId::parse("ann").unwrap(), by.to_vec())]);
        let found = trial.reader.find(&people, &BTreeSet::new(), &wanted(&[])).await;
        for asked in proxy.asked() {
            let path = asked.uri.split('?').next().unwrap().to_owned();
            let last = path.strip_prefix(&below).unwrap_or_else(|| panic!("{id} became {path}"));
            assert!(!last.is_empty() && !last.contains('/'), "{id} became {path}");
        }
        assert!(found.is_err() || found.is_ok_and(|found| count(&found) == 0), "{id}");
    }
}
