//! Lists of executions: turns a filter into index walks.
//!
//! Every index ends in the id, so a list is a walk in id order along one of them: the filter's most selective
//! condition picks the index, the others are tested on the way. A condition with several values walks the
//! index once per value and merges. Times become id ranges, as ids contain the time of their making.

use std::fmt::Write as _;

use sqlx::Row as _;

use crate::model::{Status, Timestamp};
use crate::store::{ExecutionFilter, ExecutionPage, Page, SortOrder, StoreError};

use super::error::store_error;
use super::memory::{Memory, first_id};
use super::pool::ReadPool;
use super::read::{self, EXECUTION};
use super::statement::Values;

/// Values in one condition that are walked and merged; more are tested one row at a time.
const ARMS: usize = 32;
/// Index entries that are walked to count, per value of the walked condition: some 30 ms. Beyond it the count says
/// "at least so many", as nobody pages that far and everybody waits for the list.
const COUNTED: i64 = 1_000_000;
/// The same where each entry's row is looked at as well.
const COUNTED_ROWS: i64 = 20_000;

/// The columns that [`Search::tested`] looks at.
const TESTED: &str =
    "action, runner, user, rule, status, parent, builtin, started, trigger_instance, gateway, conversation";

/// A page of executions, and their number when asked for.
pub(super) async fn page(
    pool: &ReadPool,
    filter: &ExecutionFilter,
    page: &Page,
) -> Result<ExecutionPage, StoreError> {
    let counted = page.count && is_counted(filter);
    let timed = filter.after.is_some() || filter.before.is_some() || filter.at.is_some();
    let memory = if counted || timed {
        let mut lease = pool.lease().await?;
        let memory = Memory::load(lease.connection()).await?;
        lease.done();
        memory
    } else {
        Memory::default()
    };
    let search = Search::new(filter, memory.skew);
    let total = match page.count {
        false => None,
        true if counted => Some(from_cells(filter, &memory)),
        true => Some(search.count(pool).await?),
    };
    let items = match search.page(page) {
        Some((text, values)) if page.limit != Some(0) => {
            let rows = pool.composed(text, values).await?;
            read::executions(pool, rows).await?
        }
        _ => Vec::new(),
    };
    Ok(ExecutionPage { items, total })
}

/// Whether the writer's counts answer how many there are.
fn is_counted(filter: &ExecutionFilter) -> bool {
    filter.action.is_empty()
        && filter.runner.is_empty()
        && filter.user.is_empty()
        && filter.rule.is_empty()
        && filter.trigger_instance.is_none()
        && filter.parent.is_none()
        && filter.place.is_none()
        && filter.after.is_none()
        && filter.before.is_none()
        && filter.at.is_none()
}

fn from_cells(filter: &ExecutionFilter, memory: &Memory) -> u64 {
    memory.count(|cell| {
        (filter.status.is_empty() || filter.status.contains(&cell.status))
            && (cell.top || !filter.top_level)
            && !(cell.builtin && filter.without_builtin)
    })
}

/// Which index is walked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Walk {
    Parent,
    TriggerInstance,
    Place,
    Rule,
    Status,
    Action,
    User,
    TopLevel,
    Id,
}

impl Walk {
    /// The condition that probably leaves the fewest.
    fn choose(filter: &ExecutionFilter) -> Self {
        let few = |values: usize| (1..=ARMS).contains(&values);
        if filter.parent.is_some() {
            Self::Parent
        } else if filter.trigger_instance.is_some() {
            Self::TriggerInstance
        } else if filter.place.is_some() {
            Self::Place
        } else if few(filter.rule.len()) {
            Self::Rule
        } else if !filter.status.is_empty() && !filter.status.contains(&Status::Succeeded) {
            Self::Status
        } else if few(filter.action.len()) {
            Self::Action
        } else if few(filter.user.len()) {
            Self::User
        } else if filter.top_level {
            Self::TopLevel
        } else {
            Self::Id
        }
    }

    const fn index(self) -> &'static str {
        match self {
            Self::Parent | Self::TopLevel => "executions_parent",
            Self::TriggerInstance => "executions_trigger_instance",
            Self::Place => "executions_place",
            Self::Rule => "executions_rule",
            Self::Status => "executions_status",
            Self::Action => "executions_action",
            Self::User => "executions_user",
            Self::Id => "executions_id",
        }
    }
}

/// A filter on its way to SQL.
pub(super) struct Search<'a> {
    filter: &'a ExecutionFilter,
    walk: Walk,
    /// Values of the walked condition, each once.
    arms: Vec<Arm<'a>>,
    /// Ids outside of this cannot match.
    range: Range,
}

