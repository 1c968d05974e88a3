//! Holds the direction of the house: each folder of `src/` uses only those that the table below allows, the pure ones touch neither
//! clock nor disk nor network, and targets are written from one place.
//!
//! Every file is parsed; paths are taken from `use` trees, code, attributes and the tokens of macros, and made absolute (`super::`,
//! renamed imports). What a test module uses of other crates is its own affair, the direction is not.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::{Path, PathBuf};

use proc_macro2::{TokenStream, TokenTree};
use syn::spanned::Spanned;
use syn::visit::{self, Visit};

/// Each folder, in the order of the flow, and the folders that it may use.
const FOLDERS: [(&str, &[&str]); 11] = [
    ("model", &[]),
    ("api", &["model"]),
    ("realm", &["model", "api"]),
    ("policy", &["model", "api", "realm"]),
    ("plan", &["model", "api", "realm", "policy"]),
    ("connector", &["model", "api"]),
    ("ledger", &["model", "api"]),
    ("apply", &["model", "api", "realm", "policy", "plan", "connector", "ledger"]),
    ("folder", &["model", "api", "realm", "policy", "plan", "connector", "ledger", "apply"]),
    ("operator", &["model", "api", "realm", "policy", "plan", "connector", "ledger", "apply"]),
    ("cli", &["model", "api", "realm", "policy", "plan", "connector", "ledger", "apply", "folder", "operator"]),
];

/// The folders that only compute.
const PURE: [&str; 5] = ["model", "api", "realm", "policy", "plan"];

/// What the pure folders may not name.
const IMPURE: [&[&str]; 8] =
    [&["tokio"], &["reqwest"], &["rusqlite"], &["rand"], &["std", "fs"], &["std", "net"], &["std", "env"], &["std", "time", "SystemTime"]];

/// The client of the API server, by both of its names.
const CLIENT: [&[&str]; 2] = [&["kube", "Client"], &["kube", "client"]];

/// A broken rule.
#[derive(Debug, PartialEq, Eq)]
struct Violation {
    file: String,
    line: usize,
    rule: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.file, self.line, self.rule)
    }
}

/// A path that a file names.
struct Named {
    path: Vec<String>,
    line: usize,
    in_test: bool,
    as_dyn: bool,
}

impl Named {
    /// Whether it is `item`, something inside it, or a glob that brings it in.
    fn reaches(&self, item: &[&str]) -> bool {
        let glob = self.path.last().is_some_and(|last| last == "*");
        let path = if glob { self.path.split_last().map_or(&[][..], |(_, rest)| rest) } else { &self.path[..] };
        let shared = path.iter().zip(item).take_while(|(mine, its)| mine == its).count();
        shared == item.len() || (glob && shared == path.len())
    }
}

/// Collects the paths that a file names, made absolute; those of this crate begin with `crate`.
struct Collector {
    module: Vec<String>,
    imports: BTreeMap<String, Vec<String>>,
    in_test: bool,
    named: Vec<Named>,
    /// Modules in files of their own that are compiled for tests alone.
    test_modules: Vec<Vec<String>>,
}

impl Collector {
    fn absolute(&self, path: Vec<String>) -> Vec<String> {
        let mut base = self.module.clone();
        let mut rest = path.as_slice();
        let mut relative = false;
        while let Some((first, others)) = rest.split_first() {
            match first.as_str() {
                "self" => {}
                "super" => {
                    base.pop();
                }
                _ => break,
            }
            relative = true;
            rest = others;
        }
        if relative {
            return ["crate".to_owned()].into_iter().chain(base).chain(rest.iter().cloned()).collect();
        }
        match path.split_first() {
            Some((first, others)) if !others.is_empty() && self.imports.contains_key(first) => {
                self.imports.get(first).into_iter().flatten().chain(others).cloned().collect()
            }
            _ => path,
        }
    }

    fn name(&mut self, path: Vec<String>, line: usize, as_dyn: bool) {
        let path = self.absolute(path);
        self.named.push(Named { path, line, in_test: self.in_test, as_dyn });
    }

