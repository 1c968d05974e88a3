//! The connector against real files.

use std::path::PathBuf;

use proptest::prelude::*;
use rusqlite::Connection;
use tempfile::TempDir;

use super::table::Ident;
use crate::api::target::{CredentialsSpec, ProtectedSpec, SafetySpec, SqliteSpec, TargetType};
use crate::connector::contract::{self, Subject};
use crate::connector::{Batch, Done, Reader, Wanted, Write, Writer, check, open};
use crate::model::account::{Account, AccountKey, AccountState};
use crate::model::change::{Act, Cause, Change};
use crate::model::entitlement::{EntitlementKey, How};
use crate::model::failure::Failure;
use crate::model::ids::{AccountId, AccountName, AttributeName, OwnerKey, PersonId, RealmId, TargetName};
use crate::model::observed::{Lookup, Observed};
use crate::model::value::{Attributes, Value};

use super::*;

/// A target on a file in a folder of its own.
struct Trial {
    folder: TempDir,
    reader: Box<dyn Reader>,
    writer: Box<dyn Writer>,
}

impl Trial {
    fn new(create: bool) -> Self {
        let folder = TempDir::new().unwrap();
        let (reader, writer) = open(&target(), &spec("data/crm.db", create), folder.path(), &Default::default()).unwrap();
        Self { folder, reader, writer }
    }

    /// A file that somebody else made.
    fn made_by(sql: &str) -> Self {
        let trial = Self::new(false);
        std::fs::create_dir(trial.folder.path().join("data")).unwrap();
        trial.sql(sql);
        trial
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("data/crm.db")
    }

    /// What another program does to the file.
    fn sql(&self, sql: &str) {
        Connection::open(self.path()).unwrap().execute_batch(sql).unwrap();
    }

    fn ask(&self, sql: &str) -> String {
        Connection::open(self.path()).unwrap().query_row(sql, [], |row| row.get(0)).unwrap()
    }

    async fn list(&self, attributes: &[&str]) -> Observed {
        self.reader.list(&wanted(attributes)).await.unwrap()
    }

    async fn write(&self, writes: Vec<Write>) -> Vec<Option<Result<Done, Failure>>> {
        let mut batch = Batch { writes: writes.into_iter().map(|write| (write, None)).collect() };
        self.writer.write(&mut batch).await;
        batch.writes.into_iter().map(|(_, answer)| answer).collect()
    }

    async fn one(&self, write: Write) -> Result<Done, Failure> {
        self.write(vec![write]).await.pop().unwrap().expect("an answer")
    }

    /// Does this to the only account that the listing shows under that id.
    async fn act(&self, id: &str, act: Act) -> Result<Done, Failure> {
        let observed = self.list(&[]).await;
        let id = AccountId::parse(id).unwrap();
        let change = Change::of(key("ann"), observed.seen(&id).expect("the account is listed"), act, Cause::Policy, Vec::new());
        self.one(Write { id: Some(id), ..write(change) }).await
    }
}

fn target() -> TargetName {
    TargetName::parse("crm").unwrap()
}

fn spec(path: &str, create: bool) -> TargetSystemSpec {
    TargetSystemSpec { sqlite: Some(SqliteSpec { path: path.to_owned(), create }), ..TargetSystemSpec::default() }
}

fn attribute(name: &str) -> AttributeName {
    AttributeName::parse(name).unwrap()
}

fn text(value: &str) -> Value {
    Value::Text(value.to_owned())
}

fn wanted(attributes: &[&str]) -> Wanted {
    Wanted { attributes: attributes.iter().map(|name| attribute(name)).collect(), ..Wanted::default() }
}

fn key(person: &str) -> AccountKey {
    AccountKey { person: PersonId::parse(person).unwrap(), target: target(), account: AccountName::ordinary() }
}

fn owner(person: &str) -> OwnerKey {
    OwnerKey { realm: RealmId::parse("acme").unwrap(), person: PersonId::parse(person).unwrap(), account: AccountName::ordinary() }
}

fn entitlement(text: &str) -> EntitlementKey {
    EntitlementKey::parse(&format!("crm/{text}")).unwrap()
}

fn write(change: Change) -> Write {
    let owner = owner(change.key().person.as_str());
    Write { id: change.id().cloned(), owner, attributes: Attributes::new(), password: None, change }
}

fn create(person: &str, attributes: &[(&str, Value)]) -> Write {
    let empty = Observed::listed(Default::default(), Extent::Complete, Vec::new(), None);
    let missing = empty.missing(&[]).unwrap();
    let change = Change::create(key(person), missing, person.to_owned(), AccountState::Enabled, Attributes::new(), Vec::new());
    Write { attributes: attributes.iter().map(|(name, value)| (attribute(name), value.clone())).collect(), ..write(change) }
}

fn grant(person: &str, held: &str) -> Write {
    write(Change::grant(key(person), None, entitlement(held), Vec::new()))
}

fn only(observed: &Observed) -> Account {
    let accounts: Vec<_> = observed.accounts().collect();
    assert_eq!(accounts.len(), 1, "{accounts:?}");
    accounts[0].clone()
}

fn subject<'a>(trial: &'a Trial, attribute_name: &str) -> Subject<'a> {
    Subject {
        reader: &*trial.reader,
        writer: &*trial.writer,
        target: target(),
        attribute: attribute(attribute_name),
        entitlement: entitlement("group/staff"),
        texts: vec!["a\0b".to_owned()],
    }
}

