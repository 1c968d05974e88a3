//! Which functions are called, which rules reach which others, and what of `input` they read.

use std::collections::{BTreeMap, BTreeSet};

use super::index::{Definition, GroupKind, Index, Meaning, uses};
use super::{Problem, nearest};
use crate::policy::tree::{At, Kind, Node, Step, Term, builtin, builtins};

/// The longest chain of rules and functions. The interpreter takes stack for each, and nothing can catch its end.
const DEEPEST: usize = 100;
/// Functions that know more than their arguments: the time, chance, the network, the machine.
const REFUSED: [&str; 6] = ["time.now_ns", "rand.intn", "http.send", "net.lookup_ip_addr", "opa.runtime", "uuid.rfc4122"];
/// The largest number that may be written where a builtin makes that many things of it.
const MOST: i64 = 1_000_000;

/// What one rule reaches directly.
#[derive(Default)]
pub(crate) struct Reached {
    pub rules: BTreeMap<usize, At>,
    pub input: Vec<(Vec<Step>, At)>,
}

/// For each group of the index, what its definitions reach. Says of each call whether there is such a function.
pub(crate) fn reached(index: &Index<'_>, problems: &mut Vec<Problem>) -> Vec<Reached> {
    index
        .groups
        .iter()
        .map(|group| {
            let mut reached = Reached::default();
            for definition in &group.rules {
                for found in uses(definition.rule) {
                    match index.meaning(definition, &found.path) {
                        Meaning::Input(steps) => reached.input.push((steps, found.at)),
                        Meaning::Data(steps) => {
                            for rule in index.reached(&steps) {
                                reached.rules.entry(rule).or_insert(found.at);
                            }
                        }
                        Meaning::Local(..) => {}
                    }
                }
                definition.rule.walk(&mut |node| {
                    if let Node::Term(term) = node
                        && let Kind::Call(function, arguments) = &term.kind
                    {
                        match call(index, definition, function, arguments) {
                            Ok(Some(rule)) => {
                                reached.rules.entry(rule).or_insert(term.at);
                            }
                            Ok(None) => {}
                            Err(problem) => problems.push(problem),
                        }
                        // `object.get(input, "person", …)` reads a path.
                        if let (Some("object.get"), [object, key, _]) = (dotted(function).as_deref(), arguments.as_slice())
                            && let Some(path) = object.path()
                            && path.steps.is_empty()
                            && let Meaning::Input(steps) = index.meaning(definition, &path)
                            && let Kind::Text(key) = &key.kind
                        {
                            reached.input.retain(|(_, at)| *at != object.at);
                            reached.input.push((steps.into_iter().chain([Step::Field(key.clone())]).collect(), object.at));
                        }
                    }
                });
            }
            reached
        })
        .collect()
}

/// `array.concat`
pub(crate) fn dotted(function: &Term) -> Option<String> {
    let path = function.path()?;
    let mut name = path.root.to_owned();
    for (step, _) in &path.steps {
        let Step::Field(field) = step else { return None };
        name.push('.');
        name.push_str(field);
    }
    Some(name)
}

/// The rule that is called; none for a builtin.
pub(crate) fn callee(index: &Index<'_>, definition: &Definition<'_>, function: &Term) -> Option<usize> {
    let path = function.path()?;
    match index.meaning(definition, &path) {
        Meaning::Data(steps) => {
            let steps: Vec<String> = super::index::fixed(&steps);
            index.find(&steps)
        }
        Meaning::Input(_) | Meaning::Local(..) => None,
    }
}

fn call(index: &Index<'_>, definition: &Definition<'_>, function: &Term, arguments: &[Term]) -> Result<Option<usize>, Problem> {
    let problem = |message: String, hint: Option<String>| Problem { at: function.at, message, hint };
    let Some(name) = dotted(function) else {
        return Err(problem("a function is called by its name".to_owned(), None));
    };
    if let Some(group) = callee(index, definition, function).and_then(|group| Some((group, index.groups.get(group)?))) {
        return match group.1.kind {
            GroupKind::Function(count) if count == arguments.len() => Ok(Some(group.0)),
            GroupKind::Function(count) => Err(problem(format!("`{name}` takes {count} arguments, not {}", arguments.len()), None)),
            GroupKind::Value | GroupKind::Set | GroupKind::Object => Err(problem(format!("`{name}` is a rule, not a function"), None)),
        };
    }
    if REFUSED.contains(&name.as_str()) {
        let hint = match name.as_str() {
            "time.now_ns" => "the date is `input.today`; what begins or ends at a moment says so in `until` or in a RoleBinding",
            _ => "the same input must always give the same decision",
        };
        return Err(problem(format!("`{name}` may not be used in a policy"), Some(hint.to_owned())));
    }
    if name == "print" {
        return Ok(None);
    }
    if let Some(count) = builtin(&name) {
        // A builtin also takes a last argument that its value is compared with.
        if arguments.len() != count && arguments.len() != count + 1 {
            return Err(problem(format!("`{name}` takes {count} arguments, not {}", arguments.len()), None));
        }
        return match oversized(&name, arguments) {
            Some(message) => Err(problem(message, Some("no limit is looked at inside a builtin".to_owned()))),
            None => Ok(None),
        };
    }
    let own = index.groups.iter().filter(|group| matches!(group.kind, GroupKind::Function(_))).filter_map(|group| {
        let in_package = group.path.strip_prefix(definition.module.package.as_slice());
        let imported = definition.module.imports.iter().find_map(|import| {
            let package = import.path.split_first()?.1;
            let rest = group.path.strip_prefix(package)?;
            Some([std::slice::from_ref(&import.alias), rest].concat())
        });
        in_package.map(<[String]>::to_vec).or(imported).map(|path| path.join("."))
    });
    let usable = builtins().filter(|name| !REFUSED.contains(name) && !name.starts_with("__")).map(str::to_owned);
    let known: Vec<String> = own.chain(usable).collect();
    let hint = nearest(&name, known.iter().map(String::as_str)).map(|near| format!("did you mean `{near}`?"));
    Err(problem(format!("unknown function `{name}`"), hint))
}