    fn name_tree(&mut self, tree: &syn::UseTree, prefix: &[String]) {
        let with = |ident: &syn::Ident| prefix.iter().cloned().chain([ident.to_string()]).collect::<Vec<_>>();
        let (path, known_as) = match tree {
            syn::UseTree::Path(inner) => return self.name_tree(&inner.tree, &with(&inner.ident)),
            syn::UseTree::Group(group) => return group.items.iter().for_each(|item| self.name_tree(item, prefix)),
            syn::UseTree::Name(name) if name.ident == "self" => (prefix.to_vec(), prefix.last().cloned()),
            syn::UseTree::Name(name) => (with(&name.ident), Some(name.ident.to_string())),
            syn::UseTree::Rename(rename) if rename.ident == "self" => (prefix.to_vec(), Some(rename.rename.to_string())),
            syn::UseTree::Rename(rename) => (with(&rename.ident), Some(rename.rename.to_string())),
            syn::UseTree::Glob(_) => (prefix.iter().cloned().chain(["*".to_owned()]).collect(), None),
        };
        if let Some(known_as) = known_as {
            let absolute = self.absolute(path.clone());
            if absolute.len() > 1 {
                self.imports.insert(known_as, absolute);
            }
        }
        self.name(path, tree.span().start().line, false);
    }

    /// The paths in tokens that are not parsed: what is inside macros and attributes.
    fn name_tokens(&mut self, tokens: TokenStream) {
        let tokens: Vec<TokenTree> = tokens.into_iter().collect();
        let mut at = 0;
        let mut as_dyn = false;
        while let Some(token) = tokens.get(at) {
            at += 1;
            match token {
                TokenTree::Group(group) => self.name_tokens(group.stream()),
                TokenTree::Ident(ident) if ident == "dyn" => {
                    as_dyn = true;
                    continue;
                }
                TokenTree::Ident(ident) => {
                    let mut path = vec![ident.to_string()];
                    while let (Some(TokenTree::Punct(a)), Some(TokenTree::Punct(b)), Some(TokenTree::Ident(next))) =
                        (tokens.get(at), tokens.get(at + 1), tokens.get(at + 2))
                        && a.as_char() == ':'
                        && b.as_char() == ':'
                    {
                        path.push(next.to_string());
                        at += 3;
                    }
                    self.name(path, ident.span().start().line, as_dyn);
                }
                TokenTree::Punct(_) | TokenTree::Literal(_) => {}
            }
            as_dyn = false;
        }
    }

    fn inside<R>(&mut self, attributes: &[syn::Attribute], visit: impl FnOnce(&mut Self) -> R) -> R {
        let before = self.in_test;
        self.in_test = before || attributes.iter().any(is_for_tests);
        let result = visit(self);
        self.in_test = before;
        result
    }
}

/// `#[cfg(test)]`, alone or with more conditions.
fn is_for_tests(attribute: &syn::Attribute) -> bool {
    attribute.path().is_ident("cfg")
        && attribute.meta.require_list().is_ok_and(|list| {
            let words = list.tokens.to_string();
            words.split(|c: char| !c.is_alphanumeric() && c != '_').any(|word| word == "test") && !words.contains("not")
        })
}

fn segments(path: &syn::Path) -> Vec<String> {
    path.segments.iter().map(|segment| segment.ident.to_string()).collect()
}

impl<'ast> Visit<'ast> for Collector {
    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        self.inside(&item.attrs, |this| this.name_tree(&item.tree, &[]));
    }

    fn visit_file(&mut self, file: &'ast syn::File) {
        self.inside(&file.attrs, |this| visit::visit_file(this, file));
    }

    fn visit_item_fn(&mut self, item: &'ast syn::ItemFn) {
        self.inside(&item.attrs, |this| visit::visit_item_fn(this, item));
    }

    fn visit_item_impl(&mut self, item: &'ast syn::ItemImpl) {
        self.inside(&item.attrs, |this| visit::visit_item_impl(this, item));
    }

    fn visit_impl_item_fn(&mut self, item: &'ast syn::ImplItemFn) {
        self.inside(&item.attrs, |this| visit::visit_impl_item_fn(this, item));
    }

    fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
        self.module.push(item.ident.to_string());
        self.inside(&item.attrs, |this| {
            if item.content.is_none() && this.in_test {
                this.test_modules.push(this.module.clone());
            }
            visit::visit_item_mod(this, item);
        });
        self.module.pop();
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        self.name(segments(path), path.span().start().line, false);
        visit::visit_path(self, path);
    }

    fn visit_type_trait_object(&mut self, object: &'ast syn::TypeTraitObject) {
        for bound in &object.bounds {
            if let syn::TypeParamBound::Trait(bound) = bound {
                self.name(segments(&bound.path), bound.span().start().line, true);
            }
        }
        visit::visit_type_trait_object(self, object);
    }

    fn visit_macro(&mut self, call: &'ast syn::Macro) {
        self.name_tokens(call.tokens.clone());
        visit::visit_macro(self, call);
    }

    fn visit_attribute(&mut self, attribute: &'ast syn::Attribute) {
        if let syn::Meta::List(list) = &attribute.meta {
            self.name_tokens(list.tokens.clone());
        }
        visit::visit_attribute(self, attribute);
    }
}

