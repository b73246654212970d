//! Configuration: defaults, then the file, then variables, then flags; each value knows where it came from.
