//! Adds rows up. No I/O, no clock.
//!
//! A sample is a row of weight 1 whose mean, least and greatest values are equal; so minutes and hours are one function.

use std::{collections::HashMap, sync::Arc};

use chatops_schemas::{
    event::metric::MAX_ITEMS,
    series::{Family, host},
};

use crate::layout::Layout;

/// Values of the host, then arrays in the order of [`Family::ALL`].
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Values {
    pub(crate) host: Vec<Option<f32>>,
    pub(crate) arrays: [Vec<Option<f32>>; 6],
}

/// A sample or a minute.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Row {
    pub(crate) server_pk: i32,
    pub(crate) layout: i32,
    /// Samples it stands for.
    pub(crate) n: i32,
    pub(crate) avg: Values,
    /// `None`: equal to `avg`.
    pub(crate) extremes: Option<(Values, Values)>,
}

/// A minute or an hour. Its layout is numbered by the caller.
#[derive(Debug, PartialEq)]
pub(crate) struct Bucket {
    pub(crate) server_pk: i32,
    pub(crate) layout: BucketLayout,
    pub(crate) n: i32,
    pub(crate) avg: Values,
    pub(crate) min: Values,
    pub(crate) max: Values,
    /// Devices that did not fit.
    pub(crate) left_out: usize,
}

/// Which devices a bucket's arrays are about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum BucketLayout {
    /// Those of a layout that has a number.
    Numbered(i32),
    /// More than those of any single row.
    Union(Layout),
}

#[derive(Debug, Clone, Copy, Default)]
struct Cell {
    sum: f64,
    weight: f64,
    min: f32,
    max: f32,
}

impl Cell {
    fn add(&mut self, avg: Option<f32>, min: Option<f32>, max: Option<f32>, weight: f64) {
        let Some(avg) = avg else { return };
        let (min, max) = (min.unwrap_or(avg), max.unwrap_or(avg));
        if self.weight == 0.0 {
            (self.min, self.max) = (min, max);
        } else {
            (self.min, self.max) = (self.min.min(min), self.max.max(max));
        }
        self.sum += f64::from(avg) * weight;
        self.weight += weight;
    }

    #[expect(
        clippy::cast_possible_truncation,
        reason = "a mean of floats lies among them"
    )]
    fn avg(&self) -> Option<f32> {
        (self.weight > 0.0).then(|| (self.sum / self.weight) as f32)
    }

    fn min(&self) -> Option<f32> {
        (self.weight > 0.0).then_some(self.min)
    }

    fn max(&self) -> Option<f32> {
        (self.weight > 0.0).then_some(self.max)
    }
}

/// Layouts by number, for rows that do not agree on one.
pub(crate) type Layouts = HashMap<i32, Arc<Layout>>;

/// Numbers of the layouts that [`fold`] must be able to look up; none while all rows have the same.
pub(crate) fn layouts_needed(rows: &[Row]) -> impl Iterator<Item = i32> + '_ {
    let mixed = rows.windows(2).any(|pair| pair[0].layout != pair[1].layout);
    rows.iter()
        .map(|row| row.layout)
        .filter(move |number| mixed && *number != crate::layout::NONE)
}

/// Adds up the rows of one server and bucket; `None` without rows.
pub(crate) fn fold(rows: &[Row], layouts: &Layouts) -> Option<Bucket> {
    let first = rows.first()?;
    let mut cells = vec![Cell::default(); host::COLUMNS.len()];
    let mut arrays: [Vec<Cell>; 6] = Default::default();
    let mut union = Union::new(first.layout);
    let mut n = 0_i32;
    for row in rows {
        let weight = f64::from(row.n);
        n = n.saturating_add(row.n);
        let (min, max) = row
            .extremes
            .as_ref()
            .map_or((&row.avg, &row.avg), |(min, max)| (min, max));
        for (column, cell) in cells.iter_mut().enumerate() {
            let of = |values: &Values| values.host.get(column).copied().flatten();
            cell.add(of(&row.avg), of(min), of(max), weight);
        }
        let places = union.places(row.layout, layouts);
        for family in Family::ALL {
            let (index, stride) = (family.index(), family.stride());
            let of = |values: &Values, at: usize| values.arrays[index].get(at).copied().flatten();
            let array = &mut arrays[index];
            for at in 0..row.avg.arrays[index].len() {
                let Some(place) = places.place(family, at / stride) else {
                    continue;
                };
                let to = place * stride + at % stride;
                if array.len() <= to {
                    array.resize((place + 1) * stride, Cell::default());
                }
                array[to].add(of(&row.avg, at), of(min, at), of(max, at), weight);
            }
        }
    }
    let collect = |get: fn(&Cell) -> Option<f32>| Values {
        host: cells.iter().map(get).collect(),
        arrays: std::array::from_fn(|index| arrays[index].iter().map(get).collect()),
    };
    Some(Bucket {
        server_pk: first.server_pk,
        n,
        avg: collect(Cell::avg),
        min: collect(Cell::min),
        max: collect(Cell::max),
        left_out: union.left_out,
        layout: union.finish(layouts),
    })
}

