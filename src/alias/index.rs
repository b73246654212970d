//! Finds the few formats that can match a message by the texts that must occur in it.

use std::collections::HashMap;

use aho_corasick::AhoCorasick;

use crate::expr::pyregex::{Node, fold};

/// Alternatives beyond which a set of texts is no longer worth looking for.
const MAX_ALTERNATIVES: usize = 32;

/// Texts that a message must contain for a pattern to match: one of each set, folded.
pub(super) fn clauses(nodes: &[Node]) -> Vec<Vec<String>> {
    let mut out = Vec::new();
    let mut run = String::new();
    collect(nodes, &mut run, &mut out);
    finish(&mut run, &mut out);
    out
}

fn finish(run: &mut String, out: &mut Vec<Vec<String>>) {
    if !run.is_empty() {
        out.push(vec![std::mem::take(run)]);
    }
}

fn collect(nodes: &[Node], run: &mut String, out: &mut Vec<Vec<String>>) {
    for node in nodes {
        match node {
            Node::Literal { ch, .. } if !ch.is_whitespace() => run.push(fold(*ch)),
            Node::Group { body, .. } | Node::Scope(body) => collect(body, run, out),
            Node::Atomic(body) => collect(body, run, out),
            Node::Repeat { min, body, .. } if *min > 0 => {
                finish(run, out);
                out.extend(clauses(body));
            }
            Node::Branch(branches) => {
                finish(run, out);
                out.extend(any_of(branches));
            }
            _ => finish(run, out),
        }
    }
}

/// One set for a branch: the most telling text of each alternative.
fn any_of(branches: &[Vec<Node>]) -> Option<Vec<String>> {
    let mut texts = Vec::new();
    for branch in branches {
        let shortest = |set: &Vec<String>| set.iter().map(String::len).min();
        texts.extend(clauses(branch).into_iter().max_by_key(shortest)?);
    }
    (texts.len() <= MAX_ALTERNATIVES).then_some(texts)
}

/// The text in the form in which [`Index::candidates`] wants it.
pub(super) fn folded(text: &str) -> String {
    text.chars().map(fold).collect()
}

/// From texts that occur in a message to the formats that need them.
#[derive(Debug, Default)]
pub(super) struct Index {
    automaton: Option<AhoCorasick>,
    /// For each text the formats that are looked up by it.
    keyed: Vec<Vec<u32>>,
    /// For each format its sets, as numbers of texts.
    clauses: Vec<Vec<Vec<u32>>>,
    /// Formats without a text that must occur.
    always: Vec<u32>,
}

impl Index {
    /// Builds the index over the clauses of all formats, in order.
    pub(super) fn new<'c>(all: impl Iterator<Item = &'c [Vec<String>]>) -> Self {
        let mut numbers: HashMap<&str, u32> = HashMap::new();
        let mut texts: Vec<&str> = Vec::new();
        let mut frequency: Vec<u32> = Vec::new();
        let mut clauses: Vec<Vec<Vec<u32>>> = Vec::new();
        for format in all {
            let mut own = Vec::with_capacity(format.len());
            for set in format {
                let mut set: Vec<u32> = set
                    .iter()
                    .map(|text| {
                        *numbers.entry(text).or_insert_with(|| {
                            texts.push(text);
                            frequency.push(0);
                            u32::try_from(texts.len() - 1).unwrap_or(u32::MAX)
                        })
                    })
                    .collect();
                set.sort_unstable();
                set.dedup();
                for &text in &set {
                    frequency[text as usize] += 1;
                }
                own.push(set);
            }
            clauses.push(own);
        }
        let automaton = AhoCorasick::new(&texts).ok();
        let mut keyed = vec![Vec::new(); texts.len()];
        let mut always = Vec::new();
        for (format, sets) in clauses.iter().enumerate() {
            let format = u32::try_from(format).unwrap_or(u32::MAX);
            // Looked up by the rarest: most other formats are then never thought of.
            let rarest = sets.iter().min_by_key(|set| -> u64 {
                set.iter().map(|text| u64::from(frequency[*text as usize])).sum()
            });
            match rarest {
                Some(set) if automaton.is_some() => {
                    for text in set {
                        keyed[*text as usize].push(format);
                    }
                }
                _ => always.push(format),
            }
        }
        Index {
            automaton,
            keyed,
            clauses,
            always,
        }
    }

    /// Numbers of the formats that may match, in order. `text` is folded.
    pub(super) fn candidates(&self, text: &str) -> Vec<u32> {
        let mut found = self.always.clone();
        if let Some(automaton) = &self.automaton {
            let mut seen = vec![false; self.keyed.len()];
            let mut hits = Vec::new();
            for hit in automaton.find_overlapping_iter(text) {
                let text = hit.pattern().as_usize();
                if !std::mem::replace(&mut seen[text], true) {
                    hits.push(text);
                }
            }
            for text in hits {
                for &format in &self.keyed[text] {
                    let sets = &self.clauses[format as usize];
                    if sets.iter().all(|set| set.iter().any(|text| seen[*text as usize])) {
                        found.push(format);
                    }
                }
            }
        }
        found.sort_unstable();
        found.dedup();
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::expr::pyregex::{Flags, parse};

    fn of(pattern: &str) -> Vec<Vec<String>> {
        clauses(&parse(pattern, Flags::DOT_ALL).unwrap().nodes)
    }

    fn sets(sets: &[&[&str]]) -> Vec<Vec<String>> {
        sets.iter()
            .map(|set| set.iter().map(|text| (*text).to_owned()).collect())
            .collect()
    }

    #[test]
    fn only_what_must_occur_counts() {
        assert_eq!(of("Run .+? on x"), sets(&[&["run"], &["on"], &["x"]]));
        assert_eq!(of("(run|execute) a?b"), sets(&[&["run", "execute"], &["b"]]));
        assert_eq!(of("uptime?"), sets(&[&["uptim"]]));
        assert_eq!(of("(?:foo )?(?:bar)+(?=baz)"), sets(&[&["bar"]]));
        assert_eq!(of("(foo|.)x|y"), sets(&[&["x", "y"]]));
        assert_eq!(of("(foo|.*)|b"), sets(&[]));
    }

    #[test]
    fn candidates_contain_every_needed_text() {
        let all = [
            sets(&[&["deploy"], &["to"]]),
            sets(&[&["deploy"]]),
            sets(&[]),
            sets(&[&["stop", "start"], &["now"]]),
        ];
        let index = Index::new(all.iter().map(Vec::as_slice));
        assert_eq!(index.candidates("deploy web"), [1, 2]);
        assert_eq!(index.candidates("deploy web to prod"), [0, 1, 2]);
        assert_eq!(index.candidates("restart now"), [2, 3]);
        assert_eq!(index.candidates(""), [2]);
    }
}
