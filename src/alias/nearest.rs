//! The commands that a message may have meant: word by word, tolerant of typing errors.

use std::collections::HashMap;

use serde::Serialize;

use crate::expr::pyregex::fold;

use super::format::{Format, Piece};

/// How many commands are suggested at most: more than are shown, because not everybody may run everything.
const SUGGESTIONS: usize = 8;
/// Suggestions below this score would only puzzle.
const MIN_SCORE: f32 = 0.35;
/// Words of a message that are looked at.
const MAX_WORDS: usize = 16;
/// Longest word (characters) that is compared.
const MAX_WORD: usize = 32;
/// How alike a word that was said and a word of a command must be for the one to be meant by the other.
const MEANT: f32 = 0.5;

/// A command that a message may have meant.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Nearest {
    /// `pack.name` of the alias.
    pub alias: String,
    /// Its help text.
    pub display: String,
    /// From 0 (nothing in common) to 1 (all words there).
    pub score: f32,
    /// Number of its format.
    #[serde(skip)]
    pub(super) format: u32,
}

/// The literal words of all formats.
#[derive(Debug, Default)]
pub(super) struct Vocabulary {
    words: Vec<Word>,
    /// For each format (by number) the words in it.
    formats: Vec<(u32, Vec<u32>)>,
}

#[derive(Debug)]
struct Word {
    text: String,
    length: usize,
    letters: u64,
}

impl Word {
    fn new(text: String) -> Self {
        // Which letters occur: two words that differ in many are not worth a closer look.
        let letters = text.chars().fold(0, |bits, ch| bits | 1 << (u32::from(ch) % 64));
        Word {
            length: text.chars().count(),
            text,
            letters,
        }
    }

    /// How alike two words are, from 0 to 1.
    fn likeness(&self, other: &Word) -> f32 {
        if self.text == other.text {
            return 1.0;
        }
        let (short, long) = (self.length.min(other.length), self.length.max(other.length));
        let allowed = long / 3;
        // What was typed so far counts, the more of the word the better.
        let prefix = if other.length >= 2 && self.text.starts_with(&other.text) {
            0.6 + 0.35 * ratio(other.length, self.length)
        } else {
            0.0
        };
        let different = (self.letters ^ other.letters).count_ones() as usize;
        if long > MAX_WORD || long - short > allowed || different > 2 * allowed {
            return prefix;
        }
        let distance = strsim::osa_distance(&self.text, &other.text);
        if distance > allowed {
            prefix
        } else {
            prefix.max(1.0 - ratio(distance, long))
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "word lengths and counts are small")]
fn ratio(part: usize, whole: usize) -> f32 {
    part as f32 / whole.max(1) as f32
}

impl Vocabulary {
    pub(super) fn new<'f>(formats: impl Iterator<Item = (u32, &'f Format)>) -> Self {
        let mut numbers: HashMap<String, u32> = HashMap::new();
        let mut vocabulary = Vocabulary::default();
        for (number, format) in formats {
            let mut own: Vec<u32> = Vec::new();
            for piece in format.pieces() {
                let Piece::Text(text) = piece else { continue };
                for word in words(&spoken(text)) {
                    let next = u32::try_from(vocabulary.words.len()).unwrap_or(u32::MAX);
                    let id = *numbers.entry(word).or_insert_with_key(|word| {
                        vocabulary.words.push(Word::new(word.clone()));
                        next
                    });
                    if !own.contains(&id) {
                        own.push(id);
                    }
                }
            }
            if !own.is_empty() {
                vocabulary.formats.push((number, own));
            }
        }
        vocabulary
    }

    /// Numbers of the nearest formats with their scores, best first; `group` tells which formats are
    /// the same command to a user.
    pub(super) fn nearest<G: PartialEq>(&self, message: &str, group: impl Fn(u32) -> G) -> Vec<(u32, f32)> {
        let asked: Vec<Word> = words(message).take(MAX_WORDS).map(Word::new).collect();
        if asked.is_empty() {
            return Vec::new();
        }
        let likeness: Vec<f32> = self
            .words
            .iter()
            .map(|word| {
                asked.iter().enumerate().fold(0.0, |best: f32, (place, asked)| {
                    // Commands begin with their verb; words further on are more often values.
                    best.max(word.likeness(asked) * if place < 4 { 1.0 } else { 0.9 })
                })
            })
            .collect();
        let mut scored: Vec<(u32, f32)> = self
            .formats
            .iter()
            .filter_map(|(number, words)| {
                let score = score(words, &likeness, asked.len());
                (score >= MIN_SCORE).then_some((*number, score))
            })
            .collect();
        scored.sort_by(|(a, left), (b, right)| right.total_cmp(left).then(a.cmp(b)));
        let mut best: Vec<(u32, f32)> = Vec::with_capacity(SUGGESTIONS);
        for (number, score) in scored {
            if !best.iter().any(|(known, _)| group(*known) == group(number)) {
                best.push((number, score));
                if best.len() == SUGGESTIONS {
                    break;
                }
            }
        }
        best
    }
}

