//! The rustls client of the stacks: one job per line, "FEATURE key=value ...", on the command line
//! or on stdin; each is answered with one line, "ok ...", "refused ..." or "error ...".

mod dial;
mod features;

use std::collections::HashMap;
use std::io::{self, BufRead, Write};

pub type Job = HashMap<String, String>;

/// What ended a job early.
pub enum Failure {
    Refused(String),
    Error(String),
}

impl From<io::Error> for Failure {
    fn from(why: io::Error) -> Self {
        use io::ErrorKind::*;
        let text = why.to_string();
        let by_peer = matches!(
            why.kind(),
            ConnectionReset | BrokenPipe | UnexpectedEof | ConnectionAborted
        );
        if by_peer || text.contains("received fatal alert") {
            Failure::Refused(text)
        } else {
            Failure::Error(text)
        }
    }
}

fn run(words: &[&str]) -> String {
    let job: Job = words[1..]
        .iter()
        .filter_map(|word| word.split_once('='))
        .map(|(key, value)| (key.into(), value.into()))
        .collect();
    let said = match features::run(words[0], &job) {
        Ok(text) => format!("ok {text}"),
        Err(Failure::Refused(why)) => format!("refused {why}"),
        Err(Failure::Error(why)) => format!("error {why}"),
    };
    said.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    if !args.is_empty() {
        println!(
            "{}",
            run(&args.iter().map(String::as_str).collect::<Vec<_>>())
        );
        return;
    }
    for line in io::stdin().lock().lines().map_while(Result::ok) {
        println!("{}", run(&line.split(' ').collect::<Vec<_>>()));
        let _ = io::stdout().flush();
    }
}
