//! Relaxes a pattern: letters of the format match in either case, blanks in any number.

use crate::expr::pyregex::{Category, Node, RepeatKind, Set, SetItem};

/// Most spellings of one hand-written group that are kept.
const MAX_SPELLINGS: usize = 64;

/// Relaxes in place. The answer lists named groups that take one of a few fixed texts, such as
/// `(?P<verb>start|stop)`: they ignore case too, and what they take is written as in the format.
pub(super) fn relax(nodes: &mut Vec<Node>) -> Vec<(u32, Vec<String>)> {
    let mut spellings = Vec::new();
    sequence(nodes, true, &mut spellings);
    spellings
}

fn sequence(nodes: &mut Vec<Node>, blanks: bool, spellings: &mut Vec<(u32, Vec<String>)>) {
    let mut out: Vec<Node> = Vec::with_capacity(nodes.len());
    for mut node in nodes.drain(..) {
        match &mut node {
            Node::Literal { ch, .. } if blanks && ch.is_whitespace() => {
                if !matches!(out.last(), Some(last) if *last == some_blanks()) {
                    out.push(some_blanks());
                }
                continue;
            }
            Node::Literal { fold, .. } => *fold = true,
            Node::Group {
                index,
                name: Some(_),
                body,
            } => {
                if let Some(texts) = texts(body) {
                    fold_all(body);
                    spellings.push((*index, texts));
                }
            }
            Node::Group { body, .. } | Node::Scope(body) | Node::Atomic(body) => {
                sequence(body, blanks, spellings);
            }
            Node::Repeat { body, .. } => sequence(body, blanks, spellings),
            // A look-behind has a fixed width, which any number of blanks would break.
            Node::Look { body, .. } => sequence(body, false, spellings),
            Node::Branch(branches) => {
                for branch in branches {
                    sequence(branch, blanks, spellings);
                }
            }
            Node::Conditional { yes, no, .. } => {
                sequence(yes, blanks, spellings);
                if let Some(no) = no {
                    sequence(no, blanks, spellings);
                }
            }
            Node::Any { .. } | Node::Set(_) | Node::At(_) | Node::Backref { .. } => {}
        }
        out.push(node);
    }
    *nodes = out;
}

fn some_blanks() -> Node {
    let space = SetItem::Category {
        kind: Category::Space,
        negate: false,
        ascii: false,
    };
    Node::Repeat {
        min: 1,
        max: None,
        kind: RepeatKind::Greedy,
        body: vec![Node::Set(Set {
            negate: false,
            fold: false,
            items: vec![space],
        })],
    }
}

fn fold_all(nodes: &mut [Node]) {
    for node in nodes {
        match node {
            Node::Literal { fold, .. } => *fold = true,
            Node::Set(set) => set.fold = true,
            Node::Group { body, .. } | Node::Scope(body) | Node::Repeat { body, .. } => fold_all(body),
            Node::Branch(branches) => branches.iter_mut().for_each(|branch| fold_all(branch)),
            _ => {}
        }
    }
}

/// All texts that a sequence can take, when they are few.
fn texts(nodes: &[Node]) -> Option<Vec<String>> {
    let mut all = vec![String::new()];
    for node in nodes {
        let next = match node {
            Node::Literal { ch, .. } => vec![ch.to_string()],
            Node::Set(Set {
                negate: false, items, ..
            }) => items
                .iter()
                .map(|item| match item {
                    SetItem::Char(code) => char::from_u32(*code).map(String::from),
                    _ => None,
                })
                .collect::<Option<Vec<_>>>()?,
            Node::Group { body, .. } | Node::Scope(body) => texts(body)?,
            Node::Branch(branches) => branches
                .iter()
                .map(|branch| texts(branch))
                .collect::<Option<Vec<_>>>()?
                .concat(),
            Node::Repeat {
                min: 0,
                max: Some(1),
                body,
                ..
            } => {
                let mut once = texts(body)?;
                once.push(String::new());
                once
            }
            _ => return None,
        };
        if all.len() * next.len() > MAX_SPELLINGS {
            return None;
        }
        all = all
            .iter()
            .flat_map(|head| next.iter().map(move |tail| format!("{head}{tail}")))
            .collect();
    }
    Some(all)
}
