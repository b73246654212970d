//! A layered layout: arrows go down, boxes of a layer stand side by side, crossings are few.
//!
//! Arrows that close a cycle are turned around for the layering; arrows over several layers pass through points of
//! their own, so that they do not run over boxes.

use super::picture::{Kind, Picture, Shape};

/// Size of a character of the title, in the drawing's units.
const TITLE_WIDTH: f64 = 8.2;
/// The same of smaller text.
const SMALL_WIDTH: f64 = 6.4;
/// Room between boxes of a layer.
const GAP: f64 = 36.0;
/// Room between layers; labels stand there.
const BETWEEN: f64 = 64.0;
/// Room around everything.
pub(super) const MARGIN: f64 = 24.0;
/// Sweeps that order the layers and move boxes.
const SWEEPS: usize = 12;
/// Most points of arrows; in a larger drawing arrows run straight.
const MAX_POINTS: usize = 20_000;

/// Where everything stands.
pub(super) struct Layout {
    pub(super) boxes: Vec<Area>,
    /// For each arrow the points that it passes, from its source to its target.
    pub(super) ways: Vec<Vec<(f64, f64)>>,
    pub(super) width: f64,
    pub(super) height: f64,
}

/// Middle and size of a box.
#[derive(Clone, Copy, Default)]
pub(super) struct Area {
    pub(super) x: f64,
    pub(super) y: f64,
    pub(super) width: f64,
    pub(super) height: f64,
}

fn size(shape: &Shape) -> Area {
    let wide = |text: &str, each: f64| text.chars().count() as f64 * each;
    if let Kind::Command(_) = shape.kind {
        return Area {
            width: wide(&shape.title, SMALL_WIDTH) + 24.0,
            height: 24.0,
            ..Area::default()
        };
    }
    let small = shape
        .action
        .iter()
        .chain(&shape.notes)
        .map(|text| wide(text, SMALL_WIDTH))
        .chain(shape.state.as_ref().map(|state| wide(&state.line(), SMALL_WIDTH)));
    let width = small.fold(wide(&shape.title, TITLE_WIDTH), f64::max) + 32.0;
    let lines = usize::from(shape.action.is_some()) + shape.notes.len() + usize::from(shape.state.is_some());
    Area {
        width: width.max(96.0),
        height: 32.0 + 16.0 * lines as f64,
        ..Area::default()
    }
}

/// Arranges a picture.
pub(super) fn arrange(picture: &Picture) -> Layout {
    let count = picture.boxes.len();
    let mut areas: Vec<Area> = picture.boxes.iter().map(size).collect();
    let forward = without_cycles(picture);
    let layer_of = layers(count, &forward);
    let mut layers: Vec<Vec<usize>> = vec![Vec::new(); layer_of.iter().max().map_or(0, |last| last + 1)];
    for (node, layer) in layer_of.iter().enumerate() {
        layers[*layer].push(node);
    }
    // Points of arrows over several layers are nodes without size behind the boxes.
    let long: usize = forward
        .iter()
        .map(|(from, to, _)| layer_of[*to] - layer_of[*from])
        .sum();
    let mut links: Vec<(usize, usize)> = Vec::new();
    let mut passed: Vec<Vec<usize>> = Vec::with_capacity(forward.len());
    for (from, to, _) in &forward {
        let mut points = Vec::new();
        let mut last = *from;
        if long <= MAX_POINTS {
            for layer in &mut layers[layer_of[*from] + 1..layer_of[*to].max(layer_of[*from] + 1)] {
                let point = areas.len();
                areas.push(Area {
                    width: 12.0,
                    ..Area::default()
                });
                layer.push(point);
                links.push((last, point));
                points.push(point);
                last = point;
            }
        }
        links.push((last, *to));
        passed.push(points);
    }
    let neighbours = Neighbours::of(areas.len(), &links);
    order(&mut layers, &neighbours);
    place(&layers, &neighbours, &mut areas);
    let ways = forward
        .iter()
        .zip(&passed)
        .map(|((from, to, turned), points)| way(*from, *to, *turned, points, &areas))
        .collect();
    let right = areas
        .iter()
        .map(|area| area.x + area.width / 2.0)
        .fold(0.0, f64::max);
    let bottom = areas
        .iter()
        .map(|area| area.y + area.height / 2.0)
        .fold(0.0, f64::max);
    areas.truncate(count);
    Layout {
        boxes: areas,
        ways,
        width: right + MARGIN + 40.0,
        height: bottom + MARGIN,
    }
}

