//! Makes a failing input small: first by taking pieces out, then by making bytes plain (after delta debugging,
//! Zeller and Hildebrandt 2002). A candidate counts only if it fails at the same place.

use crate::{Failure, Marks, Target, guarded};

/// The smallest input found that fails where `failure` was raised, within `executions` runs, and how it fails.
pub fn minimise(
    target: &Target,
    input: &[u8],
    failure: Failure,
    executions: usize,
) -> (Vec<u8>, Failure) {
    let mut search = Search {
        target,
        best: input.to_vec(),
        failure,
        left: executions,
    };
    loop {
        let before = search.best.clone();
        search.shorten();
        search.plain();
        if search.best == before || search.left == 0 {
            return (search.best, search.failure);
        }
    }
}

struct Search<'a> {
    target: &'a Target,
    best: Vec<u8>,
    failure: Failure,
    left: usize,
}

impl Search<'_> {
    /// Takes `candidate` if it fails in the same way.
    fn attempt(&mut self, candidate: Vec<u8>) -> bool {
        if self.left == 0 {
            return false;
        }
        self.left -= 1;
        match guarded(self.target, &candidate, &mut Marks::default()) {
            Err(failure) if failure.place == self.failure.place => {
                self.best = candidate;
                self.failure = failure;
                true
            }
            Ok(()) | Err(_) => false,
        }
    }

    /// Removes pieces, from halves down to single bytes.
    fn shorten(&mut self) {
        let mut piece = self.best.len().next_power_of_two();
        while piece > 0 && self.left > 0 {
            let mut at = 0;
            while at < self.best.len() && self.left > 0 {
                let end = at.saturating_add(piece).min(self.best.len());
                let mut candidate = self.best.clone();
                candidate.drain(at..end);
                if !self.attempt(candidate) {
                    at = end;
                }
            }
            piece /= 2;
        }
    }

    /// Sets bytes to zero.
    fn plain(&mut self) {
        for at in 0..self.best.len() {
            let mut candidate = self.best.clone();
            match candidate.get_mut(at) {
                Some(byte) if *byte != 0 => *byte = 0,
                Some(_) | None => continue,
            }
            self.attempt(candidate);
        }
    }
}
