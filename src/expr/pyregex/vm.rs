//! A backtracking matcher with Python's order of preference, counted steps and remembered failures.
//!
//! Unless a pattern has back-references, a (split, position) that failed once fails always, so that
//! the work is at most pattern × text. Every step is paid from a [`Steps`] budget in any case.

use super::Error;
use super::ast::{At, Category, fold};
use super::program::{Inst, Program, Unit};

/// A budget of matching steps; shared by many searches when a total must be bounded.
#[derive(Debug, Clone, Copy)]
pub struct Steps(u64);

impl Steps {
    /// `steps` single steps of the matcher; a million take about ten milliseconds.
    pub fn new(steps: u64) -> Self {
        Steps(steps)
    }

    /// What is left.
    pub fn left(&self) -> u64 {
        self.0
    }

    /// Pays for `steps` at once.
    pub(crate) fn pay(&mut self, steps: u64) -> Result<(), Error> {
        match self.0.checked_sub(steps) {
            Some(left) => {
                self.0 = left;
                Ok(())
            }
            None => {
                self.0 = 0;
                Err(Error::Limit)
            }
        }
    }
}

/// How a match may lie in the text.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Frame {
    /// First byte where it may begin.
    pub(crate) start: usize,
    /// It must begin exactly there.
    pub(crate) anchored: bool,
    /// It must reach the end of the text.
    pub(crate) full: bool,
    /// A match at `start` must not be empty (the previous one was).
    pub(crate) advance: bool,
}

/// Memory that searches reuse.
#[derive(Debug, Default)]
pub(crate) struct Scratch {
    failed: Vec<u64>,
    /// Words of `failed` that are not zero, so that the next search need not clear all.
    touched: Vec<usize>,
    jobs: Vec<Job>,
    registers: Vec<usize>,
}

#[derive(Debug, Clone, Copy)]
enum Job {
    Branch { pc: u32, at: usize },
    Slot { slot: u32, old: Option<usize> },
    Register { register: u32, old: usize },
}

/// Bits for remembered failures beyond which a search goes without (8 MiB).
const MAX_MEMO_BITS: usize = 1 << 26;

impl Program {
    /// Searches `text`; the answer holds start and end of each group.
    pub(crate) fn search(
        &self,
        text: &str,
        frame: Frame,
        steps: &mut Steps,
        scratch: &mut Scratch,
    ) -> Result<Option<Vec<Option<usize>>>, Error> {
        let bits = (self.memos as usize).saturating_mul(text.len() + 1);
        let memo = self.memos > 0 && bits <= MAX_MEMO_BITS;
        scratch.jobs.clear();
        for word in scratch.touched.drain(..) {
            scratch.failed[word] = 0;
        }
        if memo && scratch.failed.len() < bits.div_ceil(64) {
            let words = bits.div_ceil(64);
            steps.pay(words as u64 / 16)?;
            scratch.failed.resize(words, 0);
        }
        scratch.registers.clear();
        scratch.registers.resize(self.registers as usize, usize::MAX);
        let mut run = Run {
            program: self,
            text,
            frame,
            memo,
            steps,
            scratch,
            slots: vec![None; self.groups as usize * 2],
            origin: frame.start,
        };
        let mut start = frame.start;
        loop {
            run.origin = start;
            run.slots.fill(None);
            if let Some(end) = run.run(0, start)? {
                run.slots[0] = Some(start);
                run.slots[1] = Some(end);
                return Ok(Some(run.slots));
            }
            if frame.anchored || (self.anchored && start == 0) {
                return Ok(None);
            }
            match text[start..].chars().next() {
                Some(c) => start += c.len_utf8(),
                None => return Ok(None),
            }
        }
    }
}

struct Run<'r> {
    program: &'r Program,
    text: &'r str,
    frame: Frame,
    memo: bool,
    steps: &'r mut Steps,
    scratch: &'r mut Scratch,
    slots: Vec<Option<usize>>,
    /// Where the present attempt began.
    origin: usize,
}