/// The module that a file holds: `src/realm/load/yaml.rs` is `[realm, load, yaml]`.
fn module_of(file: &str) -> Vec<String> {
    let path = file.trim_start_matches("src/").trim_end_matches(".rs");
    path.split('/').filter(|part| !matches!(*part, "mod" | "lib" | "main")).map(str::to_owned).collect()
}

/// What `source` names, its imports known from the start.
fn collect(file: &str, source: &str) -> Result<Collector, String> {
    let parsed = syn::parse_file(source).map_err(|error| format!("{file}:{}: {error}", error.span().start().line))?;
    let new = |imports| Collector { module: module_of(file), imports, in_test: false, named: Vec::new(), test_modules: Vec::new() };
    let mut first = new(BTreeMap::new());
    first.visit_file(&parsed);
    let mut second = new(first.imports);
    second.visit_file(&parsed);
    Ok(second)
}

/// All rules, over the files of a tree: name → source.
fn violations(files: &BTreeMap<String, String>) -> Result<Vec<Violation>, String> {
    let collected: Vec<(&String, Collector)> =
        files.iter().map(|(file, source)| collect(file, source).map(|found| (file, found))).collect::<Result<_, _>>()?;
    let test_modules: BTreeSet<&Vec<String>> = collected.iter().flat_map(|(_, found)| &found.test_modules).collect();
    let mut broken = Vec::new();
    for (file, found) in &collected {
        let module = module_of(file);
        let for_tests = test_modules.iter().any(|test| module.starts_with(test));
        let Some(folder) = module.first() else { continue };
        let Some((_, may_use)) = FOLDERS.iter().find(|(name, _)| name == folder) else {
            broken.push(Violation { file: (*file).clone(), line: 1, rule: format!("`{folder}` is no folder of the house") });
            continue;
        };
        for named in &found.named {
            let rules = [
                direction(file, folder, may_use, named),
                purity(&module, folder, named.in_test || for_tests, named),
                (named.as_dyn && named.path.last().is_some_and(|last| last == "Writer") && folder != "connector" && folder != "apply")
                    .then(|| "`dyn Writer` is named outside `connector/` and `apply/`: targets are written by `apply` alone".to_owned()),
            ];
            broken.extend(rules.into_iter().flatten().map(|rule| Violation { file: (*file).clone(), line: named.line, rule }));
        }
    }
    // One place often names one path twice (a `use`, an attribute): say it once.
    broken.dedup();
    Ok(broken)
}

fn direction(file: &str, folder: &str, may_use: &[&str], named: &Named) -> Option<String> {
    let [root, used, ..] = named.path.as_slice() else { return None };
    if root != "crate" || used == folder {
        return None;
    }
    if !FOLDERS.iter().any(|(name, _)| name == used) {
        return Some(format!("`crate::{used}` is no folder of the house"));
    }
    if !may_use.contains(&used.as_str()) {
        return Some(format!(
            "`{folder}` uses `{used}`; it may use: {}",
            if may_use.is_empty() { "none".into() } else { may_use.join(", ") }
        ));
    }
    let doors = ["src/cli/controller.rs", "src/cli/cluster.rs"];
    (used == "operator" && !doors.contains(&file)).then(|| "only `cli/controller.rs` and `cli/cluster.rs` name `operator`".to_owned())
}

