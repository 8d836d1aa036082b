//! What a terminal shows: data on stdout, talk on stderr, coded errors, exit codes.

mod layout;

use std::{
    borrow::Cow,
    fmt,
    fs::File,
    io::{self, IsTerminal, Write},
    process::ExitCode,
};

use liucheng_engine::{CommandError, error::ErrorKind};
use liucheng_model::definition::SourceError;
use serde_json::json;

pub use layout::{clip, counted, pad, width, wrap};

/// How a command ended, by exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Done.
    Ok = 0,
    /// A rule refuses it, or a check found something, such as a damaged database.
    Rejected = 1,
    /// The command line or an input has the wrong form.
    Usage = 2,
    /// It is not there.
    NotFound = 3,
    /// Somebody else was faster.
    Conflict = 4,
    /// Not allowed.
    Forbidden = 5,
    /// The data folder is in use, or the store cannot be read or written.
    Unavailable = 69,
    /// A bug.
    Internal = 70,
    /// The configuration is wrong.
    Config = 78,
}

impl From<ErrorKind> for Exit {
    fn from(kind: ErrorKind) -> Self {
        match kind {
            ErrorKind::Rejected | ErrorKind::Damaged => Self::Rejected,
            ErrorKind::Usage => Self::Usage,
            ErrorKind::NotFound => Self::NotFound,
            ErrorKind::Conflict => Self::Conflict,
            ErrorKind::Forbidden => Self::Forbidden,
            ErrorKind::Full | ErrorKind::Unavailable => Self::Unavailable,
            ErrorKind::Internal => Self::Internal,
        }
    }
}

/// The table that `--help` shows.
pub const EXIT_CODES: &str = "\
Exit codes:
   0  done
   1  a rule refuses it, or a check found something, such as a damaged database
   2  the command line or an input has the wrong form
   3  it is not there
   4  conflict: somebody else was faster
   5  not allowed
  69  the data folder is in use or cannot be read or written
  70  a bug
  78  the configuration is wrong";

/// Why a command failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The stable code.
    pub code: String,
    /// What is wrong.
    pub message: String,
    /// Where: a file with line and column, a fact, an option; empty if it says nothing more.
    pub place: String,
    /// What to do about it; empty if there is nothing to add.
    pub hint: String,
    /// The exit code.
    pub exit: Exit,
}

impl Failure {
    /// A failure with a code and a message.
    pub fn new(exit: Exit, code: &str, message: impl Into<String>) -> Self {
        Self {
            code: code.to_owned(),
            message: message.into(),
            place: String::new(),
            hint: String::new(),
            exit,
        }
    }

    /// Says where.
    #[must_use]
    pub fn at(mut self, place: impl Into<String>) -> Self {
        self.place = place.into();
        self
    }

    /// Says where, unless that is known more exactly.
    #[must_use]
    pub fn within(mut self, place: impl fmt::Display) -> Self {
        if self.place.is_empty() {
            self.place = place.to_string();
        }
        self
    }

    /// Says what to do.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = hint.into();
        self
    }

    /// The first of several errors in a definition or overlay, with how many more there are.
    #[must_use]
    pub fn of_sources(errors: &[SourceError]) -> Self {
        match errors.first() {
            Some(first) => {
                let more = match errors.len() {
                    1 => String::new(),
                    n => format!(" (and {} more; run `liucheng workflow check`)", n - 1),
                };
                Self::new(
                    Exit::Rejected,
                    first.code,
                    format!("{}{more}", first.message),
                )
                .at(first.place.clone())
                .hint(first.hint.clone())
            }
            None => Self::new(Exit::Internal, "E-INTERNAL", "an error without a reason"),
        }
    }

    /// Shows the failure on stderr and gives its exit code.
    pub fn report(&self, as_json: bool) -> ExitCode {
        let text = if as_json {
            let error = json!({"error": {
                "code": self.code,
                "message": self.message,
                "place": self.place,
                "hint": self.hint,
            }});
            escaped(&error.to_string())
        } else {
            self.to_string()
        };
        // Nothing can be done about a closed stderr.
        let _ = writeln!(io::stderr(), "{text}");
        ExitCode::from(self.exit as u8)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "error[{}]: ", self.code)?;
        let is_said = self.message.starts_with(&self.place)
            || self.message.contains(&format!("{}:", self.place));
        if !self.place.is_empty() && !is_said {
            write!(f, "{}: ", sanitised(&self.place))?;
        }
        f.write_str(&sanitised(&self.message))?;
        if !self.hint.is_empty() {
            write!(f, "\n  hint: {}", sanitised(&self.hint))?;
        }
        Ok(())
    }
}

impl From<CommandError> for Failure {
    fn from(error: CommandError) -> Self {
        Self::new(error.kind().into(), error.code(), error.to_string())
            .at(error.place())
            .hint(error.hint())
    }
}

/// The code of a reader that went away, as `head` does: the command ends quietly.
pub const BROKEN_PIPE: &str = "E-STDOUT-CLOSED";

/// Says something beside the data, on stderr.
pub fn note(text: &str) {
    // Nothing can be done about a closed stderr.
    let _ = writeln!(io::stderr(), "note: {}", sanitised(text));
}

/// Writes a line of data to stdout. Control characters are made visible: what users and files
/// say must not steer a terminal.
///
/// # Errors
/// [`BROKEN_PIPE`] where nobody reads any more, `E-STDOUT` where the line cannot be written.
pub fn line(text: impl fmt::Display) -> Result<(), Failure> {
    let text = text.to_string();
    write(format!("{}\n", sanitised(&text)).as_bytes())
}

