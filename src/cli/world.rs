//! What a command meets outside: where it writes, what it reads, whether somebody sits there, and the time.

use std::io::{BufRead, IsTerminal as _, Write};

use jiff::Timestamp;
use owo_colors::{OwoColorize as _, Style};

use crate::plan::render::Paint;

/// What a command meets outside.
pub struct World {
    /// Data.
    pub out: Box<dyn Write + Send>,
    /// Messages.
    pub err: Box<dyn Write + Send>,
    /// Answers, or manifests.
    pub input: Box<dyn BufRead + Send>,
    /// Somebody can be asked.
    pub terminal: bool,
    /// Data may be coloured.
    pub colour: bool,
    /// Messages may be coloured.
    pub colour_messages: bool,
    /// No messages but errors.
    pub quiet: bool,
    /// The time.
    pub now: Timestamp,
}

impl World {
    /// This process, at this time.
    #[must_use]
    pub fn of_process(now: Timestamp) -> Self {
        let colours = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        Self {
            out: Box::new(std::io::stdout()),
            err: Box::new(std::io::stderr()),
            input: Box::new(std::io::BufReader::new(std::io::stdin())),
            terminal: std::io::stdin().is_terminal() && std::io::stderr().is_terminal(),
            colour: colours && std::io::stdout().is_terminal(),
            colour_messages: colours && std::io::stderr().is_terminal(),
            quiet: false,
            now,
        }
    }

    /// How data is painted.
    #[must_use]
    pub fn paint(&self) -> Paint {
        if self.colour { Paint::Coloured } else { Paint::Plain }
    }

    /// Writes data. A reader that went away (`| head`) is no error.
    pub fn print(&mut self, text: &str) {
        let _ = self.out.write_all(text.as_bytes());
        let _ = self.out.flush();
    }

    /// Writes a message as it is, quiet or not.
    pub fn complain(&mut self, text: &str) {
        let _ = self.err.write_all(text.as_bytes());
        let _ = self.err.flush();
    }

    /// Writes a message and a line feed, unless nobody wants any.
    pub fn tell(&mut self, text: &str) {
        if !self.quiet {
            self.complain(&format!("{text}\n"));
        }
    }

    /// Writes a warning, quiet or not: what follows cannot be read without it.
    pub fn warn(&mut self, text: &str) {
        let word = if self.colour_messages { "warning".style(Style::new().yellow().bold()).to_string() } else { "warning".to_owned() };
        self.complain(&format!("{word}: {text}\n"));
    }

    /// Writes an error.
    pub fn error(&mut self, text: &str) {
        let word = if self.colour_messages { "error".style(Style::new().red().bold()).to_string() } else { "error".to_owned() };
        self.complain(&format!("{word}: {text}\n"));
    }

    /// Asks, and reads one line; none where there is nobody to ask.
    pub fn ask(&mut self, question: &str) -> Option<String> {
        if !self.terminal {
            return None;
        }
        self.complain(question);
        let mut line = String::new();
        self.input.read_line(&mut line).ok().filter(|read| *read > 0)?;
        Some(line.trim_end_matches(['\n', '\r']).to_owned())
    }
}
