//! A server that answers as told, byte by byte: one answer a connection.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_rustls::TlsAcceptor;

/// What becomes of one request.
#[derive(Debug, Clone)]
pub(super) enum Answer {
    /// These bytes, then the end.
    Bytes(String),
    /// These bytes, and nothing more while the connection stays.
    Stall(String),
    /// A reset, once the request has been read.
    Reset,
}

impl Answer {
    /// A whole answer; headers as `name: value` lines.
    pub(super) fn of(status: u16, headers: &[&str], body: &str) -> Self {
        let headers: String = headers.iter().map(|line| format!("{line}\r\n")).collect();
        let length = body.len();
        Self::Bytes(format!("HTTP/1.1 {status} X\r\ncontent-length: {length}\r\nconnection: close\r\n{headers}\r\n{body}"))
    }

    /// 200 with JSON.
    pub(super) fn json(body: &str) -> Self {
        Self::of(200, &["content-type: application/json"], body)
    }
}

/// A request as it came.
#[derive(Debug, Clone)]
pub(super) struct Seen {
    pub(super) when: Instant,
    pub(super) text: String,
}

/// Ends when it is dropped.
pub(super) struct Server {
    pub(super) address: SocketAddr,
    seen: Arc<Mutex<Vec<Seen>>>,
    answers: Arc<Mutex<Vec<Answer>>>,
    _tasks: JoinSet<()>,
}

impl Server {
    /// Answers in this order; the last answer is given again and again.
    pub(super) async fn start(answers: impl IntoIterator<Item = Answer>) -> Self {
        Self::start_at("127.0.0.1:0", answers, None).await
    }

    pub(super) async fn start_at(address: &str, answers: impl IntoIterator<Item = Answer>, tls: Option<TlsAcceptor>) -> Self {
        let listener = TcpListener::bind(address).await.unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let mut answers: Vec<Answer> = answers.into_iter().collect();
        answers.reverse();
        let answers = Arc::new(Mutex::new(answers));
        let mut tasks = JoinSet::new();
        let (log, script) = (Arc::clone(&seen), Arc::clone(&answers));
        tasks.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let (answers, log, tls) = (Arc::clone(&script), Arc::clone(&log), tls.clone());
                connections.spawn(async move {
                    match tls {
                        None => serve(stream, &answers, &log, |stream| stream.set_zero_linger().unwrap()).await,
                        Some(tls) => {
                            let Ok(stream) = tls.accept(stream).await else { return };
                            serve(stream, &answers, &log, |_| ()).await;
                        }
                    }
                });
            }
        });
        Self { address, seen, answers, _tasks: tasks }
    }

    /// Gives this answer from now on.
    pub(super) fn answer(&self, answer: Answer) {
        *self.answers.lock().unwrap() = vec![answer];
    }

    pub(super) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    pub(super) fn texts(&self) -> Vec<String> {
        self.seen().into_iter().map(|seen| seen.text).collect()
    }

    /// As an address.
    pub(super) fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

async fn serve<S: AsyncRead + AsyncWrite + Unpin>(mut stream: S, answers: &Mutex<Vec<Answer>>, log: &Mutex<Vec<Seen>>, reset: impl Fn(&S)) {
    let Some(text) = request(&mut stream).await else { return };
    log.lock().unwrap().push(Seen { when: Instant::now(), text });
    let answer = {
        let mut answers = answers.lock().unwrap();
        if answers.len() > 1 { answers.pop().unwrap() } else { answers[0].clone() }
    };
    match answer {
        Answer::Bytes(bytes) => {
            // Whoever asked may have gone.
            let _ = stream.write_all(bytes.as_bytes()).await;
            let _ = stream.shutdown().await;
        }
        Answer::Stall(bytes) => {
            let _ = stream.write_all(bytes.as_bytes()).await;
            let _ = stream.flush().await;
            std::future::pending::<()>().await;
        }
        Answer::Reset => reset(&stream),
    }
}

/// Head and body of one request.
async fn request<S: AsyncRead + Unpin>(stream: &mut S) -> Option<String> {
    let mut bytes = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).map_or(0, |length| length.parse().unwrap());
            if body.len() >= length {
                return Some(text);
            }
        }
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    }
}
