//! What comes of an engine's answers, with an engine that answers as it is told.
#![allow(clippy::unwrap_used)] // helpers of tests

use std::path::PathBuf;
use std::time::Duration;

use insta::assert_snapshot;
use tagger_engine::{Client, Engine, EngineError, Method};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixListener;

const PODMAN: &str = "HTTP/1.1 200 OK\r\nApi-Version: 1.41\r\nLibpod-Api-Version: 4.3.1\r\nContent-Length: 2\r\n\r\nOK";
const DOCKER: &str = "HTTP/1.1 200 OK\r\nApi-Version: 1.50\r\nContent-Length: 2\r\n\r\nOK";

/// An engine that gives these answers, one a connection, and then is silent.
struct Scripted {
    folder: TempDir,
}

impl Scripted {
    fn answering(answers: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let listener = UnixListener::bind(folder.path().join("engine.sock")).unwrap();
        let answers: Vec<String> = answers.iter().map(|answer| answer.to_string()).collect();
        tokio::spawn(async move {
            for answer in answers {
                let (mut stream, _) = listener.accept().await.unwrap();
                let mut request = Vec::new();
                while !request.windows(4).any(|end| end == b"\r\n\r\n") {
                    assert_ne!(stream.read_buf(&mut request).await.unwrap(), 0);
                }
                stream.write_all(answer.as_bytes()).await.unwrap();
            }
            std::future::pending::<()>().await;
        });
        Self { folder }
    }

    fn socket(&self) -> PathBuf {
        self.folder.path().join("engine.sock")
    }

    async fn client(&self) -> Client {
        Client::at(&self.socket()).await.unwrap()
    }
}

fn json(status: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\n\r\n{body}", body.len())
}

#[tokio::test]
async fn engines_are_told_apart_by_their_answers() {
    let podman = Scripted::answering(&[PODMAN]).client().await;
    assert_eq!(podman.engine(), &Engine::Podman { version: "4.3.1".into() });
    assert_eq!(podman.as_docker().engine(), &Engine::Docker { api: "1.41".into() });
    let docker = Scripted::answering(&[DOCKER]).client().await;
    assert_eq!(docker.engine(), &Engine::Docker { api: "1.50".into() });
    let none = Scripted::answering(&["HTTP/1.1 200 OK\r\nContent-Length: 17\r\n\r\nApi-Version: 1.41"]);
    let error = Client::at(&none.socket()).await.unwrap_err();
    assert_snapshot!(error, @"cannot ask who listens: the container engine's answer is not understood: it names no version");
    let failing = Scripted::answering(&["HTTP/1.1 500 Oh\r\nApi-Version: 1.41\r\nContent-Length: 0\r\n\r\n"]);
    let error = Client::at(&failing.socket()).await.unwrap_err();
    assert_snapshot!(error, @"cannot ask who listens: the container engine answers 500 Internal Server Error");
}

#[tokio::test]
async fn a_socket_that_nobody_listens_on_is_no_engine() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("engine.sock");
    drop(UnixListener::bind(&socket).unwrap());
    let error = Client::at(&socket).await.unwrap_err();
    assert!(matches!(error, EngineError::Unreachable { .. }) && error.is_away(), "{error:?}");
}

#[tokio::test]
async fn an_engine_that_hangs_is_given_up() {
    let engine = Scripted::answering(&[PODMAN]);
    let client = engine.client().await;
    let call = client.call(Method::GET, "/containers/json", "list the containers");
    let error = call.patience(Duration::from_millis(10)).send().await.err().unwrap();
    assert!(matches!(error, EngineError::TimedOut { .. }) && error.is_away(), "{error:?}");
    assert!(error.to_string().starts_with("cannot list the containers: the container engine on `/"), "{error}");
}

#[tokio::test]
async fn a_refusal_has_the_words_of_the_engine() {
    let podman = r#"{"cause":"image not known","message":"x: image not known","response":500}"#;
    let answers = [PODMAN.to_owned(), json("500 Oh", podman), json("409 Oh", "plain words\n")];
    let engine = Scripted::answering(&answers.each_ref().map(String::as_str));
    let client = engine.client().await;
    let refused = async || {
        let call = client.call(Method::POST, "/containers/create", "create the container");
        call.send().await.err().unwrap().to_string()
    };
    assert_snapshot!(refused().await, @"cannot create the container: x: image not known");
    assert_snapshot!(refused().await, @"cannot create the container: plain words");
}

#[tokio::test]
async fn a_refusal_in_the_middle_of_a_stream_is_one() {
    let lines = "{\"stream\":\"Trying\\n\"}\r\n\n{\"error\":\"no such host\"}\n";
    let engine = Scripted::answering(&[PODMAN, &json("200 OK", lines)]);
    let mut told = Vec::new();
    let pulled = engine.client().await.pull_image("nowhere/x:1", |progress| told.push(progress.text)).await;
    assert_snapshot!(pulled.unwrap_err(), @"cannot pull image `nowhere/x:1`: no such host");
    assert_eq!(told, ["Trying"]);
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_no_answer() {
    let engine = Scripted::answering(&[PODMAN, "HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{\"Id\":"]);
    let error = engine.client().await.image("x").await.unwrap_err();
    assert!(matches!(error, EngineError::Broken { .. }) && error.is_away(), "{error:?}");
}

#[tokio::test]
async fn an_image_that_is_not_here_is_none() {
    let engine = Scripted::answering(&[PODMAN, &json("404 Oh", r#"{"message":"no such image"}"#)]);
    assert_eq!(engine.client().await.image("x").await.unwrap(), None);
}

#[tokio::test]
async fn an_image_is_known_by_its_digest_and_its_labels() {
    let docker = r#"{"Id":"sha256:12ab","Config":{"Labels":{"a":"b"},"Entrypoint":null,"Cmd":["x"]},"Size":7}"#;
    let engine = Scripted::answering(&[DOCKER, &json("200 OK", docker)]);
    let image = engine.client().await.image("x").await.unwrap().unwrap();
    assert_eq!((image.id.as_str(), image.labels["a"].as_str(), image.size_bytes), ("12ab", "b", 7));
    assert_eq!((image.entrypoint, image.command), (vec![], vec!["x".to_owned()]));
}
