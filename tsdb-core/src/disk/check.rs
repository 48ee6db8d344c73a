//! Reads every byte of an open run, and tells of every part of it that is damaged.

use std::collections::{BTreeMap, BTreeSet};

use super::column::ColumnStats;
use super::group_header::Contents;
use super::header::HEADER_LEN;
use super::loader::{GroupReader, Loader as _};
use super::lost::{LostColumns, LostRange};
use super::run::Run;
use crate::error::{Error, Result};
use crate::index::LabelBuffer;
use crate::model::{Columns, TimeRange, TimeUnit};

/// A damaged part of a run.
#[derive(Debug)]
pub(crate) struct RunDamage {
    /// Path, offset of the part and what is wrong with it.
    pub(crate) error: Error,
    /// Length of the part.
    pub(crate) bytes: u64,
    /// What it held.
    pub(crate) lost: Option<LostRange>,
}

impl Run {
    /// Reads every group, every table and every column, and the labels of every series. Calls `go_on` after each part with
    /// the bytes that were read; where that says no, gives what was found so far.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub(crate) fn check(&self, go_on: &mut dyn FnMut(u64) -> bool) -> Result<Vec<RunDamage>> {
        let mut check = Check {
            run: self,
            groups: GroupReader::default(),
            out: Columns::with_start_times(),
            places: BTreeMap::new(),
            tables: BTreeSet::new(),
            found: BTreeMap::new(),
            samples: 0,
        };
        match check.all(go_on) {
            // The directory or the index do not add up.
            Err(damage) if damage.is_damage() => check.note(damage, None),
            checked => checked?,
        }
        Ok(check.damages())
    }
}

struct Check<'r> {
    run: &'r Run,
    groups: GroupReader,
    out: Columns,
    /// Lengths of groups and tables by their offsets.
    places: BTreeMap<u64, u64>,
    /// Tables that a group was seen to use.
    tables: BTreeSet<u32>,
    /// By the offset of the part.
    found: BTreeMap<u64, (Error, LostColumns)>,
    /// Of columns seen.
    samples: u64,
}

impl Check<'_> {
    fn all(&mut self, go_on: &mut dyn FnMut(u64) -> bool) -> Result<()> {
        for (damage, len) in self.run.mended() {
            let Error::Corrupt { offset, .. } = damage else {
                continue;
            };
            self.places.insert(offset, len);
            self.note(damage, None);
        }
        let block = self.run.mending_block();
        self.places.insert(block.start, block.end - block.start);
        match self.run.check_mending_block() {
            Err(damage) if damage.is_damage() => self.note(damage, None),
            checked => checked?,
        }
        self.read_places()?;
        let directory = self.run.directory();
        for group in 0..directory.groups_len() {
            self.group(group)?;
            if !go_on(u64::from(directory.group(group)?.place.len)) {
                return Ok(());
            }
        }
        for table in 0..directory.tables_len() {
            if !self.tables.contains(&table) {
                self.table(table)?;
            }
            if !go_on(u64::from(directory.table(table)?.len)) {
                return Ok(());
            }
        }
        let index = self.run.index();
        let mut buffer = LabelBuffer::default();
        for series in 0..index.series_len() {
            index.labels_after(series, &mut buffer)?;
            index.unit(series)?;
        }
        if self.samples != self.run.meta().samples {
            return Err(Error::corrupt(
                self.run.path(),
                0,
                "number of samples differs",
            ));
        }
        Ok(())
    }

    /// Header, groups and tables follow each other up to the index.
    fn read_places(&mut self) -> Result<()> {
        let directory = self.run.directory();
        self.places.insert(0, HEADER_LEN as u64);
        for group in 0..directory.groups_len() {
            let place = directory.group(group)?.place;
            self.places.insert(place.offset, u64::from(place.len));
        }
        for table in 0..directory.tables_len() {
            let place = directory.table(table)?;
            self.places.insert(place.offset, u64::from(place.len));
        }
        let mut end = 0;
        for (&offset, &len) in self.places.range(..self.run.groups_end()) {
            if offset != end {
                break;
            }
            end = offset.saturating_add(len);
        }
        let columns = match directory.groups_len().checked_sub(1) {
            Some(last) => directory.columns_of(last)?.end,
            None => 0,
        };
        if end != self.run.groups_end() || columns != directory.columns_len() {
            return Err(Error::corrupt(
                self.run.path(),
                end,
                "groups do not follow each other",
            ));
        }
        Ok(())
    }

    fn group(&mut self, group: u32) -> Result<()> {
        let directory = self.run.directory();
        let record = directory.group(group)?;
        if matches!(record.contents, Contents::Floats | Contents::Fields(_)) {
            self.tables.insert(record.table);
        }
        for column in directory.columns_of(group)? {
            let record = directory.column(column)?;
            self.samples += u64::from(record.extent.stats.count);
            self.out.clear();
            let (run, out) = (self.run, &mut self.out);
            match run.read_column(&record, TimeRange::ALL, &mut self.groups, out) {
                Err(damage) if damage.is_damage() => {
                    self.note(damage, Some((record.series, record.extent.stats)));
                }
                read => read?,
            }
        }
        Ok(())
    }

    fn table(&mut self, table: u32) -> Result<()> {
        let none = crate::codec::column::TimesRef(0);
        match self.groups.times(self.run, table, none) {
            Err(damage) if damage.is_damage() => {
                self.note(damage, None);
                Ok(())
            }
            read => read.map(drop),
        }
    }

    /// Takes in damage, and the column that is lost by it.
    fn note(&mut self, error: Error, column: Option<(u32, ColumnStats)>) {
        let offset = match &error {
            Error::Corrupt { offset, .. } | Error::Unreadable { offset, .. } => *offset,
            _ => 0,
        };
        let (_, columns) = self
            .found
            .entry(offset)
            .or_insert_with(|| (error, LostColumns::default()));
        if let Some((series, stats)) = column {
            // Of a series with a damaged unit most likely the usual one.
            let unit = self.run.index().unit(series);
            let unit = unit.unwrap_or(TimeUnit::Milliseconds);
            columns.add(series, unit, stats);
        }
    }

    fn damages(self) -> Vec<RunDamage> {
        let places = self.places;
        let damages = self
            .found
            .into_iter()
            .map(|(offset, (error, columns))| RunDamage {
                error,
                bytes: places.get(&offset).copied().unwrap_or(0),
                lost: columns.range(),
            });
        damages.collect()
    }
}
