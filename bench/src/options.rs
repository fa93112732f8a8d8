//! What the command line says: which figures, how often, how much.

use std::path::PathBuf;

use officesync_e2e::directory;

pub(crate) const USAGE: &str = "usage: officesync-bench [--only 1,5] [--rounds 3] [--rows 200000] [--big-rows 10000000] [--backlog 200000]
                        [--seconds 10] [--docs DIRECTORY]
  --only      the figures to measure, all without it
  --rounds    how often each is measured, in turns with its peers
  --rows      rows of one bulk statement
  --big-rows  rows of the transaction whose memory is watched
  --backlog   transactions that wait when an outage ends
  --seconds   how long small transactions run
  --docs      where pictures and a page with all results go; without it the pictures go to target/bench";

/// The choices of one run.
#[derive(Debug)]
pub(crate) struct Options {
    pub(crate) only: Vec<u32>,
    pub(crate) rounds: usize,
    pub(crate) rows: u64,
    pub(crate) big_rows: u64,
    pub(crate) backlog: u64,
    pub(crate) seconds: u64,
    /// Where the pictures go.
    pub(crate) plots: PathBuf,
    /// Where the page with all results goes, if it is wanted.
    pub(crate) page: Option<PathBuf>,
}

impl Options {
    /// Reads the arguments; the error is a line for the user.
    pub(crate) fn parse(arguments: &[String]) -> Result<Options, String> {
        let mut options = Options {
            only: Vec::new(),
            rounds: 3,
            rows: 200_000,
            big_rows: 10_000_000,
            backlog: 200_000,
            seconds: 10,
            plots: results(),
            page: None,
        };
        let mut left = arguments.iter();
        while let Some(name) = left.next() {
            let value = left.next().ok_or_else(|| format!("{name} needs a value"))?;
            match name.as_str() {
                "--only" => options.only = figures(value)?,
                "--rounds" => options.rounds = number(name, value)? as usize,
                "--rows" => options.rows = number(name, value)?,
                "--big-rows" => options.big_rows = number(name, value)?,
                "--backlog" => options.backlog = number(name, value)?,
                "--seconds" => options.seconds = number(name, value)?,
                "--docs" => {
                    options.plots = PathBuf::from(value);
                    options.page = Some(options.plots.join("results.md"));
                }
                _ => return Err(format!("there is no option {name}")),
            }
        }
        Ok(options)
    }

    /// Whether this figure is wanted.
    pub(crate) fn wants(&self, figure: u32) -> bool {
        self.only.is_empty() || self.only.contains(&figure)
    }
}

/// Where the results go.
pub(crate) fn results() -> PathBuf {
    directory::target().join("bench")
}

fn figures(text: &str) -> Result<Vec<u32>, String> {
    let known = 1..=crate::figures::COUNT;
    text.split(',')
        .map(|part| match part.trim().parse() {
            Ok(figure) if known.contains(&figure) => Ok(figure),
            _ => Err(format!(
                "--only takes numbers from 1 to {}, not {part:?}",
                known.end()
            )),
        })
        .collect()
}

fn number(name: &str, text: &str) -> Result<u64, String> {
    match text.parse() {
        Ok(number @ 1..) => Ok(number),
        _ => Err(format!("{name} takes a number from 1, not {text:?}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Options, String> {
        let arguments: Vec<String> = text.split_whitespace().map(str::to_owned).collect();
        Options::parse(&arguments)
    }

    #[test]
    fn all_figures_unless_some_are_named() {
        assert!(parse("").unwrap().wants(7));
        let some = parse("--only 1,5").unwrap();
        assert!(some.wants(5) && !some.wants(2));
    }

    #[test]
    fn what_is_wrong_is_said() {
        for (text, problem) in [
            ("--only 1,99", "\"99\""),
            ("--rounds 0", "from 1"),
            ("--rows", "needs a value"),
            ("--fast yes", "no option --fast"),
        ] {
            let said = parse(text).unwrap_err();
            assert!(said.contains(problem), "{said}");
        }
    }
}
