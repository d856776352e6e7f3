//! The replay protocol keeps its bytes: golden vectors, round trips, and garbage that is refused.
