//! Sayso as people meet it: the real binary as a process, talked to over HTTP, chat and the command line.

mod support;

mod crash;