/// The message with the words of a format in place of those that are alike, in the same order; `None` when words of
/// the format have no counterpart, or when nothing would change. Whether the format matches it is another question.
pub(super) fn corrected(message: &str, format: &Format) -> Option<String> {
    let literal = |piece: &Piece| match piece {
        Piece::Text(text) => words(&spoken(text)).map(Word::new).collect(),
        _ => Vec::new(),
    };
    let wanted: Vec<Word> = format.pieces().iter().flat_map(literal).collect();
    let said: Vec<(usize, &str)> = located(message).take(2 * MAX_WORDS).collect();
    if wanted.is_empty() || wanted.len() > said.len() {
        return None;
    }
    let asked: Vec<Word> = said
        .iter()
        .map(|(_, word)| Word::new(word.chars().map(fold).collect()))
        .collect();
    // best[w][a]: how alike the words are at most when those from `w` on find theirs among those from `a` on.
    let mut best = vec![vec![Some(0.0_f32); asked.len() + 1]; wanted.len() + 1];
    for (w, word) in wanted.iter().enumerate().rev() {
        best[w][asked.len()] = None;
        for (a, other) in asked.iter().enumerate().rev() {
            let taken = taken(word, other, best[w + 1][a + 1]);
            best[w][a] = match (taken, best[w][a + 1]) {
                (Some(taken), Some(left)) => Some(taken.max(left)),
                (one, other) => one.or(other),
            };
        }
    }
    best[0][0]?;
    let mut out = String::with_capacity(message.len() + 16);
    let (mut copied, mut w) = (0, 0);
    for (a, (start, text)) in said.iter().enumerate() {
        let Some(word) = wanted.get(w) else { break };
        let here = taken(word, &asked[a], best[w + 1][a + 1]);
        if here.is_some() && here == best[w][a] {
            w += 1;
            if asked[a].text != word.text {
                out.push_str(&message[copied..*start]);
                out.push_str(&word.text);
                copied = start + text.len();
            }
        }
    }
    out.push_str(&message[copied..]);
    (copied > 0).then_some(out)
}

fn taken(word: &Word, said: &Word, rest: Option<f32>) -> Option<f32> {
    let likeness = word.likeness(said);
    rest.filter(|_| likeness >= MEANT).map(|rest| rest + likeness)
}

/// How much of a format's words the message has; its first word counts twice.
fn score(words: &[u32], likeness: &[f32], asked: usize) -> f32 {
    let mut found = 0.0;
    let mut total = 0.0;
    let mut matched = 0;
    for (place, word) in words.iter().enumerate() {
        let weight = if place == 0 { 2.0 } else { 1.0 };
        let like = likeness[*word as usize];
        found += weight * like;
        total += weight;
        matched += usize::from(like > 0.0);
    }
    let recall = found / total;
    // Among formats with all words there, the one that leaves fewer words unexplained is nearer.
    let precision = ratio(matched.min(asked), asked);
    recall * (0.85 + 0.15 * precision)
}

