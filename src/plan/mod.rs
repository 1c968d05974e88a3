//! From what is desired and what was observed to an ordered, guarded plan. Pure: time is an argument, and nothing is read or written.