/// Where the devices of one row belong in the bucket's arrays.
#[derive(Debug, Clone)]
enum Places {
    /// Where they are.
    Same,
    /// By position in the row's layout, per named kind; `None`: left out.
    Moved(Arc<[Vec<Option<usize>>; 5]>),
}

impl Places {
    fn place(&self, family: Family, device: usize) -> Option<usize> {
        match (
            self,
            Family::NAMED.iter().position(|named| *named == family),
        ) {
            // Cores are numbered, not named.
            (Self::Same, _) | (_, None) => Some(device),
            (Self::Moved(places), Some(named)) => places[named].get(device).copied().flatten(),
        }
    }
}

/// Grows while rows with other layouts are added.
struct Union {
    first: i32,
    /// `None` while every row had the first layout.
    layout: Option<Layout>,
    index: [HashMap<String, usize>; 5],
    places: HashMap<i32, Places>,
    left_out: usize,
}

impl Union {
    fn new(first: i32) -> Self {
        Self {
            first,
            layout: None,
            index: Default::default(),
            places: HashMap::new(),
            left_out: 0,
        }
    }

    fn places(&mut self, number: i32, layouts: &Layouts) -> Places {
        if number == self.first {
            return Places::Same;
        }
        if let Some(places) = self.places.get(&number) {
            return places.clone();
        }
        let mut layout = self.layout.take().unwrap_or_else(|| {
            let first = layouts
                .get(&self.first)
                .map(|layout| (**layout).clone())
                .unwrap_or_default();
            for (index, names) in self.index.iter_mut().zip(&first.names) {
                for (at, name) in names.iter().enumerate() {
                    index.entry(name.clone()).or_insert(at);
                }
            }
            first
        });
        let other = layouts.get(&number).cloned().unwrap_or_default();
        let mut moved: [Vec<Option<usize>>; 5] = Default::default();
        for (kind, names) in other.names.iter().enumerate() {
            for name in names {
                let (index, union) = (&mut self.index[kind], &mut layout.names[kind]);
                let place = match index.get(name) {
                    Some(place) => Some(*place),
                    None if union.len() >= MAX_ITEMS => {
                        self.left_out += 1;
                        None
                    }
                    None => {
                        index.insert(name.clone(), union.len());
                        union.push(name.clone());
                        Some(union.len() - 1)
                    }
                };
                moved[kind].push(place);
            }
        }
        self.layout = Some(layout);
        let places = Places::Moved(Arc::new(moved));
        self.places.insert(number, places.clone());
        places
    }

