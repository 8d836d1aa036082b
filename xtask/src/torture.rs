//! `cargo xtask torture`: the fault tests in their long forms, one after the other, until the time is up.

use std::{
    path::Path,
    process::{Command, Stdio},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use anyhow::{Context, bail};

/// One long form: its name, its test target and the tests' names.
struct Form {
    name: &'static str,
    target: &'static str,
    tests: &'static [&'static str],
}

const FORMS: [Form; 9] = [
    Form {
        name: "simulation",
        target: "faults",
        tests: &["sim::"],
    },
    Form {
        name: "kill-sqlite",
        target: "it",
        tests: &["kill::"],
    },
    Form {
        name: "kill-postgres",
        target: "it",
        tests: &["kill_postgres::"],
    },
    Form {
        name: "crash-points",
        target: "faults",
        tests: &["crash::death"],
    },
    Form {
        name: "disk",
        target: "faults",
        tests: &["crash::disk"],
    },
    Form {
        name: "stores",
        target: "faults",
        tests: &["stores::"],
    },
    Form {
        name: "paused-node",
        target: "faults",
        tests: &["paused::"],
    },
    Form {
        name: "parsers",
        target: "faults",
        tests: &["parsers::"],
    },
    Form {
        name: "hostile-plugins",
        target: "hostile_together",
        tests: &[],
    },
];

/// What to do, from the command line.
pub struct Options {
    seconds: u64,
    seed: u64,
    only: Option<String>,
}

impl Options {
    /// Reads `--seconds N --seed S --only NAME`, in any order.
    ///
    /// # Errors
    /// When something else is said, or a number is none.
    pub fn read(args: &[&str]) -> anyhow::Result<Self> {
        let since = SystemTime::now().duration_since(UNIX_EPOCH)?;
        let mut options = Self {
            seconds: 60,
            seed: since.as_secs(),
            only: None,
        };
        for pair in args.chunks(2) {
            let [name, value] = pair else {
                bail!("{} needs a value", pair.concat());
            };
            let number = || value.parse().with_context(|| format!("{name} {value}"));
            match *name {
                "--seconds" => options.seconds = number()?,
                "--seed" => options.seed = number()?,
                "--only" => options.only = Some((*value).to_owned()),
                other => bail!("what is {other}?"),
            }
        }
        let names: Vec<&str> = FORMS.iter().map(|form| form.name).collect();
        if let Some(only) = &options.only
            && !names.contains(&only.as_str())
        {
            bail!("there is no {only}; there are {}", names.join(", "));
        }
        Ok(options)
    }
}

/// Runs the long forms in turn, each round with the next seed, until the time is up.
///
/// # Errors
/// With the seed, when a test failed.
pub fn run(root: &Path, options: &Options, say: &mut dyn FnMut(&str)) -> anyhow::Result<()> {
    let wanted = |form: &&Form| options.only.as_deref().is_none_or(|only| only == form.name);
    let forms: Vec<&Form> = FORMS.iter().filter(wanted).collect();
    let share = (options.seconds / forms.len().max(1) as u64).max(1);
    let (began, limit) = (Instant::now(), Duration::from_secs(options.seconds));
    say(&format!(
        "torture for {} s, seed {}, {share} s for each of {}",
        options.seconds,
        options.seed,
        forms.len()
    ));
    let mut round = 0;
    loop {
        let seed = options.seed.wrapping_add(round);
        for form in &forms {
            let started = Instant::now();
            let mut command = Command::new(env!("CARGO"));
            command
                .args([
                    "test",
                    "--quiet",
                    "--workspace",
                    "--test",
                    form.target,
                    "--",
                ])
                .args(form.tests)
                .args(["--nocapture", "--test-threads", "1"])
                .env("LIUCHENG_SEED", seed.to_string())
                .env("LIUCHENG_FAULT_SECONDS", share.to_string())
                .stdin(Stdio::null())
                .current_dir(root);
            let status = command.status()?;
            if !status.success() {
                bail!(
                    "{} failed with seed {seed} (above it may have named a closer one); repeat it with\n  \
                     cargo xtask torture --only {} --seed {seed} --seconds {}",
                    form.name,
                    form.name,
                    share
                );
            }
            say(&format!(
                "{} with seed {seed}: well after {} s",
                form.name,
                started.elapsed().as_secs()
            ));
        }
        round += 1;
        if began.elapsed() >= limit {
            say(&format!(
                "{round} rounds in {} s: nothing found",
                began.elapsed().as_secs()
            ));
            return Ok(());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_read() {
        let read = |args: &[&str]| Options::read(args).map(|o| (o.seconds, o.seed, o.only));
        let all = read(&["--only", "simulation", "--seed", "7", "--seconds", "9"]).ok();
        assert_eq!(all, Some((9, 7, Some("simulation".to_owned()))));
        assert!(read(&["--only", "nothing"]).is_err());
        assert!(read(&["--seed"]).is_err() && read(&["--seed", "x"]).is_err());
        assert!(read(&["--loud", "1"]).is_err());
    }
}
