//! `tagger logs`.

use std::io::{self, Read, Write};

use anyhow::Context;

use crate::args::LogsArgs;
use crate::remote::client::{Client, job_path, reader};
use crate::remote::views::Job;

/// How long the server is asked to wait for more.
const WAIT_SECONDS: u32 = 30;

/// Runs the command; gives the exit status.
pub fn logs(args: &LogsArgs) -> anyhow::Result<u8> {
    let client = Client::new(&args.server)?;
    let path = job_path(&args.job)?;
    let mut log = Log { client: &client, path: format!("{path}/log"), attempt: args.attempt, next: 0 };
    log.show_rest()?;
    if !args.follow {
        return Ok(0);
    }
    loop {
        // The server answers when something is said, or when nothing more will be.
        log.show(WAIT_SECONDS)?;
        let job: Job = client.get(&path, &vec![])?;
        let is_over = log.attempt.is_some_and(|attempt| attempt < job.attempts);
        if !is_over && !job.state.is_ended() {
            continue;
        }
        log.show_rest()?;
        if is_over && args.attempt.is_none() {
            (log.attempt, log.next) = (log.attempt.map(|attempt| attempt + 1), 0);
        } else {
            return Ok(0);
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
        while self.show(0)? {}
        Ok(())
    }

    /// Shows a piece of what was not shown, and says whether there was any; waits so many seconds for it.
    fn show(&mut self, wait_seconds: u32) -> anyhow::Result<bool> {
        let mut query = vec![("from", self.next.to_string()), ("wait", wait_seconds.to_string())];
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
            return Ok(false);
        }
        self.next = next;
        let mut out = io::stdout().lock();
        match out.write_all(&bytes).and_then(|()| out.flush()) {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => std::process::exit(0),
            result => result.context("cannot write to standard output")?,
        }
        Ok(true)
    }
}