/// What people would say of a piece of a regular expression: without classes, repetitions, what may be left out
/// and what a named group captures; of alternatives the first.
fn spoken(regex: &str) -> String {
    struct Group {
        start: usize,
        named: bool,
        first: Option<usize>,
    }
    let mut out = String::with_capacity(regex.len());
    let mut groups: Vec<Group> = Vec::new();
    let mut chars = regex.chars().peekable();
    while let Some(char) = chars.next() {
        match char {
            '\\' => match chars.next() {
                Some(escaped) if escaped.is_alphanumeric() => out.push(' '),
                Some(escaped) => out.push(escaped),
                None => {}
            },
            '[' => {
                let mut first = true;
                while let Some(inside) = chars.next() {
                    match inside {
                        '\\' => drop(chars.next()),
                        ']' if !first => break,
                        _ => {}
                    }
                    first = first && inside == '^';
                }
                out.push(' ');
            }
            '(' => {
                let mut named = false;
                if chars.next_if_eq(&'?').is_some() {
                    let python = chars.next_if_eq(&'P').is_some();
                    let angle = chars.next_if_eq(&'<').is_some();
                    // `(?<=` and `(?<!` look behind and capture nothing.
                    named = python || (angle && !matches!(chars.peek(), Some('=' | '!')));
                    if named {
                        chars.by_ref().find(|char| matches!(char, '>' | ')'));
                    } else {
                        chars.next();
                    }
                }
                groups.push(Group {
                    start: out.len(),
                    named,
                    first: None,
                });
            }
            '|' => match groups.last_mut() {
                Some(group) => {
                    group.first.get_or_insert(out.len());
                }
                None => out.push(' '),
            },
            ')' => {
                let optional = matches!(chars.peek(), Some('?' | '*'));
                if let Some(group) = groups.pop() {
                    let end = group.first.unwrap_or(out.len());
                    out.truncate(if group.named || optional { group.start } else { end });
                }
            }
            '?' | '*' => {
                // The letter before it may be left out.
                if out.ends_with(char::is_alphanumeric) {
                    out.pop();
                }
            }
            '{' => {
                chars.by_ref().find(|char| *char == '}');
            }
            '+' | '^' | '$' | '.' => out.push(' '),
            other => out.push(other),
        }
    }
    out
}

/// Words of a text, folded: what regexes put between them does not count.
fn words(text: &str) -> impl Iterator<Item = String> {
    located(text).map(|(_, word)| word.chars().map(fold).collect())
}

/// Words of a text with the bytes at which they begin.
fn located(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.split(|c: char| !(c.is_alphanumeric() || matches!(c, '_' | '-')))
        .map(|word| word.trim_matches('-'))
        .filter(|word| !word.is_empty())
        .map(move |word| (word.as_ptr() as usize - text.as_ptr() as usize, word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn misspelt_words_are_put_right_and_values_are_left_alone() {
        for (format, said, meant) in [
            ("deploy {{app}}", "depoy Api", Some("deploy Api")),
            ("deploy {{app}} to {{env}}", "deplyo api ot prod", None),
            (
                "deploy {{app}} to {{env}}",
                "Deplyo to to prod",
                Some("deploy to to prod"),
            ),
            (
                "deploy {{app}} into {{env}}",
                "deplpoy  \"web app\" inot prod",
                Some("deploy  \"web app\" into prod"),
            ),
            ("deploy {{app}}", "deploy api", None),
            ("restart {{what}}", "depoy api", None),
            ("{{anything}}", "depoy api", None),
            (
                "count to {{last}} lines",
                "cuont to 5 lines",
                Some("count to 5 lines"),
            ),
            ("straße {{n}}", "strasse 5 ä", Some("straße 5 ä")),
        ] {
            let got = corrected(said, &Format::new(format));
            assert_eq!(got.as_deref(), meant, "{format}: {said}");
        }
    }

    #[test]
    fn of_a_regular_expression_only_what_is_said_counts() {
        for (regex, said) in [
            (r"pause (?P<max_pause>\d+)(?: ?s| seconds?)?", &["pause"][..]),
            (r"(?:show )?disk (?:space|usage)", &["disk", "space"]),
            (
                r"restart (?P<service>web|api) on (?P<environment>\S+)",
                &["restart", "on"],
            ),
            (r"how much is 3\+4[?]*", &["how", "much", "is", "3", "4"]),
            (r"audits? \(all\)", &["audit", "all"]),
            (r"(unclosed [", &["unclosed"]),
        ] {
            assert_eq!(words(&spoken(regex)).collect::<Vec<_>>(), said, "{regex}");
        }
    }
}
