//! What looks show, and what they do not do.

use super::*;

#[tokio::test]
async fn nothing_is_made_before_the_first_write() {
    let trial = Trial::new(true);
    assert!(trial.list(&[]).await.is_whole());
    let schema = trial.reader.probe().await.unwrap();
    let by = Lookup::Attribute(attribute("userName"), "ann".to_owned());
    let people = BTreeMap::from([(PersonId::parse("ann").unwrap(), vec![by.clone()])]);
    let found = trial.reader.find(&people, &BTreeSet::from([entitlement("group/staff")]), &wanted(&[])).await.unwrap();
    assert!(found.missing(&[by]).is_some());
    assert_eq!(found.exists(&entitlement("group/staff")), Some(false));
    assert_eq!(std::fs::read_dir(trial.folder.path()).unwrap().count(), 0, "looking makes no file");

    trial.one(create("ann", &[])).await.unwrap();
    assert_eq!(trial.reader.probe().await.unwrap(), schema, "the profile is the schema of the tables that are made");
    assert_eq!(trial.ask("SELECT userName || ' ' || ownerKey || ' ' || active FROM accounts"), "ann acme/ann 1");
}

#[tokio::test]
async fn an_empty_file_counts_as_none() {
    let trial = Trial::new(true);
    std::fs::create_dir(trial.folder.path().join("data")).unwrap();
    std::fs::write(trial.path(), "").unwrap();
    assert!(trial.list(&[]).await.is_whole());
    trial.one(create("ann", &[])).await.unwrap();
    assert_eq!(only(&trial.list(&[]).await).name, "ann");
}

#[tokio::test]
async fn a_file_that_cannot_be_a_target_says_why() {
    let accounts = "CREATE TABLE accounts (id INTEGER PRIMARY KEY, userName, ownerKey, active);";
    let rows = [
        ("empty", "", "has no table accounts"),
        ("no grants", accounts, "has no table entitlements or no table grants"),
        ("no owner key", "CREATE TABLE accounts (id INTEGER PRIMARY KEY, userName, active)", "has no column ownerKey"),
        ("id is a text", "CREATE TABLE accounts (id TEXT PRIMARY KEY, userName, ownerKey, active)", "id is not INTEGER PRIMARY KEY"),
        ("a view", "CREATE VIEW accounts AS SELECT 1 AS id, 2 AS userName, 3 AS ownerKey, 4 AS active", "has no table accounts"),
    ];
    for (name, sql, why) in rows {
        let trial = Trial::made_by(sql);
        let Err(Failure::Config(text)) = trial.reader.list(&wanted(&[])).await else { panic!("{name}: not refused") };
        assert!(text.contains(why) && text.contains("crm.db"), "{name}: {text}");
    }
    let trial = Trial::made_by("");
    std::fs::write(trial.path(), "this is no database, but long enough to be looked at as one, header and all of the first page").unwrap();
    let failure = trial.reader.list(&wanted(&[])).await.unwrap_err();
    assert!(matches!(&failure, Failure::Config(text) if text.contains("not a database")), "{failure}");
}

#[tokio::test]
async fn a_missing_file_is_an_unreachable_target() {
    let trial = Trial::new(false);
    for failure in [trial.reader.probe().await.unwrap_err(), trial.one(create("ann", &[])).await.unwrap_err()] {
        assert!(matches!(&failure, Failure::Retry { why, .. } if why.contains("crm.db is not there")), "{failure}");
    }
    assert_eq!(std::fs::read_dir(trial.folder.path()).unwrap().count(), 0, "no file is made");
}