/// Writes a text to stdout in as many lines as it needs, with what the first and the others begin with.
///
/// # Errors
/// As [`line`].
pub fn paragraph(text: &str, indents: (&str, &str)) -> Result<(), Failure> {
    let lines = wrap(text, line_cells(), indents);
    lines.iter().try_for_each(line)
}

/// Writes a JSON document to stdout, indented.
///
/// # Errors
/// As [`line`].
pub fn document(value: &serde_json::Value) -> Result<(), Failure> {
    let text = serde_json::to_string_pretty(value)
        .map_err(|e| Failure::new(Exit::Internal, "E-INTERNAL", e.to_string()))?;
    write(format!("{}\n", escaped(&text)).as_bytes())
}

/// Writes a JSON document to stdout on one line.
///
/// # Errors
/// As [`line`].
pub fn json_line(value: &serde_json::Value) -> Result<(), Failure> {
    write(format!("{}\n", escaped(&value.to_string())).as_bytes())
}

fn write(bytes: &[u8]) -> Result<(), Failure> {
    stdout()
        .and_then(|mut out| out.write_all(bytes).and_then(|()| out.flush()))
        .map_err(|e| not_written(&e))
}

/// The standard library takes a stdout that cannot be written to for one that nobody wants; a
/// handle of our own says so.
#[cfg(unix)]
fn stdout() -> io::Result<File> {
    use std::os::fd::AsFd;
    io::stdout().as_fd().try_clone_to_owned().map(File::from)
}

#[cfg(windows)]
fn stdout() -> io::Result<Box<dyn Write>> {
    use std::os::windows::io::AsHandle;
    // A console takes UTF-16, which only the standard library's handle translates to.
    if io::stdout().is_terminal() {
        return Ok(Box::new(io::stdout()));
    }
    let handle = io::stdout().as_handle().try_clone_to_owned()?;
    Ok(Box::new(File::from(handle)))
}

/// Why a write to stdout failed.
pub fn not_written(error: &io::Error) -> Failure {
    let code = match error.kind() {
        io::ErrorKind::BrokenPipe => BROKEN_PIPE,
        _ => "E-STDOUT",
    };
    Failure::new(Exit::Unavailable, code, format!("stdout: {error}"))
        .hint("check where the output goes; what the command did is done")
}

/// The width to lay text out for: what `COLUMNS` says, 80 on a terminal, and none elsewhere,
/// where nothing is cut or wrapped.
pub fn terminal_width() -> Option<usize> {
    const SANE: std::ops::RangeInclusive<usize> = 40..=1_000;
    let asked = std::env::var("COLUMNS").ok();
    asked
        .and_then(|text| text.trim().parse().ok())
        .filter(|columns| SANE.contains(columns))
        .or_else(|| io::stdout().is_terminal().then_some(80))
}

/// The same as a number of cells that no line exceeds.
pub fn line_cells() -> usize {
    terminal_width().unwrap_or(usize::MAX)
}

/// A text whose control characters, all but the newline, can be seen instead of obeyed.
#[must_use]
pub fn sanitised(text: &str) -> Cow<'_, str> {
    if !text.contains(is_steering) {
        return Cow::Borrowed(text);
    }
    let visible = |c: char| match u32::from(c) {
        _ if !is_steering(c) => c,
        // The pictures of the control characters, such as ␛.
        code @ 0..0x20 => char::from_u32(0x2400 + code).unwrap_or('\u{FFFD}'),
        0x7F => '\u{2421}',
        _ => '\u{FFFD}',
    };
    Cow::Owned(text.chars().map(visible).collect())
}

/// C0 and C1 controls, and those that turn the direction of the text around.
fn is_steering(c: char) -> bool {
    c != '\n' && (c.is_control() || matches!(c, '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}'))
}

/// JSON with the control characters escaped that JSON would let pass.
fn escaped(json: &str) -> String {
    let mut text = String::with_capacity(json.len());
    for c in json.chars() {
        if is_steering(c) {
            text.push_str(&format!("\\u{:04x}", u32::from(c)));
        } else {
            text.push(c);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_shows_code_place_and_hint() {
        let failure = Failure::new(Exit::Usage, "E-DATE-INVALID", "no such day")
            .at("contract.signed")
            .hint("fix it");
        assert_eq!(
            failure.to_string(),
            "error[E-DATE-INVALID]: contract.signed: no such day\n  hint: fix it"
        );
    }

    #[test]
    fn nothing_steers_the_terminal() {
        let text = "a\u{1b}[31m\tb\u{7f}\u{9b}c\u{202e}\nd 签订";
        assert_eq!(sanitised(text), "a␛[31m␉b␡\u{fffd}c\u{fffd}\nd 签订");
        assert_eq!(sanitised("签订\nok"), "签订\nok");
        let failure = Failure::new(Exit::Usage, "E-X", "\u{1b}[2J")
            .at("\u{7}")
            .hint("\u{8}");
        assert!(
            !failure
                .to_string()
                .contains(|c: char| c.is_control() && c != '\n')
        );
        // In JSON nothing is lost.
        let json = json!({"name": text});
        let shown = escaped(&json.to_string());
        assert!(!shown.contains(is_steering), "{shown}");
        assert_eq!(
            serde_json::from_str::<serde_json::Value>(&shown).unwrap(),
            json
        );
    }
}
