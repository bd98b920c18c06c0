//! Random numbers that a seed brings back.

/// Random numbers of a seed, which is not zero.
#[derive(Debug)]
pub struct Random(
    /// The seed, then the last number.
    pub u64,
);

impl Random {
    /// A number below `end`.
    ///
    /// # Panics
    /// When `end` is zero.
    pub fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % end as u64).unwrap_or_default()
    }
}
