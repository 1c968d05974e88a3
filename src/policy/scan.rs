//! A look at the raw text before it is parsed. Parsing takes twice as long for each nested bracket, no timer runs, and one line of
//! forty of them never ends.

/// The longest module, in bytes.
pub const LONGEST: usize = 1 << 20;
/// The deepest nesting of `[` and `{`.
pub const DEEPEST: usize = 8;
/// The deepest nesting of `(`, which costs nothing but stack.
const DEEPEST_PARENS: usize = 24;

/// What is wrong with a text, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Unfit {
    pub line: u32,
    pub column: u32,
    pub message: String,
    pub hint: &'static str,
}

/// Whether brackets must close before the text ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// A module: the parser says what does not close.
    Module,
    /// One expression: it must not be able to leave the place where it is put.
    Expression,
}

/// Looks at size and nesting of brackets; texts and comments do not count.
///
/// # Errors
/// The first place at which the text is unfit for the parser.
pub(crate) fn scan(text: &str, form: Form) -> Result<(), Unfit> {
    let mut place = (1, 0);
    let unfit = |(line, column), message: String, hint| Err(Unfit { line, column, message, hint });
    if text.len() > LONGEST {
        let message = format!("the module has {} bytes, and {LONGEST} is the most", text.len());
        return unfit((1, 1), message, "split it, and move large tables into data");
    }
    let mut open: Vec<(char, (u32, u32))> = Vec::new();
    let mut parens = 0;
    let mut chars = text.chars();
    let step = |place: &mut (u32, u32), c: char| {
        if c == '\n' {
            *place = (place.0.saturating_add(1), 0);
        } else {
            // Columns are bytes, as the parser counts them.
            place.1 = place.1.saturating_add(u32::try_from(c.len_utf8()).unwrap_or(1));
        }
    };
    while let Some(c) = chars.next() {
        step(&mut place, c);
        match c {
            '#' => {
                for c in chars.by_ref() {
                    step(&mut place, c);
                    if c == '\n' {
                        break;
                    }
                }
            }
            '"' | '`' => {
                let begin = place;
                let mut closed = false;
                while let Some(next) = chars.next() {
                    step(&mut place, next);
                    if next == c {
                        closed = true;
                        break;
                    }
                    if next == '\\'
                        && c == '"'
                        && let Some(escaped) = chars.next()
                    {
                        step(&mut place, escaped);
                    }
                }
                if !closed {
                    return unfit(begin, "this text does not end".to_owned(), "close it with the quote that began it");
                }
            }
            '[' | '{' => {
                open.push((c, place));
                if open.len() - parens > DEEPEST {
                    let message = format!("brackets nest more than {DEEPEST} deep");
                    return unfit(place, message, "give the inner parts names of their own, or move a large literal into data");
                }
            }
            '(' => {
                open.push((c, place));
                parens += 1;
                if parens > DEEPEST_PARENS {
                    let message = format!("parentheses nest more than {DEEPEST_PARENS} deep");
                    return unfit(place, message, "give the inner parts names of their own");
                }
            }
            ']' | '}' | ')' => match open.pop() {
                Some(('(', _)) if c == ')' => parens -= 1,
                Some(('[', _)) if c == ']' => {}
                Some(('{', _)) if c == '}' => {}
                Some(_) | None => return unfit(place, format!("`{c}` closes nothing"), "remove it, or open it first"),
            },
            _ => {}
        }
    }
    match (form, open.pop()) {
        (Form::Expression, Some((bracket, place))) => unfit(place, format!("`{bracket}` is not closed"), "close it"),
        (Form::Module | Form::Expression, _) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Name, text, its form, and where it is unfit.
    type Row<'a> = (&'a str, &'a str, Form, Option<(u32, u32)>);

    #[test]
    fn what_would_hang_the_parser_is_refused_at_its_place() {
        let deep = format!("package a\n\nx := {}1{}\n", "[".repeat(40), "]".repeat(40));
        let mixed = format!("x := {}1{}", "{[".repeat(5), "]}".repeat(5));
        let rows: &[Row<'_>] = &[
            ("forty brackets", &deep, Form::Module, Some((3, 14))),
            ("mixed brackets", &mixed, Form::Module, Some((1, 14))),
            ("eight are fine", "x := [[[[[[[[1]]]]]]]]", Form::Module, None),
            ("side by side they are fine", "x := [[1],[2],[3],[4],[5],[6],[7],[8],[9],[10]]", Form::Module, None),
            ("in a text they do not count", "x := \"[[[[[[[[[[[[[\\\"[[[[[\"", Form::Module, None),
            ("in a raw text they do not count", "x := `[[[[[[[[[[[\\`", Form::Module, None),
            ("in a comment they do not count", "# [[[[[[[[[[[[[[[[[\nx := 1", Form::Module, None),
            ("calls nest deeper", "x := f(f(f(f(f(f(f(f(f(f(1))))))))))", Form::Module, None),
            ("a text without end", "x := 1\ny := \"a", Form::Module, Some((2, 6))),
            ("an expression that leaves its place", "1) } evil if { (true", Form::Expression, Some((1, 2))),
            ("an expression that does not close", "[1", Form::Expression, Some((1, 1))),
            ("an expression that hides behind a comment", "1 # )", Form::Expression, None),
        ];
        for (name, text, form, place) in rows {
            assert_eq!(scan(text, *form).err().map(|unfit| (unfit.line, unfit.column)), *place, "{name}");
        }
        assert!(scan(&" ".repeat(LONGEST + 1), Form::Module).is_err());
    }
}