    fn finish(self, layouts: &Layouts) -> BucketLayout {
        let Some(union) = self.layout else {
            return BucketLayout::Numbered(self.first);
        };
        if union.is_empty() {
            return BucketLayout::Numbered(crate::layout::NONE);
        }
        let seen = std::iter::once(self.first).chain(self.places.keys().copied());
        match seen
            .filter(|number| layouts.get(number).is_some_and(|layout| **layout == union))
            .min()
        {
            Some(number) => BucketLayout::Numbered(number),
            None => BucketLayout::Union(union),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(layout: i32, cpu: Option<f32>, temps: &[Option<f32>]) -> Row {
        let mut avg = Values {
            host: vec![None; host::COLUMNS.len()],
            ..Values::default()
        };
        avg.host[host::CPU] = cpu;
        avg.arrays[Family::Temp.index()] = temps.to_vec();
        Row {
            server_pk: 7,
            layout,
            n: 1,
            avg,
            extremes: None,
        }
    }

    fn layouts(named: &[(i32, &[&str])]) -> Layouts {
        named
            .iter()
            .map(|(number, names)| {
                let mut layout = Layout::default();
                layout.names[3] = names.iter().map(|name| (*name).to_owned()).collect();
                (*number, Arc::new(layout))
            })
            .collect()
    }

    fn temps(values: &Values) -> &[Option<f32>] {
        &values.arrays[Family::Temp.index()]
    }

    #[test]
    fn values_that_are_missing_do_not_count() {
        let rows = [
            sample(0, Some(10.0), &[]),
            sample(0, None, &[]),
            sample(0, Some(40.0), &[]),
        ];
        let bucket = fold(&rows, &Layouts::new()).unwrap();
        assert_eq!((bucket.n, bucket.layout), (3, BucketLayout::Numbered(0)));
        assert_eq!(bucket.avg.host[host::CPU], Some(25.0));
        assert_eq!(
            (bucket.min.host[host::CPU], bucket.max.host[host::CPU]),
            (Some(10.0), Some(40.0))
        );
        assert_eq!(bucket.avg.host[host::LOAD1], None);
        assert_eq!(fold(&[], &Layouts::new()), None);
    }

    #[test]
    fn devices_are_added_up_by_name() {
        let known = layouts(&[(1, &["a", "b"]), (2, &["c", "a"])]);
        let rows = [
            sample(1, None, &[Some(10.0), Some(1.0)]),
            sample(2, None, &[Some(5.0), Some(30.0)]),
            sample(2, None, &[None, Some(50.0)]),
        ];
        let bucket = fold(&rows, &known).unwrap();
        let mut union = Layout::default();
        union.names[3] = vec!["a".to_owned(), "b".to_owned(), "c".to_owned()];
        assert_eq!(bucket.layout, BucketLayout::Union(union));
        assert_eq!(temps(&bucket.avg), [Some(30.0), Some(1.0), Some(5.0)]);
        assert_eq!(temps(&bucket.min), [Some(10.0), Some(1.0), Some(5.0)]);
        assert_eq!(temps(&bucket.max), [Some(50.0), Some(1.0), Some(5.0)]);
    }

    #[test]
    fn a_union_that_is_one_of_the_layouts_keeps_its_number() {
        let known = layouts(&[(1, &["a"]), (2, &["a", "b"])]);
        let rows = [
            sample(1, None, &[Some(1.0)]),
            sample(2, None, &[Some(3.0), Some(9.0)]),
            sample(0, None, &[]),
        ];
        let bucket = fold(&rows, &known).unwrap();
        assert_eq!(bucket.layout, BucketLayout::Numbered(2));
        assert_eq!(temps(&bucket.avg), [Some(2.0), Some(9.0)]);
    }

    #[test]
    fn hours_weigh_minutes_by_their_samples() {
        let minute = |n, avg, min, max| {
            let values = |cpu| sample(0, Some(cpu), &[]).avg;
            Row {
                server_pk: 7,
                layout: 0,
                n,
                avg: values(avg),
                extremes: Some((values(min), values(max))),
            }
        };
        let bucket = fold(
            &[minute(12, 10.0, 1.0, 20.0), minute(4, 50.0, 40.0, 90.0)],
            &Layouts::new(),
        )
        .unwrap();
        assert_eq!(bucket.n, 16);
        assert_eq!(bucket.avg.host[host::CPU], Some(20.0));
        assert_eq!(
            (bucket.min.host[host::CPU], bucket.max.host[host::CPU]),
            (Some(1.0), Some(90.0))
        );
    }

    #[test]
    fn a_host_whose_devices_never_stay_the_same_is_cut_off() {
        let names: Vec<Vec<String>> = (0..3)
            .map(|l| (0..400).map(|n| format!("{l}-{n}")).collect())
            .collect();
        let known = names
            .iter()
            .zip(1..)
            .map(|(names, number)| {
                let mut layout = Layout::default();
                layout.names[3] = names.clone();
                (number, Arc::new(layout))
            })
            .collect();
        let rows: Vec<Row> = (1..=3)
            .map(|layout| sample(layout, None, &[Some(1.0); 400]))
            .collect();
        let bucket = fold(&rows, &known).unwrap();
        assert_eq!(temps(&bucket.avg).len(), MAX_ITEMS);
        assert_eq!(bucket.left_out, 3 * 400 - MAX_ITEMS);
    }
}
