//! One seeded campaign against one target: the corpus first, then inputs without end, each made from those that
//! showed something new. The same seed and corpus give the same executions, however long they take.

use ringfort_machine::{Rng, Seed};

use crate::{Failure, Marks, Mutator, Target, guarded};

/// The most inputs that are kept to build on.
const KEPT: usize = 4096;

/// An input that failed, as it was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// The input.
    pub input: Vec<u8>,
    /// How it failed.
    pub failure: Failure,
}

/// A campaign and what it has learnt.
#[derive(Debug)]
pub struct Campaign<'a> {
    target: &'a Target,
    mutator: Mutator<'a>,
    /// The corpus, last input first, as long as it has not been run.
    waiting: Vec<Vec<u8>>,
    kept: Vec<Vec<u8>>,
    seen: Marks,
    marks: Marks,
    executions: u64,
}

impl<'a> Campaign<'a> {
    /// A campaign that starts with `corpus`. Lanes of the same seed draw different inputs.
    pub fn new(target: &'a Target, corpus: Vec<Vec<u8>>, seed: u64, lane: usize) -> Self {
        let seed = Seed::from_number(seed)
            .fork(target.name)
            .fork(&lane.to_string());
        let mut waiting = corpus;
        waiting.reverse();
        Self {
            target,
            mutator: Mutator::new(target, Rng::new(seed)),
            waiting,
            kept: Vec::new(),
            seen: Marks::default(),
            marks: Marks::default(),
            executions: 0,
        }
    }

    /// The next input. Made before it is run, so that whoever runs the campaign can keep a copy at hand.
    pub fn prepare(&mut self) -> Vec<u8> {
        self.waiting
            .pop()
            .unwrap_or_else(|| self.mutator.next(&self.kept))
    }

    /// Runs `input` and learns from it.
    ///
    /// # Errors
    /// The input, if it failed.
    pub fn execute(&mut self, input: Vec<u8>) -> Result<(), Box<Found>> {
        self.executions += 1;
        self.marks.clear();
        let outcome = guarded(self.target, &input, &mut self.marks);
        if let Err(failure) = outcome {
            return Err(Box::new(Found { input, failure }));
        }
        if self.seen.absorb(&self.marks) && self.kept.len() < KEPT {
            self.kept.push(input);
        }
        Ok(())
    }

    /// How often the target ran.
    pub const fn executions(&self) -> u64 {
        self.executions
    }

    /// How many marks there are.
    pub fn marks(&self) -> usize {
        self.seen.len()
    }

    /// The inputs that showed something new, in the order in which they did.
    pub fn kept(&self) -> &[Vec<u8>] {
        &self.kept
    }

    /// A few small inputs that together show most of what `kept` shows: the shortest first, each only if it adds
    /// a mark, and at most `most` of them with the greatest additions.
    pub fn distil(&self, most: usize) -> Vec<Vec<u8>> {
        let mut inputs: Vec<&Vec<u8>> = self.kept.iter().collect();
        inputs.sort_by_key(|input| input.len());
        let mut seen = Marks::default();
        let mut chosen = Vec::new();
        for input in inputs {
            let mut marks = Marks::default();
            let before = seen.len();
            if guarded(self.target, input, &mut marks).is_ok() && seen.absorb(&marks) {
                chosen.push((seen.len() - before, input.clone()));
            }
        }
        chosen.sort_by_key(|(added, _)| std::cmp::Reverse(*added));
        chosen.truncate(most);
        chosen.into_iter().map(|(_, input)| input).collect()
    }
}
