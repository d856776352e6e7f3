//! Every ring body has one encoding: golden vectors, round trips, and garbage that must be refused.
