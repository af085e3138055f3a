//! The answers that were given to requests with an ID, so that a repeated request is not executed again.

use alloc::collections::VecDeque;
use alloc::string::String;

use protocols::control::Id;

/// The last [`Memory::LIMIT`] requests with an ID; an older one is forgotten, and executed if it is repeated.
pub(super) struct Memory<P> {
    entries: VecDeque<Entry<P>>,
}

struct Entry<P> {
    peer: P,
    id: Id,
    answer: Option<String>,
}

/// What is known of a request.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Known<'a> {
    /// Nothing; from now on it is being executed.
    New,
    /// It is being executed.
    Waiting,
    /// It was answered so.
    Answered(&'a str),
}

impl<P: Copy + Eq> Memory<P> {
    pub(super) const LIMIT: usize = 64;

    pub(super) fn new() -> Memory<P> {
        Memory { entries: VecDeque::new() }
    }

    /// Looks a request up, and notes it if it is new.
    pub(super) fn note(&mut self, peer: P, id: Id) -> Known<'_> {
        match self.entries.iter().position(|entry| entry.peer == peer && entry.id == id) {
            Some(index) => match &self.entries[index].answer {
                Some(answer) => Known::Answered(answer),
                None => Known::Waiting,
            },
            None => {
                if self.entries.len() == Memory::<P>::LIMIT {
                    self.entries.pop_front();
                }
                self.entries.push_back(Entry { peer, id, answer: None });
                Known::New
            }
        }
    }

    /// Keeps the answer.
    pub(super) fn keep(&mut self, peer: P, id: Id, answer: String) {
        if let Some(entry) = self.entries.iter_mut().find(|entry| entry.peer == peer && entry.id == id) {
            entry.answer = Some(answer);
        }
    }
}
