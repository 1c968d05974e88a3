//! What writes change, refuse and leave alone.

use super::*;

#[tokio::test]
async fn what_the_table_refuses_is_said_of_the_attribute() {
    let trial = Trial::new(true);
    trial.one(create("ann", &[])).await.unwrap();
    trial.sql(
        "ALTER TABLE accounts ADD COLUMN badge TEXT; CREATE UNIQUE INDEX badges ON accounts (badge);
               ALTER TABLE accounts ADD COLUMN level INTEGER CHECK (level < 10); UPDATE accounts SET badge = '7'",
    );
    let invalid = |name: &str, why: &str| (Some(attribute(name)), why.to_owned());
    let rows = [
        ("taken", create("bob", &[("badge", text("7"))]), (None, "another account has this badge".to_owned())),
        ("no column", create("bob", &[("nick", text("b"))]), invalid("nick", "no column of that name")),
        ("our own column", create("bob", &[("active", text("1"))]), invalid("active", "no attribute")),
        ("check", create("bob", &[("level", text("11"))]), invalid("userName", "CHECK constraint failed")),
        ("many", create("bob", &[("title", Value::Many(BTreeSet::from(["a".to_owned(), "b".to_owned()])))]), invalid("title", "gives 2")),
    ];
    for (name, write, (of, why)) in rows {
        match (trial.one(write).await.unwrap_err(), of) {
            (Failure::Conflict(text), None) => assert!(text.contains(&why), "{name}: {text}"),
            (Failure::Invalid { attribute, why: text }, Some(of)) => {
                assert_eq!(attribute, of, "{name}");
                assert!(text.contains(&why), "{name}: {text}");
            }
            (failure, _) => panic!("{name}: {failure:?}"),
        }
    }
    let failure = trial.act("1", Act::Clear(attribute("userName"))).await.unwrap_err();
    assert_eq!(failure, Failure::Invalid { attribute: attribute("userName"), why: "an account cannot be without it".to_owned() });
    let failure = trial.act("1", Act::Set(attribute("level"), text("12"))).await.unwrap_err();
    assert!(matches!(&failure, Failure::Invalid { attribute, .. } if attribute.as_str() == "level"), "{failure}");
    assert!(matches!(trial.act("1", Act::EndSessions).await, Err(Failure::Config(_))));
    assert!(matches!(trial.act("1", Act::Withdraw).await, Err(Failure::Config(_))));
    assert_eq!(only(&trial.list(&["level"]).await).attributes.len(), 1, "nothing of it was kept");
}

#[tokio::test]
async fn one_transaction_carries_a_batch_and_a_broken_write_leaves_nothing_of_itself() {
    let trial = Trial::new(true);
    let provide = write(Change::provide(key("ann"), entitlement("group/staff"), Vec::new()));
    let answers = trial
        .write(vec![
            provide,
            create("ann", &[]),
            grant("ann", "group/staff"),
            grant("ann", "group/none"),
            create("ann", &[]),
            create("bob", &[]),
        ])
        .await;
    let done: Vec<_> = answers.iter().map(|answer| answer.as_ref().unwrap().is_ok()).collect();
    assert_eq!(done, [true, true, true, false, false, true]);
    let failure = answers[3].clone().unwrap().unwrap_err();
    assert!(matches!(&failure, Failure::Conflict(text) if text.starts_with("crm/group/none does not exist")), "{failure}");
    assert_eq!(trial.ask("SELECT group_concat(userName) FROM (SELECT userName FROM accounts ORDER BY id)"), "ann,bob");
    assert_eq!(trial.ask("SELECT group_concat(name) FROM grants"), "staff");

    let mut batch = Batch::default();
    assert_eq!(trial.writer.cost(&batch), 0);
    batch.writes.extend([(create("cid", &[]), None), (create("dan", &[]), None)]);
    assert_eq!(trial.writer.cost(&batch), 1, "one transaction, however many writes");
}

#[tokio::test]
async fn a_delete_that_is_refused_takes_no_grant_with_it() {
    let trial = Trial::new(true);
    let provide = write(Change::provide(key("ann"), entitlement("group/staff"), Vec::new()));
    trial.write(vec![provide, create("ann", &[]), grant("ann", "group/staff")]).await;
    trial.sql("CREATE TRIGGER kept BEFORE DELETE ON accounts BEGIN SELECT RAISE(ABORT, 'accounts are kept for ten years'); END");
    let failure = trial.act("1", Act::Delete).await.unwrap_err();
    assert!(failure.to_string().contains("kept for ten years"), "{failure}");
    assert_eq!(only(&trial.list(&[]).await).entitlements.len(), 1);
}

