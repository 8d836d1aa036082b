//! Running tools.

use std::{
    io::{BufRead, BufReader},
    path::Path,
    process::{Command, Stdio},
};

use crate::error::BuildError;

/// What a program says on stdout, without the blanks around it.
pub fn ask(program: &Path, args: &[&str]) -> Result<String, BuildError> {
    let fail = |reason: String| BuildError::Tool {
        program: program.display().to_string(),
        reason,
    };
    let output = Command::new(program)
        .args(args)
        // A missing toolchain is an answer, not a reason to download one.
        .env("RUSTUP_AUTO_INSTALL", "0")
        .stdin(Stdio::null())
        .output()
        .map_err(|e| fail(e.to_string()))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        return Err(fail(format!(
            "`{}` ended with {}: {said}",
            args.join(" "),
            output.status
        )));
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// Runs a command to its end, and hands on what it says on stderr line by line.
pub fn run(command: &mut Command, say: &mut dyn FnMut(&str)) -> Result<(), BuildError> {
    let program = command.get_program().to_string_lossy().into_owned();
    let fail = |reason: std::io::Error| BuildError::Tool {
        program: program.clone(),
        reason: reason.to_string(),
    };
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(fail)?;
    if let Some(stderr) = child.stderr.take() {
        for line in BufReader::new(stderr).split(b'\n').map_while(Result::ok) {
            say(String::from_utf8_lossy(&line).trim_end());
        }
    }
    if child.wait().map_err(fail)?.success() {
        Ok(())
    } else {
        Err(BuildError::Failed { program })
    }
}
