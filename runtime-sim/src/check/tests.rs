//! Every checker objects to a trace that breaks its property and to no other. Small traces by hand.
