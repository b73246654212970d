//! The  command line.
