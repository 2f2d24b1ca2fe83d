//! Numbers that look random, the same for the same seed.

/// A generator: xorshift64* (Vigna, 2016). What a seed draws does not change, so that a case can be repeated by its seed.
#[derive(Debug, Clone)]
pub struct Random {
    state: u64,
    /// How many of the lower bits of a number are not used.
    unused: u32,
}

impl Random {
    /// Begins at this seed, which is not 0.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        assert_ne!(seed, 0, "from 0 nothing but 0 is drawn");
        Self { state: seed, unused: 0 }
    }

    /// For any seed, also 0: seeds that lie beside one another draw numbers that do not.
    #[must_use]
    pub fn spread(seed: u64) -> Self {
        // splitmix64 (Steele, Lea and Flood, 2014)
        let mut mixed = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        Self { state: (mixed ^ (mixed >> 31)) | 1, unused: 11 }
    }

    /// One of the numbers from 0 on that are less than this.
    pub fn below<N: TryInto<u64> + TryFrom<u64>>(&mut self, bound: N) -> N {
        self.state ^= self.state >> 12;
        self.state ^= self.state << 25;
        self.state ^= self.state >> 27;
        let drawn = self.state.wrapping_mul(0x2545_f491_4f6c_dd1d) >> self.unused;
        let bound: u64 = bound.try_into().ok().unwrap();
        N::try_from(drawn % bound).ok().unwrap()
    }

    /// One of these.
    pub fn of<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        &items[self.below(items.len())]
    }

    /// One of these; none when there are none.
    pub fn any_of<'a, T>(&mut self, items: &'a [T]) -> Option<&'a T> {
        (!items.is_empty()).then(|| self.of(items))
    }
}

#[cfg(test)]
mod tests {
    use super::Random;

    /// A seed that was printed once is as good later.
    #[test]
    fn what_a_seed_draws_does_not_change() {
        let drawn = |mut random: Random| [(); 6].map(|()| random.below(1_000_u64));
        assert_eq!(drawn(Random::new(1)), [165, 517, 103, 413, 928, 721]);
        assert_eq!(drawn(Random::spread(1)), [819, 223, 267, 829, 998, 273]);
        assert_eq!(drawn(Random::spread(0)), [736, 817, 313, 506, 646, 211]);
    }
}
