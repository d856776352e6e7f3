//! Where actions go. A sink, not a queue to be polled: when `handle` returns there is nothing left to drain.

use alloc::{collections::VecDeque, vec::Vec};

/// Takes the actions of a machine in the order in which it makes them.
pub trait Sink<A> {
    /// Takes one action.
    fn push(&mut self, action: A);
}

impl<A> Sink<A> for Vec<A> {
    fn push(&mut self, action: A) {
        Self::push(self, action);
    }
}

impl<A> Sink<A> for VecDeque<A> {
    fn push(&mut self, action: A) {
        self.push_back(action);
    }
}

impl<A, S: Sink<A> + ?Sized> Sink<A> for &mut S {
    fn push(&mut self, action: A) {
        (**self).push(action);
    }
}

/// Lifts the actions of a child into those of its parent.
pub struct MapSink<'a, S, F> {
    sink: &'a mut S,
    lift: F,
}

impl<'a, S, F> MapSink<'a, S, F> {
    /// A sink that hands `lift(action)` to `sink`.
    pub fn new(sink: &'a mut S, lift: F) -> Self {
        Self { sink, lift }
    }
}

impl<A, B, S: Sink<B>, F: FnMut(A) -> B> Sink<A> for MapSink<'_, S, F> {
    fn push(&mut self, action: A) {
        self.sink.push((self.lift)(action));
    }
}
