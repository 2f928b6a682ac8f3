//! What is drawn on paper, in whole micrometres: no two machines round differently, and a code is
//! checked by the very geometry that is printed.

use std::iter::Sum;
use std::ops::{Add, Mul, Neg, Sub};

/// A length or a place along an axis, in micrometres; a sheet's are far inside the range.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Length(i64);

impl Length {
    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// Returns whole micrometres.
    #[must_use]
    pub const fn um(micrometres: i64) -> Self {
        Self(micrometres)
    }

    /// Returns whole millimetres.
    #[must_use]
    pub const fn mm(millimetres: i64) -> Self {
        Self(millimetres.saturating_mul(1_000))
    }

    /// Returns tenths of a typographer's point (1/72 inch), rounded to a micrometre.
    #[must_use]
    pub const fn tenths_of_point(tenths: i64) -> Self {
        Self(tenths.saturating_mul(25_400).saturating_add(360) / 720)
    }

    /// Returns the micrometres.
    #[must_use]
    pub const fn micrometres(self) -> i64 {
        self.0
    }

    /// Returns `self × part / whole`, rounded towards zero; nothing when `whole` is zero.
    #[must_use]
    pub fn scaled(self, part: i64, whole: i64) -> Self {
        Self(self.0.saturating_mul(part).checked_div(whole).unwrap_or(0))
    }

    /// Returns how often `other` fits into it, 0 when not once.
    #[must_use]
    pub fn fits(self, other: Self) -> i64 {
        self.0.checked_div(other.0).unwrap_or(0).max(0)
    }
}

impl Add for Length {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl Sub for Length {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

impl Neg for Length {
    type Output = Self;

    fn neg(self) -> Self {
        Self(self.0.saturating_neg())
    }
}

impl Mul<i64> for Length {
    type Output = Self;

    fn mul(self, times: i64) -> Self {
        Self(self.0.saturating_mul(times))
    }
}

impl Sum for Length {
    fn sum<I: Iterator<Item = Self>>(lengths: I) -> Self {
        lengths.fold(Self::ZERO, Add::add)
    }
}

/// A place on a sheet, from its top left corner.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Spot {
    /// To the right.
    pub x: Length,
    /// Downwards.
    pub y: Length,
}

impl Spot {
    /// Returns a place.
    #[must_use]
    pub const fn at(x: Length, y: Length) -> Self {
        Self { x, y }
    }
}

/// A rectangle on a sheet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Area {
    /// Its left edge.
    pub x: Length,
    /// Its top edge.
    pub y: Length,
    /// Its width.
    pub width: Length,
    /// Its height.
    pub height: Length,
}

impl Area {
    /// Returns its right edge.
    #[must_use]
    pub fn right(self) -> Length {
        self.x + self.width
    }

    /// Returns its bottom edge.
    #[must_use]
    pub fn bottom(self) -> Length {
        self.y + self.height
    }

    /// Returns it with every edge moved inwards.
    #[must_use]
    pub fn inset(self, by: Length) -> Self {
        Self { x: self.x + by, y: self.y + by, width: self.width - by * 2, height: self.height - by * 2 }
    }
}

/// The modules of a QR code without its quiet zone.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ModuleGrid {
    side: usize,
    dark: Vec<bool>,
}

/// Some dark modules beside each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Run {
    /// The first module's column, from 0.
    pub column: usize,
    /// Its row, from 0.
    pub row: usize,
    /// How many.
    pub length: usize,
}

impl ModuleGrid {
    /// Returns a grid of `side` rows; `None` when there are not `side × side` modules.
    #[must_use]
    pub fn new(side: usize, dark: Vec<bool>) -> Option<Self> {
        (side.checked_mul(side) == Some(dark.len())).then_some(Self { side, dark })
    }

    /// Returns how many modules a side has.
    #[must_use]
    pub fn side(&self) -> usize {
        self.side
    }

    /// Tells whether a module is dark; outside the grid none is.
    #[must_use]
    pub fn is_dark(&self, column: usize, row: usize) -> bool {
        column < self.side && self.dark.get(row * self.side + column).copied().unwrap_or(false)
    }

    /// Returns the dark modules, row by row.
    pub fn runs(&self) -> impl Iterator<Item = Run> + '_ {
        (0..self.side).flat_map(move |row| {
            let mut column = 0;
            std::iter::from_fn(move || {
                column = (column..self.side).find(|column| self.is_dark(*column, row))?;
                let length = (column..self.side).take_while(|column| self.is_dark(*column, row)).count();
                let run = Run { column, row, length };
                column += length;
                Some(run)
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_and_millimetres_are_whole_micrometres() {
        assert_eq!(Length::tenths_of_point(720), Length::um(25_400));
        assert_eq!(Length::mm(210).fits(Length::um(1_000)), 210);
        assert_eq!(Length::mm(3).scaled(1, 0), Length::ZERO);
    }

    #[test]
    fn the_runs_of_a_grid_are_its_dark_modules() {
        let dark = [true, true, false, false, true, false, true, false, true];
        let grid = ModuleGrid::new(3, dark.to_vec()).unwrap();
        let runs: Vec<_> = grid.runs().map(|run| (run.column, run.row, run.length)).collect();
        assert_eq!(runs, [(0, 0, 2), (1, 1, 1), (0, 2, 1), (2, 2, 1)]);
        assert!(ModuleGrid::new(2, vec![true]).is_none());
    }
}
