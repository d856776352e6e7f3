//! A thread that does what may block, one order after the other, so that the loop never waits for it.
//!
//! Orders go in by a channel and complete in the order given; completions come back by another, and a mio
//! waker tells the loop. Used for the disk and for addresses. The thread takes everything that waits at once,
//! so that an executor can do several orders in one go (see [`crate::disk`]).

use std::{
    io,
    sync::{
        Arc,
        mpsc::{self, Receiver, Sender},
    },
    thread::{Builder, JoinHandle},
};

use mio::Waker;

/// The most orders that are handed to the executor at once.
const TOGETHER: usize = 256;

/// The loop's end of a worker.
#[derive(Debug)]
pub(crate) struct Worker<Order, Completion> {
    orders: Option<Sender<Order>>,
    completions: Receiver<Completion>,
    thread: Option<JoinHandle<()>>,
}

impl<Order: Send + 'static, Completion: Send + 'static> Worker<Order, Completion> {
    /// Starts a thread called `name` that runs `execute` on whatever waits. `execute` must push exactly one
    /// completion for each order, in their order.
    pub(crate) fn start(
        name: &str,
        waker: Arc<Waker>,
        mut execute: impl FnMut(&mut Vec<Order>, &mut Vec<Completion>) + Send + 'static,
    ) -> io::Result<Self> {
        let (orders, inbox) = mpsc::channel::<Order>();
        let (outbox, completions) = mpsc::channel();
        let thread = Builder::new().name(name.into()).spawn(move || {
            let mut batch = Vec::new();
            let mut done = Vec::new();
            while let Ok(order) = inbox.recv() {
                batch.push(order);
                while batch.len() < TOGETHER
                    && let Ok(order) = inbox.try_recv()
                {
                    batch.push(order);
                }
                let expected = batch.len();
                execute(&mut batch, &mut done);
                assert_eq!(done.len(), expected, "one completion for each order");
                batch.clear();
                for completion in done.drain(..) {
                    if outbox.send(completion).is_err() {
                        return; // the loop is gone
                    }
                }
                // The eventfd behind the waker is only ever full of wakes that are still to come.
                let _ = waker.wake();
            }
        })?;
        Ok(Self {
            orders: Some(orders),
            completions,
            thread: Some(thread),
        })
    }

    /// Hands an order over. The node bounds what it has outstanding, so the channel needs no limit of its own.
    pub(crate) fn order(&mut self, order: Order) {
        let orders = self.orders.as_ref().expect("only finish() takes it");
        orders
            .send(order)
            .expect("the worker lives as long as its channel");
    }

    /// The next completion, if there is one.
    pub(crate) fn completed(&mut self) -> Option<Completion> {
        self.completions.try_recv().ok()
    }

    /// Waits until everything ordered is done, and ends the thread.
    pub(crate) fn finish(&mut self) {
        self.orders = None;
        if let Some(thread) = self.thread.take() {
            // A panic there has already been printed; there is nothing to add at the end.
            let _ = thread.join();
        }
    }
}

impl<Order, Completion> Drop for Worker<Order, Completion> {
    fn drop(&mut self) {
        self.orders = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