#[tokio::test]
async fn the_contract_holds_on_tables_that_provost_makes() {
    let trial = Trial::new(true);
    let provide = write(Change::provide(key("ann"), entitlement("group/staff"), Vec::new()));
    assert_eq!(trial.one(provide).await, Ok(Done { id: None, already: false }));
    let report = contract::run(&subject(&trial, "displayName")).await;
    assert!(report.passed(), "{report}");
}

#[tokio::test]
async fn the_contract_holds_on_tables_of_ones_own() {
    // No constraint but the id, odd names, nothing that refers to anything.
    let trial = Trial::made_by(
        r#"CREATE TABLE accounts (id INTEGER PRIMARY KEY, userName, ownerKey, active, "the ""own"" column");
           CREATE TABLE entitlements (kind, name);
           CREATE TABLE grants (account, kind, name, "right");
           INSERT INTO entitlements VALUES ('group', 'staff')"#,
    );
    let report = contract::run(&subject(&trial, r#"the "own" column"#)).await;
    assert!(report.passed(), "{report}");
    assert!(!trial.reader.probe().await.unwrap().can.stable_ids, "ids are given again without AUTOINCREMENT");
}

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
    let mut database = Database::new(trial.path(), false);
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

#[test]
fn settings_are_checked_offline() {
    let sqlite = || spec("crm.db", true);
    let null_rule = |name: &str| BTreeMap::from([(name.to_owned(), None)]);
    let mut second = sqlite();
    second
        .accounts
        .insert("admin".to_owned(), crate::api::target::SecondAccountSpec { mapping: null_rule("active"), ..Default::default() });
    let filter = Some(ProtectedSpec { filter: Some("id < 3".to_owned()), ..Default::default() });
    let rows = [
        ("fine", sqlite(), None),
        ("no block", TargetSystemSpec::default(), Some("spec.sqlite:")),
        ("no path", spec("", true), Some("spec.sqlite.path:")),
        ("another block", TargetSystemSpec { scim: Some(Default::default()), ..sqlite() }, Some("spec.scim:")),
        ("owner key mapped", TargetSystemSpec { mapping: null_rule("ownerKey"), ..sqlite() }, Some("spec.mapping.ownerKey:")),
        ("of a second account", second, Some("spec.accounts.admin.mapping.active:")),
        (
            "filter",
            TargetSystemSpec { safety: Some(SafetySpec { protected: filter, ..Default::default() }), ..sqlite() },
            Some("spec.safety.protected.filter:"),
        ),
        (
            "passwords",
            TargetSystemSpec { credentials: Some(CredentialsSpec { deliver: Some(Deliver::Secret), ttl: None }), ..sqlite() },
            Some("spec.credentials.deliver:"),
        ),
        ("another type", TargetSystemSpec { type_: TargetType::Ldap, ..sqlite() }, Some("spec.type: type ldap is not supported")),
    ];
    for (name, spec, problem) in rows {
        let found = check(&spec);
        assert_eq!(found.len(), usize::from(problem.is_some()), "{name}: {found:?}");
        assert!(found.iter().all(|text| text.starts_with(problem.unwrap_or_default())), "{name}: {found:?}");
        let opened = open(&target(), &spec, &PathBuf::from("/nowhere"), &Default::default());
        assert_eq!(opened.err(), found.into_iter().next().map(Failure::Config), "{name}");
    }
}

#[test]
fn the_default_mapping_gives_what_its_names_say() {
    let ann = serde_json::json!({
        "userName": "ann", "displayName": "Ann Smith", "name": {"givenName": "Ann", "familyName": "Smith"}, "title": "Clerk",
        "department": "Finance", "emails": [{"value": "ann@home.example"}, {"value": "ann@acme.example", "primary": true}]
    });
    let full =
        |account: &str| serde_json::json!({"person": ann, "managers": [{"userName": "bob"}, {"userName": "cid"}], "account": account});
    let poor =
        serde_json::json!({"person": {"emails": [{"value": "a@x"}, {"value": "b@x", "primary": false}]}, "managers": [], "account": ""});
    let bare = serde_json::json!({"person": {}, "managers": [], "account": "admin"});
    let rows = [
        ("userName", full(""), Some("ann")),
        ("userName", full("admin"), Some("ann-admin")),
        ("userName", bare.clone(), None),
        ("displayName", full(""), Some("Ann Smith")),
        ("givenName", full(""), Some("Ann")),
        ("familyName", full(""), Some("Smith")),
        ("email", full(""), Some("ann@acme.example")),
        ("email", poor.clone(), Some("a@x")),
        ("email", bare.clone(), None),
        ("title", full(""), Some("Clerk")),
        ("department", full(""), Some("Finance")),
        ("manager", full(""), Some("bob")),
        ("manager", poor, None),
        ("title", bare, None),
    ];
    for (name, input, value) in rows {
        let rego = &table::profile().default_mapping[&attribute(name)];
        let mut engine = regorus::Engine::new();
        engine.add_policy("m.rego".to_owned(), format!("package m\nimport rego.v1\nvalue := {rego}\n")).unwrap();
        engine.set_input(regorus::Value::from_json_str(&input.to_string()).unwrap());
        let found = engine.eval_rule("data.m.value".to_owned()).unwrap();
        let expected = value.map_or(regorus::Value::Undefined, regorus::Value::from);
        assert_eq!(found, expected, "{name} of {input}");
    }
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
            let columns = statement.column_names().into_iter().map(str::to_owned).collect();
            (columns, connection.query_row(&format!("SELECT {ident} FROM t"), [], |row| row.get(0)).unwrap())
        };
        prop_assert_eq!(columns, vec!["first".to_owned(), name, "last".to_owned()]);
        prop_assert_eq!(found, "x");
    }

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
