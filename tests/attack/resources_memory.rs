//! Bodies that take many times their length in memory.