/// What a builtin would make of its written arguments, where that is more than memory holds.
fn oversized(name: &str, arguments: &[Term]) -> Option<String> {
    match name {
        "numbers.range" | "numbers.range_step" => {
            let large = |term: &Term| {
                let size = if let Kind::Minus(inner) = &term.kind { inner } else { term };
                // Anything else but an integer is a fraction, or larger than any.
                matches!(&size.kind, Kind::Scalar(number) if number.parse::<i64>().map_or(true, |number| number.abs() > MOST))
            };
            arguments.iter().any(large).then(|| format!("`{name}` would make more than {MOST} numbers"))
        }
        "sprintf" => {
            let Kind::Text(format) = &arguments.first()?.kind else { return None };
            let longest = format.split('%').skip(1).filter_map(|directive| {
                let digits: String =
                    directive.chars().skip_while(|c| "+-# 0".contains(*c)).take_while(|c| c.is_ascii_digit() || *c == '.').collect();
                digits.split('.').filter_map(|number| number.parse::<u64>().ok().or((!number.is_empty()).then_some(u64::MAX))).max()
            });
            (longest.max()? > 1000).then(|| "`sprintf` pads to more than 1000 characters".to_owned())
        }
        _ => None,
    }
}

/// Says where rules depend on themselves, and where chains of them are too long.
pub(crate) fn cycles(index: &Index<'_>, reached: &[Reached], problems: &mut Vec<Problem>) {
    let mut walk = Walk { index, reached, depths: BTreeMap::new(), path: Vec::new(), problems, long: false };
    for group in 0..index.groups.len() {
        walk.depth(group);
    }
}

struct Walk<'a, 'b> {
    index: &'a Index<'b>,
    reached: &'a [Reached],
    depths: BTreeMap<usize, usize>,
    path: Vec<usize>,
    problems: &'a mut Vec<Problem>,
    long: bool,
}

impl Walk<'_, '_> {
    fn name(&self, group: usize) -> String {
        self.index.groups.get(group).map(|group| group.path.join(".")).unwrap_or_default()
    }

    fn depth(&mut self, group: usize) -> usize {
        if let Some(depth) = self.depths.get(&group) {
            return *depth;
        }
        self.path.push(group);
        let mut depth = 1;
        let next: Vec<(usize, At)> =
            self.reached.get(group).into_iter().flat_map(|reached| &reached.rules).map(|(rule, at)| (*rule, *at)).collect();
        for (rule, at) in next {
            if let Some(begin) = self.path.iter().position(|on_path| *on_path == rule) {
                let circle = self.path.iter().skip(begin).chain([&rule]).map(|group| self.name(*group)).collect::<Vec<_>>().join(" → ");
                let message = format!("rules that depend on themselves: {circle}");
                let hint = Some("the engine has no recursion; `graph.reachable` follows a graph".to_owned());
                self.problems.push(Problem { at, message, hint });
            } else if self.path.len() > DEEPEST {
                if !self.long {
                    self.long = true;
                    let message = format!("more than {DEEPEST} rules that depend on each other in a row");
                    self.problems.push(Problem { at, message, hint: Some("put some of them together".to_owned()) });
                }
            } else {
                depth = depth.max(1 + self.depth(rule));
            }
        }
        self.path.pop();
        if depth > DEEPEST && !self.long {
            self.long = true;
            if let Some(definition) = self.index.groups.get(group).and_then(|group| group.rules.first()) {
                let message = format!("more than {DEEPEST} rules that depend on each other in a row");
                self.problems.push(Problem { at: definition.rule.at, message, hint: Some("put some of them together".to_owned()) });
            }
        }
        self.depths.insert(group, depth);
        depth
    }
}

/// All groups that these reach, themselves included.
pub(crate) fn closure(reached: &[Reached], from: impl IntoIterator<Item = usize>) -> BTreeSet<usize> {
    let mut seen = BTreeSet::new();
    let mut open: Vec<usize> = from.into_iter().collect();
    while let Some(group) = open.pop() {
        if seen.insert(group) {
            open.extend(reached.get(group).into_iter().flat_map(|reached| reached.rules.keys().copied()));
        }
    }
    seen
}
