//! Randomness with a seed that is printed, so that a run can be repeated: `OFFICESYNC_SEED=n`.

use std::time::{SystemTime, UNIX_EPOCH};

/// A small generator (splitmix64): good enough to choose what to write, and it has no dependencies.
#[derive(Debug, Clone)]
pub struct Seed(u64);

impl Seed {
    /// The generator of a number.
    pub fn numbered(number: u64) -> Seed {
        Seed(number)
    }

    /// The number it was made of, as long as nothing was drawn.
    pub fn number(&self) -> u64 {
        self.0
    }

    /// The seed of this run, from `OFFICESYNC_SEED` or the clock; it is printed.
    pub fn of_run(what: &str) -> Seed {
        let number = std::env::var("OFFICESYNC_SEED")
            .ok()
            .and_then(|text| text.parse().ok())
            .unwrap_or_else(|| {
                SystemTime::now()
                    .duration_since(UNIX_EPOCH)
                    .map_or(1, |time| time.as_nanos() as u64 % 1_000_000_007)
            });
        println!("{what}: OFFICESYNC_SEED={number}");
        Seed(number)
    }

    /// A generator of its own for each `name`, the same in each run with the same seed.
    pub fn branch(&self, name: &str) -> Seed {
        let mut state = self.0;
        for byte in name.bytes() {
            state = state.wrapping_mul(0x0100_0000_01b3) ^ u64::from(byte);
        }
        Seed(state)
    }

    /// The next 64 random bits.
    pub fn draw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number from 0 up to but not including `bound`.
    pub fn below(&mut self, bound: u64) -> u64 {
        self.draw() % bound.max(1)
    }

    /// True in `percent` of a hundred cases.
    pub fn chance(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    /// A random uuid as text.
    pub fn uuid(&mut self) -> String {
        let (high, low) = (self.draw(), self.draw());
        format!(
            "{:08x}-{:04x}-4{:03x}-8{:03x}-{:012x}",
            high >> 32,
            (high >> 16) & 0xffff,
            high & 0xfff,
            (low >> 48) & 0xfff,
            low & 0xffff_ffff_ffff
        )
    }
}

/// A secret nobody can guess, for a throw-away server's passwords.
pub fn secret() -> String {
    use std::io::Read;
    let mut bytes = [0_u8; 16];
    std::fs::File::open("/dev/urandom")
        .and_then(|mut file| file.read_exact(&mut bytes))
        .expect("/dev/urandom");
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