fn purity(module: &[String], folder: &str, in_test: bool, named: &Named) -> Option<String> {
    if in_test {
        return None;
    }
    let path = named.path.join("::");
    if CLIENT.iter().any(|client| named.reaches(client)) && folder != "operator" && folder != "cli" {
        return Some(format!("`{path}`: only `operator` and `cli` use the API server's client"));
    }
    let loads = folder == "realm" && module.get(1).is_some_and(|name| name.starts_with("load"));
    let impure = PURE.contains(&folder) && IMPURE.iter().any(|item| named.reaches(item) && !(loads && item.ends_with(&["fs"])));
    impure.then(|| format!("`{path}`: `{folder}` is pure: no clock, no I/O, no runtime, no chance"))
}

/// Every `.rs` file below `folder`, by its name from `root` on.
fn read_tree(root: &Path, folder: &Path, files: &mut BTreeMap<String, String>) -> std::io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            read_tree(root, &path, files)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let name = path.strip_prefix(root).unwrap_or(&path).to_string_lossy().replace('\\', "/");
            files.insert(name, std::fs::read_to_string(&path)?);
        }
    }
    Ok(())
}

#[test]
fn every_folder_uses_only_what_stands_above_it() {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let mut files = BTreeMap::new();
    read_tree(&root, &root.join("src"), &mut files).unwrap();
    assert!(files.contains_key("src/lib.rs"), "no source was read");
    let broken: Vec<String> = violations(&files).unwrap().iter().map(ToString::to_string).collect();
    assert!(broken.is_empty(), "\n{}\n", broken.join("\n"));
}

