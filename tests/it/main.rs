//! Sayso as people meet it: the real binary as a process, talked to over HTTP, chat and the command line.

#![allow(clippy::print_stderr)] // a failed test shows what the processes wrote

mod support;
mod workflow_crashes;

mod answers;
mod bad_input;
mod command_line;
mod content;
mod conversations;
mod crash;
mod discord;
mod discord_conversations;
mod discord_once;
mod disk_full;
mod one_folder;
mod schedules;
mod sensors;
mod shell_data;
mod simulate;
mod slack;
mod slack_approvals;
mod slack_cards;
mod slack_streams;
mod stopping;
mod storms;
