//! The live table: redrawn in place on a terminal, plain lines now and then otherwise.

use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

/// What the table says about one office.
pub(crate) struct Line {
    pub(crate) office: String,
    pub(crate) rows: i64,
    pub(crate) changes_per_second: f64,
    pub(crate) lag: Duration,
    pub(crate) link_up: bool,
}

/// Where it is drawn.
pub(crate) struct Screen {
    terminal: bool,
    drawn: usize,
    last: Option<Instant>,
}

impl Screen {
    pub(crate) fn new() -> Screen {
        Screen {
            terminal: std::io::stdout().is_terminal(),
            drawn: 0,
            last: None,
        }
    }

    /// A line of the story; the table goes on below it.
    pub(crate) fn say(&mut self, text: &str) {
        self.drawn = 0;
        self.last = None;
        println!("{text}");
    }

    /// Shows the offices as they are now.
    pub(crate) fn show(&mut self, lines: &[Line]) {
        if self.terminal {
            self.redraw(lines);
        } else if self
            .last
            .is_none_or(|last| last.elapsed() >= Duration::from_secs(1))
        {
            self.last = Some(Instant::now());
            let offices: Vec<String> = lines.iter().map(plain).collect();
            println!("  {}", offices.join("   "));
        }
    }

    fn redraw(&mut self, lines: &[Line]) {
        let mut text = String::new();
        if self.drawn > 0 {
            text.push_str(&format!("\x1b[{}A", self.drawn));
        }
        text.push_str("\x1b[2K  office        sales rows   changes/s     lag ms   link\n");
        for line in lines {
            let link = if line.link_up {
                "up"
            } else {
                "\x1b[31mcut\x1b[0m"
            };
            text.push_str(&format!(
                "\x1b[2K  {:<12} {:>11} {:>11.0} {:>10}   {link}\n",
                line.office,
                line.rows,
                line.changes_per_second,
                line.lag.as_millis()
            ));
        }
        self.drawn = lines.len() + 1;
        print!("{text}");
        let _ = std::io::stdout().flush();
    }
}

fn plain(line: &Line) -> String {
    let link = if line.link_up { "" } else { ", link cut" };
    format!(
        "{}: {} rows, {:.0} changes/s, lag {} ms{link}",
        line.office,
        line.rows,
        line.changes_per_second,
        line.lag.as_millis()
    )
}
