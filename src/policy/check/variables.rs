//! Variables that nothing binds. The engine finds only some of them.

use std::collections::BTreeSet;

use super::calls::dotted;
use super::index::{Definition, Index, Meaning, pattern, uses};
use super::{Problem, nearest};
use crate::policy::tree::{Kind, Node, builtin};

/// Says of each variable that is neither declared nor bound by unification, an index or an output argument.
pub(crate) fn unbound(index: &Index<'_>, problems: &mut Vec<Problem>) {
    for group in &index.groups {
        for definition in &group.rules {
            unbound_in(index, definition, problems);
        }
    }
}

fn unbound_in(index: &Index<'_>, definition: &Definition<'_>, problems: &mut Vec<Problem>) {
    let mut bound = definition.locals.clone();
    definition.rule.walk(&mut |node| {
        let Node::Term(term) = node else { return };
        if let Kind::Infix("=", left, right) = &term.kind {
            pattern(left, &mut bound);
            pattern(right, &mut bound);
        } else if let Kind::Index(_, index) = &term.kind {
            pattern(index, &mut bound);
        } else if let Kind::Call(function, arguments) = &term.kind
            && let Some(count) = dotted(function).and_then(|name| builtin(&name))
            && arguments.len() > count
        {
            arguments.iter().skip(count).for_each(|output| pattern(output, &mut bound));
        }
    });
    let mut said = BTreeSet::new();
    for found in uses(definition.rule) {
        let name = found.path.root;
        if name == "_"
            || bound.contains(name)
            || !matches!(index.meaning(definition, &found.path), Meaning::Local(..))
            || !said.insert(name)
        {
            continue;
        }
        let own = index.groups.iter().filter_map(|group| group.path.strip_prefix(definition.module.package.as_slice())?.first());
        let imports = definition.module.imports.iter().map(|import| import.alias.as_str());
        let known = bound.iter().copied().chain(imports).chain(own.map(String::as_str)).chain(["input", "data"]);
        let hint = nearest(name, known.collect::<Vec<_>>()).map(|near| format!("did you mean `{near}`?"));
        problems.push(Problem { at: found.at, message: format!("nothing gives `{name}` a value"), hint });
    }
}