/// The lowest and the highest id that count.
type Range = (Option<[u8; 12]>, Option<[u8; 12]>);

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Arm<'a> {
    /// The walked condition has no list of values.
    Only,
    Text(&'a str),
    Status(Status),
}

impl<'a> Search<'a> {
    pub(super) fn new(filter: &'a ExecutionFilter, skew: i64) -> Self {
        let walk = Walk::choose(filter);
        let texts = |values: &'a [String]| values.iter().map(|value| Arm::Text(value)).collect();
        let mut arms: Vec<Arm<'a>> = match walk {
            Walk::Rule => texts(&filter.rule),
            Walk::Action => texts(&filter.action),
            Walk::User => texts(&filter.user),
            Walk::Status => filter.status.iter().map(|status| Arm::Status(*status)).collect(),
            Walk::Parent | Walk::TriggerInstance | Walk::Place | Walk::TopLevel | Walk::Id => vec![Arm::Only],
        };
        arms.sort_unstable();
        arms.dedup();
        // One second more, as an id's fraction is rounded.
        let slack = skew.saturating_add(1_000_000);
        let lower = |time: Timestamp| first_id(time.micros().saturating_sub(slack));
        let upper = |time: Timestamp| first_id(time.micros().saturating_add(slack));
        let lowest = filter.after.map(lower).max(filter.at.map(lower));
        let highest = filter
            .before
            .map(upper)
            .into_iter()
            .chain(filter.at.map(upper))
            .min();
        Self {
            filter,
            walk,
            arms,
            range: (lowest, highest),
        }
    }

    /// How many there are; at least so many where the walk would be too long.
    async fn count(&self, pool: &ReadPool) -> Result<u64, StoreError> {
        let mut values = Values::default();
        let mut text = String::from("SELECT 0");
        let mut tested = String::new();
        self.tested(&mut tested, &mut Values::default());
        // Without columns that are tested the index alone gives the answer.
        let (columns, most) = if tested.is_empty() {
            ("1", COUNTED)
        } else {
            (TESTED, COUNTED_ROWS)
        };
        for arm in &self.arms {
            let _ = write!(text, " + (SELECT count(*) FROM (SELECT {columns}"); // cannot fail
            self.walked(*arm, self.range, &mut text, &mut values);
            text.push_str(" ORDER BY id DESC LIMIT ?) WHERE TRUE");
            values.int(most);
            self.tested(&mut text, &mut values);
            text.push(')');
        }
        let rows = pool.composed(text, values).await?;
        let count: i64 = rows
            .first()
            .map_or(Ok(0), |row| row.try_get(0))
            .map_err(|error| store_error(&error))?;
        Ok(u64::try_from(count).unwrap_or(0))
    }

    /// The page's rows. The walk itself gives only ids and row numbers, mostly out of the index alone, so that
    /// skipped entries cost little. `None`: nothing can come after `page.after`.
    pub(super) fn page(&self, page: &Page) -> Option<(String, Values)> {
        let mut values = Values::default();
        let mut walks = String::new();
        let order = match page.order {
            SortOrder::Descending => "DESC",
            SortOrder::Ascending => "ASC",
        };
        let range = self.beyond(page)?;
        let offset = i64::try_from(page.offset).unwrap_or(i64::MAX);
        let limit = page.limit.map_or(-1, i64::from);
        for (place, arm) in self.arms.iter().enumerate() {
            if place > 0 {
                walks.push_str(" UNION ALL ");
            }
            walks.push_str("SELECT * FROM (SELECT id, number");
            self.conditions(*arm, range, &mut walks, &mut values);
            let _ = write!(walks, " ORDER BY id {order} LIMIT ?)"); // writing to a String cannot fail
            values.int(if limit < 0 {
                -1
            } else {
                limit.saturating_add(offset)
            });
        }
        values.int(limit).int(offset);
        let text = format!(
            "SELECT {EXECUTION} FROM (SELECT * FROM ({walks}) ORDER BY id {order} LIMIT ? OFFSET ?) k \
             CROSS JOIN executions e ON e.number = k.number ORDER BY k.id {order}"
        );
        Some((text, values))
    }

    /// The ids that come after `page.after`; `None` when there can be none.
    fn beyond(&self, page: &Page) -> Option<Range> {
        let (lowest, highest) = self.range;
        Some(match (page.after, page.order) {
            (None, _) => (lowest, highest),
            (Some(after), SortOrder::Descending) => {
                let last = before(*after.bytes())?;
                (lowest, Some(highest.map_or(last, |highest| highest.min(last))))
            }
            (Some(after), SortOrder::Ascending) => (lowest.max(Some(behind(*after.bytes())?)), highest),
        })
    }

    /// `FROM … WHERE …` of one walk, with everything that a row must fulfil.
    fn conditions(&self, arm: Arm<'_>, range: Range, text: &mut String, values: &mut Values) {
        self.walked(arm, range, text, values);
        self.tested(text, values);
    }

    /// `FROM … WHERE …` with the conditions that the index itself answers.
    fn walked(&self, arm: Arm<'_>, range: Range, text: &mut String, values: &mut Values) {
        let (filter, walk) = (self.filter, self.walk);
        text.push_str(" FROM executions INDEXED BY ");
        text.push_str(walk.index());
        // After `status` comes the condition of the index itself, without which SQLite does not use it.
        text.push_str(match walk {
            Walk::Parent => " WHERE parent = ?",
            Walk::TriggerInstance => " WHERE trigger_instance = ?",
            Walk::Place => " WHERE gateway = ? AND conversation = ?",
            Walk::Rule => " WHERE rule = ?",
            Walk::Status => " WHERE status = ? AND status <> 16",
            Walk::Action => " WHERE action = ?",
            Walk::User => " WHERE user = ?",
            Walk::TopLevel => " WHERE parent IS NULL",
            Walk::Id => " WHERE TRUE",
        });
        match arm {
            Arm::Text(value) => {
                values.string(value);
            }
            Arm::Status(status) => {
                values.int(status.code());
            }
            Arm::Only => match (walk, &filter.place) {
                (Walk::Parent, _) => {
                    values.optional_id(filter.parent);
                }
                (Walk::TriggerInstance, _) => {
                    values.optional_id(filter.trigger_instance);
                }
                (Walk::Place, Some((gateway, conversation))) => {
                    values.string(gateway).string(conversation);
                }
                _ => {}
            },
        }
        for (bound, condition) in [(range.0, " AND id >= ?"), (range.1, " AND id <= ?")] {
            if let Some(bound) = bound {
                text.push_str(condition);
                values.bytes(&bound);
            }
        }
    }

    /// The other conditions, tested on each row that the walk meets. A unary plus keeps `SQLite` from looking at one
    /// when it plans.
    fn tested(&self, text: &mut String, values: &mut Values) {
        let (filter, walk) = (self.filter, self.walk);
        if walk != Walk::TriggerInstance
            && let Some(id) = filter.trigger_instance
        {
            text.push_str(" AND +trigger_instance = ?");
            values.id(id);
        }
        if walk != Walk::Place
            && let Some((gateway, conversation)) = &filter.place
        {
            text.push_str(" AND +gateway = ? AND +conversation = ?");
            values.string(gateway).string(conversation);
        }
        let lists = [
            (Walk::Rule, "rule", &filter.rule),
            (Walk::Action, "action", &filter.action),
            (Walk::User, "user", &filter.user),
            (Walk::Id, "runner", &filter.runner),
        ];
        for (own, name, wanted) in lists {
            if !wanted.is_empty() && (walk != own || own == Walk::Id) {
                one_of(name, wanted.len(), text);
                for value in wanted {
                    values.string(value);
                }
            }
        }
        if walk != Walk::Status && !filter.status.is_empty() {
            one_of("status", filter.status.len(), text);
            for status in &filter.status {
                values.int(status.code());
            }
        }
        if filter.top_level && walk != Walk::TopLevel {
            text.push_str(" AND +parent IS NULL");
        }
        if filter.without_builtin {
            text.push_str(" AND builtin = 0");
        }
        let times = [(filter.after, ">"), (filter.before, "<"), (filter.at, "=")];
        for (time, operator) in times {
            if let Some(time) = time {
                let _ = write!(text, " AND started {operator} ?");
                values.int(time.micros());
            }
        }
    }
}

fn one_of(name: &str, count: usize, text: &mut String) {
    let _ = write!(text, " AND +{name} IN ({})", vec!["?"; count].join(","));
}

/// The id right before this one; `None`: this is the first.
fn before(mut id: [u8; 12]) -> Option<[u8; 12]> {
    for byte in id.iter_mut().rev() {
        let borrow = *byte == 0;
        *byte = byte.wrapping_sub(1);
        if !borrow {
            return Some(id);
        }
    }
    None
}

/// The id right behind this one; `None`: this is the last.
fn behind(mut id: [u8; 12]) -> Option<[u8; 12]> {
    for byte in id.iter_mut().rev() {
        *byte = byte.wrapping_add(1);
        if *byte != 0 {
            return Some(id);
        }
    }
    None
}
