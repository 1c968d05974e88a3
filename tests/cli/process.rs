//! The binary itself: its streams and its exit code.

use assert_cmd::Command;

use super::Folder;

fn provost(folder: &Folder) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_provost"));
    command.current_dir(folder.dir.path()).env_remove("NO_COLOR");
    command
}

#[test]
fn data_goes_to_stdout_and_messages_to_stderr() {
    let folder = Folder::small();
    folder.edit("people/lee.yaml", "userName: lee", "userName: lee\n  titel: x");
    let output = provost(&folder).args(["plan"]).output().unwrap();
    assert_eq!(output.status.code(), Some(4));
    let (out, err) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
    assert!(out.starts_with("! ") || out.starts_with("Realm small"), "{out}");
    assert!(err.contains("titel") && !err.contains("Realm small"), "{err}");
    assert!(!out.contains('\u{1b}') && !err.contains('\u{1b}'), "no colours without a terminal");
}

#[test]
fn a_stream_of_manifests_is_read_from_stdin() {
    let folder = Folder::small();
    let mut stream = String::new();
    for file in [
        "realm.yaml",
        "roles.yaml",
        "bindings.yaml",
        "policy.yaml",
        "people/ann.yaml",
        "people/bob.yaml",
        "targets/directory.yaml",
        "targets/billing.yaml",
    ] {
        stream.push_str(&std::fs::read_to_string(folder.path(file)).unwrap());
        stream.push_str("---\n");
    }
    provost(&folder).args(["plan", "-f", "-"]).write_stdin(stream.clone()).assert().code(2);
    provost(&folder).args(["check", "-f", "-"]).write_stdin(stream.clone()).assert().code(0);
    provost(&folder).args(["apply", "-y", "-f", "-"]).write_stdin(stream.clone()).assert().code(1);
    assert!(!folder.path(".provost").exists());
    // With a ledger it is a realm like another one; relative paths start where the command does.
    let apply = ["apply", "-y", "-q", "-f", "-", "--ledger", "state/ledger.db"];
    std::fs::create_dir_all(folder.path("state")).unwrap();
    provost(&folder).args(apply).write_stdin(stream.clone()).assert().code(0);
    assert!(folder.path("state/ledger.db").exists() && folder.path(".provost/targets/directory.db").exists());
    assert!(!folder.path(".provost/ledger.db").exists());
    provost(&folder).args(["plan", "-f", "-", "--ledger", "state/ledger.db"]).write_stdin(stream).assert().code(0);
}

#[test]
fn the_small_commands_print_what_they_are_for() {
    let folder = Folder::small();
    for (arguments, code, text) in [
        (vec!["version"], 0, env!("CARGO_PKG_VERSION")),
        (vec!["crds"], 0, "kind: CustomResourceDefinition"),
        (vec!["completion", "bash"], 0, "_provost"),
        (vec!["--help"], 0, "who-has"),
        (vec!["plan"], 2, "Plan: "),
    ] {
        let output = provost(&folder).args(&arguments).output().unwrap();
        assert_eq!(output.status.code(), Some(code), "{arguments:?}");
        assert!(String::from_utf8(output.stdout).unwrap().contains(text), "{arguments:?}");
    }
    provost(&folder).args(["plan", "--wrong"]).assert().code(1);
    provost(&folder).assert().code(1);
}

#[test]
fn a_secret_comes_from_the_environment_or_is_missed_by_name() {
    let folder = Folder::small();
    folder.edit("targets/billing.yaml", "type: sqlite", "type: sqlite\n  secretRef: {name: billing-login}");
    let output = provost(&folder).args(["plan"]).output().unwrap();
    assert_eq!(output.status.code(), Some(4));
    assert!(String::from_utf8(output.stdout).unwrap().contains("there is no Secret billing-login"));
    provost(&folder).args(["plan"]).env("PROVOST_SECRET_BILLING_LOGIN_TOKEN", "x").assert().code(2);
}
