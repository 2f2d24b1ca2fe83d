//! A way to a server that breaks at a chosen moment, and stays broken.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
        mpsc::{Receiver, Sender, channel},
    },
    thread,
};

/// Where a question and its answer break off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cut {
    /// Before the question reaches the server.
    BeforeQuestion,
    /// In the middle of the question.
    WithinQuestion,
    /// After the server has answered, before anything of it arrives.
    BeforeAnswer,
    /// In the middle of the answer.
    WithinAnswer,
}

impl Cut {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::BeforeQuestion, Self::WithinQuestion, Self::BeforeAnswer, Self::WithinAnswer];
}

/// The way. It lives as long as the process.
#[derive(Debug)]
pub struct Proxy {
    /// Its URL.
    pub url: String,
    way: Arc<Way>,
    asked: Receiver<()>,
}

#[derive(Debug)]
struct Way {
    server: String,
    /// The number of the question, from 0, at which it breaks, and how.
    cut: Option<(usize, Cut)>,
    questions: AtomicUsize,
    broken: AtomicBool,
    asked: Sender<()>,
}

impl Proxy {
    /// One to the server at this address that breaks at a question, or never.
    #[must_use]
    pub fn to(server: &str, cut: Option<(usize, Cut)>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (sender, asked) = channel();
        let (questions, broken) = (AtomicUsize::new(0), AtomicBool::new(false));
        let way = Arc::new(Way { server: server.to_owned(), cut, questions, broken, asked: sender });
        let proxy = Self { url, way: Arc::clone(&way), asked };
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let way = Arc::clone(&way);
                // Whoever comes when it is broken, or when the server is not there, is turned away.
                thread::spawn(move || way.lead(&client));
            }
        });
        proxy
    }

    /// How many questions came so far.
    #[must_use]
    pub fn questions(&self) -> usize {
        self.way.questions.load(Ordering::SeqCst)
    }

    /// Whether it is broken.
    #[must_use]
    pub fn is_broken(&self) -> bool {
        self.way.broken.load(Ordering::SeqCst)
    }

    /// Waits for the next question, which is on its way to the server then.
    pub fn next_question(&self) {
        self.asked.recv().unwrap();
    }
}

impl Way {
    fn lead(&self, client: &TcpStream) -> Option<()> {
        let server = TcpStream::connect(&self.server).ok()?;
        let (mut from_client, mut from_server) = (BufReader::new(client), BufReader::new(&server));
        loop {
            let question = message(&mut from_client)?;
            if self.broken.load(Ordering::SeqCst) {
                return None;
            }
            let number = self.questions.fetch_add(1, Ordering::SeqCst);
            let cut = self.cut.filter(|(at, _)| *at == number).map(|(_, cut)| cut);
            if let Some(Cut::BeforeQuestion | Cut::WithinQuestion) = cut {
                self.broken.store(true, Ordering::SeqCst);
                if cut == Some(Cut::WithinQuestion) {
                    (&server).write_all(&question[..question.len() / 2]).ok()?;
                }
                return None;
            }
            (&server).write_all(&question).ok()?;
            // Nobody need listen.
            let _ = self.asked.send(());
            let answer = message(&mut from_server)?;
            if cut.is_some() {
                self.broken.store(true, Ordering::SeqCst);
                if cut == Some(Cut::WithinAnswer) {
                    (&mut &*client).write_all(&answer[..answer.len() / 2]).ok()?;
                }
                return None;
            }
            (&mut &*client).write_all(&answer).ok()?;
        }
    }
}

/// One HTTP message with its body; none when the other side has ended.
fn message(from: &mut BufReader<&TcpStream>) -> Option<Vec<u8>> {
    let (mut message, mut length) = (Vec::new(), 0);
    loop {
        let mut line = String::new();
        if from.read_line(&mut line).ok()? == 0 {
            return None;
        }
        message.extend_from_slice(line.as_bytes());
        let lower = line.to_ascii_lowercase();
        assert!(!lower.starts_with("transfer-encoding"), "bodies have a length here");
        if let Some(given) = lower.strip_prefix("content-length:") {
            length = given.trim().parse().unwrap();
        }
        if line == "\r\n" {
            break;
        }
    }
    let mut body = vec![0; length];
    from.read_exact(&mut body).ok()?;
    message.extend(body);
    Some(message)
}