/// Source, target and whether the arrow was turned around, for each arrow: no cycles are left.
fn without_cycles(picture: &Picture) -> Vec<(usize, usize, bool)> {
    let mut out: Vec<Vec<(usize, usize)>> = vec![Vec::new(); picture.boxes.len()];
    for (index, arrow) in picture.arrows.iter().enumerate() {
        out[arrow.from].push((arrow.to, index));
    }
    let mut turned = vec![false; picture.arrows.len()];
    let mut state = vec![0_u8; picture.boxes.len()];
    for start in 0..picture.boxes.len() {
        if state[start] != 0 {
            continue;
        }
        state[start] = 1;
        let mut way = vec![(start, 0)];
        while let Some((node, next)) = way.last_mut() {
            let Some(&(target, arrow)) = out[*node].get(*next) else {
                state[*node] = 2;
                way.pop();
                continue;
            };
            *next += 1;
            match state[target] {
                0 => {
                    state[target] = 1;
                    way.push((target, 0));
                }
                1 => turned[arrow] = true,
                _ => {}
            }
        }
    }
    picture
        .arrows
        .iter()
        .zip(turned)
        .map(|(arrow, turned)| {
            if turned {
                (arrow.to, arrow.from, true)
            } else {
                (arrow.from, arrow.to, false)
            }
        })
        .collect()
}

/// For each box the length of the longest way to it.
fn layers(count: usize, forward: &[(usize, usize, bool)]) -> Vec<usize> {
    let mut out = vec![Vec::new(); count];
    let mut waiting = vec![0; count];
    for (from, to, _) in forward.iter().filter(|(from, to, _)| from != to) {
        out[*from].push(*to);
        waiting[*to] += 1;
    }
    let mut layer = vec![0; count];
    let mut ready: Vec<usize> = (0..count).filter(|node| waiting[*node] == 0).collect();
    while let Some(node) = ready.pop() {
        for target in &out[node] {
            layer[*target] = layer[*target].max(layer[node] + 1);
            waiting[*target] -= 1;
            if waiting[*target] == 0 {
                ready.push(*target);
            }
        }
    }
    layer
}

struct Neighbours {
    above: Vec<Vec<usize>>,
    below: Vec<Vec<usize>>,
}

impl Neighbours {
    fn of(count: usize, links: &[(usize, usize)]) -> Self {
        let mut neighbours = Self {
            above: vec![Vec::new(); count],
            below: vec![Vec::new(); count],
        };
        for (from, to) in links.iter().filter(|(from, to)| from != to) {
            neighbours.below[*from].push(*to);
            neighbours.above[*to].push(*from);
        }
        neighbours
    }
}

fn mean(values: impl Iterator<Item = f64>) -> Option<f64> {
    let (sum, count) = values.fold((0.0, 0.0), |(sum, count), value| (sum + value, count + 1.0));
    (count > 0.0).then(|| sum / count)
}

/// Orders each layer by the mean place of the neighbours, downwards and upwards in turn.
fn order(layers: &mut [Vec<usize>], neighbours: &Neighbours) {
    let mut rank = vec![0.0; neighbours.above.len()];
    for sweep in 0..SWEEPS {
        for layer in layers.iter() {
            for (place, node) in layer.iter().enumerate() {
                rank[*node] = place as f64;
            }
        }
        let down = sweep % 2 == 0;
        let side = if down {
            &neighbours.above
        } else {
            &neighbours.below
        };
        let mut sort = |layer: &mut Vec<usize>| {
            let wish =
                |node: &usize| mean(side[*node].iter().map(|other| rank[*other])).unwrap_or(rank[*node]);
            layer.sort_by(|a, b| wish(a).total_cmp(&wish(b)));
            for (place, node) in layer.iter().enumerate() {
                rank[*node] = place as f64;
            }
        };
        if down {
            layers.iter_mut().for_each(&mut sort);
        } else {
            layers.iter_mut().rev().for_each(&mut sort);
        }
    }
}