#[tokio::test]
async fn the_table_is_the_schema() {
    let trial = Trial::made_by(
        "CREATE TABLE accounts (id INTEGER PRIMARY KEY AUTOINCREMENT, userName TEXT NOT NULL UNIQUE COLLATE NOCASE, ownerKey TEXT UNIQUE,
             active INTEGER NOT NULL DEFAULT 1, email TEXT NOT NULL, badge INTEGER, floor TEXT NOT NULL DEFAULT 'G', UNIQUE (badge, floor));
         CREATE TABLE entitlements (kind, name); CREATE TABLE grants (account, kind, name, \"right\")",
    );
    let schema = trial.reader.probe().await.unwrap();
    assert!(schema.can.stable_ids && schema.can.owner_key && schema.can.disable && !schema.can.end_sessions);
    let rows = [
        // attribute, required, unique, ignore case, read only
        ("userName", true, true, true, false),
        ("email", true, false, false, false),
        ("badge", false, false, false, false),
        ("floor", false, false, false, false),
        ("ownerKey", false, true, false, true),
        ("active", false, false, false, true),
        ("id", false, true, false, true),
    ];
    for (name, required, unique, ignore_case, read_only) in rows {
        let rule = schema.rule(&attribute(name));
        assert_eq!(
            (rule.required, rule.unique, rule.ignore_case, rule.read_only, rule.many),
            (required, unique, ignore_case, read_only, false),
            "{name}"
        );
    }
    let mapped: Vec<_> = schema.default_mapping.keys().map(AttributeName::as_str).collect();
    assert_eq!(mapped, ["email", "userName"], "only columns that are there are mapped");
}