impl Run<'_> {
    /// Runs from `pc` at byte `at` to the end of that program; the answer is where it ended.
    fn run(&mut self, pc: u32, at: usize) -> Result<Option<usize>, Error> {
        let floor = self.scratch.jobs.len();
        let outermost = floor == 0 && pc == 0;
        let mut pc = pc;
        let mut at = at;
        let program = self.program;
        loop {
            self.steps.pay(1)?;
            let mut alive = true;
            match &program.code[pc as usize] {
                Inst::Unit(unit) => match self.take(unit, at) {
                    Some(next) => {
                        at = next;
                        pc += 1;
                    }
                    None => alive = false,
                },
                Inst::Split { first, second, memo } => {
                    if let (true, Some(memo)) = (self.memo, memo) {
                        let bit = *memo as usize * (self.text.len() + 1) + at;
                        let word = &mut self.scratch.failed[bit / 64];
                        if *word & (1 << (bit % 64)) != 0 {
                            alive = false;
                        }
                        if *word == 0 {
                            self.scratch.touched.push(bit / 64);
                        }
                        *word |= 1 << (bit % 64);
                    }
                    if alive {
                        self.scratch.jobs.push(Job::Branch { pc: *second, at });
                        pc = *first;
                    }
                }
                Inst::Jump(target) => pc = *target,
                Inst::Save(slot) => {
                    let old = self.slots[*slot as usize].replace(at);
                    self.scratch.jobs.push(Job::Slot { slot: *slot, old });
                    pc += 1;
                }
                Inst::At(place) => {
                    alive = self.is_at(*place, at);
                    pc += 1;
                }
                Inst::Peek { behind, negate, unit } => {
                    let ch = if *behind { self.before(at) } else { self.after(at) };
                    alive = ch.is_some_and(|ch| unit.matches(ch)) != *negate;
                    pc += 1;
                }
                Inst::Look { behind, negate, next } => {
                    let before = self.scratch.jobs.len();
                    let found = match self.step_back(at, *behind) {
                        Some(from) => self.run(pc + 1, from)?.is_some(),
                        None => false,
                    };
                    if *negate {
                        // What groups took inside a negative look-around does not count.
                        self.undo(before);
                    }
                    alive = found != *negate;
                    pc = *next;
                }
                Inst::Atomic { next } => match self.run(pc + 1, at)? {
                    Some(end) => {
                        at = end;
                        pc = *next;
                    }
                    None => alive = false,
                },
                Inst::Backref { group, fold } => match self.again(*group, *fold, at)? {
                    Some(next) => {
                        at = next;
                        pc += 1;
                    }
                    None => alive = false,
                },
                Inst::IfGroup { group, otherwise } => {
                    let took_part = self
                        .slots
                        .get(*group as usize * 2 + 1)
                        .copied()
                        .flatten()
                        .is_some();
                    pc = if took_part { pc + 1 } else { *otherwise };
                }
                Inst::TurnStart(register) => {
                    let old = std::mem::replace(&mut self.scratch.registers[*register as usize], at);
                    self.scratch.jobs.push(Job::Register {
                        register: *register,
                        old,
                    });
                    pc += 1;
                }
                Inst::TurnCheck { register, exit } => {
                    let empty = self.scratch.registers[*register as usize] == at;
                    pc = if empty { *exit } else { pc + 1 };
                }
                Inst::Done => {
                    let refused = outermost
                        && ((self.frame.full && at != self.text.len())
                            || (self.frame.advance && at == self.origin && at == self.frame.start));
                    if !refused {
                        self.forget_branches(floor);
                        return Ok(Some(at));
                    }
                    alive = false;
                }
            }
            if alive {
                continue;
            }
            loop {
                if self.scratch.jobs.len() == floor {
                    return Ok(None);
                }
                match self.scratch.jobs.pop() {
                    Some(Job::Branch { pc: to, at: back }) => {
                        pc = to;
                        at = back;
                        break;
                    }
                    Some(job) => self.restore(job),
                    None => return Ok(None),
                }
            }
        }
    }

    /// After a success only the restoring of groups stays on the stack, for the enclosing program.
    fn forget_branches(&mut self, floor: usize) {
        if floor == 0 {
            self.scratch.jobs.clear();
            return;
        }
        let mut keep = floor;
        for index in floor..self.scratch.jobs.len() {
            if !matches!(self.scratch.jobs[index], Job::Branch { .. }) {
                self.scratch.jobs[keep] = self.scratch.jobs[index];
                keep += 1;
            }
        }
        self.scratch.jobs.truncate(keep);
    }

    fn undo(&mut self, floor: usize) {
        while self.scratch.jobs.len() > floor {
            if let Some(job) = self.scratch.jobs.pop() {
                self.restore(job);
            }
        }
    }

    fn restore(&mut self, job: Job) {
        match job {
            Job::Branch { .. } => {}
            Job::Slot { slot, old } => self.slots[slot as usize] = old,
            Job::Register { register, old } => self.scratch.registers[register as usize] = old,
        }
    }

    fn after(&self, at: usize) -> Option<char> {
        match self.text.as_bytes().get(at) {
            Some(byte) if byte.is_ascii() => Some(char::from(*byte)),
            Some(_) => self.text[at..].chars().next(),
            None => None,
        }
    }

    fn before(&self, at: usize) -> Option<char> {
        match at.checked_sub(1).map(|last| self.text.as_bytes()[last]) {
            Some(byte) if byte.is_ascii() => Some(char::from(byte)),
            Some(_) => self.text[..at].chars().next_back(),
            None => None,
        }
    }

    fn take(&self, unit: &Unit, at: usize) -> Option<usize> {
        let ch = self.after(at)?;
        unit.matches(ch).then_some(at + ch.len_utf8())
    }

    fn step_back(&mut self, at: usize, count: u32) -> Option<usize> {
        let mut at = at;
        for _ in 0..count {
            at -= self.before(at)?.len_utf8();
        }
        Some(at)
    }

    fn again(&mut self, group: u32, folded: bool, at: usize) -> Result<Option<usize>, Error> {
        let slot = group as usize * 2;
        let (Some(start), Some(end)) = (self.slots[slot], self.slots[slot + 1]) else {
            return Ok(None);
        };
        let Some(taken) = self.text.get(start..end) else {
            return Ok(None);
        };
        self.steps.pay(taken.len() as u64 / 8)?;
        let rest = &self.text[at..];
        if !folded {
            return Ok(rest.starts_with(taken).then_some(at + taken.len()));
        }
        let mut rest = rest.chars();
        let mut end = at;
        for wanted in taken.chars() {
            match rest.next() {
                Some(ch) if fold(ch) == fold(wanted) => end += ch.len_utf8(),
                _ => return Ok(None),
            }
        }
        Ok(Some(end))
    }

    fn is_at(&self, place: At, at: usize) -> bool {
        let bytes = self.text.as_bytes();
        match place {
            At::BeginningString | At::Beginning { multi_line: false } => at == 0,
            At::Beginning { multi_line: true } => at == 0 || bytes[at - 1] == b'\n',
            At::EndString => at == bytes.len(),
            At::End { multi_line: false } => {
                at == bytes.len() || (at + 1 == bytes.len() && bytes[at] == b'\n')
            }
            At::End { multi_line: true } => at == bytes.len() || bytes[at] == b'\n',
            At::Boundary { negate, ascii } => {
                // In Python neither holds in an empty text.
                if bytes.is_empty() {
                    return false;
                }
                let word = |ch: Option<char>| ch.is_some_and(|ch| Category::Word.contains(ch, ascii));
                (word(self.before(at)) != word(self.after(at))) != negate
            }
        }
    }
}