/// Puts boxes below each other, then moves them towards their neighbours as far as the order lets them.
fn place(layers: &[Vec<usize>], neighbours: &Neighbours, areas: &mut [Area]) {
    let mut y = MARGIN;
    for layer in layers {
        let height = layer.iter().map(|node| areas[*node].height).fold(0.0, f64::max);
        let mut x = 0.0;
        for node in layer {
            areas[*node].x = x + areas[*node].width / 2.0;
            areas[*node].y = y + height / 2.0;
            x += areas[*node].width + GAP;
        }
        y += height + BETWEEN;
    }
    for sweep in 0..SWEEPS * 2 {
        let down = sweep % 2 == 0;
        let side = if down {
            &neighbours.above
        } else {
            &neighbours.below
        };
        let mut settle = |layer: &Vec<usize>| {
            let wishes: Vec<f64> = layer
                .iter()
                .map(|node| mean(side[*node].iter().map(|other| areas[*other].x)).unwrap_or(areas[*node].x))
                .collect();
            spread(layer, &wishes, areas);
        };
        if down {
            layers.iter().for_each(&mut settle);
        } else {
            layers.iter().rev().for_each(&mut settle);
        }
    }
    let left = areas
        .iter()
        .map(|area| area.x - area.width / 2.0)
        .fold(f64::INFINITY, f64::min);
    for area in areas {
        area.x += MARGIN - left;
    }
}

/// Gives each box of a layer its wish, or the mean of the wishes of boxes that would touch.
fn spread(layer: &[usize], wishes: &[f64], areas: &mut [Area]) {
    // Groups of boxes that stand shoulder to shoulder: left end, width, sum of wished left ends, members.
    let mut groups: Vec<(f64, f64, f64, usize)> = Vec::new();
    for (node, wish) in layer.iter().zip(wishes) {
        let width = areas[*node].width + GAP;
        let mut group = (wish - width / 2.0, width, wish - width / 2.0, 1);
        while let Some(before) = groups.last() {
            if before.0 + before.1 <= group.0 {
                break;
            }
            // A member's wish for the group's left end is its own minus what stands before it.
            let members = before.3 + group.3;
            let sum = before.2 + group.2 - before.1 * group.3 as f64;
            group = (sum / members as f64, before.1 + group.1, sum, members);
            groups.pop();
        }
        groups.push(group);
    }
    let mut nodes = layer.iter();
    for (left, _, _, members) in groups {
        let mut x = left;
        for node in nodes.by_ref().take(members) {
            let width = areas[*node].width + GAP;
            areas[*node].x = x + width / 2.0;
            x += width;
        }
    }
}

/// The points of an arrow in its own direction.
fn way(from: usize, to: usize, turned: bool, points: &[usize], areas: &[Area]) -> Vec<(f64, f64)> {
    let (top, bottom) = (areas[from], areas[to]);
    if from == to {
        let (x, y) = (top.x + top.width / 2.0, top.y);
        return vec![
            (x, y - 8.0),
            (x + 30.0, y - 14.0),
            (x + 30.0, y + 14.0),
            (x, y + 8.0),
        ];
    }
    // Arrows up and down between the same boxes keep apart.
    let shift = if turned { 14.0 } else { 0.0 };
    let mut way = vec![(top.x + shift, top.y + top.height / 2.0)];
    way.extend(points.iter().map(|point| (areas[*point].x, areas[*point].y)));
    way.push((bottom.x + shift, bottom.y - bottom.height / 2.0));
    if turned {
        way.reverse();
    }
    way
}
