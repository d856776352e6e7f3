//! Goal: see `world`.