#[tokio::test]
async fn a_failure_half_way_fails_every_write_and_keeps_none() {
    let trial = Trial::new(true);
    trial.one(create("ann", &[])).await.unwrap();
    // A trigger that takes the whole transaction down stands for every failure of the file itself.
    trial.sql("CREATE TRIGGER down BEFORE INSERT ON accounts WHEN new.userName = 'bad' BEGIN SELECT RAISE(ROLLBACK, 'no'); END");
    let answers = trial.write(vec![create("bob", &[]), create("bad", &[]), create("cid", &[])]).await;
    assert!(answers.iter().all(|answer| matches!(answer, Some(Err(_)))), "{answers:?}");
    assert_eq!(trial.ask("SELECT group_concat(userName) FROM accounts"), "ann");
}

#[test]
fn a_file_that_another_program_holds_is_busy() {
    let trial = Trial::made_by(
        "CREATE TABLE accounts (id INTEGER PRIMARY KEY, userName, ownerKey, active);
                                CREATE TABLE entitlements (kind, name); CREATE TABLE grants (account, kind, name, \"right\")",
    );
    let other = Connection::open(trial.path()).unwrap();
    other.execute_batch("BEGIN EXCLUSIVE").unwrap();
    let mut database = Database::new(trial.path(), false, Remembered::Nothing);
    database.patience = std::time::Duration::from_millis(1);
    let read = database.read(|_, _| Ok(())).unwrap_err();
    let written = database.write(|_, _| Ok(())).unwrap_err();
    for failure in [read, written] {
        assert!(matches!(&failure, Failure::Retry { why, .. } if why.contains("locked by another program")), "{failure}");
    }
    other.execute_batch("ROLLBACK").unwrap();
    assert_eq!(database.write(|_, _| Ok(())), Ok(()));
}

#[tokio::test]
async fn a_bool_is_written_as_its_column_says() {
    let trial = Trial::new(true);
    trial.one(create("ann", &[])).await.unwrap();
    trial.sql(
        "ALTER TABLE accounts ADD COLUMN vip BOOLEAN; ALTER TABLE accounts ADD COLUMN level INT; ALTER TABLE accounts ADD COLUMN note",
    );
    for (name, shown) in [("vip", Value::Bool(true)), ("level", text("1")), ("note", text("true"))] {
        trial.act("1", Act::Set(attribute(name), Value::Bool(true))).await.unwrap();
        assert_eq!(only(&trial.list(&[name]).await).attributes[&attribute(name)], shown, "{name}");
        assert!(trial.act("1", Act::Set(attribute(name), Value::Bool(true))).await.unwrap().already, "{name} again");
    }
}

#[tokio::test]
async fn a_reference_that_nobody_resolved_is_our_own_error() {
    let trial = Trial::new(true);
    let failure = trial.one(create("ann", &[("manager", Value::Account(key("bob")))])).await.unwrap_err();
    assert!(matches!(failure, Failure::Bug(_)), "{failure}");
    assert!(matches!(trial.one(grant("ann", "group/staff")).await, Err(Failure::Bug(_))), "no id and no create before it");
}

proptest! {
    #[test]
    fn a_quoted_name_is_that_name_and_nothing_more(name in any::<String>()) {
        let Some(ident) = Ident::parse(&name) else {
            prop_assert!(name.is_empty() || name.contains('\0'));
            return Ok(());
        };
        let connection = Connection::open_in_memory().unwrap();
        connection.execute_batch(&format!("CREATE TABLE t (first, {ident} DEFAULT 'x', last); INSERT INTO t (first) VALUES (1)")).unwrap();
        let (columns, found): (Vec<String>, String) = {
            let statement = connection.prepare("SELECT * FROM t").unwrap();
            let columns = statement.column_names().map(str::to_owned).collect();
            (columns, connection.query_row(&format!("SELECT {ident} FROM t"), [], |row| row.get(0)).unwrap())
        };
        prop_assert_eq!(columns, vec!["first".to_owned(), name, "last".to_owned()]);
        prop_assert_eq!(found, "x");
    }
}

proptest! {
    // Each case writes a file.
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    /// Whatever a column is called and whatever is put there, it reads back, and nothing else is touched.
    #[test]
    fn any_text_in_any_column_reads_back(name in "\\PC{1,12}", value in any::<String>(), other in any::<String>()) {
        prop_assume!(!["id", "username", "ownerkey", "active"].contains(&name.to_ascii_lowercase().as_str()));
        let column = Ident::parse(&name).unwrap();
        let trial = Trial::made_by(&format!(
            "CREATE TABLE accounts (id INTEGER PRIMARY KEY AUTOINCREMENT, userName, ownerKey, active, {column} TEXT);
             CREATE TABLE entitlements (kind, name); CREATE TABLE grants (account, kind, name, \"right\")"
        ));
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            for (person, value) in [("ann", &value), ("bob", &other)] {
                trial.one(create(person, &[(name.as_str(), text(value))])).await.unwrap();
            }
            let seen = trial.list(&[name.as_str()]).await;
            let values: Vec<_> = seen.accounts().map(|account| account.attributes[&attribute(&name)].clone()).collect();
            assert_eq!(values, [text(&value), text(&other)]);
        });
    }
}
