//! Everything a node needs to know before it starts: the typed settings, checked as a whole.
