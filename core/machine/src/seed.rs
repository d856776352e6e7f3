//! Randomness as data. A runtime makes one seed; every machine gets its own, forked by a label, so that a new
//! draw in one machine shifts no other stream. Not for keys: this generator is not cryptographic.

use siphasher::sip::SipHasher13;

/// 32 bytes from which a whole stream of draws follows.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Seed(pub [u8; 32]);

impl Seed {
    /// The seed of run number `number`, as used by the simulator and by tests.
    pub fn from_number(number: u64) -> Self {
        Self::derive(&[&number.to_le_bytes()])
    }

    /// The seed of the part called `label`. Different labels give unrelated streams.
    pub fn fork(&self, label: &str) -> Self {
        Self::derive(&[&self.0, label.as_bytes()])
    }

    fn derive(parts: &[&[u8]]) -> Self {
        let mut seed = [0; 32];
        for (lane, chunk) in seed.chunks_exact_mut(8).enumerate() {
            let mut hasher = SipHasher13::new_with_keys(0x7269_6e67_666f_7274, lane as u64);
            for part in parts {
                core::hash::Hasher::write(&mut hasher, part);
            }
            chunk.copy_from_slice(&core::hash::Hasher::finish(&hasher).to_le_bytes());
        }
        Self(seed)
    }
}

impl core::fmt::Debug for Seed {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Seed({:02x}{:02x}…)", self.0[0], self.0[1])
    }
}

/// A stream of draws: xoshiro256** (Blackman and Vigna 2018).
#[derive(Clone, Debug)]
pub struct Rng([u64; 4]);

impl Rng {
    /// The stream that follows from `seed`.
    pub fn new(seed: Seed) -> Self {
        let mut state = [0; 4];
        for (word, chunk) in state.iter_mut().zip(seed.0.chunks_exact(8)) {
            let mut bytes = [0; 8];
            bytes.copy_from_slice(chunk);
            *word = u64::from_le_bytes(bytes);
        }
        if state == [0; 4] {
            state[0] = 1; // the one state that the generator never leaves
        }
        Self(state)
    }

    /// The next 64 bits.
    pub fn next_u64(&mut self) -> u64 {
        let state = &mut self.0;
        let result = state[1].wrapping_mul(5).rotate_left(7).wrapping_mul(9);
        let shifted = state[1] << 17;
        state[2] ^= state[0];
        state[3] ^= state[1];
        state[1] ^= state[2];
        state[0] ^= state[3];
        state[2] ^= shifted;
        state[3] = state[3].rotate_left(45);
        result
    }

    /// A number in `0..bound`, evenly (Lemire's method without the rejection step: the bias is below 2^-32
    /// for every bound used here). `0` for a bound of `0`.
    pub fn below(&mut self, bound: u64) -> u64 {
        ((u128::from(self.next_u64()) * u128::from(bound)) >> 64) as u64
    }

    /// A number in `low..=high`; `low` if the range is empty.
    pub fn between(&mut self, low: u64, high: u64) -> u64 {
        low + self.below(high.saturating_sub(low).saturating_add(1))
    }

    /// True in `numerator` of `denominator` cases.
    pub fn chance(&mut self, numerator: u64, denominator: u64) -> bool {
        self.below(denominator) < numerator
    }

    /// Puts `items` into an even random order (Fisher and Yates).
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            let other = self.below(last as u64 + 1) as usize;
            items.swap(last, other);
        }
    }

    /// One of `items`, evenly; nothing if there are none.
    pub fn pick<'a, T>(&mut self, items: &'a [T]) -> Option<&'a T> {
        items.get(self.below(items.len() as u64) as usize)
    }
}
