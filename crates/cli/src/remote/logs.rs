//! `tagger logs`.

use std::io::{self, BufRead, BufReader, Read, Write};

use anyhow::Context;

use crate::args::LogsArgs;
use crate::remote::client::{Client, job_path, reader};
use crate::remote::views::Job;

/// Runs the command; gives the exit status.
pub fn logs(args: &LogsArgs) -> anyhow::Result<u8> {
    let client = Client::new(&args.server)?;
    let path = job_path(&args.job)?;
    let mut log = Log { client: &client, path: format!("{path}/log"), attempt: args.attempt, next: 0 };
    log.show_rest()?;
    if !args.follow {
        return Ok(0);
    }
    // Whenever something has happened to the job, its program may have said something; and a program that says something
    // without that is heard each time that the stream shows it is alive.
    let events = client.open("/v1/events", &vec![("job", args.job.clone())], &[])?;
    let mut lines = BufReader::new(reader(events)).lines();
    loop {
        let job: Job = client.get(&path, &vec![])?;
        if args.attempt.is_none() && log.attempt.is_some_and(|attempt| attempt < job.attempts) {
            log.show_rest()?;
            (log.attempt, log.next) = (Some(job.attempts), 0);
        }
        log.show_rest()?;
        if job.state.is_ended() {
            return Ok(0);
        }
        match lines.next() {
            Some(Ok(_)) => {}
            Some(Err(_)) | None => anyhow::bail!("the server has gone"),
        }
    }
}

struct Log<'a> {
    client: &'a Client,
    path: String,
    attempt: Option<u32>,
    next: u64,
}

impl Log<'_> {
    /// Shows what is there and was not shown.
    fn show_rest(&mut self) -> anyhow::Result<()> {
        loop {
            let mut query = vec![("from", self.next.to_string())];
            query.extend(self.attempt.map(|attempt| ("attempt", attempt.to_string())));
            let response = self.client.open(&self.path, &query, &[])?;
            let header = |name: &str| response.headers().get(name)?.to_str().ok()?.parse::<u64>().ok();
            let next = header("tagger-log-next").context("the server's answer is not understood")?;
            let attempt = header("tagger-log-attempt").and_then(|attempt| u32::try_from(attempt).ok());
            let mut bytes = Vec::new();
            reader(response).read_to_end(&mut bytes).context("the server's answer broke off")?;
            // Attempts are counted from 1: until there is one, the latest is still to come.
            self.attempt = self.attempt.or(attempt.filter(|attempt| *attempt > 0));
            if bytes.is_empty() {
                return Ok(());
            }
            self.next = next;
            let mut out = io::stdout().lock();
            match out.write_all(&bytes).and_then(|()| out.flush()) {
                Err(error) if error.kind() == io::ErrorKind::BrokenPipe => std::process::exit(0),
                result => result.context("cannot write to standard output")?,
            }
        }
    }
}
