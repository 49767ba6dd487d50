//! A server that tests talk to.

use std::io::{BufRead, BufReader, Read};
use std::process::{ChildStderr, Output};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::place::{Place, Running, ffmpeg, model};

/// A server over a place of its own.
pub struct Server {
    pub place: Place,
    pub child: Running,
    pub told: BufReader<ChildStderr>,
    pub url: String,
}

impl Server {
    /// A server in a place that holds these clips and models.
    pub fn start(clips: &[&str], models: &[&str]) -> Self {
        let place = Place::with(clips);
        for name in models.iter().chain(&["contract.py"]) {
            place.write(name, std::fs::read(model(name)).unwrap());
        }
        // Trouble is over soon, so that no test waits for it.
        place.write(
            "tagger-data/tagger-server.toml",
            "[retries]\nfirst_rest_seconds = 0.01\n[limits]\nrequest = \"10 kB\"\n",
        );
        Self::over(place, &[])
    }

    /// A server in a place that holds a folder with two stills.
    pub fn with_album(models: &[&str]) -> Self {
        let server = Self::start(&[], models);
        server.place.write("album/about.txt", "two stills");
        for still in ["a.png", "b.png"] {
            let make = format!("-f lavfi -i color=red:size=32x32 -frames:v 1 {still}");
            ffmpeg(&server.place.path("album"), &make);
        }
        server
    }

    pub fn over(place: Place, variables: &[(&str, &str)]) -> Self {
        let mut command = place.command(["serve", "--listen", "127.0.0.1:0"]);
        let mut child = Running(command.envs(variables.iter().copied()).spawn().unwrap());
        let mut told = BufReader::new(child.0.stderr.take().unwrap());
        let mut line = String::new();
        told.read_line(&mut line).unwrap();
        let url = line.strip_prefix("listening on ").and_then(|rest| rest.split(',').next());
        let url = url.unwrap_or_else(|| panic!("the server said: {line}")).to_owned();
        Self { place, child, told, url }
    }

    /// Ends the server by a signal, and checks that nothing is left of it. Tells its exit status and what it said.
    pub fn end(mut self, signal: Signal) -> (Place, String) {
        kill_process(Pid::from_child(&self.child.0), signal).unwrap();
        let mut told = String::new();
        self.told.read_to_string(&mut told).unwrap();
        let status = self.child.0.wait().unwrap();
        self.place.assert_nothing_is_left();
        (self.place, format!("exit {}\n{}", status.code().unwrap_or(-1), told.trim_end()))
    }

    /// Runs a command that talks to this server.
    pub fn run(&self, line: &str) -> Output {
        self.place.command(line.split_whitespace()).env("TAGGER_SERVER", &self.url).output().unwrap()
    }

    /// How a command ended and what it wrote, without what differs from run to run.
    pub fn tell(&self, line: &str) -> String {
        let output = self.run(line);
        let mut told = format!("exit {}", output.status.code().unwrap_or(-1));
        for (name, bytes) in [("stdout", output.stdout), ("stderr", output.stderr)] {
            let text = String::from_utf8(bytes).unwrap();
            if !text.is_empty() {
                told += &format!("\n--- {name}\n{}", text.trim_end());
            }
        }
        let told = told.replace(&self.url, "URL");
        let told = self.place.without_what_differs(&told);
        // States that a job only passes through are seen or not; times are what they are.
        let passing = |line: &&str| line.contains(": ") && (line.ends_with(" queued") || line.contains(" running, "));
        let lines = told.lines().filter(|line| !passing(line)).map(|line| {
            match line.find(" 20").filter(|_| line.ends_with("UTC")) {
                Some(at) => format!("{} TIME", &line[..at].trim_end()),
                None => line.to_owned(),
            }
        });
        lines.collect::<Vec<_>>().join("\n")
    }

    /// Asks over HTTP; gives the status and the answer.
    pub fn ask(&self, method: &str, path: &str, body: Option<&Value>) -> (u16, Value) {
        let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
        let url = format!("{}{path}", self.url);
        let answer = match (method, body) {
            ("GET", _) => agent.get(url).call(),
            ("DELETE", _) => agent.delete(url).call(),
            ("PUT", Some(body)) => agent.put(url).content_type("application/json").send(body.to_string()),
            (_, Some(body)) => agent.post(url).content_type("application/json").send(body.to_string()),
            (_, None) => agent.post(url).send_empty(),
        };
        let mut answer = answer.unwrap();
        let text = answer.body_mut().read_to_string().unwrap();
        (answer.status().as_u16(), serde_json::from_str(&text).unwrap_or(Value::String(text)))
    }

    /// A refusal in a line: status, code, field and message.
    pub fn refusal(&self, method: &str, path: &str, body: Value) -> String {
        let (status, answer) = self.ask(method, path, Some(&body));
        let error = &answer["error"];
        let text = |name: &str| error[name].as_str().unwrap_or("-").to_owned();
        let told = format!("{status} {} [{}] {}", text("code"), text("field"), text("message"));
        self.place.without_what_differs(&told)
    }

    pub fn path(&self, name: &str) -> String {
        self.place.path(name).to_str().unwrap().to_owned()
    }
}