#[tokio::test]
async fn what_stands_in_the_tables_is_what_is_seen() {
    let trial = Trial::made_by(
        "CREATE TABLE accounts (id INTEGER PRIMARY KEY AUTOINCREMENT, userName, ownerKey, active, badge INTEGER, vip BOOLEAN, rate REAL, note);
         CREATE TABLE entitlements (kind, name); CREATE TABLE grants (account, kind, name, \"right\");
         INSERT INTO entitlements VALUES ('group', 'staff'), ('repository', 'acme/api'), ('', 'nameless');
         INSERT INTO accounts VALUES (3, 'ann', 'acme/ann', 1, 7, 1, 1.5, NULL), (5, 'bob', 'somebody elses note', 0, NULL, 0, NULL, 'n'),
             (8, 'cid', NULL, NULL, NULL, NULL, NULL, NULL), (9, 'dan', NULL, 'false', NULL, NULL, NULL, NULL);
         INSERT INTO grants VALUES (3, 'group', 'staff', NULL), (3, 'repository', 'acme/api', 'write'), (5, 'group', 'staff', ''),
             (8, 'gr/oup', 'x', ''), (8, 'group', 'staff', ''), (99, 'group', 'staff', '')",
    );
    let seen = trial.list(&["badge", "vip", "rate", "note", "there is none"]).await;
    let account = |id: &str| seen.account(&AccountId::parse(id).unwrap()).unwrap().clone();
    let ann = account("3");
    assert_eq!((ann.name.as_str(), ann.owner, ann.state), ("ann", Some(owner("ann")), AccountState::Enabled));
    let attributes = [("badge", text("7")), ("rate", text("1.5")), ("userName", text("ann")), ("vip", Value::Bool(true))];
    assert_eq!(ann.attributes, attributes.into_iter().map(|(name, value)| (attribute(name), value)).collect());
    let held = [entitlement("group/staff"), entitlement("repository/acme/api:write")];
    assert_eq!(ann.entitlements, held.iter().map(|key| (key.clone(), How::Direct)).collect());
    assert!(ann.entitlements_complete);
    let bob = account("5");
    assert_eq!((bob.owner, bob.state), (None, AccountState::Disabled), "what is no owner key is nobody's");
    assert_eq!(bob.attributes[&attribute("vip")], Value::Bool(false));
    let cid = account("8");
    assert_eq!(cid.state, AccountState::Enabled, "what cannot be told counts as open");
    assert!(!cid.entitlements_complete, "a grant that no key can say is not passed over in silence");
    assert_eq!(account("9").state, AccountState::Disabled);

    assert_eq!(seen.members(&entitlement("group/staff")), Some(2), "enabled ones: ann and cid");
    assert_eq!(seen.members(&entitlement("repository/acme/api:write")), Some(1));
    assert_eq!(seen.exists(&entitlement("repository/acme/api:admin")), Some(true), "a right needs no row of its own");
    assert_eq!(seen.exists(&entitlement("group/board")), Some(false));

    let only_names = trial.list(&[]).await;
    let names: Vec<_> = only_names.accounts().flat_map(|account| account.attributes.keys()).map(AttributeName::as_str).collect();
    assert_eq!(names, ["userName"; 4], "nothing is brought that nobody wants");
}

#[tokio::test]
async fn find_answers_what_it_can_and_says_so() {
    let trial = Trial::new(true);
    trial.one(create("ann", &[("title", text("Clerk"))])).await.unwrap();
    let rows = [
        ("id", Lookup::Id(AccountId::parse("1").unwrap()), true, 1),
        ("another way to write the id", Lookup::Id(AccountId::parse("01").unwrap()), true, 0),
        ("no number", Lookup::Id(AccountId::parse("1 OR 1=1").unwrap()), true, 0),
        ("owner", Lookup::Owner(owner("ann")), true, 1),
        ("nobody's owner key", Lookup::Owner(owner("bob")), true, 0),
        ("attribute", Lookup::Attribute(attribute("title"), "Clerk".to_owned()), true, 1),
        ("no column", Lookup::Attribute(attribute("nick"), "Clerk".to_owned()), false, 0),
        ("a string in double quotes", Lookup::Attribute(attribute("x\" OR \"1"), "1".to_owned()), false, 0),
    ];
    for (name, by, answered, accounts) in rows {
        let people = BTreeMap::from([(PersonId::parse("ann").unwrap(), vec![by.clone()])]);
        let seen = trial.reader.find(&people, &BTreeSet::new(), &wanted(&[])).await.unwrap();
        assert_eq!((seen.missing(&[by]).is_some(), seen.accounts().count()), (answered, accounts), "{name}");
    }
}

#[tokio::test]
async fn what_a_kill_left_half_written_is_rolled_back_by_the_next_look() {
    let killed = Trial::new(true);
    killed.one(create("ann", &[])).await.unwrap();
    let writing = Connection::open(killed.path()).unwrap();
    // A small cache spills into the file before the commit; what a kill leaves is file and journal as they are now.
    writing.execute_batch("PRAGMA cache_size = 1; BEGIN IMMEDIATE; UPDATE accounts SET title = hex(randomblob(200000))").unwrap();
    let left = Trial::new(true);
    std::fs::create_dir(left.folder.path().join("data")).unwrap();
    for end in ["", "-journal"] {
        let name = format!("data/crm.db{end}");
        std::fs::copy(killed.folder.path().join(&name), left.folder.path().join(&name)).unwrap();
    }
    let account = only(&left.list(&["title"]).await);
    assert_eq!((account.name.as_str(), account.attributes.get(&attribute("title"))), ("ann", None));
}

#[tokio::test]
async fn a_file_that_was_there_is_never_made_a_second_time() {
    let trial = Trial::new(true);
    trial.one(create("ann", &[])).await.unwrap();
    let away = trial.folder.path().join("away.db");
    std::fs::rename(trial.path(), &away).unwrap();
    let told = |failure: &Failure| {
        assert!(matches!(failure, Failure::Retry { why, .. } if why.contains("on record: restore it")), "{failure}");
    };
    let out_of_reach = async |trial: &Trial| {
        told(&trial.reader.list(&wanted(&[])).await.unwrap_err());
        told(&trial.reader.find(&BTreeMap::new(), &BTreeSet::new(), &wanted(&[])).await.unwrap_err());
        told(&trial.one(create("bob", &[])).await.unwrap_err());
    };
    out_of_reach(&trial).await;
    assert!(!trial.path().exists());
    // Nor by a run that knows of accounts there, be there nothing or an empty file.
    let later = Trial::within(trial.folder, true, Remembered::Accounts);
    told(&later.reader.probe().await.unwrap_err());
    out_of_reach(&later).await;
    assert!(!later.path().exists());
    std::fs::write(later.path(), "").unwrap();
    out_of_reach(&later).await;
    std::fs::rename(&away, later.path()).unwrap();
    assert_eq!(later.list(&[]).await.accounts().count(), 1);
    later.one(create("bob", &[])).await.unwrap();
}