#[test]
fn the_checker_catches_each_way_of_breaking_a_rule() {
    let rows: &[(&str, &str, &str, &[&str])] = &[
        ("a use upwards is fine", "src/plan/a.rs", "use crate::model::ids::PersonId;\nuse crate::policy::decide;", &[]),
        ("a use downwards", "src/model/a.rs", "\nuse crate::plan::diff::Diff;", &["src/model/a.rs:2: `model` uses `plan`"]),
        (
            "one of a group",
            "src/ledger/a.rs",
            "use crate::{api::time::Day,\n apply::Target};",
            &["src/ledger/a.rs:2: `ledger` uses `apply`"],
        ),
        ("a path in code", "src/api/a.rs", "fn f() {\n crate::realm::load();\n}", &["src/api/a.rs:2: `api` uses `realm`"]),
        ("a type", "src/connector/a.rs", "struct A(Vec<crate::plan::Plan>);", &["src/connector/a.rs:1: `connector` uses `plan`"]),
        ("through super", "src/api/a.rs", "use super::super::plan::Plan;", &["src/api/a.rs:1: `api` uses `plan`"]),
        ("super of the same folder", "src/api/a.rs", "use super::time::Day; mod m { use super::super::time::Day; }", &[]),
        ("in the tokens of a macro", "src/api/a.rs", "fn f() { assert!(matches!(x, crate::plan::A)); }", &["`api` uses `plan`"]),
        ("in a macro that is defined", "src/api/a.rs", "macro_rules! m { () => { $crate::plan::A } }", &["`api` uses `plan`"]),
        (
            "also in tests",
            "src/model/a.rs",
            "#[cfg(test)]\nmod tests {\n use crate::apply::X;\n}",
            &["src/model/a.rs:3: `model` uses `apply`"],
        ),
        ("the whole crate", "src/plan/a.rs", "use crate::*;", &["`crate::*` is no folder of the house"]),
        ("a folder that nobody planned", "src/helpers/a.rs", "", &["src/helpers/a.rs:1: `helpers` is no folder of the house"]),
        ("folder and operator", "src/folder/a.rs", "use crate::operator::X;", &["`folder` uses `operator`"]),
        ("operator and folder", "src/operator/a.rs", "use crate::folder::X;", &["`operator` uses `folder`"]),
        ("the operator's only door", "src/cli/controller.rs", "use crate::operator::X;", &[]),
        (
            "another door to the operator",
            "src/cli/plan.rs",
            "use crate::operator::X;",
            &["only `cli/controller.rs` and `cli/cluster.rs` name `operator`"],
        ),
        ("a runtime in the core", "src/policy/a.rs", "use tokio::sync::Mutex;", &["`tokio::sync::Mutex`: `policy` is pure"]),
        ("a runtime's attribute", "src/plan/a.rs", "#[tokio::main]\nasync fn f() {}", &["`tokio::main`: `plan` is pure"]),
        ("a clock", "src/realm/a.rs", "use std::{fmt,\n time::{Duration, SystemTime}};", &["src/realm/a.rs:2: `std::time::SystemTime`"]),
        ("a clock through a module", "src/realm/a.rs", "use std::time;\nfn f() { time::SystemTime::now(); }", &["src/realm/a.rs:2:"]),
        ("a clock through a new name", "src/realm/a.rs", "use std::time as t;\nfn f() { t::SystemTime::now(); }", &["src/realm/a.rs:2:"]),
        ("a clock through a glob", "src/plan/a.rs", "use std::time::*;", &["`std::time::*`: `plan` is pure"]),
        ("a duration is no clock", "src/plan/a.rs", "use std::time::Duration;", &[]),
        ("the disk", "src/plan/a.rs", "fn f() { std::fs::read(\"x\"); }", &["`std::fs::read`: `plan` is pure"]),
        ("the disk where a folder is loaded", "src/realm/load/files.rs", "use std::fs;", &[]),
        ("a clock where a folder is loaded", "src/realm/load.rs", "use std::time::SystemTime;", &["`realm` is pure"]),
        ("the disk elsewhere in the realm", "src/realm/index.rs", "use std::fs;", &["`realm` is pure"]),
        ("tests may use the disk", "src/plan/a.rs", "#[cfg(test)] mod tests { use std::fs; }", &[]),
        ("one method for tests", "src/plan/a.rs", "impl A { #[cfg(test)] fn f() { std::fs::read(\"x\"); } }", &[]),
        ("a whole file for tests", "src/plan/a.rs", "#![cfg(test)]\nuse std::fs;", &[]),
        ("what is not for tests may not", "src/plan/a.rs", "#[cfg(not(test))] mod real { use std::fs; }", &["`plan` is pure"]),
        ("the client below the shells", "src/folder/a.rs", "use kube::Client;", &["only `operator` and `cli`"]),
        ("the client by its long name", "src/ledger/a.rs", "use kube::client::Client;", &["only `operator` and `cli`"]),
        ("the client in the cluster shell", "src/operator/a.rs", "use kube::Client;", &[]),
        ("the derive is no client", "src/api/a.rs", "#[derive(kube::CustomResource)] struct A;", &[]),
        ("a writer in a shell", "src/folder/a.rs", "fn f(w: &mut\n dyn crate::connector::Writer) {}", &["src/folder/a.rs:2: `dyn Writer`"]),
        ("a writer that was imported", "src/cli/a.rs", "use crate::connector::Writer;\nstruct A(Box<dyn Writer>);", &["src/cli/a.rs:2:"]),
        ("a writer in a macro", "src/cli/a.rs", "fn f() { m!(Box<dyn Writer>); }", &["`dyn Writer`"]),
        ("the writer where it belongs", "src/apply/a.rs", "struct A(Box<dyn crate::connector::Writer>);", &[]),
    ];
    for (name, file, source, expected) in rows {
        let found = violations(&BTreeMap::from([((*file).to_owned(), (*source).to_owned())])).unwrap();
        let found: Vec<String> = found.iter().map(ToString::to_string).collect();
        assert_eq!(found.len(), expected.len(), "{name}: {found:?}");
        for (found, expected) in found.iter().zip(*expected) {
            assert!(found.contains(expected), "{name}: {found:?} does not say {expected:?}");
        }
    }
}

#[test]
fn a_file_that_only_tests_compile_is_a_test() {
    let tree = |attribute: &str| {
        BTreeMap::from([
            ("src/plan/mod.rs".to_owned(), format!("{attribute} mod tests;")),
            ("src/plan/tests.rs".to_owned(), "mod deeper;".to_owned()),
            ("src/plan/tests/deeper.rs".to_owned(), "use std::fs; use crate::cli::X;".to_owned()),
        ])
    };
    let rules = |attribute| violations(&tree(attribute)).unwrap().into_iter().map(|broken| broken.rule).collect::<Vec<_>>();
    assert_eq!(rules("#[cfg(test)]").len(), 1, "the direction holds, the disk is free");
    assert_eq!(rules("").len(), 2);
}

#[test]
fn a_file_that_cannot_be_parsed_is_an_error_with_its_place() {
    let error = violations(&BTreeMap::from([("src/plan/a.rs".to_owned(), "\nfn f( {".to_owned())])).unwrap_err();
    assert!(error.starts_with("src/plan/a.rs:2:"), "{error}");
}
